"""Accepting a suggestion against whatever else may happen to it at that moment: one outcome each, and everybody is told."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import transaction

from organizations.models import AuditEvent
from organizations.refusals import Refusal
from reconciliation.models import Match, MatchMember
from reconciliation.selectors.integrity import faults
from reconciliation.services.execution import pass_execute
from reconciliation.services.matches import match_accept, match_undo
from reconciliation.services.operation_chunks import operation_execute
from reconciliation.services.operations import stream_unwire
from reconciliation.services.records import source_void
from reconciliation.services.stream_records import record_change, record_void
from reconciliation.services.tokens import tokens_lock
from reconciliation.services.undoing import pass_undo
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.hammer.scenarios import beside
from tests.reconciliation.books import STATEMENT, Books, books
from tests.reconciliation.races import at_once, codes, performed
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def example() -> Books:
    example = books(actor_with())
    example.source = example.upload(STATEMENT)
    example.auto_match()
    return example


@pytest.fixture
def fed():
    """Two streams, a reconciliation of them, and a suggestion on a record of the first."""
    feeds = Feeds(actor_with("admin"))
    a, b = feeds.stream("a"), feeds.stream("b")
    made = feeds.reconciliation(a, b)
    (record,) = feeds.add(a, ("R1", 5_00))
    feeds.add(b, ("R1", 5_00))
    feeds.auto_match(made)
    return feeds, made, a, record, Match.objects.get()


def accepting(match: Match, by) -> object:
    return performed(match_accept, match_id=match.pk, by=by, at=NOW)


def told(match: Match) -> dict[str, int]:
    events = AuditEvent.objects.filter(subject_type="reconciliation.match", subject_id=str(match.pk))
    actions = list(events.values_list("action", flat=True))
    return {action: actions.count(action) for action in actions}


def test_accept_against_undo_ends_undone_once(example: Books):
    match = example.match_with("S1")
    undo = performed(match_undo, match_id=match.pk, by=example.by, at=NOW)

    results = at_once([accepting(match, example.by), undo] * 10)

    match.refresh_from_db()
    assert match.status == "undone"
    assert codes(results[1::2]) == {"ok": 10}
    assert set(codes(results[0::2])) <= {"ok", "match.state"}
    assert told(match)["match.undone"] == 1
    assert told(match).get("match.accepted", 0) <= 1
    assert faults() == []


def test_who_decides_on_an_ended_match_waits_for_nobody_at_its_records(example: Books):
    """Its records are free. An act that held one and waited for the match's row met the one that had the row and wanted
    the record: a deadlock."""
    match = example.match_with("S1")
    example.act(match_undo, match_id=match.pk)
    ids = MatchMember.objects.filter(match=match).values_list("record_id", flat=True)
    results: list[object] = []
    decide = lambda: results.extend(at_once([accepting(match, example.by)]))  # noqa: E731
    with transaction.atomic():
        tokens_lock(reconciliation_id=match.reconciliation_id, record_ids=ids)
        with beside(decide):
            assert codes(results) == {"match.state": 1}


def test_accept_against_a_pass_stands_and_the_pass_leaves_it_alone(example: Books):
    match = example.match_with("S1")
    asked = example.request(run=example.another_run())
    again = example.request()
    passes = [partial(pass_execute, pass_id=each.pk, clock=lambda: NOW) for each in (asked, again)]

    results = at_once([*[accepting(match, example.by)] * 10, *passes])

    assert codes(results[:10]) == {"ok": 10}
    match.refresh_from_db()
    assert (match.status, told(match)) == ("accepted", {"match.accepted": 1})
    for each in (asked, again):
        pass_execute(pass_id=each.pk, clock=lambda: NOW)  # whoever met the other at the lock waits still
        each.refresh_from_db()
        assert (each.status, each.suggested) == ("completed", 0)
    assert faults() == []


def test_accept_against_undoing_its_pass_is_one_or_the_other(example: Books):
    match = example.match_with("S1")
    undo = performed(pass_undo, pass_=match.made_by_pass, by=example.by, at=NOW)

    results = at_once([accepting(match, example.by)] * 5 + [undo] * 5)

    match.refresh_from_db()
    if match.status == "accepted":
        assert codes(results) == {"ok": 5, "pass.has_accepted": 5}
    else:
        assert match.status == "undone"
        assert codes(results) == {"match.state": 5, "ok": 5}
    assert faults() == []


def test_accept_against_voiding_its_file_ends_undone(example: Books):
    match = example.match_with("S1")
    void = performed(source_void, run=example.run, source_file=example.source, by=example.by, at=NOW)

    results = at_once([accepting(match, example.by)] * 5 + [void] * 2)

    match.refresh_from_db()
    assert (match.status, match.ended_reason) == ("undone", "source_voided")
    assert set(codes(results[:5])) <= {"ok", "match.state"}
    assert codes(results[5:]) == {"ok": 2}
    assert faults() == []


def test_accept_against_taking_its_stream_out_is_one_or_the_other(fed):
    feeds, made, a, _record, match = fed
    out = performed(stream_unwire, reconciliation=made, stream=a, by=feeds.by, at=NOW)

    *accepts, asked = at_once([*[accepting(match, feeds.by)] * 5, out])

    if isinstance(asked, Refusal):
        match.refresh_from_db()
        assert (asked.code, match.status) == ("reconciliation.has_matches", "accepted")
        assert codes(accepts) == {"ok": 5}
    else:
        operation_execute(operation_id=asked.pk, clock=lambda: NOW)
        match.refresh_from_db()
        assert match.status == "undone"
        assert codes(accepts) == {"reconciliation.rewiring": 5}
    assert faults() == []


@pytest.mark.parametrize("ending", [partial(record_change, changes={"amount": 7_00}), record_void])
def test_accept_against_changing_or_voiding_its_record_is_one_or_the_other(fed, ending):
    feeds, _made, _a, record, match = fed

    *accepts, ended = at_once(
        [*[accepting(match, feeds.by)] * 5, performed(ending, record=record, by=feeds.by, at=NOW)]
    )

    match.refresh_from_db()
    if isinstance(ended, Refusal):
        assert (ended.code, match.status) == ("record.matched", "accepted")
        assert codes(accepts) == {"ok": 5}
    else:
        assert match.status == "undone"
        assert codes(accepts) == {"match.state": 5}
    assert faults() == []
