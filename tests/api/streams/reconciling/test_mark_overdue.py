"""Marking a record overdue by hand, over HTTP: each success, each documented refusal."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial

import pytest

from exceptions_app.models import ReconciliationException
from ledgers.services.postings import EntryIn
from organizations.models import AuditEvent
from reconciliation.models import Match, MatchMember, OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services.intake import entries_post
from reconciliation.services.matches import match_undo
from reconciliation.services.operations import stream_wire
from reconciliation.services.stream_records import record_change, record_void
from rules.models import Reconciliation
from tests.api.callers import client_with_key, without_correlation
from tests.api.streams.reconciling.conftest import RECONCILIATIONS, Cards, cards_of
from tests.clock import NOW
from tests.factories.ledgers import LedgerFactory
from tests.factories.organizations import ApiKeyFactory, OrganizationFactory
from tests.factories.rules import ReconciliationFactory

pytestmark = pytest.mark.django_db

THEN = datetime(2026, 3, 4, tzinfo=UTC)
DOCUMENTED = {
    "id",
    "amount",
    "currency",
    "decimal_places",
    "direction",
    "description",
    "date",
    "metadata",
    "external_id",
    "data_stream_key",
    "reconciliation_id",
    "reconciliation_name",
    "status",
    "escalated",
    "overdue_at",
    "matched_records",
    "days_unreconciled",
    "exception_id",
}


def path(cards: Cards, record_id: object, reconciliation_id: object = None) -> str:
    return (
        f"{RECONCILIATIONS}/{reconciliation_id or cards.reconciliation.pk}/records/{record_id}/mark_overdue"
    )


def mark(cards: Cards, record, body=None, *, expect: int = 200, **headers: str):
    return cards.post(path(cards, record.pk), body, expect=expect, **headers)


def test_it_answers_the_entry_as_the_contract_says(cards):
    [record] = cards.add("a", ("R1", 1750))
    body = mark(cards, record, {"overdue_at": "2026-03-04T01:00:00+01:00"})
    assert set(body) >= DOCUMENTED
    assert (body["id"], body["overdue_at"], body["escalated"]) == (record.pk, "2026-03-04T00:00:00Z", True)
    exception = ReconciliationException.objects.get(stream=record.stream, status="open")
    assert (body["status"], body["matched_records"], body["exception_id"]) == (
        "unreconciled",
        [],
        exception.pk,
    )
    assert body["reconciliation_id"] == cards.reconciliation.pk
    item = OpenItem.objects.get()
    assert (item.overdue_at, item.overdue_by_hand) == (THEN, True)


def test_by_default_it_is_overdue_from_now_on(cards):
    [record] = cards.add("a", ("R1", 1750))
    answer = cards.client.post(path(cards, record.pk))  # not even an empty body
    assert (answer.status_code, answer.json()["escalated"]) == (200, True)
    before = OpenItem.objects.get().overdue_at
    assert mark(cards, record, {"overdue_at": None})["escalated"]
    assert OpenItem.objects.get().overdue_at >= before


def test_an_instant_to_come_escalates_from_then_on(cards):
    [record] = cards.add("a", ("R1", 1750))
    body = mark(cards, record, {"overdue_at": "2999-01-01T00:00:00Z"})
    assert (body["escalated"], body["overdue_at"]) == (False, "2999-01-01T00:00:00Z")


def test_only_in_this_reconciliation(cards):
    [record] = cards.add("a", ("R1", 1750))
    other = cards.feeds.reconciliation(cards.a)
    mark(cards, record)
    assert OpenItem.objects.get(reconciliation=other).overdue_at is None


def test_a_member_of_an_undecided_suggestion_is_marked_where_it_stands_and_keeps_it(cards):
    [record] = cards.add("a", ("R1", 1750))
    cards.add("b", ("R1", 1750))
    cards.feeds.auto_match(cards.reconciliation)
    Match.objects.update(status="suggested", decided_at=None, decided_by="")
    body = mark(cards, record, {"overdue_at": "2026-03-04T00:00:00Z"})
    assert (body["status"], body["overdue_at"]) == ("unreconciled", "2026-03-04T00:00:00Z")
    member = MatchMember.objects.get(record=record)
    assert (member.overdue_at, member.overdue_by_hand) == (THEN, True)
    cards.feeds.act(match_undo, match_id=member.match_id)
    item = OpenItem.objects.get(record=record)
    assert (item.overdue_at, item.overdue_by_hand) == (THEN, True)


def test_a_record_that_waits_to_be_put_in_gets_its_entry(cards):
    stream = cards.feeds.stream("wallet")
    [record] = cards.feeds.add(stream, ("R1", 1750))
    asked = cards.feeds.act(stream_wire, reconciliation=cards.reconciliation, stream=stream, side="a")
    assert not OpenItem.objects.exists()
    mark(cards, record, {"overdue_at": "2026-03-04T00:00:00Z"})
    cards.feeds.done(asked)
    assert OpenItem.objects.get().overdue_at == THEN
    assert faults() == []


def test_a_change_of_the_record_leaves_it(cards):
    [record] = cards.add("a", ("R1", 1750))
    mark(cards, record, {"overdue_at": "2026-03-04T00:00:00Z"})
    cards.feeds.act(record_change, record=record, changes={"date": date(2026, 3, 20)})
    assert OpenItem.objects.get().overdue_at == THEN


def posted(cards: Cards, **ledger):
    entry = EntryIn(
        LedgerFactory(organization=cards.feeds.organization, **ledger),
        100,
        "debit",
        occurred_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
    )
    post = partial(entries_post, organization_id=cards.feeds.organization.pk, entries=[entry])
    [record] = cards.feeds.act(post)
    return record, Reconciliation.objects.get(ledger=entry.ledger)


def test_in_a_ledgers_reconciliation_too(cards):
    record, of_ledger = posted(cards)
    assert cards.post(path(cards, record.pk, of_ledger.pk), expect=200)["escalated"]


def test_an_entry_older_than_the_opening_balance_is_never_open(cards):
    record, of_ledger = posted(cards, opening_balance=0, opening_balance_on=date(2026, 3, 31))
    body = cards.post(path(cards, record.pk, of_ledger.pk), expect=409)
    assert body["reason"] == "item.before_opening"
    assert not OpenItem.objects.exists()


def test_the_trail_says_who_and_since_when(cards):
    [record] = cards.add("a", ("R1", 1750))
    mark(cards, record, {"overdue_at": "2026-03-04T00:00:00Z"})
    event = AuditEvent.objects.get(action="record.marked_overdue")
    assert (event.subject_id, event.data["overdue_at"]) == (str(record.pk), "2026-03-04T00:00:00+00:00")
    assert f"rules.reconciliation:{cards.reconciliation.pk}" in event.subjects


def test_a_repeat_under_the_same_key_gets_the_first_answer(cards):
    [record] = cards.add("a", ("R1", 1750))
    first = mark(cards, record, **{"Idempotency-Key": "mark-1"})
    assert mark(cards, record, **{"Idempotency-Key": "mark-1"}) == first
    assert AuditEvent.objects.filter(action="record.marked_overdue").count() == 1


# --- refused ------------------------------------------------------------------------------------------------------------


def test_a_record_in_an_accepted_match_is_409(cards):
    [ours], [theirs] = cards.add("a", ("R1", 1750)), cards.add("b", ("R1", 1750))
    match = cards.feeds.match(cards.reconciliation, [ours], [theirs])
    body = mark(cards, ours, expect=409)
    assert (body["reason"], body["details"]["match_id"]) == ("record.matched", match.pk)
    assert not MatchMember.objects.filter(overdue_by_hand=True).exists()


def test_a_record_that_was_closed_is_409(cards):
    [record] = cards.add("a", ("R1", 1750))
    OpenItem.objects.update(
        closed_at=NOW, closed_by="user:1", close_reason="fee", cleared_on=date(2026, 3, 31)
    )
    assert mark(cards, record, expect=409)["reason"] == "record.closed"


def test_a_record_of_another_stream_is_422(cards):
    [record] = cards.feeds.add(cards.feeds.stream("wallet"), ("R1", 1750))
    body = mark(cards, record, expect=422)
    assert (body["reason"], body["issues"][0]["path"]) == ("stream.not_wired", ["record_id"])


@pytest.mark.parametrize(
    "said", ["yesterday", "2026-03-04", "2026-03-04T00:00:00", 7, "2026-13-04T00:00:00Z", []]
)
def test_an_instant_that_is_none_is_422(cards, said):
    [record] = cards.add("a", ("R1", 1750))
    body = mark(cards, record, {"overdue_at": said}, expect=422)
    assert body["issues"][0]["path"] == ["overdue_at"]
    assert OpenItem.objects.get().overdue_at is None


def test_other_keys_and_query_parameters_are_422(cards):
    [record] = cards.add("a", ("R1", 1750))
    mark(cards, record, {"reconciliation_id": cards.reconciliation.pk}, expect=422)
    assert cards.client.post(f"{path(cards, record.pk)}?overdue_at=now").status_code == 422


def test_unknown_voided_and_foreign_ids_are_404_alike(cards):
    [record, gone] = cards.add("a", ("R1", 1750), ("R2", 100))
    cards.feeds.act(record_void, record=gone)
    theirs = cards_of(client_with_key(ApiKeyFactory()), OrganizationFactory())
    [foreign] = theirs.add("a", ("R1", 100))
    answers = [
        cards.client.post(path(cards, record_id))
        for record_id in (gone.pk, foreign.pk, 999_999_999, "x", "-1")
    ]
    bodies = [without_correlation(answer) for answer in answers]
    assert all(body == bodies[0] for body in bodies)
    assert (bodies[0][0], bodies[0][1]["reason"]) == (404, "record.not_found")
    there = [
        without_correlation(cards.client.post(path(cards, record.pk, pk)))
        for pk in (theirs.reconciliation.pk, "x")
    ]
    assert there[0] == there[1]
    assert (there[0][0], there[0][1]["reason"]) == (404, "reconciliation.not_found")


def test_ids_are_digits_as_well(cards):
    [record] = cards.add("a", ("R1", 1750))
    assert cards.post(path(cards, str(record.pk)), expect=200)["id"] == record.pk


def test_a_settlements_record_is_409(cards):
    [record] = cards.add("a", ("R1", 1750))
    made = ReconciliationFactory(organization=cards.feeds.organization, ledger=None, kind="settlement")
    assert cards.post(path(cards, record.pk, made.pk), expect=409)["reason"] == "reconciliation.owned"


def test_it_needs_the_scope_of_exceptions(cards, organization):
    [record] = cards.add("a", ("R1", 1750))
    reader = client_with_key(
        ApiKeyFactory(organization=organization, scopes=["records:write", "records:read"])
    )
    assert reader.post(path(cards, record.pk)).status_code == 403
