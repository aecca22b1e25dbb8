"""Routes of the data streams surface, under /v1/bank_accounts."""

from django.urls import path

from api.streams import views

urlpatterns = [
    path("/<str:account_id>/proof", views.BankAccountProof.as_view(), name="bank-account-proof"),
]
