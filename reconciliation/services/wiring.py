"""Puts a bank account to a ledger: its statement stream joins side A of the ledger's reconciliation. Deletes accounts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from ledgers.models import BankAccount, DataStream, Ledger
from ledgers.services.books import account_create, account_locked, normal_identifier
from ledgers.services.streams import data_stream_void
from ledgers.states import StreamKind
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid
from reconciliation.models import StreamOperation
from reconciliation.services.definitions import rules_retype
from reconciliation.services.locks import own_reconciliations, own_streams
from reconciliation.services.operations import extent, operation_running, wiring_start
from reconciliation.services.tokens import tokens_issue_existing
from reconciliation.states import OperationStatus
from rules.models import ReconciliationStream
from rules.services import setup
from rules.states import Side


def bank_account_create(
    *,
    organization_id: int,
    name: str,
    identifier: str = "",
    currency: str = "",
    ledger: Ledger | None = None,
    by: Actor,
    at: datetime,
) -> BankAccount:
    """A bank account, put to a ledger at once where one is given (its currency is then the ledger's by default)."""
    account = account_create(
        organization_id=organization_id,
        name=name,
        identifier=identifier,
        currency=currency or (ledger.currency if ledger else ""),
        by=by,
        at=at,
    )
    return bank_account_attach(bank_account=account, ledger=ledger, by=by, at=at) if ledger else account


def bank_account_attach(*, bank_account: BankAccount, ledger: Ledger, by: Actor, at: datetime) -> BankAccount:
    """Put the account to the ledger. What its stream holds already gets open items
    in the same act, or from a worker where it is much.

    Refuses: another ledger's account ("bank_account.taken"), another currency.
    """
    account = account_locked(bank_account.pk, organization_id=ledger.organization_id)
    if account.ledger_id == ledger.pk:
        return account
    if account.ledger is not None:
        raise Conflict(
            _("Account %(name)s belongs to ledger %(code)s already.")
            % {"name": account.name, "code": account.ledger.code},
            code="bank_account.taken",
            word="bank_account_taken",
        )
    if account.currency and account.currency != ledger.currency:
        raise Invalid(
            _("The account is kept in %(account)s, the ledger in %(ledger)s.")
            % {"account": account.currency, "ledger": ledger.currency},
            code="bank_account.currency_differs",
        )
    stream = setup.statement_stream(account, by=by, at=at)
    reconciliation = setup.ledger_reconciliation(ledger, by=by, at=at)
    own_streams([stream.pk])
    own_reconciliations([reconciliation.pk])
    account.ledger, account.currency = ledger, account.currency or ledger.currency
    account.modified_at, account.modified_by = at, by.ref
    account.save(update_fields=["ledger", "currency", "modified_at", "modified_by"])
    setup.statement_stream(account, by=by, at=at)
    _highest, records = extent(stream)
    if records > settings.CHUNK_GROUPS:  # too many for one act: a worker does them, passes wait for it
        wiring_start(reconciliation, stream, Side.A, by=by, at=at)
    else:
        tokens_issue_existing(reconciliation=reconciliation, stream_id=stream.pk, side=Side.A)
    rules_retype([reconciliation], by=by, at=at)
    audit.record(
        action="bank_account.attached",
        organization_id=account.organization_id,
        by=by,
        at=at,
        subject=account,
        subjects=[ledger],
        records=records,
    )
    return account


def bank_account_delete(*, bank_account: BankAccount, by: Actor, at: datetime) -> None:
    """Delete an account that no stream hangs on, with the balances stated of it and its empty statement stream; a ledger
    that it belongs to is without it then. Conflict "bank_account.linked": it has bank feeds, or statement lines."""
    account = account_locked(bank_account.pk, organization_id=by.organization_id)
    streams = list(DataStream.objects.live().filter(bank_account=account).order_by("pk"))
    own_streams(stream.pk for stream in streams)
    _refuse_linked(account, streams)
    for stream in streams:  # its empty statement stream, if it had one at all
        wired = ReconciliationStream.objects.filter(stream=stream).select_related("reconciliation")
        reconciliations = [wire.reconciliation for wire in wired]
        own_reconciliations(found.pk for found in reconciliations)
        if StreamOperation.objects.exclude(status=OperationStatus.COMPLETED).filter(stream=stream).exists():
            raise operation_running(stream)
        wired.delete()
        data_stream_void(stream_id=stream.pk, by=by.ref, at=at)
        rules_retype(reconciliations, by=by, at=at)
    account.voided_at, account.voided_by = at, by.ref
    account.save(update_fields=["voided_at", "voided_by"])
    audit.record(
        action="bank_account.deleted",
        organization_id=account.organization_id,
        by=by,
        at=at,
        subject=account,
        subjects=[account.ledger] if account.ledger is not None else [],
        name=account.name,
    )


def _refuse_linked(account: BankAccount, streams: Iterable[DataStream]) -> None:
    """Behind the streams' locks: none of them is filled meanwhile."""
    linked = [stream for stream in streams if stream.kind == StreamKind.BANK_FEED or extent(stream)[1]]
    if linked:
        keys = [stream.key for stream in linked]
        raise Conflict(
            _(
                "Account %(name)s has streams: %(keys)s. Delete its bank feeds, or take its imports back, first."
            )
            % {"name": account.name, "keys": ", ".join(keys)},
            code="bank_account.linked",
            details={"data_stream_keys": keys},
        )


def lock_for_attaching(
    accounts: Iterable[BankAccount], ledgers: Iterable[Ledger], *, by: Actor, at: datetime
) -> None:
    """Of several accounts put to ledgers in one act: every lock in the one order, before the first of them."""
    ids = [account.pk for account in accounts]
    list(BankAccount.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk"))
    found = {ledger.pk: ledger for ledger in ledgers}
    wired = [setup.ledger_reconciliation(found[pk], by=by, at=at).pk for pk in sorted(found)]
    own = DataStream.objects.filter(bank_account__in=ids, kind=StreamKind.STATEMENT)
    own_streams(own.values_list("pk", flat=True))
    own_reconciliations(wired)


def account_remember(*, ledger: Ledger, identifier: str, by: Actor, at: datetime) -> BankAccount:
    """The ledger takes the account that a one-account file names: its nameless account gets the id, or a new one."""
    nameless = BankAccount.objects.live().filter(ledger=ledger, identifier="").order_by("pk").first()
    if nameless is None:
        return bank_account_create(
            organization_id=ledger.organization_id,
            name=identifier or ledger.description or ledger.code,
            identifier=identifier,
            ledger=ledger,
            by=by,
            at=at,
        )
    if identifier:
        nameless.identifier = normal_identifier(identifier)
        nameless.modified_at, nameless.modified_by = at, by.ref
        nameless.save(update_fields=["identifier", "modified_at", "modified_by"])
    return nameless
