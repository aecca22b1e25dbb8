"""The one way in for entries and statement lines: writes the rows through `ledgers`, makes open items, raises statement
discrepancies. All in the caller's one transaction: all or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import polars as pl
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from ledgers.amounts import shown
from ledgers.models import DataStream, Journal, Ledger, Record, SourceFile, Statement, StatementLine
from ledgers.services import postings
from ledgers.services.parsing import ParsedStatement
from ledgers.services.postings import EntryIn, JournalIn
from ledgers.services.statements import ImportCounts, statement_open, statement_write
from organizations import audit
from organizations.actors import Actor
from organizations.models import Organization
from organizations.refusals import Conflict, Invalid
from reconciliation.models import Run
from reconciliation.services.automatic import passes_ring_for_records, passes_ring_for_streams
from reconciliation.services.locks import share_reconciliations, share_streams
from reconciliation.services.raising import raise_many
from reconciliation.services.tokens import tokens_issue
from reconciliation.states import DiscrepancyType
from rules.models import Reconciliation
from rules.selectors import wiring_of
from rules.services import setup

ENTRIES_MAX = 1_000

Wiring = Mapping[int, list[tuple[Reconciliation, str]]]


def entries_post(
    *, organization_id: int, entries: Sequence[EntryIn], by: Actor, at: datetime
) -> list[Record]:
    """Post entries one by one, each a journal of its own of kind single; at most 1,000, all or nothing."""
    if not 0 < len(entries) <= ENTRIES_MAX:
        raise Invalid(
            _("Give 1 to %(max)s entries in one request.") % {"max": ENTRIES_MAX}, code="entries.count"
        )
    postings.checked_entries(entries)
    frame = postings.entries_frame(entries, zone=zone_of(organization_id), at=at, one_journal=False)
    written = entries_write(
        frame,
        postings.single_journals(frame),
        ledgers={entry.ledger.pk: entry.ledger for entry in entries},
        organization_id=organization_id,
        by=by,
        at=at,
    )
    _audit_posting("entries.posted", entries[0].ledger, written, by=by, at=at)
    by_id = Record.objects.select_related("stream__ledger").in_bulk(written["id"].to_list())
    return [by_id[pk] for pk in written["id"].to_list()]


def journal_post(
    *,
    organization_id: int,
    entries: Sequence[EntryIn],
    type: str = "",
    total_amount: int | None = None,
    currency: str | None = None,
    reference: str = "",
    description: str = "",
    value_date: date | None = None,
    occurred_at: datetime | None = None,
    journal_id: UUID | None = None,
    metadata: Mapping[str, Any] | None = None,
    by: Actor,
    at: datetime,
) -> Journal:
    """Post a journal whole. Its debits must equal its credits ("journal.unbalanced"). An entry takes the journal's
    reference, description, value date and timestamp where it has none of its own."""
    if len(entries) > ENTRIES_MAX:
        raise Invalid(
            _("A journal has at most %(max)s entries.") % {"max": ENTRIES_MAX}, code="entries.count"
        )
    postings.checked_entries(entries)
    postings.checked_footing(entries, total_amount)
    if currency is not None and currency != entries[0].ledger.currency:
        raise Invalid(
            _("The journal says %(said)s, but its ledgers are kept in %(kept)s.")
            % {"said": currency, "kept": entries[0].ledger.currency},
            code="journal.currency_differs",
        )
    _check_not_posted(organization_id, journal_id)
    journal = JournalIn(type, reference, description, value_date, occurred_at, metadata or {}, journal_id)
    filled = [_filled(entry, journal) for entry in entries]
    frame = postings.entries_frame(filled, zone=zone_of(organization_id), at=at, one_journal=True)
    try:
        with transaction.atomic():
            written = entries_write(
                frame,
                postings.one_journal(journal, frame),
                ledgers={entry.ledger.pk: entry.ledger for entry in entries},
                organization_id=organization_id,
                by=by,
                at=at,
            )
    except IntegrityError:  # the same id came in beside us and was first
        _check_not_posted(organization_id, journal_id)
        raise
    made = Journal.objects.get(organization_id=organization_id, uuid=written["journal_uuid"][0])
    _audit_posting("journal.posted", entries[0].ledger, written, by=by, at=at, journal=str(made.uuid))
    return made


def _check_not_posted(organization_id: int, journal_id: UUID | None) -> None:
    if journal_id is None:
        return
    if Journal.objects.filter(organization_id=organization_id, uuid=journal_id).exists():
        raise Conflict(
            _("Transaction %(id)s exists already.") % {"id": journal_id},
            code="journal.id_taken",
            word="journal_exists",
        )


def _filled(entry: EntryIn, journal: JournalIn) -> EntryIn:
    return EntryIn(
        entry.ledger,
        entry.amount,
        entry.direction,
        entry.description or journal.description,
        entry.reference or journal.reference,
        entry.value_date or journal.value_date,
        entry.occurred_at or journal.occurred_at,
        entry.event,
        entry.metadata,
    )


def entries_write(
    entries: pl.DataFrame,
    journals: pl.DataFrame,
    *,
    ledgers: Mapping[int, Ledger],
    organization_id: int,
    source_file_id: int | None = None,
    by: Actor,
    at: datetime,
) -> pl.DataFrame:
    """Post a frame of entries (postings.ENTRY_SCHEMA) and make their open items."""
    streams = {pk: setup.entry_stream(ledger, by=by, at=at) for pk, ledger in sorted(ledgers.items())}
    wiring = lock_for_intake(streams.values())
    written = postings.post(
        entries,
        journals,
        organization_id=organization_id,
        streams=streams,
        source_file_id=source_file_id,
        by=by,
        at=at,
    )
    for stream_id, wired in wiring.items():
        issue(written.filter(pl.col("stream_id") == stream_id), wired, at=at)
    passes_ring_for_records({found.pk for wired in wiring.values() for found, _side in wired}, at=at)
    return written


def statement_import(
    parsed: ParsedStatement,
    *,
    source_file: SourceFile,
    stream: DataStream,
    position: int,
    currency: str,
    run: Run | None,
    by: Actor,
    at: datetime,
) -> tuple[Statement, ImportCounts]:
    """Write one statement of a file into its stream, with open items for what is new and a discrepancy where its
    balances do not add up."""
    wired = lock_for_intake([stream])[stream.pk]
    statement = statement_open(
        parsed, source_file=source_file, stream=stream, position=position, currency=currency, at=at
    )
    counts = ImportCounts(pending=statement.pending_count)
    for new, batch in statement_write(parsed, statement=statement, stream=stream, by=by, at=at):
        issue(new, wired, at=at)
        counts.add(batch)
    if counts.imported:
        passes_ring_for_streams({found.pk for found, _side in wired}, at=at)
    if run is not None and statement.balance_gap:
        _raise_balance_gap(statement, run, by=by, at=at)
    return statement, counts


def lock_for_intake(streams: Iterable[DataStream]) -> Wiring:
    """The shared locks of intake in their order, and what each stream is wired to, read under them."""
    ids = {stream.pk for stream in streams}
    share_streams(ids)
    return share_wiring(ids)


def share_wiring(stream_ids: Iterable[int]) -> Wiring:
    """The second half of it, for callers that hold the streams' locks."""
    wiring = wiring_of(stream_ids)
    share_reconciliations({found.pk for wired in wiring.values() for found, _side in wired})
    return wiring


