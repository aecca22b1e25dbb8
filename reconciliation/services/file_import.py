"""Reads a file of the import page and writes each statement of it into the ledger of its account: all of them, or nothing.

What belongs to one ledger is a part: a source file of its own, in that ledger's run, so that everything which can be done
with a file of a run can be done with it. Called by the worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ledgers import formats
from ledgers.models import BankAccount, ImportProfile, Ledger, SourceFile
from ledgers.services.parsing import ParsedFile, ParsedStatement
from ledgers.services.previews import profiles_that_fit
from ledgers.states import UNFINISHED, ImportTarget, SourceFileStatus
from organizations import audit
from organizations.actors import Actor
from organizations.acts import perform
from organizations.refusals import Unreadable
from reconciliation.models import Run, RunSource
from reconciliation.selectors.runs import with_status
from reconciliation.services.account_routes import left_out_of, route_by_account
from reconciliation.services.locks import perform_patiently
from reconciliation.services.reading import (
    alone_at,
    broken_off,
    format_of,
    read_kept,
    source_fail,
    uploader_of,
)
from reconciliation.services.runs import run_create
from reconciliation.services.sources import IMPORT_PATIENCE, ReadAs, lock_for_taking, source_take
from reconciliation.services.stream_files import days_of, stream_file_write
from reconciliation.states import RunStatus

Taken = tuple[ParsedStatement, BankAccount]
SOURCES = SourceFile.objects.select_related(
    "ledger__import_profile", "stream__import_profile", "stream__bank_account", "profile"
)


def file_import(*, source_file_id: int, at: datetime) -> SourceFile:
    """Read the file and write all of it, or nothing and keep the file as failed with what is wrong in it, or what it lacks.

    Outermost: opens its own acts. Twice is the same as once; another worker at the same file makes this one leave.
    Raises Unreadable when the file cannot be taken.
    """
    with alone_at(source_file_id) as alone:
        source = SOURCES.get(pk=source_file_id)
        if not alone or source.status not in UNFINISHED or source.voided_at is not None:
            return source
        by = uploader_of(source)
        if source.status == SourceFileStatus.UPLOADED:
            perform(partial(source.move, SourceFileStatus.PROCESSING))
        try:
            with ParsedFile() as parsed:
                read_kept(parsed, source, currency=currency_of(source), default=_default_profile(source))
                write = _write if source.stream is None else _write_to_stream
                perform_patiently(partial(write, parsed, source, by=by, at=at), tries=IMPORT_PATIENCE)
        except Unreadable as refusal:
            perform(partial(source_fail, source, refusal, by=by, at=at))
            raise
        except Exception as error:
            perform(partial(source_fail, source, broken_off(error), by=by, at=at))
            raise
        source.refresh_from_db()
        return source


def currency_of(source: SourceFile) -> str | None:
    """What amounts are in where the file does not say it."""
    if source.stream is not None:
        return (source.stream.bank_account.currency or None) if source.stream.bank_account else None
    return source.ledger.currency if source.ledger else None


def _default_profile(source: SourceFile) -> ImportProfile | None:
    """The stream's or the chosen ledger's, else the only one whose columns the file has: people declared it for files such as this."""
    if source.profile is not None:
        return source.profile
    for owner in (source.stream, source.ledger):
        if owner is not None and owner.import_profile is not None:
            return owner.import_profile
    if format_of(source) != formats.CSV:
        return None
    fitting = profiles_that_fit(source)
    return fitting[0] if len(fitting) == 1 else None


def _write(parsed: ParsedFile, source: SourceFile, *, by: Actor, at: datetime) -> None:
    read_as = ReadAs(source.format, source.profile)  # the row is read again on each try
    source = SourceFile.objects.select_for_update(of=("self",)).select_related("ledger").get(pk=source.pk)
    routes = route_by_account(
        parsed.statements,
        organization_id=source.organization_id,
        nameless=source.ledger,
        left_out=left_out_of(source.skipped_statements),
        by=by,
        at=at,
    )
    lock_for_taking([account for _statement, account in routes.taken], by=by, at=at)
    parts = [
        _write_part(source, ledger, own, read_as=read_as, by=by, at=at)
        for ledger, own in _by_ledger(routes.taken)
    ]
    _complete(source, parts, read_as, skipped=routes.skipped, at=at)
    audit.record(
        action="file_import.completed",
        organization_id=source.organization_id,
        by=by,
        at=at,
        subject=source,
        subjects=[part.run_source.run for part in parts],
        imported=source.imported_count,
        already_known=source.already_known_count,
        suspect=source.suspect_count,
        profile=source.profile_id,
    )


def _write_to_stream(parsed: ParsedFile, source: SourceFile, *, by: Actor, at: datetime) -> None:
    read_as = ReadAs(source.format, source.profile)
    stream = source.stream
    assert stream is not None, "a file of a stream"
    row = SourceFile.objects.select_for_update(of=("self",)).get(pk=source.pk)
    row.format = read_as.format
    counts = stream_file_write(parsed, row, stream, by=by, at=at)
    first, last = days_of(parsed)
    row.move(
        SourceFileStatus.COMPLETED,
        format=read_as.format,
        profile=read_as.profile,
        imported_count=counts.imported,
        already_known_count=counts.already_known,
        suspect_count=0,
        pending_count=counts.pending,
        statement_from=first,
        statement_to=last,
        finished_at=at,
    )
    audit.record(
        action="file_import.completed",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        subjects=[stream],
        imported=counts.imported,
        already_known=counts.already_known,
        profile=row.profile_id,
    )


def _by_ledger(taken: Sequence[Taken]) -> list[tuple[Ledger, list[Taken]]]:
    """In one order of ledgers, in which every import locks their rows."""
    ledgers: dict[int, tuple[Ledger, list[Taken]]] = {}
    for statement, account in taken:
        assert account.ledger is not None, "routed to an account with a ledger"
        ledgers.setdefault(account.ledger.pk, (account.ledger, []))[1].append((statement, account))
    return [ledgers[pk] for pk in sorted(ledgers)]


def _write_part(
    source: SourceFile, ledger: Ledger, taken: Sequence[Taken], *, read_as: ReadAs, by: Actor, at: datetime
) -> SourceFile:
    run = open_run(ledger, by=by, at=at)
    part = SourceFile.objects.create(
        organization_id=source.organization_id,
        target=ImportTarget.STATEMENT,
        filename=source.filename,
        status=SourceFileStatus.PROCESSING,
        size_bytes=source.size_bytes,
        checksum_sha256=source.checksum_sha256,
        part_of=source,
        ledger=ledger,
        created_at=at,
        created_by=by.ref,
    )
    RunSource.objects.create(run=run, source_file=part, checksum_sha256=part.checksum_sha256, routed=True)
    source_take(part, taken, run=run, read_as=read_as, by=by, at=at)
    return part


def open_run(ledger: Ledger, *, by: Actor, at: datetime) -> Run:
    """Where the ledger's imported lines are worked on: its newest run that is not finished, else a new one.

    Behind the shared lock of the ledger's reconciliation: the run cannot be deleted from here on.
    """
    found = _newest_open(ledger)
    if found is None:
        Ledger.objects.select_for_update(no_key=True).get(pk=ledger.pk)  # two imports at once open one run
        found = _newest_open(ledger)
    if found is None:
        note = _("Imported from %(day)s on") % {"day": at.date()}
        found, _made = run_create(
            organization_id=ledger.organization_id, ledger=ledger, note=note, by=by, at=at
        )
    return found


def _newest_open(ledger: Ledger) -> Run | None:
    runs: QuerySet[Any] = with_status(Run.objects.live().filter(ledger=ledger))
    unfinished = runs.exclude(shown_status=RunStatus.CLOSED)
    return unfinished.select_related("ledger", "reconciliation").order_by("-pk").first()


def _complete(
    source: SourceFile,
    parts: Sequence[SourceFile],
    read_as: ReadAs,
    *,
    skipped: Sequence[dict[str, object]],
    at: datetime,
) -> None:
    first = [part.statement_from for part in parts if part.statement_from is not None]
    last = [part.statement_to for part in parts if part.statement_to is not None]
    source.move(
        SourceFileStatus.COMPLETED,
        format=read_as.format,
        profile=read_as.profile,
        imported_count=sum(part.imported_count or 0 for part in parts),
        already_known_count=sum(part.already_known_count or 0 for part in parts),
        suspect_count=sum(part.suspect_count or 0 for part in parts),
        pending_count=sum(part.pending_count or 0 for part in parts),
        skipped_statements=list(skipped),
        statement_from=min(first, default=None),
        statement_to=max(last, default=None),
        finished_at=at,
    )
