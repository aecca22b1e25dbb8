"""Exceptions open, stay, reopen and are resolved by the sweep; twice is the same as once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from exceptions_app.models import ReconciliationException, Sweep
from exceptions_app.selectors.aggregates import aggregates_of
from exceptions_app.selectors.sweeping import organizations_to_sweep
from exceptions_app.services.sweeping import organization_sweep, sweeps_forget
from organizations.models import AuditEvent
from reconciliation.models import MatchMember, OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services.items import record_close, record_reopen
from reconciliation.services.matches import match_accept, match_undo
from reconciliation.services.stream_deletion import stream_delete_request
from reconciliation.services.stream_reconciliations import reconciliation_void
from reconciliation.services.stream_records import RecordIn, records_add
from tests.clock import NOW
from tests.exceptions_app.overdue import DUE, Overdue
from tests.factories.organizations import actor_with
from tests.reconciliation.books import books
from tests.reconciliation.files import csv

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def feeds() -> Overdue:
    return Overdue.of_two_streams()


def counts(sweep: Sweep) -> tuple[int, ...]:
    return (sweep.records, sweep.opened, sweep.reopened, sweep.resolved)


def test_what_is_not_yet_due_is_no_exception(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    assert counts(feeds.sweep(DUE - MINUTE)) == (0, 0, 0, 0)
    assert not ReconciliationException.objects.exists()
    assert feeds.slice(at=DUE - MINUTE) == {}


def test_the_first_overdue_record_opens_the_exception_of_its_stream(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100), ("R2", -200))
    swept = feeds.sweep(DUE)
    assert (counts(swept), swept.reconciliations) == ((2, 1, 0, 0), 1)
    made = feeds.exception()
    assert (made.status, made.title) == ("open", f"{feeds.a.name} — overdue records")
    assert made.opened_at == made.created_at == made.had_records_at == made.slice_changed_at == DUE
    assert (made.created_by, made.closed_at) == ("system:overdue_sweep", None)
    assert set(OpenItem.objects.values_list("overdue_seen_at", flat=True)) == {DUE}


def test_twice_is_the_same_as_once(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    before = list(ReconciliationException.objects.values()), list(OpenItem.objects.values())
    events = AuditEvent.objects.count()
    assert counts(feeds.sweep(LATER)) == (0, 0, 0, 0)
    assert (list(ReconciliationException.objects.values()), list(OpenItem.objects.values())) == before
    assert AuditEvent.objects.count() == events


def test_one_exception_per_stream(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.add(feeds.b, ("R2", 100))
    assert counts(feeds.sweep()) == (2, 2, 0, 0)
    assert feeds.exception(feeds.a).pk != feeds.exception(feeds.b).pk


def test_more_records_join_the_active_exception(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    ReconciliationException.objects.update(status="investigating")
    feeds.add(feeds.a, ("R2", 100))
    assert counts(feeds.sweep(LATER)) == (1, 0, 0, 0)
    exception = feeds.exception()
    assert (exception.status, exception.opened_at, exception.slice_changed_at) == (
        "investigating",
        NOW,
        LATER,
    )


def test_an_emptied_slice_resolves_the_exception_and_an_undone_match_reopens_it(feeds: Overdue):
    match = feeds.match(feeds.made, feeds.add(feeds.a, ("R1", 100)), feeds.add(feeds.b, ("R1", 100)))
    feeds.act(match_undo, match_id=match.pk)
    feeds.sweep()
    again = feeds.match(
        feeds.made, [item.record for item in items("a")], [item.record for item in items("b")]
    )
    assert counts(feeds.sweep(LATER)) == (0, 0, 0, 2)
    closed = feeds.exception()
    assert (closed.status, closed.closed_at, closed.closed_by) == ("resolved", LATER, "system:overdue_sweep")
    feeds.act(match_undo, match_id=again.pk)
    assert counts(feeds.sweep(LATER + MINUTE)) == (2, 0, 2, 0)
    reopened = feeds.exception()
    assert (reopened.pk, reopened.status, reopened.closed_at) == (closed.pk, "open", None)
    assert (reopened.opened_at, reopened.created_at) == (LATER + MINUTE, NOW)
    assert faults() == []


def items(side: str) -> list[OpenItem]:
    return list(OpenItem.objects.filter(side=side).select_related("record"))


def test_a_person_s_exception_without_records_is_not_resolved(feeds: Overdue):
    ReconciliationException.objects.create(
        reconciliation=feeds.made,
        stream=feeds.a,
        title="Look into it",
        opened_at=NOW,
        created_at=NOW,
        modified_at=NOW,
        created_by=feeds.by.ref,
        modified_by=feeds.by.ref,
    )
    assert counts(feeds.sweep()) == (0, 0, 0, 0)
    assert feeds.exception().status == "open"
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep(LATER)
    assert feeds.exception().had_records_at == LATER


def test_a_dismissal_sticks_for_what_was_dismissed(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    feeds.close(feeds.exception(), at=LATER)
    assert counts(feeds.sweep(LATER + MINUTE)) == (0, 0, 0, 0)
    assert feeds.exception().status == "dismissed"
    feeds.add(feeds.a, ("R2", 100))
    assert new_since_closed(feeds, LATER + MINUTE) == 1  # overdue, though no sweep has seen it yet
    assert counts(feeds.sweep(LATER + 2 * MINUTE)) == (1, 0, 1, 0)
    assert (feeds.exception().status, new_since_closed(feeds, LATER + 2 * MINUTE)) == ("open", 0)


def new_since_closed(feeds: Overdue, at: datetime) -> int:
    exception = feeds.exception()
    return aggregates_of([exception], at=at)[exception.pk].new_since_closed


def test_seen_is_later_than_any_closing_though_the_clock_of_the_sweep_is_behind(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    feeds.close(feeds.exception(), at=LATER)
    [record] = feeds.add(feeds.a, ("R2", 100))
    assert counts(feeds.sweep(NOW)) == (1, 0, 1, 0)
    seen = OpenItem.objects.get(record=record).overdue_seen_at
    assert seen == LATER + timedelta(microseconds=1)


def test_members_of_undecided_suggestions_are_swept_until_they_are_accepted(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.add(feeds.b, ("R1", 100))
    feeds.auto_match(feeds.made)
    assert counts(feeds.sweep()) == (2, 2, 0, 0)
    assert set(MatchMember.objects.values_list("overdue_seen_at", flat=True)) == {NOW}
    sixty_days = NOW + timedelta(days=60)
    assert counts(feeds.sweep(sixty_days)) == (0, 0, 0, 0)
    assert len(feeds.slice(at=sixty_days)) == 1
    feeds.act(match_accept, match_id=MatchMember.objects.first().match_id)
    assert counts(feeds.sweep(sixty_days + MINUTE)) == (0, 0, 0, 2)


def test_what_a_rejected_suggestion_gives_back_was_seen_all_the_time(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.add(feeds.b, ("R1", 100))
    feeds.auto_match(feeds.made)
    feeds.sweep()
    feeds.close(feeds.exception(), at=NOW)
    feeds.act(match_undo, match_id=MatchMember.objects.first().match_id)
    assert counts(feeds.sweep(LATER)) == (0, 0, 0, 0)
    assert feeds.exception().status == "dismissed"


def test_in_chunks_each_act_says_which_records_it_saw(feeds: Overdue, settings):
    settings.CHUNK_GROUPS = 2
    feeds.add(feeds.a, *((f"R{n}", 100) for n in range(5)))
    assert counts(feeds.sweep()) == (5, 1, 0, 0)
    events = list(AuditEvent.objects.filter(action="record.overdue").order_by("pk"))
    assert [event.data["records"] for event in events] == [2, 2, 1]
    for event in events:
        assert event.actor == "system:overdue_sweep"
        seen = datetime.fromisoformat(event.data["seen_at"])
        assert OpenItem.objects.filter(overdue_seen_at=seen).count() == event.data["records"]


def test_marked_by_hand_the_exception_is_there_at_once(feeds: Overdue):
    feeds.policy(None)
    first, second = feeds.add(feeds.a, ("R1", 100), ("R2", 100))
    feeds.mark(first)
    assert feeds.exception().status == "open"
    assert OpenItem.objects.get(record=first).overdue_seen_at == NOW
    feeds.mark(second, datetime(2026, 5, 1, tzinfo=UTC))
    assert counts(feeds.sweep()) == (0, 0, 0, 0)
    feeds.mark(first, datetime(2026, 5, 1, tzinfo=UTC))
    assert counts(feeds.sweep()) == (0, 0, 0, 1)


def test_marked_by_hand_in_an_undecided_suggestion(feeds: Overdue):
    feeds.policy(None)
    [record] = feeds.add(feeds.a, ("R1", 100))
    feeds.add(feeds.b, ("R1", 100))
    feeds.auto_match(feeds.made)
    feeds.mark(record)
    assert feeds.exception().status == "open"
    assert feeds.slice() == {record.pk: 100}


def test_marked_by_hand_the_others_of_its_suggestion_are_left_to_the_next_sweep(feeds: Overdue):
    """Their exceptions would be locked behind its own, against the order of their ids."""
    [record] = feeds.add(feeds.a, ("R1", 100))
    feeds.add(feeds.b, ("R1", 100))
    feeds.auto_match(feeds.made)
    feeds.mark(record)
    assert [row.stream for row in ReconciliationException.objects.all()] == [feeds.a]
    assert counts(feeds.sweep()) == (1, 1, 0, 0)


def test_a_policy_moved_to_later_empties_the_slice_and_back_it_is_overdue_anew(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    feeds.policy(365)
    assert OpenItem.objects.get().overdue_seen_at is None
    assert counts(feeds.sweep(LATER)) == (0, 0, 0, 1)
    feeds.policy(3)
    assert counts(feeds.sweep(LATER + MINUTE)) == (1, 0, 1, 0)


# --- what is in it, and what is left out ----------------------------------------------------------------------------------


def test_several_currencies_are_one_exception_with_figures_of_the_most_frequent(feeds: Overdue):
    records = [
        RecordIn(date(2026, 3, 2), amount, "credit", currency)
        for amount, currency in ((100, "EUR"), (200, "EUR"), (5_000, "USD"))
    ]
    feeds.act(records_add, stream=feeds.a, records=records)
    feeds.sweep()
    exception = feeds.exception()
    found = aggregates_of([exception], at=NOW)[exception.pk]
    assert (found.figures.currency, found.figures.record_count, found.figures.total_amount) == ("EUR", 3, 300)
    assert [(each.currency, each.total_amount) for each in found.by_currency] == [
        ("EUR", 300),
        ("USD", 5_000),
    ]


def test_items_that_were_closed_are_not_overdue(feeds: Overdue):
    [record] = feeds.add(feeds.a, ("R1", 100))
    feeds.act(record_close, record=record, reconciliation=feeds.made, run=None)
    assert counts(feeds.sweep()) == (0, 0, 0, 0)
    feeds.act(record_reopen, record=record, reconciliation=feeds.made, run=None)
    assert counts(feeds.sweep()) == (1, 1, 0, 0)


def test_a_stream_that_is_taken_out_has_its_exception_resolved_and_put_back_it_reopens(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    feeds.unwire(feeds.made, feeds.a)
    assert counts(feeds.sweep(LATER)) == (0, 0, 0, 1)
    feeds.wire(feeds.made, feeds.a, "a")
    assert counts(feeds.sweep(LATER + MINUTE)) == (1, 0, 1, 0)


def test_a_stream_that_is_emptied_has_its_exception_resolved(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    feeds.reset(feeds.a)
    assert counts(feeds.sweep(LATER)) == (0, 0, 0, 1)


def test_a_deleted_stream_and_a_deleted_reconciliation_are_left_alone(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    feeds.unwire(feeds.made, feeds.a)
    feeds.done(feeds.act(stream_delete_request, stream=feeds.a))
    assert counts(feeds.sweep(LATER)) == (0, 0, 0, 0)
    assert not ReconciliationException.objects.live().exists()
    feeds.add(feeds.b, ("R1", 100))
    assert faults() == []
    feeds.act(reconciliation_void, reconciliation=feeds.made)
    assert counts(feeds.sweep(LATER)) == (0, 0, 0, 0)


def test_entries_and_lines_of_a_ledger_are_swept_with_what_a_match_leaves_of_them():
    made = books(actor_with("admin"), entries=[("G1", "debit", 60_00, 3, "R1")])
    made.upload(csv(("S1", "credit", 100_00, 3, "R1")))
    OpenItem.objects.update(overdue_at=DUE, overdue_by_hand=True)
    made.manual(["S1"], ["G1"])
    feeds = Overdue(made.by)
    assert counts(feeds.sweep()) == (1, 1, 0, 0)
    feeds.made = made.run.reconciliation
    assert list(feeds.slice(ReconciliationException.objects.get().stream).values()) == [40_00]


def test_another_organizations_exceptions_are_another_sweep(feeds: Overdue):
    other = Overdue.of_two_streams()
    feeds.add(feeds.a, ("R1", 100))
    other.add(other.a, ("R1", 100))
    assert organizations_to_sweep(at=NOW) == sorted([feeds.by.organization_id, other.by.organization_id])
    feeds.sweep()
    assert not ReconciliationException.objects.filter(reconciliation=other.made).exists()


# --- sweeps themselves ----------------------------------------------------------------------------------------------------


def test_nothing_to_do_is_nothing_to_sweep(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    assert organizations_to_sweep(at=DUE - MINUTE) == []
    assert organizations_to_sweep(at=DUE) == [feeds.by.organization_id]


def test_a_reconciliation_that_fails_is_named_and_the_others_are_swept(feeds: Overdue):
    other = feeds.reconciliation(feeds.a)
    feeds.add(feeds.a, ("R1", 100))
    OpenItem.objects.update(overdue_at=DUE)
    with connection.cursor() as cursor:  # stands in for whatever may be wrong with one of them
        cursor.execute(
            "ALTER TABLE exceptions_app_reconciliationexception ADD CONSTRAINT planted"
            f" CHECK (reconciliation_id <> {feeds.made.pk})"
        )
    swept = organization_sweep(organization_id=feeds.by.organization_id, clock=lambda: NOW)
    assert swept is not None
    assert (swept.status, counts(swept)) == ("failed", (1, 1, 0, 0))
    assert swept.error.startswith(f"{feeds.made.name} ({feeds.made.pk}): IntegrityError: ")
    assert ReconciliationException.objects.get().reconciliation == other


def test_old_sweeps_that_changed_nothing_are_forgotten(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    kept = [feeds.sweep(NOW).pk]
    gone = feeds.sweep(NOW + MINUTE).pk
    kept.append(feeds.sweep(NOW + timedelta(days=3)).pk)
    assert sweeps_forget(at=NOW + timedelta(days=7)) == 0
    assert sweeps_forget(at=NOW + timedelta(days=8)) == 1
    assert sorted(Sweep.objects.values_list("pk", flat=True)) == kept
    assert gone not in kept


def test_the_number_of_queries_does_not_hang_on_the_number_of_records(
    feeds: Overdue, django_assert_max_num_queries
):
    feeds.add(feeds.a, *((f"R{n}", 100) for n in range(200)))
    feeds.add(feeds.b, *((f"R{n}", 100) for n in range(100)))
    feeds.auto_match(feeds.made)
    with django_assert_max_num_queries(90):
        assert feeds.sweep().records == 300
    with django_assert_max_num_queries(25):
        assert feeds.sweep(LATER).records == 0
