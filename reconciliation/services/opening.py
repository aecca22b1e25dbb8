"""Confirms the balance with which a ledger's reconciliation begins: what is older is explained by it, and not open."""

from __future__ import annotations

from datetime import date, datetime

from django.db import connection
from django.utils.translation import gettext as _

from ledgers.models import Ledger
from ledgers.money import MINOR_MAX
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid
from reconciliation.models import MatchMember
from reconciliation.services import discrepancies
from reconciliation.services.locks import own_reconciliations, own_streams
from reconciliation.services.tokens import tokens_fit_opening
from rules.models import Reconciliation
from rules.services import setup

DAYS_SHOWN = 5
EARLIEST = date(1900, 1, 1)


def opening_confirm(*, ledger: Ledger, balance: int, day: date, by: Actor, at: datetime) -> Ledger:
    """A person states what the bank accounts held at the start of that day (minor units, + is money in).

    The difference to the books before it counts as explained from now on. Entries before the day get no open item, and
    statement lines before it are closed; with a later or earlier day those in between change over. Refused while a match
    has a record before the day ("ledger.opening_matched").
    """
    if abs(balance) > MINOR_MAX:
        raise Invalid(
            _("The balance is larger than any sum can be."),
            code="ledger.opening",
            issues=[{"path": ["balance"], "message": _("Too large.")}],
        )
    if not EARLIEST <= day <= at.date():
        raise Invalid(
            _("The opening day lies between %(earliest)s and today.") % {"earliest": EARLIEST},
            code="ledger.opening",
            issues=[{"path": ["date"], "message": _("Too early, or in the future.")}],
        )
    reconciliation = setup.ledger_reconciliation(ledger, by=by, at=at)
    own_streams(reconciliation.streams.values_list("pk", flat=True))
    own_reconciliations([reconciliation.pk])
    ledger = Ledger.objects.select_for_update(no_key=True).get(pk=ledger.pk)
    _refuse_matched(reconciliation, day)
    before = (ledger.opening_balance, ledger.opening_balance_on)
    ledger.opening_balance, ledger.opening_balance_on = balance, day
    ledger.opening_confirmed_at, ledger.opening_confirmed_by = at, by.ref
    ledger.modified_at, ledger.modified_by = at, by.ref
    ledger.save()
    reconciliation.ledger = ledger
    changed = tokens_fit_opening(reconciliation, at=at)
    discrepancies.follow(reconciliation_id=reconciliation.pk, record_ids=changed, by=by, at=at)
    audit.record(
        action="ledger.opening_confirmed",
        organization_id=ledger.organization_id,
        by=by,
        at=at,
        subject=ledger,
        balance=balance,
        day=str(day),
        balance_before=before[0],
        day_before=str(before[1] or ""),
        items_changed=len(changed),
    )
    return ledger


def _refuse_matched(reconciliation: Reconciliation, day: date) -> None:
    old = MatchMember.objects.filter(reconciliation=reconciliation, live=True, record__date__lt=day)
    found = list(old.order_by("record__date").values_list("match__id", "record__date")[:DAYS_SHOWN])
    if found:
        raise Conflict(
            _(
                "Match %(match)s has a record of %(on)s, before %(day)s. Undo the matches of earlier days first, or"
                " choose an earlier day."
            )
            % {"match": found[0][0], "on": found[0][1], "day": day},
            code="ledger.opening_matched",
            word="match_state_conflict",
            details={"matches": [{"number": pk, "date": str(on)} for pk, on in found]},
        )


def open_before(ledger: Ledger, day: date) -> int:
    """How many records the confirmation would take out of what is open: said before a person confirms."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM reconciliation_openitem o JOIN ledgers_record r ON r.id = o.record_id
            JOIN rules_reconciliation rec ON rec.id = o.reconciliation_id
            WHERE rec.ledger_id = %s AND r.date < %s AND o.closed_at IS NULL
            """,
            [ledger.pk, day],
        )
        return int(cursor.fetchone()[0])
