"""What one reconciliation says of records: agreed or not, overdue, with what they are matched. One page of them costs a
constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import connection

from ledgers.models import Record
from organizations.models import Organization
from reconciliation.models import MatchMember, OpenItem
from reconciliation.states import EntryStatus, MatchStatus
from rules.models import Reconciliation

PARTNERS_MAX = 200
"""Members of its match that are shown beside a record: a match may have 100,000."""

PARTNERS = """
SELECT m.match_id, m.record_id FROM unnest(%s::bigint[]) AS wanted(match_id)
CROSS JOIN LATERAL (
    SELECT match_id, record_id FROM reconciliation_matchmember
    WHERE match_id = wanted.match_id AND live ORDER BY record_id LIMIT %s
) AS m
ORDER BY m.match_id, m.record_id
"""


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """A record as one reconciliation sees it. `partners` are at most PARTNERS_MAX of the `partners_total` other members of
    its accepted match. `days_unreconciled` since its date, None where it is reconciled."""

    record: Record
    reconciliation: Reconciliation
    status: EntryStatus
    overdue_at: datetime | None
    escalated: bool
    partners: Sequence[Record]
    partners_total: int
    days_unreconciled: int | None
    closed_at: datetime | None
    close_reason: str


def stream_entries(
    records: Iterable[Record], *, reconciliation: Reconciliation, at: datetime
) -> list[StreamEntry]:
    """In the order of the records, which have their streams at hand (`select_related("stream")`)."""
    rows = list(records)
    ids = [row.pk for row in rows]
    tokens = OpenItem.objects.filter(reconciliation=reconciliation, record__in=ids)
    open_items = {item.record_id: item for item in tokens}
    live = MatchMember.objects.filter(reconciliation=reconciliation, record__in=ids, live=True)
    members = {member.record_id: member for member in live.select_related("match")}
    zone = Organization.objects.values_list("time_zone", flat=True).get(pk=reconciliation.organization_id)
    today = at.astimezone(ZoneInfo(zone)).date()
    partners = _partners(members.values())
    return [
        _entry(
            row,
            reconciliation,
            open_items.get(row.pk),
            members.get(row.pk),
            partners=partners,
            today=today,
            at=at,
        )
        for row in rows
    ]


def _entry(
    row: Record,
    reconciliation: Reconciliation,
    item: OpenItem | None,
    member: MatchMember | None,
    *,
    partners: Mapping[int, list[Record]],
    today: date,
    at: datetime,
) -> StreamEntry:
    accepted = member is not None and member.match.status == MatchStatus.ACCEPTED
    status = _status(row, reconciliation, item, accepted=accepted)
    is_open = status == EntryStatus.UNRECONCILED
    overdue_at = item.overdue_at if item is not None else member.overdue_at if member is not None else None
    others = partners.get(member.match_id, []) if accepted and member is not None else []
    return StreamEntry(
        record=row,
        reconciliation=reconciliation,
        status=status,
        overdue_at=overdue_at,
        escalated=is_open and overdue_at is not None and overdue_at <= at,
        partners=[other for other in others if other.pk != row.pk][:PARTNERS_MAX],
        partners_total=member.match.record_count - 1 if accepted and member is not None else 0,
        days_unreconciled=max((today - row.date).days, 0) if is_open else None,
        closed_at=item.closed_at if item is not None else None,
        close_reason=item.close_reason if item is not None else "",
    )


def _status(
    row: Record, reconciliation: Reconciliation, item: OpenItem | None, *, accepted: bool
) -> EntryStatus:
    """Reconciled: an accepted match covers it wholly, or somebody closed it. What is older than a ledger's opening balance
    counts as closed, with or without a row that says so."""
    if item is not None:
        return EntryStatus.RECONCILED if item.closed_at is not None else EntryStatus.UNRECONCILED
    if accepted or before_opening(row, reconciliation):
        return EntryStatus.RECONCILED
    return EntryStatus.UNRECONCILED


def before_opening(row: Record, reconciliation: Reconciliation) -> bool:
    ledger = reconciliation.ledger
    opened_on = (
        ledger.opening_balance_on if ledger is not None and ledger.opening_balance is not None else None
    )
    return opened_on is not None and row.date < opened_on and row.stream.ledger_id == ledger.pk  # type: ignore[union-attr]


def _partners(members: Iterable[MatchMember]) -> dict[int, list[Record]]:
    """Members of accepted matches, one more than is shown, since a record is not its own partner."""
    match_ids = sorted({member.match_id for member in members if member.match.status == MatchStatus.ACCEPTED})
    if not match_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(PARTNERS, [match_ids, PARTNERS_MAX + 1])
        pairs = cursor.fetchall()
    records = Record.objects.select_related("stream").in_bulk([record_id for _match, record_id in pairs])
    found: dict[int, list[Record]] = {}
    for match_id, record_id in pairs:
        found.setdefault(match_id, []).append(records[record_id])
    return found
