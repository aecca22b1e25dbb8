"""Posts entries to ledgers: journals and records by COPY, balances as insert-only deltas. Called by intake only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import polars as pl
from django.utils.translation import gettext as _

from ledgers.models import DataStream, Journal, Ledger, LedgerDelta
from ledgers.money import MINOR_MAX
from ledgers.services.batches import batches_add, batches_open
from ledgers.services.records import records_write
from ledgers.services.rows import copy_rows, draw_ids, id_sequence
from ledgers.states import Direction, JournalKind
from organizations.actors import Actor
from organizations.ids import uuid7_block
from organizations.refusals import Conflict, Invalid


@dataclass(frozen=True, slots=True)
class EntryIn:
    """One entry to post: minor units above zero, `direction` debit or credit."""

    ledger: Ledger
    amount: int
    direction: str
    description: str = ""
    reference: str = ""
    value_date: date | None = None
    occurred_at: datetime | None = None
    event: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JournalIn:
    """What a journal says of itself; `id` where the caller chose its uuid."""

    type: str = ""
    reference: str = ""
    description: str = ""
    value_date: date | None = None
    occurred_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: UUID | None = None


ENTRY_SCHEMA: dict[str, Any] = {
    "journal_no": pl.Int64,
    "ledger_id": pl.Int64,
    "date": pl.Date,
    "value_date": pl.Date,
    "occurred_at": pl.Datetime("us", "UTC"),
    "amount": pl.Int64,
    "direction": pl.String,
    "currency": pl.String,
    "decimal_places": pl.Int16,
    "reference": pl.String,
    "description": pl.String,
    "event": pl.String,
    "metadata": pl.String,
}
JOURNAL_SCHEMA: dict[str, Any] = {
    "journal_no": pl.Int64,
    "uuid": pl.String,
    "kind": pl.String,
    "type": pl.String,
    "reference": pl.String,
    "description": pl.String,
    "occurred_at": pl.Datetime("us", "UTC"),
    "value_date": pl.Date,
    "metadata": pl.String,
}


def checked_entries(entries: Sequence[EntryIn]) -> None:
    """Refuse what no ledger takes: an amount not above zero, sums beyond 64 bits, a ledger without direct booking."""
    for place, entry in enumerate(entries):
        path = ["entries", place]
        if not 0 < entry.amount <= MINOR_MAX:
            raise Invalid(
                _("An entry's amount is a whole number of minor units above zero."),
                code="entry.amount",
                issues=[{"path": [*path, "amount"], "message": _("Not above zero, or too large.")}],
            )
        if entry.direction not in Direction.values:
            raise Invalid(
                _("An entry's type is debit or credit."),
                code="entry.type",
                issues=[{"path": [*path, "type"], "message": _("Write debit or credit.")}],
            )
        if not entry.ledger.allows_direct_booking:
            raise Conflict(
                _("Ledger %(code)s takes no direct bookings. Post to one of its subledgers.")
                % {"code": entry.ledger.code},
                code="ledger.no_direct_booking",
                word="direct_booking_refused",
            )
    if sum(entry.amount for entry in entries) > MINOR_MAX:
        raise Invalid(_("Together these amounts are larger than any sum can be."), code="entry.amount")


def checked_footing(entries: Sequence[EntryIn], total_amount: int | None) -> None:
    """A journal has two entries or more in one currency, and its debits equal its credits (and the stated total)."""
    currencies = sorted({entry.ledger.currency for entry in entries})
    if len(entries) < 2:
        raise Invalid(_("A journal needs at least two entries."), code="journal.too_few_entries")
    if len(currencies) > 1:
        raise Invalid(
            _("A journal is kept in one currency; these entries are in %(list)s.")
            % {"list": ", ".join(currencies)},
            code="journal.currencies_differ",
        )
    debits = sum(entry.amount for entry in entries if entry.direction == Direction.DEBIT)
    credits = sum(entry.amount for entry in entries if entry.direction == Direction.CREDIT)
    if debits != credits:
        raise Invalid(
            _("Debits are %(debits)s and credits %(credits)s minor units; a journal's must be equal.")
            % {"debits": debits, "credits": credits},
            code="journal.unbalanced",
            word="journal_unbalanced",
            details={"debits": debits, "credits": credits, "difference": debits - credits},
        )
    if total_amount is not None and total_amount != debits:
        raise Invalid(
            _("The stated total is %(total)s, the entries add up to %(debits)s minor units on each side.")
            % {"total": total_amount, "debits": debits},
            code="journal.total_differs",
            issues=[{"path": ["transaction", "total_amount"], "message": _("Differs from the entries.")}],
        )


def entries_frame(
    entries: Sequence[EntryIn], *, zone: ZoneInfo, at: datetime, one_journal: bool
) -> pl.DataFrame:
    """The entries as a frame. The booking date is the day of the timestamp in the organization's zone; an entry without
    a value date has that day too, since an entry of the books is valued when booked unless it says otherwise."""
    rows = []
    for number, entry in enumerate(entries):
        moment = entry.occurred_at or at
        try:
            day = moment.astimezone(zone).date()
        except OverflowError:
            message = _(
                "This instant is on no day between the years 1 and 9999 in your organization's time zone."
            )
            issue = {"path": ["entries", number, "timestamp"], "message": message}
            raise Invalid(message, code="entry.timestamp", issues=[issue]) from None
        rows.append(
            (
                0 if one_journal else number,
                entry.ledger.pk,
                day,
                entry.value_date or day,
                moment.astimezone(UTC),
                entry.amount,
                entry.direction,
                entry.ledger.currency,
                entry.ledger.decimal_places,
                entry.reference,
                entry.description,
                entry.event,
                json.dumps(dict(entry.metadata)),
            )
        )
    return pl.DataFrame(rows, schema=ENTRY_SCHEMA, orient="row")


def single_journals(entries: pl.DataFrame) -> pl.DataFrame:
    """A journal of kind single for each entry."""
    return entries.select(
        "journal_no",
        pl.Series("uuid", uuid7_block(entries.height), dtype=pl.String),
        pl.lit(JournalKind.SINGLE.value).alias("kind"),
        pl.lit("").alias("type"),
        "reference",
        "description",
        "occurred_at",
        "value_date",
        pl.lit("{}").alias("metadata"),
    )


def one_journal(journal: JournalIn, entries: pl.DataFrame) -> pl.DataFrame:
    first = entries.row(0, named=True)
    row = (
        0,
        str(journal.id) if journal.id else uuid7_block(1)[0],
        JournalKind.JOURNAL.value,
        journal.type,
        journal.reference,
        journal.description,
        journal.occurred_at.astimezone(UTC) if journal.occurred_at else first["occurred_at"],
        journal.value_date or first["value_date"],
        json.dumps(dict(journal.metadata)),
    )
    return pl.DataFrame([row], schema=JOURNAL_SCHEMA, orient="row")


def post(
    entries: pl.DataFrame,
    journals: pl.DataFrame,
    *,
    organization_id: int,
    streams: Mapping[int, DataStream],
    source_file_id: int | None = None,
    by: Actor,
    at: datetime,
) -> pl.DataFrame:
    """Write journals, records and balance deltas. `streams` maps ledger ids to their entry streams. What a file brought is
    counted in its import batches.

    Gives the entries back with `id`, `uuid`, `effect`, `stream_id` and `journal_uuid`, in their own order.
    """
    numbered = journals.with_columns(
        pl.Series("journal_id", draw_ids(id_sequence(Journal), journals.height), dtype=pl.Int64)
    )
    _journals_write(numbered, entries, organization_id=organization_id, by=by, at=at)
    keyed = entries.with_row_index("place").join(
        numbered.select("journal_no", "journal_id", pl.col("uuid").alias("journal_uuid")),
        on="journal_no",
        how="left",
    )
    batches: dict[int, int] = {}
    if source_file_id is not None:
        posted = {streams[pk].pk for pk in entries["ledger_id"].unique()}
        batches = batches_open(posted, source_file_id=source_file_id, by=by, at=at)
    written = []
    for ledger_id, part in _by_ledger(keyed):
        stream = streams[ledger_id]
        rows = records_write(
            part.sort("place"),
            stream=stream,
            source_file_id=source_file_id,
            import_batch_id=batches.get(stream.pk),
            by=by,
            at=at,
        )
        written.append(rows.with_columns(pl.lit(stream.pk).alias("stream_id")))
    _deltas_write(entries, at=at)
    whole = pl.concat(written).sort("place")
    if batches:
        batches_add(batches, whole)
    return whole


def _by_ledger(entries: pl.DataFrame) -> Iterable[tuple[int, pl.DataFrame]]:
    for (ledger_id,), part in entries.partition_by("ledger_id", as_dict=True).items():
        yield int(ledger_id), part


def _journals_write(
    journals: pl.DataFrame, entries: pl.DataFrame, *, organization_id: int, by: Actor, at: datetime
) -> None:
    is_debit = pl.col("direction") == Direction.DEBIT
    totals = entries.group_by("journal_no").agg(
        pl.col("currency").first(),
        pl.col("decimal_places").first(),
        pl.col("amount").filter(is_debit).sum().alias("total_debit"),
        pl.col("amount").filter(~is_debit).sum().alias("total_credit"),
    )
    rows = journals.join(totals, on="journal_no", how="left", maintain_order="left").select(
        pl.col("journal_id").alias("id"),
        "uuid",
        pl.lit(organization_id).alias("organization_id"),
        "kind",
        "type",
        "currency",
        "decimal_places",
        "total_debit",
        "total_credit",
        "reference",
        "description",
        "occurred_at",
        "value_date",
        "metadata",
        pl.lit(at).alias("created_at"),
        pl.lit(by.ref).alias("created_by"),
    )
    copy_rows(Journal, rows)


def _deltas_write(entries: pl.DataFrame, *, at: datetime) -> None:
    is_debit = pl.col("direction") == Direction.DEBIT
    days = entries.group_by("ledger_id", "date").agg(
        pl.col("amount").filter(is_debit).sum().alias("debit"),
        pl.col("amount").filter(~is_debit).sum().alias("credit"),
        pl.len().cast(pl.Int64).alias("entries"),
    )
    LedgerDelta.objects.bulk_create(
        LedgerDelta(created_at=at, **row) for row in days.sort("ledger_id", "date").iter_rows(named=True)
    )
