"""The user's own statement files and books in the demo organization: each account that a file names gets a ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from django.utils.translation import gettext as _

from ledgers import formats
from ledgers.formats.events import FileRefused
from ledgers.models import BankAccount, Ledger
from ledgers.services.books import ledger_create, normal_identifier
from ledgers.services.parsing import ParsedFile
from ledgers.states import LedgerType
from organizations.actors import Actor
from organizations.acts import perform
from organizations.refusals import Invalid, Refusal, Unreadable
from reconciliation.demo import table
from reconciliation.demo.loading import Clock, FileResult, Filled, Say, result_line, run_for, upload
from reconciliation.demo.play import match_all
from reconciliation.demo.report import run_report
from reconciliation.services.books import books_import
from reconciliation.services.wiring import bank_account_create

OWN, OWN_CURRENCY = "own", "EUR"
RUN_KEY, RUN_NOTE = "demo-own", "Own files"


@dataclass(slots=True)
class Own:
    """The runs that the user's files went to, and the files that went to none."""

    filled: dict[int, Filled] = field(default_factory=dict)
    refused: list[FileResult] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return bool(self.refused) or any(
            result.refusal for one in self.filled.values() for result in one.files
        )


def take_in(
    statements: Iterable[Path], books: Path | None, *, wait: float, by: Actor, clock: Clock, say: Say
) -> Own:
    """Import the statement files, then the books, then match each run anew. Raises Refusal for books."""
    own = Own()
    for path in statements:
        _take_statement(path, own, by=by, clock=clock, say=say)
    if books is not None:
        say(_books_line(books, _default_ledger(own, by=by, clock=clock), by=by, clock=clock))
    match_all([one.run for one in own.filled.values()], wait=wait, by=by, clock=clock, say=say)
    return own


def text(own: Own) -> str:
    """The same table as the demo's own, for each run."""
    lines = [line for one in own.filled.values() for line in [*table.run_table(run_report(one)), ""]]
    lines += [line for result in own.refused for line in refusal_lines(result.name, result.refusal)]
    return "\n".join(lines)


def refusal_lines(name: str, refusal: Refusal | None) -> list[str]:
    """Why a file was refused, with the first of its bad lines."""
    if refusal is None:
        return []
    rows = refusal.details.get("rows", [])
    shown = [f"  line {row['line']}, {row['field'] or 'row'}: {row['message']}" for row in rows[:20]]
    more = refusal.details.get("row_errors", len(rows)) - len(shown)
    return [f"{name}: {refusal.message}", *shown, *([f"  and {more} more"] if more > 0 else [])]


def _take_statement(path: Path, own: Own, *, by: Actor, clock: Clock, say: Say) -> None:
    """The file goes to the run of each account that it states: every run takes its own account's statements of it."""
    say(f"{path.name}:")
    try:
        accounts = accounts_in(path)
    except Unreadable as refusal:
        own.refused.append(FileResult(path.name, refusal=refusal))
        say(f"  {result_line(own.refused[-1])}")
        return
    # All ledgers first, so that each import knows whose the other statements of the file are.
    for ledger in [own_ledger(account, currency, by=by, clock=clock) for account, currency in accounts]:
        run = run_for(ledger, key=RUN_KEY, note=RUN_NOTE, by=by, clock=clock)
        filled = own.filled.setdefault(run.pk, Filled(run))
        with path.open("rb") as file:
            filled.files.append(upload(run, file, path.name, key="", by=by, clock=clock))
        say(f"  ledger {ledger.code}: {result_line(filled.files[-1])}")


def accounts_in(path: Path) -> list[tuple[str, str]]:
    """(account, currency) of each account that the file states, once, in its order; ("", currency) where it names none.

    Raises Unreadable. A CSV without a currency column is taken as EUR.
    """
    with path.open("rb") as file:
        format_ = formats.detect(file.read(formats.HEAD_BYTES), path.name)
        try:
            return _accounts(path, format_, None)
        except FileRefused as refused:
            if format_ != formats.CSV or refused.code != "file.columns":
                raise _unreadable(refused) from refused
        try:
            return _accounts(path, format_, OWN_CURRENCY)
        except FileRefused as refused:
            raise _unreadable(refused) from refused


def _accounts(path: Path, format_: str, currency: str | None) -> list[tuple[str, str]]:
    with path.open("rb") as file, ParsedFile() as parsed:
        parsed.read(file, format=format_, currency=currency)
        starts = [statement.start for statement in parsed.statements]
    return list(dict.fromkeys((start.account or "", start.currency or OWN_CURRENCY) for start in starts))


def _unreadable(refused: FileRefused) -> Unreadable:
    rows = [{"line": row.line, "field": row.field, "message": row.message} for row in refused.rows]
    details = {"rows": rows, "row_errors": refused.row_errors}
    return Unreadable(refused.message, code=refused.code, word="invalid_file", details=details)


def own_ledger(account: str, currency: str, *, by: Actor, clock: Clock) -> Ledger:
    """The ledger of that account in that currency. One that a bank account has already is found by it."""
    identifier = normal_identifier(account)
    known = BankAccount.objects.of(by.organization_id).live().filter(identifier=identifier, currency=currency)
    wired = known.filter(ledger__isnull=False).select_related("ledger").first() if identifier else None
    if wired is not None and wired.ledger is not None:
        return wired.ledger
    code = f"{identifier or OWN}{'' if currency == OWN_CURRENCY else f'-{currency}'}"
    ledger = Ledger.objects.of(by.organization_id).filter(code=code).first()
    return ledger or perform(partial(_make_ledger, code, identifier, currency, by=by, clock=clock))


def _make_ledger(code: str, identifier: str, currency: str, *, by: Actor, clock: Clock) -> Ledger:
    at = clock()
    ledger = ledger_create(
        organization_id=by.organization_id,
        code=code,
        type=LedgerType.ASSET,
        currency=currency,
        description=_("Own account"),
        by=by,
        at=at,
    )
    if identifier:
        bank_account_create(
            organization_id=by.organization_id,
            name=identifier,
            identifier=identifier,
            ledger=ledger,
            by=by,
            at=at,
        )
    return ledger


def _default_ledger(own: Own, *, by: Actor, clock: Clock) -> Ledger:
    """Lines of the books that name no ledger go to the one ledger of the statement files, or to `own`."""
    ledgers = [one.run.ledger for one in own.filled.values()]
    if len(ledgers) == 1:
        return ledgers[0]
    return own_ledger("", OWN_CURRENCY, by=by, clock=clock)


def _books_line(path: Path, ledger: Ledger, *, by: Actor, clock: Clock) -> str:
    try:
        with path.open("rb") as file:
            counts = perform(
                partial(
                    books_import,
                    organization_id=by.organization_id,
                    file=file,
                    filename=path.name,
                    ledger=ledger,
                    by=by,
                    at=clock(),
                )
            )
    except Invalid as refusal:
        raise Unreadable(refusal.message, code=refusal.code) from refusal
    return f"{path.name}: {counts.imported} entries posted, {counts.already_known} already known"
