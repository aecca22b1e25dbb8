"""What the overview page shows. Called by the admin site; asks each floor about the chosen organization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from api.shared.health import Part, status_parts
from config.navigation import groups
from exceptions_app.models import ReconciliationException
from exceptions_app.selectors.overview import ACTIVE_MAX, exceptions_overview
from ledgers.amounts import shown
from ledgers.models import SourceFile
from organizations.backoffice.current import current_organization, may
from organizations.backoffice.scoping import narrowed, organization_path_of
from reconciliation.models import Discrepancy, Match, Pass
from reconciliation.selectors.proof_days import newest_strips

LEDGERS_SHOWN, DAYS_SHOWN = 6, 14
COUNT_MAX = 1_000  # beyond it a person needs no exact number, and the page no slow query


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits for people: how many rows of one status, and the list that shows them."""

    label: Any
    model: type[Model]
    status: str


WAITING = (
    Waiting(_("Proposals to review"), Match, "suggested"),
    Waiting(_("Open discrepancies"), Discrepancy, "open"),
    Waiting(_("Files that could not be read"), SourceFile, "failed"),
    Waiting(_("Matchings under way"), Pass, "running"),
)


def context(request: HttpRequest) -> dict[str, Any]:
    """Template variables of the overview: what waits, how the background work is, and the way to each page."""
    cards = [card for each in WAITING if (card := card_of(each, request))]
    return {
        "waiting": [*exceptions_cards(request), *cards],
        "proofs": proofs_for(request),
        "parts": parts_for(request),
        "places": groups(request),
    }


def proofs_for(request: HttpRequest) -> list[dict[str, Any]]:
    """The last days' proof of the ledgers that were worked on last, for those who may read reconciliations."""
    if not may(request, "reconciliations:read"):
        return []
    return [
        {"run": run, "strip": strip, "url": reverse("admin:reconciliation_run_change", args=[run.pk])}
        for run, strip in newest_strips(
            current_organization(request).pk, ledgers_max=LEDGERS_SHOWN, days=DAYS_SHOWN
        )
    ]


def card_of(waiting: Waiting, request: HttpRequest) -> dict[str, Any] | None:
    """A count with its link; None where the person may not see the page that it leads to."""
    page = admin.site._registry.get(waiting.model)
    if page is None or not page.has_view_permission(request):
        return None
    rows = waiting.model._default_manager.filter(status=waiting.status)
    path = organization_path_of(waiting.model, admin.site)
    count = narrowed(rows, request, path).order_by()[: COUNT_MAX + 1].count()
    options = waiting.model._meta
    url = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    return {
        "label": waiting.label,
        "count": count,
        "text": f"{COUNT_MAX:,}+" if count > COUNT_MAX else f"{count:,}",
        "url": f"{url}?status__exact={waiting.status}",
    }


def exceptions_cards(request: HttpRequest) -> list[dict[str, Any]]:
    """How many exceptions are active, what they come to, and for how long; none for who may not see them."""
    page = admin.site._registry.get(ReconciliationException)
    if page is None or not page.has_view_permission(request):
        return []
    now = timezone.now()
    found = exceptions_overview(current_organization(request).pk, at=now)
    records = ngettext("%(n)s record", "%(n)s records", found.records)
    about = [records % {"n": f"{found.records:,}" + ("+" if found.is_capped else "")}] if found.active else []
    about += [shown(amount, places, currency, plus=True) for currency, places, amount in found.sums]
    if found.longest_overdue_at is not None:
        days = (now - found.longest_overdue_at).days
        about.append(ngettext("oldest %(n)s day", "oldest %(n)s days", days) % {"n": f"{days:,}"})
    return [
        {
            "label": _("Exceptions to work on"),
            "count": found.active,
            "text": f"{ACTIVE_MAX:,}+" if found.active > ACTIVE_MAX else f"{found.active:,}",
            "about": " · ".join(about),
            "url": reverse("admin:exceptions_app_reconciliationexception_changelist"),
        }
    ]


def parts_for(request: HttpRequest) -> list[Part]:
    """Broker, worker, beat, stuck jobs and audit lag, for those who may read the audit trail."""
    if not may(request, "audit:read"):
        return []
    return status_parts(current_organization(request).pk, at=timezone.now())
