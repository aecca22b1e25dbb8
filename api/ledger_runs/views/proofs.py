"""A ledger's proof for any day, its opening balance, and closing of its entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.ledger_runs import bodies, book_shapes, presenting
from api.ledger_runs.views.base import LedgerRunView
from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.pagination import bad_query
from api.shared.schema import operation
from api.shared.values import Unfit, read_date
from ledgers.models import Ledger
from ledgers.selectors import find_ledger
from reconciliation.services.items import entry_close, entry_reopen
from reconciliation.services.opening import opening_confirm

DAY = OpenApiParameter(
    "date", OpenApiTypes.DATE, required=True, description="The proof is of the end of that day."
)


class Proof(LedgerRunView):
    scopes = {"GET": "reconciliations:read"}

    @operation(
        "ledgers_proof", "Prove a ledger", answers={200: book_shapes.LedgerProofShape}, parameters=[DAY]
    )
    def get(self, request: Request, ledger_id: UUID) -> Response:
        """What the bank states less what the books say is explained by the opening difference, what is open and what was
        written off; `unexplained` must be 0. With today's knowledge."""
        for name in request.query_params:
            if name != "date":
                raise bad_query(name, _("There is no such parameter."))
        try:
            day = read_date(request.query_params.get("date", ""))
        except Unfit as unfit:
            raise bad_query("date", str(unfit)) from None
        ledger = find_ledger(organization_id=self.organization_id, ledger_id=ledger_id)
        return Response(presenting.proof_body(ledger, day))


class Opening(LedgerRunView):
    scopes = {"POST": "ledgers:post"}

    @operation(
        "ledgers_opening",
        "Confirm a ledger's opening balance",
        body=bodies.OpeningBody,
        answers={200: book_shapes.OpeningShape},
    )
    def post(self, request: Request, ledger_id: UUID) -> Response:
        """What the bank accounts held at the start of that day. The difference to the books before it counts as explained
        from now on; entries before the day are open no more. 409 while a match has a record before the day."""
        body = read_body(bodies.OpeningBody, request.data)

        def confirm() -> Ledger:
            ledger = find_ledger(organization_id=self.organization_id, ledger_id=ledger_id)
            return opening_confirm(
                ledger=ledger, balance=body["balance"], day=body["date"], by=self.by, at=self.at
            )

        return act(request, confirm, render=presenting.opening_body)


class EntryAct(LedgerRunView):
    """An act on one entry, answered with the entry as a run sees it."""

    scopes = {"POST": "items:close"}

    def entry_act(
        self, request: Request, entry_id: UUID, service: Callable[..., Any], **more: Any
    ) -> Response:
        def done() -> Any:
            return service(
                organization_id=self.organization_id, entry_id=entry_id, **more, by=self.by, at=self.at
            )

        return act(request, done, render=lambda _done: presenting.gl_body(entry_id, self.organization_id))


class CloseEntry(EntryAct):
    @operation(
        "entries_close",
        "Close an entry",
        body=bodies.CloseEntryBody,
        answers={200: book_shapes.GlEntryShape},
    )
    def post(self, request: Request, entry_id: UUID) -> Response:
        """As items are closed: a suggestion on it is undone first; of one that an accepted match covers in part, it writes
        off the rest. 409 where it is matched. Closed already: nothing happens."""
        body = read_body(bodies.CloseEntryBody, request.data)
        return self.entry_act(
            request,
            entry_id,
            entry_close,
            reason=body.get("reason") or "",
            note=body.get("note") or "",
            cleared_on=body.get("cleared_on"),
        )


class ReopenEntry(EntryAct):
    @operation(
        "entries_reopen", "Reopen an entry", body=bodies.NoBody, answers={200: book_shapes.GlEntryShape}
    )
    def post(self, request: Request, entry_id: UUID) -> Response:
        """Only a closed one (else 409)."""
        read_body(bodies.NoBody, request.data)
        return self.entry_act(request, entry_id, entry_reopen)
