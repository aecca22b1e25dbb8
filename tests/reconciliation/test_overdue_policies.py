"""The overdue policy of a reconciliation: stamped wherever tokens are made, recomputed where it changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from ledgers.models import Record
from ledgers.services.postings import EntryIn
from organizations.models import AuditEvent, Calendar, Organization
from organizations.refusals import Conflict, Forbidden, Invalid, NotFound
from reconciliation.models import MatchMember, OpenItem, OverdueRecompute
from reconciliation.selectors.integrity import faults
from reconciliation.services.intake import entries_post
from reconciliation.services.matches import match_accept, match_undo
from reconciliation.services.policies import policies_follow_calendars, policy_change, policy_recompute
from reconciliation.services.recompute import lost_recomputes, recompute_execute
from reconciliation.services.stream_reconciliations import reconciliation_change, reconciliation_create
from reconciliation.services.stream_records import RecordIn, record_change, records_add
from rules.models import Reconciliation
from tests.clock import NOW
from tests.factories.ledgers import LedgerFactory
from tests.factories.organizations import CalendarFactory, actor_with
from tests.factories.rules import ReconciliationFactory
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

MARCH_2 = date(2026, 3, 2)  # of Feeds.add


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(actor_with("admin"))


@pytest.fixture
def pair(feeds: Feeds):
    a, b = feeds.stream("a"), feeds.stream("b")
    return feeds.reconciliation(a, b), a, b


def policy(feeds: Feeds, made: Reconciliation, days: int | None = 3, **more):
    more.setdefault("overdue_from", date(2026, 1, 1))
    return feeds.act(policy_change, reconciliation=made, after_days=days, **more)


def recomputed(made: Reconciliation) -> OverdueRecompute:
    asked = OverdueRecompute.objects.filter(reconciliation=made).latest("pk")
    recompute_execute(recompute_id=asked.pk, clock=lambda: NOW)
    asked.refresh_from_db()
    assert asked.status == "completed", asked.error
    return asked


def due(model=OpenItem) -> list[datetime | None]:
    return list(model.objects.order_by("record_id").values_list("overdue_at", flat=True))


def day(number: int, month: int = 3) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


# --- as tokens are made -------------------------------------------------------------------------------------------------


def test_without_a_policy_nothing_is_overdue_by_itself(feeds: Feeds, pair):
    _made, a, _b = pair
    feeds.add(a, ("R1", 100))
    assert due() == [None]


def test_new_records_are_stamped_by_the_policy(feeds: Feeds, pair):
    made, a, _b = pair
    policy(feeds, made)
    feeds.add(a, ("R1", 100), ("R2", 200))
    assert due() == [day(5), day(5)]


def test_each_reconciliation_stamps_by_its_own_policy(feeds: Feeds, pair):
    made, a, _b = pair
    other = feeds.reconciliation(a)
    policy(feeds, made, 3)
    policy(feeds, other, 30)
    feeds.add(a, ("R1", 100))
    stamped = dict(OpenItem.objects.values_list("reconciliation_id", "overdue_at"))
    assert stamped == {made.pk: day(5), other.pk: day(1, 4)}


def test_business_days_value_date_and_time_zone(feeds: Feeds, pair):
    made, a, _b = pair
    Organization.objects.filter(pk=feeds.organization.pk).update(time_zone="Europe/Berlin")
    calendar = CalendarFactory(organization=feeds.organization, holidays=[date(2026, 3, 9)])
    policy(feeds, made, 1, business_days=True, calendar=calendar, counts_from="value_date")
    records = [
        RecordIn(MARCH_2, 100, "credit", "EUR", value_date=date(2026, 3, 6)),  # a Friday before a holiday
        RecordIn(MARCH_2, 100, "credit", "EUR"),
    ]
    feeds.act(records_add, stream=a, records=records)
    assert due() == [datetime(2026, 3, 9, 23, tzinfo=UTC), datetime(2026, 3, 2, 23, tzinfo=UTC)]


def test_imported_history_counts_from_the_day_of_the_policy(feeds: Feeds, pair):
    made, a, _b = pair
    policy(feeds, made, 3, overdue_from=date(2026, 3, 30))
    feeds.add(a, ("R1", 100))
    assert due() == [day(2, 4)]


def test_by_default_history_counts_from_the_day_the_reconciliation_was_made(feeds: Feeds):
    Organization.objects.filter(pk=feeds.organization.pk).update(time_zone="Pacific/Auckland")
    late = datetime(2026, 3, 31, 22, tzinfo=UTC)
    make = partial(reconciliation_create, organization_id=feeds.organization.pk, name="R", by=feeds.by)
    made = make(at=late)
    assert made.overdue_from == date(2026, 4, 1)
    assert policy(feeds, made, 3, overdue_from=None).overdue_from == date(2026, 4, 1)


def test_a_stream_that_is_put_in_brings_its_records_stamped(feeds: Feeds):
    stream, made = feeds.stream("a"), feeds.reconciliation()
    policy(feeds, made)
    feeds.add(stream, ("R1", 100), ("R2", 200))
    feeds.wire(made, stream, "a")
    assert due() == [day(5), day(5)]
    assert faults() == []


def test_a_stream_that_is_put_in_at_once_brings_its_records_stamped(feeds: Feeds):
    stream, made = feeds.stream("a"), feeds.reconciliation()
    policy(feeds, made, counts_from="value_date")
    feeds.add(stream, ("R1", 100))
    feeds.act(reconciliation_change, reconciliation=made, side_a=[stream])
    assert due() == [day(5)]


def test_entries_of_a_ledger_are_stamped(feeds: Feeds):
    ledger = LedgerFactory(organization=feeds.organization)
    entry = EntryIn(ledger, 100, "debit", occurred_at=datetime(2026, 3, 2, 9, tzinfo=UTC))
    post = partial(feeds.act, entries_post, organization_id=feeds.organization.pk, entries=[entry])
    post()
    policy(feeds, Reconciliation.objects.get(ledger=ledger))
    recomputed(Reconciliation.objects.get(ledger=ledger))
    post()
    assert due() == [day(5), day(5)]


def test_a_change_of_the_day_stamps_anew_unless_by_hand(feeds: Feeds, pair):
    made, a, _b = pair
    policy(feeds, made)
    [first, second] = feeds.add(a, ("R1", 100), ("R2", 200))
    OpenItem.objects.filter(record=second).update(overdue_by_hand=True)
    for record in (first, second):
        feeds.act(record_change, record=record, changes={"date": date(2026, 3, 10)})
    assert due() == [day(13), day(5)]
    feeds.act(record_change, record=first, changes={"value_date": date(2026, 3, 20)})
    assert due() == [day(13), day(5)]


def test_a_match_keeps_the_day_and_its_end_gives_it_back(feeds: Feeds, pair):
    made, a, b = pair
    policy(feeds, made)
    match = feeds.match(made, feeds.add(a, ("R1", 100)), feeds.add(b, ("R1", 100)))
    assert (due(MatchMember), due()) == ([day(5), day(5)], [])
    feeds.act(match_undo, match_id=match.pk)
    assert due() == [day(5), day(5)]


# --- changing it --------------------------------------------------------------------------------------------------------


def test_a_changed_policy_stamps_what_is_open_and_what_is_matched(feeds: Feeds, pair):
    made, a, b = pair
    ours, theirs = feeds.add(a, ("R1", 100), ("R2", 200)), feeds.add(b, ("R1", 100), ("R3", 300))
    feeds.auto_match(made)
    policy(feeds, made)
    done = recomputed(made)
    assert due() == [day(5), day(5)] == due(MatchMember)
    assert (done.processed, done.changed, done.progress) == (4, 4, 100)
    assert {ours[0].pk, theirs[0].pk} == set(MatchMember.objects.values_list("record_id", flat=True))


def test_ended_matches_keep_what_they_said(feeds: Feeds, pair):
    made, a, b = pair
    match = feeds.match(made, feeds.add(a, ("R1", 100)), feeds.add(b, ("R1", 100)))
    feeds.act(match_undo, match_id=match.pk)
    policy(feeds, made)
    recomputed(made)
    assert (due(MatchMember), due()) == ([None, None], [day(5), day(5)])


def test_what_was_marked_by_hand_stays(feeds: Feeds, pair):
    made, a, b = pair
    feeds.add(a, ("R1", 100), ("R2", 200))
    feeds.add(b, ("R1", 100))
    feeds.auto_match(made)
    OpenItem.objects.update(overdue_at=NOW, overdue_by_hand=True)
    MatchMember.objects.filter(side="a").update(overdue_at=NOW, overdue_by_hand=True)
    policy(feeds, made)
    recomputed(made)
    assert due() == [NOW]
    assert due(MatchMember) == [NOW, day(5)]


def test_a_policy_taken_away_takes_its_days_away(feeds: Feeds, pair):
    made, a, _b = pair
    policy(feeds, made)
    feeds.add(a, ("R1", 100))
    policy(feeds, made, None)
    assert recomputed(made).changed == 1
    assert due() == [None]


def test_tickets_stay_so_that_a_pass_loses_nothing(feeds: Feeds, pair):
    made, a, _b = pair
    feeds.add(a, ("R1", 100))
    ticket = OpenItem.objects.get().ticket
    policy(feeds, made)
    recomputed(made)
    assert OpenItem.objects.get().ticket == ticket


def test_in_chunks_and_new_records_meanwhile_have_the_new_policy(feeds: Feeds, pair, settings):
    settings.CHUNK_GROUPS = 2
    made, a, _b = pair
    feeds.add(a, *((f"R{n}", 100) for n in range(5)))
    policy(feeds, made)
    feeds.add(a, ("R9", 900))
    assert due() == [None] * 5 + [day(5)]
    assert recomputed(made).processed == 6
    assert due() == [day(5)] * 6


def test_the_same_policy_once_more_does_nothing(feeds: Feeds, pair):
    made, _a, _b = pair
    policy(feeds, made)
    policy(feeds, made)
    assert OverdueRecompute.objects.count() == 1
    assert AuditEvent.objects.filter(action="reconciliation.policy_changed").count() == 1


def test_changed_again_while_it_runs_it_begins_anew(feeds: Feeds, pair, settings):
    settings.CHUNK_GROUPS = 2
    made, a, _b = pair
    feeds.add(a, *((f"R{n}", 100) for n in range(5)))
    policy(feeds, made)
    asked = OverdueRecompute.objects.get()
    ticks = iter(range(100))

    def clock() -> datetime:
        if next(ticks) == 2:  # claimed, one chunk done
            policy(feeds, made, 10)
        return NOW

    recompute_execute(recompute_id=asked.pk, clock=clock)
    assert due() == [day(12)] * 5
    asked.refresh_from_db()
    assert (asked.status, asked.processed, OverdueRecompute.objects.count()) == ("completed", 5, 1)


def test_once_more_stamps_what_a_changed_calendar_says(feeds: Feeds, pair):
    made, a, _b = pair
    calendar = CalendarFactory(organization=feeds.organization, holidays=[])
    policy(feeds, made, 1, business_days=True, calendar=calendar)
    feeds.add(a, ("R1", 100))
    recomputed(made)
    assert due() == [day(3)]
    Calendar.objects.update(holidays=[date(2026, 3, 3)])
    feeds.act(policy_recompute, reconciliation=made)
    recomputed(made)
    assert due() == [day(4)]


def test_a_changed_calendar_or_time_zone_is_followed_by_itself(feeds: Feeds, pair):
    made, a, _b = pair
    calendar = CalendarFactory(organization=feeds.organization, holidays=[])
    policy(feeds, made, 1, business_days=True, calendar=calendar)
    feeds.add(a, ("R1", 100))
    recomputed(made)
    assert policies_follow_calendars(at=NOW) == []
    Calendar.objects.update(country="US", holidays=[date(2026, 3, 3)])
    assert policies_follow_calendars(at=NOW) == [made.pk]
    assert policies_follow_calendars(at=NOW) == []  # asked for already
    recomputed(made)
    assert due() == [day(4)]
    Organization.objects.update(time_zone="Asia/Tokyo")
    assert policies_follow_calendars(at=NOW) == [made.pk]
    recomputed(made)
    assert due() == [day(4) - timedelta(hours=9)]


def test_a_calendar_is_followed_once_though_the_clock_was_put_back(feeds: Feeds, pair):
    made, _a, _b = pair
    policy(feeds, made, 1)
    recomputed(made)
    Organization.objects.update(time_zone="Asia/Tokyo")
    earlier = NOW - timedelta(hours=1)
    assert policies_follow_calendars(at=earlier) == [made.pk]
    recomputed(made)
    assert policies_follow_calendars(at=earlier) == []


def test_the_trail_has_before_and_after(feeds: Feeds, pair):
    made, _a, _b = pair
    policy(feeds, made, 3)
    policy(feeds, made, 5, business_days=True)
    event = AuditEvent.objects.filter(action="reconciliation.policy_changed").latest("pk")
    assert (event.data["before"]["after_days"], event.data["after"]["after_days"]) == (3, 5)
    assert event.data["after"]["from"] == "2026-01-01"
    assert event.data["after"]["business_days"] is True


def test_a_lost_recompute_is_found_and_taken_up_where_it_stopped(feeds: Feeds, pair, settings):
    settings.CHUNK_GROUPS = 2
    made, a, _b = pair
    records = feeds.add(a, *((f"R{n}", 100) for n in range(5)))
    policy(feeds, made)
    done_to = records[1].pk
    OverdueRecompute.objects.update(
        status="running", attempt=1, done_to=done_to, processed=2, heartbeat_at=day(30)
    )
    assert lost_recomputes(at=NOW) == [OverdueRecompute.objects.get().pk]
    assert recomputed(made).processed == 5
    assert due() == [None, None] + [day(5)] * 3


def test_what_went_wrong_is_kept_and_tried_again(feeds: Feeds, pair):
    made, a, _b = pair
    feeds.add(a, ("R1", 100))
    policy(feeds, made)
    Organization.objects.filter(pk=feeds.organization.pk).update(time_zone="Mars/Olympus")
    asked = OverdueRecompute.objects.get()
    recompute_execute(recompute_id=asked.pk, clock=lambda: NOW)
    asked.refresh_from_db()
    assert asked.status == "failed"
    assert "Mars/Olympus" in asked.error
    Organization.objects.filter(pk=feeds.organization.pk).update(time_zone="UTC")
    assert recomputed(made).changed == 1


# --- refused ------------------------------------------------------------------------------------------------------------


def test_only_who_may_change_policies_may(feeds: Feeds, pair):
    made, _a, _b = pair
    operator = actor_with("operator", organization=feeds.organization)
    with pytest.raises(Forbidden):
        policy_change(reconciliation=made, after_days=3, by=operator, at=NOW)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"days": -1}, "after_days"),
        ({"days": 3661}, "after_days"),
        ({"counts_from": "created_at"}, "counts_from"),
    ],
)
def test_what_cannot_be_a_policy_is_refused(feeds: Feeds, pair, given, path):
    made, _a, _b = pair
    with pytest.raises(Invalid) as refused:
        policy(feeds, made, **given)
    assert refused.value.issues[0]["path"] == [path]
    assert Reconciliation.objects.get(pk=made.pk).overdue_after_days is None


def test_another_organizations_calendar_and_reconciliation_are_unknown(feeds: Feeds, pair):
    made, _a, _b = pair
    with pytest.raises(Invalid):
        policy(feeds, made, calendar=CalendarFactory())
    with pytest.raises(NotFound):
        policy(feeds, ReconciliationFactory())


def test_a_settlements_is_refused(feeds: Feeds):
    made = ReconciliationFactory(organization=feeds.organization, ledger=None, kind="settlement")
    with pytest.raises(Conflict) as refused:
        policy(feeds, made)
    assert refused.value.code == "reconciliation.owned"


def test_the_number_of_queries_does_not_hang_on_the_number_of_records(
    feeds: Feeds, pair, django_assert_max_num_queries
):
    made, a, b = pair
    policy(feeds, made)
    feeds.add(a, *((f"R{n}", 100) for n in range(200)))
    feeds.add(b, *((f"R{n}", 100) for n in range(200)))
    feeds.auto_match(made)
    assert Record.objects.count() == 400
    feeds.act(match_accept, match_id=MatchMember.objects.first().match_id)
    policy(feeds, made, 9)
    with django_assert_max_num_queries(40):
        recomputed(made)
