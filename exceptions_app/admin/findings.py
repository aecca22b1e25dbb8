"""Findings as people see them: the overdue record facing what may explain it, how sure that is, and one click to match them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from exceptions_app.admin.forms import AdjustmentForm
from exceptions_app.admin.links import record_urls
from exceptions_app.investigating.texts import cause_words, sureness
from exceptions_app.models import Finding, Investigation
from exceptions_app.selectors.investigations import ShownFinding, findings_of, shown_findings
from exceptions_app.services.finding_taking import SCOPE, finding_take
from ledgers.models import Record
from organizations.backoffice.acts import run_act
from organizations.backoffice.current import actor_of, current_organization, may, require_membership
from reconciliation.admin.words import moment, one_person, plainly
from reconciliation.selectors.desk import Party, differences
from reconciliation.selectors.paging import page_of
from rules.engine.investigation import Cause

FINDINGS_SHOWN = 10
RECORDS_SHOWN = 12
"""Of one side of a finding; a batch may have hundreds."""


@dataclass(frozen=True, slots=True)
class Facing:
    """A finding with its record, and what stands with it, left and what is suggested of the other side right. Sums are
    signed minor units. Read by the template of both sides, which shows matches the same way."""

    shown: ShownFinding
    left: list[Party]
    right: list[Party]
    right_title: str
    urls: Mapping[int, str]
    cause: str
    sure: str
    taken: str
    """By whom and when, where it was taken."""

    @property
    def finding(self) -> Finding:
        return self.shown.finding

    @property
    def record(self) -> Record | None:
        return self.shown.records.get(self.finding.record_id)

    @property
    def is_live(self) -> bool:
        return True

    @property
    def currency(self) -> str:
        return self.record.currency if self.record is not None else ""

    @property
    def decimal_places(self) -> int:
        return self.record.decimal_places if self.record is not None else 2

    @property
    def left_total(self) -> int:
        return sum(party.record.effect for party in self.left)

    @property
    def right_total(self) -> int:
        return sum(party.record.effect for party in self.right)

    @property
    def between(self) -> int:
        """What would be left of them, without a sign."""
        return abs(self.finding.difference)

    @property
    def asks(self) -> bool:
        """Whether a page comes first: something would be left between them."""
        return self.shown.needs_adjustment


def facings_of(investigation: Investigation, place: str) -> tuple[list[Facing], str, str]:
    """A page of findings, the surest first, with the places before and after it. A constant number of queries."""
    page = page_of(findings_of(investigation), ("pk",), place, size=FINDINGS_SHOWN)
    return facings(page.rows), page.before, page.after


def facings(findings: Sequence[Finding]) -> list[Facing]:
    found = shown_findings(findings)
    records = {pk: record for each in found for pk, record in each.records.items()}
    urls = record_urls(records)
    return [_facing(each, urls) for each in found]


def _facing(shown: ShownFinding, urls: Mapping[int, str]) -> Facing:
    finding = shown.finding
    reconciliation = finding.investigation.exception.reconciliation
    suggested = [shown.records[pk] for pk in finding.suggested if pk in shown.records]
    own = shown.records.get(finding.record_id)
    left, right = ([own] if own is not None else []), suggested
    if finding.cause == Cause.COMBINED_PAYMENT:  # the other side's comes first, then what was paid with ours
        left, right = [*left, *suggested[1:]], suggested[:1]
    is_twin = finding.cause == Cause.DUPLICATE
    taken = ""
    if finding.taken_at is not None:
        taken = _("%(who)s on %(when)s") % {
            "who": one_person(reconciliation.organization_id, finding.taken_by),
            "when": moment(finding.taken_at),
        }
    return Facing(
        shown,
        _parties(left, right, finding),
        _parties(right, left, finding),
        _("Already matched") if is_twin else _("What may belong to it"),
        urls,
        cause_words(finding.cause),
        sureness(finding.confidence),
        taken,
    )


def _parties(records: Sequence[Record], others: Sequence[Record], finding: Finding) -> list[Party]:
    differ = finding.difference != 0 or finding.cause in (Cause.OTHER_CURRENCY, Cause.SIGN_SLIP)
    return [
        Party(record, differences(record, others, amounts_differ=differ), record.effect)
        for record in records[:RECORDS_SHOWN]
    ]


class FindingTaking(admin.ModelAdmin):
    """Mixed into the page of exceptions: `findings/7/take/` matches what finding 7 suggests."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.take_view))
        name = "exceptions_app_reconciliationexception_take"
        return [path("findings/<int:finding_id>/take/", view, name=name), *super().get_urls()]

    def take_view(self, request: HttpRequest, finding_id: int) -> HttpResponse:
        """A post does it; where something would be left, a page asks first what to do about it."""
        require_membership(request)
        finding = self._finding(request, finding_id)
        back = f"{page_url(finding)}#finding-{finding.pk}"
        if not may(request, SCOPE):
            messages.error(request, _("Your role does not allow this."))
            return HttpResponseRedirect(back)
        [each] = facings([finding])
        form = AdjustmentForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            act = partial(
                plainly(finding_take, finding.investigation.exception.reconciliation),
                organization_id=current_organization(request).pk,
                finding_id=finding.pk,
                create_adjustment=form.cleaned_data["create_adjustment"],
                by=actor_of(request),
                at=timezone.now(),
            )
            if run_act(request, act, lambda made: _("%(match)s is made of them.") % {"match": made}):
                return HttpResponseRedirect(back)
            if not each.asks or each.shown.not_matchable:
                return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Match these"),
            "opts": self.opts,
            "each": each,
            "form": form,
            "back": back,
            "media": self.media + form.media,
        }
        return render(request, "exceptions_app/take.html", context)

    def _finding(self, request: HttpRequest, finding_id: int) -> Finding:
        rows = Finding.objects.filter(investigation__exception__in=self.get_queryset(request))
        found = rows.select_related("investigation__exception__reconciliation").filter(pk=finding_id).first()
        if found is None:
            raise Http404
        return found


def page_url(finding: Finding) -> str:
    """The exception's page with the investigation that found it."""
    url = reverse(
        "admin:exceptions_app_reconciliationexception_change", args=[finding.investigation.exception_id]
    )
    return f"{url}?investigation={finding.investigation_id}"
