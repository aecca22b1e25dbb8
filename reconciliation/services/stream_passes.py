"""Passes over reconciliations of streams that a caller starts, cancels or takes back. Those of a ledger belong to its runs."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from organizations.actors import Actor
from organizations.refusals import Conflict
from reconciliation.models import Pass
from reconciliation.services.locks import share_reconciliations
from reconciliation.services.passes import pass_cancel, pass_request
from reconciliation.services.undoing import pass_undo
from rules.models import Reconciliation
from rules.selectors import reconciliation_of
from rules.states import ReconciliationKind


def stream_pass_start(*, reconciliation: Reconciliation, by: Actor, at: datetime) -> Pass:
    """Ask for a batch pass. One that waits by itself becomes it; while another runs it waits for that one's end. Conflict
    "pass.running" with progress where one that somebody asked for waits already, "reconciliation.owned"."""
    share_reconciliations([reconciliation.pk])
    row = reconciliation_of(organization_id=by.organization_id, reconciliation_id=reconciliation.pk)
    _refuse_owned(row)
    return pass_request(reconciliation=row, run=None, by=by, at=at)


def stream_pass_cancel(*, pass_: Pass, by: Actor, at: datetime) -> Pass:
    _refuse_owned(pass_.reconciliation)
    return pass_cancel(pass_=pass_, by=by, at=at)


def stream_pass_undo(*, pass_: Pass, undo_accepted: bool = False, by: Actor, at: datetime) -> int:
    _refuse_owned(pass_.reconciliation)
    return pass_undo(pass_=pass_, undo_accepted=undo_accepted, by=by, at=at)


def _refuse_owned(reconciliation: Reconciliation) -> None:
    if reconciliation.kind != ReconciliationKind.STREAMS:
        raise Conflict(
            _("%(name)s is owned by its ledger or settlement. Start and stop its matching in a run there.")
            % {"name": reconciliation.name},
            code="reconciliation.owned",
        )
