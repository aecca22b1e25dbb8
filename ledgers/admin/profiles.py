"""Import profiles: how CSV files of any layout are read. Made, changed into new versions, retired, named by ledgers."""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from ledgers.backoffice import BooksModelAdmin, chip
from ledgers.models import ImportProfile, Ledger
from ledgers.services.profiles import (
    NAME_MAX,
    ledger_set_profile,
    profile_change,
    profile_create,
    profile_retire,
)
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from organizations.backoffice.current import current_organization

SCOPE = "profiles:write"
EXAMPLE = {
    "columns": {"booking_date": ["Date"], "amount": ["Amount"], "description": ["Text"]},
    "delimiter": ";",
    "date_format": "DD.MM.YYYY",
    "decimal_mark": ",",
}


class DeclarationField(forms.JSONField):
    """Nothing that is typed or pasted breaks it: JSON nested without end, numbers of thousands of digits."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except (RecursionError, ValueError):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Shown again as it was typed, not as what it means: half a character could not be shown at all."""
        return InvalidJSONInput(data) if isinstance(data, str) else data


class DeclarationForm(forms.Form):
    declaration = DeclarationField(
        label=gettext_lazy("Declaration"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 18, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Which column is what, and how days and amounts are written; docs/import-profiles.md explains each key. The"
            " import page proposes one for a file, and shows what it makes of it before anything is kept."
        ),
    )


class ProfileForm(DeclarationForm):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=NAME_MAX,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy(
            "Whose files it reads, so that you know it again: “Main Street Bank, current account”."
        ),
    )
    field_order = ("name", "declaration")


def pretty(declaration: dict[str, Any]) -> str:
    return json.dumps(declaration, indent=2, ensure_ascii=False)


def ledger_form(ledgers: QuerySet[Ledger]) -> type[forms.Form]:
    field = forms.ModelChoiceField(
        ledgers.order_by("code"), label=_("Ledger"), widget=UnfoldAdminSelectWidget
    )
    return type("LedgerForm", (forms.Form,), {"ledger": field})


def stop_reading(*, ledger: Ledger, by: Actor, at: datetime) -> Ledger:
    return ledger_set_profile(ledger=ledger, profile=None, by=by, at=at)


