"""The acts of a sweep over one reconciliation: newly overdue records are stamped as seen and the exceptions of their streams
opened or reopened, in one transaction; exceptions whose slice is empty are resolved. Called by `sweeping` and `overdue`.

Callers hold the reconciliation's shared lock. Order of locks: tokens by record, or the rows of suggestions; then exceptions
by id. Each act is bounded, and harmless beside its twin: what one has stamped, the other does not find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from exceptions_app.models import ReconciliationException
from exceptions_app.selectors.sweeping import ITEM_DUE, MEMBER_DUE, emptied_ids, left_behind
from exceptions_app.services.exceptions import default_title
from exceptions_app.states import ExceptionStatus
from ledgers.models import DataStream, Record
from organizations import audit
from organizations.actors import Actor, system_actor
from rules.models import Reconciliation

TASK = "overdue_sweep"
TICK = timedelta(microseconds=1)
TRIES = 20  # each time somebody has made an exception that we could not see, and has taken it away again


@dataclass(frozen=True, slots=True)
class Swept:
    """What acts did: records first seen overdue, exceptions opened, reopened and resolved."""

    records: int = 0
    opened: int = 0
    reopened: int = 0
    resolved: int = 0

    def __add__(self, other: Swept) -> Swept:
        return Swept(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Swept)))


OWN_ITEM = f"o.reconciliation_id = %(reconciliation)s AND {ITEM_DUE}"
NEXT_ITEMS = f"""
WITH due AS MATERIALIZED (
    SELECT o.record_id FROM reconciliation_openitem o WHERE {OWN_ITEM} ORDER BY o.overdue_at LIMIT %(most)s
), held AS MATERIALIZED (
    SELECT o.record_id FROM reconciliation_openitem o
    WHERE {OWN_ITEM} AND o.record_id IN (SELECT record_id FROM due) ORDER BY o.record_id FOR UPDATE
)
SELECT r.stream_id, array_agg(r.id) FROM held JOIN ledgers_record r ON r.id = held.record_id GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - our own text
THIS_ITEM = f"""
WITH held AS MATERIALIZED (
    SELECT o.record_id FROM reconciliation_openitem o
    WHERE {OWN_ITEM} AND o.record_id = %(record)s ORDER BY o.record_id FOR UPDATE
)
SELECT r.stream_id, array_agg(r.id) FROM held JOIN ledgers_record r ON r.id = held.record_id GROUP BY 1
"""  # noqa: S608 - our own text
SEE_ITEMS = """
UPDATE reconciliation_openitem SET overdue_seen_at = %(seen)s
WHERE reconciliation_id = %(reconciliation)s AND record_id = ANY(%(ids)s)
"""

NEXT_SUGGESTIONS = f"""
WITH due AS MATERIALIZED (
    SELECT DISTINCT s.id FROM reconciliation_match s JOIN reconciliation_matchmember m ON m.match_id = s.id
    WHERE s.reconciliation_id = %(reconciliation)s AND s.status = 'suggested' AND {MEMBER_DUE}
    ORDER BY 1 LIMIT %(most)s
)
SELECT s.id FROM reconciliation_match s WHERE s.id IN (SELECT id FROM due) AND s.status = 'suggested'
ORDER BY s.id FOR UPDATE
"""  # noqa: S608 - our own text
THIS_SUGGESTION = """
SELECT s.id FROM reconciliation_match s WHERE s.status = 'suggested' AND s.id IN (
    SELECT m.match_id FROM reconciliation_matchmember m
    WHERE m.reconciliation_id = %(reconciliation)s AND m.record_id = %(record)s AND m.live)
ORDER BY s.id FOR UPDATE
"""
# One that a changed policy is stamping at this moment is left for the next sweep: its rows are locked in no order.
MEMBERS = f"""
WITH held AS MATERIALIZED (
    SELECT m.record_id FROM reconciliation_matchmember m
    WHERE m.match_id = ANY(%(matches)s) AND (%(record)s::bigint IS NULL OR m.record_id = %(record)s) AND {MEMBER_DUE}
    ORDER BY m.record_id FOR UPDATE OF m SKIP LOCKED
)
SELECT r.stream_id, array_agg(r.id) FROM held JOIN ledgers_record r ON r.id = held.record_id GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - our own text
SEE_MEMBERS = """
UPDATE reconciliation_matchmember SET overdue_seen_at = %(seen)s
WHERE match_id = ANY(%(matches)s) AND record_id = ANY(%(ids)s)
"""


def items_sweep(reconciliation: Reconciliation, *, record_id: int | None = None, at: datetime) -> Swept:
    """See the next open items that are past due and not seen yet, at most CHUNK_GROUPS; or this one record's."""
    params = _params(reconciliation, record_id, at)
    found = _by_stream(NEXT_ITEMS if record_id is None else THIS_ITEM, params)
    return _seen(SEE_ITEMS, reconciliation, found, params, at=at)


