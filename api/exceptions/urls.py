"""Routes of exceptions, under /v1/."""

from django.urls import path

from api.exceptions.views import exceptions, following, records
from api.shared import paths as paths  # registers the converter of numbers

ALL = "reconciliation_exceptions"
ONE = f"{ALL}/<number:exception_id>"
urlpatterns = [
    path(ALL, exceptions.Exceptions.as_view(), name="exceptions"),
    path(ONE, exceptions.OneException.as_view(), name="exception"),
    path(f"{ONE}/comments", following.Comments.as_view(), name="exception-comments"),
    path(f"{ONE}/history", following.History.as_view(), name="exception-history"),
    path(f"{ONE}/records", records.ExceptionRecords.as_view(), name="exception-records"),
]
