"""Makes at first need what a ledger owns on this and the lower floor: streams, its reconciliation, the default rules.

Made late so that a hundred thousand subledgers cost nothing. Each is unique in the database, so two first needs at once
make one. Called by intake and wiring.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ledgers.models import BankAccount, DataStream, Ledger
from ledgers.states import StreamKind
from organizations.actors import Actor
from rules.defaults import LEDGER_DEFAULTS
from rules.models import Reconciliation, ReconciliationStream, Rule
from rules.services.rules import revision_write
from rules.states import ReconciliationKind, RuleSource, Side, SignMode


def entry_stream(ledger: Ledger, *, by: Actor, at: datetime) -> DataStream:
    """The ledger's stream of entries, wired to side B of its reconciliation."""
    found = DataStream.objects.filter(ledger=ledger).first()
    if found is not None:
        return found
    # The shared rules before the ledger's own rows: posting to several new ledgers at once meets others in one order.
    reconciliation = ledger_reconciliation(ledger, by=by, at=at)
    # Held against a change of the ledger's type, which is refused once the stream is there: effects hang on it.
    ledger = Ledger.objects.select_for_update(no_key=True).get(pk=ledger.pk)
    stream, _made = DataStream.objects.get_or_create(
        ledger=ledger,
        defaults={
            "organization_id": ledger.organization_id,
            "key": f"ledger-{ledger.uuid}",
            "name": ledger.description or ledger.code,
            "kind": StreamKind.LEDGER,
            "effect_sign": ledger.effect_sign,
            "created_at": at,
            "created_by": by.ref,
        },
    )
    _wire(reconciliation, stream, Side.B)
    return stream


def statement_stream(account: BankAccount, *, by: Actor, at: datetime) -> DataStream:
    """The account's stream of statement lines, wired to side A of its ledger's reconciliation where it has a ledger."""
    found = DataStream.objects.filter(bank_account=account, kind=StreamKind.STATEMENT).first()
    if found is None:
        found, _made = DataStream.objects.get_or_create(
            bank_account=account,
            kind=StreamKind.STATEMENT,
            defaults={
                "organization_id": account.organization_id,
                "key": f"account-{account.uuid}",
                "name": account.name,
                "created_at": at,
                "created_by": by.ref,
            },
        )
    if account.ledger is not None:
        _wire(ledger_reconciliation(account.ledger, by=by, at=at), found, Side.A)
    return found


def ledger_reconciliation(ledger: Ledger, *, by: Actor, at: datetime) -> Reconciliation:
    """The ledger's own reconciliation, under the organization's default rules until it gets rules of its own."""
    found = Reconciliation.objects.filter(ledger=ledger).first()
    if found is not None:
        return found
    default_rules(ledger.organization_id, by=by, at=at)
    made, _made = Reconciliation.objects.get_or_create(
        ledger=ledger,
        defaults={
            "organization_id": ledger.organization_id,
            "name": ledger.description or ledger.code,
            "kind": ReconciliationKind.LEDGER,
            "sign_mode": SignMode.EFFECT,
            "overdue_from": at.astimezone(ZoneInfo(ledger.organization.time_zone)).date(),
            "created_at": at,
            "created_by": by.ref,
        },
    )
    return made


def default_rules(organization_id: int, *, by: Actor, at: datetime) -> None:
    """The organization's shared rules for ledger reconciliations, with their first revisions."""
    shared = Rule.objects.filter(organization_id=organization_id, reconciliation__isnull=True)
    if shared.count() >= len(LEDGER_DEFAULTS):
        return
    for place, wanted in enumerate(LEDGER_DEFAULTS):
        rule, made = Rule.objects.get_or_create(
            organization_id=organization_id,
            reconciliation=None,
            name=wanted["name"],
            defaults={
                **{name: value for name, value in wanted.items() if name != "name"},
                "score": Decimal(wanted["score"]),
                "priority": (place + 1) * 10,
                "source": RuleSource.DEFAULT,
                "created_at": at,
                "created_by": by.ref,
            },
        )
        if made:
            revision_write(rule, by=by.ref, at=at)


def _wire(reconciliation: Reconciliation, stream: DataStream, side: str) -> None:
    ReconciliationStream.objects.get_or_create(
        reconciliation=reconciliation, stream=stream, defaults={"side": side}
    )