def suggestions_sweep(reconciliation: Reconciliation, *, record_id: int | None = None, at: datetime) -> Swept:
    """The same for what at most CHUNK_GROUPS undecided suggestions have wholly. Whoever decides one of them locks its row
    too: until we end they stay undecided."""
    params = _params(reconciliation, record_id, at)
    with connection.cursor() as cursor:
        cursor.execute(NEXT_SUGGESTIONS if record_id is None else THIS_SUGGESTION, params)
        params["matches"] = [pk for (pk,) in cursor.fetchall()]
    found = _by_stream(MEMBERS, params) if params["matches"] else {}
    return _seen(SEE_MEMBERS, reconciliation, found, params, at=at)


def record_sweep(reconciliation: Reconciliation, record: Record, *, at: datetime) -> Swept:
    """See one record that is overdue by now; its stream has an exception then, even where it was seen and that was deleted.
    Of a record that somebody has just marked, whose locks this transaction holds. The others, and other
    streams, are left to the next sweep: nothing of them may be locked behind what this one has."""
    of_it: dict[str, Any] = {"record_id": record.pk, "at": at}
    swept = items_sweep(reconciliation, **of_it) + suggestions_sweep(reconciliation, **of_it)
    return swept + exceptions_make_again(reconciliation, stream_id=record.stream_id, at=at)


def exceptions_open(
    reconciliation: Reconciliation, streams: Mapping[int, int], *, at: datetime
) -> tuple[datetime, Swept]:
    """Make sure that each of these streams has its active exception, where so many of its records are seen overdue now.
    Gives the stamp of those records: later than any closing of these exceptions and than any stamp before, so that it names
    the records of this act."""
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic():  # somebody may make one, or open one, that we cannot see yet
                return _open(reconciliation, streams, at=at)
        except IntegrityError:
            if not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


def exceptions_make_again(
    reconciliation: Reconciliation, *, stream_id: int | None = None, at: datetime
) -> Swept:
    """Of streams whose exception was deleted, or of this one, while overdue records last: another one is reopened, or made."""
    found = (stream for _pair, stream in left_behind(reconciliation_id=reconciliation.pk, at=at))
    streams = {stream: 0 for stream in found if stream_id in (None, stream)}
    return exceptions_open(reconciliation, streams, at=at)[1] if streams else Swept()


def exceptions_resolve(reconciliation: Reconciliation, ids: Sequence[int], *, at: datetime) -> Swept:
    """Resolve those whose slice is still empty behind their locks. A record that comes into it from here on is one that no
    sweep has seen: the next one reopens the exception."""
    rows = ReconciliationException.objects.live().active().filter(pk__in=ids).order_by("pk")
    locked = [row.pk for row in rows.select_for_update(of=("self",), no_key=True)]
    empty = emptied_ids(locked, at=at)
    by = _sweeper(reconciliation)
    for row in (
        ReconciliationException.objects.filter(pk__in=empty)
        .select_related("reconciliation", "stream")
        .order_by("pk")
    ):
        closed = max(each for each in (at, row.opened_at, row.slice_changed_at) if each is not None)
        _save(
            row,
            status=ExceptionStatus.RESOLVED,
            closed_at=closed,
            closed_by=by.ref,
            modified_at=closed,
            modified_by=by.ref,
        )
        _audit("exception.resolved", row, by=by, at=at)
    return Swept(resolved=len(empty))


