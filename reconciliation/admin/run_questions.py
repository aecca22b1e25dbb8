"""Questions from the page of a run: why the ticked records did not match by themselves, and what adds up to one of them.

Both are read only: the page posts its ticks, and is sent on to an address that can be kept and sent to somebody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from ledgers.amounts import shown
from ledgers.models import Record
from organizations.refusals import Refusal
from reconciliation.admin.explained import shown_explanation
from reconciliation.admin.run_page import ids_of
from reconciliation.admin.telling import back_to
from reconciliation.models import Run
from reconciliation.selectors.combinations import SIZE, SIZE_MAX, Found, combinations_of
from reconciliation.selectors.desk import name_of
from reconciliation.selectors.explanations import explain_records
from rules.states import Side


class RunQuestions(admin.ModelAdmin):
    """Mixed into RunAdmin, which gives `run_or_404`."""

    run_or_404: Callable[[HttpRequest, int], Run]

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                f"<int:run_id>/{name.replace('_', '-')}/",
                self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(view)),
                name=f"reconciliation_run_{name}",
            )
            for name, view in (("why_not", self.why_not_view), ("adds_up", self.adds_up_view))
        ] + super().get_urls()

    def why_not_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        run = self.run_or_404(request, run_id)
        if request.method == "POST":
            return self._sent_on(request, run, "why_not")
        lines, entries = chosen(request.GET, run)
        if not lines or not entries:
            return self._back(request, run, _("Tick a line and an entry to ask why they did not match."))
        try:
            found = explain_records(
                run.reconciliation,
                side_a=[record.pk for record in lines],
                side_b=[record.pk for record in entries],
            )
        except Refusal as refusal:
            return self._back(request, run, refusal.message)
        why = shown_explanation(found)
        context = {
            "title": _("Why not?"),
            "chosen": [(why.sides.a, lines), (why.sides.b, entries)],
            "why": why,
            "why_holds": any(rule.holds for rule in why.rules),
            "back": ticks_url(run, [*lines, *entries]),
        }
        return self._page(request, run, "reconciliation/why_not.html", context)

    def adds_up_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        run = self.run_or_404(request, run_id)
        if request.method == "POST":
            return self._sent_on(request, run, "adds_up")
        lines, entries = chosen(request.GET, run)
        if len(lines) + len(entries) != 1:
            return self._back(request, run, _("Tick one line or one entry to find what adds up to it."))
        target, side = (lines[0], Side.B) if lines else (entries[0], Side.A)
        size, since, until = asked_of(request.GET)
        try:
            found = combinations_of(
                run.reconciliation,
                side=side,
                record_id=target.pk,
                max_size=size,
                date_from=since,
                date_to=until,
            )
        except Refusal as refusal:
            return self._back(request, run, refusal.message)
        records = Record.objects.in_bulk({pk for each in found.sets for pk in each.record_ids})
        sets = [[records[pk] for pk in each.record_ids] for each in found.sets]
        context = {
            "title": _("What adds up?"),
            "asked": asked_words(target, found, side),
            "found": found,
            "verdict": verdict_words(found),
            "looked_at": looked_words(found, size),
            "sets": [{"records": each, "url": ticks_url(run, [target, *each])} for each in sets],
            "kept": [("line" if lines else "entry", str(target.uuid))],
            "sizes": range(1, SIZE_MAX + 1),
            "size": size,
            "since": since,
            "until": until,
            "back": ticks_url(run, [target]),
        }
        return self._page(request, run, "reconciliation/adds_up.html", context)

    def _sent_on(self, request: HttpRequest, run: Run, name: str) -> HttpResponse:
        """What was ticked becomes part of the address."""
        ticks = [
            (kind, str(uuid)) for kind in ("line", "entry") for uuid in ids_of(request.POST.getlist(kind))
        ]
        url = reverse(f"admin:reconciliation_run_{name}", args=[run.pk])
        return HttpResponseRedirect(f"{url}?{urlencode(ticks)}")

    def _back(self, request: HttpRequest, run: Run, message: str) -> HttpResponse:
        messages.warning(request, message)
        return HttpResponseRedirect(back_to(run, "show=by-hand"))

    def _page(self, request: HttpRequest, run: Run, template: str, context: dict[str, Any]) -> HttpResponse:
        page = {**self.admin_site.each_context(request), "opts": self.opts, "run": run, **context}
        return render(request, template, page)


def chosen(query: QueryDict, run: Run) -> tuple[list[Record], list[Record]]:
    """The lines and entries named in the address, of this organization; whether they are the run's the services say."""
    rows = Record.objects.of(run.organization_id).live().select_related("stream").oldest_first()
    lines, entries = (list(rows.filter(uuid__in=ids_of(query.getlist(name)))) for name in ("line", "entry"))
    return lines, entries


def ticks_url(run: Run, records: Sequence[Record]) -> str:
    """The run's page with these ticked."""
    url = reverse("admin:reconciliation_run_change", args=[run.pk])
    return f"{url}?{urlencode([('show', 'by-hand'), *(('tick', str(record.uuid)) for record in records)])}"


def asked_of(query: QueryDict) -> tuple[int, date | None, date | None]:
    """How many at most, and between which days; what is not understood is as if it were not there."""
    text = query.get("size", "")
    size = min(max(int(text), 1), SIZE_MAX) if text.isdecimal() and len(text) < 3 else SIZE
    return size, _day(query.get("from", "")), _day(query.get("to", ""))


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


# --- Words --------------------------------------------------------------------------------------------------------


def asked_words(target: Record, found: Found, side: str) -> str:
    facts = {
        "name": name_of(target),
        "amount": shown(found.target.amount, target.decimal_places, target.currency, plus=True),
    }
    if side == Side.B:
        return _("Which open entries add up to line %(name)s, %(amount)s?") % facts
    return _("Which open lines add up to entry %(name)s, %(amount)s?") % facts


def verdict_words(found: Found) -> str:
    if found.verdict == "unique":
        return _("There is exactly one way.")
    if found.verdict == "none":
        return _("Nothing adds up to it.")
    if found.verdict == "exhausted":
        return _("The search ended before it could say.")
    count = f"{found.count:,}" if found.count_exact else _("at least %(n)s") % {"n": f"{found.count:,}"}
    if not found.sets:
        return _("There are %(n)s ways: too many to guess.") % {"n": count}
    return _("There are %(n)s ways. Only you can say which.") % {"n": count}


def looked_words(found: Found, size: int) -> str:
    items = ngettext("%(n)s open record looked at", "%(n)s open records looked at", found.items) % {
        "n": f"{found.items:,}"
    }
    if found.complete_to >= size:
        return _("%(items)s, in every set of up to %(size)s.") % {"items": items, "size": size}
    return _("%(items)s, in every set of up to %(done)s of the %(size)s asked for.") % {
        "items": items,
        "done": found.complete_to,
        "size": size,
    }
