"""Where records stand in their ledger's reconciliation: open, matched, closed. For pages that show many of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from reconciliation.models import Match, MatchMember, OpenItem
from reconciliation.selectors.desk import Facing, facing_of
from reconciliation.selectors.items import CLOSED, MATCHED, PARTIAL, UNMATCHED
from reconciliation.states import MatchStatus

__all__ = [
    "CLOSED",
    "MATCHED",
    "PARTIAL",
    "SUGGESTED",
    "UNKNOWN",
    "UNMATCHED",
    "WRITTEN_OFF",
    "Standing",
    "standings",
]

SUGGESTED = "suggested"
"""Matched, wholly or in part, but nobody has decided yet."""

WRITTEN_OFF = "written_off"
"""An accepted match covers a part, and a person closed the rest."""

UNKNOWN = "unknown"
"""Not in this reconciliation: before its opening balance, or of an account that belongs to no ledger."""

Key = tuple[int, int]
"""Reconciliation (0: none) and record."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`match`: the live one. `open_amount` in minor units, 0 when wholly covered. `overdue_at`: from when it is overdue,
    while it is open or only proposed."""

    status: str
    match: Match | None = None
    open_amount: int = 0
    closed_at: datetime | None = None
    closed_by: str = ""
    close_reason: str = ""
    close_note: str = ""
    overdue_at: datetime | None = None

    @property
    def match_id(self) -> int | None:
        return self.match.pk if self.match is not None else None

    def facing(self) -> Facing | None:
        """The live match with both its sides; one query."""
        return facing_of([self.match])[0] if self.match is not None else None


def standings(keys: Iterable[Key]) -> dict[Key, Standing]:
    """Each record's standing, in two queries."""
    wanted = list(keys)
    if not wanted:
        return {}
    named = Q(
        reconciliation_id__in={reconciliation for reconciliation, _record in wanted},
        record_id__in={record for _reconciliation, record in wanted},
    )
    tokens = {(row.reconciliation_id, row.record_id): row for row in OpenItem.objects.filter(named)}
    members = MatchMember.objects.filter(named, live=True).select_related("match")
    places = {(row.reconciliation_id, row.record_id): row for row in members}
    return {key: _standing(tokens.get(key), places.get(key)) for key in wanted}


def _standing(token: OpenItem | None, member: MatchMember | None) -> Standing:
    match = member.match if member is not None else None
    if token is None:
        if member is None or match is None:
            return Standing(UNKNOWN)
        if match.status == MatchStatus.SUGGESTED:
            return Standing(SUGGESTED, match, overdue_at=member.overdue_at)
        return Standing(MATCHED, match)
    if token.closed_at is not None:
        return Standing(
            CLOSED if token.held_by is None else WRITTEN_OFF,
            match,
            token.open_amount,
            token.closed_at,
            token.closed_by,
            token.close_reason,
            token.close_note,
        )
    due = token.overdue_at
    if match is None:
        return Standing(UNMATCHED, None, token.open_amount, overdue_at=due)
    status = SUGGESTED if match.status == MatchStatus.SUGGESTED else PARTIAL
    return Standing(status, match, token.open_amount, overdue_at=due)
