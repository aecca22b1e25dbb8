"""How a search for rules is answered, and how the search stands."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.rules.trial_shapes import StepShape, link
from api.shared.fields import ActorField, Body, InstantField, TextOrNull
from api.shared.schema import with_example
from reconciliation.models import RuleJob
from reconciliation.states import RuleJobStatus

Shape = serializers.Serializer[Any]
STEP = {"step": "found", "message": "Round 1: a rule that finds 1,725.", "at": "2026-03-31T09:00:04Z"}
WHY = (
    "1. Side A's reference = Side B's reference; Side A's amount = Side B's amount; Side A's date = Side B's date, the Side B"
    " from 1 days earlier to 5 days later. Finds a sole partner for 1,725 of 2,000 open records of Side A that were looked"
    " at; 0.3 are expected by accident. Right in an estimated 99.9%, and in at least 99.8% with a certainty of 95%."
)


@with_example({})
class NoBody(Body):
    """Nothing, or an empty object."""

    class Meta:
        ref_name = "ProposeRulesBody"


class ProposedShape(Shape):
    rule_id = serializers.IntegerField(allow_null=True, help_text="Null where there is such a rule already.")
    name = serializers.CharField()
    cardinality = serializers.CharField()
    filters = serializers.JSONField()
    confidence = serializers.CharField()
    sample_match_rate = serializers.CharField()
    pairs = serializers.IntegerField(help_text="Found in the sample; of a rollup: groups.")
    by_accident = serializers.FloatField(help_text="So many it finds where nothing belongs together.")
    precision = serializers.FloatField(help_text="Estimated.")
    lower_bound = serializers.FloatField(help_text="Of the precision, one-sided 95%.")
    found = serializers.IntegerField(help_text="Over all open records.")

    class Meta:
        ref_name = "ProposedRule"


class ProposalResultShape(Shape):
    proposed = ProposedShape(many=True)
    reasoning = serializers.CharField()

    class Meta:
        ref_name = "RuleProposalResult"


@with_example(
    {
        "id": 14,
        "status": "running",
        "progress": 24,
        "url": "/v1/reconciliations/5/propose_rules/14",
        "steps": [STEP],
        "requested_at": "2026-03-31T09:00:00Z",
        "requested_by": "user:anna",
        "started_at": "2026-03-31T09:00:00Z",
        "finished_at": None,
        "error": None,
        "input_digest": None,
        "result": None,
    }
)
class RuleProposalShape(Shape):
    """A search for rules. What it found stands among the reconciliation's rules, with status proposed."""

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
    input_digest = TextOrNull(help_text="Over the open records and the rules that it looked at.")
    result = ProposalResultShape(allow_null=True, help_text="Null until it is completed.")

    class Meta:
        ref_name = "RuleProposal"

    def get_url(self, job: RuleJob) -> str:
        return str(link(job)["url"])


@with_example(
    {
        "status": "idle",
        "last_run_at": "2026-03-31T09:00:05Z",
        "progress": [STEP],
        "reasoning": WHY,
        "rules_count": 2,
        "unmatched_count": 181,
    }
)
class AgentStatusShape(Shape):
    status = serializers.ChoiceField(["idle", "running", "failed"])
    last_run_at = InstantField(allow_null=True)
    progress = StepShape(many=True, help_text="Of the last search, in order.")
    reasoning = serializers.CharField(allow_null=True)
    rules_count = serializers.IntegerField(help_text="Active rules.")
    unmatched_count = serializers.IntegerField(help_text="Unreconciled records of both sides.")

    class Meta:
        ref_name = "AgentStatus"
