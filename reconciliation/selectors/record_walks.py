"""The walks over records that lists are made of: each goes down one index from the newest record on and stops at the page's
end, so that a million rows behind it cost nothing. All of them give ids; the filters that no index knows are looked at row
by row (`Condition`).

`r.id = m.record_id + 0` keeps the walk on the index it is meant for: of plainly equal columns the planner may go down the
other one, through every record there is. `OFFSET 0` in the same way makes it look at one record's row, and not read all
open items for a page's sake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from ledgers.models import ImportBatch
from reconciliation.states import MatchStatus

FEW_MATCHES = 5_000
"""So many matches of one status are looked at all; of more, their members are met soon enough on the way down."""
BATCHES_AT_ONCE = 200


@dataclass(slots=True)
class Condition:
    """Filters on the record `r`, as SQL with its parameters in order."""

    texts: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)

    def add(self, text: str, *params: Any) -> None:
        self.texts.append(text)
        self.params += params

    @property
    def sql(self) -> str:
        return " AND ".join(self.texts)


@dataclass(frozen=True, slots=True)
class Part:
    """A query for at most a page of ids in falling order."""

    sql: str
    params: Sequence[Any]


# --- whether a record is matched ------------------------------------------------------------------------------------------

ACCEPTED_ANYWHERE = """EXISTS (
    SELECT FROM reconciliation_matchmember mm JOIN reconciliation_match t ON t.id = mm.match_id
    WHERE mm.record_id = r.id AND mm.live AND t.status = 'accepted' OFFSET 0)"""
MEMBER_HERE = """EXISTS (
    SELECT FROM reconciliation_matchmember mm JOIN reconciliation_match t ON t.id = mm.match_id
    WHERE mm.reconciliation_id = %s AND mm.record_id = r.id AND mm.live AND t.status = %s OFFSET 0)"""
OPEN_HERE = """EXISTS (
    SELECT FROM reconciliation_openitem oo
    WHERE oo.reconciliation_id = %s AND oo.record_id = r.id AND oo.closed_at IS NULL OFFSET 0)"""
CLOSED_HERE = OPEN_HERE.replace("closed_at IS NULL", "closed_at IS NOT NULL")


def standing(condition: Condition, *, matched: bool, reconciliation_id: int | None) -> None:
    """Look at each record: in one reconciliation wholly covered by an accepted match or closed; else in any accepted one."""
    if reconciliation_id is None:
        condition.add(ACCEPTED_ANYWHERE if matched else f"NOT {ACCEPTED_ANYWHERE}")
        return
    here, accepted, suggested = reconciliation_id, MatchStatus.ACCEPTED.value, MatchStatus.SUGGESTED.value
    if matched:
        condition.add(f"NOT {OPEN_HERE}", here)
        condition.add(f"({MEMBER_HERE} OR {CLOSED_HERE})", here, accepted, here)
    else:
        condition.add(f"({OPEN_HERE} OR {MEMBER_HERE})", here, here, suggested)


# --- walks ----------------------------------------------------------------------------------------------------------------


def run(parts: Sequence[Part], limit: int) -> list[int]:
    """The newest ids of all parts together, each once."""
    if not parts:
        return []
    whole = " UNION ".join(f"({part.sql})" for part in parts)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM ({whole}) AS found ORDER BY id DESC LIMIT %s",  # noqa: S608 - our own texts
            [*(param for part in parts for param in part.params), limit],
        )
        return [row[0] for row in cursor.fetchall()]


def of_match(match_id: int, condition: Condition, *, below: int, limit: int) -> Part:
    return Part(
        f"""
        SELECT r.id FROM reconciliation_matchmember m JOIN ledgers_record r ON r.id = m.record_id + 0
        WHERE m.match_id = %s AND m.live AND m.record_id < %s AND {condition.sql}
        ORDER BY m.record_id DESC LIMIT %s""",  # noqa: S608
        [match_id, below, *condition.params, limit],
    )


def of_streams(stream_ids: Sequence[int], condition: Condition, *, below: int, limit: int) -> Part:
    """The newest of each stream, then of all. Said as a span of (stream, id), since the planner would go down the primary
    key through all that came into other streams later."""
    return Part(
        f"""
        SELECT newest.id FROM unnest(%s::bigint[]) AS s(stream_id) CROSS JOIN LATERAL (
            SELECT r.id FROM ledgers_record r
            WHERE r.stream_id >= s.stream_id AND (r.stream_id, r.id) < (s.stream_id, %s) AND {condition.sql}
            ORDER BY r.stream_id DESC, r.id DESC LIMIT %s) AS newest
        ORDER BY newest.id DESC LIMIT %s""",  # noqa: S608
        [list(stream_ids), below, *condition.params, limit, limit],
    )


def span_of(stream_ids: Sequence[int]) -> tuple[int, int]:
    """The first and the last record id of these streams, (0, 0) where they have none: what came in before and after is other
    streams' own, and no walk goes through it."""
    with connection.cursor() as cursor:
        cursor.execute(SPAN, [list(stream_ids)])
        oldest, newest = cursor.fetchone()
        return oldest or 0, newest or 0