def issue(records: pl.DataFrame, wired: list[tuple[Reconciliation, str]], *, at: datetime) -> None:
    for reconciliation, side in wired:
        tokens_issue(records, reconciliation=reconciliation, side=side, at=at)


def zone_of(organization_id: int) -> ZoneInfo:
    return ZoneInfo(Organization.objects.values_list("time_zone", flat=True).get(pk=organization_id))


def _raise_balance_gap(statement: Statement, run: Run, *, by: Actor, at: datetime) -> None:
    gap = statement.balance_gap or 0
    texts = {
        "name": _statement_name(statement),
        "gap": shown(abs(gap), statement.decimal_places, statement.currency),
        "side": _("more") if gap > 0 else _("less"),
    }
    raise_many(
        type_=DiscrepancyType.STATEMENT_BALANCE_MISMATCH,
        reconciliation_id=run.reconciliation_id,
        run_id=run.pk,
        rows=[
            {
                "statement_id": statement.pk,
                "source_file_id": statement.source_file_id,
                "amount": gap,
                "currency": statement.currency,
                "decimal_places": statement.decimal_places,
                "description": _(
                    "%(name)s does not add up: it closes with %(gap)s %(side)s than its opening and its lines give."
                    " A line may be missing or altered: ask the bank for the statement again."
                )
                % texts,
            }
        ],
        by=by,
        at=at,
    )


