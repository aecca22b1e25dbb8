"""The base of this floor's pages: books and amounts, the looks of both sides facing each other, history in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from ledgers.backoffice import BooksModelAdmin
from organizations.backoffice.current import current_organization
from organizations.backoffice.history import Line
from reconciliation.admin.history import told_history


class ClearingModelAdmin(BooksModelAdmin):
    class Media:
        css = {"all": ["reconciliation/desk.css"]}

    def history_lines(self, request: HttpRequest, obj: Any) -> Sequence[Line]:
        subjects = self.history_subjects(obj)
        return told_history(current_organization(request).pk, subjects, currency=self.currency_of(obj))

    def currency_of(self, obj: Any) -> str:
        """Of the amounts in its history, where an event does not say."""
        return str(getattr(obj, "currency", ""))


def asked_act(request: HttpRequest) -> str:
    """The name of the act that this request is for; empty on a page that only offers some. An act that a page offered
    before things changed is found under its name still, so that its service can say what changed."""
    found = request.resolver_match
    return str(found.kwargs.get("name", "")) if found is not None else ""
