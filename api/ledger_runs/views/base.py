"""What the surface's views have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.listing import Listing, find
from api.shared.pagination import bad_query
from api.shared.values import Unfit, read_date
from api.shared.views import SurfaceView
from reconciliation.models import Run
from reconciliation.selectors.runs import run_named

AS_AT = OpenApiParameter(
    "as_at",
    OpenApiTypes.DATE,
    description="As the books stood at the end of that day, with today's knowledge.",
)


def as_at(request: Request) -> date | None:
    text = request.query_params.get("as_at")
    try:
        return read_date(text) if text else None
    except Unfit as unfit:
        raise bad_query("as_at", str(unfit)) from None


class LedgerRunView(SurfaceView):
    """A view of this surface."""

    surface = "ledger_runs"

    def run_of(self, run_id: UUID) -> Run:
        return run_named(organization_id=self.organization_id, run_id=run_id)

    def listed(
        self,
        request: Request,
        listing: Listing,
        rows: QuerySet[Any],
        show: Callable[[Sequence[Any]], list[Any]],
        *,
        count_all: Callable[[], int] | None = None,
        fetch: QuerySet[Any] | None = None,
        more: dict[str, Any] | None = None,
    ) -> Response:
        """One page of `rows`, shown by `show`, in the getAll envelope."""
        page = find(listing, request.query_params, rows, count_all=count_all, fetch=fetch)
        return Response({**listing.style.envelope(page, show(page.rows)), **(more or {})})
