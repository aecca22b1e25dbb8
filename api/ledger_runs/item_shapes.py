"""An item by itself: as lists show it, and the payments that the bank booked as this one line."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.ledger_runs import examples
from api.ledger_runs.shapes import ItemShape, Shape, Uuid, Whole
from api.shared.fields import MoneyField, TextOrNull, present
from api.shared.schema import with_example
from ledgers.models import Record
from ledgers.selectors import details_of
from ledgers.states import Direction

DETAILS_MAX = 1_000


class ItemDetailShape(Shape):
    """Not an item: it is matched, counted and summed with its line."""

    id = Uuid(source="uuid")
    external_id = TextOrNull()
    direction = serializers.ChoiceField(Direction.choices)
    amount = MoneyField()
    reference = TextOrNull()
    description = TextOrNull()
    counterparty = TextOrNull()
    metadata = serializers.SerializerMethodField()

    class Meta:
        ref_name = "ItemDetail"

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_metadata(self, row: Record) -> dict[str, Any]:
        return dict(row.metadata)


@with_example(examples.ONE_ITEM)
class OneItemShape(ItemShape):
    details_count = Whole(source="record.details_count", help_text="Payments in this line.")
    details = ItemDetailShape(
        many=True,
        source="record.details",
        help_text=f"The first {DETAILS_MAX:,} of them, in the file's order.",
    )

    class Meta:
        ref_name = "OneItem"


def one_item(line: Any, *, organization_id: int, **context: Any) -> dict[str, Any]:
    """The body of an item with its details; two queries beyond those of the item."""
    rows = details_of(line.record)
    line.record.details = list(rows[:DETAILS_MAX])
    line.record.details_count = (
        rows.count() if len(line.record.details) == DETAILS_MAX else len(line.record.details)
    )
    return present(OneItemShape, line, organization_id=organization_id, **context)
