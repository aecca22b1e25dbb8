"""What a person does on a run's page, over HTTP, with the words of the page."""

from __future__ import annotations

import html
import io
import re
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from organizations.models import Membership
from reconciliation.models import Match
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.books import Books


@dataclass
class Desk:
    client: Client
    membership: Membership
    books: Books

    @property
    def url(self) -> str:
        return reverse("admin:reconciliation_run_change", args=[self.books.run.pk])

    def page(self, show: str = "", **query: str) -> str:
        """The page as text without markup."""
        answer = self.client.get(self.url, {"show": show, **query} if show else query)
        assert answer.status_code == 200, answer.status_code
        return text_of(answer)

    def post(self, act: str, **fields: Any) -> str:
        """Post one of the page's acts, follow it back, and read the page."""
        answer = self.send(act, **fields)
        assert answer.status_code == 302, answer.status_code
        assert answer["Location"].startswith(self.url), answer["Location"]
        return text_of(self.client.get(answer["Location"]))

    def send(self, act: str, **fields: Any) -> HttpResponse:
        url = reverse(f"admin:reconciliation_run_{act}", args=[self.books.run.pk])
        return self.client.post(url, fields)

    def upload(self, text: str | bytes, name: str = "march.csv") -> str:
        file = io.BytesIO(text.encode() if isinstance(text, str) else text)
        file.name = name
        return self.post("upload", file=file, back="show=files")

    def decide(self, verb: str, *names: str) -> str:
        """On the proposals (or matches) of these items, by their names in the example."""
        found = [self.books.match_with(name).pk for name in names]
        if len(found) == 1:
            return self.post("decide", one=f"{verb}:{found[0]}", back="show=review")
        return self.post("decide", action=verb, match=found, back="show=review")

    def status(self, match: Match) -> str:
        match.refresh_from_db()
        return match.status

    def as_somebody(self, role: str) -> Desk:
        """Another person of the same organization."""
        client, membership = signed_in(role, self.membership.organization)
        return Desk(client, membership, self.books)


def text_of(answer: HttpResponse) -> str:
    """What a person reads: no markup, white space folded."""
    plain = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.content.decode(), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", plain)).replace("\u00a0", " ").split())
