"""The acts of the import page on a file: taken in, given what it lacked and read again, replaced, undone.

Each leaves the file for a worker; ring for `import_file` after it. `file_import` does the reading.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from ledgers.models import BankAccount, DataStream, ImportProfile, Ledger, SourceFile
from ledgers.services.profiles import (
    ledger_set_profile,
    profile_change,
    profile_create,
    profile_for_reading,
    stream_set_profile,
)
from ledgers.states import UNREAD, ImportTarget, SourceFileStatus
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid
from reconciliation.models import RunSource
from reconciliation.services.account_routes import AccountKey, left_out_of
from reconciliation.services.records import (
    VoidCounts,
    file_processing,
    lock_for_voiding,
    refuse_if_under_way,
    void_sources,
)
from reconciliation.services.sources import FILENAME_MAX, ReceivedFile
from reconciliation.services.stream_files import stream_file_void, stream_for_files
from reconciliation.services.wiring import (
    bank_account_attach,
    bank_account_create,
    lock_for_attaching,
)

REASON_MAX = 500


def import_add(
    *,
    organization_id: int,
    received: ReceivedFile,
    filename: str,
    ledger: Ledger | None = None,
    stream: DataStream | None = None,
    by: Actor,
    at: datetime,
) -> SourceFile:
    """The file's row, waiting for a worker. `ledger` is for statements that name no account. The same file may come again:
    all of its lines are known then. With a `stream` it is a table whose rows become records of that stream."""
    if stream is not None:
        stream = stream_for_files(stream)
    source = SourceFile.objects.create(
        organization_id=organization_id,
        target=ImportTarget.STATEMENT if stream is None else ImportTarget.RECORDS,
        stream=stream,
        filename=filename[-FILENAME_MAX:],
        status=SourceFileStatus.UPLOADED,
        size_bytes=received.size,
        checksum_sha256=received.checksum,
        ledger=ledger,
        created_at=at,
        created_by=by.ref,
    )
    audit.record(
        action="file_import.uploaded",
        organization_id=organization_id,
        by=by,
        at=at,
        subject=source,
        subjects=[stream] if stream is not None else [],
        sha256=received.checksum,
        size=received.size,
        ledger=ledger.code if ledger else None,
    )
    return source


def import_retry(*, source: SourceFile, by: Actor, at: datetime) -> SourceFile:
    """Read a file again of which nothing was imported: what was against it may be gone."""
    row = _again(source)
    return _retried(row, "file_import.retried", by=by, at=at)


def import_take_again(*, source: SourceFile, by: Actor, at: datetime) -> SourceFile:
    """The rows of this file happened twice: it may come in though its bytes came in before."""
    row = _again(source, taken_again=True)
    return _retried(row, "file_import.taken_again", by=by, at=at)


def import_to_ledger(*, source: SourceFile, ledger: Ledger, by: Actor, at: datetime) -> SourceFile:
    """Statements of the file that name no account are this ledger's; read it again."""
    _check_own(source, ledger)
    row = _again(source, ledger=ledger)
    return _retried(row, "file_import.ledger_chosen", by=by, at=at, subjects=[ledger], ledger=ledger.code)


def import_accounts(
    *,
    source: SourceFile,
    ledgers: Mapping[AccountKey, Ledger],
    left_out: Collection[AccountKey] = (),
    by: Actor,
    at: datetime,
) -> SourceFile:
    """Put accounts that the file names, by (number, currency), to ledgers, made where nobody knew them, or leave out what
    the file says of them; read it again.

    Refuses an account that belongs to another ledger ("bank_account.taken") or is kept in another currency.
    """
    if not ledgers and not left_out:
        raise Invalid(_("Choose the ledger of at least one account, or leave one out."))
    named = _locked(source).skipped_statements
    kept = left_out_of(named) | set(left_out)
    rows = [
        {**each, "left_out": True} for each in named if (each["account"], each.get("currency", "")) in kept
    ]
    row = _again(source, skipped_statements=rows)
    for ledger in ledgers.values():
        _check_own(source, ledger)
    known = {key: _known_account(row.organization_id, *key) for key in ledgers}
    lock_for_attaching(filter(None, known.values()), ledgers.values(), by=by, at=at)
    for key, ledger in sorted(ledgers.items()):
        _place_account(row.organization_id, key, known[key], ledger, by=by, at=at)
    return _retried(
        row,
        "file_import.accounts_placed",
        by=by,
        at=at,
        subjects=list(ledgers.values()),
        accounts=[f"{number}: {ledger.code}" for (number, _currency), ledger in sorted(ledgers.items())],
        left_out=sorted(number for number, _currency in left_out),
    )


