"""Rules proposed from records alone: the planted rule first, nothing on noise, and never more sure than they are right."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from rules.engine import match, parse_rule
from rules.engine.cold_start import Step, likeness, propose
from tests.rules.engine import planted
from tests.rules.engine.planted import Planted, with_amounts

SIZE = 2_000
EUR_EQUAL = {"key": "effect", "operand": "eq", "value": "effect"}


def days(first: int, last: int) -> dict[str, object]:
    return {"key": "date", "operand": "eq", "value": "date", "days": [first, last]}


def same(key: str, value: str, *transforms: object) -> dict[str, object]:
    leaf: dict[str, object] = {"key": key, "operand": "eq", "value": value}
    return leaf | {"transforms": {"key": list(transforms), "value": list(transforms)}} if transforms else leaf


TWO_WORDS = {"name": "first_words", "args": {"n": 2}}
BATCHES = {"group_by_kind": "identifier", "lookback_days": 5, "date_field": "date"}
PLANTED = {
    "clean reference": (planted.clean_reference, [same("reference", "reference"), EUR_EQUAL, days(-1, 5)]),
    "prefixed reference": (
        planted.prefixed_reference,
        [same("description", "reference", "digits_only"), EUR_EQUAL, days(0, 4)],
    ),
    "prefix on one side": (
        lambda size: planted.prefixed_reference(size, both=False),
        [same("description", "reference", "digits_only"), EUR_EQUAL, days(0, 4)],
    ),
    "amount and text": (
        planted.amount_and_text,
        [same("description", "description", TWO_WORDS), EUR_EQUAL, days(0, 3)],
    ),
    "batch ids": (planted.batch_ids, [same("metadata.batch_id", "reference"), EUR_EQUAL]),
    "batch ids of Side B": (
        lambda size: planted.batch_ids(size, many_is_a=False),
        [same("reference", "metadata.batch_id"), EUR_EQUAL],
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_rule_is_proposed_first(name):
    make, conditions = PLANTED[name]
    book = make(SIZE)
    found = propose(book.a, book.b).proposals
    first = found[0]
    assert first.body["filters"] == {"operand": "and", "rules": conditions}
    if "batch" in name:
        assert first.body["cardinality"] == ("one_to_many" if "Side B" in name else "many_to_one")
        assert (first.body["group_by"], first.body["rollup"]) == (["metadata.batch_id"], BATCHES)
    else:
        assert (first.body["cardinality"], first.body["on_ambiguity"]) == ("one_to_one", "sole")
    (groups, right), *_later = book.judged(found)
    assert right >= 0.995 * groups
    assert right >= 0.97 * book.true_groups
    assert first.rating == "high"
    assert first.precision <= 1.0


@pytest.mark.parametrize(
    "make", [planted.noise, planted.dated_noise, planted.dated_batches], ids=lambda make: make.__name__
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_proposed_on_noise(make, seed):
    book = make(SIZE, seed)
    assert propose(book.a, book.b).proposals == ()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_busy_days_that_both_sides_have_are_no_reason_for_a_rule(seed):
    book = planted.busy_days(8_000, seed)
    assert propose(book.a, book.b).proposals == ()


BUSY = {
    "many prices": {"prices": 20_000, "customers": 150, "fees": 0.0, "orphans": 0.15},
    "fees": {"prices": 3_000, "customers": 150, "fees": 0.3, "orphans": 0.15},
    "few customers": {"prices": 300, "customers": 40, "fees": 0.1, "orphans": 0.3},
    "few prices": {"prices": 30, "customers": 400, "fees": 0.0, "orphans": 0.1},
}


@pytest.mark.parametrize("shape", BUSY)
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_the_stated_precision_is_kept(shape, seed):
    """Also by the rules that come later: each is judged on what the ones before it left."""
    book = planted.busy_books(3_000, seed, **BUSY[shape])
    found = propose(book.a, book.b).proposals
    assert found
    for proposal, (groups, right) in zip(found, book.judged(found), strict=True):
        assert proposal.precision <= right / groups + 0.02, proposal.body
        assert proposal.lower_bound <= right / groups


@pytest.mark.parametrize("name", PLANTED)
def test_the_stated_precision_is_kept_where_a_rule_was_planted(name):
    book = PLANTED[name][0](SIZE)
    found = propose(book.a, book.b).proposals
    for proposal, (groups, right) in zip(found, book.judged(found), strict=True):
        assert proposal.precision <= right / groups + 0.02


@pytest.mark.parametrize("stranger", [planted.noise, planted.few_shops], ids=lambda make: make.__name__)
@pytest.mark.parametrize("size", [300, 1_500])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_strangers_beside_good_books_are_not_covered_by_them(stranger, size, seed):
    """Customers of whom nothing belongs together, among others of whom nearly everything does."""
    good = planted.busy_books(2_500, seed, prices=3_000, customers=150, fees=0.0, orphans=0.1)
    book = planted.beside(good, stranger(size, seed + 50))
    found = propose(book.a, book.b).proposals
    assert found
    for proposal, (groups, right) in zip(found, book.judged(found), strict=True):
        assert proposal.precision <= right / groups + 0.02, proposal.body


def test_amounts_with_fees_get_a_rule_with_a_tolerance():
    book = planted.busy_books(3_000, 11, **BUSY["fees"])
    (first, *_others) = propose(book.a, book.b).proposals
    assert first.body["filters"]["rules"][1] == EUR_EQUAL | {
        "tolerance_amount": 5,
        "tolerance_unit": "percent",
    }
    ((groups, _right),) = book.judged([first])
    assert groups >= 0.9 * book.true_groups
    assert all(proposal.is_equal for proposal in propose(book.a, book.b, tolerances=False).proposals)


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_stated_is_what_the_engine_finds(name):
    """Figures of a proposal are those of the rule as it will be saved."""
    book = PLANTED[name][0](SIZE)
    for proposal in propose(book.a, book.b).proposals[:1]:
        rule = parse_rule({**proposal.body, "must_balance": False})
        outcome = match(with_amounts(book.a), with_amounts(book.b), [rule])
        (count,) = outcome.rule_counts
        assert proposal.found == count.groups
        assert (proposal.matched, proposal.sampled) == (count.a_records, book.a.height)
        assert proposal.sample_match_rate == f"{count.a_records}/{book.a.height}"
        assert proposal.pairs == (count.a_records if proposal.is_pairs else count.groups)


def shuffled(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    return frame[np.random.default_rng(seed).permutation(frame.height)]


@pytest.mark.parametrize("name", [*PLANTED, "busy"])
def test_the_order_of_rows_changes_nothing(name):
    book = planted.busy_books(1_500, 11, **BUSY["fees"]) if name == "busy" else PLANTED[name][0](800)
    found = propose(book.a, book.b)
    for seed in (1, 2):
        assert propose(shuffled(book.a, seed), shuffled(book.b, seed + 1)) == found


def test_only_a_sample_of_many_records_is_looked_at_but_every_record_is_run():
    book = planted.clean_reference(8_000)
    (proposal,) = propose(book.a, book.b).proposals
    assert proposal.body["filters"]["rules"][0] == same("reference", "reference")
    assert 4_500 <= proposal.sampled <= 5_600
    assert proposal.matched < proposal.sampled
    assert proposal.found == book.true_groups


def told(book: Planted, **more: object) -> tuple[list[Step], list[Step]]:
    steps: list[Step] = []
    result = propose(book.a, book.b, tell=steps.append, **more)
    return steps, list(result.steps)


def test_each_step_is_told_with_its_figures():
    book = planted.clean_reference(500)
    steps, kept = told(book)
    assert steps == kept
    assert [step.name for step in steps] == [
        "read",
        "forms",
        "tried",
        "found",
        "forms",
        "tried",
        "nothing_more",
    ]
    assert steps[0].figures == {"a": 525, "b": 525, "sampled": 525, "weeks": 27}
    assert steps[3].figures == {"round": 1, "pairs": 500, "found": 500}
    assert json.dumps([step.figures for step in steps])


def test_proposals_are_data_that_can_be_stored():
    book = planted.busy_books(1_500, 11, **BUSY["fees"])
    for proposal in propose(book.a, book.b).proposals:
        assert json.loads(json.dumps(proposal.body)) == proposal.body
        assert isinstance(proposal.matched, int)
        assert isinstance(proposal.by_accident, float)


@pytest.mark.parametrize("name", [*PLANTED, "busy"])
def test_what_waits_is_measured_again_and_not_proposed_twice(name):
    book = planted.busy_books(1_500, 11, **BUSY["fees"]) if name == "busy" else PLANTED[name][0](800)
    first = propose(book.a, book.b)
    again = propose(book.a, book.b, waiting=[proposal.body for proposal in first.proposals])
    assert again.proposals == ()
    assert again.checked == tuple(proposal.estimate for proposal in first.proposals)
    assert [step.name for step in again.steps].count("again") == len(first.proposals)


def test_a_rule_that_a_person_changed_keeps_what_it_matches_though_it_is_not_measured():
    book = planted.clean_reference(800)
    changed = {
        "cardinality": "one_to_one",
        "filters": {"operand": "and", "rules": [same("reference", "reference"), EUR_EQUAL]},
    }
    found = propose(book.a, book.b, waiting=[changed])
    assert found.checked == (None,)
    assert found.proposals == ()


def test_a_rule_that_does_worse_by_now_is_found_out():
    """The same references, but of other records."""
    book, noise = planted.amount_and_text(800), planted.noise(800)
    waiting = [proposal.body for proposal in propose(book.a, book.b).proposals[:1]]
    (estimate,) = propose(noise.a, noise.b, waiting=waiting).checked
    assert estimate is not None
    assert not estimate.is_proposed
    assert estimate.lower_bound < 0.5


def test_nothing_like_an_unwanted_rule_is_proposed():
    book = planted.clean_reference(800)
    (first,) = propose(book.a, book.b).proposals
    wider = json.loads(json.dumps(first.body))
    wider["filters"]["rules"][2]["days"] = [-2, 9]
    found = propose(book.a, book.b, unwanted=[wider])
    assert found.proposals
    assert likeness(first.body) == likeness(wider)
    assert likeness(first.body) not in {likeness(proposal.body) for proposal in found.proposals}


def test_unwanted_rollups_are_left_out():
    book = planted.batch_ids(800)
    (first,) = propose(book.a, book.b).proposals
    found = propose(book.a, book.b, unwanted=[first.body]).proposals
    assert first.body["filters"] not in [proposal.body["filters"] for proposal in found]
