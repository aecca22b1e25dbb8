"""Fields and serializers that all surfaces use: money, instants, actors, and bodies that refuse unknown keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.shared.values import NUMBER_MAX, Unfit, read_instant, read_number
from organizations.actors import shown_names

DAY_FORM = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
MONEY_SCHEMA = {
    "type": "object",
    "required": ["amount", "currency", "precision"],
    "properties": {
        "amount": {"type": "string", "pattern": "^-?[0-9]+$", "description": "Whole minor units."},
        "currency": {"type": "string", "minLength": 3, "maxLength": 3},
        "precision": {
            "type": "integer",
            "description": "Decimals: the shown amount is amount / 10^precision.",
        },
    },
    "example": {"amount": "125000", "currency": "EUR", "precision": 2},
}


def money(minor: int | None, currency: str, precision: int) -> dict[str, Any] | None:
    """Minor units as text, so that no reader rounds them."""
    if minor is None:
        return None
    return {"amount": str(minor), "currency": currency, "precision": precision}


@extend_schema_field(MONEY_SCHEMA)
class MoneyField(serializers.Field):
    """Reads minor units from `source`, and currency and decimals from the row (or from `of`, a path to what has them)."""

    def __init__(self, *, of: str = "", **kwargs: Any) -> None:
        self.of = of
        kwargs["read_only"] = True
        super().__init__(**kwargs)

    def get_attribute(self, instance: Any) -> Any:
        holder = instance
        for step in filter(None, self.of.split(".")):
            holder = getattr(holder, step)
        return money(super().get_attribute(instance), holder.currency, holder.decimal_places)

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


class Derived(serializers.Field):
    """A read-only field whose value is a column (`source`) or, with `get`, a function of the row."""

    def __init__(self, *, get: Callable[[Any], Any] | None = None, **kwargs: Any) -> None:
        self.get = get
        super().__init__(read_only=True, **kwargs)

    def get_attribute(self, instance: Any) -> Any:
        if self.get is not None:
            return self.get(instance)
        return super().get_attribute(instance)


class InstantField(Derived, serializers.DateTimeField):
    """UTC with Z, whatever time zone is active."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)


class DayOrNull(Derived, serializers.DateField):
    """A date that may be missing."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)


class ActorField(Derived, serializers.CharField):
    """An actor's ref, shown by the name that `present` looked up for the whole batch; null where nobody acted."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def to_representation(self, value: str) -> str | None:
        names: Mapping[str, str] = self.context.get("names", {})
        return names.get(value, value) or None


class TextOrNull(serializers.CharField):
    """An empty text is shown as null."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, allow_null=True, **kwargs)

    def to_representation(self, value: Any) -> str | None:  # type: ignore[override]
        return str(value) if value else None


@extend_schema_field(OpenApiTypes.INT64)
class MinorUnits(serializers.IntegerField):
    """An amount in a request: a whole number of minor units. A float is refused, even a whole one: money is never one."""

    def __init__(self, *, at_least: int = 1, **kwargs: Any) -> None:
        super().__init__(min_value=at_least, max_value=NUMBER_MAX, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int and not (isinstance(data, str) and data.isascii() and data.isdigit()):
            raise serializers.ValidationError(_("Write whole minor units, like 125000 for 1,250.00 EUR."))
        return int(super().to_internal_value(data))


@extend_schema_field(
    {
        "oneOf": [{"type": "integer"}, {"type": "string", "pattern": "^[0-9]+$"}],
        "description": "A number, or a text of digits.",
    }
)
class Id(serializers.Field):
    """An id in a body, as a number or a text of digits."""

    def to_internal_value(self, data: Any) -> int:
        try:
            return read_number(data)
        except Unfit:
            raise serializers.ValidationError(
                _("Write an id as it was given to you: a whole number.")
            ) from None

    def to_representation(self, value: int) -> int:
        return value


class Day(serializers.DateField):
    """A day in a request, as the OpenAPI says it: 2026-03-31 and no other form of ISO 8601, such as a week."""

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or not DAY_FORM.fullmatch(data):
            raise serializers.ValidationError(_("Write a date like 2026-03-31."))
        try:
            return date.fromisoformat(data)
        except ValueError:
            raise serializers.ValidationError(_("Write a date like 2026-03-31.")) from None


class Instant(serializers.DateTimeField):
    """An instant in a request. It states its offset from UTC: an hour without one could be any of 26."""

    def to_internal_value(self, data: Any) -> datetime:
        if not isinstance(data, str):
            raise serializers.ValidationError(_("Write an instant like 2026-03-31T09:00:00Z."))
        try:
            return read_instant(data)
        except Unfit as unfit:
            raise serializers.ValidationError(str(unfit)) from None


class Body(serializers.Serializer[Any]):
    """A request body: keys that it doesn't know are mistakes, and are said to be."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [key for key in data if key not in self.fields]
            if unknown:
                message = _("This request has no such field.")
                raise serializers.ValidationError({str(key): [message] for key in unknown})
        return super().to_internal_value(data)


def read_body(kind: type[Body], data: Any) -> dict[str, Any]:
    """The validated body; raises ValidationError, which is the surface's bad input."""
    body = kind(data=data)
    body.is_valid(raise_exception=True)
    validated: dict[str, Any] = body.validated_data
    return validated


# --- presenting --------------------------------------------------------------------------------------------------------


def present(
    kind: type[serializers.Serializer[Any]], row: Any, *, organization_id: int, **context: Any
) -> dict[str, Any]:
    return present_all(kind, [row], organization_id=organization_id, **context)[0]


def present_all(
    kind: type[serializers.Serializer[Any]], rows: Iterable[Any], *, organization_id: int, **context: Any
) -> list[dict[str, Any]]:
    """The rows as the serializer shows them, with the names of all their actors looked up at once."""
    rows = list(rows)
    serializer = kind(rows, many=True, context=context)
    fields = serializer.child.fields.values()  # type: ignore[attr-defined]
    actors = [field for field in fields if isinstance(field, ActorField)]
    refs = {ref for row in rows for field in actors if (ref := field.get_attribute(row))}
    context["names"] = shown_names(organization_id, refs) if refs else {}
    return list(serializer.data)
