"""Request bodies of what is asked about rules and records: explanations, combinations, backtests."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.shared.fields import Body
from api.shared.schema import with_example
from api.shared.values import Unfit, read_number
from reconciliation.selectors.explanations import RECORDS_MAX


@extend_schema_field(OpenApiTypes.INT64)
class NumberId(serializers.Field):
    """An id, as a number or as its digits."""

    def to_internal_value(self, data: Any) -> int:
        try:
            return read_number(data)
        except Unfit:
            raise serializers.ValidationError("Write an id as it was given to you: a whole number.") from None

    def to_representation(self, value: int) -> int:
        return value


class RecordIds(serializers.ListField):
    child = NumberId()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=1, max_length=RECORDS_MAX, **kwargs)


@with_example({"side_a": [7001], "side_b": ["8001"]})
class ExplainBody(Body):
    side_a = RecordIds(help_text="Records of Side A.")
    side_b = RecordIds(help_text="Records of Side B.")
