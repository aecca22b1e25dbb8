"""What the surface's views have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.authentication import actor_of, organization_of
from api.shared.listing import Listing, find
from api.shared.views import SurfaceView
from organizations.actors import Actor
from reconciliation.models import Run
from reconciliation.selectors.runs import run_named


class LedgerRunView(SurfaceView):
    """A view of this surface, with who asks and where at hand."""

    surface = "ledger_runs"

    @property
    def by(self) -> Actor:
        return actor_of(self.request)

    @property
    def organization_id(self) -> int:
        return organization_of(self.request).pk

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
        more: dict[str, Any] | None = None,
    ) -> Response:
        """One page of `rows`, shown by `show`, in the getAll envelope."""
        page = find(listing, request.query_params, rows, count_all=count_all)
        return Response({**listing.style.envelope(page, show(page.rows)), **(more or {})})
