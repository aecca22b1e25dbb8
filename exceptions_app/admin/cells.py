"""Cells of the queue: what is overdue in figures, how old it is, whose work it is, and what an investigation says of it."""

from __future__ import annotations

from datetime import datetime

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from exceptions_app.models import Investigation, ReconciliationException
from exceptions_app.selectors.aggregates import Aggregates
from exceptions_app.states import AgeBucket, ExceptionStatus, InvestigationStatus, Outcome
from ledgers.amounts import shown
from ledgers.backoffice import amount_cell, chip

DAY_SECONDS = 86_400
STATUS_TONES = {
    ExceptionStatus.OPEN: "danger",
    ExceptionStatus.INVESTIGATING: "warning",
    ExceptionStatus.DISMISSED: "plain",
    ExceptionStatus.RESOLVED: "success",
}
OUTCOME_TONES = {
    Outcome.MATCH_FOUND: "success",
    Outcome.NEEDS_REVIEW: "warning",
    Outcome.NO_MATCH: "plain",
}
JOB_TONES = {
    InvestigationStatus.PENDING: "info",
    InvestigationStatus.RUNNING: "primary",
    InvestigationStatus.FAILED: "danger",
}
BAR_WIDTH = 100


def status_chip(row: ReconciliationException) -> str:
    return chip(row.get_status_display(), STATUS_TONES[ExceptionStatus(row.status)])


def values_of(found: Aggregates) -> list[str]:
    """What the records come to, a line per currency; the most frequent one first."""
    return [
        shown(each.total_amount, each.decimal_places, each.currency or "", plus=True)
        for each in found.by_currency
    ]


def value_cell(found: Aggregates) -> str:
    if not found.by_currency:
        return amount_cell(None, 0)
    lines = format_html_join("", "<div>{}</div>", ((text,) for text in values_of(found)))
    return format_html('<span class="tieout-amount">{}</span>', lines)


def oldest_days(found: Aggregates, at: datetime) -> int | None:
    """Whole days since the first of its records was overdue."""
    since = found.figures.longest_overdue_at
    return None if since is None else int((at - since).total_seconds() // DAY_SECONDS)


def days_words(days: int | None) -> str:
    if days is None:
        return "–"
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": f"{days:,}"}


def buckets_cell(found: Aggregates) -> str:
    """A bar of the four age buckets with their counts in words beside it."""
    return render_to_string("exceptions_app/buckets.html", {"buckets": bars_of(found), "width": BAR_WIDTH})


def bars_of(found: Aggregates) -> list[dict[str, object]]:
    """Each bucket with its place in a bar of BAR_WIDTH; one with records is seen, however few."""
    total = found.record_count
    bars: list[dict[str, object]] = []
    start = 0.0
    for bucket in AgeBucket:
        count = found.age_buckets[bucket].count
        width = BAR_WIDTH * count / total if total else 0.0
        bars.append(
            {
                "key": bucket.value,
                "label": bucket.label,
                "count": count,
                "total": found.age_buckets[bucket].total_amount,
                "start": round(start, 2),
                "width": round(width, 2),
            }
        )
        start += width
    return bars


def owners_cell(names: list[str]) -> str:
    return ", ".join(names) or "–"


def none_left_words(row: ReconciliationException) -> str:
    """Why an active exception has no record."""
    if row.had_records_at is None:
        return _("Opened by hand; nothing is overdue in it.")
    return _("Nothing is overdue any more: the next sweep resolves it.")


def investigation_chip(found: Investigation | None) -> str:
    if found is None:
        return "–"
    if found.status == InvestigationStatus.COMPLETED:
        outcome = Outcome(found.outcome)
        return chip(str(outcome.label), OUTCOME_TONES[outcome])
    return chip(found.get_status_display(), JOB_TONES[InvestigationStatus(found.status)])
