"""Marks a record overdue by hand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.problems import Problem
from api.shared.queries import only
from api.shared.schema import operation
from api.streams import presenting
from api.streams.reconciling.overdue_body import MarkOverdueBody
from api.streams.reconciling.views.base import PROBLEMS, ReconcilingView
from api.streams.record_shapes import EntryShape
from exceptions_app.services.overdue import record_mark_overdue
from rules.selectors import reconciliation_of


class MarkOverdue(ReconcilingView):
    scopes = {"POST": "exceptions:write"}
    problems: ClassVar[Mapping[int, Problem]] = {
        **PROBLEMS,
        403: Problem(
            403,
            "auth.missing_scope",
            "This needs the permission exceptions:write, which you do not have. Ask an admin.",
            details={"scope": "exceptions:write"},
        ),
        404: Problem(404, "record.not_found", "There is no record with this id."),
        409: Problem(
            409,
            "record.matched",
            "It is in match 70, accepted by user:anna: it is not open. Undo that match first.",
            details={"match_id": 70, "status": "accepted"},
        ),
        422: Problem(
            422,
            "stream.not_wired",
            "The record's stream is not in this reconciliation.",
            issues=[{"path": ["record_id"], "message": "The record's stream is not in this reconciliation."}],
        ),
    }

    @operation(
        "records_mark_overdue",
        "Mark a record overdue",
        body=MarkOverdueBody,
        answers={200: EntryShape},
    )
    def post(self, request: Request, reconciliation_id: int, record_id: int) -> Response:
        """Since now, or since or from the instant that the body names; once more says it anew. No policy changes it
        again. A record that an accepted match has, wholly, or that was closed is 409; a record whose stream is not in the
        reconciliation 422."""
        only(request)
        body = read_body(MarkOverdueBody, request.data)
        service = partial(
            record_mark_overdue,
            organization_id=self.organization_id,
            reconciliation_id=reconciliation_id,
            record_id=record_id,
            overdue_at=body.get("overdue_at"),
            by=self.by,
            at=self.at,
        )
        reconciliation = partial(
            reconciliation_of, organization_id=self.organization_id, reconciliation_id=reconciliation_id
        )
        return act(
            request,
            service,
            render=lambda row: presenting.entry_body(row, reconciliation=reconciliation(), at=self.at),
        )
