"""Routes of the ledger-run surface, under /v1/ledgers."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
