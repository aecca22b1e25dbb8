"""Matches by hand, with adjustments and over suggestions, by many at the same moment: one outcome each."""

from __future__ import annotations

from functools import partial

import pytest

from ledgers.models import Record
from reconciliation.models import Match
from reconciliation.selectors.integrity import faults
from reconciliation.services.matches import match_accept, match_reject, match_undo
from reconciliation.services.operations import stream_reset
from reconciliation.services.stream_matches import match_by_hand
from tests.clock import NOW
from tests.reconciliation.by_hand import Desk
from tests.reconciliation.races import at_once, codes, performed

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 8


@pytest.fixture
def desk() -> Desk:
    return Desk()


def by_hand(desk: Desk, *ids: int, **more):
    return performed(
        match_by_hand,
        reconciliation=desk.reconciliation,
        record_ids=ids,
        by=desk.feeds.by,
        at=NOW,
        **more,
    )


def live_adjustments() -> int:
    return Record.objects.live().filter(kind="adjustment").count()


def test_one_of_many_gets_the_record_that_all_of_them_name(desk: Desk):
    (bank,) = desk.add("b", ("R", 100))
    ids = desk.add("a", *[(f"R{n}", 90) for n in range(MANY)])
    results = at_once([by_hand(desk, bank, pk, create_adjustment=True) for pk in ids])
    assert codes(results) == {"ok": 1, "record.matched": MANY - 1}
    assert (Match.objects.live().count(), live_adjustments()) == (1, 1)
    assert faults() == []


@pytest.mark.parametrize("decision", [match_accept, match_reject, match_undo])
def test_a_suggestion_is_decided_or_superseded(desk: Desk, decision):
    names = [f"R{n}" for n in range(MANY)]
    a = desk.add("a", *[(name, 100) for name in names])
    b = desk.add("b", *[(name, 100) for name in names])
    desk.reconciliation.rules.update(auto_accept=False)
    desk.feeds.auto_match(desk.reconciliation)
    suggested = list(Match.objects.order_by("pk").values_list("pk", flat=True))
    # Each hand match takes the records of two suggestions, which somebody decides meanwhile.
    acts = [by_hand(desk, a[n], b[n + 1]) for n in range(0, MANY, 2)]
    acts += [performed(decision, match_id=pk, by=desk.feeds.by, at=NOW) for pk in suggested]
    results = at_once(acts)
    assert set(codes(results)) <= {"ok", "record.matched", "match.token_taken", "match.state"}
    assert set(Match.objects.values_list("status", flat=True)) <= {
        "accepted",
        "superseded",
        "rejected",
        "undone",
        "suggested",
    }
    assert faults() == []


def test_no_adjustment_outlives_the_emptying_of_its_stream(desk: Desk):
    ids = desk.add("a", *[(f"R{n}", 100) for n in range(MANY)])
    reset = performed(stream_reset, stream=desk.b, by=desk.feeds.by, at=NOW)
    results = at_once([*(by_hand(desk, pk, create_adjustment=True) for pk in ids), reset])
    assert set(codes(results)) <= {"ok", "stream.resetting"}
    desk.feeds.done(results[-1])
    assert live_adjustments() == 0
    assert not Match.objects.live().exists()
    assert faults() == []


def test_undone_many_times_its_adjustment_is_voided_once(desk: Desk):
    match = desk.match(*desk.add("a", ("R", 100)), create_adjustment=True)
    undo = partial(performed, match_undo, match_id=match.pk, by=desk.feeds.by, at=NOW)
    assert codes(at_once([undo() for _each in range(MANY)])) == {"ok": MANY}
    assert live_adjustments() == 0
    assert faults() == []
