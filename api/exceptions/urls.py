"""Routes of exceptions, under /v1/."""

from django.urls import path

from api.exceptions.views import exceptions, following, investigations, records
from api.shared import paths as paths  # registers the converter of numbers

ALL = "reconciliation_exceptions"
ONE = f"{ALL}/<number:exception_id>"
urlpatterns = [
    path(ALL, exceptions.Exceptions.as_view(), name="exceptions"),
    path(ONE, exceptions.OneException.as_view(), name="exception"),
    path(f"{ONE}/comments", following.Comments.as_view(), name="exception-comments"),
    path(f"{ONE}/history", following.History.as_view(), name="exception-history"),
    path(f"{ONE}/records", records.ExceptionRecords.as_view(), name="exception-records"),
    path(f"{ONE}/investigations", investigations.Investigations.as_view(), name="exception-investigations"),
    path(
        f"{ONE}/investigations/<number:investigation_id>",
        investigations.OneInvestigation.as_view(),
        name="exception-investigation",
    ),
]
