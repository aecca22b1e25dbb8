"""Adjustment records: what makes a match by hand add up. One stands in its match only: it has no open item in any
reconciliation, and is voided when the match ends. Called by groups and matches.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db import connection
from django.utils.translation import gettext as _

from ledgers.models import DataStream, Record
from ledgers.services.records import records_write
from ledgers.states import WRITABLE_STREAMS, Direction, RecordKind
from organizations.actors import Actor
from organizations.refusals import Invalid
from reconciliation.models import Match, MatchMember
from rules.models import Reconciliation, ReconciliationStream
from rules.states import Side


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A record to be written. `signed_amount`: minor units, credit +."""

    stream: DataStream
    side: str
    signed_amount: int
    date: date
    currency: str
    decimal_places: int
    reason: str


def adjustment_plan(
    reconciliation: Reconciliation, records: Sequence[Record], sides: Mapping[int, str], *, reason: str
) -> Adjustment | None:
    """What brings the magnitudes of both sides together, on the side that has less; None where they agree. It stands in the
    stream of that side's first record, or the first stream of the side; never in one that a ledger or bank account owns.

    `records` in the order in which they were named, in one currency. Invalid "match.no_stream_for_adjustment".
    """
    sums = {side: sum(r.signed_amount for r in records if sides[r.pk] == side) for side in Side.values}
    missing = abs(sums[Side.A]) - abs(sums[Side.B])
    if not missing:
        return None
    short, long = (Side.B, Side.A) if missing > 0 else (Side.A, Side.B)
    direction = 1 if (sums[short] or sums[long]) > 0 else -1
    named = [record.stream_id for record in records if sides[record.pk] == short]
    return Adjustment(
        stream=_stream(reconciliation, short, named),
        side=short,
        signed_amount=direction * abs(missing),
        date=max(record.date for record in records),
        currency=records[0].currency,
        decimal_places=records[0].decimal_places,
        reason=reason,
    )


def adjustment_write(adjustment: Adjustment, match: Match, *, by: Actor, at: datetime) -> None:
    """The record, as one more member of the match that was made just now. The caller shares the streams' locks, so that no
    reset passes it by."""
    credit = adjustment.signed_amount > 0
    row = pl.DataFrame(
        {
            "date": [adjustment.date],
            "amount": [abs(adjustment.signed_amount)],
            "direction": [Direction.CREDIT.value if credit else Direction.DEBIT.value],
            "currency": [adjustment.currency],
            "decimal_places": pl.Series([adjustment.decimal_places], dtype=pl.Int16),
            "description": [adjustment.reason],
            "metadata": [json.dumps({"adjustment": True, "reconciliation_match_id": match.pk})],
        }
    )
    written = records_write(row, stream=adjustment.stream, kind=RecordKind.ADJUSTMENT, by=by, at=at)
    match.adjustment_id = int(written["id"][0])
    match.save(update_fields=["adjustment_id"])
    MatchMember.objects.create(
        match=match,
        reconciliation_id=match.reconciliation_id,
        record_id=match.adjustment_id,
        side=adjustment.side,
        applied=adjustment.signed_amount,
    )


def adjustments_void(match_ids: Sequence[int], *, by: Actor, at: datetime) -> None:
    """Those of matches that are ending."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE ledgers_record SET voided_at = %s, voided_by = %s WHERE voided_at IS NULL AND id IN (
                SELECT adjustment_id FROM reconciliation_match WHERE id = ANY(%s) AND adjustment_id IS NOT NULL)
            """,
            [at, by.ref, list(match_ids)],
        )


def _stream(reconciliation: Reconciliation, side: str, named: Sequence[int]) -> DataStream:
    wired = ReconciliationStream.objects.filter(
        reconciliation=reconciliation, side=side, stream__kind__in=WRITABLE_STREAMS
    )
    streams = {wire.stream_id: wire.stream for wire in wired.select_related("stream").order_by("pk")}
    for stream_id in (*named, *streams):
        if stream_id in streams:
            return streams[stream_id]
    message = _(
        "Side %(side)s has no stream that an adjustment could stand in: nothing is added to ledgers and statements here."
    )
    raise Invalid(message % {"side": side.upper()}, code="match.no_stream_for_adjustment")
