"""What an overdue policy would make of the items that are open now, before it is saved: one query grouped by the day from
which an item counts, however many items there are. Asked by the page of a reconciliation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from ledgers.models import DataStream
from rules.models import Reconciliation
from rules.overdue import OverduePolicy, overdue_by_day

NEXT_SHOWN = 5
"""Instants at which the next ones are due."""

REST = """CASE WHEN o.held_by IS NULL THEN r.signed_amount
    WHEN EXISTS (SELECT FROM reconciliation_match held WHERE held.id = o.held_by AND held.status = 'accepted')
        THEN sign(r.signed_amount)::bigint * abs(o.open_amount)
    ELSE r.signed_amount END"""
"""What is open of an item: of one that an undecided suggestion covers in part, all of it."""


class Group(NamedTuple):
    """Open items that the policy treats alike. `day`: from which they count. Figures of all of them, and of those that are
    overdue as they are stamped."""

    stream_id: int
    currency: str
    decimal_places: int
    by_hand: bool
    day: date
    items: int
    amount: Decimal
    items_overdue: int
    amount_overdue: Decimal


@dataclass(slots=True)
class Tally:
    """Items and what is open of them, credit +, minor units by (currency, decimal places)."""

    count: int = 0
    sums: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, group: Group, items: int, amount: Decimal) -> None:
        if items:
            self.count += items
            self.sums[group.currency, group.decimal_places] += int(amount)

    @property
    def listed(self) -> list[tuple[tuple[str, int], int]]:
        return sorted(self.sums.items())


@dataclass(slots=True)
class OfStream:
    stream: DataStream
    now: Tally = field(default_factory=Tally)
    then: Tally = field(default_factory=Tally)


@dataclass(slots=True)
class OverduePreview:
    """Items open at `at`, those of undecided suggestions among them. `now`: overdue as they are stamped; `then`: overdue at
    that same instant by the policy asked about. `becoming` and `stopping` are the difference. `waiting`: with an instant
    to come; `upcoming`: the next such instants. `by_hand`: marked by a person, which no policy changes; counted nowhere
    else, `by_hand_overdue` of them past their instant."""

    at: datetime
    open: int = 0
    now: Tally = field(default_factory=Tally)
    then: Tally = field(default_factory=Tally)
    becoming: Tally = field(default_factory=Tally)
    stopping: Tally = field(default_factory=Tally)
    waiting: Tally = field(default_factory=Tally)
    upcoming: list[tuple[datetime, Tally]] = field(default_factory=list)
    by_hand: int = 0
    by_hand_overdue: int = 0
    streams: list[OfStream] = field(default_factory=list)


def overdue_preview(
    reconciliation: Reconciliation, policy: OverduePolicy | None, *, at: datetime
) -> OverduePreview:
    """What would be overdue at `at` if `policy` held (None: nothing by itself), against what is. Two queries."""
    groups = _groups(reconciliation, value_date=policy is not None and policy.value_date, at=at)
    found = OverduePreview(at)
    due = overdue_by_day(policy, {group.day for group in groups}) if policy is not None else {}
    streams = DataStream.objects.in_bulk({group.stream_id for group in groups})
    of = {pk: OfStream(stream) for pk, stream in sorted(streams.items(), key=lambda each: each[1].name)}
    upcoming: dict[datetime, Tally] = defaultdict(Tally)
    for group in groups:
        found.open += group.items
        if group.by_hand:
            found.by_hand += group.items
            found.by_hand_overdue += group.items_overdue
            continue
        instant = due.get(group.day)
        is_overdue = instant is not None and instant <= at
        _tallied(found, of[group.stream_id], group, is_overdue)
        if instant is not None and not is_overdue:
            found.waiting.add(group, group.items, group.amount)
            upcoming[instant].add(group, group.items, group.amount)
    found.streams = list(of.values())
    found.upcoming = sorted(upcoming.items(), key=lambda each: each[0])[:NEXT_SHOWN]
    return found


def _tallied(found: OverduePreview, stream: OfStream, group: Group, is_overdue: bool) -> None:
    was = (group.items_overdue, group.amount_overdue)
    for tally in (found.now, stream.now):
        tally.add(group, *was)
    if not is_overdue:
        found.stopping.add(group, *was)
        return
    for tally in (found.then, stream.then):
        tally.add(group, group.items, group.amount)
    found.becoming.add(group, group.items - group.items_overdue, group.amount - group.amount_overdue)


def _groups(reconciliation: Reconciliation, *, value_date: bool, at: datetime) -> Iterable[Group]:
    counting = "coalesce(r.value_date, r.date)" if value_date else "r.date"
    params: dict[str, Any] = {"reconciliation": reconciliation.pk, "at": at}
    with connection.cursor() as cursor:
        cursor.execute(_sql(counting), params)
        return [Group(*row) for row in cursor.fetchall()]


def _sql(counting: str) -> str:
    """Sums stay numeric: amounts of 64 bits may add up to more. What is overdue now is a figure, not a key: keys are columns of
    which the planner knows how few values they have, so that it adds up in memory and sorts nothing."""
    return f"""
        SELECT stream_id, currency, decimal_places, by_hand, day, count(*), sum(amount),
            count(*) FILTER (WHERE was), coalesce(sum(amount) FILTER (WHERE was), 0)
        FROM (
            SELECT r.stream_id, r.currency, r.decimal_places, o.overdue_by_hand AS by_hand, {counting} AS day,
                o.overdue_at <= %(at)s AS was, {REST} AS amount
            FROM reconciliation_openitem o JOIN ledgers_record r ON r.id = o.record_id
            WHERE o.reconciliation_id = %(reconciliation)s AND o.closed_at IS NULL
            UNION ALL
            SELECT r.stream_id, r.currency, r.decimal_places, m.overdue_by_hand, {counting},
                m.overdue_at <= %(at)s, r.signed_amount
            FROM reconciliation_match s
            JOIN reconciliation_matchmember m ON m.match_id = s.id AND m.live
            JOIN ledgers_record r ON r.id = m.record_id
            WHERE s.reconciliation_id = %(reconciliation)s AND s.status = 'suggested' AND NOT EXISTS (
                SELECT FROM reconciliation_openitem o
                WHERE o.reconciliation_id = m.reconciliation_id AND o.record_id = m.record_id)
        ) AS items
        GROUP BY 1, 2, 3, 4, 5
        """  # noqa: S608 - our own names
