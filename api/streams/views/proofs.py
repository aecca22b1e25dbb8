"""A bank account's proof for a period."""

from __future__ import annotations

from datetime import date

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.pagination import bad_query
from api.shared.queries import only
from api.shared.schema import operation
from api.shared.values import Unfit, read_date
from api.streams.proof_shapes import BankAccountProofShape
from api.streams.views.base import StreamsView
from ledgers.selectors import find_bank_account
from ledgers.selectors.account_proof import DAYS_MAX, account_proof

PERIOD = [
    OpenApiParameter("from", OpenApiTypes.DATE, required=True, description="The first day."),
    OpenApiParameter(
        "to", OpenApiTypes.DATE, required=True, description=f"The last day; {DAYS_MAX} days at most."
    ),
]


class BankAccountProof(StreamsView):
    scopes = {"GET": "reconciliations:read"}

    @operation(
        "bank_accounts_proof",
        "Prove a bank account's statements",
        answers={200: BankAccountProofShape},
        parameters=PERIOD,
        also=[422],
    )
    def get(self, request: Request, account_id: str) -> Response:
        """Day by day: whether the statements add up, each opens as the one before closed, every line is there once, and
        which business days lack a statement. `breaks` name the days and the amount. Where no balance is stated the state
        is `not_stated`; nothing is taken to be 0. `account_id` is the account's number or its UUID."""
        only(request, ("from", "to"))
        account = find_bank_account(organization_id=self.organization_id, account_id=account_id)
        proof = account_proof(account, since=_day(request, "from"), until=_day(request, "to"))
        return Response(BankAccountProofShape(proof, context={"proof": proof}).data)


def _day(request: Request, name: str) -> date:
    try:
        return read_date(request.query_params.get(name, ""))
    except Unfit as unfit:
        raise bad_query(name, str(unfit)) from None