def _known_account(organization_id: int, number: str, currency: str) -> BankAccount | None:
    same = BankAccount.objects.of(organization_id).live().filter(identifier=number)
    return same.filter(currency=currency).first() or same.filter(currency="").first()


def _place_account(
    organization_id: int,
    key: AccountKey,
    known: BankAccount | None,
    ledger: Ledger,
    *,
    by: Actor,
    at: datetime,
) -> None:
    if known is not None:
        bank_account_attach(bank_account=known, ledger=ledger, by=by, at=at)
        return
    number, currency = key
    bank_account_create(
        organization_id=organization_id,
        name=number,
        identifier=number,
        currency=currency,
        ledger=ledger,
        by=by,
        at=at,
    )


def import_declare(
    *,
    source: SourceFile,
    profile: ImportProfile,
    ledger: Ledger | None = None,
    by: Actor,
    at: datetime,
) -> SourceFile:
    """Read the file as the profile declares. Refuses one that is not the newest version ("profile.replaced", "profile.retired")."""
    profile = profile_for_reading(
        profile=profile, organization_id=source.organization_id, target=source.target
    )
    given: dict[str, Any] = {"profile": profile}
    if ledger is not None:
        _check_own(source, ledger)
        given["ledger"] = ledger
    row = _again(source, **given)
    named: dict[str, Any] = {"profile": profile.name, "version": profile.version}
    return _retried(row, "file_import.declared", by=by, at=at, subjects=[profile], **named)


def import_declare_new(
    *,
    source: SourceFile,
    name: str,
    declaration: Mapping[str, Any],
    ledger: Ledger | None = None,
    for_ledger: bool = False,
    changes: ImportProfile | None = None,
    by: Actor,
    at: datetime,
) -> SourceFile:
    """Make a profile of the declaration, or the next version of the one that it `changes`, and read the file by it.
    `for_ledger`: it is how files of the ledger, or of the file's stream, are read from here on. Refuses as `profile_create` and `profile_change` do,
    and then nothing was made."""
    if changes is not None:
        profile = profile_change(profile=changes, declaration=declaration, by=by, at=at)
    else:
        profile = profile_create(
            organization_id=source.organization_id,
            name=name,
            declaration=declaration,
            target=source.target,
            by=by,
            at=at,
        )
    if for_ledger and source.stream is not None:
        stream_set_profile(stream=source.stream, profile=profile, by=by, at=at)
    elif for_ledger and ledger is not None:
        ledger_set_profile(ledger=ledger, profile=profile, by=by, at=at)
    return import_declare(source=source, profile=profile, ledger=ledger, by=by, at=at)


def import_replace(
    *, source: SourceFile, received: ReceivedFile, filename: str, by: Actor, at: datetime
) -> SourceFile:
    """A corrected file in the place of one of which nothing was imported; it keeps the ledger and the profile."""
    old = _locked(source)
    if old.status not in UNREAD:
        raise _not_waiting()
    new = import_add(
        organization_id=old.organization_id,
        received=received,
        filename=filename,
        ledger=old.ledger,
        stream=old.stream,
        by=by,
        at=at,
    )
    SourceFile.objects.filter(pk=new.pk).update(profile=_newest(old.profile))
    SourceFile.objects.filter(pk=old.pk).update(voided_at=at, voided_by=by.ref)
    audit.record(
        action="file_import.replaced",
        organization_id=old.organization_id,
        by=by,
        at=at,
        subject=old,
        subjects=[new],
        by_file=new.filename,
    )
    new.refresh_from_db()
    return new


