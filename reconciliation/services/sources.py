"""Statement files into a run: bytes to storage, the file's row, then reading and writing it whole, or keeping it as failed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from shutil import copyfileobj
from tempfile import NamedTemporaryFile, SpooledTemporaryFile
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ledgers.models import BankAccount, ImportProfile, SourceFile
from ledgers.services.parsing import ParsedFile, ParsedStatement
from ledgers.services.profiles import profile_for_reading
from ledgers.services.statements import ImportCounts
from ledgers.states import ImportTarget, SourceFileStatus
from organizations import audit
from organizations.actors import Actor
from organizations.acts import perform
from organizations.refusals import Conflict, TooLarge, Unreadable
from reconciliation.models import Run, RunSource
from reconciliation.selectors.runs import refuse_if_voided
from reconciliation.services.intake import lock_for_intake, raise_duplicates, statement_import
from reconciliation.services.locks import (
    perform_patiently,
    queue_imports,
    share_reconciliations,
)
from reconciliation.services.reading import alone_at, broken_off, read_kept, source_fail, uploader_of
from reconciliation.services.routing import route_to_ledger
from rules.services import setup

READ_BYTES = 1 << 20
SPOOL_BYTES = 8 << 20
IMPORT_PATIENCE = 60  # times the lock timeout: a large file into the same account may be before this one
FILENAME_MAX = 255


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """Bytes that are in storage under their SHA-256, not yet in any row."""

    checksum: str
    size: int


def receive(upload: IO[bytes]) -> ReceivedFile:
    """Store an upload by its SHA-256, reading it once; outside any transaction. TooLarge over UPLOAD_MAX_BYTES."""
    digest, size = hashlib.sha256(), 0
    with SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
        while chunk := upload.read(READ_BYTES):
            size += len(chunk)
            if size > settings.UPLOAD_MAX_BYTES:
                raise TooLarge(
                    _(
                        "The file is larger than %(max)s MB. Split it, or ask the administrator to raise the limit."
                    )
                    % {"max": settings.UPLOAD_MAX_BYTES // 2**20},
                    code="file.too_large",
                    word="too_large",
                )
            digest.update(chunk)
            spool.write(chunk)
        received = ReceivedFile(digest.hexdigest(), size)
        _keep(spool, storage_name(received.checksum), size)
    return received


def _keep(spool: IO[bytes], name: str, size: int) -> None:
    """Whole or not at all: a second upload of the same bytes at this moment, or a crash half way, must never leave a
    part of them under their name, to be read as the file."""
    if default_storage.exists(name) and default_storage.size(name) == size:
        return
    spool.seek(0)
    try:
        place = Path(default_storage.path(name))
    except NotImplementedError:  # an object store shows an object once it is whole
        default_storage.save(name, File(spool))
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=place.parent, prefix="part-", delete=False) as part:
        try:
            copyfileobj(spool, part, READ_BYTES)
            part.flush()
            os.fsync(part.fileno())
            os.chmod(part.name, settings.FILE_UPLOAD_PERMISSIONS or 0o644)
            os.replace(part.name, place)
        finally:
            Path(part.name).unlink(missing_ok=True)


def storage_name(checksum: str) -> str:
    return SourceFile(checksum_sha256=checksum).storage_name


def source_add(
    *, run: Run, received: ReceivedFile, filename: str, idempotency_key: str = "", by: Actor, at: datetime
) -> tuple[RunSource, bool]:
    """The file's row in the run, status processing; or the one that the same key made before (False).

    Refuses the same bytes twice in a run ("file.duplicate"), unless the first failed or was deleted, and a key that
    came with other bytes ("file.idempotency_conflict").
    """
    share_reconciliations([run.reconciliation_id])  # first: the run cannot be deleted from here on
    refuse_if_voided(run)
    if idempotency_key:
        made = _made_before(run, received, idempotency_key)
        if made is not None:
            return made, False
    source = SourceFile.objects.create(
        organization_id=run.organization_id,
        target=ImportTarget.STATEMENT,
        filename=filename[-FILENAME_MAX:],
        status=SourceFileStatus.PROCESSING,
        size_bytes=received.size,
        checksum_sha256=received.checksum,
        created_at=at,
        created_by=by.ref,
    )
    try:
        with transaction.atomic():
            added = RunSource.objects.create(
                run=run,
                source_file=source,
                checksum_sha256=received.checksum,
                idempotency_key=idempotency_key,
            )
    except IntegrityError:
        source.delete()  # a row of this very transaction, seen by nobody
        made = _made_before(run, received, idempotency_key) if idempotency_key else None
        if made is not None:
            return made, False
        raise _duplicate(run, received) from None
    audit.record(
        action="source_file.uploaded",
        organization_id=run.organization_id,
        by=by,
        at=at,
        subject=source,
        subjects=[run],
        sha256=received.checksum,
        size=received.size,
    )
    return added, True


def _made_before(run: Run, received: ReceivedFile, key: str) -> RunSource | None:
    made = (
        RunSource.objects.filter(run=run, idempotency_key=key, live=True)
        .select_related("source_file")
        .first()
    )
    if made is not None and made.checksum_sha256 != received.checksum:
        raise Conflict(
            _("The idempotency key %(key)s came with another file already. Use a new key.") % {"key": key},
            code="file.idempotency_conflict",
            word="idempotency_conflict",
        )
    return made


def _duplicate(run: Run, received: ReceivedFile) -> Conflict:
    first = RunSource.objects.filter(run=run, checksum_sha256=received.checksum, live=True).first()
    details = {}
    if first is not None:
        details = {"source_file_id": str(first.source_file.uuid), "filename": first.source_file.filename}
    return Conflict(
        _("This file is in the run already, as %(name)s. Delete that one first if you mean to replace it.")
        % {"name": details.get("filename", "?")},
        code="file.duplicate",
        word="duplicate_file",
        details=details,
    )


def source_import(*, source_file_id: int, at: datetime) -> SourceFile:
    """Read the file and write all of it, or nothing and keep the file as failed with what is wrong in it.

    Outermost: opens its own acts. Twice is the same as once; another worker at the same file makes this one leave.
    Raises Unreadable when the file cannot be taken.
    """
    with alone_at(source_file_id) as alone:
        source = SourceFile.objects.get(pk=source_file_id)
        if not alone or source.status != SourceFileStatus.PROCESSING or source.voided_at is not None:
            return source
        run = Run.objects.select_related("ledger", "reconciliation").get(sources__source_file=source)
        by = uploader_of(source)
        try:
            with ParsedFile() as parsed:
                read_kept(parsed, source, currency=run.ledger.currency, default=run.ledger.import_profile)
                write = partial(_write, parsed, source, run, by=by, at=at)
                perform_patiently(write, tries=IMPORT_PATIENCE)
        except Unreadable as refusal:
            perform(partial(source_fail, source, refusal, by=by, at=at))
            raise
        except Exception as error:
            perform(partial(source_fail, source, broken_off(error), by=by, at=at))
            raise
        source.refresh_from_db()
        return source


def _write(parsed: ParsedFile, source: SourceFile, run: Run, *, by: Actor, at: datetime) -> None:
    read_as = ReadAs(source.format, source.profile)  # the row is read again on each try
    source = SourceFile.objects.select_for_update(of=("self",)).get(pk=source.pk)
    routes = route_to_ledger(parsed.statements, ledger=run.ledger, by=by, at=at)
    lock_for_taking([account for _statement, account in routes.taken], by=by, at=at)
    source_take(source, routes.taken, run=run, read_as=read_as, skipped=routes.skipped, by=by, at=at)


@dataclass(frozen=True, slots=True)
class ReadAs:
    format: str
    profile: ImportProfile | None


def lock_for_taking(accounts: Iterable[BankAccount], *, by: Actor, at: datetime) -> None:
    """All of them before any row, whatever their order in the file; behind other imports into the same accounts."""
    streams = [setup.statement_stream(account, by=by, at=at) for account in accounts]
    queue_imports(stream.pk for stream in streams)
    lock_for_intake(streams)


def source_take(
    source: SourceFile,
    taken: Sequence[tuple[ParsedStatement, BankAccount]],
    *,
    run: Run,
    read_as: ReadAs,
    skipped: Sequence[dict[str, object]] = (),
    by: Actor,
    at: datetime,
) -> None:
    """Write these statements into the streams of their accounts, as items of the run; the file is completed. Behind
    `lock_for_taking`."""
    counts, days = ImportCounts(), []
    for position, (statement, account) in enumerate(taken):
        row, batch = statement_import(
            statement,
            source_file=source,
            stream=setup.statement_stream(account, by=by, at=at),
            position=position,
            currency=run.ledger.currency,
            run=run,
            by=by,
            at=at,
        )
        counts.add(batch)
        days += [
            day for day in (row.from_date, row.opening_on, row.to_date, row.closing_on) if day is not None
        ]
    duplicates = raise_duplicates(source_file=source, run=run, by=by, at=at) if counts.imported else 0
    source.move(
        SourceFileStatus.COMPLETED,
        format=read_as.format,
        profile=read_as.profile,
        imported_count=counts.imported,
        already_known_count=counts.already_known,
        suspect_count=counts.suspect,
        pending_count=counts.pending,
        skipped_statements=list(skipped),
        statement_from=min(days, default=None),
        statement_to=max(days, default=None),
        finished_at=at,
    )
    _audit_import(source, run, by=by, at=at, duplicates=duplicates)


def _audit_import(source: SourceFile, run: Run, *, by: Actor, at: datetime, duplicates: int) -> None:
    audit.record(
        action="source_file.imported",
        organization_id=run.organization_id,
        by=by,
        at=at,
        subject=source,
        subjects=[run],
        imported=source.imported_count,
        already_known=source.already_known_count,
        suspect=source.suspect_count,
        duplicates=duplicates,
        profile=source.profile_id,
    )


def source_declare(
    *, run: Run, source: SourceFile, profile: ImportProfile, by: Actor, at: datetime
) -> SourceFile:
    """A file that waits for a mapping is to be read again, as the profile declares; ring for `import_source` after it.

    Refuses a file that does not wait ("file.move_refused"), is not of the run or was undone ("file.gone"), or was uploaded
    again meanwhile ("file.duplicate"), and a profile that is not current ("profile.replaced", "profile.retired").
    """
    share_reconciliations([run.reconciliation_id])
    refuse_if_voided(run)
    profile = profile_for_reading(profile=profile, organization_id=run.organization_id)
    row = SourceFile.objects.select_for_update(of=("self",)).get(pk=source.pk)
    if row.voided_at is not None or not RunSource.objects.filter(run=run, source_file=row).exists():
        raise Conflict(_("The file is not in this run any more."), code="file.gone")
    row.move(
        SourceFileStatus.PROCESSING,
        profile=profile,
        error_code="",
        error_message="",
        error_rows=[],
        error_row_count=0,
        imported_count=None,
        already_known_count=None,
        finished_at=None,
    )
    try:
        with transaction.atomic():
            RunSource.objects.filter(run=run, source_file=row).update(live=True)
    except IntegrityError:
        raise _duplicate(run, ReceivedFile(row.checksum_sha256, row.size_bytes)) from None
    audit.record(
        action="source_file.declared",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        subjects=[run, profile],
        profile=profile.name,
        version=profile.version,
    )
    return row
