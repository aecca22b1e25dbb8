"""Keeps discrepancies of items in step with their items, and takes people's resolutions (raising.py raises them).

Everything automatic is set-based SQL over the records of one act. What a person closed with a reason of their own is
left alone; what was closed since an item was matched or closed opens again when that ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from ledgers.services.rows import array_text
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid
from reconciliation.models import Discrepancy, Match
from reconciliation.selectors.discrepancies import discrepancy_not_found
from reconciliation.services.raising import raise_unmatched
from reconciliation.states import (
    DISCREPANCY_MOVES,
    DISCREPANCY_OPEN,
    DiscrepancyStatus,
    DiscrepancyType,
)

ITEM_TYPES = [
    DiscrepancyType.UNMATCHED_SOURCE.value,
    DiscrepancyType.DUPLICATE_SOURCE.value,
    DiscrepancyType.AMOUNT_MISMATCH.value,
]
LOOKS_MAX = 3
AUTO_MATCHED, AUTO_CLOSED, AUTO_ENDED = "auto:matched", "auto:item_closed", "auto:match_ended"

FOLLOW = """
WITH wanted AS MATERIALIZED (
    SELECT DISTINCT record_id AS id FROM reconciliation_discrepancy
    WHERE reconciliation_id = %(reconciliation)s AND voided_at IS NULL AND type = ANY(%(types)s)
        AND record_id = ANY(%(records)s::bigint[])
), stand AS (
    SELECT wanted.id AS record_id, CASE
        WHEN o.closed_at IS NOT NULL THEN 'closed' WHEN o.held_by IS NOT NULL THEN 'partial'
        WHEN m.status = 'accepted' THEN 'matched' WHEN m.status = 'suggested' THEN 'suggested'
        WHEN o.record_id IS NULL THEN NULL
        WHEN EXISTS (SELECT FROM ledgers_statementline l
            WHERE l.record_id = wanted.id AND l.voided_at IS NULL AND l.note <> '') THEN 'noted'
        ELSE 'free' END AS state
    FROM wanted
    LEFT JOIN reconciliation_matchmember mm
        ON mm.reconciliation_id = %(reconciliation)s AND mm.record_id = wanted.id AND mm.live
    LEFT JOIN reconciliation_match m ON m.id = mm.match_id
    LEFT JOIN reconciliation_openitem o ON o.reconciliation_id = %(reconciliation)s AND o.record_id = wanted.id
), newest AS (
    SELECT DISTINCT ON (d.run_id, d.record_id, d.type) d.id, s.state
    FROM reconciliation_discrepancy d JOIN stand s USING (record_id)
    WHERE d.reconciliation_id = %(reconciliation)s AND d.voided_at IS NULL AND d.type = ANY(%(types)s)
    ORDER BY d.run_id, d.record_id, d.type, d.status = 'closed', d.id DESC -- an older one that a person opened again, first
)
UPDATE reconciliation_discrepancy d SET
    status = CASE WHEN newest.state IN ('matched', 'closed') THEN 'closed' WHEN newest.state = 'free' THEN 'open'
        ELSE 'in_review' END,
    closed_at = CASE WHEN newest.state IN ('matched', 'closed') THEN %(at)s::timestamptz END,
    closed_by = CASE WHEN newest.state IN ('matched', 'closed') THEN %(by)s ELSE '' END,
    close_reason = CASE newest.state WHEN 'matched' THEN %(auto_matched)s WHEN 'closed' THEN %(auto_closed)s ELSE '' END
FROM newest
WHERE d.id = newest.id AND newest.state IS NOT NULL
    AND (d.status <> 'closed' OR d.close_reason IN (%(auto_matched)s, %(auto_closed)s))
    AND NOT (d.status = 'closed' AND newest.state IN ('matched', 'closed'))
"""

IN_REVIEW = """
UPDATE reconciliation_discrepancy SET status = 'in_review'
WHERE reconciliation_id = %(reconciliation)s AND record_id = ANY(%(records)s::bigint[]) AND type = ANY(%(types)s)
    AND status = 'open' AND voided_at IS NULL
