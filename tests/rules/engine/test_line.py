"""The line path beyond what the oracle can list: every method for components that do not pair up by themselves, against
a plain assignment over the whole matrix, and the worst cases."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from rules.engine import match, parse_rule
from rules.engine.keys import Positions, agree, hashed, line_up, numbered, sorting
from rules.engine.line_transport import keep_by_flow, most_in_order
from tests.rules.engine.books import Record, eq, every, frame, pairs_of, within
from tests.rules.engine.strategies import seeds

Days = list[int]
Total = tuple[int, int, int]


def least(day_a: Days, day_b: Days, low: int, high: int) -> Total:
    """The most pairs, then the least distance, then the least age, by an assignment over the whole matrix."""
    a, b = np.array(day_a)[:, None], np.array(day_b)[None, :]
    apart, age = b - a, a + b
    allowed = (apart >= low) & (apart <= high)
    cost = np.where(allowed, np.abs(apart) * 10_000 + age, 10**9)
    rows, columns = linear_sum_assignment(cost)
    chosen = allowed[rows, columns]
    rows, columns = rows[chosen], columns[chosen]
    return len(rows), int(np.abs(apart[rows, columns]).sum()), int(age[rows, columns].sum())


def total(day_a: Days, day_b: Days, low: int, high: int) -> Total:
    """Of days paired in order."""
    pairs = list(zip(sorted(day_a), sorted(day_b), strict=True))
    assert all(low <= b - a <= high for a, b in pairs)
    return len(pairs), sum(abs(b - a) for a, b in pairs), sum(a + b for a, b in pairs)


def by_engine(day_a: Days, day_b: Days, low: int, high: int) -> Total:
    side_a = [Record(n, day=day) for n, day in enumerate(day_a)]
    side_b = [Record(n, day=day) for n, day in enumerate(day_b)]
    rule = parse_rule({"filters": every(eq("effect"), eq("date", days=[low, high]))})
    outcome = match(frame(side_a), frame(side_b), [rule])
    pairs = pairs_of(outcome)
    assert outcome.rule_counts[0].proven
    return total([day_a[a] for a, _ in pairs], [day_b[b] for _, b in pairs], low, high)


def by_flow(day_a: Days, day_b: Days, low: int, high: int) -> Total:
    a, b = np.sort(np.array(day_a)), np.sort(np.array(day_b))
    keep_a, keep_b, proven = keep_by_flow(a, b, low, high)
    assert proven
    return total(a[keep_a].tolist(), b[keep_b].tolist(), low, high)


@pytest.mark.parametrize("method", [by_engine, by_flow])
@settings(max_examples=60, deadline=None)
@given(
    seed=seeds(),
    size=st.integers(1, 40),
    span=st.integers(1, 60),
    low=st.integers(-6, 2),
    width=st.integers(0, 9),
)
def test_most_pairs_nearest_oldest(method, seed: int, size: int, span: int, low: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    day_a = rng.integers(0, span, size).tolist()
    day_b = rng.integers(0, span, rng.integers(1, 41)).tolist()
    expected = least(day_a, day_b, low, low + width)
    assert method(day_a, day_b, low, low + width) == expected


@settings(max_examples=50, deadline=None)
@given(seed=seeds(), low=st.integers(-6, 2), width=st.integers(0, 9))
def test_in_order_from_the_oldest_is_the_most_pairs(seed: int, low: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    days_a, sizes_a = np.unique(rng.integers(0, 30, rng.integers(1, 60)), return_counts=True)
    days_b, sizes_b = np.unique(rng.integers(0, 30, rng.integers(1, 60)), return_counts=True)
    take_a, take_b = most_in_order(days_a, sizes_a, days_b, sizes_b, low, low + width)
    taken = np.repeat(days_a, take_a).tolist(), np.repeat(days_b, take_b).tolist()
    most = least(np.repeat(days_a, sizes_a).tolist(), np.repeat(days_b, sizes_b).tolist(), low, low + width)[
        0
    ]
    assert total(*taken, low, low + width)[0] == most


@settings(max_examples=60, deadline=None)
@given(seed=seeds(), span=st.integers(1, 60))
def test_without_a_window_every_record_of_the_smaller_side_is_kept(seed: int, span: int) -> None:
    rng = np.random.default_rng(seed)
    day_a, day_b = (rng.integers(0, span, size).tolist() for size in rng.integers(1, 40, 2))
    assert by_flow(day_a, day_b, -span, span) == least(day_a, day_b, -span, span)


def test_a_later_record_may_be_nearer_and_earlier_ones_still_pair() -> None:
    assert by_engine([0, 1, 2], [-2, 2], -2, 2) == (2, 2, 2)


@pytest.mark.parametrize("policy", ["best", "sole", "abstain"])
@pytest.mark.parametrize("span", [1, 7, 365])
def test_many_records_of_one_amount(policy: str, span: int) -> None:
    """Twenty thousand equal amounts: four hundred million pairs, if any were made."""
    rng = np.random.default_rng(span)
    side_a = many(rng.integers(0, span, 20_000))
    side_b = many(rng.integers(0, span, 19_900))
    rule = parse_rule({"filters": every(eq("effect"), within(3)), "on_ambiguity": policy})
    (count,) = match(side_a, side_b, [rule]).rule_counts
    assert (count.outcome, count.proven) == ("ok", True)
    if policy == "best" or span == 1:
        assert (count.groups, count.ambiguous) == (19_900, 0)
    else:
        assert (count.groups, count.ambiguous) == (0, 20_000)


def test_a_rule_that_would_make_too_many_pairs_ends_alone() -> None:
    """Twelve thousand records that a rule of the pair path cannot tell apart by day, all with another counterparty."""
    side = many(np.zeros(12_000, np.int64)).with_columns(
        counterparty=pl.Series([str(number) for number in range(12_000)])
    )
    broad = {"filters": every(eq("effect"), {"key": "date", "operand": "lte", "value": "date"})}
    outcome = match(side, side, [parse_rule(broad), parse_rule({"filters": every(eq("effect"))})])
    first, second = outcome.rule_counts
    assert (first.outcome, first.groups, first.candidates) == ("too_broad", 0, 12_000**2)
    assert (second.outcome, second.groups) == ("ok", 12_000)


def many(days: np.ndarray) -> pl.DataFrame:
    one = frame([Record(1)]).with_columns(pl.lit("").alias("counterparty"))
    return pl.concat([one] * len(days)).with_columns(
        id=pl.Series(np.arange(len(days))), date=pl.Series(days.astype(np.int32) + 20_000).cast(pl.Date)
    )


@settings(max_examples=50, deadline=None)
@given(seed=seeds(), spread=st.sampled_from([1, 3, 1 << 14, 1 << 20, 1 << 45, 1 << 61]))
def test_partners_are_the_interval_of_equal_keys_and_positions_in_reach(seed: int, spread: int) -> None:
    rng = np.random.default_rng(seed)
    key_a, key_b = (pl.Series(rng.choice(["x", "y", "z"], size)) for size in rng.integers(0, 12, 2))
    at_a, at_b = rng.integers(0, spread, len(key_a)), rng.integers(0, spread, len(key_b))
    positions = Positions(at_a, at_b, at_a - spread // 3, at_a + spread // 2)
    for codes in ((hashed([key_a]), hashed([key_b])), numbered([(key_a, key_b)])):
        lineup = line_up(*codes, positions)
        assert agree([(key_a, key_b)], lineup)
        found = {
            (int(lineup.rows_a[place]), int(lineup.rows_b[at]))
            for place in range(len(key_a))
            for at in range(lineup.lo[place], lineup.hi[place])
        }
        assert found == {
            (a, b)
            for a in range(len(key_a))
            for b in range(len(key_b))
            if key_a[a] == key_b[b] and positions.low[a] <= at_b[b] <= positions.high[a]
        }
        order = list(zip(codes[0][lineup.rows_a], at_a[lineup.rows_a], lineup.rows_a, strict=True))
        assert [one[1:] for one in order] == [
            one[1:] for one in sorted(order, key=lambda one: ([c for c, *_ in order].index(one[0]), *one[1:]))
        ]


def test_keys_that_only_share_their_hash_are_noticed() -> None:
    keys = [(pl.Series(["x", "y"]), pl.Series(["y", "x"]))]
    nowhere = np.zeros(2, np.int64)
    same = np.zeros(2, np.uint64)
    assert not agree(keys, line_up(same, same, Positions(nowhere, nowhere, nowhere, nowhere)))


@settings(max_examples=60, deadline=None)
@given(seed=seeds(), top=st.sampled_from([1, 2, 50, 2**40, 2**64 - 1]))
def test_sorting_is_by_code_then_row(seed: int, top: int) -> None:
    codes = np.random.default_rng(seed).integers(0, top, 300, dtype=np.uint64, endpoint=True)
    assert sorting(codes).tolist() == np.argsort(codes, kind="stable").tolist()
    ties = np.random.default_rng(seed + 1).integers(0, 3, 300)
    assert sorting(codes, ties).tolist() == np.lexsort((np.arange(300), ties, codes)).tolist()
