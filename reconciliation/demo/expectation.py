"""Holds what was found against what was planted, thing by thing and as a whole. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from reconciliation.demo.amounts import with_code
from reconciliation.demo.files import DemoFile
from reconciliation.demo.happenings import BankLine, BookEntry, Group, Happening, Month, Plant
from reconciliation.demo.loading import is_duplicate
from reconciliation.demo.report import RunReport
from reconciliation.models import Run
from reconciliation.selectors.entries import gl_only
from reconciliation.selectors.items import UNMATCHED, item_rows
from reconciliation.selectors.matches import matches_of, members_of
from reconciliation.states import MATCH_LIVE, DiscrepancyType

DOCUMENT = (
    "document"  # the books' own number, kept in an entry's metadata: how the demo knows its entries again
)

Key = tuple[str, tuple[str, ...], tuple[str, ...]]  # rule, lines, entries


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in the database, by the demo's own names for it."""

    groups: Counter[Key]
    open_lines: Counter[str]
    open_entries: Counter[str]
    known_lines: frozenset[str]


@dataclass(frozen=True, slots=True)
class Played:
    """One month with its files, what was found of it, and the report on its run."""

    month: Month
    files: list[DemoFile]
    report: RunReport
    names: dict[str, str]
    found: Found


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of planted thing: how many there should be, how many were found, and what came of them."""

    title: str
    planted: int
    found: int
    outcome: str


@dataclass(slots=True)
class Verdict:
    """`differences` is empty where everything is as planned."""

    checks: list[Check] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def played(month: Month, files: list[DemoFile], report: RunReport) -> Played:
    names = _names(month)
    return Played(month, files, report, names, _found(report.run, names))


def judged(months: Iterable[Played]) -> Verdict:
    """Every planted thing over all months, then everything else that differs from the plan."""
    months = list(months)
    verdict = Verdict(checks=[*_planted(months), *_of_files(months)])
    verdict.differences += [
        f"{check.title}: {check.planted} planned, {check.found} found"
        for check in verdict.checks
        if check.planted != check.found
    ]
    for one in months:
        verdict.differences += _differences(one)
    return verdict


# --- names ----------------------------------------------------------------------------------------------------


def _names(month: Month) -> dict[str, str]:
    """A name for each line id and document. Twins share one: which of them meets which is nobody's to say."""
    names: dict[str, str] = {}
    lines: dict[tuple[object, ...], str] = {}
    for line in month.lines:
        names[line.id] = lines.setdefault(
            (line.day, line.amount, line.reference, line.text, line.party), line.id
        )
    entries: dict[tuple[object, ...], str] = {}
    for entry in month.entries:
        names[entry.document] = entries.setdefault(
            (entry.day, entry.amount, entry.reference, entry.text), entry.document
        )
    return names


def _found(run: Run, names: dict[str, str]) -> Found:
    live = {match.pk: match for match in matches_of(run).filter(status__in=MATCH_LIVE)}
    groups: Counter[Key] = Counter()
    for pk, members in members_of(live).items():
        revision = live[pk].rule_revision
        rule = revision.rule.name if revision is not None else ""
        lines = sorted(names.get(record.external_id, "?") for record in members.a)
        entries = sorted(names.get(record.metadata.get(DOCUMENT, ""), "?") for record in members.b)
        groups[rule, tuple(lines), tuple(entries)] += 1
    items: list[Any] = list(item_rows(run))
    return Found(
        groups,
        Counter(names.get(i.record.external_id, "?") for i in items if i.match_status == UNMATCHED),
        Counter(names.get(entry.metadata.get(DOCUMENT, ""), "?") for entry in gl_only(run)),
        frozenset(item.record.external_id for item in items),
    )


def _key(group: Group, names: dict[str, str]) -> Key:
    lines = sorted(names[line.id] for line in group.lines)
    return group.rule, tuple(lines), tuple(sorted(names[entry.document] for entry in group.entries))


# --- planted things -------------------------------------------------------------------------------------------


def _planted(months: list[Played]) -> list[Check]:
    titles = {
        Plant.BATCH: ("batches", "one match each, of all their lines and entries"),
        Plant.RETURN: ("returns", "booking and return, each with its entry"),
        Plant.TWIN: ("twins", "both kept, each with an entry of its own, and pointed out as alike"),
        Plant.FEE: ("fees without entry", ""),
        Plant.MISSING_LINE: ("missing line", ""),
        Plant.WRONG_SIDE: ("wrong direction", ""),
        Plant.AMOUNT_OFF: ("amount off", ""),
        Plant.OUTSTANDING: ("outstanding items", ""),
        Plant.PLAIN: ("everything else", "a line and an entry that agree"),
    }
    checks = []
    for plant, (title, outcome) in titles.items():
        happened = [(one, happening) for one in months for happening in one.month.planted(plant)]
        as_planned = [(one, happening) for one, happening in happened if _is_as_planned(one, happening)]
        told = outcome or "; ".join(_told(one, happening) for one, happening in as_planned)
        checks.append(Check(title, len(happened), len(as_planned), told))
    return checks


