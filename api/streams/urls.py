"""Routes of the data streams surface, under /v1/. Named paths stand before `{id}`."""

from django.urls import path

from api.shared import paths as paths  # registers the converter of numbers
from api.streams.views import proofs, records

urlpatterns = [
    path("records", records.Records.as_view(), name="records"),
    path("records/<number:record_id>", records.OneRecord.as_view(), name="record"),
    path(
        "bank_accounts/<str:account_id>/proof", proofs.BankAccountProof.as_view(), name="bank-account-proof"
    ),
]
