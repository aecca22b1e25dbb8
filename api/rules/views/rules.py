"""Rules of a reconciliation: list, make, show, change, delete, activate, discard."""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.rules import presenting, shapes
from api.rules.views.base import RulesView, only, query_number
from api.shared.pagination import bad_query
from api.shared.schema import operation
from rules.selectors import listed_rules, rule_of

DISCARDED = OpenApiParameter(
    "include",
    OpenApiTypes.STR,
    enum=["discarded"],
    description="Discarded rules too, which are otherwise as good as gone.",
)


def with_discarded(request: Request) -> bool:
    asked = request.query_params.get("include")
    if asked not in (None, "discarded"):
        raise bad_query("include", _("Write discarded, or leave it out."))
    return asked is not None


class Rules(RulesView):
    scopes = {"GET": "reconciliations:read"}

    @operation(
        "reconciliation_rules_list",
        "List the rules of a reconciliation",
        answers={200: shapes.RuleShape(many=True)},
        parameters=[OpenApiParameter("reconciliation_id", OpenApiTypes.INT64, required=True), DISCARDED],
    )
    def get(self, request: Request) -> Response:
        """In the order in which they run: by priority, then by id. A ledger's reconciliation without rules of its own
        shows the organization's shared ones. A reconciliation that does not exist has none."""
        only(request, ("reconciliation_id", "include"))
        reconciliation_id = query_number(request, "reconciliation_id")
        if reconciliation_id is None:
            raise bad_query("reconciliation_id", _("Name the reconciliation whose rules you want."))
        rules = listed_rules(
            organization_id=self.organization_id,
            reconciliation_id=reconciliation_id,
            discarded=with_discarded(request),
        )
        shown = presenting.rule_bodies(rules, self.organization_id, reconciliation_id=reconciliation_id)
        return Response(shown)


class OneRule(RulesView):
    scopes = {"GET": "reconciliations:read"}

    @operation(
        "reconciliation_rules_get",
        "Show a rule",
        answers={200: shapes.RuleShape},
        parameters=[DISCARDED],
    )
    def get(self, request: Request, rule_id: int) -> Response:
        """Active and proposed ones; a discarded one where it is asked for."""
        only(request, ("include",))
        rule = rule_of(
            organization_id=self.organization_id, rule_id=rule_id, discarded=with_discarded(request)
        )
        return Response(presenting.rule_body(rule, self.organization_id))
