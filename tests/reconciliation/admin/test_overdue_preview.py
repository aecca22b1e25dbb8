"""What a policy would make overdue is foretold exactly: held against what the recompute stamps when it is saved."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from random import Random

import pytest

from ledgers.models import DataStream, Record
from organizations.acts import perform
from reconciliation.admin.overdue import policy_preview
from reconciliation.models import OpenItem, OverdueRecompute
from reconciliation.selectors.overdue_preview import OverduePreview, overdue_preview
from reconciliation.services.overdue import record_mark_overdue
from reconciliation.services.policies import policy_change
from reconciliation.services.recompute import recompute_execute
from reconciliation.services.stream_records import RecordIn, records_add
from rules.models import Reconciliation
from rules.overdue import OverduePolicy
from tests.clock import NOW
from tests.factories.organizations import CalendarFactory
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db
MARCH = OverduePolicy(after_days=3, zone="UTC", since=date(2026, 1, 1))


def add(feeds: Feeds, stream: DataStream, *rows: tuple[date, date | None, int, str]):
    records = [
        RecordIn(day, abs(minor), "credit" if minor >= 0 else "debit", currency, value_date=value)
        for day, value, minor, currency in rows
    ]
    return feeds.act(records_add, stream=stream, records=records)


@pytest.fixture
def made(feeds: Feeds) -> Reconciliation:
    return feeds.reconciliation(feeds.stream("a"), feeds.stream("b"))


def side(made: Reconciliation, name: str) -> DataStream:
    return DataStream.objects.get(wiring__reconciliation=made, wiring__side=name)


def counts(found: OverduePreview) -> tuple[int, ...]:
    return tuple(t.count for t in (found.now, found.then, found.becoming, found.stopping, found.waiting))


def change(feeds: Feeds, made: Reconciliation, **policy) -> None:
    feeds.act(policy_change, reconciliation=made, **policy)
    left = OverdueRecompute.objects.filter(status="pending").first()
    if left is not None:
        recompute_execute(recompute_id=left.pk, clock=lambda: NOW)


def test_nothing_is_overdue_without_a_policy_and_all_that_waited_long_enough_with_one(feeds, made):
    add(
        feeds,
        side(made, "a"),
        (date(2026, 3, 28), None, 5_00, "EUR"),
        (date(2026, 3, 29), None, -2_00, "EUR"),
    )
    add(feeds, side(made, "b"), (date(2026, 3, 2), None, 7_00, "USD"))
    found = overdue_preview(made, MARCH, at=NOW)
    assert (found.open, *counts(found)) == (3, 0, 2, 2, 0, 1)
    assert found.then.listed == [(("EUR", 2), 5_00), (("USD", 2), 7_00)]
    assert [(each.stream.key, each.then.count) for each in found.streams] == [("a", 1), ("b", 1)]
    assert [(at, tally.count) for at, tally in found.upcoming] == [(datetime(2026, 4, 1, tzinfo=UTC), 1)]
    assert counts(overdue_preview(made, None, at=NOW)) == (0, 0, 0, 0, 0)


def test_it_is_overdue_from_the_first_moment_of_its_day(feeds, made):
    add(feeds, side(made, "a"), (date(2026, 3, 20), None, 5_00, "EUR"))
    due = datetime(2026, 3, 23, tzinfo=UTC)
    before = datetime(2026, 3, 22, 23, 59, 59, 999_999, tzinfo=UTC)
    assert overdue_preview(made, MARCH, at=before).then.count == 0
    assert overdue_preview(made, MARCH, at=due).then.count == 1


def test_what_somebody_marked_is_counted_apart(feeds, made):
    early, late = add(
        feeds, side(made, "a"), (date(2026, 3, 2), None, 1, "EUR"), (date(2026, 3, 3), None, 2, "EUR")
    )
    for record, when in ((early, NOW), (late, datetime(2026, 6, 1, tzinfo=UTC))):
        of = {"organization_id": made.organization_id, "reconciliation_id": made.pk, "record_id": record.pk}
        perform(partial(record_mark_overdue, **of, overdue_at=when, by=feeds.by, at=NOW))
    found = overdue_preview(made, MARCH, at=NOW)
    assert (found.open, found.by_hand, found.by_hand_overdue) == (2, 2, 1)
    assert counts(found) == (0, 0, 0, 0, 0)


def test_members_of_undecided_proposals_count_and_accepted_ones_do_not(feeds, made):
    (a, again), (b,) = (
        feeds.add(side(made, "a"), ("R1", 5_00), ("R2", 9_00)),
        feeds.add(side(made, "b"), ("R1", 5_00)),
    )
    feeds.match(made, [a], [b])
    assert overdue_preview(made, MARCH, at=NOW).open == 1
    made.refresh_from_db()
    feeds.add(side(made, "b"), ("R2", 9_00))
    feeds.auto_match(made)
    assert not OpenItem.objects.filter(record=again).exists()
    found = overdue_preview(made, MARCH, at=NOW)
    assert (found.open, found.then.count, found.then.listed) == (2, 2, [(("EUR", 2), 18_00)])


@pytest.mark.parametrize("seed", range(3))
def test_it_foretells_what_is_stamped_when_the_policy_is_saved(feeds, made, seed):
    rng = Random(seed)
    calendar = CalendarFactory(
        organization=feeds.organization, holidays=[date(2026, 3, 25), date(2026, 3, 30)]
    )
    for name in ("a", "b"):
        rows = [
            (
                date(2026, rng.randint(1, 3), rng.randint(1, 28)),
                rng.choice([None, date(2026, 3, rng.randint(1, 31))]),
                rng.randint(-900, 900),
                rng.choice(["EUR", "USD", "JPY"]),
            )
            for _ in range(40)
        ]
        add(feeds, side(made, name), *rows)
    for _ in range(4):
        policy = {
            "after_days": rng.choice([None, 0, 1, 5, 30]),
            "business_days": rng.random() < 0.5,
            "calendar": rng.choice([None, calendar]),
            "counts_from": rng.choice(["date", "value_date"]),
            "overdue_from": date(2026, rng.randint(1, 3), 15),
        }
        made.refresh_from_db()
        before = stamped()
        found: OverduePreview = policy_preview(made, **policy, at=NOW).told["found"]
        change(feeds, made, **policy)
        after = stamped()
        assert (found.now.count, found.then.count) == (len(before), len(after))
        assert (found.becoming.count, found.stopping.count) == (len(after - before), len(before - after))
        assert dict(found.then.listed) == sums(after)


def stamped() -> set[int]:
    return set(OpenItem.objects.filter(overdue_at__lte=NOW).values_list("record_id", flat=True))


def sums(records: set[int]) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = {}
    for row in Record.objects.filter(pk__in=records):
        key = (row.currency, row.decimal_places)
        found[key] = found.get(key, 0) + row.signed_amount
    return found
