"""What the page of a run shows: standing, proof, and one of its panels at a time. Reads only; used by RunAdmin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.formats import get_format
from django.utils.translation import gettext as _

from ledgers.backoffice import refs_of
from ledgers.models import Ledger
from organizations.backoffice.current import may
from reconciliation.admin.plan import plan_of
from reconciliation.admin.words import (
    FILE_LABELS,
    SEVERITY_LABELS,
    moment,
    one_person,
    people,
    reason_words,
)
from reconciliation.models import Discrepancy, Match, Pass, Run
from reconciliation.selectors import desk
from reconciliation.selectors.discrepancies import discrepancies_of
from reconciliation.selectors.paging import Page, page_of
from reconciliation.selectors.proof import RunProof, run_proof
from reconciliation.selectors.proof_days import run_strip
from reconciliation.selectors.runs import last_pass
from reconciliation.selectors.tallies import Tallies, proposals_by_rule, tallies
from reconciliation.states import DISCREPANCY_OPEN, DiscrepancyType, MatchStatus

RESULTS = "desk_results"
FAULTS_SHOWN = 10
GAPS_SHOWN = 5
TICKS_MAX = 500


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    label: str
    count: int
    url: str
    current: bool
    """Whether this is the one shown."""
    waits: bool
    """Whether what it counts is work to do."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the progress bar, in percent of all items."""

    name: str
    label: str
    count: int
    start: float
    width: float


