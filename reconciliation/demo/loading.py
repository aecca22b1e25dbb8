"""Brings the months into the database through the services, as people and programs do it. Each step may be repeated."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import IO

from ledgers.models import BankAccount, Ledger, SourceFile
from ledgers.services.books import ledger_create
from ledgers.states import LedgerType
from organizations.actors import Actor, user_actor
from organizations.acts import perform
from organizations.models import Membership, Organization
from organizations.refusals import Conflict, Refusal
from organizations.scopes import KEY_EVERYTHING
from organizations.services.keys import api_key_create
from organizations.services.members import member_add, user_create, user_find
from organizations.services.tenants import organization_create
from organizations.states import Role
from reconciliation.demo import csv_files
from reconciliation.demo.files import DemoFile
from reconciliation.demo.happenings import Account, Month
from reconciliation.demo.maker import FIRST_DAY
from reconciliation.models import Run
from reconciliation.services.books import books_import
from reconciliation.services.runs import run_create
from reconciliation.services.sources import receive, source_add, source_import
from reconciliation.services.wiring import bank_account_create

ORGANIZATION, SLUG, TIME_ZONE = "Tieout Demo", "tieout-demo", "Europe/Berlin"
EMAIL, OWNER = "demo@example.com", "Dana Demo"
TASK = "system:demo"
RUN_KEY, RUN_NOTE = "demo-2026-03", "March 2026"

Clock = Callable[[], datetime]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tenant:
    """The demo's organization and its owner. The secrets are there only in the call that made them."""

    organization: Organization
    by: Actor
    password: str = ""
    api_key: str = ""

    @property
    def is_new(self) -> bool:
        return bool(self.api_key)


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of a file: its row, or why it was refused."""

    name: str
    source: SourceFile | None = None
    refusal: Refusal | None = None


@dataclass(slots=True)
class Filled:
    """A run with what became of each file that was brought to it."""

    run: Run
    files: list[FileResult] = field(default_factory=list)


def tenant(*, clock: Clock) -> Tenant:
    """The demo's organization, made at the first call with its owner and an API key, all in one act."""
    found = Organization.objects.filter(slug=SLUG).first()
    if found is None:
        return perform(partial(_make_tenant, at=clock()))
    owner = Membership.objects.active().filter(organization=found, role=Role.ADMIN).select_related("user")
    membership = owner.order_by("pk")[0]
    return Tenant(found, user_actor(membership.user, membership))


def _make_tenant(*, at: datetime) -> Tenant:
    organization = organization_create(name=ORGANIZATION, slug=SLUG, time_zone=TIME_ZONE, by=TASK, at=at)
    user, password = user_find(EMAIL), ""
    if user is None:
        password = secrets.token_urlsafe(12)
        user = user_create(
            email=EMAIL, name=OWNER, password=password, organization_id=organization.pk, by=TASK, at=at
        )
    membership = member_add(organization=organization, user=user, role=Role.ADMIN, by=TASK, at=at)
    by = user_actor(user, membership)
    _key, text = api_key_create(
        organization_id=organization.pk, name="Demo", scopes=KEY_EVERYTHING, by=by, at=at
    )
    return Tenant(organization, by, password, text)


def ledger_of(account: Account, *, by: Actor, clock: Clock) -> Ledger:
    """The ledger that mirrors the account, with its opening balance and wired to the account."""
    ledger = Ledger.objects.of(by.organization_id).filter(code=account.code).first()
    if ledger is None:
        ledger = perform(partial(_make_ledger, account, by=by, at=clock()))
    return ledger


def _make_ledger(account: Account, *, by: Actor, at: datetime) -> Ledger:
    ledger = ledger_create(
        organization_id=by.organization_id,
        code=account.code,
        type=LedgerType.ASSET,
        currency=account.currency,
        description=account.name,
        opening_balance=account.opening,
        opening_date=FIRST_DAY,
        by=by,
        at=at,
    )
    bank_account_create(
        organization_id=by.organization_id,
        name=f"{account.currency} at {account.bank}",
        identifier=account.iban,
        ledger=ledger,
        by=by,
        at=at,
    )
    return ledger


def post_books(months: list[Month], *, by: Actor, clock: Clock) -> tuple[int, int]:
    """The months' entries as the CSV that an accounting program exports: (imported, already known)."""
    counts = perform(
        partial(
            books_import,
            organization_id=by.organization_id,
            file=io.BytesIO(csv_files.books(months)),
            filename="books-2026-03.csv",
            by=by,
            at=clock(),
        )
    )
    return counts.imported, counts.already_known


def fill_run(ledger: Ledger, files: list[DemoFile], *, by: Actor, clock: Clock, say: Say) -> Filled:
    """The month's run of the ledger with its files in it. A file that comes again is refused each time."""
    filled = Filled(run_for(ledger, key=RUN_KEY, note=f"{RUN_NOTE}, {ledger.currency}", by=by, clock=clock))
    for file in files:
        key = "" if file.again else file.name
        result = upload(filled.run, io.BytesIO(file.content), file.name, key=key, by=by, clock=clock)
        filled.files.append(result)
        say(f"  {result_line(result)}")
    return filled


def run_for(ledger: Ledger, *, key: str, note: str, by: Actor, clock: Clock) -> Run:
    """The ledger's run under that key: made at the first call."""
    run, _made = perform(
        partial(
            run_create,
            organization_id=by.organization_id,
            ledger=ledger,
            note=note,
            idempotency_key=key,
            by=by,
            at=clock(),
        )
    )
    return run


def upload(run: Run, content: IO[bytes], name: str, *, key: str, by: Actor, clock: Clock) -> FileResult:
    """Take a file into the run, as an upload over the API does."""
    try:
        received = receive(content)
        added, _made = perform(
            partial(
                source_add,
                run=run,
                received=received,
                filename=name,
                idempotency_key=key,
                by=by,
                at=clock(),
            )
        )
        return FileResult(name, source=source_import(source_file_id=added.source_file_id, at=clock()))
    except Refusal as refusal:
        return FileResult(name, refusal=refusal)


def result_line(result: FileResult) -> str:
    if result.source is not None:
        known = (
            f", {result.source.already_known_count} already known"
            if result.source.already_known_count
            else ""
        )
        return f"{result.name}: {result.source.imported_count} lines imported{known}"
    assert result.refusal is not None
    return f"{result.name}: refused. {result.refusal.message}"


def accounts_of(ledger: Ledger) -> list[str]:
    return list(BankAccount.objects.live().filter(ledger=ledger).values_list("identifier", flat=True))


def is_duplicate(result: FileResult) -> bool:
    return isinstance(result.refusal, Conflict) and result.refusal.code == "file.duplicate"
