"""The records of an exception: what is overdue in it now."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from api.exceptions import presenting
from api.exceptions.shapes import RECORDS
from api.exceptions.views.base import BAD_FILTER, FILTERS, PROBLEMS, ExceptionsView, filters_of
from api.exceptions.views.following import PAGES, PAGING
from api.shared.pagination import Page, bad_query, make_cursor
from api.shared.schema import operation
from api.shared.values import Unfit, read_instant, read_number
from exceptions_app.selectors.records import Place, exception_records


class ExceptionRecords(ExceptionsView):
    scopes = {"GET": "exceptions:read"}
    problems = {**PROBLEMS, 422: BAD_FILTER}

    @operation(
        "reconciliation_exceptions_records",
        "List the records of an exception",
        answers={200: RECORDS},
        parameters=(*FILTERS, *PAGING),
    )
    def get(self, request: Request, exception_id: int) -> Response:
        """What is overdue in it now, the longest overdue first, each record as the reconciliation sees it. All filters hold
        together. Of a closed exception too."""
        filters = filters_of(request, ("cursor", "limit"))
        window = PAGES.window(request.query_params)
        exception = self.exception(exception_id)
        found = exception_records(
            exception,
            filters=filters,
            behind=place_in(window.cursor) if window.cursor is not None else None,
            limit=window.limit + 1,
            at=self.at,
        )
        more, rows = len(found) > window.limit, found[: window.limit]
        cursor = make_cursor(place_values(rows[-1].place)) if more else None
        bodies = presenting.record_bodies(rows, reconciliation=exception.reconciliation, at=self.at)
        return Response(PAGES.envelope(Page(rows, window, more, next_cursor=cursor), bodies))


def place_values(place: Place) -> list[str]:
    return [place.overdue_at.isoformat(), str(place.record_id)]


def place_in(cursor: list[Any]) -> Place:
    """Behind which record a page begins; Invalid where the cursor is another list's."""
    try:
        overdue_at, record_id = cursor
        return Place(read_instant(overdue_at), read_number(record_id))
    except (Unfit, ValueError):
        message = _("This cursor belongs to another list; begin again without one.")
        raise bad_query("cursor", message) from None
