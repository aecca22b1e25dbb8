"""What a person does on the pages of rules, over HTTP and without JavaScript."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.urls import reverse

from organizations.actors import user_actor
from organizations.models import Membership
from reconciliation.services.rules import rule_create
from reconciliation.services.stream_reconciliations import reconciliation_create
from rules.models import Reconciliation, Rule
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.streams import Feeds

REFERENCE = {"operand": "and", "rules": [{"key": "reference", "operand": "eq", "value": "reference"}]}
INPUT = re.compile(r"<(input|textarea|select)[^>]*\bname=\"([^\"]+)\"[^>]*>(?:(.*?)</\1>)?", re.S)


@dataclass
class Office:
    client: Client
    membership: Membership
    feeds: Feeds
    cards: Reconciliation

    def rule(self, **facts: Any) -> Rule:
        given = {"filters": REFERENCE, **facts}
        return self.feeds.act(rule_create, reconciliation=self.cards, facts=given)

    def text(self, url: str) -> str:
        answer = self.client.get(url)
        assert answer.status_code == 200, answer.status_code
        return text_of(answer)

    def form(self, url: str) -> dict[str, str]:
        """What a browser would send of the page's form, untouched."""
        page = self.client.get(url).content.decode()
        page = page[page.index('class="rule-editor') :]
        return {name: value for name, value in map(sent, INPUT.finditer(page)) if value is not None}

    def save(self, url: str, **changes: str):
        return self.client.post(url, {**self.form(url), "do": "save", **changes})


def sent(found: re.Match[str]) -> tuple[str, str | None]:
    kind, name, inner = found[1], found[2], found[3]
    if kind == "textarea":
        return name, html.unescape(inner or "")
    if kind == "select":
        chosen = re.search(r'<option value="([^"]*)" selected', inner or "")
        first = re.search(r'<option value="([^"]*)"', inner or "")
        return name, html.unescape((chosen or first)[1])  # type: ignore[index]
    if ('type="radio"' in found[0] or 'type="checkbox"' in found[0]) and "checked" not in found[0]:
        return name, None
    value = re.search(r'\bvalue="([^"]*)"', found[0])
    return name, html.unescape(value[1]) if value else ""


def new_office() -> Office:
    """An admin's browser, and a reconciliation of two streams without a rule."""
    client, membership = signed_in("admin")
    feeds = Feeds(user_actor(membership.user, membership))
    streams = {"side_a": [feeds.stream("card_acquirer")], "side_b": [feeds.stream("house_bank")]}
    of = {"organization_id": feeds.by.organization_id, "name": "Acquirer to bank"}
    return Office(client, membership, feeds, feeds.act(reconciliation_create, **of, **streams))


def edit(rule: Rule, **query: Any) -> str:
    url = reverse("admin:rules_rule_edit", args=[rule.pk])
    return f"{url}?for={query['of']}" if query else url


def new(of: Any) -> str:
    return reverse("admin:rules_rule_new", args=[of])


def order(of: Any) -> str:
    return reverse("admin:rules_rule_order", args=[of])
