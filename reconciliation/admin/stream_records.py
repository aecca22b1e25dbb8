"""Records of streams that programs and files fill: where each stands in every reconciliation of its stream, changing and
deleting it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from ledgers.amounts import major
from ledgers.backoffice import amount_cell, link_to, totals
from ledgers.models import ImportBatch, Record
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from organizations.backoffice.current import may
from organizations.backoffice.filters import AmountRangeFilter, ScopedRelatedFilter
from reconciliation.admin.base import ClearingModelAdmin, asked_act
from reconciliation.admin.closings import open_now, standing_chip, standing_words, subjects_of
from reconciliation.admin.due import OPEN, DueFilter, due_chip, overdue_at_of
from reconciliation.admin.items import StandingFilter
from reconciliation.admin.record_forms import facts_of, form_of, overdue_act
from reconciliation.admin.ticked_records import NAME, ask_to_match, match_act
from reconciliation.admin.words import one_person, plainly
from reconciliation.models import StreamRecord
from reconciliation.selectors.standing import MATCHED, Standing, standings
from reconciliation.services.single_records import metadata_check
from reconciliation.services.stream_records import record_change, record_void
from rules.models import Reconciliation, ReconciliationStream

SCOPE = "records:write"


class RecordStandingFilter(StandingFilter):
    """In any reconciliation, on either side."""

    record = "pk"
    side = ""


@admin.register(StreamRecord)
class StreamRecordAdmin(ClearingModelAdmin):
    organization_path = "stream__organization"
    view_scope = "records:read"
    nav_group, nav_icon, nav_order = "books", "table_rows", 71
    nav_title = gettext_lazy("Stream records")
    intro = gettext_lazy("What programs and files brought into data streams, and where each record stands.")
    empty_text = gettext_lazy("There is no record yet.")
    empty_steps = gettext_lazy(
        "Programs add records over the API; or open a data stream and import a file, or add a record there."
    )
    list_display = (
        "date",
        "text",
        "external",
        "amount_signed",
        "stream_link",
        "standing",
        "due",
        "match_shown",
        "created_at",
    )
    list_filter = (
        RecordStandingFilter,
        DueFilter,
        ("stream", ScopedRelatedFilter),
        "date",
        ("amount", AmountRangeFilter),
        "direction",
        "created_at",
    )
    list_select_related = ("stream",)
    search_fields = ("reference", "description", "counterparty", "=external_id")
    search_help_text = gettext_lazy("Reference, text, counterparty, or its external id")
    actions = ("match_ticked",)
    ordering = ("pk",)  # as they came in: quick behind a million rows
    fields = (
        "stream_link",
        "date",
        "value_date",
        "amount_signed",
        "direction",
        "reference_shown",
        "text",
        "counterparty_shown",
        "external",
        "details",
        "reconciled_in",
        "brought_by",
        "uuid",
        "created_at",
    )
    readonly_fields = fields
    export_columns = (
        ("Record", lambda record: record.pk),
        ("Stream", lambda record: record.stream.key),
        ("Date", lambda record: record.date),
        ("Value date", lambda record: record.value_date),
        ("Amount", lambda record: major(record.signed_amount, record.decimal_places)),
        ("Currency", lambda record: record.currency),
        ("Reference", lambda record: record.reference),
        ("Description", lambda record: record.description),
        ("Counterparty", lambda record: record.counterparty),
        ("External id", lambda record: record.external_id),
        ("Metadata", lambda record: json.dumps(record.metadata, ensure_ascii=False, sort_keys=True)),
        ("Standing", lambda record: words_of(record.places)),
        ("Overdue from", lambda record: earliest([overdue_at_of(found) for _books, found in record.places])),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(pk__in=StreamRecord.objects.filled().values("pk"))

    def furnish(self, rows: list[Any]) -> None:
        """Each with `places`: its reconciliations and where it stands there; three queries."""
        wired: dict[int, list[Reconciliation]] = defaultdict(list)
        wires = ReconciliationStream.objects.filter(
            stream__in={row.stream_id for row in rows}, reconciliation__voided_at__isnull=True
        )
        for wire in wires.select_related("reconciliation").order_by("reconciliation__name", "pk"):
            wired[wire.stream_id].append(wire.reconciliation)
        keys = [(books.pk, row.pk) for row in rows for books in wired[row.stream_id]]
        found = standings(keys)
        for row in rows:
            row.places = [(books, found[books.pk, row.pk]) for books in wired[row.stream_id]]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    @display(description=gettext_lazy("Stream"))
    def stream_link(self, obj: Record) -> str:
        return link_to(obj.stream)

    @display(description=gettext_lazy("Reference"))
    def reference_shown(self, obj: Record) -> str:
        return obj.reference or "–"

    @display(description=gettext_lazy("Text"), ordering="description")
    def text(self, obj: Record) -> str:
        return obj.description or obj.counterparty or obj.reference or "–"

    @display(description=gettext_lazy("Counterparty"))
    def counterparty_shown(self, obj: Record) -> str:
        return obj.counterparty or "–"

    @display(description=gettext_lazy("External id"), ordering="external_id")
    def external(self, obj: Record) -> str:
        return obj.external_id or "–"

    @display(description=gettext_lazy("Amount"), ordering="signed_amount")
    def amount_signed(self, obj: Record) -> str:
        return amount_cell(obj.signed_amount, obj.decimal_places, obj.currency, plus=True)

    @display(description=gettext_lazy("Metadata"))
    def details(self, obj: Record) -> str:
        rows = ((key, written(value)) for key, value in sorted(obj.metadata.items()))
        lines = format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows)
        return format_html('<dl class="tieout-facts">{}</dl>', lines) if lines else "–"

    @display(description=gettext_lazy("Standing"))
    def standing(self, obj: Any) -> str:
        if len(obj.places) == 1:
            return standing_chip(obj.places[0][1].status)
        rows = ((books.name, standing_chip(found.status)) for books, found in obj.places)
        return format_html_join(" ", "<span>{} {}</span>", rows) or "–"

    @display(description=gettext_lazy("Due"))
    def due(self, obj: Any) -> str:
        rows = [(books.name, due_chip(found)) for books, found in obj.places]
        if len(rows) == 1:
            return rows[0][1]
        return format_html_join(" ", "<span>{} {}</span>", (row for row in rows if row[1] != "–")) or "–"

    @display(description=gettext_lazy("Match"))
    def match_shown(self, obj: Any) -> str:
        return _matches([found for _books, found in obj.places])

    @display(description=gettext_lazy("Reconciled in"))
    def reconciled_in(self, obj: Any) -> str:
        rows = (
            (
                link_to(books),
                standing_chip(found.status),
                _left(obj, found),
                _matches([found]),
                due_told(found),
            )
            for books, found in obj.places
        )
        return format_html_join("", "<p>{} {} {} {} {}</p>", rows) or _("no reconciliation")

    @display(description=gettext_lazy("Came in by"))
    def brought_by(self, obj: Any) -> str:
        batch = ImportBatch.objects.filter(pk=obj.import_batch_id).first()
        who = one_person(obj.stream.organization_id, obj.created_by)
        return format_html("{} · {}", who, link_to(batch)) if batch is not None else who

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        return totals(queryset, net="signed_amount")

    def sentence(self, request: HttpRequest, obj: Any) -> str:
        if not obj.places:
            return _("Its stream is in no reconciliation: nothing is held against it.")
        if all(found.status == MATCHED for _books, found in obj.places):
            return _("It is matched wherever its stream is reconciled.")
        return _("Below is where it stands in each reconciliation of its stream.")

    def history_subjects(self, obj: Any) -> list[tuple[str, int | str]]:
        return subjects_of(obj)

    def list_acts(self, request: HttpRequest) -> list[Act]:
        return [match_act(request)] if asked_act(request) == NAME else []

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return may(request, "matches:decide")

    @admin.action(description=gettext_lazy("Match the ticked records"), permissions=["decide"])
    def match_ticked(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return ask_to_match(request, queryset)

    def acts(self, request: HttpRequest, obj: Any) -> list[Act]:
        accepted = [found for _books, found in obj.places if _is_accepted(found)]
        against = (
            _("It is in %(match)s. Undo that one first.") % {"match": accepted[0].match} if accepted else ""
        )
        return [
            Act(
                "change-facts",
                _("Change"),
                partial(_changed, plainly(record_change, obj.stream), obj),
                SCOPE,
                against=against,
                form=form_of(obj),
                initial=facts_of(obj),
                explain=_("Proposals that name it are taken back, and matching looks at it anew."),
                success=_("It is saved."),
            ),
            overdue_act(obj, [books for books, found in obj.places if not _is_accepted(found)]),
            Act(
                "delete",
                _("Delete"),
                partial(plainly(record_void, obj.stream), record=obj),
                SCOPE,
                against=against,
                danger=True,
                explain=_("It leaves all lists and sums, and proposals that name it are taken back."),
                success=_("It is deleted."),
                after=_back_to_list,
            ),
        ]


def words_of(places: list[tuple[Reconciliation, Standing]]) -> str:
    """ "Acquirer to bank: matched; Bank to books: unmatched"."""
    return "; ".join(f"{books.name}: {standing_words(found.status)}" for books, found in places)


def earliest(instants: list[datetime | None]) -> datetime | None:
    return min((each for each in instants if each is not None), default=None)


def written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _left(record: Record, found: Standing) -> str:
    left = open_now(found)
    if not left or abs(left) == abs(record.signed_amount):
        return ""
    return format_html(
        "{} {}", amount_cell(left, record.decimal_places, record.currency, plus=True), _("open")
    )


def _matches(found: list[Standing]) -> str:
    return format_html_join(", ", "{}", ((link_to(each.match),) for each in found if each.match)) or "–"


def due_told(found: Standing) -> str:
    return due_chip(found) if found.status in OPEN else ""


def _is_accepted(found: Standing) -> bool:
    return found.match is not None and found.match.status == "accepted"


def _changed(
    change: Callable[..., Record], record: Record, *, by: Actor, at: datetime, **facts: Any
) -> Record:
    """Only what the person changed: the rest may have been changed meanwhile by somebody else."""
    changes = {name: value for name, value in facts.items() if value != getattr(record, name)}
    if "metadata" in changes:
        metadata_check(record.stream, changes["metadata"])
    return change(record=record, changes=changes, by=by, at=at)


def _back_to_list(request: HttpRequest, _nothing: Any) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:reconciliation_streamrecord_changelist"))
