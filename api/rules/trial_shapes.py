"""How a job on rules is answered, and a backtest's result."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from api.shared.fields import ActorField, InstantField, TextOrNull
from api.shared.schema import with_example
from reconciliation.models import RuleJob
from reconciliation.states import RuleJobKind, RuleJobStatus

Shape = serializers.Serializer[Any]
Json = dict[str, Any]

LINK: Json = {
    "id": 12,
    "status": "running",
    "progress": 55,
    "url": "/v1/reconciliations/5/backtests/12",
}


@with_example(LINK)
class JobLink(Shape):
    id = serializers.IntegerField()
    status = serializers.ChoiceField(RuleJobStatus.choices)
    progress = serializers.IntegerField(help_text="Percent.")
    url = serializers.CharField()

    class Meta:
        ref_name = "RuleJobLink"


PATHS: dict[str, str] = {RuleJobKind.BACKTEST: "backtests", RuleJobKind.PROPOSAL: "propose_rules"}


def link(job: RuleJob) -> Json:
    return {
        "id": job.pk,
        "status": job.status,
        "progress": job.progress,
        "url": f"/v1/reconciliations/{job.reconciliation_id}/{PATHS[job.kind]}/{job.pk}",
    }


class StoredInstant(InstantField):
    """An instant that is kept as text."""

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(datetime.fromisoformat(value))


class StepShape(Shape):
    step = serializers.CharField(help_text="A word that stays the same.")
    message = serializers.CharField()
    at = StoredInstant()

    class Meta:
        ref_name = "RuleJobStep"


class TallyShape(Shape):
    groups = serializers.IntegerField()
    values = serializers.DictField(
        child=serializers.IntegerField(), help_text="Minor units by currency: what Side A adds up to."
    )

    class Meta:
        ref_name = "BacktestTally"


class CountsShape(Shape):
    same = TallyShape(help_text="With and without the rule.")
    new = TallyShape(help_text="Of records that nothing matched without it.")
    changed = TallyShape(help_text="Other partners than without it.")
    lost = TallyShape(help_text="Only without it; none of their records is matched any more.")
    agrees = TallyShape(help_text="The rule's own that are an accepted match.")
    contradicts = TallyShape(help_text="Because of the rule, and at odds with accepted matches.")

    class Meta:
        ref_name = "BacktestCounts"


class PrecisionShape(Shape):
    value = serializers.FloatField(allow_null=True, help_text="right / sample; null without a sample.")
    right = serializers.IntegerField()
    sample = serializers.IntegerField(help_text="Groups of the rule that have a record of an accepted match.")

    class Meta:
        ref_name = "BacktestPrecision"


class RuleCountShape(Shape):
    rule_id = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()
    revision = serializers.IntegerField(allow_null=True, help_text="Null: as it stood in the request.")
    candidate = serializers.BooleanField(help_text="The rule that is tried.")
    groups = serializers.IntegerField()
    a_records = serializers.IntegerField()
    b_records = serializers.IntegerField()
    ambiguous = serializers.IntegerField()
    outcome = serializers.CharField(help_text="ok, too_broad")

    class Meta:
        ref_name = "BacktestRule"


class FoundShape(Shape):
    side_a = serializers.ListField(child=serializers.IntegerField())
    side_b = serializers.ListField(child=serializers.IntegerField())
    currency = serializers.CharField()
    value = serializers.IntegerField()
    rule = serializers.CharField(required=False)

    class Meta:
        ref_name = "BacktestGroup"


class AcceptedShape(Shape):
    match_id = serializers.IntegerField()
    side_a = serializers.ListField(child=serializers.IntegerField())
    side_b = serializers.ListField(child=serializers.IntegerField())

    class Meta:
        ref_name = "BacktestAccepted"


class ContradictionShape(FoundShape):
    accepted = AcceptedShape(many=True)

    class Meta:
        ref_name = "BacktestContradiction"


class SizesShape(Shape):
    a = serializers.IntegerField()
    b = serializers.IntegerField()

    class Meta:
        ref_name = "BacktestRecords"


class ResultShape(Shape):
    date_from = serializers.DateField()
    date_to = serializers.DateField()
    records = SizesShape()
    accepted = serializers.IntegerField(help_text="Accepted matches in the period.")
    counts = CountsShape()
    precision = PrecisionShape()
    rules = RuleCountShape(many=True)
    rules_without = RuleCountShape(many=True)
    contradicts = ContradictionShape(many=True, help_text="The first 200.")
    new = FoundShape(many=True, help_text="The first 50; likewise changed and lost.")
    changed = FoundShape(many=True)
    lost = FoundShape(many=True)

    class Meta:
        ref_name = "BacktestResult"


def _tally(groups: int, value: int) -> Json:
    return {"groups": groups, "values": {"EUR": value} if groups else {}}


RESULT: Json = {
    "date_from": "2026-01-01",
    "date_to": "2026-03-31",
    "records": {"a": 4200, "b": 4180},
    "accepted": 3900,
    "counts": {
        "same": _tally(3890, 48000000),
        "new": _tally(120, 912500),
        "changed": _tally(0, 0),
        "lost": _tally(0, 0),
        "agrees": _tally(49, 600000),
        "contradicts": _tally(1, 12500),
    },
    "precision": {"value": 0.98, "right": 49, "sample": 50},
    "rules": [
        {
            "rule_id": None,
            "name": "Amount within three days",
            "revision": None,
            "candidate": True,
            "groups": 170,
            "a_records": 170,
            "b_records": 170,
            "ambiguous": 4,
            "outcome": "ok",
        }
    ],
    "rules_without": [],
    "contradicts": [
        {
            "side_a": [7001],
            "side_b": [8002],
            "currency": "EUR",
            "value": 12500,
            "rule": "Amount within three days",
            "accepted": [{"match_id": 301, "side_a": [7001], "side_b": [8001]}],
        }
    ],
    "new": [],
    "changed": [],
    "lost": [],
}


@with_example(
    {
        **LINK,
        "status": "completed",
        "progress": 100,
        "steps": [
            {
                "step": "reading",
                "message": "Reading records from 2026-01-01 to 2026-03-31.",
                "at": "2026-03-31T09:00:00Z",
            }
        ],
        "requested_at": "2026-03-31T09:00:00Z",
        "requested_by": "user:anna",
        "started_at": "2026-03-31T09:00:00Z",
        "finished_at": "2026-03-31T09:00:04Z",
        "error": None,
        "input_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "result": RESULT,
    }
)
class BacktestShape(Shape):
    id = serializers.IntegerField(source="pk")
    status = serializers.ChoiceField(RuleJobStatus.choices)
    progress = serializers.IntegerField(help_text="Percent.")
    url = serializers.SerializerMethodField()
    steps = StepShape(many=True, help_text="What it did so far.")
    requested_at = InstantField()
    requested_by = ActorField()
    started_at = InstantField(allow_null=True)
    finished_at = InstantField(allow_null=True)
    error = TextOrNull()
    input_digest = TextOrNull(
        help_text="Over rules, records, refusals and accepted matches as they were read."
    )
    result = ResultShape(allow_null=True, help_text="Null until it is completed.")

    class Meta:
        ref_name = "Backtest"

    def get_url(self, job: RuleJob) -> str:
        return str(link(job)["url"])
