"""Routes of the data streams surface, under /v1/. Named paths stand before `{id}`."""

from django.urls import path

from api.shared import paths as paths  # registers the converter of numbers
from api.streams.views import accounts, batches, bulk, definitions, proofs, records, streams

urlpatterns = [
    path("data_streams", streams.DataStreams.as_view(), name="data-streams"),
    path("data_streams/<str:key>", streams.OneDataStream.as_view(), name="data-stream"),
    path("data_streams/<str:key>/reset", streams.ResetDataStream.as_view(), name="data-stream-reset"),
    path("data_streams/<str:key>/health", streams.DataStreamHealth.as_view(), name="data-stream-health"),
    path(
        "data_streams/<str:key>/operations/<number:operation_id>",
        streams.DataStreamOperation.as_view(),
        name="data-stream-operation",
    ),
    path(
        "data_stream_property_definitions",
        definitions.PropertyDefinitions.as_view(),
        name="property-definitions",
    ),
    path(
        "data_stream_property_definitions/<number:definition_id>",
        definitions.OnePropertyDefinition.as_view(),
        name="property-definition",
    ),
    path("records", records.Records.as_view(), name="records"),
    path("records/bulk", bulk.BulkRecords.as_view(), name="records-bulk"),
    path("records/<number:record_id>", records.OneRecord.as_view(), name="record"),
    path("bulk_requests", bulk.BulkRequests.as_view(), name="bulk-requests"),
    path("bulk_requests/<number:bulk_request_id>", bulk.OneBulkRequest.as_view(), name="bulk-request"),
    path(
        "bulk_requests/<number:bulk_request_id>/cancel",
        bulk.CancelBulkRequest.as_view(),
        name="bulk-request-cancel",
    ),
    path(
        "bulk_requests/<number:bulk_request_id>/retry",
        bulk.RetryBulkRequest.as_view(),
        name="bulk-request-retry",
    ),
    path(
        "data_streams/<str:key>/import_batches", batches.StreamBatches.as_view(), name="data-stream-batches"
    ),
    path("import_batches/<number:batch_id>", batches.OneBatch.as_view(), name="import-batch"),
    path("import_batches/<number:batch_id>/records", batches.RecordsOfBatch.as_view(), name="batch-records"),
    path("bank_accounts", accounts.BankAccounts.as_view(), name="bank-accounts"),
    path("bank_accounts/<str:account_id>", accounts.OneBankAccount.as_view(), name="bank-account"),
    path("bank_account_balances", accounts.Balances.as_view(), name="bank-account-balances"),
    path("bank_account_balances/bulk", accounts.BulkBalances.as_view(), name="bank-account-balances-bulk"),
    path(
        "bank_accounts/<str:account_id>/proof", proofs.BankAccountProof.as_view(), name="bank-account-proof"
    ),
]
