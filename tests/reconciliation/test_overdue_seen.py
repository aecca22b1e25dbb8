"""What a sweep saw overdue stays seen while it is overdue without a break, and is unseen where it comes back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from organizations.acts import perform
from reconciliation.models import MatchMember, OpenItem, OverdueRecompute
from reconciliation.selectors.integrity import faults
from reconciliation.services.items import record_close
from reconciliation.services.matches import match_accept, match_reject, match_undo
from reconciliation.services.opening import opening_confirm
from reconciliation.services.overdue import record_mark_overdue
from reconciliation.services.policies import policy_change
from reconciliation.services.recompute import recompute_execute
from reconciliation.services.stream_matches import match_by_hand
from reconciliation.services.stream_records import record_change
from reconciliation.services.undoing import pass_undo
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import csv
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(actor_with("admin"))


@pytest.fixture
def pair(feeds: Feeds):
    """A record on each side that a rule matches, both seen overdue."""
    a, b = feeds.stream("a"), feeds.stream("b")
    made = feeds.reconciliation(a, b)
    feeds.add(a, ("R1", 100))
    feeds.add(b, ("R1", 100))
    see()
    return made


def see() -> None:
    OpenItem.objects.update(overdue_at=NOW - DAY, overdue_by_hand=True, overdue_seen_at=NOW)


def seen(model=OpenItem, **which) -> set[datetime | None]:
    return set(model.objects.filter(**which).values_list("overdue_seen_at", flat=True))


# --- matches --------------------------------------------------------------------------------------------------------------


def test_a_pass_copies_it_to_the_members(feeds: Feeds, pair):
    feeds.auto_match(pair)
    assert seen(MatchMember) == {NOW}


@pytest.mark.parametrize("end", [match_reject, match_undo])
def test_an_undecided_suggestion_gives_it_back(feeds: Feeds, pair, end):
    feeds.auto_match(pair)
    feeds.act(end, match_id=MatchMember.objects.first().match_id)
    assert seen() == {NOW}


@pytest.mark.parametrize("end", [match_reject, match_undo])
def test_what_an_accepted_match_gives_back_is_unseen(feeds: Feeds, pair, end):
    feeds.auto_match(pair)
    match_id = MatchMember.objects.first().match_id
    feeds.act(match_accept, match_id=match_id)
    feeds.act(end, match_id=match_id)
    assert seen() == {None}
    assert set(OpenItem.objects.values_list("overdue_at", flat=True)) == {NOW - DAY}


def test_of_a_pass_each_match_gives_back_by_what_it_was(feeds: Feeds):
    a, b = feeds.stream("a"), feeds.stream("b")
    made = feeds.reconciliation(a, b)
    ours = feeds.add(a, ("R1", 100), ("R2", 200))
    feeds.add(b, ("R1", 100), ("R2", 200))
    see()
    pass_ = feeds.auto_match(made)
    feeds.act(match_accept, match_id=MatchMember.objects.get(record=ours[0]).match_id)
    feeds.act(pass_undo, pass_=pass_, undo_accepted=True)
    assert seen(record__reference="R1") == {None}
    assert seen(record__reference="R2") == {NOW}


def test_what_a_match_by_hand_over_a_suggestion_leaves_stays_seen(feeds: Feeds):
    a, b = feeds.stream("a"), feeds.stream("b")
    made = feeds.reconciliation(a, b)
    [ours] = feeds.add(a, ("R1", 100))
    left, other = feeds.add(b, ("R1", 100), ("R2", 100))
    see()
    feeds.auto_match(made)
    feeds.act(match_by_hand, reconciliation=made, record_ids=[ours.pk, other.pk])
    assert seen(record=left) == {NOW}
    assert not OpenItem.objects.exclude(record=left).exists()


# --- in part --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def held() -> Books:
    """A line of 100.00 held by an entry of 60.00, all seen overdue."""
    made = books(
        actor_with(),
        entries=[
            ("G1", "debit", 60_00, 3, "R1"),
            ("G2", "debit", 15_00, 4, "R2"),
            ("G3", "debit", 300_00, 5, ""),
        ],
    )
    made.upload(csv(("S1", "credit", 100_00, 3, "R1")))
    see()
    made.manual(["S1"], ["G1"])
    return made


def test_what_a_match_leaves_of_a_record_stays_seen(held: Books):
    assert seen(side="a", open_amount=40_00) == {NOW}


def test_the_whole_record_is_unseen_when_the_match_ends(held: Books):
    held.act(match_undo, match_id=held.match_with("S1").pk)
    assert seen(side="a", open_amount=100_00) == {None}
    assert seen(record__reference="R1") == {None}


def test_what_a_larger_match_leaves_of_it_stays_seen(held: Books):
    held.manual(["S1"], ["G2"])
    assert seen(side="a", open_amount=25_00) == {NOW}


def test_a_rest_that_was_written_off_is_unseen_when_its_match_ends(held: Books):
    held.close("S1")
    held.act(match_undo, match_id=held.match_with("S1").pk)
    assert seen(side="a") == {None}


# --- closings -------------------------------------------------------------------------------------------------------------


def test_a_closing_that_is_taken_back_leaves_it_unseen():
    made = books(actor_with())
    made.upload(csv(("S1", "credit", 100_00, 3, "R1")))
    see()
    made.close("S1")
    assert seen(side="a") == {NOW}
    made.reopen("S1")
    assert seen(side="a") == {None}


def test_what_an_earlier_opening_opens_again_is_unseen():
    made = books(actor_with())
    made.upload(csv(("S1", "credit", 100_00, 3, "R1")))
    see()
    made.act(opening_confirm, ledger=made.ledger, balance=10_00, day=date(2026, 2, 10))
    assert OpenItem.objects.get(side="a").closed_at is not None
    made.act(opening_confirm, ledger=made.ledger, balance=10_00, day=date(2026, 2, 1))
    assert (OpenItem.objects.get(side="a").closed_at, seen(side="a")) == (None, {None})


# --- its day moves --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "left"), [(1, NOW), (28, NOW), (60, None), (None, None)])
@pytest.mark.parametrize("model", [OpenItem, MatchMember])
def test_a_policy_that_moves_the_day_beyond_it_empties_it(feeds: Feeds, pair, days, left, model):
    """Records of 2 March, seen on the 31st: 28 days after is the 30th."""
    OpenItem.objects.update(overdue_by_hand=False)
    if model is MatchMember:
        feeds.auto_match(pair)
    feeds.act(policy_change, reconciliation=pair, after_days=days or 2, overdue_from=date(2026, 1, 1))
    if days is None:
        feeds.act(policy_change, reconciliation=pair, after_days=None, overdue_from=date(2026, 1, 1))
    for asked in OverdueRecompute.objects.exclude(status="completed"):
        recompute_execute(recompute_id=asked.pk, clock=lambda: NOW)
    assert seen(model) == {left}


def test_a_match_gives_back_what_a_policy_has_moved(feeds: Feeds, pair):
    OpenItem.objects.update(overdue_by_hand=False)
    feeds.auto_match(pair)
    feeds.act(policy_change, reconciliation=pair, after_days=60, overdue_from=date(2026, 1, 1))
    recompute_execute(recompute_id=OverdueRecompute.objects.get().pk, clock=lambda: NOW)
    feeds.act(match_undo, match_id=MatchMember.objects.first().match_id)
    assert seen() == {None}


def test_a_change_of_the_record_s_day_empties_it(feeds: Feeds, pair):
    feeds.act(policy_change, reconciliation=pair, after_days=10, overdue_from=date(2026, 1, 1))
    OpenItem.objects.update(overdue_by_hand=False)
    item = OpenItem.objects.filter(side="a").select_related("record").get()
    feeds.act(record_change, record=item.record, changes={"date": date(2026, 3, 30)})
    assert (seen(side="a"), seen(side="b")) == ({None}, {NOW})


@pytest.mark.parametrize(
    ("overdue_at", "left"),
    [
        (NOW, NOW),
        (NOW - DAY, NOW),
        (NOW + timedelta(microseconds=1), None),
        (datetime(2999, 1, 1, tzinfo=UTC), None),
    ],
)
@pytest.mark.parametrize("model", [OpenItem, MatchMember])
def test_marked_by_hand_beyond_it_empties_it(feeds: Feeds, pair, overdue_at, left, model):
    if model is MatchMember:
        feeds.auto_match(pair)
    row = model.objects.filter(side="a").get()
    perform(
        lambda: record_mark_overdue(
            organization_id=feeds.by.organization_id,
            reconciliation_id=pair.pk,
            record_id=row.record_id,
            overdue_at=overdue_at,
            by=feeds.by,
            at=NOW,
        )
    )
    assert seen(model, side="a") == {left}


def test_a_closed_record_that_is_moved_to_a_later_day_is_cleared_on_that_day(feeds: Feeds, pair):
    item = OpenItem.objects.filter(side="a").select_related("record").get()
    OpenItem.objects.update(overdue_seen_at=None)
    feeds.act(record_close, record=item.record, reconciliation=pair, run=None)
    feeds.act(record_change, record=item.record, changes={"date": date(2026, 3, 30)})
    assert OpenItem.objects.get(side="a").cleared_on == date(2026, 3, 30)
    assert faults() == []
