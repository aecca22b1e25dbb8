"""What holds for every investigation: dates, sums, twins and references as told, order says nothing, sides and currencies are
kept apart, and the limits of amounts and of the budget."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rules.engine.investigation import (
    FINDINGS,
    MATCHED,
    OUTCOMES,
    RECORDS,
    Cause,
    Findings,
    Outcome,
    deep,
    investigate,
)
from tests.rules.engine.investigation.test_slips import NOBODY, PAYER, facing, first, record
from tests.rules.engine.investigation.world import World, frame


@pytest.fixture(scope="module")
def world() -> World:
    """Small, with every cause in it."""
    made = World(np.random.default_rng(11))
    made.matches(300)
    made.strangers(300, 300)
    for cause in Cause:
        for _ in range(8):
            made.plant_any(cause)
    return made


def asked_of(world: World) -> list[int]:
    return [*(one.record for one in world.planted), *world.nothing[:100]]


# --- Causes that are no slips ---------------------------------------------------------------------------------


def test_the_rules_window_parts_near_from_outside():
    own = record(1, "a", 50, 84_17, **PAYER)
    for days, cause in ((5, Cause.EQUAL_AMOUNT), (6, Cause.OUTSIDE_WINDOW), (-6, Cause.OUTSIDE_WINDOW)):
        said = first(own, record(2, "b", 50 + days, 84_17, **PAYER))
        assert (said["cause"], said["facts"]["days"], said["difference"]) == (cause, days, 0)
    assert first(own, record(2, "b", 56, 84_17, **PAYER), window_days=6)["cause"] == Cause.EQUAL_AMOUNT


def test_nothing_is_looked_at_beyond_reach():
    own = record(1, "a", 10, 84_17, **PAYER)
    assert [one["suggested"] for one in facing(own, record(2, "b", 100, 84_17, **PAYER))] == [[2]]
    assert facing(own, record(2, "b", 101, 84_17, **PAYER)) == []


def test_parts_are_suggested_together():
    parts = [
        record(2 + place, "b", 50 + 3 * place, amount, **PAYER)
        for place, amount in enumerate((210_15, 150_40, 57_20))
    ]
    said = first(record(1, "a", 50, 417_75, **PAYER), *parts)
    assert (said["cause"], sorted(said["suggested"]), said["difference"]) == (
        Cause.SPLIT_PAYMENT,
        [2, 3, 4],
        0,
    )
    facts = said["facts"]
    assert (facts["sets"], facts["verdict"], facts["pool"], facts["days"], facts["other_amount"]) == (
        1,
        "unique",
        3,
        6,
        417_75,
    )


def test_parts_of_the_other_sign_are_no_parts():
    parts = [record(2, "b", 50, -210_15, **PAYER), record(3, "b", 51, -207_60, **PAYER)]
    said = facing(record(1, "a", 50, 417_75, **PAYER), *parts)
    assert Cause.SPLIT_PAYMENT not in {one["cause"] for one in said}


def test_five_parts_are_found_by_the_deeper_search():
    amounts = (210_15, 150_40, 57_20, 31_99, 88_03)
    parts = [record(2 + place, "b", 50 + place, amount, **PAYER) for place, amount in enumerate(amounts)]
    said = first(record(1, "a", 50, sum(amounts), **PAYER), *parts)
    assert (said["cause"], sorted(said["suggested"])) == (Cause.SPLIT_PAYMENT, [2, 3, 4, 5, 6])


def test_a_combined_payment_names_the_payment_and_the_siblings():
    own = [
        record(1, "a", 50, 210_15, **PAYER),
        record(2, "a", 48, 150_40, **PAYER),
        record(3, "a", 47, 57_20, **PAYER),
    ]
    paid = record(9, "b", 52, 417_75, **PAYER)
    findings = investigate(frame(own[:2]), frame(own), frame([paid]), NOBODY, magnitude=True).findings
    assert findings["record"].to_list() == [1, 2]
    assert findings["cause"].to_list() == [Cause.COMBINED_PAYMENT] * 2
    assert [said[0] for said in findings["suggested"].to_list()] == [9, 9]
    assert [sorted(said[1:]) for said in findings["suggested"].to_list()] == [[2, 3], [1, 3]]
    assert findings["difference"].to_list() == [0, 0]


def test_the_twin_of_a_matched_record_is_named_with_its_match():
    told = {"reference": "INV-71204", **PAYER}
    matched = frame(
        [
            {"match": 77, **record(7, "a", 49, 84_17, **told)},
            {"match": 77, **record(8, "b", 50, 84_17, **told)},
        ],
        MATCHED,
    )
    said = facing(record(1, "a", 50, 84_17, **told), matched=matched)
    assert [(one["cause"], one["suggested"], one["facts"]["match"], one["difference"]) for one in said] == [
        (Cause.DUPLICATE, [7], 77, None)
    ]


def test_a_business_that_repeats_itself_has_no_duplicates():
    """Everybody pays the same amount again three days later: that the record does says nothing."""
    told = [{"counterparty": f"Payer{place} Company"} for place in range(40)]
    records = [
        {
            "match": 2 * place + again,
            **record(100 + 2 * place + again, "a", place + 3 * again, 84_17 + 97 * place, **told[place]),
        }
        for place in range(40)
        for again in (0, 1)
    ]
    asked = record(1, "a", 42, 84_17 + 97 * 39, **told[39])
    once = [one for one in records if one["match"] % 2 == 0]
    assert first(asked, matched=frame(once, MATCHED))["outcome"] == Outcome.MATCH_FOUND
    without_its_own = [one for one in records if one["match"] != 79]
    assert {one["outcome"] for one in facing(asked, matched=frame(without_its_own, MATCHED))} <= {
        Outcome.NEEDS_REVIEW
    }


def test_a_reference_that_is_matched_elsewhere_is_named_with_its_match():
    told = {"reference": "INV-7120466"}
    matched = frame(
        [
            {"match": 77, **record(7, "a", 49, 310_00, **PAYER)},
            {"match": 77, **record(8, "b", 50, 310_00, description="for inv-7120466")},
        ],
        MATCHED,
    )
    said = first(record(1, "a", 50, 84_17, **told), matched=matched)
    assert (said["cause"], said["suggested"], said["facts"]["match"]) == (Cause.SAME_REFERENCE, [8], 77)
    assert said["facts"]["shared"] in ("inv7120466", "7120466")


def test_a_reference_on_another_amount_leaves_the_difference():
    told = {"reference": "INV-7120466"}
    for side, left in (("a", 84_17 - 310_00), ("b", 310_00 - 84_17)):
        other = "b" if side == "a" else "a"
        asked, found = (
            frame([record(1, side, 50, 84_17, **told)]),
            frame([record(2, other, 52, 310_00, **told)]),
        )
        said = investigate(asked, asked, found, NOBODY, magnitude=True).findings.row(0, named=True)
        assert (said["cause"], said["difference"], said["facts"]["match"]) == (
            Cause.SAME_REFERENCE,
            left,
            None,
        )


def test_two_records_that_want_the_same_one_are_left_to_a_person():
    own = [record(place, "a", 50, 84_17, **PAYER) for place in (1, 2)]
    findings = investigate(
        frame(own), frame(own), frame([record(9, "b", 51, 84_17, **PAYER)]), NOBODY, magnitude=True
    )
    assert findings.outcomes["outcome"].to_list() == [Outcome.NEEDS_REVIEW] * 2
    assert findings.findings["confidence"].max() <= 0.5
    assert findings.findings["facts"].struct.field("rivals").to_list() == [1, 1]


def test_a_record_that_is_not_asked_about_claims_its_partner_too():
    own = [record(place, "a", 50, 84_17, **PAYER) for place in (1, 2)]
    findings = investigate(
        frame(own[:1]), frame(own), frame([record(9, "b", 51, 84_17, **PAYER)]), NOBODY, magnitude=True
    )
    assert findings.outcomes["record"].to_list() == [1]
    assert findings.outcomes["outcome"].to_list() == [Outcome.NEEDS_REVIEW]


def test_two_records_that_want_the_same_parts_are_left_to_a_person():
    own = [record(place, "a", 50, 417_75, **PAYER) for place in (1, 2)]
    parts = [record(11, "b", 50, 210_15, **PAYER), record(12, "b", 53, 207_60, **PAYER)]
    alone = investigate(frame(own[:1]), frame(own[:1]), frame(parts), NOBODY, magnitude=True)
    assert alone.outcomes["outcome"].to_list() == [Outcome.MATCH_FOUND]
    both = investigate(frame(own), frame(own), frame(parts), NOBODY, magnitude=True)
    assert both.outcomes["outcome"].to_list() == [Outcome.NEEDS_REVIEW] * 2
    assert both.findings["facts"].struct.field("rivals").to_list() == [1, 1]


def test_a_part_that_is_what_another_record_waits_for_makes_the_sum_unsure():
    own = [record(1, "a", 50, 417_75, **PAYER), record(2, "a", 53, 207_60, **PAYER)]
    parts = [record(11, "b", 50, 210_15, **PAYER), record(12, "b", 53, 207_60, **PAYER)]
    found = investigate(frame(own[:1]), frame(own), frame(parts), NOBODY, magnitude=True)
    assert found.outcomes["outcome"].to_list() != [Outcome.MATCH_FOUND]


# --- What always holds ----------------------------------------------------------------------------------------


def same(one: Findings, other: Findings) -> None:
    assert_frame_equal(one.findings, other.findings)
    assert_frame_equal(one.outcomes, other.outcomes)
    assert (one.searched, one.schedules) == (other.searched, other.schedules)


def test_the_order_of_rows_says_nothing(world):
    frames = world.frames(asked_of(world))
    expected = investigate(*frames, magnitude=True)
    assert expected.findings.height > 80
    for seed in (1, 2):
        shuffled = [one.sample(fraction=1, shuffle=True, seed=seed) for one in frames]
        same(investigate(*shuffled, magnitude=True), expected)


def test_side_b_asks_as_side_a_does(world):
    """And another year says nothing either."""
    frames = world.frames(asked_of(world))
    expected = investigate(*frames, magnitude=True)
    turned = [
        one.with_columns(
            side=pl.when(pl.col("side") == "a").then(pl.lit("b")).otherwise(pl.lit("a")),
            date=pl.col("date").dt.offset_by("728d"),
        )
        for one in frames
    ]
    found = investigate(*turned, magnitude=True)
    assert_frame_equal(found.outcomes, expected.outcomes)
    assert_frame_equal(found.findings.with_columns(-pl.col("difference")), expected.findings)


def test_what_is_given_twice_counts_once(world):
    asked, own, other, matched = world.frames(asked_of(world))
    expected = investigate(asked, own, other, matched, magnitude=True)
    twice = [pl.concat([one, one]) for one in (asked, own, other, matched)]
    same(investigate(*twice, magnitude=True), expected)
    without = own.filter(~pl.col("id").is_in(asked["id"].implode()))
    same(investigate(asked, without, other, matched, magnitude=True), expected)


def test_findings_have_the_promised_columns_and_suggest_only_what_may_be(world):
    asked, own, other, matched = world.frames(asked_of(world))
    found = investigate(asked, own, other, matched, magnitude=True)
    assert dict(found.findings.schema) == {
        name: pl.List(pl.Int64) if name == "suggested" else kind
        for name, kind in dict(pl.Schema(FINDINGS)).items()
    }
    assert dict(found.outcomes.schema) == dict(pl.Schema(OUTCOMES))
    own_ids, other_ids = set(own["id"]), set(other["id"])
    currency = dict(
        pl.concat([own, other, matched.select(list(RECORDS))]).select("id", "currency").iter_rows()
    )
    for said in found.findings.iter_rows(named=True):
        assert said["record"] not in said["suggested"]
        inside = set(said["suggested"]) <= other_ids
        siblings = said["cause"] == Cause.COMBINED_PAYMENT and set(said["suggested"]) <= other_ids | own_ids
        assert inside or siblings or said["facts"]["match"] is not None
        units = {currency[one] for one in (said["record"], *said["suggested"])}
        assert (len(units) == 1) == (said["cause"] != Cause.OTHER_CURRENCY)
        assert 0 <= said["confidence"] < 1


def test_ranks_run_from_the_likeliest_and_only_the_first_is_found(world):
    found = investigate(*world.frames(asked_of(world)), magnitude=True).findings
    ranked = found.group_by("record", maintain_order=True).agg("rank", "confidence", "outcome")
    for _, rank, confidence, outcome in ranked.iter_rows():
        assert rank == list(range(1, len(rank) + 1))
        assert confidence == sorted(confidence, reverse=True)
        assert set(outcome[1:]) <= {Outcome.NEEDS_REVIEW}


def test_without_records_there_is_nothing():
    empty = frame([])
    asked = frame([record(1, "a", 50, 84_17, **PAYER)])
    nothing = investigate(empty, empty, empty, NOBODY, magnitude=True)
    assert (nothing.findings.height, nothing.outcomes.height, nothing.searched) == (0, 0, 0)
    alone = investigate(asked, empty, empty, NOBODY, magnitude=False)
    assert alone.outcomes.rows() == [(1, Outcome.NO_MATCH, 0.0, 0, True)]
    assert investigate(empty, asked, asked, NOBODY, magnitude=True).outcomes.height == 0


def test_no_texts_at_all_are_no_error():
    said = first(record(1, "a", 50, 84_17), record(2, "b", 50, 84_17))
    assert (said["cause"], said["suggested"], said["facts"]["shared"]) == (Cause.EQUAL_AMOUNT, [2], None)


def test_records_of_ones_own_side_are_no_partners():
    own = record(1, "a", 50, 84_17, **PAYER)
    stray = record(2, "a", 50, 84_17, **PAYER)
    found = investigate(frame([own]), frame([own]), frame([stray]), NOBODY, magnitude=True)
    assert found.outcomes["outcome"].to_list() == [Outcome.NO_MATCH]


@pytest.mark.parametrize("amount", [0, 2**59, -(2**59), 2**62, 2**52])
def test_nothing_and_what_is_beyond_all_limits_explains_nothing(amount):
    said = facing(
        record(1, "a", 50, amount, **PAYER),
        record(2, "b", 50, amount, **PAYER),
        record(3, "b", 50, -amount, **PAYER),
    )
    assert said == []


def test_amounts_up_to_the_limit_are_exact():
    large = 2**52 - 1
    said = first(
        record(1, "a", 50, large, **PAYER),
        record(2, "b", 50, large, **PAYER),
        record(3, "b", 50, large - 1, **PAYER),
    )
    assert (said["cause"], said["suggested"]) == (Cause.EQUAL_AMOUNT, [2])
    parts = [record(2, "b", 50, large // 2, **PAYER), record(3, "b", 50, large - large // 2, **PAYER)]
    assert first(record(1, "a", 50, large, **PAYER), *parts)["cause"] == Cause.SPLIT_PAYMENT


def test_the_budget_ends_where_it_says(monkeypatch):
    """Two records with too many parts of their names to be tried: the smaller one is not reached."""
    names = {"Kabado Logistics": 900_00, "Zuvole Transport": 800_00}
    own = [
        record(1 + place, "a", 50, amount, counterparty=name)
        for place, (name, amount) in enumerate(names.items())
    ]
    rng = np.random.default_rng(3)
    others = [
        record(100 * turn + place, "b", 50, int(rng.integers(100_00, 190_00)), counterparty=name)
        for turn, name in enumerate(names, start=1)
        for place in range(10)
    ]
    noise = [record(1000 + place, "b", 20, 1_00 + place, description=f"Shop {place}") for place in range(300)]
    frames = frame(own), frame(own), frame([*others, *noise]), NOBODY
    assert investigate(*frames, magnitude=True).outcomes["search_complete"].to_list() == [True, True]
    monkeypatch.setattr(deep, "DEEP_MOST", 1)
    assert investigate(*frames, magnitude=True).outcomes["search_complete"].to_list() == [True, False]
