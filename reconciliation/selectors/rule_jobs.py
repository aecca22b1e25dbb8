"""Jobs on the rules of a reconciliation."""

from __future__ import annotations

from django.utils.translation import gettext as _

from organizations.refusals import NotFound
from reconciliation.models import RuleJob
from reconciliation.states import RuleJobKind


def backtest_of(*, organization_id: int, reconciliation_id: int, job_id: int) -> RuleJob:
    """Raises NotFound."""
    rows = RuleJob.objects.filter(kind=RuleJobKind.BACKTEST, reconciliation_id=reconciliation_id)
    own = rows.filter(reconciliation__organization_id=organization_id, reconciliation__voided_at__isnull=True)
    found = own.select_related("reconciliation").filter(pk=job_id).first()
    if found is None:
        raise NotFound(_("There is no backtest with this id."), code="backtest.not_found")
    return found


def proposal_of(*, organization_id: int, reconciliation_id: int, job_id: int) -> RuleJob:
    """A search for rules. Raises NotFound."""
    rows = RuleJob.objects.filter(kind=RuleJobKind.PROPOSAL, reconciliation_id=reconciliation_id)
    own = rows.filter(reconciliation__organization_id=organization_id, reconciliation__voided_at__isnull=True)
    found = own.select_related("reconciliation").filter(pk=job_id).first()
    if found is None:
        raise NotFound(_("There is no search with this id."), code="proposal.not_found")
    return found
