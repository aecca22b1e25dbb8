"""The history of one thing, from the audit trail: what happened, who did it, when. Shown on every detail page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from organizations.actors import shown_names
from organizations.models import AuditEvent

SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One event as people read it. `facts` is [(name, text)], for those who may read the audit trail."""

    id: int
    at: datetime
    who: str
    what: str
    facts: list[tuple[str, str]]


def history_of(
    organization_id: int, subjects: Iterable[tuple[str, int | str]], *, limit: int = SHOWN_MAX
) -> Sequence[Line]:
    """The newest events about any of these subjects ("ledgers.ledger", 7), newest first. Two queries."""
    return lines_of(organization_id, events_of(organization_id, subjects, limit=limit))


def events_of(
    organization_id: int, subjects: Iterable[tuple[str, int | str]], *, limit: int = SHOWN_MAX
) -> list[AuditEvent]:
    names = [f"{kind}:{key}" for kind, key in subjects]
    events = AuditEvent.objects.filter(organization_id=organization_id, subjects__overlap=names)
    return list(events.newest_first()[:limit])


def lines_of(organization_id: int, events: Sequence[AuditEvent]) -> list[Line]:
    shown = shown_names(organization_id, {event.actor for event in events})
    return [
        Line(event.pk, event.at, person(shown[event.actor]), words(event.action), facts_of(event.data))
        for event in events
    ]


def person(shown: str) -> str:
    """ "user:Anna" as "Anna", "key:ab12" as "API key ab12", "system:auto_match" as "Tieout (auto match)"."""
    kind, _colon, rest = shown.partition(":")
    if kind == "key":
        return _("API key %(key)s") % {"key": rest}
    if kind == "system":
        return _("Tieout (%(task)s)") % {"task": rest.replace("_", " ")}
    return shown.removeprefix("user:")


def words(action: str) -> str:
    """ "api_key.role_changed" as "api key role changed"."""
    return action.replace(".", " ").replace("_", " ")


def facts_of(data: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts of an event as names and short texts; long lists are cut."""
    return [
        (name.replace("_", " "), text_of(value))
        for name, value in data.items()
        if value not in (None, "", [], {})
    ]


def text_of(value: Any) -> str:
    if isinstance(value, dict):
        text = ", ".join(f"{name.replace('_', ' ')}: {text_of(inner)}" for name, inner in value.items())
    elif isinstance(value, list):
        text = ", ".join(text_of(inner) for inner in value[:10]) + (" …" if len(value) > 10 else "")
    else:
        text = str(value)
    return text if len(text) <= 300 else f"{text[:299]}…"