def context_of(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Everything that templates/reconciliation/run_desk.html needs. A constant number of queries."""
    tally = tallies(run)
    shown = request.GET.get("show", "")
    if shown not in PANELS:
        shown = first_with_work(tally)
    proof = run_proof(run)
    return {
        "run": run,
        "tally": tally,
        "segments": segments(tally),
        "finished_percent": percent_done(tally),
        "proof": proof,
        "explained": explanations(proof),
        "gaps": gaps_of(run) if proof.statement_gap else [],
        "unexplained_rest": proof.unexplained - (proof.statement_gap or 0),
        "strip": run_strip(run, request.GET.get("day", "")),
        "opening_confirmed": opening_words(run.ledger),
        "day_query": without(request.GET, "tick", "confirm", "day", "show") + f"&show={shown}",
        **pass_context(run),
        "tabs": tabs(run, tally, shown),
        "show": shown,
        "rules": proposals_by_rule(tally) if shown == "review" else [],
        "panel": f"reconciliation/panel_{shown.replace('-', '_')}.html",
        "query": without(request.GET, "tick", "confirm"),
        "base_query": without(request.GET, "place"),
        "thousands": get_format("THOUSAND_SEPARATOR"),
        "decimal": get_format("DECIMAL_SEPARATOR"),
        "may_decide": may(request, "matches:decide"),
        "may_close": may(request, "items:close"),
        "may_import": may(request, "imports:write"),
        "results": request.session.pop(f"{RESULTS}:{run.pk}", []) if hasattr(request, "session") else [],
        **PANELS[shown](request.GET, run),
    }


def without(query: QueryDict, *names: str) -> str:
    """The query less these parts."""
    rest = query.copy()
    for name in names:
        rest.pop(name, None)
    return rest.urlencode()


def opening_words(ledger: Ledger) -> str:
    """Who confirmed the ledger's opening balance and when; empty while nobody has."""
    if ledger.opening_balance is None:
        return ""
    if ledger.opening_confirmed_at is None:
        return _("stated when the ledger was made")
    return _("confirmed by %(who)s on %(when)s") % {
        "who": one_person(ledger.organization_id, ledger.opening_confirmed_by),
        "when": moment(ledger.opening_confirmed_at),
    }


def pass_context(run: Run) -> dict[str, Any]:
    newest: Pass | None = last_pass(run)
    asked_by = people(run.organization_id, [newest.requested_by])[newest.requested_by] if newest else ""
    return {"pass": newest, "asked_by": asked_by}


def first_with_work(tally: Tallies) -> str:
    if not tally.items.items:
        return "files"
    if tally.proposals:
        return "review"
    if tally.open_items:
        return "by-hand"
    return "differences" if tally.differences else "matched"


def tabs(run: Run, tally: Tallies, shown: str) -> list[Tab]:
    base = reverse("admin:reconciliation_run_change", args=[run.pk])
    rows = [
        ("review", _("Proposals"), tally.proposals, True),
        ("by-hand", _("Unmatched and partial"), tally.open_items, True),
        ("matched", _("Matched"), tally.accepted, False),
        ("closed", _("Closed"), tally.items.closed + tally.closed_entries, False),
        ("differences", _("Discrepancies"), tally.differences, True),
        ("files", _("Files"), tally.files, False),
    ]
    return [
        Tab(name, label, count, f"{base}?show={name}", name == shown, waits and count > 0)
        for name, label, count, waits in rows
    ]


def segments(tally: Tallies) -> list[Segment]:
    items = tally.items
    parts = [
        ("accepted", _("matched"), tally.accepted_items),
        ("closed", _("closed"), items.closed),
        ("partial", _("matched in part"), tally.partial_items),
        ("suggested", _("suggested"), items.suggested),
        ("unmatched", _("unmatched"), items.unmatched),
    ]
    found, start = [], 0.0
    for name, label, count in parts:
        width = 100 * count / items.items if items.items else 0.0
        found.append(Segment(name, label, count, round(start, 3), round(width, 3)))
        start += width
    return found


def percent_done(tally: Tallies) -> int:
    """Rounded down: 100 only when every line is matched for good or closed."""
    done = tally.accepted_items + tally.items.closed  # of a part a rest is open
    return 100 * done // tally.items.items if tally.items.items else 0


def gaps_of(run: Run) -> list[Discrepancy]:
    """Which statements do not add up by themselves; the first few, by day."""
    rows = discrepancies_of(run).filter(type=DiscrepancyType.STATEMENT_BALANCE_MISMATCH)
    return list(rows.order_by("statement__closing_on", "pk")[:GAPS_SHOWN])


def explanations(proof: RunProof) -> list[tuple[str, int]]:
    """What the difference between statement and books consists of."""
    rows = [
        (_("Open lines and entries"), proof.open_items),
        (_("Closed lines and entries"), proof.closed_items),
        (_("Entries matched in other runs"), proof.elsewhere),
    ]
    return [row for place, row in enumerate(rows) if row[1] or place == 0]


# --- Panels: each adds what its own template shows ------------------------------------------------------------


def review(query: QueryDict, run: Run) -> dict[str, Any]:
    page = page_of(proposals(query, run), ["pk"], query.get("place", ""))
    return {
        "page": page,
        "facing": desk.facing_of(page.rows),
        "chosen_rule": rule_of(query),
        "q": query.get("q", ""),
        "more": bool(page.after or page.before),
    }


def proposals(query: QueryDict, run: Run) -> QuerySet[Match]:
    """The run's proposals as the page is filtered: by the rule that made them, and by words or an amount."""
    rows = desk.matches_with(run, MatchStatus.SUGGESTED)
    rule_id = rule_of(query)
    if rule_id is not None:
        rows = rows.filter(rule_revision__rule_id=rule_id)
    return desk.searched_matches(rows, query.get("q", ""), run.ledger.decimal_places)


def rule_of(query: QueryDict) -> int | None:
    text = str(query.get("rule", ""))
    return int(text) if text.isdecimal() and len(text) < 19 else None


def matched(query: QueryDict, run: Run) -> dict[str, Any]:
    rows = desk.matches_with(run, MatchStatus.ACCEPTED)
    rows = desk.searched_matches(rows, query.get("q", ""), run.ledger.decimal_places)
    page = page_of(rows, ["pk"], query.get("place", ""))
    found: list[Match] = page.rows
    return {
        "page": page,
        "facing": desk.facing_of(found),
        "people": people(run.organization_id, refs_of(found, "decided_by")),
        "q": query.get("q", ""),
    }


def by_hand(query: QueryDict, run: Run) -> dict[str, Any]:
    """Both sides page for page; what is ticked stays on top while a person looks for the rest."""
    places = run.ledger.decimal_places
    ticked = ids_of(query.getlist("tick"))
    which = query.get("which", desk.ALL)
    which = which if which in (desk.FREE, desk.HELD) else desk.ALL
    lines = desk.open_lines(run, query.get("lines_q", ""), which=which, places=places)
    entries = desk.open_entries(run, query.get("entries_q", ""), which=which, places=places)
    line_page = page_of(lines, ["record__date", "record_id"], query.get("lines", ""))
    entry_page = page_of(entries, ["date", "pk"], query.get("entries", ""))
    line_page = on_top(line_page, desk.picked_lines(run, ticked) if ticked else [])
    entry_page = on_top(entry_page, desk.picked_entries(run, ticked) if ticked else [])
    holders = held_by([*line_page.rows, *entry_page.rows])
    return {
        "line_page": line_page,
        "entry_page": entry_page,
        "held_matches": list(holders.values()),
        "ticked": ticked,
        "plan": plan_of(run, *picked(line_page, entry_page, ticked)) if ticked else None,
        "confirming": query.get("confirm") == "1",
        "which": which,
        "lines_q": query.get("lines_q", ""),
        "entries_q": query.get("entries_q", ""),
        "lines_base": without(query, "lines", "tick", "confirm"),
        "entries_base": without(query, "entries", "tick", "confirm"),
        "keep_lines": kept(query, "which", "entries_q", "entries"),
        "keep_entries": kept(query, "which", "lines_q", "lines"),
    }


def picked(lines: Page, entries: Page, ticked: list[UUID]) -> tuple[list[UUID], list[UUID]]:
    """Of what is ticked the lines and the entries; both stand on top of their pages."""
    wanted = set(ticked)
    return (
        [row.record.uuid for row in lines.rows if row.record.uuid in wanted],
        [row.uuid for row in entries.rows if row.uuid in wanted],
    )


def held_by(rows: list[Any]) -> dict[int, Match]:
    """The matches that cover a part of these records; each row gets its own as `holder`. One query."""
    ids = {row.held_by for row in rows if row.held_by is not None}
    found = Match.objects.in_bulk(ids) if ids else {}
    for row in rows:
        row.holder = found.get(row.held_by)
    return found


def kept(query: QueryDict, *names: str) -> list[tuple[str, str]]:
    """What a search on one side leaves as it is on the other."""
    return [(name, str(query[name])) for name in names if query.get(name)]


def on_top(page: Page, picked: list[Any]) -> Page:
    shown = {row.pk for row in picked}
    return Page([*picked, *(row for row in page.rows if row.pk not in shown)], page.after, page.before)


def ids_of(texts: list[str]) -> list[UUID]:
    found = []
    for text in texts[:TICKS_MAX]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def closed(query: QueryDict, run: Run) -> dict[str, Any]:
    """Closed lines of the run and closed entries of its ledger, with whole amounts or what was written off of them."""
    text, places = query.get("q", ""), run.ledger.decimal_places
    lines = page_of(
        desk.closed_lines(run, text, places=places), ["record__date", "record_id"], query.get("lines", "")
    )
    entries = page_of(desk.closed_entries(run, text, places=places), ["date", "pk"], query.get("entries", ""))
    rows = [*lines.rows, *entries.rows]
    held_by(rows)
    for row in rows:
        row.shown_reason = reason_words(row.close_reason)
    return {
        "line_page": lines,
        "entry_page": entries,
        "people": people(run.organization_id, refs_of(rows, "closed_by")),
        "lines_base": without(query, "lines"),
        "entries_base": without(query, "entries"),
        "q": text,
    }


def differences(query: QueryDict, run: Run) -> dict[str, Any]:
    every = query.get("all") == "1"
    rows = discrepancies_of(run)
    if not every:
        rows = rows.filter(status__in=DISCREPANCY_OPEN)
    page = page_of(rows, ["pk"], query.get("place", ""))
    for row in page.rows:
        row.tone, row.shown_reason = SEVERITY_LABELS[row.severity], reason_words(row.close_reason)
    names = people(run.organization_id, refs_of(page.rows, "closed_by"))
    return {"page": page, "every": every, "people": names}


def files(query: QueryDict, run: Run) -> dict[str, Any]:
    page = page_of(desk.sources_of(run), ["pk"], query.get("place", ""), newest_first=True)
    sources = [source.source_file for source in page.rows]
    for source in sources:
        source.tone = FILE_LABELS.get(source.status, "info")
        source.faults = source.error_rows[:FAULTS_SHOWN]
        source.more_faults = max(source.error_row_count - len(source.faults), 0)
    names = people(run.organization_id, refs_of(sources, "created_by"))
    return {"page": page, "sources": sources, "people": names}


PANELS: dict[str, Callable[[QueryDict, Run], dict[str, Any]]] = {
    "review": review,
    "by-hand": by_hand,
    "matched": matched,
    "closed": closed,
    "differences": differences,
    "files": files,
}
