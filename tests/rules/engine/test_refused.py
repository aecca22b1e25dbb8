"""Groups that a person rejected, where a component is too big to leave the line, and across rules."""

from __future__ import annotations

import numpy as np
import polars as pl

from rules.engine import match, parse_rule
from tests.rules.engine.books import Record, eq, every, frame, groups_of, within

SAME_DAY = parse_rule({"filters": every(eq("effect"), within(1))})
SIZE = 1_500


def many(days: np.ndarray) -> pl.DataFrame:
    one = frame([Record(1)])
    return pl.concat([one] * len(days)).with_columns(
        id=pl.Series(np.arange(len(days))),
        date=pl.Series(days.astype(np.int32) + 20_000).cast(pl.Date),
        reference=pl.Series([str(number) for number in range(len(days))]),
    )


def test_in_a_big_component_a_refused_pair_exchanges_partners() -> None:
    days = np.arange(SIZE) // 500  # half a million pairs and more, none of them twins
    side = many(days)
    plain = groups_of(match(side, side, [SAME_DAY]))
    assert len(plain) == SIZE
    refused = [(tuple(a), tuple(b)) for a, b in plain[:300]]
    again = match(side, side, [SAME_DAY], refused=refused)
    groups = groups_of(again)
    assert len(groups) == SIZE
    assert not set(groups) & {(frozenset(a), frozenset(b)) for a, b in refused}
    assert again.rule_counts[0].proven is False


def test_in_a_big_component_another_free_partner_is_found() -> None:
    side_a, side_b = many(np.zeros(800, np.int64)), many(np.arange(1_000) // 900)
    refused = [((0,), (number,)) for number in range(999)]
    groups = groups_of(match(side_a, side_b, [SAME_DAY], refused=refused))
    assert len(groups) == 800
    assert ({0}, {999}) in groups


def test_in_a_big_component_an_exchange_makes_no_other_refused_pair() -> None:
    side = many(np.zeros(800, np.int64))
    refused = [((0,), (0,)), *(((number,), (0,)) for number in range(1, 400))]
    groups = groups_of(match(side, side, [SAME_DAY], refused=refused))
    assert len(groups) == 800
    assert not set(groups) & {(frozenset(a), frozenset(b)) for a, b in refused}


def test_in_a_big_component_an_exchange_stays_within_the_window() -> None:
    side_a, side_b = many(np.arange(1_200) // 600 * 2), many(np.arange(1_200) // 600)
    groups = groups_of(
        match(side_a, side_b, [SAME_DAY], refused=[((0,), (number,)) for number in range(600)])
    )
    assert len(groups) == 1_199
    assert all(abs(min(a) // 600 * 2 - min(b) // 600) <= 1 for a, b in groups)


def test_in_a_big_component_a_record_refused_to_all_stays_open() -> None:
    side = many(np.zeros(800, np.int64))
    groups = groups_of(match(side, side, [SAME_DAY], refused=[((0,), (number,)) for number in range(800)]))
    assert len(groups) == 799
    assert all(0 not in a for a, _ in groups)


def test_a_refused_pair_is_refused_to_every_rule_and_form() -> None:
    by_amount = parse_rule({"filters": every(eq("effect"))})
    by_sum = parse_rule(
        {
            "filters": every(eq("reference"), eq("effect")),
            "cardinality": "many_to_one",
            "group_by": ["reference"],
            "rollup": {"group_by_kind": "identifier"},
        }
    )
    side = frame([Record(1, reference="x")])
    assert len(match(side, side, [by_sum]).groups) == 1
    assert match(side, side, [SAME_DAY, by_amount, by_sum], refused=[((1,), (1,))]).groups.is_empty()


def test_refused_groups_of_closed_records_do_no_harm() -> None:
    side = frame([Record(1), Record(5)])
    refused = [((7,), (1,)), ((1,), (9,)), ((1, 2), (5,)), ((), (1,))]
    assert groups_of(match(side, side, [SAME_DAY], refused=refused)) == [({1}, {1}), ({5}, {5})]
