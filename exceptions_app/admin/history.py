"""The history of an exception in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exceptions_app.investigating.texts import cause_words
from exceptions_app.states import ExceptionStatus, Outcome
from organizations.backoffice.history import Line, events_of, lines_of, text_of
from organizations.models import User

WHAT = {
    "exception.opened": gettext_lazy("opened"),
    "exception.created": gettext_lazy("made, closed from the start"),
    "exception.changed": gettext_lazy("changed"),
    "exception.reopened": gettext_lazy("reopened"),
    "exception.resolved": gettext_lazy("resolved"),
    "exception.dismissed": gettext_lazy("dismissed"),
    "exception.deleted": gettext_lazy("deleted"),
    "exception.commented": gettext_lazy("commented"),
    "investigation.requested": gettext_lazy("investigation asked for"),
    "investigation.completed": gettext_lazy("investigation done"),
    "investigation.failed": gettext_lazy("investigation failed"),
    "record.overdue": gettext_lazy("records became overdue"),
    "finding.taken": gettext_lazy("a suggestion matched"),
}
"""An event that is not here is told by its own words."""
NAMES = {
    "assignees": gettext_lazy("owners"),
    "assignee_ids": gettext_lazy("owners"),
    "status": gettext_lazy("status"),
    "title": gettext_lazy("title"),
    "description": gettext_lazy("description"),
    "records": gettext_lazy("records"),
    "cause": gettext_lazy("cause"),
    "trigger": gettext_lazy("because"),
    "outcome": gettext_lazy("outcome"),
}
LEFT_OUT = {"filter_params", "comment", "comment_id", "adjustment", "seen_at", "streams", "findings"}
PEOPLE = {"assignees", "assignee_ids", "mentions"}


def exception_history_lines(
    organization_id: int, subjects: Iterable[tuple[str, int | str]]
) -> Sequence[Line]:
    """Newest first. Three queries."""
    events = events_of(organization_id, subjects)
    named = {pk for event in events for pk in _people_in(event.data)}
    users = User.objects.filter(pk__in=named, memberships__organization=organization_id)
    names = {user.pk: user.shown_name for user in users.distinct()}
    return [
        replace(line, what=str(WHAT.get(event.action, line.what)), facts=list(_facts(event.data, names)))
        for event, line in zip(events, lines_of(organization_id, events), strict=True)
    ]


def _people_in(data: Mapping[str, Any]) -> Iterable[int]:
    for name, value in [*data.items(), *data.get("changes", {}).items()]:
        if name in PEOPLE:
            yield from _ids(value)


def _ids(value: Any) -> Iterable[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _ids(each)


def _facts(data: Mapping[str, Any], names: Mapping[int, str]) -> Iterable[tuple[str, str]]:
    for name, change in data.get("changes", {}).items():
        before, after = change if isinstance(change, list) and len(change) == 2 else ("", change)
        text = _text(name, after, names) or _("none")
        if name not in ("description",) and before not in ("", None, []):
            text = f"{_text(name, before, names)} → {text}"
        yield str(NAMES.get(name, name.replace("_", " "))), text
    for name, value in data.items():
        if name == "changes" or name in LEFT_OUT or value in (None, "", [], {}, 0):
            continue
        yield str(NAMES.get(name, name.replace("_", " "))), _text(name, value, names)


def _text(name: str, value: Any, names: Mapping[int, str]) -> str:
    if name in PEOPLE:
        return ", ".join(names.get(pk, str(pk)) for pk in _ids(value))
    if name == "status" and value in ExceptionStatus.values:
        return str(ExceptionStatus(value).label).lower()
    if name == "outcome" and value in Outcome.values:
        return str(Outcome(value).label).lower()
    if name == "cause":
        return cause_words(str(value))
    if name == "records" and isinstance(value, list):
        return str(len(value))
    return text_of(value)