def _statement_name(statement: Statement) -> str:
    """Its number and day, each once: some banks number by the day, some not at all."""
    day = statement.closing_on or statement.to_date
    number = statement.number or ("" if day else str(statement.position + 1))
    if day is None or number == str(day):
        return _("Statement %(number)s") % {"number": number}
    if not number:
        return _("The statement of %(day)s") % {"day": day}
    return _("Statement %(number)s of %(day)s") % {"number": number, "day": day}


# Few lines are alike: those are found by counting, and only they are sorted. IN … OR IN keeps each count to one run
# whatever the planner thinks of tables that were filled a moment ago.
DUPLICATES = """
WITH mine AS MATERIALIZED (
    SELECT r.id, r.stream_id, r.external_id, r.date, r.signed_amount, r.reference, r.amount, r.currency,
        r.decimal_places, r.source_file_id
    FROM ledgers_record r
    WHERE r.id IN (
        SELECT l.record_id FROM ledgers_statementline l
        JOIN reconciliation_runsource s ON s.source_file_id = l.source_file_id AND s.run_id = %(run)s AND s.live
        WHERE l.voided_at IS NULL)
), alike AS (
    SELECT * FROM mine
    WHERE (stream_id, external_id) IN (
            SELECT stream_id, external_id FROM mine WHERE external_id <> ''
            GROUP BY stream_id, external_id HAVING count(*) > 1)
        OR (stream_id, date, signed_amount, reference) IN (
            SELECT stream_id, date, signed_amount, reference FROM mine WHERE reference <> ''
            GROUP BY stream_id, date, signed_amount, reference HAVING count(*) > 1)
), seen AS (
    SELECT *, first_value(id) OVER same_id AS first_by_id, first_value(id) OVER same_text AS first_by_text
    FROM alike
    WINDOW same_id AS (PARTITION BY stream_id, external_id ORDER BY id),
        same_text AS (PARTITION BY stream_id, date, signed_amount, reference ORDER BY id)
)
SELECT id, amount, currency, decimal_places, source_file_id,
    CASE WHEN external_id <> '' AND first_by_id < id THEN first_by_id ELSE first_by_text END AS twin,
    external_id <> '' AND first_by_id < id
FROM seen
WHERE source_file_id = %(file)s
    AND (external_id <> '' AND first_by_id < id OR reference <> '' AND first_by_text < id)
ORDER BY id
"""


def raise_duplicates(*, source_file: SourceFile, run: Run, by: Actor, at: datetime) -> int:
    """State each new line that has the id of another one in the run, or its date, amount and reference."""
    with connection.cursor() as cursor:
        cursor.execute(DUPLICATES, {"run": run.pk, "file": source_file.pk})
        rows = cursor.fetchall()
    names = _line_names(run, {row[-2] for row in rows})
    return raise_many(
        type_=DiscrepancyType.DUPLICATE_SOURCE,
        reconciliation_id=run.reconciliation_id,
        run_id=run.pk,
        rows=[
            {
                "record_id": record_id,
                "amount": amount,
                "currency": currency,
                "decimal_places": places,
                "source_file_id": file_id,
                "description": (
                    _("Has the bank's own id of %(twin)s. Both were kept: compare them.")
                    if same_id
                    else _("Has date, amount and reference of %(twin)s. Both were kept: compare them.")
                )
                % {"twin": names[twin]},
            }
            for record_id, amount, currency, places, file_id, twin, same_id in rows
        ],
        by=by,
        at=at,
    )


def _line_names(run: Run, record_ids: set[int]) -> dict[int, str]:
    """Where a person finds these lines of the run: number and file."""
    lines = StatementLine.objects.live().filter(
        record_id__in=record_ids, source_file__run_source__run=run, source_file__run_source__live=True
    )
    found = lines.order_by("-pk").values_list("record_id", "line_no", "source_file__filename")
    return {pk: _("line %(line)s of %(file)s") % {"line": line, "file": file} for pk, line, file in found}


def _audit_posting(
    action: str, ledger: Ledger, written: pl.DataFrame, *, by: Actor, at: datetime, **data: Any
) -> None:
    audit.record(
        action=action,
        organization_id=ledger.organization_id,
        by=by,
        at=at,
        subject=ledger,
        entries=written.height,
        first_record=int(written["id"][0]),
        last_record=int(written["id"][-1]),
        **data,
    )
