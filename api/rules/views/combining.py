"""Which open items add up to an amount."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.rules import asking
from api.rules.views.base import RulesView
from api.rules.views.explaining import READ_PROBLEMS
from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.problems import Problem
from api.shared.schema import operation, with_example
from reconciliation.selectors.combinations import Found, combinations_of
from rules.selectors import reconciliation_of

UNKNOWN = "There is no open record of this id on side A of this reconciliation."


class SetShape(serializers.Serializer[Any]):
    record_ids = serializers.ListField(child=serializers.IntegerField())
    sum = serializers.IntegerField(help_text="Minor units.")

    class Meta:
        ref_name = "Combination"


@with_example(
    {
        "verdict": "unique",
        "count": 1,
        "count_exact": True,
        "complete_to": 4,
        "items": 212,
        "target": 125000,
        "currency": "EUR",
        "sets": [{"record_ids": [8001, 8007], "sum": 125000}],
    }
)
class CombinationsShape(serializers.Serializer[Any]):
    verdict = serializers.ChoiceField(
        ["unique", "ambiguous", "none", "exhausted"],
        help_text="unique and none: the search was complete. exhausted: its budget ended before that could be said.",
    )
    count = serializers.IntegerField(
        help_text="How many sets there are; at least so many unless count_exact."
    )
    count_exact = serializers.BooleanField()
    complete_to = serializers.IntegerField(help_text="Every set of so many items was looked at.")
    items = serializers.IntegerField(help_text="Free items looked at.")
    target = serializers.IntegerField()
    currency = serializers.CharField()
    sets = SetShape(many=True, help_text="The nearest first; none where there are too many to guess.")

    class Meta:
        ref_name = "Combinations"


def body_of(found: Found) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "count": found.count,
        "count_exact": found.count_exact,
        "complete_to": found.complete_to,
        "items": found.items,
        "target": found.target.amount,
        "currency": found.target.currency,
        "sets": [asdict(each) for each in found.sets],
    }


class Combine(RulesView):
    scopes = {"POST": "reconciliations:read"}
    throttle_scope = "combinations"
    problems = {
        **READ_PROBLEMS,
        422: Problem(422, "record.unknown", UNKNOWN, issues=[{"path": ["record_id"], "message": UNKNOWN}]),
    }

    @operation(
        "reconciliations_combinations",
        "Find open items that add up",
        body=asking.CombinationsBody,
        answers={200: CombinationsShape},
    )
    def post(self, request: Request, reconciliation_id: int) -> Response:
        """Which sets of at most `max_size` free items of a side add up to an open record of the other side, or to an
        amount. Sets with a part that adds up to 0 are left out. Where there are many it says how many, and shows none: a
        guess is no answer. Nothing is written."""
        body = read_body(asking.CombinationsBody, request.data)

        def search() -> Found:
            reconciliation = reconciliation_of(
                organization_id=self.organization_id, reconciliation_id=reconciliation_id
            )
            return combinations_of(reconciliation, **body)

        return act(request, search, render=body_of)
