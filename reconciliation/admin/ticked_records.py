"""Matching the ticked records of streams by hand: which reconciliation, what it would come to, an adjustment or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from ledgers.amounts import shown
from ledgers.models import Record
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from organizations.backoffice.current import current_organization
from reconciliation.admin.words import plainly
from reconciliation.models import Match
from reconciliation.services.stream_matches import REASON_MAX, match_by_hand
from rules.models import Reconciliation, ReconciliationStream
from rules.states import ReconciliationKind, Side

NAME = "match-ticked"
TICKED_MAX = 500
"""Their numbers stand in an address."""


def ask_to_match(request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
    """The action of the list: leads to the page that asks which reconciliation is meant."""
    ids = list(queryset.order_by("pk").values_list("pk", flat=True)[: TICKED_MAX + 1])
    if len(ids) > TICKED_MAX:
        messages.error(request, _("Tick at most %(max)s records.") % {"max": TICKED_MAX})
        return None
    url = reverse("admin:reconciliation_streamrecord_list_act", args=[NAME])
    return HttpResponseRedirect(f"{url}?records={','.join(map(str, ids))}")


def match_act(request: HttpRequest) -> Act:
    """For the records that the address, or the form, names."""
    records = _named(request)
    sides = _sides(records)
    choices = Reconciliation.objects.filter(pk__in=sides).order_by("name", "pk")
    return Act(
        NAME,
        _("Match"),
        _match,
        "matches:decide",
        against="" if sides else _("No reconciliation has the streams of all these records."),
        form=_form(choices, records),
        explain="\n".join(_plan(books, records, sides[books.pk]) for books in choices),
        success=lambda made: _("%(match)s is made.") % {"match": made},
        after=lambda request, made: HttpResponseRedirect(
            reverse("admin:reconciliation_match_change", args=[made.pk])
        ),
    )


def _form(choices: QuerySet[Reconciliation], records: Sequence[Record]) -> type[forms.Form]:
    class MatchForm(forms.Form):
        records = forms.CharField(widget=forms.HiddenInput)
        reconciliation = forms.ModelChoiceField(
            choices, label=gettext_lazy("Reconciliation"), widget=UnfoldAdminSelectWidget
        )
        create_adjustment = forms.BooleanField(
            label=gettext_lazy("Make up the difference"),
            required=False,
            widget=UnfoldBooleanWidget,
            help_text=gettext_lazy(
                "An adjustment record brings both sides together. It stands in this match only, and goes with it."
            ),
        )
        adjustment_reason = forms.CharField(
            label=gettext_lazy("Why there is a difference"),
            required=False,
            max_length=REASON_MAX,
            widget=UnfoldAdminTextInputWidget,
        )

    MatchForm.base_fields["records"].initial = ",".join(str(record.pk) for record in records)
    if len(choices) == 1:
        MatchForm.base_fields["reconciliation"].initial = choices[0].pk
    return MatchForm


def _match(
    *, records: str, reconciliation: Reconciliation, by: Actor, at: datetime, **adjustment: Any
) -> Match:
    service: Callable[..., Match] = plainly(match_by_hand, reconciliation)
    ids = [int(part) for part in records.split(",") if part.isdigit()]
    return service(reconciliation=reconciliation, record_ids=ids, **adjustment, by=by, at=at)


def _named(request: HttpRequest) -> list[Record]:
    text = request.POST.get("records") or request.GET.get("records") or ""
    ids = [int(part) for part in text.split(",")[:TICKED_MAX] if part.isdigit() and len(part) < 19]
    own = Record.objects.of(current_organization(request).pk).live().entries().filter(pk__in=ids)
    return list(own.select_related("stream").order_by("date", "pk"))


def _sides(records: Sequence[Record]) -> dict[int, dict[int, str]]:
    """The reconciliations of streams that have all streams of the records, each with the sides of those."""
    streams = {record.stream_id for record in records}
    wires = ReconciliationStream.objects.filter(
        stream__in=streams,
        reconciliation__voided_at__isnull=True,
        reconciliation__kind=ReconciliationKind.STREAMS,
    )
    sides: dict[int, dict[int, str]] = {}
    for books, stream, side in wires.values_list("reconciliation_id", "stream_id", "side"):
        sides.setdefault(books, {})[stream] = side
    return {books: wired for books, wired in sides.items() if streams and set(wired) == streams}


def _plan(books: Reconciliation, records: Sequence[Record], sides: dict[int, str]) -> str:
    """ "Card to bank: 2 records of Side A with 120.00 EUR, 1 of Side B with 110.00 EUR; 10.00 EUR between them." """
    first, text = records[0], []
    totals = {}
    for side in Side.values:
        own = [record.signed_amount for record in records if sides[record.stream_id] == side]
        totals[side] = sum(own)
        text.append(
            _("%(n)s of Side %(side)s with %(sum)s")
            % {
                "n": len(own),
                "side": side.upper(),
                "sum": shown(totals[side], first.decimal_places, first.currency),
            }
        )
    if len({record.currency for record in records}) > 1:
        return _("%(name)s: these records are in several currencies and cannot be matched together.") % {
            "name": books.name
        }
    apart = abs(totals["a"]) - abs(totals["b"])
    end = (
        _("%(apart)s between them") % {"apart": shown(abs(apart), first.decimal_places, first.currency)}
        if apart
        else _("they agree")
    )
    if apart and len({sides[record.stream_id] for record in records}) == 1:
        end += " " + _("and none of the other side: make up the difference, or tick records of both sides")
    return f"{books.name}: {', '.join(text)}; {end}."
