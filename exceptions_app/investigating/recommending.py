"""The recommendation of an investigation: plain sentences with how much is explained, by what, what to do first, and what
was not looked at. Called by `concluding`."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from exceptions_app.investigating.frames import Frames
from exceptions_app.investigating.texts import cause_words, finding_text, listed
from exceptions_app.models import Finding, Investigation
from exceptions_app.states import Outcome
from ledgers.amounts import shown
from ledgers.models import Record

FIRST_MAX = 5
"""Findings that are told one by one: of each cause that of the largest amount."""
CURRENCIES_MAX = 3


def recommendation(
    investigation: Investigation, frames: Frames, rows: pl.DataFrame, summary: dict[str, Any]
) -> str:
    """Lines of plain text, "\n" between them."""
    if not summary["records"]:
        return _("Nothing is overdue here now: there is nothing to look for.")
    said = [line for outcome in Outcome if (line := _tally(outcome, summary))]
    if first := _first(investigation, frames, rows):
        said += [_("Begin with:"), *first]
    return "\n".join([*said, *_limits(summary)])


def _tally(outcome: Outcome, summary: dict[str, Any]) -> str:
    """How many records have this outcome, what they are worth together, and by which causes; "" where none has."""
    figures = summary["outcomes"][outcome.value]
    if not figures["records"]:
        return ""
    causes = [each for each in summary["causes"] if each["outcome"] == outcome.value]
    told = [f"{cause_words(each['cause'])} ({each['records']:,})" for each in _largest(causes)]
    return _tally_words(outcome, figures["records"]) % {
        "n": f"{figures['records']:,}",
        "asked": f"{summary['records']:,}",
        "sums": sums_text(figures["sums"], summary["decimal_places"]),
        "causes": "; ".join(told),
    }


def _tally_words(outcome: Outcome, count: int) -> str:
    if outcome == Outcome.MATCH_FOUND:
        return ngettext(
            "%(n)s of %(asked)s overdue (%(sums)s) is explained: %(causes)s.",
            "%(n)s of %(asked)s overdue (%(sums)s together) are explained: %(causes)s.",
            count,
        )
    if outcome == Outcome.NEEDS_REVIEW:
        return ngettext(
            "%(n)s of %(asked)s overdue (%(sums)s) needs a look; there are hints only: %(causes)s.",
            "%(n)s of %(asked)s overdue (%(sums)s together) need a look; there are hints only: %(causes)s.",
            count,
        )
    return ngettext(
        "%(n)s of %(asked)s overdue (%(sums)s) has no explanation in these records: ask the other party, or look whether a"
        " file is missing.",
        "%(n)s of %(asked)s overdue (%(sums)s together) have no explanation in these records: ask the other parties, or"
        " look whether a file is missing.",
        count,
    )


def _largest(causes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(causes, key=lambda each: (-each["records"], each["cause"]))


def sums_text(sums: dict[str, int], places: dict[str, int]) -> str:
    """ "1,250.00 USD and 30.00 EUR": the first currencies by code."""
    told = [
        shown(total, places.get(currency, 2), currency)
        for currency, total in list(sums.items())[:CURRENCIES_MAX]
    ]
    more = len(sums) - CURRENCIES_MAX
    if more > 0:
        told.append(ngettext("%(n)s more currency", "%(n)s more currencies", more) % {"n": more})
    return listed(told)


def _first(investigation: Investigation, frames: Frames, rows: pl.DataFrame) -> list[str]:
    """The likeliest finding of each cause's most valuable record, found ones before others; with a second one beside it
    where two fit."""
    worth = frames.asked.select(
        record_id="id", worth=pl.col("amount").abs() / 10.0 ** pl.col("decimal_places").cast(pl.Float64)
    )
    chosen = (
        rows.filter(pl.col("rank") == 1)
        .join(worth, on="record_id")
        .sort(pl.col("outcome") == Outcome.MATCH_FOUND, "worth", "record_id", descending=[True, True, False])
        .unique("cause", keep="first", maintain_order=True)
        .head(FIRST_MAX)["record_id"]
    )
    told = rows.filter(pl.col("record_id").is_in(chosen.implode()), pl.col("rank") <= 2).sort("rank")
    findings = [_finding(investigation, row) for row in told.iter_rows(named=True)]
    records = Record.objects.in_bulk({pk for each in findings for pk in (each.record_id, *each.suggested)})
    of_record: dict[int, list[Finding]] = {pk: [] for pk in chosen}
    for each in findings:
        of_record[each.record_id].append(each)
    return [f"- {_told(found, records)}" for found in of_record.values()]


def _told(findings: list[Finding], records: dict[int, Record]) -> str:
    first, *others = [finding_text(each, records) for each in findings]
    if not others or findings[0].outcome == Outcome.MATCH_FOUND:
        return first
    return _("%(first)s Or: %(other)s") % {"first": first, "other": others[0]}


def _finding(investigation: Investigation, row: dict[str, Any]) -> Finding:
    suggested = [int(each) for each in row["suggested"].strip("{}").split(",") if each]
    told = {**row, "suggested": suggested, "facts": json.loads(row["facts"])}
    del told["investigation_id"]
    return Finding(**told, investigation=investigation)


def _limits(summary: dict[str, Any]) -> list[str]:
    said = []
    left_out = summary["left_out"]
    if more := left_out.get("asked"):
        words = _(
            "Looked at were the %(n)s longest overdue records; not yet: %(more)s. Narrow the filters to see those."
        )
        said.append(words % {"n": f"{summary['records']:,}", "more": f"{more:,}"})
    if more := sum(count for name, count in left_out.items() if name != "asked"):
        words = _(
            "%(more)s records that might have explained one were too many to look at; those of the nearest days were."
        )
        said.append(words % {"more": f"{more:,}"})
    if unsearched := summary["search_incomplete"]:
        words = ngettext(
            "For %(n)s record not all sums of several were tried.",
            "For %(n)s records not all sums of several were tried.",
            unsearched,
        )
        said.append(words % {"n": f"{unsearched:,}"})
    return said
