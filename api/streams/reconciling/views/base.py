"""What these views have in common: who asks, where, and what a request names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from api.shared.pagination import Cursor, Page, Window, bad_query, make_cursor
from api.shared.problems import Problem
from api.shared.queries import query_word
from api.shared.values import Unfit, read_number
from api.streams.views.base import StreamsView
from organizations.refusals import Invalid
from rules.models import Reconciliation
from rules.selectors import find_reconciliation

OWNED = Problem(
    409,
    "reconciliation.owned",
    "Current account is owned by its ledger or settlement. Change it there.",
)
PROBLEMS: Mapping[int, Problem] = {
    403: Problem(
        403,
        "auth.missing_scope",
        "This needs the permission rules:write, which you do not have. Ask an admin.",
        details={"scope": "rules:write"},
    ),
    404: Problem(404, "reconciliation.not_found", "There is no reconciliation with this id."),
    409: OWNED,
    422: Problem(
        422,
        "reconciliation.invalid",
        "side_b_stream_ids: Stream Card acquirer is on Side A already.",
        issues=[{"path": ["side_b_stream_ids"], "message": "Stream Card acquirer is on Side A already."}],
    ),
}


class ReconcilingView(StreamsView):
    """A view of this part."""

    problems: ClassVar[Mapping[int, Problem]] = PROBLEMS

    def named(self, reconciliation_id: int) -> Reconciliation:
        """The reconciliation that a body names; 422 where there is none, as for any value that cannot be used."""
        found = find_reconciliation(organization_id=self.organization_id, reconciliation_id=reconciliation_id)
        if found is None:
            raise unknown(
                ["reconciliation_id"], _("There is no reconciliation with this id."), "reconciliation"
            )
        return found


PAGES = Cursor(default=50, cap=200, offsets=False, cursors=True)
PAGING = (
    OpenApiParameter("cursor", OpenApiTypes.STR, description="`next_cursor` of the page before."),
    OpenApiParameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": PAGES.cap, "default": PAGES.default}
    ),
)
OWNED_TOO = OpenApiParameter(
    "include", OpenApiTypes.STR, enum=["owned"], description="Those that ledgers and settlements own, too."
)


def newest_first(request: Request, rows: QuerySet[Any]) -> Page:
    """A page of rows by falling number, behind the cursor where there is one."""
    window = PAGES.window(request.query_params)
    return cut(window, (rows if window.cursor is None else rows.filter(pk__lt=number_in(window.cursor))))


def cut(window: Window, rows: QuerySet[Any]) -> Page:
    found = list(rows.order_by("-pk")[window.offset : window.offset + window.limit + 1])
    more, found = len(found) > window.limit, found[: window.limit]
    return Page(found, window, more, next_cursor=make_cursor([str(found[-1].pk)]) if more else None)


def number_in(cursor: list[Any]) -> int:
    """The number behind which a page begins; Invalid where the cursor is another list's."""
    try:
        (text,) = cursor
        return read_number(text)
    except (Unfit, ValueError):
        message = _("This cursor belongs to another list; begin again without one.")
        raise bad_query("cursor", message) from None


def unknown(path: Sequence[Any], message: str, thing: str) -> Invalid:
    return Invalid(
        f"{'.'.join(str(step) for step in path)}: {message}",
        code=f"{thing}.not_found",
        issues=[{"path": list(path), "message": message}],
    )


def with_owned(request: Request) -> bool:
    """Whether ?include=owned asks for what ledgers and settlements own, too."""
    return query_word(request, "include", ["owned"]) is not None
