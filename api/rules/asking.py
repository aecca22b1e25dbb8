"""Request bodies of what is asked about rules and records: explanations, combinations, backtests."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.rules import examples
from api.rules.bodies import FILTERS, Facts, said
from api.shared.fields import Body, Id, MinorUnits
from api.shared.schema import with_example
from reconciliation.selectors.combinations import AMOUNT_MAX, SIZE, SIZE_MAX
from reconciliation.selectors.explanations import RECORDS_MAX
from rules.states import Side


class RecordIds(serializers.ListField):
    child = Id()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=1, max_length=RECORDS_MAX, **kwargs)


@with_example({"side_a": [7001], "side_b": ["8001"]})
class ExplainBody(Body):
    side_a = RecordIds(help_text="Records of Side A.")
    side_b = RecordIds(help_text="Records of Side B.")


class TriedRule(Facts):
    """What the rule says; beside `rule_id`: what is to be different in that rule."""

    filters = said(FILTERS)

    class Meta:
        ref_name = "TriedRule"


TRIED = {name: value for name, value in examples.NESTED.items() if name != "reconciliation_id"}


@with_example({"rule": TRIED, "date_from": "2026-01-01", "date_to": "2026-03-31"})
class BacktestBody(Body):
    rule_id = Id(required=False, allow_null=True, help_text="A saved rule, active or proposed.")
    rule = TriedRule(required=False, allow_null=True)
    date_from = serializers.DateField(
        required=False, allow_null=True, help_text="By default 90 days before date_to."
    )
    date_to = serializers.DateField(
        required=False, allow_null=True, help_text="By default the day of the newest record."
    )


class SignedMinor(MinorUnits):
    """May be negative."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(at_least=-AMOUNT_MAX, **kwargs)


@with_example({"side": "b", "record_id": 7001, "max_size": 4, "date_from": "2026-03-01"})
class CombinationsBody(Body):
    side = serializers.ChoiceField(Side.choices, help_text="Whose free items are looked through.")
    record_id = Id(
        required=False,
        allow_null=True,
        help_text="An open record of the other side, whose rest is to be met.",
    )
    amount = SignedMinor(
        required=False,
        allow_null=True,
        help_text="Or an amount: minor units, as the reconciliation compares sums (of ledgers + is money in).",
    )
    currency = serializers.RegexField(r"^[A-Z]{3}$", required=False, allow_null=True)
    max_size = serializers.IntegerField(default=SIZE, min_value=1, max_value=SIZE_MAX)
    tolerance = MinorUnits(at_least=0, default=0, help_text="Minor units that the sum may be away.")
    date_from = serializers.DateField(required=False, allow_null=True)
    date_to = serializers.DateField(required=False, allow_null=True)
