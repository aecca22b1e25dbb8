"""The history of books and clearing in words: what each audit event says of lines, entries, matches and matchings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ledgers.amounts import shown
from ledgers.money import exponent
from organizations.backoffice.history import Line, events_of, lines_of
from organizations.models import AuditEvent
from reconciliation.admin.words import moment, people, reason_words
from reconciliation.states import PassTrigger

WHAT = {
    "match.accepted": gettext_lazy("match accepted"),
    "matches.accepted": gettext_lazy("matches accepted together"),
    "match.rejected": gettext_lazy("match rejected, and remembered as wrong"),
    "match.undone": gettext_lazy("match undone"),
    "match.made_by_hand": gettext_lazy("matched by hand"),
    "match.extended": gettext_lazy("matched by hand, in place of what was there"),
    "match.noted": gettext_lazy("note on the match"),
    "item.closed": gettext_lazy("closed"),
    "item.written_off": gettext_lazy("rest written off"),
    "item.reopened": gettext_lazy("reopened"),
    "item.noted": gettext_lazy("note"),
    "rule_job.backtest_requested": gettext_lazy("rule tested on the past"),
    "rule_job.proposal_requested": gettext_lazy("rules looked for"),
    "pass.requested": gettext_lazy("matching asked for"),
    "pass.cancelled": gettext_lazy("matching stopped"),
    "pass.undone": gettext_lazy("matching undone"),
    "pass.completed": gettext_lazy("matching done"),
    "pass.failed": gettext_lazy("matching failed"),
    "run.created": gettext_lazy("run started"),
    "run.noted": gettext_lazy("run renamed"),
    "run.voided": gettext_lazy("run deleted"),
    "source_file.uploaded": gettext_lazy("file uploaded"),
    "source_file.imported": gettext_lazy("file read"),
    "source_file.failed": gettext_lazy("file could not be read"),
    "source_file.voided": gettext_lazy("file deleted"),
    "file_import.uploaded": gettext_lazy("file uploaded"),
    "file_import.completed": gettext_lazy("file imported"),
    "file_import.retried": gettext_lazy("to be read again"),
    "file_import.ledger_chosen": gettext_lazy("ledger chosen; to be read again"),
    "file_import.accounts_placed": gettext_lazy("accounts put to ledgers; to be read again"),
    "file_import.declared": gettext_lazy("import profile chosen; to be read again"),
    "file_import.replaced": gettext_lazy("replaced by a corrected file"),
    "file_import.undone": gettext_lazy("import undone"),
    "rule.created": gettext_lazy("rule made"),
    "rule.activated": gettext_lazy("rule taken into use"),
    "rule.discarded": gettext_lazy("rule put aside"),
    "rule.retyped": gettext_lazy("rule reads its metadata by other types"),
    "reconciliation.rules_owned": gettext_lazy("got rules of its own"),
    "stream.wire_requested": gettext_lazy("stream put in"),
    "stream.unwire_requested": gettext_lazy("stream taken out"),
    "record.overdue": gettext_lazy("records became overdue"),
    "ledger.opening_confirmed": gettext_lazy("opening balance confirmed"),
}
"""An event that is not here is told by its own words: "ledger created"."""

AMOUNTS = {"amount", "difference", "balance", "balance_before", "rest"}
NAMES = {
    "difference": gettext_lazy("difference"),
    "amount": gettext_lazy("amount"),
    "reason": gettext_lazy("reason"),
    "records": gettext_lazy("records"),
    "not_covered": gettext_lazy("got nothing"),
    "superseded": gettext_lazy("in place of"),
    "matches": gettext_lazy("matches"),
    "accepted": gettext_lazy("of them accepted"),
    "trigger": gettext_lazy("because"),
    "balance": gettext_lazy("balance"),
    "balance_before": gettext_lazy("balance before"),
    "day": gettext_lazy("day"),
    "day_before": gettext_lazy("day before"),
    "items_changed": gettext_lazy("records changed"),
    "sha256": "SHA-256",
    "matched": gettext_lazy("lines matched"),
    "suggested": gettext_lazy("proposals made"),
    "requested_by": gettext_lazy("asked for by"),
    "lost_to_others": gettext_lazy("taken by people meanwhile"),
    "imported": gettext_lazy("new lines"),
    "already_known": gettext_lazy("known already"),
    "suspect": gettext_lazy("perhaps duplicates"),
    "duplicates": gettext_lazy("alike"),
}
ACTOR = re.compile(r"(user|key|system):\S+")
INSTANTS = {"overdue_at", "before"}
"""Of the record that somebody marks overdue; told in the reader's time zone."""
LEFT_OUT = {"currency", "seen_at"}
"""Told with its amount; the instant of a sweep is that of its event."""


