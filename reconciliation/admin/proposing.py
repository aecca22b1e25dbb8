"""The button that looks for rules in a reconciliation's open records, for the pages that show it or its ledger."""

from __future__ import annotations

from functools import partial

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from organizations.backoffice.acts import Act
from reconciliation.models import OpenItem, RuleJob
from reconciliation.services.proposing import proposals_request
from reconciliation.states import RuleJobKind
from rules.models import Reconciliation
from rules.states import ReconciliationKind, Side

SCOPE = "rules:write"


def propose_act(reconciliation: Reconciliation) -> Act:
    """Greyed where there is nothing to look into, or somebody looks already."""
    return Act(
        "propose-rules",
        _("Propose rules"),
        partial(proposals_request, reconciliation=reconciliation),
        SCOPE,
        against=_against(reconciliation),
        explain=_(
            "Rules are looked for in the open records alone: what agrees more often than it does by accident. They are proposed,"
            " and used once you take them into use. A worker does it; with many records it takes a minute."
        ),
        success=_("Rules are being looked for."),
        after=_to_job,
    )


def _against(reconciliation: Reconciliation) -> str:
    if reconciliation.kind == ReconciliationKind.SETTLEMENT:
        return _("Its rules belong to its settlement.")
    if reconciliation.rule_jobs.under_way().filter(kind=RuleJobKind.PROPOSAL).exists():
        return _("Rules are being looked for already.")
    if not _has_records(reconciliation):
        return _("There must be open records on both sides.")
    return ""


def _has_records(reconciliation: Reconciliation) -> bool:
    free = OpenItem.objects.free().filter(reconciliation=reconciliation)
    return all(free.filter(side=side).exists() for side in Side.values)


def _to_job(request: HttpRequest, job: RuleJob) -> HttpResponse | None:
    """The search's own page, where there is one."""
    if not admin.site.is_registered(RuleJob):
        return None
    return HttpResponseRedirect(reverse("admin:reconciliation_rulejob_change", args=[job.pk]))
