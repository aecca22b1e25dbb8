"""Routes of reconciliations, runs, matches and stories, under /v1/. Named paths stand before `{id}`."""

from django.urls import path

from api.shared import paths as paths  # registers the converter of numbers
from api.streams.reconciling.views import overdue, reconciliations

ONE = "reconciliations/<number:reconciliation_id>"
urlpatterns = [
    path("reconciliations", reconciliations.Reconciliations.as_view(), name="reconciliations"),
    path(ONE, reconciliations.OneReconciliation.as_view(), name="reconciliation"),
    path(
        f"{ONE}/records/<number:record_id>/mark_overdue",
        overdue.MarkOverdue.as_view(),
        name="record-mark-overdue",
    ),
]
