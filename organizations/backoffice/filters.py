"""Filters of lists: by a related row of the same organization, by days, and by amounts in whole currency units."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ImproperlyConfigured
from django.db.models import DateTimeField, Field, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.widgets import INPUT_CLASSES

from organizations.backoffice.scoping import rows_of

__all__ = [
    "AmountRangeFilter",
    "ChoicesDropdownFilter",
    "DayRangeFilter",
    "ScopedRelatedFilter",
    "scoped_filter",
]

CHOICES_MAX = 200


class ScopedRelatedFilter(RelatedDropdownFilter):
    """Offers the related rows of the chosen organization only; the first 200 by their own order."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: admin.ModelAdmin
    ) -> list[tuple[Any, str]]:
        rows = rows_of(field.remote_field.model, request, model_admin.admin_site)
        return [(row.pk, str(row)) for row in rows.distinct()[:CHOICES_MAX]]


class RangeForm(forms.Form):
    """Two inputs, from and to, of one HTML type."""

    def __init__(self, *, name: str, input_type: str, title: str, data: dict[str, str]) -> None:
        super().__init__(data=data)
        for end, label in (("from", _("From")), ("to", _("To"))):
            attrs = {
                "type": input_type,
                "class": " ".join(INPUT_CLASSES),
                "aria-label": f"{title}: {label}",
            }
            if input_type == "number":
                attrs["step"] = "any"
            self.fields[f"{name}_{end}"] = forms.CharField(
                label=label, required=False, widget=forms.TextInput(attrs)
            )


class RangeFilter(admin.FieldListFilter):
    """The frame of the two below: reads `<path>_from` and `<path>_to`, and refuses, aloud, what it cannot read."""

    template = "admin/tieout/range_filter.html"
    input_type = "text"

    def __init__(
        self,
        field: Field[Any, Any],
        request: HttpRequest,
        params: dict[str, Any],
        model: type[Model],
        model_admin: admin.ModelAdmin,
        field_path: str,
    ) -> None:
        self.path = field_path
        self.bounds: dict[str, str] = {}
        for name in self._names:
            value = params.pop(name, "")
            self.bounds[name] = (value[-1] if isinstance(value, list) else value).strip()
        super().__init__(field, request, params, model, model_admin, field_path)
        self.request = request

    def expected_parameters(self) -> list[str | None]:
        return list(self._names)

    @property
    def _names(self) -> tuple[str, str]:
        return f"{self.path}_from", f"{self.path}_to"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for name, lookup in zip(self._names, ("gte", "lte"), strict=True):
            text = self.bounds[name]
            if text:
                try:
                    queryset = queryset.filter(self.condition(text, lookup))
                except ValueError as error:
                    messages.error(request, str(error))
                    return queryset.none()
        return queryset

    def condition(self, text: str, lookup: str) -> Q:
        """What one bound means; raises ValueError with a sentence for people."""
        raise NotImplementedError

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        form = RangeForm(name=self.path, input_type=self.input_type, title=str(self.title), data=self.bounds)
        yield {"request": self.request, "parameter_name": self.path, "form": form}


class DayRangeFilter(RangeFilter):
    """From one day to another, both included; instants by the days of the person's time zone."""

    input_type = "date"

    def condition(self, text: str, lookup: str) -> Q:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise ValueError(
                _("%(text)r is no day. Write it like 2026-03-31.") % {"text": text[:40]}
            ) from None
        if not isinstance(self.field, DateTimeField):
            return Q(**{f"{self.path}__{lookup}": day})
        if lookup == "lte":
            if day == date.max:
                return Q()
            day, lookup = day + timedelta(days=1), "lt"
        return Q(**{f"{self.path}__{lookup}": timezone.make_aware(datetime.combine(day, time.min))})


class AmountRangeFilter(RangeFilter):
    """Amounts between two numbers as people write them (12.50).

    Rows keep whole minor units with `decimal_places` beside them, so the bounds are scaled per number of decimals.
    """

    input_type = "number"
    decimals: ClassVar[tuple[int, ...]] = (0, 2, 3, 4)

    def condition(self, text: str, lookup: str) -> Q:
        try:
            bound = Decimal(text)
            if not bound.is_finite() or abs(bound) > 10**14:
                raise InvalidOperation
        except InvalidOperation:
            raise ValueError(_("%(text)r is no amount. Write it like 12.50.") % {"text": text[:40]}) from None
        beside = self.path[: -len(self.path.rpartition("__")[2])]
        scaled = Q()
        for places in self.decimals:
            limit = bound.scaleb(places).to_integral_value(
                "ROUND_CEILING" if lookup == "gte" else "ROUND_FLOOR"
            )
            scaled |= Q(**{f"{beside}decimal_places": places, f"{self.path}__{lookup}": int(limit)})
        return scaled


def scoped_filter(entry: Any, model: Any) -> Any:
    """A `list_filter` entry as the base uses it: relations get ScopedRelatedFilter, days get DayRangeFilter.

    Refuses (ImproperlyConfigured) other filters of relations: theirs would offer every tenant's rows.
    """
    if isinstance(entry, tuple | list):
        unsafe = issubclass(entry[1], admin.RelatedFieldListFilter) and not issubclass(
            entry[1], ScopedRelatedFilter
        )
        if unsafe or "Autocomplete" in entry[1].__name__:
            raise ImproperlyConfigured(
                f"list_filter {entry}: use ScopedRelatedFilter, which stays in one organization."
            )
        return entry
    if not isinstance(entry, str):
        return entry
    field: Any = None
    for part in entry.split("__"):
        field = model._meta.get_field(part)
        model = field.related_model
    if field.is_relation:
        return (entry, ScopedRelatedFilter)
    if field.get_internal_type() in {"DateField", "DateTimeField"}:
        return (entry, DayRangeFilter)
    return (entry, ChoicesDropdownFilter) if field.choices else entry
