"""The user's books as a CSV file: journals and entries into ledgers, all or nothing, known lines not twice.

Lines with a journal id are one journal and must foot; the others are single entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import BinaryIO

import polars as pl
from django.utils.translation import gettext as _

from ledgers.formats import read_entries
from ledgers.formats.events import FileRefused
from ledgers.models import DataStream, Ledger
from ledgers.money import MINOR_MAX
from ledgers.services import postings
from ledgers.services.dedup import base_keys, numbered_keys
from ledgers.services.rows import copy_out
from ledgers.services.statements import ImportCounts, known_records
from ledgers.states import Direction, JournalKind
from organizations import audit
from organizations.actors import Actor
from organizations.ids import uuid7_block
from organizations.refusals import Unreadable
from reconciliation.services.intake import entries_write, zone_of
from rules.services import setup

ROWS_SHOWN = 1_000


def books_import(
    *,
    organization_id: int,
    file: BinaryIO,
    filename: str,
    ledger: Ledger | None = None,
    source_file_id: int | None = None,
    by: Actor,
    at: datetime,
) -> ImportCounts:
    """Post every line of the file, or none. `ledger` takes the lines that name no ledger.

    Raises Unreadable with each bad line: unknown ledgers, other currencies, journals that do not foot. A line that was
    imported before is already known; of a journal, all of its lines or none.
    """
    lines = _read(file, ledger, zone=str(zone_of(organization_id)))
    named = lines["ledger_code"].unique().to_list()
    ledgers = {found.code: found for found in Ledger.objects.of(organization_id).filter(code__in=named)}
    lines = _placed(lines, ledgers)
    _check(lines, ledgers)
    by_pk = {found.pk: found for found in ledgers.values()}
    fresh = _not_known(lines, by_pk, by=by, at=at)
    counts = ImportCounts(imported=fresh.height, already_known=lines.height - fresh.height)
    if fresh.height:
        entries = _entries(fresh, organization_id=organization_id)
        entries_write(
            entries,
            _journals(entries, fresh),
            ledgers={pk: by_pk[pk] for pk in fresh["ledger_id"].unique().to_list()},
            organization_id=organization_id,
            source_file_id=source_file_id,
            by=by,
            at=at,
        )
    audit.record(
        action="books.imported",
        organization_id=organization_id,
        by=by,
        at=at,
        subject=("organizations.organization", organization_id),
        filename=filename,
        imported=counts.imported,
        already_known=counts.already_known,
    )
    return counts


def _read(file: BinaryIO, ledger: Ledger | None, *, zone: str) -> pl.DataFrame:
    code, currency = (ledger.code, ledger.currency) if ledger is not None else ("", None)
    file.seek(0)  # the act may be run again
    try:
        frames = list(read_entries(file, currency=currency, ledger_code=code, time_zone=zone))
    except FileRefused as refused:
        rows = [{"line": row.line, "field": row.field, "message": row.message} for row in refused.rows]
        details = {"rows": rows, "row_errors": refused.row_errors}
        raise Unreadable(
            refused.message, code=refused.code, word="invalid_file", details=details
        ) from refused
    if not frames:
        raise Unreadable(
            _("The file has a header and no lines. Nothing was imported."),
            code="file.empty",
            word="invalid_file",
            details={"rows": [], "row_errors": 0},
        )
    return pl.concat(frames)


def _placed(lines: pl.DataFrame, ledgers: Mapping[str, Ledger]) -> pl.DataFrame:
    """Adds ledger_id (null: unknown) and the ledger's own currency."""
    known = pl.DataFrame(
        {
            "ledger_code": list(ledgers),
            "ledger_id": [ledger.pk for ledger in ledgers.values()],
            "ledger_currency": [ledger.currency for ledger in ledgers.values()],
        },
        schema={"ledger_code": pl.String, "ledger_id": pl.Int64, "ledger_currency": pl.String},
    )
    return lines.join(known, on="ledger_code", how="left", maintain_order="left")


