"""The books: ledgers, entries, journals, entries beside a run, and account counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Q
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.ledger_runs import bodies, book_shapes, filters, presenting
from api.ledger_runs.views.base import AS_AT, LedgerRunView, as_at
from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.pagination import bad_query
from api.shared.schema import operation
from api.shared.values import Unfit, read_flag
from ledgers.models import Journal, Ledger, Record
from ledgers.selectors import entry_rows, find_ledger, journal_of
from ledgers.services import books
from ledgers.services.postings import EntryIn
from reconciliation.selectors.accounts import account_rows
from reconciliation.selectors.entries import gl_all, gl_only
from reconciliation.services import intake, wiring

SUBLEDGERS = {
    "only_subledgers": Q(parent__isnull=False),
    "include_subledgers": Q(),
    "exclude_subledgers": Q(parent__isnull=True),
}
"""Which ledgers each switch leaves, the first that is on deciding; by default control ledgers only."""


class Ledgers(LedgerRunView):
    scopes = {"GET": "ledgers:read", "POST": "ledgers:post"}

    @operation(
        "ledgers_list",
        "List ledgers",
        answers={200: book_shapes.LedgerList},
        query=filters.LEDGERS,
        parameters=[OpenApiParameter(name, OpenApiTypes.BOOL) for name in SUBLEDGERS],
    )
    def get(self, request: Request) -> Response:
        """Control ledgers; with `include_subledgers` all, with `only_subledgers` those under another."""
        rows = Ledger.objects.of(self.organization_id).filter(_subledgers(request)).select_related("parent")

        show = partial(presenting.ledger_bodies, organization_id=self.organization_id)

        return self.listed(request, filters.LEDGERS, rows, show)

    @operation(
        "ledgers_create",
        "Create a ledger",
        body=bodies.LedgerBody,
        answers={201: book_shapes.LedgerShape},
        also=[404],
    )
    def post(self, request: Request) -> Response:
        """With the bank accounts whose statements it is reconciled with. `opening_balance` is + for money in, and stands
        for the books before `opening_date`."""
        body = read_body(bodies.LedgerBody, request.data)
        return act(request, lambda: self._create(body), render=presenting.ledger_body, status=201)

    def _create(self, body: dict[str, Any]) -> Ledger:
        parent = body.get("parent_ledger_id")
        ledger = books.ledger_create(
            organization_id=self.organization_id,
            code=body["code"],
            type=body["type"],
            currency=body["currency_code"],
            description=body.get("description") or "",
            parent=find_ledger(organization_id=self.organization_id, ledger_id=parent) if parent else None,
            allows_direct_booking=body["allows_direct_booking"],
            opening_balance=body.get("opening_balance"),
            opening_date=body.get("opening_date"),
            metadata=body.get("metadata"),
            by=self.by,
            at=self.at,
        )
        for account in body.get("bank_accounts") or []:
            iban = account.get("iban") or ""
            wiring.bank_account_create(
                organization_id=self.organization_id,
                name=account.get("name") or iban or ledger.code,
                identifier=iban,
                ledger=ledger,
                by=self.by,
                at=self.at,
            )
        return ledger


def _subledgers(request: Request) -> Q:
    for name, kept in SUBLEDGERS.items():
        try:
            if read_flag(request.query_params.get(name, "false")):
                return kept
        except Unfit as unfit:
            raise bad_query(name, str(unfit)) from None
    return SUBLEDGERS["exclude_subledgers"]


class OneLedger(LedgerRunView):
    scopes = {"GET": "ledgers:read", "PATCH": "ledgers:post"}

    @operation("ledgers_get", "Show a ledger", answers={200: book_shapes.LedgerShape})
    def get(self, request: Request, ledger_id: UUID) -> Response:
        """With its balance, subledgers and bank accounts."""
        return Response(
            presenting.ledger_body(find_ledger(organization_id=self.organization_id, ledger_id=ledger_id))
        )

    @operation(
        "ledgers_change",
        "Change a ledger",
        body=bodies.LedgerChangeBody,
        answers={200: book_shapes.LedgerShape},
    )
    def patch(self, request: Request, ledger_id: UUID) -> Response:
        """Type and opening only while it has no entries (409)."""
        changes = read_body(bodies.LedgerChangeBody, request.data)

        def change() -> Ledger:
            ledger = find_ledger(organization_id=self.organization_id, ledger_id=ledger_id)
            return (
                books.ledger_change(ledger=ledger, changes=changes, by=self.by, at=self.at)
                if changes
                else ledger
            )

        return act(request, change, render=presenting.ledger_body)


# --- entries and journals ------------------------------------------------------------------------------------------------


class Entries(LedgerRunView):
    scopes = {"GET": "ledgers:read", "POST": "ledgers:post"}

    @operation("entries_list", "List entries", answers={200: book_shapes.EntryList}, query=filters.ENTRIES)
    def get(self, request: Request) -> Response:
        """Entries of all ledgers, or of one with `ledger_id`."""

        show = partial(presenting.entry_bodies, organization_id=self.organization_id)

        rows = entry_rows(organization_id=self.organization_id)
        keys = list(book_shapes.EntryShape().fields)
        return self.listed(request, filters.ENTRIES, rows, show, more={"keys": keys})

    @operation(
        "entries_post",
        "Post an entry",
        body=bodies.EntryBody,
        answers={201: book_shapes.PostedEntryShape},
        also=[404],
    )
    def post(self, request: Request) -> Response:
        """A journal of one entry, posted at once."""
        body = read_body(bodies.EntryBody, request.data)
        return act(
            request,
            lambda: self.post_entries([body]),
            render=lambda posted: presenting.posted_bodies(posted, self.organization_id)[0],
            status=201,
        )

    def post_entries(self, entries: list[dict[str, Any]]) -> list[Record]:
        return intake.entries_post(
            organization_id=self.organization_id,
            entries=[entry_in(entry, self.organization_id) for entry in entries],
            by=self.by,
            at=self.at,
        )


class EntriesBulk(Entries):
    scopes = {"POST": "ledgers:post"}
    http_method_names = ["post"]

    @operation(
        "entries_post_bulk",
        "Post up to 1,000 entries",
        body=bodies.EntriesBody,
        answers={201: book_shapes.PostedEntries},
        also=[404],
    )
    def post(self, request: Request) -> Response:
        """All or nothing."""
        body = read_body(bodies.EntriesBody, request.data)
        return act(
            request,
            lambda: self.post_entries(body["entries"]),
            render=lambda posted: {"entries": presenting.posted_bodies(posted, self.organization_id)},
            status=201,
        )


def entry_in(body: dict[str, Any], organization_id: int) -> EntryIn:
    named = {name: body.get(name) for name in bodies.LEDGER_REFS}
    return EntryIn(
        ledger=find_ledger(organization_id=organization_id, **named),
        amount=body["amount"],
        direction=body["type"],
        description=body.get("description") or "",
        reference=body.get("reference_id") or "",
        value_date=body.get("value_date"),
        occurred_at=body.get("timestamp"),
        event=body.get("event") or "",
        metadata=body.get("metadata") or {},
    )


class Journals(LedgerRunView):
    scopes = {"POST": "ledgers:post"}

    @operation(
        "journals_post",
        "Post a journal",
        body=bodies.JournalBody,
        answers={201: book_shapes.JournalShape},
        also=[404],
    )
    def post(self, request: Request) -> Response:
        """Two entries or more in one currency, posted at once; its debits must equal its credits."""
        body = read_body(bodies.JournalBody, request.data)
        transaction = body["transaction"]

        def post() -> Journal:
            return intake.journal_post(
                organization_id=self.organization_id,
                entries=[entry_in(entry, self.organization_id) for entry in body["entries"]],
                type=transaction["type"],
                total_amount=transaction["total_amount"],
                currency=transaction["currency_code"],
                reference=transaction.get("reference_id") or "",
                description=transaction.get("description") or "",
                value_date=transaction.get("value_date"),
                occurred_at=transaction.get("timestamp"),
                journal_id=body.get("transaction_id"),
                metadata=transaction.get("metadata"),
                by=self.by,
                at=self.at,
            )

        return act(request, post, render=presenting.journal_body, status=201)


class OneJournal(LedgerRunView):
    scopes = {"GET": "ledgers:read"}

    @operation("journals_get", "Show a journal", answers={200: book_shapes.JournalShape})
    def get(self, request: Request, journal_id: UUID) -> Response:
        """With its entries."""
        return Response(
            presenting.journal_body(journal_of(organization_id=self.organization_id, journal_id=journal_id))
        )


# --- beside a run ------------------------------------------------------------------------------------------------------------


class GlAll(LedgerRunView):
    scopes = {"GET": "reconciliations:read"}

    @operation(
        "runs_gl_all",
        "List all entries of the run's ledger",
        answers={200: book_shapes.GlList},
        query=filters.GL,
        parameters=[AS_AT],
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Linked or not; of the ledger itself, not of its subledgers."""
        rows = gl_all(self.run_of(run_id), as_at=as_at(request))
        return self.listed(
            request, filters.GL, rows, lambda page: presenting.gl_bodies(page, self.organization_id)
        )


class GlOnly(LedgerRunView):
    scopes = {"GET": "reconciliations:read"}

    @operation(
        "runs_gl_only",
        "List entries that no match has",
        answers={200: book_shapes.GlList},
        query=filters.GL,
        parameters=[AS_AT],
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Entries of the run's ledger in no live match, of this or another run."""
        rows = gl_only(self.run_of(run_id), as_at=as_at(request))
        return self.listed(
            request, filters.GL, rows, lambda page: presenting.gl_bodies(page, self.organization_id)
        )


class Accounts(LedgerRunView):
    scopes = {"GET": "ledgers:read"}

    @operation(
        "accounts_list",
        "List ledgers with unreconciled counts",
        answers={200: book_shapes.AccountList},
        query=filters.ACCOUNTS,
    )
    def get(self, request: Request) -> Response:
        """Ledgers with at least one entry, and how many of theirs no accepted match covers."""
        rows = account_rows(organization_id=self.organization_id)

        def show(page: Sequence[Ledger]) -> list[Any]:
            return list(book_shapes.AccountShape(page, many=True).data)

        return self.listed(request, filters.ACCOUNTS, rows, show)
