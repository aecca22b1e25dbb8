"""Rules of a reconciliation: list, make, show, change, delete, activate, discard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.rules import bodies, presenting, shapes
from api.rules.views.base import RulesView
from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.pagination import bad_query
from api.shared.queries import only, query_number
from api.shared.schema import operation
from organizations.refusals import Invalid
from reconciliation.services import rules
from rules.models import Reconciliation, Rule
from rules.selectors import find_reconciliation, listed_rules, rule_of

DISCARDED = OpenApiParameter(
    "include",
    OpenApiTypes.STR,
    enum=["discarded"],
    description="Discarded rules too, which are otherwise as good as gone.",
)


FOR_ONE = OpenApiParameter(
    "reconciliation_id",
    OpenApiTypes.INT64,
    description=(
        "With one of the organization's shared rules: only for this ledger, which gets copies of the shared rules as its"
        " own. Without it the shared rule itself is meant, for all ledgers without rules of their own."
    ),
)
EXPECTED = OpenApiParameter("expected_revision", OpenApiTypes.INT64, description=bodies.EXPECTED_HELP)


def with_discarded(request: Request) -> bool:
    asked = request.query_params.get("include")
    if asked not in (None, "discarded"):
        raise bad_query("include", _("Write discarded, or leave it out."))
    return asked is not None


class RuleView(RulesView):
    """Finds what a request names."""

    def named(self, reconciliation_id: int) -> Reconciliation:
        """The reconciliation that a body or query names; 422 where there is none, as for any value that cannot be used."""
        found = find_reconciliation(organization_id=self.organization_id, reconciliation_id=reconciliation_id)
        if found is None:
            message = _("There is no reconciliation with this id.")
            raise Invalid(
                f"reconciliation_id: {message}",
                code="reconciliation.not_found",
                issues=[{"path": ["reconciliation_id"], "message": message}],
            )
        return found

    def meant(self, rule_id: int, expected: int | None) -> dict[str, Any]:
        """The rule, with the revision that the caller looked at; with ?reconciliation_id= as that ledger's own. A copy made
        just now is nobody else's yet: there the revision is that of the shared rule, and looked at here."""
        rule = rule_of(organization_id=self.organization_id, rule_id=rule_id)
        named = query_number(self.request, "reconciliation_id")
        if named is None:
            return {"rule": rule, "expected_revision": expected}
        own = rules.own_rule(
            rule=rule,
            reconciliation=self.named(named),
            expected_revision=expected,
            by=self.by,
            at=self.at,
        )
        return {"rule": own, "expected_revision": expected if own.pk == rule.pk else None}


class Rules(RuleView):
    scopes = {"GET": "reconciliations:read", "POST": "rules:write"}

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

    @operation(
        "reconciliation_rules_create",
        "Create a rule",
        body=bodies.RuleBody,
        answers={201: shapes.RuleShape},
    )
    def post(self, request: Request) -> Response:
        """Active at once, with source user; a pass over the reconciliation starts (of a ledger: over its automatic runs).
        A ledger's first own rule makes copies of the shared rules its own. What cannot run is refused with every mistake
        in `issues`, each with its path in the body."""
        body = read_body(bodies.RuleBody, request.data)

        def create() -> Rule:
            named = body.pop("reconciliation_id")
            return rules.rule_create(reconciliation=self.named(named), facts=body, by=self.by, at=self.at)

        return act(
            request, create, render=lambda rule: presenting.rule_body(rule, self.organization_id), status=201
        )


class OneRule(RuleView):
    scopes = {"GET": "reconciliations:read", "PATCH": "rules:write", "DELETE": "rules:write"}

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

    @operation(
        "reconciliation_rules_change",
        "Change a rule",
        body=bodies.RuleChangeBody,
        answers={200: shapes.RuleShape},
        parameters=[FOR_ONE],
    )
    def patch(self, request: Request, rule_id: int) -> Response:
        """What is left out stays. A change is a new revision; earlier matches keep theirs. Status, source and
        reconciliation are not changed here."""
        only(request, ("reconciliation_id",))
        body = read_body(bodies.RuleChangeBody, request.data)
        expected = body.pop("expected_revision", None)

        def change() -> Rule:
            return rules.rule_change(**self.meant(rule_id, expected), changes=body, by=self.by, at=self.at)

        return act(
            request,
            change,
            render=lambda rule: presenting.rule_body(rule, self.organization_id),
        )

    @operation(
        "reconciliation_rules_delete",
        "Delete a rule",
        answers={204: None},
        parameters=[FOR_ONE, EXPECTED],
    )
    def delete(self, request: Request, rule_id: int) -> Response:
        """It is used no more; its matches stay. A proposed rule that is deleted is not proposed again."""
        only(request, ("reconciliation_id", "expected_revision"))
        expected = query_number(request, "expected_revision")
        return act(
            request,
            lambda: rules.rule_void(**self.meant(rule_id, expected), by=self.by, at=self.at),
            render=lambda _nothing: None,
            status=204,
        )


class RuleAct(RuleView):
    scopes = {"POST": "rules:write"}

    def answered(self, request: Request, rule_id: int, service: Callable[..., Rule]) -> Response:
        only(request, ())
        expected = read_body(bodies.RevisionBody, request.data).get("expected_revision")

        def whole() -> Rule:
            rule = rule_of(organization_id=self.organization_id, rule_id=rule_id, discarded=True)
            return service(rule=rule, expected_revision=expected, by=self.by, at=self.at)

        return act(request, whole, render=lambda rule: presenting.rule_body(rule, self.organization_id))


class Activate(RuleAct):
    @operation(
        "reconciliation_rules_activate",
        "Take a proposed rule into use",
        body=bodies.RevisionBody,
        answers={200: shapes.RuleShape},
    )
    def post(self, request: Request, rule_id: int) -> Response:
        """A pass starts. A rule that is in use already stays so; a discarded one is gone for good: 409."""
        return self.answered(request, rule_id, rules.rule_activate)


class Discard(RuleAct):
    @operation(
        "reconciliation_rules_discard",
        "Put a rule aside",
        body=bodies.RevisionBody,
        answers={200: shapes.RuleShape},
    )
    def post(self, request: Request, rule_id: int) -> Response:
        """It is used no more, listed no more, and not proposed again; its matches stay."""
        return self.answered(request, rule_id, rules.rule_discard)