SPAN = """
SELECT min(first.id), max(last.id) FROM unnest(%s::bigint[]) AS s(stream_id)
CROSS JOIN LATERAL (
    SELECT r.id FROM ledgers_record r
    WHERE r.stream_id <= s.stream_id AND (r.stream_id, r.id) > (s.stream_id, 0)
    ORDER BY r.stream_id, r.id LIMIT 1) AS first
CROSS JOIN LATERAL (
    SELECT r.id FROM ledgers_record r
    WHERE r.stream_id >= s.stream_id AND (r.stream_id, r.id) < (s.stream_id, 9223372036854775807)
    ORDER BY r.stream_id DESC, r.id DESC LIMIT 1) AS last
"""


def of_external_id(external_id: str, condition: Condition, *, below: int, limit: int) -> Part:
    """By the index of their first characters: an index keeps no text of any length."""
    return Part(
        f"""
        SELECT r.id FROM ledgers_record r
        WHERE left(r.external_id, 200) = left(%s, 200) AND r.external_id = %s AND r.external_id <> '' AND r.id < %s
            AND {condition.sql}
        ORDER BY r.id DESC LIMIT %s""",  # noqa: S608
        [external_id, external_id, below, *condition.params, limit],
    )


def of_batches(batches: Iterable[ImportBatch], condition: Condition, *, below: int, limit: int) -> Part:
    """Each batch's records stand in its span of ids."""
    spans = [batch for batch in batches if batch.first_record is not None and batch.first_record < below]
    return Part(
        f"""
        SELECT newest.id FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
            AS b(id, stream_id, first_record, last_record)
        CROSS JOIN LATERAL (
            SELECT r.id FROM ledgers_record r
            WHERE r.stream_id = b.stream_id AND r.id BETWEEN b.first_record AND b.last_record AND r.id < %s
                AND r.import_batch_id = b.id AND {condition.sql}
            ORDER BY r.id DESC LIMIT %s) AS newest
        ORDER BY newest.id DESC LIMIT %s""",  # noqa: S608
        [
            [batch.pk for batch in spans],
            [batch.stream_id for batch in spans],
            [batch.first_record for batch in spans],
            [batch.last_record for batch in spans],
            below,
            *condition.params,
            limit,
            limit,
        ],
    )


def of_tokens(
    reconciliation_id: int,
    condition: Condition,
    *,
    closed: bool | None,
    above: int = 0,
    below: int,
    limit: int,
) -> Part:
    """Records from `above` on that have an open item: closed by a person, not closed, or either (None)."""
    state = {None: "", False: "AND o.closed_at IS NULL", True: "AND o.closed_at IS NOT NULL"}[closed]
    return Part(
        f"""
        SELECT r.id FROM reconciliation_openitem o JOIN ledgers_record r ON r.id = o.record_id + 0
        WHERE o.reconciliation_id = %s AND o.record_id >= %s AND o.record_id < %s {state} AND {condition.sql}
        ORDER BY o.record_id DESC LIMIT %s""",  # noqa: S608
        [reconciliation_id, above, below, *condition.params, limit],
    )


def of_members(
    reconciliation_id: int,
    status: MatchStatus,
    condition: Condition,
    *,
    above: int = 0,
    below: int,
    limit: int,
) -> Part:
    """Members of live matches of that status: of few matches all, of many on the way down the reconciliation's members."""
    if _match_count(reconciliation_id, status) <= FEW_MATCHES:
        sql = f"""
        WITH few AS MATERIALIZED (
            SELECT id FROM reconciliation_match WHERE reconciliation_id = %s AND status = %s)
        SELECT r.id FROM few JOIN reconciliation_matchmember m ON m.match_id = few.id AND m.live
        JOIN ledgers_record r ON r.id = m.record_id + 0
        WHERE m.record_id >= %s AND m.record_id < %s AND {condition.sql}
        ORDER BY r.id DESC LIMIT %s"""  # noqa: S608
        return Part(sql, [reconciliation_id, status.value, above, below, *condition.params, limit])
    sql = f"""
        SELECT r.id FROM reconciliation_matchmember m JOIN reconciliation_match t ON t.id = m.match_id
        JOIN ledgers_record r ON r.id = m.record_id + 0
        WHERE m.reconciliation_id = %s AND m.live AND t.status = %s AND m.record_id >= %s AND m.record_id < %s
            AND {condition.sql}
        ORDER BY m.record_id DESC LIMIT %s"""  # noqa: S608
    return Part(sql, [reconciliation_id, status.value, above, below, *condition.params, limit])


