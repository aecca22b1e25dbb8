"""What a person sees and does on the pages of exceptions, over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exceptions_app.models import ReconciliationException
from organizations.models import Membership
from tests.exceptions_app.investigating import Acquirer
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import text_of

MODEL = "exceptions_app_reconciliationexception"
LIST = f"admin:{MODEL}_changelist"


@dataclass
class Office:
    client: Client
    membership: Membership
    acquirer: Acquirer

    @property
    def exception(self) -> ReconciliationException:
        return self.acquirer.exception

    @property
    def url(self) -> str:
        return reverse(f"admin:{MODEL}_change", args=[self.exception.pk])

    def page(self, **query: Any) -> str:
        return text_of(self.get(self.url, query))

    def queue(self, **query: Any) -> str:
        return text_of(self.get(reverse(LIST), query))

    def rows(self, **query: Any) -> list[ReconciliationException]:
        return list(self.get(reverse(LIST), query).context["cl"].result_list)

    def get(self, url: str, query: Any = None) -> HttpResponse:
        answer = self.client.get(url, query)
        assert answer.status_code == 200, (answer.status_code, answer.headers.get("Location"))
        return answer

    def act(self, name: str, **fields: Any) -> str:
        """Do an act of the exception's page, and read the page that follows."""
        url = reverse(f"admin:{MODEL}_act", args=[self.exception.pk, name])
        return text_of(self.client.post(url, fields, follow=True))

    def tick(self, action: str, *rows: ReconciliationException) -> HttpResponse:
        """Tick rows of the queue and choose an action: the page that asks."""
        ticked = {"action": action, "_selected_action": [row.pk for row in rows]}
        return self.client.post(reverse(LIST), ticked, follow=True)

    def bulk(self, name: str, *rows: ReconciliationException, **fields: Any) -> str:
        url = reverse(f"admin:{MODEL}_list_act", args=[name])
        ids = ",".join(str(row.pk) for row in rows)
        return text_of(self.client.post(url, {"exceptions": ids, **fields}, follow=True))

    def as_somebody(self, role: str) -> Office:
        client, membership = signed_in(role, self.membership.organization)
        return Office(client, membership, self.acquirer)


def new_office(role: str = "admin") -> Office:
    acquirer = Acquirer()
    client, membership = signed_in(role, acquirer.feeds.organization)
    return Office(client, membership, acquirer)


def days_ago(days: float) -> Any:
    """The pages read the clock: ages are told from now."""
    return timezone.now() - timedelta(days=days)


__all__ = ["LIST", "MODEL", "Office", "days_ago", "new_office"]
