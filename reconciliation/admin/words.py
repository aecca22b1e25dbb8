"""Refusals and people in plain words, as the back office shows them: who did it, when, and what now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ledgers.amounts import shown
from ledgers.models import Record
from organizations.actors import shown_names
from organizations.backoffice.acts import sentence_of
from organizations.backoffice.history import person
from organizations.refusals import Refusal
from reconciliation.models import Match, Pass
from reconciliation.reasons import reason_words
from reconciliation.states import MatchStatus, PassStatus

__all__ = [
    "FILE_LABELS",
    "SEVERITY_LABELS",
    "moment",
    "one_person",
    "people",
    "plainly",
    "reason_words",
    "status_word",
    "told",
]

T = TypeVar("T")

SEVERITY_LABELS = {"info": "info", "warning": "warning", "critical": "danger"}
FILE_LABELS = {"completed": "success", "failed": "danger"}
"""Colours of labels."""


def people(organization_id: int, refs: Iterable[str]) -> dict[str, str]:
    """Each ref as a person reads it: "user:42" is "Anna", "key:ab12" is "API key ab12". One query."""
    return {ref: person(name) for ref, name in shown_names(organization_id, refs).items()}


Books = Any
"""What a refusal is told about: a run or a reconciliation."""


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
    except (
        KeyError,
        ValueError,
        IndexError,
        Pass.DoesNotExist,
    ):  # other details: the refusal's own words hold
        return sentence_of(refusal)


def _state(details: dict[str, Any], books: Books) -> str:
    return _("It is %(status)s already, by %(who)s on %(when)s. Nothing was changed.") % {
        "status": status_word(details["status"]),
        "who": one_person(books.organization_id, details["by"]),
        "when": moment(details["at"]),
    }


def _taken(details: dict[str, Any], books: Books) -> str:
    """Which of the ticked ones is not open, who has it since when, and what to do about it."""
    first = details["records"][0]
    record = Record.objects.filter(uuid=first["id"]).first() if first["id"] else None
    facts = {"what": what_is(record) if record is not None else _("One of the ticked ones")}
    if first["status"] == "gone":
        return _("%(what)s is no longer open here. Look at the page again.") % facts
    facts |= {"who": one_person(books.organization_id, first["by"]), "when": moment(first["at"])}
    if first["status"] == "closed":
        return _("%(what)s was closed by %(who)s on %(when)s. Reopen it first, under Closed.") % facts
    match = Match.objects.filter(uuid=first["match_id"]).first()
    facts["match"] = str(match) if match is not None else _("another match")
    if first["status"] == MatchStatus.SUGGESTED:
        text = _(
            "%(what)s stands in a proposal: %(match)s, made by %(who)s on %(when)s. Reject that one first, or leave it out."
        )
    else:
        text = _(
            "%(what)s stands in %(match)s, made by %(who)s on %(when)s. Undo that one first, under Matched, or leave it out."
        )
    return text % facts


def what_is(record: Record) -> str:
    """ "INV-701 of 2026-02-04, 1,250.00 EUR"."""
    return _("%(name)s of %(day)s, %(amount)s,") % {
        "name": record.reference or record.description or _("The one"),
        "day": record.date,
        "amount": shown(record.effect, record.decimal_places, record.currency),
    }


def _waited(_details: dict[str, Any], books: Books) -> str:
    """Somebody holds what the act needs: a matching that writes, or another person."""
    running = Pass.objects.filter(
        reconciliation_id=getattr(books, "reconciliation_id", books.pk), status=PassStatus.RUNNING
    ).first()
    if running is None:
        return _(
            "Somebody else is working on the same records at this moment. Nothing was changed: look at the page "
            "again in a moment, then try again."
        )
    return _(
        "A matching is writing to the same records at this moment: %(percent)s%%, asked for by %(who)s at "
        "%(when)s. Nothing was changed: try again in a moment, between two of its steps there is room."
    ) % _progress(running, books)


def _under_way(details: dict[str, Any], books: Books) -> str:
    number = details["pass"]["id"]  # of a run's pass its uuid, else its number, as the surfaces name them
    busy = Pass.objects.get(**({"pk": number} if isinstance(number, int) else {"uuid": number}))
    if busy.status == PassStatus.PENDING:
        text = _(
            "A matching waits for its turn, asked for by %(who)s at %(when)s. Wait for its end, or stop it, then try again."
        )
    else:
        text = _(
            "A matching is under way: %(percent)s%%, asked for by %(who)s at %(when)s. Wait for its end, or stop it, then "
            "try again."
        )
    return text % _progress(busy, books)


def _progress(busy: Pass, books: Books) -> dict[str, Any]:
    return {
        "percent": busy.progress,
        "who": one_person(books.organization_id, busy.requested_by),
        "when": date_format(timezone.localtime(busy.requested_at), "TIME_FORMAT"),
    }


def _accepted_among(details: dict[str, Any], _books: Books) -> str:
    return _(
        "%(accepted)s of its %(live)s matches are accepted by now. Nothing was undone: say that they are to be undone too, "
        "or undo single ones on their pages."
    ) % {"accepted": details["accepted"], "live": details["live"]}


def _rule_changed(details: dict[str, Any], books: Books) -> str:
    """Two people edited the same rule; the first one's words are kept."""
    text = _(
        "%(who)s changed it meanwhile, on %(when)s: it is at revision %(number)s now. Look at that before you change it."
    )
    return text % {
        "who": one_person(books.organization_id, details["changed_by"]),
        "when": moment(details["changed_at"]),
        "number": details["revision"],
    }


TELLERS = {
    "rule.changed": _rule_changed,
    "match.state": _state,
    "match.token_taken": _taken,
    "lock.timeout": _waited,
    "pass.running": _under_way,
    "pass.has_accepted": _accepted_among,
}


def one_person(organization_id: int, ref: str) -> str:
    return people(organization_id, [ref])[ref]


def status_word(status: str) -> str:
    """A match's status inside a sentence."""
    return str(MatchStatus(status).label).lower() if status in MatchStatus.values else status


def moment(instant: datetime | str) -> str:
    """In the reader's time zone."""
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    return date_format(timezone.localtime(instant), "DATETIME_FORMAT")
