"""Refusals and people in plain words, as the back office shows them: who did it, when, and what now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ledgers.amounts import shown
from organizations.actors import shown_names
from organizations.backoffice.acts import sentence_of
from organizations.backoffice.history import person
from organizations.refusals import Refusal
from reconciliation.states import MatchStatus

T = TypeVar("T")

SEVERITY_LABELS = {"info": "info", "warning": "warning", "critical": "danger"}
FILE_LABELS = {"completed": "success", "failed": "danger"}
"""Colours of labels."""


def reason_words(reason: str) -> str:
    """Why something was closed: a person's own words, or what ended it by itself."""
    return {
        "auto:matched": _("its line was matched"),
        "auto:item_closed": _("its line was closed"),
        "auto:match_ended": _("its match ended"),
        "zero_amount": _("its amount is zero"),
        "before_opening": _("it is older than the ledger's opening balance"),
        "manual_review": _("manual review"),
    }.get(reason, reason)


def people(organization_id: int, refs: Iterable[str]) -> dict[str, str]:
    """Each ref as a person reads it: "user:42" is "Anna", "key:ab12" is "API key ab12". One query."""
    return {ref: person(name) for ref, name in shown_names(organization_id, refs).items()}


Books = Any
"""What a refusal is told about: a run or a reconciliation, with its organization_id and its ledger."""


def plainly(service: Callable[..., T], books: Books) -> Callable[..., T]:
    """The service, with its refusals told in plain words."""

    def act(**given: Any) -> T:
        try:
            return service(**given)
        except Refusal as refusal:
            refusal.message, refusal.issues = told(refusal, books), []
            raise

    return act


def told(refusal: Refusal, books: Books) -> str:
    """What the domain says against an act, with names and local times where it names somebody."""
    teller = TELLERS.get(refusal.code)
    try:
        return teller(refusal.details, books) if teller else sentence_of(refusal)
    except (KeyError, ValueError, IndexError):  # details of another shape: the refusal's own words still hold
        return sentence_of(refusal)


def _state(details: dict[str, Any], books: Books) -> str:
    return _("It is %(status)s already, by %(who)s on %(when)s. Nothing was changed.") % {
        "status": status_word(details["status"]),
        "who": people(books.organization_id, [details["by"]])[details["by"]],
        "when": moment(details["at"]),
    }


def _taken(details: dict[str, Any], books: Books) -> str:
    first = details["records"][0]
    if "match_id" not in first:
        if first["status"] == "closed":
            return _("One of the ticked lines was closed on %(when)s. Reopen it first.") % {
                "when": moment(first["at"])
            }
        return _("One of the ticked lines is no longer open. Look at the page again.")
    text = _(
        "One of the ticked lines stands in another match: %(status)s, made by %(who)s on %(when)s. Reject that one first."
    )
    return text % {
        "status": status_word(first["status"]),
        "who": people(books.organization_id, [first["by"]])[first["by"]],
        "when": moment(first["at"]),
    }


def _does_not_add_up(details: dict[str, Any], books: Books) -> str:
    ledger = books.ledger
    amounts = {
        name: shown(details[key], ledger.decimal_places, ledger.currency)
        for name, key in (("a", "total_a"), ("b", "total_b"), ("difference", "difference"))
    }
    return (
        _(
            "The ticked lines come to %(a)s, the ticked entries to %(b)s: they differ by %(difference)s. "
            "A match must add up; tick other lines or entries."
        )
        % amounts
    )


TELLERS = {"match.state": _state, "match.token_taken": _taken, "match.does_not_add_up": _does_not_add_up}


def status_word(status: str) -> str:
    """A match's status inside a sentence."""
    return str(MatchStatus(status).label).lower() if status in MatchStatus.values else status


def moment(instant: datetime | str) -> str:
    """In the reader's time zone."""
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    return date_format(timezone.localtime(instant), "DATETIME_FORMAT")
