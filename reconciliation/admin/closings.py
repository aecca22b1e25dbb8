"""How much of a line or an entry is matched, closing it or writing off its rest, and reopening it: words and acts that
the pages of lines and of entries share.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from ledgers.amounts import shown
from ledgers.backoffice import chip, link_to
from ledgers.models import Record
from organizations.backoffice.acts import Act
from organizations.refusals import Conflict
from reconciliation.admin.words import moment, people, plainly, reason_words
from reconciliation.models import MatchMember, OpenItem
from reconciliation.selectors.standing import (
    CLOSED,
    MATCHED,
    PARTIAL,
    SUGGESTED,
    UNKNOWN,
    UNMATCHED,
    WRITTEN_OFF,
    Standing,
)
from reconciliation.services.items import REASON_MAX
from rules.models import Reconciliation

MATCHES_SHOWN = 20
LABELS = {
    UNMATCHED: "warning",
    PARTIAL: "warning",
    SUGGESTED: "info",
    MATCHED: "success",
    CLOSED: "primary",
    WRITTEN_OFF: "success",
    UNKNOWN: "plain",
}


def standing_words(status: str) -> str:
    return {
        UNMATCHED: _("unmatched"),
        PARTIAL: _("partly matched"),
        SUGGESTED: _("proposal waits"),
        MATCHED: _("matched"),
        CLOSED: _("closed"),
        WRITTEN_OFF: _("partly matched, rest written off"),
        UNKNOWN: _("not reconciled here"),
    }[status]


def standing_chip(status: str) -> str:
    return chip(standing_words(status), LABELS[status])


class CloseForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=REASON_MAX, widget=UnfoldAdminTextInputWidget
    )
    note = forms.CharField(label=gettext_lazy("Note"), required=False, widget=UnfoldAdminTextareaWidget)


def open_now(found: Standing) -> int:
    """What is left of it, in minor units with its sign: 0 where it is wholly matched, or nothing is known of it."""
    return 0 if found.status in (MATCHED, UNKNOWN) else found.open_amount


def covered_words(record: Record, found: Standing) -> str:
    """How much of it is matched, and how much is left; "–" where nothing is matched."""
    if found.match is None:
        return "–"
    covered = record.effect - found.open_amount
    text = _("%(covered)s of %(whole)s")
    if found.open_amount and found.closed_at is not None:
        text = _("%(covered)s of %(whole)s, %(rest)s written off")
    elif found.open_amount:
        text = _("%(covered)s of %(whole)s, %(rest)s left")
    return text % {
        name: shown(amount, record.decimal_places, record.currency)
        for name, amount in (("covered", covered), ("whole", record.effect), ("rest", found.open_amount))
    }


def match_link(found: Standing) -> str:
    return link_to(found.match) if found.match else "–"


def closing_words(found: Standing, organization_id: int) -> str:
    if found.closed_at is None:
        return "–"
    who = people(organization_id, [found.closed_by])[found.closed_by]
    text = _("By %(who)s on %(when)s: %(reason)s") % {
        "who": who,
        "when": moment(found.closed_at),
        "reason": reason_words(found.close_reason),
    }
    return f"{text} · “{found.close_note}”" if found.close_note else text


def subjects_of(record: Record) -> list[tuple[str, int | str]]:
    """Under which names the audit trail knows a record: itself, and every match that it ever was in, newest first."""
    members = MatchMember.objects.filter(record=record).order_by("-match_id")
    matches = members.values_list("match_id", flat=True)[:MATCHES_SHOWN]
    return [("ledgers.record", record.pk), *(("reconciliation.match", pk) for pk in matches)]


def close_as_shown(
    service: Callable[..., Record], books: Reconciliation, *, rest_only: bool, **given: Any
) -> Record:
    """Close, but only as the person was told: all of it, or the rest that a match leaves (`rest_only`). Conflict
    "item.changed" takes it back."""
    record = service(**given)
    token = OpenItem.objects.get(reconciliation=books, record=record)
    if (token.held_by is not None) != rest_only:
        raise Conflict(
            _("Its match has changed since you looked, so nothing was closed. Look at the page again."),
            code="item.changed",
        )
    return record


def closing_acts(
    record: Record,
    found: Standing,
    books: Reconciliation,
    services: tuple[Callable[..., Record], Callable[..., Record]],
    asked: str,
) -> list[Act]:
    """Close, or write off the rest of what a match covers in part; and reopen. `services`: close and reopen, of a line or
    of an entry, with its id given."""
    close, reopen = (plainly(service, books) for service in services)
    partly, closed = found.status == PARTIAL, found.status in (CLOSED, WRITTEN_OFF)
    rows = []
    if not partly or asked == "close":
        rows.append(_closing(found, partial(close_as_shown, close, books, rest_only=False)))
    if partly or asked == "write-off":
        rows.append(_write_off(record, found, partial(close_as_shown, close, books, rest_only=True)))
    return [
        *rows,
        Act(
            "reopen",
            _("Reopen"),
            reopen,
            "items:close",
            against="" if closed or asked == "reopen" else _("It is not closed."),
            success=_("It is open again."),
        ),
    ]


def _closing(found: Standing, run: Callable[..., Any]) -> Act:
    against = {
        MATCHED: _("It is matched. Undo its match first."),
        CLOSED: _("It is closed already."),
        WRITTEN_OFF: _("Its rest is written off already."),
        UNKNOWN: _("It is not reconciled here."),
    }.get(found.status, "")
    explain = _("For what will never have another side. It can be reopened.")
    if found.status == SUGGESTED:
        explain = _(
            "Its proposal, %(match)s, is taken back, and all of it is closed. It can be reopened."
        ) % {"match": found.match}
    return Act(
        "close",
        _("Close"),
        run,
        "items:close",
        against=against,
        form=CloseForm,
        explain=explain,
        success=_("It is closed."),
    )


def _write_off(record: Record, found: Standing, run: Callable[..., Any]) -> Act:
    rest = shown(found.open_amount, record.decimal_places, record.currency)
    text = _("Write off the rest: %(rest)s. %(match)s stays; when it is undone, the write-off ends with it.")
    return Act(
        "write-off",
        _("Write off the rest"),
        run,
        "items:close",
        form=CloseForm,
        explain=text % {"rest": rest, "match": found.match or "–"},
        success=_("The rest of %(rest)s is written off.") % {"rest": rest},
    )