def import_void(*, source: SourceFile, reason: str, by: Actor, at: datetime) -> VoidCounts:
    """Undo the import: its lines go in all ledgers, with the matches of records that go, as one act. A line that another
    file states too stays with its matches.

    Refused while it is read, while a pass of one of its runs is under way, and where a record that would go is matched in
    another reconciliation ("record.matched_elsewhere").
    """
    if not reason.strip():
        raise Invalid(
            _("Say why: undoing an import needs a reason."),
            code="file_import.reason",
            issues=[{"path": ["reason"], "message": _("Say why.")}],
        )
    if source.stream_id is not None:
        return _stream_void(source, reason, by=by, at=at)
    parts = _live_parts(source)
    runs = list({part.run_id: part.run for part in parts}.values())
    _refuse_under_way(parts)
    lock_for_voiding(*runs)
    _refuse_under_way(parts)  # again: behind the lock nobody can ask for a pass
    row = _locked(source)
    if row.status not in (SourceFileStatus.COMPLETED, *UNREAD):
        raise file_processing()
    if {part.pk for part in _live_parts(source)} - {part.pk for part in parts}:
        raise _changed()  # it was read in between
    counts = VoidCounts(0, 0)
    for run in runs:
        own = [part for part in parts if part.run_id == run.pk and part.live]
        found = void_sources(run=run, sources=own, by=by, at=at)
        counts = VoidCounts(
            counts.voided + found.voided, counts.stayed + found.stayed, counts.undone + found.undone
        )
    SourceFile.objects.filter(pk=row.pk).update(voided_at=at, voided_by=by.ref)
    audit.record(
        action="file_import.undone",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        subjects=runs,
        reason=reason.strip()[:REASON_MAX],
        voided=counts.voided,
        stayed=counts.stayed,
        undone=counts.undone,
    )
    return counts


def _stream_void(source: SourceFile, reason: str, *, by: Actor, at: datetime) -> VoidCounts:
    source.refresh_from_db()
    if source.status not in (SourceFileStatus.COMPLETED, *UNREAD):
        raise file_processing()
    # Of a file that was not read nothing is in the stream, which may be gone by now.
    unread = source.status in UNREAD
    counts = VoidCounts(0, 0) if unread else stream_file_void(source=source, by=by, at=at)
    row = _locked(source)
    if row.status != source.status:
        raise _changed()  # it was read in between
    SourceFile.objects.filter(pk=row.pk).update(voided_at=at, voided_by=by.ref)
    audit.record(
        action="file_import.undone",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        subjects=[row.stream] if row.stream is not None else [],
        reason=reason.strip()[:REASON_MAX],
        voided=counts.voided,
        undone=counts.undone,
    )
    return counts


def _live_parts(source: SourceFile) -> list[RunSource]:
    """Those that nobody deleted from their run."""
    rows = RunSource.objects.filter(source_file__part_of=source.pk, source_file__voided_at__isnull=True)
    return list(rows.select_related("run").order_by("run_id", "pk"))


def _refuse_under_way(parts: list[RunSource]) -> None:
    for part in parts:
        refuse_if_under_way(part.run)


def _locked(source: SourceFile) -> SourceFile:
    row = (
        SourceFile.objects.select_for_update(of=("self",))
        .select_related("ledger", "profile", "stream")
        .get(pk=source.pk)
    )
    if row.voided_at is not None:
        raise Conflict(_("The file was undone or replaced already."), code="file.gone")
    return row


def _again(source: SourceFile, **given: Any) -> SourceFile:
    """Leave the file for a worker, with what was wrong taken off."""
    row = _locked(source)
    if row.status not in UNREAD:
        raise _not_waiting()
    cleared: dict[str, Any] = {
        "error_code": "",
        "error_message": "",
        "error_rows": [],
        "error_row_count": 0,
        "skipped_statements": [each for each in row.skipped_statements if each.get("left_out")],
        "imported_count": None,
        "already_known_count": None,
        "finished_at": None,
        "profile": _newest(row.profile),
    }
    row.move(SourceFileStatus.PROCESSING, **{**cleared, **given})
    return row


def _newest(profile: ImportProfile | None) -> ImportProfile | None:
    """The version to read with now: people change a profile since a file was refused by it. None of a retired one."""
    if profile is None or profile.is_current:
        return profile
    return ImportProfile.objects.of(profile.organization_id).current().filter(name=profile.name).first()


def _retried(source: SourceFile, action: str, *, by: Actor, at: datetime, **data: Any) -> SourceFile:
    audit.record(action=action, organization_id=source.organization_id, by=by, at=at, subject=source, **data)
    return source


def _check_own(source: SourceFile, ledger: Ledger) -> None:
    if ledger.organization_id != source.organization_id:
        raise Invalid(_("There is no such ledger."))


def _not_waiting() -> Conflict:
    return Conflict(
        _("The file is being read, or was taken already. Look at it again."), code="file.move_refused"
    )


def _changed() -> Conflict:
    return Conflict(_("The file was changed by someone else; look at it again."), code="file.move_refused")
