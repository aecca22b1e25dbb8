"""States discrepancies: each once while it is open, in one statement for however many. Imports, matches and passes call it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl
from django.db import connection
from django.utils.translation import gettext as _

from ledgers.services.rows import copy_into, copy_out, copy_rows
from organizations.actors import Actor
from organizations.ids import uuid7_block
from reconciliation.models import Discrepancy
from reconciliation.states import SEVERITY_OF, DiscrepancyStatus, DiscrepancyType

UNMATCHED_ITEMS = """
SELECT DISTINCT r.id, r.amount, r.currency, r.decimal_places, l.source_file_id
FROM {lines}
JOIN reconciliation_runsource rs ON rs.source_file_id = l.source_file_id AND rs.run_id = %(run)s AND rs.live
JOIN reconciliation_openitem o ON o.reconciliation_id = %(reconciliation)s AND o.record_id = l.record_id
    AND o.held_by IS NULL AND o.closed_at IS NULL
JOIN ledgers_record r ON r.id = l.record_id
WHERE l.voided_at IS NULL
    AND NOT EXISTS (
        SELECT FROM reconciliation_discrepancy d
        WHERE d.run_id = %(run)s AND d.record_id = l.record_id AND d.type = 'unmatched_source' AND d.voided_at IS NULL
            AND (d.status <> 'closed' OR d.close_reason NOT LIKE 'auto:%%'))
ORDER BY r.id
"""
ALL_LINES = "ledgers_statementline l"
THEIR_LINES = (
    "unnest(%(records)s::bigint[]) AS wanted(id) JOIN ledgers_statementline l ON l.record_id = wanted.id"
)
UNMATCHED_SCHEMA: dict[str, Any] = {
    "record_id": pl.Int64,
    "amount": pl.Int64,
    "currency": pl.String,
    "decimal_places": pl.Int16,
    "source_file_id": pl.Int64,
}

RAISE = """
INSERT INTO reconciliation_discrepancy (uuid, record_id, match_id, statement_id, source_file_id, amount, currency,
    decimal_places, description, reconciliation_id, run_id, type, severity, status, created_at, created_by, closed_by,
    close_reason, close_note)
SELECT raised.*, %(reconciliation)s, %(run)s, %(type)s, %(severity)s, 'open', %(at)s, %(by)s, '', '', ''
FROM {raised} ON CONFLICT DO NOTHING
"""
RAISED = (
    "uuid uuid, record_id bigint, match_id bigint, statement_id bigint, source_file_id bigint, amount bigint,"
    " currency text, decimal_places smallint, description text"
)
FROM_TEXT = f"json_to_recordset(%(rows)s) AS raised ({RAISED})"
TEMPORARY = "discrepancies_raised"


def raise_unmatched(
    *, run_id: int, reconciliation_id: int, record_ids: list[int] | None = None, by: Actor, at: datetime
) -> int:
    """State each free item of the run (or of these records of it) as unmatched, once; the number raised."""
    params = {"run": run_id, "reconciliation": reconciliation_id, "records": record_ids}
    # Not "records is null or …": without statistics that was planned as a search of the list for every line.
    lines = ALL_LINES if record_ids is None else THEIR_LINES
    rows = copy_out(UNMATCHED_ITEMS.format(lines=lines), params, UNMATCHED_SCHEMA)
    if rows.is_empty():
        return 0
    raised = rows.select(
        pl.Series("uuid", uuid7_block(rows.height), dtype=pl.String),
        pl.all(),
        pl.lit(_("No ledger entry agrees with this line.")).alias("description"),
    )
    said = _said(DiscrepancyType.UNMATCHED_SOURCE, reconciliation_id, run_id, by=by, at=at)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {TEMPORARY} ({RAISED}) ON COMMIT DROP")
        copy_into(TEMPORARY, raised)
        cursor.execute(RAISE.format(raised=f"{TEMPORARY} AS raised"), said)
        cursor.execute(f"DROP TABLE {TEMPORARY}")
    return rows.height


def raise_many(
    *,
    type_: DiscrepancyType,
    reconciliation_id: int,
    run_id: int | None,
    rows: Sequence[Mapping[str, object]],
    by: Actor,
    at: datetime,
) -> int:
    """Open discrepancies of one type, in one statement. `rows` name what RAISE takes, as far as it applies. A record that
    has an open one of the type in the run gets no second. Gives the number asked for."""
    if not rows:
        return 0
    uuids = uuid7_block(len(rows))
    # One text for the database to take apart: a list for each column costs the driver more than the rows themselves.
    raised = [{"uuid": uuid, **row} for uuid, row in zip(uuids, rows, strict=True)]
    said = _said(type_, reconciliation_id, run_id, by=by, at=at)
    with connection.cursor() as cursor:
        cursor.execute(RAISE.format(raised=FROM_TEXT), {**said, "rows": json.dumps(raised)})
    return len(rows)


def raise_of_new_matches(
    rows: pl.DataFrame,
    *,
    type_: DiscrepancyType,
    reconciliation_id: int,
    run_id: int | None,
    by: Actor,
    at: datetime,
) -> None:
    """The same of matches that were just written, by COPY: nothing can have been said of them yet. A frame of match_id,
    amount (minor units), currency, decimal_places, description."""
    said = _said(type_, reconciliation_id, run_id, by=by, at=at)
    copy_rows(
        Discrepancy,
        rows.select(
            pl.Series("uuid", uuid7_block(rows.height), dtype=pl.String),
            pl.all(),
            pl.lit(said["reconciliation"]).alias("reconciliation_id"),
            pl.lit(said["run"], dtype=pl.Int64).alias("run_id"),
            pl.lit(said["type"]).alias("type"),
            pl.lit(said["severity"]).alias("severity"),
            pl.lit(DiscrepancyStatus.OPEN.value).alias("status"),
            pl.lit(at).alias("created_at"),
            pl.lit(said["by"]).alias("created_by"),
            *(pl.lit("").alias(name) for name in ("closed_by", "close_reason", "close_note")),
        ),
    )


def _said(
    type_: DiscrepancyType, reconciliation_id: int, run_id: int | None, *, by: Actor, at: datetime
) -> dict[str, Any]:
    return {
        "reconciliation": reconciliation_id,
        "run": run_id,
        "type": type_.value,
        "severity": SEVERITY_OF[type_].value,
        "at": at,
        "by": by.ref,
    }
