"""Reads what a view asks of a query string beyond lists: which parameters there are, ids, words."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.utils.translation import gettext as _
from rest_framework.request import Request

from api.shared.pagination import bad_query
from api.shared.values import Unfit, is_storable, read_instant, read_number


def only(request: Request, known: Collection[str] = ()) -> None:
    """Refuse query parameters that the operation does not have."""
    for name in request.query_params:
        if name not in known:
            raise bad_query(name, _("There is no such parameter."))


def query_number(request: Request, name: str) -> int | None:
    """A number of the query, None where it is not there; raises Invalid where it is none."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return read_number(text)
    except Unfit:
        raise bad_query(name, _("Write an id as it was given to you: a whole number.")) from None


def query_word(request: Request, name: str, choices: Collection[str]) -> str | None:
    """One of these words, None where it is not there; raises Invalid where it is another."""
    text = request.query_params.get(name)
    if text is not None and text not in choices:
        raise bad_query(name, _("Write %(choices)s, or leave it out.") % {"choices": _(" or ").join(choices)})
    return text


def query_text(request: Request, name: str) -> str | None:
    """A text as it is, None where it is not there; raises Invalid where no row could hold it."""
    text = request.query_params.get(name)
    if text is not None and not is_storable(text):
        raise bad_query(name, _("A text with a NUL or half a surrogate pair is in no row."))
    return text


def query_instant(request: Request, name: str) -> datetime | None:
    """An instant with its offset from UTC, None where it is not there; raises Invalid where it is none."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return read_instant(text)
    except Unfit as unfit:
        raise bad_query(name, str(unfit)) from None