def _check(lines: pl.DataFrame, ledgers: Mapping[str, Ledger]) -> None:
    unknown = lines.filter(pl.col("ledger_id").is_null()).select(
        "line_no",
        pl.lit("ledger").alias("field"),
        pl.format("there is no ledger with code '{}'", "ledger_code").alias("message"),
    )
    currency = lines.filter(pl.col("currency") != pl.col("ledger_currency")).select(
        "line_no",
        pl.lit("currency").alias("field"),
        pl.format("{} in a ledger that is kept in {}", "currency", "ledger_currency").alias("message"),
    )
    zero = lines.filter(pl.col("amount") <= 0).select(
        "line_no", pl.lit("amount").alias("field"), pl.lit("an entry's amount is above zero").alias("message")
    )
    closed = sorted({ledger.code for ledger in ledgers.values() if not ledger.allows_direct_booking})
    direct = lines.filter(pl.col("ledger_code").is_in(closed)).select(
        "line_no",
        pl.lit("ledger").alias("field"),
        pl.format("ledger {} takes no direct bookings", "ledger_code").alias("message"),
    )
    faults = pl.concat([unknown, currency, zero, direct, _too_large(lines), _unbalanced(lines)]).sort(
        "line_no"
    )
    if faults.is_empty():
        return
    rows = [
        {"line": line, "field": field, "message": message}
        for line, field, message in faults.head(ROWS_SHOWN).iter_rows()
    ]
    raise Unreadable(
        _("Nothing was imported. Line %(line)s: %(message)s. Correct the file and import it again.")
        % rows[0],
        code="file.rows",
        word="invalid_file",
        details={"rows": rows, "row_errors": faults.height},
    )


def _too_large(lines: pl.DataFrame) -> pl.DataFrame:
    """The line from which on the file's amounts add up to more than any sum can hold."""
    total = pl.col("amount").cast(pl.Int128).cum_sum()
    return (
        lines.filter(total > MINOR_MAX)
        .head(1)
        .select(
            "line_no",
            pl.lit("amount").alias("field"),
            pl.lit("up to here the amounts add up to more than any sum can hold").alias("message"),
        )
    )


def _unbalanced(lines: pl.DataFrame) -> pl.DataFrame:
    """Journals whose debits are not their credits, or whose lines are in several currencies."""
    signed = (
        pl.when(pl.col("direction") == Direction.DEBIT).then(pl.col("amount")).otherwise(-pl.col("amount"))
    )
    journals = (
        lines.filter(pl.col("journal_key") != "")
        .group_by("journal_key")
        .agg(
            pl.col("line_no").min(),
            signed.sum().alias("off"),
            pl.col("currency").n_unique().alias("currencies"),
        )
        .filter((pl.col("off") != 0) | (pl.col("currencies") > 1))
    )
    return journals.select(
        "line_no",
        pl.lit("journal").alias("field"),
        pl.format(
            "journal '{}' does not foot: debits less credits are {} minor units", "journal_key", "off"
        ).alias("message"),
    )


def _not_known(
    lines: pl.DataFrame, ledgers: Mapping[int, Ledger], *, by: Actor, at: datetime
) -> pl.DataFrame:
    """The lines that no ledger stream has yet, with their dedup keys; the n-th of equal lines has a key of its own."""
    streams = {}
    for pk, ledger in sorted(ledgers.items()):
        streams[pk] = setup.entry_stream(ledger, by=by, at=at)
        # One import at a time into a ledger: the next one sees these lines as known.
        Ledger.objects.select_for_update(no_key=True).get(pk=pk)
    facts = lines.with_columns(
        pl.col("journal_key").alias("external_id"), pl.col("event").alias("end_to_end_id")
    )
    parts = []
    for (ledger_id,), part in facts.partition_by("ledger_id", as_dict=True).items():
        keys = numbered_keys(base_keys(part))["key"]
        known = known_records(streams[int(ledger_id)], keys)["key"]
        parts.append(part.with_columns(keys.alias("dedup_key"), keys.is_in(known.implode()).alias("known")))
    told = pl.concat(parts).sort("line_no")
    _refuse_added(told)
    _refuse_changed(told, streams.values())
    return told.filter(~pl.col("known")).drop("known", "end_to_end_id")


