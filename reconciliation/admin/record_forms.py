"""Forms of a record's facts, as people fill them: amounts in whole currency units, metadata as JSON; and when it is overdue."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from ledgers.amounts import MINUS, major, read
from ledgers.models import Record
from ledgers.money import exponent
from ledgers.services.record_rows import ID_MAX, TEXT_MAX
from ledgers.states import Direction
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from reconciliation.admin.words import plainly
from reconciliation.services.overdue import record_mark_overdue
from rules.models import Reconciliation


def _line(
    label: Any, *, required: bool = False, help_text: Any = "", most: int = TEXT_MAX
) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        max_length=most,
        widget=UnfoldAdminTextInputWidget,
        help_text=help_text,
    )


class StrictDecoder(json.JSONDecoder):
    """Reads what RFC 8259 calls JSON and PostgreSQL keeps: no NaN, no NUL, no half of a surrogate pair."""

    def decode(self, s: str, *args: Any) -> Any:
        try:
            found = super().decode(s, *args)
            fits = _can_be_kept(found)
        except json.JSONDecodeError:
            raise
        except (RecursionError, ValueError):  # too deep; a number of too many digits
            fits = False
        if not fits:
            raise json.JSONDecodeError("it cannot be kept", s, 0)
        return found


def _can_be_kept(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_can_be_kept(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return all(_can_be_kept(each) for each in value)
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
    return not isinstance(value, float) or math.isfinite(value)


class FactsForm(forms.Form):
    """What a record of any stream states. `places`: the decimals of its currency."""

    places = 2
    date = forms.DateField(label=gettext_lazy("Date"), widget=UnfoldAdminDateWidget)
    value_date = forms.DateField(
        label=gettext_lazy("Value date"), required=False, widget=UnfoldAdminDateWidget
    )
    amount = _line(
        gettext_lazy("Amount"),
        required=True,
        help_text=gettext_lazy(
            "Like 1250.00, with the decimals of its currency. Below zero it is a reversal."
        ),
    )
    direction = forms.ChoiceField(
        label=gettext_lazy("Direction"), choices=Direction.choices, widget=UnfoldAdminSelectWidget
    )
    reference = _line(gettext_lazy("Reference"))
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        max_length=TEXT_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    counterparty = _line(gettext_lazy("Counterparty"))
    external_id = _line(
        gettext_lazy("External id"),
        help_text=gettext_lazy("How its source names it; once in a stream."),
        most=ID_MAX,
    )
    metadata = forms.JSONField(
        label=gettext_lazy("Metadata"),
        required=False,
        initial=dict,
        decoder=StrictDecoder,
        error_messages={
            "invalid": gettext_lazy(
                'Write a JSON object: {"batch_no": "B-19"}. NaN, Infinity and the character NUL cannot be kept.'
            )
        },
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=gettext_lazy('A JSON object: {"batch_no": "B-19"}'),
    )

    def clean_metadata(self) -> dict[str, Any]:
        found = self.cleaned_data["metadata"]
        if found in (None, ""):
            return {}
        if not isinstance(found, dict):
            raise forms.ValidationError(_('Write a JSON object: {"batch_no": "B-19"}'))
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "amount" in cleaned:
            text, places = cleaned["amount"].strip(), self._places(cleaned)
            minor = read(text, places)
            if minor is None:
                self.add_error(
                    "amount", _("Write it like 1250.00, with at most %(n)s decimals.") % {"n": places}
                )
            else:
                cleaned["amount"] = -minor if text[:1] in ("-", MINUS) else minor
        return cleaned

    def _places(self, cleaned: dict[str, Any]) -> int:
        return self.places


class AddForm(FactsForm):
    """Of a new record, which also says its currency."""

    currency = forms.RegexField(
        "^[A-Za-z]{3}$",
        label=gettext_lazy("Currency"),
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Three letters, like EUR."),
    )
    field_order = ("date", "amount", "currency", "direction", "reference", "description")

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def _places(self, cleaned: dict[str, Any]) -> int:
        return exponent(cleaned.get("currency", ""))


def form_of(record: Record) -> type[FactsForm]:
    return type("RecordForm", (FactsForm,), {"places": record.decimal_places})


def facts_of(record: Record) -> dict[str, Any]:
    """What stands in the form at first."""
    facts = {name: getattr(record, name) for name in FactsForm.base_fields}
    return {**facts, "amount": str(major(record.amount, record.decimal_places))}


def overdue_act(record: Record, places: Sequence[Reconciliation]) -> Act:
    """Mark it overdue in one of the reconciliations where it is open still."""

    class OverdueForm(forms.Form):
        reconciliation = forms.ModelChoiceField(
            Reconciliation.objects.filter(pk__in=[books.pk for books in places]).order_by("name", "pk"),
            label=gettext_lazy("Reconciliation"),
            initial=places[0].pk if len(places) == 1 else None,
            widget=UnfoldAdminSelectWidget,
        )
        overdue_at = forms.SplitDateTimeField(
            label=gettext_lazy("Overdue from"),
            required=False,
            widget=UnfoldAdminSplitDateTimeWidget,
            help_text=gettext_lazy("Empty: from now on. Your own time zone."),
        )

    return Act(
        "mark-overdue",
        _("Mark overdue"),
        partial(_mark, record),
        "exceptions:write",
        against="" if places else _("It is open in no reconciliation."),
        form=OverdueForm,
        explain=_("Whatever the policy of the reconciliation says; a change of the policy leaves it so."),
        success=_("It is marked."),
    )


def _mark(record: Record, *, reconciliation: Reconciliation, by: Actor, **when: Any) -> Record:
    service = plainly(record_mark_overdue, reconciliation)
    of = {"organization_id": by.organization_id, "reconciliation_id": reconciliation.pk}
    return service(**of, record_id=record.pk, by=by, **when)