def told_history(
    organization_id: int, subjects: Iterable[tuple[str, int | str]], *, currency: str = ""
) -> Sequence[Line]:
    """The newest events about these subjects in words; `currency`: of their amounts where an event does not say. Three
    queries."""
    events = events_of(organization_id, subjects)
    refs = {value for event in events for value in event.data.values() if ACTOR.fullmatch(str(value))}
    names = people(organization_id, refs) if refs else {}
    return [
        replace(line, what=what_of(event, line.what), facts=facts_of(event.data, currency, names))
        for event, line in zip(events, lines_of(organization_id, events), strict=True)
    ]


def what_of(event: AuditEvent, plain: str) -> str:
    what = str(WHAT.get(event.action, plain))
    reason = event.data.get("reason")
    if event.action in ("item.closed", "item.written_off", "match.undone") and reason not in (None, "undone"):
        return _("%(what)s: %(reason)s") % {"what": what, "reason": reason_words(reason)}
    return what


def facts_of(data: dict[str, Any], currency: str, names: dict[str, str]) -> list[tuple[str, str]]:
    """Facts of which there are none, or zero, are left out. `names`: of the people who stand in them."""
    code = data.get("currency") or currency
    return [
        (
            str(NAMES.get(name, name.replace("_", " "))),
            names.get(str(value), "") or _text(name, value, code),
        )
        for name, value in data.items()
        if name not in LEFT_OUT and value not in (None, "", [], {}, 0)
    ]


def _text(name: str, value: Any, currency: str) -> str:
    if name in AMOUNTS and isinstance(value, int) and currency:
        return shown(value, exponent(currency), currency)
    if name in INSTANTS and isinstance(value, str):
        return moment(value)
    teller = TEXTS.get(name)
    if teller is not None:
        return teller(value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(key, inner, currency)}" for key, inner in value.items())[:300]
    if isinstance(value, list):
        return ", ".join(str(inner) for inner in value[:10]) + (" …" if len(value) > 10 else "")
    return str(value)[:300]


def _counted(value: Any) -> str:
    """Records are counted: their numbers tell a person nothing."""
    return str(len(value)) if isinstance(value, list) else str(value)


def _matches(value: Any) -> str:
    if not isinstance(value, list):
        return ngettext("%(n)s match", "%(n)s matches", int(value)) % {"n": value}
    return ", ".join(_("Match %(id)s") % {"id": pk} for pk in value[:10]) + (" …" if len(value) > 10 else "")


def _digest(value: Any) -> str:
    return f"{str(value)[:12]} …"


def _because(value: Any) -> str:
    """Why a matching was asked for."""
    words = {"manual": _("a person asked"), "record_created": _("entries came, or were given back")}
    if value in words:
        return words[value]
    return str(PassTrigger(value).label).lower() if value in PassTrigger.values else str(value)


TEXTS: dict[str, Callable[[Any], str]] = {
    "records": _counted,
    "not_covered": _counted,
    "superseded": _matches,
    "reason": reason_words,
    "trigger": _because,
    "sha256": _digest,
    "size": filesizeformat,
}
