"""Which findings can be made a match, and why others can not. Read by the service that does it and by what shows findings."""

from __future__ import annotations

from django.utils.translation import gettext as _

from exceptions_app.models import Finding
from rules.engine.investigation import MATCHABLE, Cause
from rules.states import ReconciliationKind

NO_DIFFERENCE = frozenset({Cause.DUPLICATE, Cause.OTHER_CURRENCY})
"""Causes of which a difference says nothing: nothing is matched, or two currencies stand against each other."""


def why_not_matchable(finding: Finding) -> str:
    """Why this finding suggests nothing to match, and what to do instead; "" where it does."""
    matched = finding.facts.get("match")
    if finding.cause == Cause.DUPLICATE:
        return _(
            "Record %(record)s looks like a duplicate: there is nothing to match it with. Delete or close it if it was"
            " entered twice."
        ) % {"record": finding.record_id}
    if finding.cause == Cause.OTHER_CURRENCY:
        return _(
            "The two are in different currencies, and a match is in one. Have one of them booked in the other's currency."
        )
    if matched:
        return _(
            "Match %(match)s has the suggested record already. Undo that match first, then match them by hand."
        ) % {"match": matched}
    if finding.cause not in MATCHABLE or not finding.suggested:
        return _("This finding names no records to match.")
    return ""


def needs_adjustment(finding: Finding) -> bool:
    """Whether a match of it would leave a difference, as of the investigation."""
    return finding.cause not in NO_DIFFERENCE and finding.difference != 0


def takes_adjustment(finding: Finding) -> bool:
    """Nothing is written into ledgers and statements to make a match add up."""
    return finding.investigation.exception.reconciliation.kind == ReconciliationKind.STREAMS