def exceptions_note_records(reconciliation: Reconciliation, ids: Sequence[int], *, at: datetime) -> Swept:
    """Active ones that people made over records which a sweep had seen before: they have records, from now on."""
    rows = ReconciliationException.objects.live().active().filter(pk__in=ids, had_records_at=None)
    for row in rows.order_by("pk").select_for_update(of=("self",), no_key=True):
        row.had_records_at, row.slice_changed_at = at, row.slice_changed_at or at
        row.save(update_fields=["had_records_at", "slice_changed_at"])
    return Swept()


def _params(reconciliation: Reconciliation, record_id: int | None, at: datetime) -> dict[str, Any]:
    return {
        "reconciliation": reconciliation.pk,
        "record": record_id,
        "most": settings.CHUNK_GROUPS,
        "at": at,
    }


def _by_stream(query: str, params: Mapping[str, Any]) -> dict[int, list[int]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return dict(cursor.fetchall())


def _seen(
    update: str,
    reconciliation: Reconciliation,
    found: Mapping[int, list[int]],
    params: Mapping[str, Any],
    *,
    at: datetime,
) -> Swept:
    if not found:
        return Swept()
    seen, swept = exceptions_open(reconciliation, {pk: len(ids) for pk, ids in found.items()}, at=at)
    ids = [pk for each in found.values() for pk in each]
    with connection.cursor() as cursor:
        cursor.execute(update, {**params, "seen": seen, "ids": ids})
    return swept


def _open(
    reconciliation: Reconciliation, streams: Mapping[int, int], *, at: datetime
) -> tuple[datetime, Swept]:
    by = _sweeper(reconciliation)
    rows = ReconciliationException.objects.filter(
        reconciliation=reconciliation, stream_id__in=streams, voided_at=None
    )
    locked = list(rows.order_by("pk").select_for_update(of=("self",), no_key=True))
    before = [when for row in locked for when in (row.closed_at, row.slice_changed_at) if when is not None]
    seen = max([at, *(when + TICK for when in before)])
    # The active one, or else the latest.
    standing = {row.stream_id: row for row in sorted(locked, key=lambda row: (row.is_active, row.pk))}
    swept = Swept(records=sum(streams.values()))
    shown = []
    for stream in DataStream.objects.filter(pk__in=streams).order_by("pk"):
        row, did = _stand(reconciliation, stream, standing.get(stream.pk), seen=seen, by=by)
        swept += did
        shown.append(row)
    if swept.records:
        audit.record(
            action="record.overdue",
            organization_id=reconciliation.organization_id,
            by=by,
            at=at,
            subject=reconciliation,
            subjects=shown,
            records=swept.records,
            streams={str(pk): count for pk, count in streams.items()},
            seen_at=seen.isoformat(),
        )
    return seen, swept


def _stand(
    reconciliation: Reconciliation,
    stream: DataStream,
    row: ReconciliationException | None,
    *,
    seen: datetime,
    by: Actor,
) -> tuple[ReconciliationException, Swept]:
    """The stream's exception, active and with its records noted: as it is, reopened, or made."""
    noted = {"had_records_at": (row and row.had_records_at) or seen, "slice_changed_at": seen}
    opened = {"status": ExceptionStatus.OPEN, "opened_at": seen, "modified_at": seen, "modified_by": by.ref}
    if row is None:
        row = ReconciliationException.objects.create(
            reconciliation=reconciliation,
            stream=stream,
            title=default_title(stream),
            created_at=seen,
            created_by=by.ref,
            **opened,
            **noted,
        )
        _audit("exception.opened", row, by=by, at=seen)
        return row, Swept(opened=1)
    if row.is_active:
        _save(row, **noted)
        return row, Swept()
    before = row.status
    _save(row, **opened, **noted, closed_at=None, closed_by="")
    _audit("exception.reopened", row, by=by, at=seen, before=before)
    return row, Swept(reopened=1)


def _save(row: ReconciliationException, **facts: Any) -> None:
    for name, value in facts.items():
        setattr(row, name, value)
    row.save(update_fields=list(facts))


def _sweeper(reconciliation: Reconciliation) -> Actor:
    return system_actor(TASK, reconciliation.organization_id)


def _audit(action: str, row: ReconciliationException, *, by: Actor, at: datetime, **data: object) -> None:
    audit.record(
        action=action,
        organization_id=by.organization_id,
        by=by,
        at=at,
        subject=row,
        subjects=[row.reconciliation, row.stream],
        **data,
    )
