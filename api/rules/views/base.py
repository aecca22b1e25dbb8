"""What the surface's views have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar

from django.utils.translation import gettext as _
from rest_framework.request import Request

from api.shared.authentication import actor_of, organization_of
from api.shared.pagination import bad_query
from api.shared.problems import Problem
from api.shared.values import Unfit, read_number
from api.shared.views import SurfaceView
from organizations.actors import Actor

PROBLEMS: Mapping[int, Problem] = {
    403: Problem(
        403,
        "auth.missing_scope",
        "This needs the permission rules:write, which you do not have. Ask an admin.",
        details={"scope": "rules:write"},
    ),
    404: Problem(404, "rule.not_found", "There is no rule with this id."),
    422: Problem(
        422,
        "rule.invalid",
        'filters.rules.0.operand: There is no comparison "equals".',
        issues=[{"path": ["filters", "rules", 0, "operand"], "message": 'There is no comparison "equals".'}],
    ),
}


class RulesView(SurfaceView):
    """A view of this surface, with who asks and where at hand."""

    surface = "rules"
    problems: ClassVar[Mapping[int, Problem]] = PROBLEMS

    @property
    def by(self) -> Actor:
        return actor_of(self.request)

    @property
    def organization_id(self) -> int:
        return organization_of(self.request).pk


def only(request: Request, known: Collection[str]) -> None:
    """Refuse query parameters that the operation does not have."""
    for name in request.query_params:
        if name not in known:
            raise bad_query(name, _("There is no such parameter."))


def query_number(request: Request, name: str) -> int | None:
    """A number of the query, None where it is not there; raises Invalid where it is none."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return read_number(text)
    except Unfit:
        raise bad_query(name, _("Write an id as it was given to you: a whole number.")) from None
