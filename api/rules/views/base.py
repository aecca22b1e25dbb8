"""What the surface's views have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from api.shared.problems import Problem
from api.shared.views import SurfaceView

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
    """A view of this surface."""

    surface = "rules"
    problems: ClassVar[Mapping[int, Problem]] = PROBLEMS
