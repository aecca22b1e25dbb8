"""Asking for rules to be proposed, looking how far that is, and how the search stands."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from api.rules.proposal_shapes import AgentStatusShape, NoBody, RuleProposalShape
from api.rules.trial_shapes import JobLink, link
from api.rules.views.base import PROBLEMS, RulesView
from api.shared.fields import present, read_body
from api.shared.idempotency import act
from api.shared.problems import Problem
from api.shared.queries import only
from api.shared.schema import operation
from reconciliation.models import RuleJob
from reconciliation.selectors.agent import agent_status
from reconciliation.selectors.rule_jobs import proposal_of
from reconciliation.services.proposing import proposals_request
from rules.selectors import reconciliation_of

UNKNOWN = Problem(404, "reconciliation.not_found", "There is no reconciliation with this id.")
RUNNING = Problem(
    409,
    "rule_job.running",
    "Rules of this reconciliation are being looked for already. Wait for the end of that.",
)


class ProposeRules(RulesView):
    scopes = {"POST": "rules:write"}
    problems = {**PROBLEMS, 404: UNKNOWN, 409: RUNNING}

    @operation(
        "reconciliations_propose_rules",
        "Look for rules in the open records",
        body=NoBody,
        answers={202: JobLink},
    )
    def post(self, request: Request, reconciliation_id: int) -> Response:
        """Rules are proposed from the open records alone: nobody needs to have said what belongs together. They are used
        once a person has taken them into use (activate). 409 while a search is under way."""
        only(request, ())
        read_body(NoBody, request.data)

        def ask() -> RuleJob:
            reconciliation = reconciliation_of(
                organization_id=self.organization_id, reconciliation_id=reconciliation_id
            )
            return proposals_request(reconciliation=reconciliation, by=self.by, at=self.at)

        return act(
            request,
            ask,
            render=link,
            status=202,
            headers=lambda job: {"Location": str(link(job)["url"])},
        )


class OneProposal(RulesView):
    scopes = {"GET": "reconciliations:read"}
    problems = {**PROBLEMS, 404: Problem(404, "proposal.not_found", "There is no search with this id.")}

    @operation(
        "reconciliations_propose_rules_get", "Show a search for rules", answers={200: RuleProposalShape}
    )
    def get(self, request: Request, reconciliation_id: int, job_id: int) -> Response:
        """How far it is, what it did, and what it proposes. A failed one says why in `error`."""
        only(request, ())
        job = proposal_of(
            organization_id=self.organization_id, reconciliation_id=reconciliation_id, job_id=job_id
        )
        return Response(present(RuleProposalShape, job, organization_id=self.organization_id))


class Agent(RulesView):
    scopes = {"GET": "reconciliations:read"}
    problems = {**PROBLEMS, 404: UNKNOWN}

    @operation(
        "reconciliations_agent_status",
        "Show how the search for rules stands",
        answers={200: AgentStatusShape},
    )
    def get(self, request: Request, reconciliation_id: int) -> Response:
        """The last search's steps, what the last completed one concluded, and how much is still open."""
        only(request, ())
        found = agent_status(
            reconciliation_of(organization_id=self.organization_id, reconciliation_id=reconciliation_id)
        )
        return Response(present(AgentStatusShape, found, organization_id=self.organization_id))
