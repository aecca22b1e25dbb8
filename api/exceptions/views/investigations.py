"""Investigations of an exception: ask for one, list them, show one with what it found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.exceptions.investigation_shapes import (
    CAUSE_CHOICES,
    INVESTIGATIONS,
    InvestigateBody,
    InvestigationShape,
    ShownInvestigationShape,
)
from api.exceptions.presenting import Json, session_body
from api.exceptions.views.base import BAD_BUCKET, PROBLEMS, ExceptionsView
from api.exceptions.views.following import PAGES, PAGING
from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.pagination import Page, Window, make_cursor
from api.shared.problems import Problem
from api.shared.queries import only, query_word
from api.shared.schema import operation
from api.streams.presenting import instant
from api.streams.reconciling.views.base import number_in
from exceptions_app.investigating.matchable import NO_DIFFERENCE
from exceptions_app.models import Investigation
from exceptions_app.selectors.investigations import (
    ShownFinding,
    findings_of,
    investigation_of,
    investigations_of,
    shown_findings,
)
from exceptions_app.services.investigations import investigation_request, investigation_url
from exceptions_app.states import Outcome
from organizations.actors import shown_names

RUNNING = Problem(
    409,
    "investigation.running",
    "This exception is being investigated already. Wait for the end of that, then ask again.",
    details={"investigation_id": 9, "url": "/v1/reconciliation_exceptions/31/investigations/9"},
)
BAD_FILTER = Problem(
    422,
    "filter.invalid",
    f"filter_params.age_bucket: {BAD_BUCKET}",
    issues=[{"path": ["filter_params", "age_bucket"], "message": BAD_BUCKET}],
)
OF_FINDINGS = (
    OpenApiParameter(
        "outcome", OpenApiTypes.STR, enum=Outcome.values, description="Findings of that outcome only."
    ),
    OpenApiParameter(
        "cause", OpenApiTypes.STR, enum=CAUSE_CHOICES, description="Findings of that cause only."
    ),
)


class Investigations(ExceptionsView):
    scopes = {"GET": "exceptions:read", "POST": "exceptions:write"}
    problems = {**PROBLEMS, 409: RUNNING, 422: BAD_FILTER}

    @operation(
        "reconciliation_exceptions_investigations",
        "List the investigations of an exception",
        answers={200: INVESTIGATIONS},
        parameters=PAGING,
    )
    def get(self, request: Request, exception_id: int) -> Response:
        """Newest first, all of them; the exception itself shows the newest five."""
        only(request, ("cursor", "limit"))
        window = PAGES.window(request.query_params)
        rows = investigations_of(self.exception(exception_id))
        if window.cursor is not None:
            rows = rows.filter(pk__lt=number_in(window.cursor))
        found, page = page_of(list(rows[: window.limit + 1]), window)
        return Response(PAGES.envelope(page, investigation_bodies(found, self.organization_id)))

    @operation(
        "reconciliation_exceptions_investigate",
        "Investigate an exception",
        body=InvestigateBody,
        answers={202: InvestigationShape},
    )
    def post(self, request: Request, exception_id: int) -> Response:
        """A worker looks for what explains the overdue records, or those that the filters leave: among what is open on
        either side and what was matched of late. It only suggests. `url` shows how far it is, and what it found. One at a
        time: 409 with the one under way."""
        only(request)
        body = read_body(InvestigateBody, request.data)

        def ask() -> Investigation:
            return investigation_request(
                exception=self.exception(exception_id),
                filter_params=body.get("filter_params"),
                by=self.by,
                at=self.at,
            )

        return act(
            request,
            ask,
            render=lambda asked: investigation_bodies([asked], self.organization_id)[0],
            status=202,
            headers=lambda asked: {"Location": investigation_url(asked)},
        )


class OneInvestigation(ExceptionsView):
    scopes = {"GET": "exceptions:read"}
    problems = {
        **PROBLEMS,
        404: Problem(404, "investigation.not_found", "There is no investigation with this id."),
    }

    @operation(
        "reconciliation_exceptions_investigation",
        "Show an investigation with what it found",
        answers={200: ShownInvestigationShape},
        parameters=(*OF_FINDINGS, *PAGING),
    )
    def get(self, request: Request, exception_id: int, investigation_id: int) -> Response:
        """Its findings come a page at a time, the surest records first and the explanations of one record together. There are
        none until it is completed; a failed one says why in `error`."""
        only(request, ("cursor", "limit", "outcome", "cause"))
        window = PAGES.window(request.query_params)
        row = investigation_of(exception=self.exception(exception_id), investigation_id=investigation_id)
        rows = findings_of(row)
        for name, choices in (("outcome", Outcome.values), ("cause", CAUSE_CHOICES)):
            if (word := query_word(request, name, choices)) is not None:
                rows = rows.filter(**{name: word})
        if window.cursor is not None:
            rows = rows.filter(pk__gt=number_in(window.cursor))
        found, page = page_of(list(rows[: window.limit + 1]), window)
        shown = shown_findings(found)
        [body] = investigation_bodies([row], self.organization_id)
        findings = PAGES.envelope(page, finding_bodies(shown, self.organization_id))
        return Response(body | {"summary": row.summary, "findings": findings})


def page_of(rows: list[Any], window: Window) -> tuple[list[Any], Page]:
    """The rows of a page of which one more was read, and where the next begins."""
    more, found = len(rows) > window.limit, rows[: window.limit]
    cursor = make_cursor([str(found[-1].pk)]) if more else None
    return found, Page(found, window, more, next_cursor=cursor)


def investigation_bodies(rows: Sequence[Investigation], organization_id: int) -> list[Json]:
    names = shown_names(organization_id, {row.requested_by for row in rows})
    return [
        {
            **session_body(row),
            "exception_id": row.exception_id,
            "url": investigation_url(row),
            "trigger": row.trigger,
            "requested_by": names.get(row.requested_by, row.requested_by),
            "records_asked": row.records_asked,
            "error": row.error or None,
        }
        for row in rows
    ]


def finding_bodies(rows: Sequence[ShownFinding], organization_id: int) -> list[Json]:
    names = shown_names(organization_id, {row.finding.taken_by for row in rows})
    return [
        {
            "id": row.finding.pk,
            "record_id": row.finding.record_id,
            "rank": row.finding.rank,
            "cause": row.finding.cause,
            "outcome": row.finding.outcome,
            "confidence": row.finding.confidence,
            "suggested_record_ids": row.finding.suggested,
            "difference": None if row.finding.cause in NO_DIFFERENCE else row.finding.difference,
            "text": row.text,
            "facts": row.finding.facts,
            "match_id": row.finding.match_id,
            "match_status": row.match_status or None,
            "taken_at": instant(row.finding.taken_at),
            "taken_by": names.get(row.finding.taken_by) or None,
            "not_matchable": row.not_matchable or None,
        }
        for row in rows
    ]
