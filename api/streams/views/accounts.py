"""Bank accounts, and the balances that programs state of them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.fields import present, present_all, read_body
from api.shared.idempotency import act
from api.shared.pagination import bad_query
from api.shared.problems import Problem
from api.shared.queries import only, query_number
from api.shared.schema import operation
from api.streams import account_shapes as shapes
from api.streams.naming import named_account
from api.streams.views.base import PROBLEMS, StreamsView
from ledgers.models import BankAccount, BankAccountBalance
from ledgers.selectors import find_bank_account
from ledgers.selectors.books import listed_accounts, listed_balances
from ledgers.services.balances import BalanceIn, balance_state, balances_state
from ledgers.services.books import account_change, account_create
from reconciliation.services.wiring import bank_account_delete

ACCOUNT = OpenApiParameter("bank_account_id", OpenApiTypes.INT64, required=True)
ONLY_ACCOUNTS = {
    404: Problem(404, "bank_account.not_found", "There is no such bank account."),
    409: Problem(
        409,
        "bank_account.currency_fixed",
        "The currency of account House bank cannot change: it has statements in EUR. Open another account instead.",
    ),
    422: Problem(
        422,
        "request.invalid",
        "currency: Write three capital letters, such as EUR.",
        issues=[{"path": ["currency"], "message": "Write three capital letters, such as EUR."}],
    ),
}


class AccountView(StreamsView):
    problems = {**PROBLEMS, **ONLY_ACCOUNTS}

    def account(self, account_id: str) -> BankAccount:
        return find_bank_account(organization_id=self.organization_id, account_id=account_id)

    def shown(self, account: BankAccount) -> dict[str, Any]:
        return present(shapes.BankAccountShape, account, organization_id=self.organization_id)


class BankAccounts(AccountView):
    scopes = {"GET": "records:read", "POST": "records:write"}

    @operation("bank_accounts_list", "List bank accounts", answers={200: shapes.BankAccountShape(many=True)})
    def get(self, request: Request) -> Response:
        """By name; also those that belong to ledgers."""
        only(request)
        rows = listed_accounts(organization_id=self.organization_id)
        shown = present_all(shapes.BankAccountShape, rows, organization_id=self.organization_id)
        return Response(shown)

    @operation(
        "bank_accounts_create",
        "Create a bank account",
        body=shapes.NewBankAccountBody,
        answers={201: shapes.BankAccountShape},
    )
    def post(self, request: Request) -> Response:
        """Of no ledger yet. Bank feeds and balances name it by its id."""
        only(request)
        body = read_body(shapes.NewBankAccountBody, request.data)

        def create() -> BankAccount:
            return account_create(
                organization_id=self.organization_id,
                name=body["name"],
                currency=body.get("currency") or "",
                by=self.by,
                at=self.at,
            )

        return act(request, create, render=self.shown, status=201)


class OneBankAccount(AccountView):
    scopes = {"GET": "records:read", "PATCH": "records:write", "DELETE": "records:write"}

    @operation("bank_accounts_get", "Show a bank account", answers={200: shapes.BankAccountShape})
    def get(self, request: Request, account_id: str) -> Response:
        """`account_id` is the account's number or its UUID."""
        only(request)
        return Response(self.shown(self.account(account_id)))

    @operation(
        "bank_accounts_change",
        "Change a bank account",
        body=shapes.BankAccountChangeBody,
        answers={200: shapes.BankAccountShape},
    )
    def patch(self, request: Request, account_id: str) -> Response:
        """What is left out stays. The currency changes only as long as no amount hangs on it: not of a ledger's account, and
        not once there are statements, stated balances or records (409 `bank_account.currency_fixed`). An account without one
        may get that of its statements."""
        only(request)
        body = read_body(shapes.BankAccountChangeBody, request.data)
        if "currency" in body:
            body["currency"] = body["currency"] or ""

        def change() -> BankAccount:
            return account_change(account=self.account(account_id), **body, by=self.by, at=self.at)

        return act(request, change, render=self.shown)

    @operation("bank_accounts_delete", "Delete a bank account", answers={204: None})
    def delete(self, request: Request, account_id: str) -> Response:
        """With the balances stated of it. 409 `bank_account.linked` while bank feeds belong to it, or it has statement
        lines."""
        only(request)

        def delete() -> None:
            bank_account_delete(bank_account=self.account(account_id), by=self.by, at=self.at)

        return act(request, delete, render=lambda _nothing: None, status=204)


class Balances(AccountView):
    scopes = {"GET": "records:read", "POST": "records:write"}

    @operation(
        "bank_account_balances_list",
        "List the balances stated of a bank account",
        answers={200: shapes.BankAccountBalanceShape(many=True)},
        parameters=[ACCOUNT],
    )
    def get(self, request: Request) -> Response:
        """The latest day first. An account that does not exist has none. What statement files say of balances stands in the
        account's proof."""
        only(request, ("bank_account_id",))
        account_id = query_number(request, "bank_account_id")
        if account_id is None:
            raise bad_query("bank_account_id", _("Name the bank account whose balances you want."))
        rows = listed_balances(organization_id=self.organization_id, account_id=account_id)
        shown = present_all(shapes.BankAccountBalanceShape, rows, organization_id=self.organization_id)
        return Response(shown)

    @operation(
        "bank_account_balances_state",
        "State a balance",
        body=shapes.BankAccountBalanceBody,
        answers={201: shapes.BankAccountBalanceShape},
    )
    def post(self, request: Request) -> Response:
        """Of one day and type there is one: stated again, it is replaced, and the answer is 201 all the same."""
        only(request)
        body = read_body(shapes.BankAccountBalanceBody, request.data)

        def state() -> BankAccountBalance:
            account = named_account(self.organization_id, body["bank_account_id"])
            return balance_state(bank_account=account, stated=stated(body), by=self.by, at=self.at)

        return act(
            request,
            state,
            render=lambda row: present(
                shapes.BankAccountBalanceShape, row, organization_id=self.organization_id
            ),
            status=201,
        )


class BulkBalances(AccountView):
    scopes = {"POST": "records:write"}

    @operation(
        "bank_account_balances_state_many",
        "State many balances of a bank account",
        body=shapes.BankAccountBalancesBody,
        answers={201: shapes.BankAccountBalancesShape},
    )
    def post(self, request: Request) -> Response:
        """1 to 1,000, all or nothing. Where a day and type comes twice, the last one counts; `count` is how many were sent."""
        only(request)
        body = read_body(shapes.BankAccountBalancesBody, request.data)
        rows = [stated(row) for row in body["balances"]]

        def state() -> list[BankAccountBalance]:
            account = named_account(self.organization_id, body["bank_account_id"])
            return balances_state(bank_account=account, stated=rows, by=self.by, at=self.at)

        def shown(written: list[BankAccountBalance]) -> dict[str, Any]:
            balances = present_all(
                shapes.BankAccountBalanceShape, written, organization_id=self.organization_id
            )
            return {"count": len(rows), "balances": balances}

        return act(request, state, render=shown, status=201)


def stated(row: dict[str, Any]) -> BalanceIn:
    return BalanceIn(row["date"], row["balance_type"], row["amount_cents"])