def _refuse_added(lines: pl.DataFrame) -> None:
    """A journal is known as a whole or not at all: one with lines of both kinds has got more since it was imported."""
    named = pl.col("journal_key") != ""
    mixed = lines.filter(named & pl.col("known").any().over("journal_key") & ~pl.col("known"))
    message = pl.format("journal '{}' was imported before without this line", "journal_key")
    _refuse_journals(mixed.select("line_no", message.alias("message")))


JOURNAL_LINES = """
SELECT external_id, date, dedup_key::text FROM ledgers_record
WHERE stream_id = ANY(%s) AND voided_at IS NULL AND date BETWEEN %s AND %s AND external_id = ANY(%s)
"""


def _refuse_changed(lines: pl.DataFrame, streams: Iterable[DataStream]) -> None:
    """A journal of that day was imported before with a line that the file does not have: it would be posted twice."""
    journals = lines.filter(pl.col("journal_key") != "")
    if journals.is_empty():
        return
    days = journals["date"].min(), journals["date"].max()
    keys = journals["journal_key"].unique().to_list()
    before = copy_out(
        JOURNAL_LINES,
        [[stream.pk for stream in streams], *days, keys],
        {"journal_key": pl.String, "date": pl.Date, "dedup_key": pl.String},
    )
    gone = before.join(journals, on="dedup_key", how="anti").select("journal_key", "date").unique()
    changed = journals.join(gone, on=["journal_key", "date"], how="semi").group_by("journal_key").first()
    message = pl.format("journal '{}' of {} was imported before with other lines", "journal_key", "date")
    _refuse_journals(changed.select("line_no", message.alias("message")))


def _refuse_journals(faults: pl.DataFrame) -> None:
    if faults.is_empty():
        return
    rows = [
        {"line": line, "field": "journal", "message": message}
        for line, message in faults.sort("line_no").head(ROWS_SHOWN).iter_rows()
    ]
    raise Unreadable(
        _("Nothing was imported. Line %(line)s: %(message)s. Post a correcting journal instead.") % rows[0],
        code="file.journal_changed",
        word="invalid_file",
        details={"rows": rows, "row_errors": faults.height},
    )


def _entries(lines: pl.DataFrame, *, organization_id: int) -> pl.DataFrame:
    """As postings.ENTRY_SCHEMA, with the journal's own id as external_id. The instant is the stated one, else the start of the day in the organization's zone."""
    zone = str(zone_of(organization_id))
    day_start = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone(zone).dt.convert_time_zone("UTC")
    named = pl.col("journal_key") != ""
    number = pl.when(named).then(pl.col("journal_key")).otherwise(pl.format("\x00{}", "line_no"))
    return lines.with_columns(
        (number.rank("dense").cast(pl.Int64) - 1).alias("journal_no"),
        pl.col("timestamp").fill_null(day_start).alias("occurred_at"),
        pl.col("value_date").fill_null(pl.col("date")),
    ).select(*postings.ENTRY_SCHEMA, "dedup_key", "external_id")


def _journals(entries: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    kinds = pl.when(lines["journal_key"] == "").then(pl.lit(JournalKind.SINGLE.value))
    facts = entries.with_columns(kinds.otherwise(pl.lit(JournalKind.JOURNAL.value)).alias("kind"))
    first = facts.group_by("journal_no", maintain_order=True).agg(
        *(pl.col(name).first() for name in ("kind", "reference", "description", "occurred_at", "value_date"))
    )
    return first.select(
        "journal_no",
        pl.Series("uuid", uuid7_block(first.height), dtype=pl.String),
        "kind",
        pl.lit("").alias("type"),
        "reference",
        "description",
        "occurred_at",
        "value_date",
        pl.lit("{}").alias("metadata"),
    )