"""

HAND_OVER = """
WITH showing AS (
    SELECT d.id, max(rs.run_id) AS newest, bool_or(rs.run_id = %(run)s) AS here
    FROM reconciliation_discrepancy d
    JOIN reconciliation_match m ON m.id = d.match_id AND m.status IN ('suggested', 'accepted')
    JOIN reconciliation_matchmember mm ON mm.match_id = d.match_id AND mm.side = 'a' AND (mm.record_id = d.record_id
        OR NOT EXISTS (SELECT FROM reconciliation_matchmember held
            WHERE held.match_id = d.match_id AND held.record_id = d.record_id AND held.side = 'a'))
    JOIN ledgers_statementline l ON l.record_id = mm.record_id AND l.voided_at IS NULL
    JOIN reconciliation_runsource rs ON rs.source_file_id = l.source_file_id AND rs.live
    WHERE d.run_id = %(run)s AND d.voided_at IS NULL
    GROUP BY d.id
)
UPDATE reconciliation_discrepancy d SET run_id = showing.newest FROM showing WHERE d.id = showing.id AND NOT showing.here
"""


def follow(
    *,
    reconciliation_id: int,
    record_ids: Iterable[int],
    run_ids: Iterable[int] = (),
    by: Actor,
    at: datetime,
) -> None:
    """Bring the discrepancies of these records in step: closed when matched for good or closed, in review while
    suggested, matched in part or noted, open when free. In the runs named, items that are free again are raised anew
    where nothing says so."""
    ids = list(record_ids)
    _follow(
        {
            "records": array_text(pl.Series(ids, dtype=pl.Int64)),
            "reconciliation": reconciliation_id,
            "types": ITEM_TYPES,
            "at": at,
            "by": by.ref,
            "auto_matched": AUTO_MATCHED,
            "auto_closed": AUTO_CLOSED,
        }
    )
    for run_id in run_ids:
        raise_unmatched(run_id=run_id, reconciliation_id=reconciliation_id, record_ids=ids, by=by, at=at)


def _follow(params: Mapping[str, Any]) -> None:
    """An older one is opened again while the end of a pass, which saw the item free, raises a new one: look again, and
    find that one."""
    for looks_left in reversed(range(LOOKS_MAX)):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(FOLLOW, params)
            return
        except IntegrityError:
            if not looks_left:
                raise


def suggested(records: pl.Series, *, reconciliation_id: int) -> None:
    """A pass suggests a match of these free records: what is open of them is in review. As `follow` would have it, which
    looks up of each how it stands."""
    with connection.cursor() as cursor:
        cursor.execute(
            IN_REVIEW,
            {"records": array_text(records), "reconciliation": reconciliation_id, "types": ITEM_TYPES},
        )


def close_of_accepted(match_ids: Sequence[int], *, by: Actor, at: datetime) -> None:
    """Somebody looked at the two dates and accepted the match. That its amounts differ stays said."""
    Discrepancy.objects.open().filter(match_id__in=match_ids, type=DiscrepancyType.DATE_MISMATCH).update(
        status=DiscrepancyStatus.CLOSED, closed_at=at, closed_by=by.ref, close_reason=AUTO_MATCHED
    )


def close_of_ended(match_ids: Sequence[int], *, by: Actor, at: datetime) -> None:
    """What was said of matches themselves (amounts or dates differ) ends with them, also where it was closed with an
    item meanwhile: nothing of an ended match may open again."""
    said = Discrepancy.objects.live().filter(match_id__in=match_ids)
    said.filter(Q(status__in=DISCREPANCY_OPEN) | Q(close_reason__in=(AUTO_MATCHED, AUTO_CLOSED))).update(
        status=DiscrepancyStatus.CLOSED, closed_at=at, closed_by=by.ref, close_reason=AUTO_ENDED
    )


def hand_over(run_id: int) -> None:
    """What the run says of live matches that it does not show any more goes to the newest run that does: their lines
    are stated there, too."""
    with connection.cursor() as cursor:
        cursor.execute(HAND_OVER, {"run": run_id})


def note_taken(*, reconciliation_id: int, record_id: int) -> None:
    """A person wrote a note on the item: its open discrepancies are in review."""
    Discrepancy.objects.live().filter(
        reconciliation_id=reconciliation_id, record_id=record_id, status=DiscrepancyStatus.OPEN
    ).update(status=DiscrepancyStatus.IN_REVIEW)


def discrepancy_close(
    *, discrepancy: Discrepancy, reason: str, note: str = "", by: Actor, at: datetime
) -> Discrepancy:
    """A person resolves it, with a reason. Closed already: nothing happens."""
    if not reason.strip():
        raise Invalid(_("Say why: a reason is required to close a discrepancy."), code="discrepancy.reason")
    row = _locked(discrepancy, by)
    if row.status == DiscrepancyStatus.CLOSED:
        return row
    row.closed_at, row.closed_by, row.close_reason, row.close_note = at, by.ref, reason.strip()[:64], note
    return _moved(row, DiscrepancyStatus.CLOSED, "discrepancy.closed", by=by, at=at)


def discrepancy_reopen(*, discrepancy: Discrepancy, by: Actor, at: datetime) -> Discrepancy:
    """Take a resolution back. Only a closed one can be reopened, and only while the match that it speaks of stands."""
    # The match first, as whoever ends it locks them: nothing of an ended match may be open.
    said_of = Match.objects.filter(pk__in=[discrepancy.match_id]).select_for_update(of=("self",))
    match = said_of.first() if discrepancy.match_id is not None else None
    row = _locked(discrepancy, by)
    if row.status in DISCREPANCY_OPEN:
        raise _refused(row, DiscrepancyStatus.OPEN)
    if match is not None and not match.is_live:
        raise Conflict(
            _("It speaks of a match that has ended, so there is nothing left to look at."),
            code="discrepancy.match_ended",
            word="discrepancy_state_conflict",
        )
    row.closed_at, row.closed_by, row.close_reason, row.close_note = None, "", "", ""
    return _moved(row, DiscrepancyStatus.OPEN, "discrepancy.reopened", by=by, at=at)


def discrepancy_review(*, discrepancy: Discrepancy, by: Actor, at: datetime) -> Discrepancy:
    """Say that somebody looks at it. In review already: nothing happens."""
    row = _locked(discrepancy, by)
    if row.status == DiscrepancyStatus.IN_REVIEW:
        return row
    return _moved(row, DiscrepancyStatus.IN_REVIEW, "discrepancy.reviewed", by=by, at=at)


def _locked(discrepancy: Discrepancy, by: Actor) -> Discrepancy:
    own = Discrepancy.objects.live().filter(reconciliation__organization_id=by.organization_id)
    row = own.select_for_update(of=("self",)).filter(pk=discrepancy.pk).first()
    if row is None:
        raise discrepancy_not_found()
    return row


def _moved(row: Discrepancy, to: DiscrepancyStatus, action: str, *, by: Actor, at: datetime) -> Discrepancy:
    if to not in DISCREPANCY_MOVES[DiscrepancyStatus(row.status)]:
        raise _refused(row, to)
    row.status = to
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Conflict(
            _("Another discrepancy of this kind is open for the same item. Work on that one."),
            code="discrepancy.state",
            word="discrepancy_state_conflict",
        ) from None
    audit.record(action=action, organization_id=by.organization_id, by=by, at=at, subject=row, type=row.type)
    return row


def _refused(row: Discrepancy, to: DiscrepancyStatus) -> Conflict:
    return Conflict(
        _("A discrepancy that is %(status)s cannot become %(to)s.") % {"status": row.status, "to": to},
        code="discrepancy.state",
        word="discrepancy_state_conflict",
    )
