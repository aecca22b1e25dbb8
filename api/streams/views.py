"""A bank account's proof for a period."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.authentication import organization_of
from api.shared.pagination import bad_query
from api.shared.schema import operation
from api.shared.values import Unfit, read_date
from api.shared.views import SurfaceView
from api.streams.shapes import BankAccountProofShape
from ledgers.selectors import find_bank_account
from ledgers.selectors.account_proof import DAYS_MAX, account_proof

PERIOD = [
    OpenApiParameter("from", OpenApiTypes.DATE, required=True, description="The first day."),
    OpenApiParameter(
        "to", OpenApiTypes.DATE, required=True, description=f"The last day; {DAYS_MAX} days at most."
    ),
]


class BankAccountProof(SurfaceView):
    surface = "streams"
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
        for name in request.query_params:
            if name not in ("from", "to"):
                raise bad_query(name, _("There is no such parameter."))
        account = find_bank_account(organization_id=organization_of(request).pk, account_id=account_id)
        proof = account_proof(account, since=_day(request, "from"), until=_day(request, "to"))
        return Response(BankAccountProofShape(proof, context={"proof": proof}).data)


def _day(request: Request, name: str) -> date:
    try:
        return read_date(request.query_params.get(name, ""))
    except Unfit as unfit:
        raise bad_query(name, str(unfit)) from None
