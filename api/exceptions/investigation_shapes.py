"""What is taken in and answered about investigations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from api.exceptions import investigation_examples as examples
from api.exceptions.shapes import FilterParams, SessionShape, listed
from api.shared.fields import Body
from api.shared.schema import with_example
from exceptions_app.states import InvestigationTrigger, Outcome
from rules.engine.investigation import CAUSES

Shape = serializers.Serializer[Any]
Text = serializers.CharField
Whole = serializers.IntegerField
At = serializers.DateTimeField
CAUSE_CHOICES = [cause.value for cause in CAUSES]


class Filters(FilterParams):
    """The seven filters of an exception's records, as a JSON object."""

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if not isinstance(value, Mapping):
            raise serializers.ValidationError(_("Write an object of filters, or leave it out."))
        return value


@with_example({"filter_params": {"direction": "credit", "amount_min": 1000}})
class InvestigateBody(Body):
    """Nothing, or which of the records are to be looked at."""

    filter_params = Filters(required=False, allow_null=True)

    class Meta:
        ref_name = "InvestigateBody"


@with_example(examples.ASKED)
class InvestigationShape(SessionShape):
    """An investigation with how it was asked for."""

    exception_id = Whole()
    url = Text()
    trigger = serializers.ChoiceField(InvestigationTrigger.choices)
    requested_by = Text()
    records_asked = Whole(allow_null=True, help_text="Records that were looked at, at most 10,000.")
    error = Text(allow_null=True, help_text="Why it failed, and what now.")

    class Meta:
        ref_name = "Investigation"


class FindingShape(Shape):
    """What may explain one record."""

    id = Whole()
    record_id = Whole()
    rank = Whole(help_text="1: the likeliest explanation of the record.")
    cause = serializers.ChoiceField(CAUSE_CHOICES)
    outcome = serializers.ChoiceField(Outcome.choices)
    confidence = serializers.FloatField(min_value=0, max_value=1)
    suggested_record_ids = serializers.ListField(child=Whole())
    difference = Whole(
        allow_null=True,
        help_text="Minor units that a match would leave, Side A less Side B; null where it says nothing.",
    )
    text = Text(help_text="In a sentence, with what to do.")
    facts = serializers.DictField(help_text="What it was concluded from.")
    match_id = Whole(allow_null=True, help_text="The match that somebody made of it.")
    match_status = Text(
        allow_null=True, help_text="Of that match; once it has ended, the finding can be taken anew."
    )
    taken_at = At(allow_null=True)
    taken_by = Text(allow_null=True)
    not_matchable = Text(allow_null=True, help_text="Why it can't be made a match now; null where it can.")

    class Meta:
        ref_name = "InvestigationFinding"


FINDINGS: Any = type(
    "FindingsShape",
    (serializers.Serializer,),
    {
        "data": FindingShape(many=True),
        "next_cursor": Text(allow_null=True, help_text="For `cursor`; null at the end."),
        "limit": Whole(),
        "Meta": type("Meta", (), {"ref_name": "InvestigationFindingList"}),
    },
)


@with_example(examples.SHOWN)
class ShownInvestigationShape(InvestigationShape):
    summary = serializers.DictField(help_text="Records and sums (absolute minor units) by outcome and cause.")
    findings = FINDINGS(help_text="A page of them, the surest records first.")

    class Meta:
        ref_name = "ShownInvestigation"


INVESTIGATIONS = listed(
    "InvestigationList",
    InvestigationShape,
    {"data": [examples.INVESTIGATION], "next_cursor": None, "limit": 50},
    next_cursor=Text(allow_null=True, help_text="For `cursor`; null at the end."),
    limit=Whole(),
)