def _match_count(reconciliation_id: int, status: MatchStatus) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM (SELECT FROM reconciliation_match WHERE reconciliation_id = %s AND status = %s
                LIMIT %s) AS few""",
            [reconciliation_id, status.value, FEW_MATCHES + 1],
        )
        return int(cursor.fetchone()[0])


def by_arrival(
    stream_ids: Sequence[int],
    condition: Condition,
    *,
    since: datetime | None,
    until: datetime | None,
    behind: tuple[datetime, int] | None,
    limit: int,
) -> list[tuple[datetime, int]]:
    """(created_at, id) of what came in between two instants, the newest first: ids alone say when only roughly."""
    bounds = Condition()
    if since is not None:
        bounds.add("r.created_at >= %s", since)
    if until is not None:
        bounds.add("r.created_at <= %s", until)
    if behind is not None:
        bounds.add("(r.created_at, r.id) < (%s, %s)", *behind)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT newest.created_at, newest.id FROM unnest(%s::bigint[]) AS s(stream_id) CROSS JOIN LATERAL (
                SELECT r.created_at, r.id FROM ledgers_record r
                WHERE r.stream_id = s.stream_id AND {bounds.sql} AND {condition.sql}
                ORDER BY r.created_at DESC, r.id DESC LIMIT %s) AS newest
            ORDER BY newest.created_at DESC, newest.id DESC LIMIT %s""",  # noqa: S608
            [list(stream_ids), *bounds.params, *condition.params, limit, limit],
        )
        return cursor.fetchall()


def arrived_of(
    ids: Sequence[int], condition: Condition, *, behind: tuple[datetime, int] | None, limit: int
) -> list[tuple[datetime, int]]:
    """Those of a few records that the condition holds for, in the order of their arrival."""
    place = Condition()
    if behind is not None:
        place.add("AND (r.created_at, r.id) < (%s, %s)", *behind)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT r.created_at, r.id FROM unnest(%s::bigint[]) AS few(id) JOIN ledgers_record r ON r.id = few.id
            WHERE {condition.sql} {place.sql} ORDER BY r.created_at DESC, r.id DESC LIMIT %s""",  # noqa: S608
            [list(ids), *condition.params, *place.params, limit],
        )
        return cursor.fetchall()


def of_source(
    stream_ids: Sequence[int],
    source: str,
    condition: Condition,
    *,
    since: datetime | None,
    until: datetime | None,
    below: int,
    limit: int,
) -> list[int]:
    """What came in by batches of one source: batch by batch from the newest, until none that is left can have a newer
    record than those found."""
    found: list[int] = []
    waiting: list[ImportBatch] = []
    looked_at = 0
    while True:
        if not waiting:
            waiting = _newest_batches(
                stream_ids, source, since=since, until=until, below=below, offset=looked_at
            )
            looked_at += len(waiting)
        if not waiting or (len(found) == limit and found[-1] > min(waiting[0].last_record or 0, below - 1)):
            return found
        few = _enough(waiting, 2 * limit)
        waiting = waiting[len(few) :]
        found += run([of_batches(few, condition, below=below, limit=limit)], limit)
        found = sorted(set(found), reverse=True)[:limit]


def _enough(batches: Sequence[ImportBatch], records: int) -> list[ImportBatch]:
    """As many of them as brought so many records."""
    taken = []
    for batch in batches:
        taken.append(batch)
        records -= batch.record_count
        if records <= 0:
            break
    return taken


def _newest_batches(
    stream_ids: Sequence[int],
    source: str,
    *,
    since: datetime | None,
    until: datetime | None,
    below: int,
    offset: int,
) -> list[ImportBatch]:
    """By the newest record that each can have below that id. What its last record came before is before all of it."""
    where = Condition()
    if until is not None:
        where.add("b.created_at <= %s", until)
    if since is not None:
        where.add("(SELECT created_at FROM ledgers_record WHERE id = b.last_record) >= %s", since)
    more = f"AND {where.sql}" if where.texts else ""
    return list(
        ImportBatch.objects.raw(
            f"""
            SELECT b.id, b.stream_id, b.first_record, b.last_record, b.record_count FROM ledgers_importbatch b
            WHERE b.stream_id = ANY(%s) AND b.source = %s AND b.voided_at IS NULL AND b.first_record < %s {more}
            ORDER BY least(b.last_record, %s) DESC, b.id DESC LIMIT %s OFFSET %s""",  # noqa: S608
            [list(stream_ids), source, below, *where.params, below - 1, BATCHES_AT_ONCE, offset],
        )
    )
