"""What the surface's views have in common: who asks, which exception, and the filters of its records."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from api.exceptions.shapes import FILTER_KINDS
from api.shared.problems import Problem
from api.shared.queries import only
from api.shared.views import SurfaceView
from exceptions_app.models import ReconciliationException
from exceptions_app.selectors.exceptions import exception_of
from exceptions_app.selectors.filters import NAMES, ExceptionFilter, read_filter

ACTIVE = "Exception 31 of this stream and reconciliation is open. Close that one first."
BAD_BUCKET = "Write one of lt_7d, 7_30d, 30_90d, gt_90d."
PROBLEMS: Mapping[int, Problem] = {
    403: Problem(
        403,
        "auth.missing_scope",
        "This needs the permission exceptions:write, which you do not have. Ask an admin.",
        details={"scope": "exceptions:write"},
    ),
    404: Problem(404, "exception.not_found", "There is no exception with this id."),
    409: Problem(
        409,
        "lock.timeout",
        "Somebody else is working on the same records. Nothing was changed; try again in a moment.",
    ),
    422: Problem(
        422,
        "exception.active",
        ACTIVE,
        details={"exception_id": 31},
        issues=[{"path": ["status"], "message": ACTIVE}],
    ),
}
BAD_FILTER = Problem(
    422,
    "filter.invalid",
    f"age_bucket: {BAD_BUCKET}",
    issues=[{"path": ["age_bucket"], "message": BAD_BUCKET}],
)
_TOLD = {
    "amount_min": "Signed minor units, debits below zero; inclusive.",
    "amount_max": "Signed minor units, debits below zero; inclusive.",
    "date_from": "Of the record; inclusive.",
    "date_to": "Of the record; inclusive.",
    "direction": "By the sign of what is overdue.",
    "counterparty": "A part of description or counterparty, whatever its case.",
    "age_bucket": "Days since overdue_at.",
}
FILTERS = tuple(
    OpenApiParameter(
        name,
        OpenApiTypes.INT64 if kind["type"] == "integer" else kind,
        description=f"{_TOLD[name]} Blank: no restriction.",
    )
    for name, kind in FILTER_KINDS.items()
)


class ExceptionsView(SurfaceView):
    """A view of this surface."""

    surface = "exceptions"
    problems: ClassVar[Mapping[int, Problem]] = PROBLEMS

    def exception(self, exception_id: int) -> ReconciliationException:
        return exception_of(organization_id=self.organization_id, exception_id=exception_id)

    @property
    def named(self) -> dict[str, Any]:
        """Where, by whom and when, as each act takes it."""
        return {"organization_id": self.organization_id, "by": self.by, "at": self.at}


def filters_of(request: Request, more: Collection[str] = ()) -> ExceptionFilter:
    """The seven filters of the query; raises Invalid for one that cannot be used, and for any other parameter."""
    only(request, {*NAMES, *more})
    return read_filter({name: request.query_params[name] for name in NAMES if name in request.query_params})
