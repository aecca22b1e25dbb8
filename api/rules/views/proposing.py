"""Asking for rules to be proposed, looking how far that is, and how the search stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.rules.views.base import RulesView, only
from api.shared.fields import Body, InstantField, present, read_body
from api.shared.idempotency import act
from api.shared.problems import Problem
from api.shared.schema import operation, with_example
from reconciliation.models import RuleJob
from reconciliation.selectors.rule_jobs import AgentStatus, agent_status, rule_job_of
from reconciliation.services.proposing import proposals_request
from reconciliation.states import RuleJobKind, RuleJobStatus
from rules.models import Reconciliation
from rules.selectors import reconciliation_of

Shape = serializers.Serializer[Any]
UNKNOWN = Problem(404, "reconciliation.not_found", "There is no reconciliation with this id.")
STEP = {"step": "found", "message": "Round 1: a rule that finds 1,725.", "at": "2026-03-31T09:00:04Z"}
WHY = (
    "1. Side A's reference = Side B's reference; Side A's amount = Side B's amount; Side A's date = Side B's date, the Side B"
    " from 1 days earlier to 5 days later. Finds a sole partner for 1,725 of 2,000 open records of Side A that were looked"
    " at; 0.3 are expected by accident. Right in an estimated 99.9%, and in at least 99.8% with a certainty of 95%."
)


class NoBody(Body):
    """Nothing."""

    class Meta:
        ref_name = "ProposeRulesBody"


class StoredInstant(InstantField):
    """An instant that is kept as text."""

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(datetime.fromisoformat(value))


class StepShape(Shape):
    step = serializers.CharField(help_text="A word that stays the same.")
    message = serializers.CharField()
    at = StoredInstant()

    class Meta:
        ref_name = "AgentStep"


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
        "id": "0195f0c4-9d8e-7c3a-9a51-6f5d1c2b7e10",
        "status": "pending",
        "progress": 0,
        "url": "/v1/reconciliations/5/propose_rules/0195f0c4-9d8e-7c3a-9a51-6f5d1c2b7e10",
        "steps": [],
        "result": None,
        "error": None,
    }
)
class RuleProposalShape(Shape):
    """A search for rules. What it found stands among the reconciliation's rules, with status proposed."""

    id = serializers.UUIDField(source="uuid")
    status = serializers.ChoiceField(RuleJobStatus.choices)
    progress = serializers.IntegerField(help_text="Percent.")
    url = serializers.SerializerMethodField()
    steps = StepShape(many=True)
    result = ProposalResultShape(allow_null=True)
    error = serializers.SerializerMethodField()

    class Meta:
        ref_name = "RuleProposal"

    def get_url(self, row: RuleJob) -> str:
        return f"/v1/reconciliations/{row.reconciliation_id}/propose_rules/{row.uuid}"

    def get_error(self, row: RuleJob) -> str | None:
        return row.error or None


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


class ProposalView(RulesView):
    def shown(self, shape: type[Shape], row: RuleJob | AgentStatus) -> dict[str, Any]:
        return present(shape, row, organization_id=self.organization_id)

    def reconciliation(self, reconciliation_id: int) -> Reconciliation:
        return reconciliation_of(organization_id=self.organization_id, reconciliation_id=reconciliation_id)


class ProposeRules(ProposalView):
    scopes = {"POST": "rules:write"}
    problems = {
        **RulesView.problems,
        404: UNKNOWN,
        409: Problem(
            409,
            "rule_job.running",
            "Rules of this reconciliation are being looked for already. Wait for the end of that.",
        ),
    }

    @operation(
        "reconciliations_propose_rules",
        "Look for rules in the open records",
        body=NoBody,
        answers={202: RuleProposalShape},
    )
    def post(self, request: Request, reconciliation_id: int) -> Response:
        """Rules are proposed from the open records alone: nobody needs to have said what belongs together. They are used
        once a person has taken them into use (activate). 409 while a search is under way."""
        only(request, ())
        read_body(NoBody, request.data)

        def ask() -> RuleJob:
            return proposals_request(
                reconciliation=self.reconciliation(reconciliation_id), by=self.by, at=self.at
            )

        return act(
            request,
            ask,
            render=lambda job: self.shown(RuleProposalShape, job),
            status=202,
            headers=lambda job: {"Location": RuleProposalShape().get_url(job)},
        )


class OneProposal(ProposalView):
    scopes = {"GET": "reconciliations:read"}
    problems = {
        **RulesView.problems,
        404: Problem(404, "rule_job.not_found", "There is no such job."),
    }

    @operation(
        "reconciliations_propose_rules_get",
        "Show a search for rules",
        answers={200: RuleProposalShape},
    )
    def get(self, request: Request, reconciliation_id: int, job_id: UUID) -> Response:
        """How far it is, what it did, and what it proposes."""
        only(request, ())
        job = rule_job_of(self.reconciliation(reconciliation_id), kind=RuleJobKind.PROPOSAL, uuid=job_id)
        return Response(self.shown(RuleProposalShape, job))


class Agent(ProposalView):
    scopes = {"GET": "reconciliations:read"}
    problems = {**RulesView.problems, 404: UNKNOWN}

    @operation(
        "reconciliations_agent_status",
        "Show how the search for rules stands",
        answers={200: AgentStatusShape},
    )
    def get(self, request: Request, reconciliation_id: int) -> Response:
        """The last search's steps, what it concluded, and how much is still open."""
        only(request, ())
        found: AgentStatus = agent_status(self.reconciliation(reconciliation_id))
        return Response(self.shown(AgentStatusShape, found))