def _is_as_planned(one: Played, happening: Happening) -> bool:
    wanted = Counter(_key(group, one.names) for group in happening.groups)
    grouped = all(one.found.groups[key] >= count for key, count in wanted.items())
    lines = all(one.found.open_lines[one.names[line.id]] for line in happening.open_lines if line.stated)
    entries = all(one.found.open_entries[one.names[entry.document]] for entry in happening.open_entries)
    lost = [line for line in happening.open_lines if not line.stated]
    gaps = [(gap.day, gap.amount) for gap in one.report.gaps]
    missing = all(line.id not in one.found.known_lines and (line.day, line.amount) in gaps for line in lost)
    pointed_out = happening.plant != Plant.TWIN or _counts(one, DiscrepancyType.DUPLICATE_SOURCE) == 1
    return grouped and lines and entries and missing and pointed_out


def _counts(one: Played, type_: str) -> int:
    return sum(row.count for row in one.report.pointed_out if row.type == type_)


def _told(one: Played, happening: Happening) -> str:
    currency = one.month.account.currency
    lines, entries = happening.open_lines, happening.open_entries
    if happening.plant == Plant.MISSING_LINE:
        gap = one.report.gaps[0]
        return f"{with_code(gap.amount, currency)} on {gap.day}, in the books and in the bank's balances only"
    if happening.plant == Plant.WRONG_SIDE:
        return f"line {with_code(lines[0].amount, currency)}, entry {with_code(entries[0].amount, currency)}"
    if happening.plant == Plant.AMOUNT_OFF:
        (group,) = happening.groups
        rest = sum(entry.amount for entry in group.entries) - sum(line.amount for line in group.lines)
        return f"offered in part, {with_code(rest, currency)} left on the entry"
    rows: list[BankLine | BookEntry] = [*lines, *entries]
    return ", ".join(with_code(row.amount, currency) for row in rows)


def _of_files(months: list[Played]) -> list[Check]:
    brought = [
        (file, result)
        for one in months
        for file, result in zip(one.files, one.report.filled.files, strict=True)
    ]
    again = [result for file, result in brought if file.again]
    refused = [result for result in again if is_duplicate(result)]
    overlapping = [(file, result.source) for file, result in brought if file.known]
    right = [
        (file, source)
        for file, source in overlapping
        if source is not None
        and (source.imported_count, source.already_known_count) == (file.lines - file.known, file.known)
    ]
    told = "; ".join(
        f"{file.lines - file.known} lines imported, {file.known} already known" for file, _source in right
    )
    return [
        Check("duplicated file", len(again), len(refused), "refused, nothing imported"),
        Check("overlapping file", len(overlapping), len(right), told),
    ]


# --- everything that differs ----------------------------------------------------------------------------------


def _differences(one: Played) -> list[str]:
    names, month = one.names, one.month
    happenings = month.happenings
    groups = Counter(_key(group, names) for happening in happenings for group in happening.groups)
    lines = Counter(names[line.id] for h in happenings for line in h.open_lines if line.stated)
    entries = Counter(names[entry.document] for h in happenings for entry in h.open_entries)
    told: list[tuple[str, Counter[Any], Counter[Any]]] = [
        ("match", one.found.groups - groups, groups - one.found.groups),
        ("open line", one.found.open_lines - lines, lines - one.found.open_lines),
        ("open entry", one.found.open_entries - entries, entries - one.found.open_entries),
    ]
    found = [
        f"{month.account.currency}: {what} not planned: {key}" for what, more, _less in told for key in more
    ]
    found += [
        f"{month.account.currency}: {what} not found: {key}" for what, _more, less in told for key in less
    ]
    return found + _proof_differences(one)


def _proof_differences(one: Played) -> list[str]:
    proof, month = one.report.proof, one.month
    stated = sum(line.amount for line in month.lines if line.stated)
    lost = sum(line.amount for line in month.lines if not line.stated)
    booked = sum(entry.amount for entry in month.entries)
    moved = sum(line.amount for line in month.lines)
    states_balances = proof.closing is not None
    wanted = {
        "statement_sum": (proof.statement_sum, stated),
        "ledger_sum": (proof.ledger_sum, booked),
        "open_items": (proof.open_items, stated - booked),
        "unexplained": (proof.unexplained, lost),
        "opening": (proof.opening, month.account.opening if states_balances else None),
        "closing": (proof.closing, month.account.opening + moved if states_balances else None),
    }
    return [
        f"{month.account.currency}: {name} is {found}, planned {planned}"
        for name, (found, planned) in wanted.items()
        if found != planned
    ]