@admin.register(ImportProfile)
class ImportProfileAdmin(BooksModelAdmin):
    view_scope = "ledgers:read"
    nav_icon, nav_order = "table_view", 60
    intro = gettext_lazy(
        "How CSV files of banks and providers are read. Each is declared once; a change is a new version, and files remember"
        " the version that they were read with."
    )
    empty_text = gettext_lazy("There is no import profile yet.")
    empty_steps = gettext_lazy(
        "Upload a CSV file on the import page: where it is not in our own layout, a profile is proposed for it."
    )
    list_display = ("name_shown", "target", "version", "state", "ledgers_text", "created_at", "created_by")
    list_filter = ("target", "created_at")
    search_fields = ("name",)
    search_help_text = gettext_lazy("Name")
    ordering = ("name", "pk")
    fields = (
        "name",
        "target",
        "version",
        "state_text",
        "ledgers_text",
        "declaration_text",
        "versions",
        "created_at",
        "created_by",
        "retired_at",
    )
    readonly_fields = fields
    export_columns = (
        ("Name", lambda profile: profile.name),
        ("For", lambda profile: profile.get_target_display()),
        ("Version", lambda profile: profile.version),
        ("State", lambda profile: str(state_of(profile))),
        ("Declaration", lambda profile: json.dumps(profile.declaration, ensure_ascii=False)),
        ("Made at", lambda profile: profile.created_at),
        ("Made by", lambda profile: profile.created_by),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The list has the newest version of each; older ones are reached from it, and from files."""
        rows = super().get_queryset(request)
        listed = request.resolver_match is not None and str(request.resolver_match.url_name).endswith(
            "changelist"
        )
        return rows.filter(replaced_at__isnull=True) if listed else rows

    def furnish(self, rows: list[Any]) -> None:
        named: dict[int, list[str]] = {}
        wanted = [row.pk for row in rows]
        for profile_id, code in Ledger.objects.filter(import_profile__in=wanted).values_list(
            "import_profile_id", "code"
        ):
            named.setdefault(profile_id, []).append(code)
        for row in rows:
            row.ledger_codes = sorted(named.get(row.pk, []))

    @display(description=gettext_lazy("Profile"), ordering="name")
    def name_shown(self, obj: ImportProfile) -> str:
        return obj.name

    @display(description=gettext_lazy("State"))
    def state(self, obj: ImportProfile) -> str:
        return chip(state_of(obj), "good" if obj.is_current else "plain")

    @display(description=gettext_lazy("State"))
    def state_text(self, obj: ImportProfile) -> str:
        return state_of(obj)

    @display(description=gettext_lazy("Used by"))
    def ledgers_text(self, obj: ImportProfile) -> str:
        if not hasattr(obj, "ledger_codes"):
            self.furnish([obj])
        return ", ".join(obj.ledger_codes) or "–"  # type: ignore[attr-defined]

    @display(description=gettext_lazy("Declaration"))
    def declaration_text(self, obj: ImportProfile) -> str:
        return format_html("<pre>{}</pre>", pretty(obj.declaration))

    @display(description=gettext_lazy("Versions"))
    def versions(self, obj: ImportProfile) -> str:
        rows = ImportProfile.objects.filter(organization=obj.organization_id, name=obj.name).order_by(
            "-version"
        )
        return render_to_string("ledgers/profile_versions.html", {"versions": rows, "shown": obj})

    def sentence(self, request: HttpRequest, obj: ImportProfile) -> str:
        if obj.replaced_at is not None:
            return _("An older version, kept for the files that were read with it.")
        if obj.retired_at is not None:
            return _("Retired: no file is read with it any more.")
        return _("Files that are read with it must be as declared below, or are refused with what differs.")

    def history_subjects(self, obj: ImportProfile) -> list[tuple[str, int | str]]:
        rows = ImportProfile.objects.filter(organization=obj.organization_id, name=obj.name)
        return [("ledgers.importprofile", pk) for pk in rows.values_list("pk", flat=True)]

    def list_acts(self, request: HttpRequest) -> list[Act]:
        return [
            Act(
                "make",
                _("Declare a layout"),
                partial(profile_create, organization_id=current_organization(request).pk),
                SCOPE,
                form=ProfileForm,
                initial={"declaration": EXAMPLE},
                explain=_("Nothing is read with it until a ledger names it, or you choose it for a file."),
                success=lambda made: _("%(name)s is declared.") % {"name": made.name},
            )
        ]

    def acts(self, request: HttpRequest, obj: ImportProfile) -> list[Act]:
        against = "" if obj.is_current else _("It is %(state)s.") % {"state": state_of(obj)}
        change = Act(
            "change",
            _("Change"),
            partial(profile_change, profile=obj),
            SCOPE,
            against=against,
            form=DeclarationForm,
            initial={"declaration": obj.declaration},
            explain=_(
                "Makes a new version, which the ledgers below use from then on. Files that were read stay as they are."
            ),
            success=lambda new: _("Version %(version)s is in use.") % {"version": new.version},
        )
        retire = Act(
            "retire",
            _("Retire"),
            partial(profile_retire, profile=obj),
            SCOPE,
            against=against,
            danger=True,
            explain=_("No file can be read with it from then on. This cannot be undone."),
            success=_("The profile is retired."),
        )
        return [change, *self._ledger_acts(request, obj, against), retire]

    def _ledger_acts(self, request: HttpRequest, obj: ImportProfile, against: str) -> list[Act]:
        own = Ledger.objects.of(current_organization(request).pk)
        using = own.filter(import_profile=obj)
        return [
            Act(
                "use",
                _("Use for a ledger"),
                partial(ledger_set_profile, profile=obj),
                SCOPE,
                against=against,
                form=ledger_form(own),
                explain=_("CSV statements of that ledger are read with it from then on."),
                success=lambda ledger: (
                    _("CSV statements of %(code)s are read with it.") % {"code": ledger.code}
                ),
            ),
            Act(
                "stop",
                _("Stop using it for a ledger"),
                stop_reading,
                SCOPE,
                against=against or ("" if using.exists() else _("No ledger uses it.")),
                form=ledger_form(using),
                explain=_(
                    "CSV statements of that ledger must be in our own layout then, or are declared for each file."
                ),
                success=lambda ledger: (
                    _("CSV statements of %(code)s are no longer read with it.") % {"code": ledger.code}
                ),
            ),
        ]


def state_of(profile: ImportProfile) -> str:
    if profile.replaced_at is not None:
        return _("replaced")
    return _("retired") if profile.retired_at is not None else _("in use")
