"""The statements of an account put one behind the other: what must agree between them, and where it does not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby, pairwise

from ledgers.selectors.account_rows import Stated
from ledgers.states import BreakKind, RemarkKind

ONE_DAY = timedelta(days=1)

Between = Callable[[date, date], int]
"""What lines that no statement with balances states moved after the first day and before the second one."""

PAUSE = timedelta(days=7)
"""The longest that a bank writes no daily statement: a long weekend."""


@dataclass(frozen=True, slots=True)
class Break:
    """What is stated and what the lines give differ by `amount` (minor units; + is stated more): a credit of that amount
    is missing, or a debit too much, somewhere from `since` to `day`. `line_no`: the line behind which a running balance shows it.
    """

    kind: BreakKind
    since: date
    day: date
    amount: int
    statement: Stated | None = None
    before: Stated | None = None
    line_no: int | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    kind: RemarkKind
    day: date
    statement: Stated
    other: Stated | None = None
    numbers: tuple[int, int] | None = None  # the first and the last that is missing


@dataclass(frozen=True, slots=True)
class Chain:
    """`counted`: statements with balances, in their order, copies once. `parts`: those that don't add up, while one that
    does states the same days: they say nothing of the account."""

    counted: list[Stated]
    parts: list[tuple[Stated, Stated]]
    breaks: list[Break]


def chain_of(statements: Sequence[Stated], between: Callable[[Sequence[Stated]], Between]) -> Chain:
    """`between` is asked once, with the statements that count for nothing."""
    balanced = sorted((row for row in statements if row.balanced), key=_place)
    parts = [(row, whole) for row in balanced if (whole := _whole_of(row, balanced)) is not None]
    aside = {row.pk for row, _whole in parts}
    found: list[Stated] = []
    for row in balanced:
        if row.pk not in aside and not any(_copy(row, other) for other in found):
            found.append(row)
    counted, openings = _walked(found, between([row for row, _whole in parts]))
    return Chain(counted, parts, [each for row in counted for each in _own_breaks(row, counted)] + openings)


def _place(row: Stated) -> tuple[date, int, int, int]:
    """By its first day; the longest of those that begin together before the others."""
    return row.begins, -row.ends.toordinal(), row.count or 0, row.pk


def _copy(row: Stated, other: Stated) -> bool:
    """Of two that add up the lines decide: an account may swing to the same balance twice in a day, and the same balances
    with other lines are a statement that came in other words."""
    same = row.trace == other.trace if row.sound and other.sound else row.days == other.days
    return same and row.same_as(other)


def _whole_of(row: Stated, balanced: Sequence[Stated]) -> Stated | None:
    """A sound statement of the same days or more, not one that comes before or behind it on its day; or one that says
    the same of these days and has more of their lines."""
    if row.sound:
        return None
    for other in balanced:
        spans = other.begins <= row.begins and row.ends <= other.ends
        follows = other.closing == row.opening or row.closing == other.opening
        if row.same_as(other) and (other.sound or other.lines > row.lines):
            return other
        if other.sound and spans and not follows:
            return other
    return None


def _own_breaks(row: Stated, counted: Sequence[Stated]) -> list[Break]:
    breaks = [
        Break(BreakKind.RUNNING, each.since, each.day, each.amount, row, line_no=each.line_no)
        for each in row.running
    ]
    rest = (row.gap or 0) - sum(each.total for each in row.running)
    if rest:
        breaks.append(Break(BreakKind.SUM, _since(row, counted), row.ends, rest, row))
    return breaks


def _since(row: Stated, counted: Sequence[Stated]) -> date:
    """From when on a line of it may be missing: from the day that it states to begin on, else from its opening balance
    on; a statement of one day that follows another one within a week is of that day."""
    first = min([row.begins, *row.days])
    if row.states_its_days or row.opening_on is None or row.opening_on >= first:
        return first
    follows = any(row.opening_on <= other.ends < first for other in counted)
    daily = first == row.ends and first - row.opening_on <= PAUSE
    return first if follows and daily else row.opening_on


def _walked(statements: Sequence[Stated], between: Between) -> tuple[list[Stated], list[Break]]:
    """In order, with a break where one does not open as the one before closed."""
    placed: list[Stated] = []
    breaks: list[Break] = []
    for _days, group in groupby(statements, key=lambda row: (row.begins, row.ends)):
        for row in _in_order(list(group), placed):
            found = _opening_break(row, placed, between)
            breaks += [found] if found is not None else []
            placed.append(row)
    return placed, breaks


def _in_order(group: list[Stated], placed: Sequence[Stated]) -> list[Stated]:
    """Several statements of one day: each behind the one that closes as it opens."""
    if len(group) == 1:
        return group
    held = _last(placed).closing if placed else None
    closings = {row.closing for row in group if row.opening != row.closing}
    starts = [row.opening for row in group if row.opening == held or row.opening not in closings]
    whole = _trail(group, starts[0] if starts else group[0].opening)
    return whole if len(whole) == len(group) else _one_by_one(group, held)


def _trail(group: Sequence[Stated], start: int | None) -> list[Stated]:
    """An order in which each opens as the one before closed, where there is one from this balance on (Hierholzer's: what
    leads back to a balance that was held before is put in where it was held)."""
    opens: dict[int | None, list[Stated]] = {}
    for row in reversed(group):
        opens.setdefault(row.opening, []).append(row)
    found: list[Stated] = []
    walked: list[Stated] = []
    while True:
        held = walked[-1].closing if walked else start
        if opens.get(held):
            walked.append(opens[held].pop())
        elif walked:
            found.append(walked.pop())
        else:
            break
    found.reverse()
    follows = all(before.closing == row.opening for before, row in pairwise(found))
    return found if follows else []


def _one_by_one(group: Sequence[Stated], held: int | None) -> list[Stated]:
    left, found = list(group), []
    while left:
        closings = {row.closing for row in left if row.opening != row.closing}
        first = next((row for row in left if row.opening == held), None)
        first = first or next((row for row in left if row.opening not in closings), left[0])
        left = [row for row in left if row is not first]
        found.append(first)
        held = first.closing
    return found


def _last(rows: Sequence[Stated]) -> Stated:
    """That with the latest end; of several the one that was placed last."""
    return max(reversed(rows), key=lambda row: row.ends)


def _opening_break(row: Stated, placed: Sequence[Stated], between: Between) -> Break | None:
    if not placed:
        return None
    touching = [other for other in placed if other.ends >= row.begins]
    if touching:
        return _touching_break(row, touching)
    before = _last(placed)
    expected = (before.closing or 0) + between(before.ends, row.begins)
    amount = (row.opening or 0) - expected
    if not amount:
        return None
    return Break(BreakKind.OPENING, before.ends, row.begins, amount, row, before)


def _touching_break(row: Stated, touching: Sequence[Stated]) -> Break | None:
    """Statements that share days with it. One that states days of the other again is judged by its lines
    (`shared_days`); one that only goes on from the other's last day opens as that one closed."""
    last = _last(touching)
    goes_on = all(other.ends == row.begins and other.begins <= row.begins for other in touching)
    if not goes_on or any(other.closing == row.opening for other in touching):
        return None
    if any(_held_before(other, row.begins) == row.opening for other in touching):
        return None  # it states the other's last day again: `shared_days` compares their lines
    return Break(
        BreakKind.OPENING, last.ends, row.begins, (row.opening or 0) - (last.closing or 0), row, last
    )


def _held_before(row: Stated, day: date) -> int:
    return (row.opening or 0) + sum(amount for on, amount in row.days.items() if on < day)


def closings_walked(
    statements: Sequence[Stated], moved: Callable[[date, date], int]
) -> tuple[list[Break], list[tuple[date, date]]]:
    """Statements that state what they close with and not what they opened with (OFX): each must follow from the closing
    before it and the lines since; `moved` gives those behind the first day up to the second. Also the days so proved."""
    breaks: list[Break] = []
    proved: list[tuple[date, date]] = []
    before: Stated | None = None
    for row in sorted(
        (row for row in statements if row.closing is not None), key=lambda row: (row.ends, row.pk)
    ):
        if row.opening is None and before is not None and before.ends < row.ends:
            amount = (row.closing or 0) - (before.closing or 0) - moved(before.ends, row.ends)
            first = min(before.ends + ONE_DAY, row.ends)
            if amount:
                breaks.append(Break(BreakKind.CLOSING, first, row.ends, amount, row, before))
            else:
                proved.append((first, row.ends))
        before = row
    return breaks, proved


def shared_days(counted: Sequence[Stated]) -> list[list[Stated]]:
    """Sound statements that share days without going on from each other, in the chain's order: groups of more than one.

    Those that go on from each other within a day (the morning's, the afternoon's) are one trail; trails that share days
    state them again.
    """
    clusters: list[list[list[Stated]]] = []
    ends: date | None = None
    for trail in _trails(counted):
        if ends is not None and trail[0].begins <= ends:
            clusters[-1].append(trail)
        else:
            clusters.append([trail])
            ends = None
        ends = max(row.ends for row in trail) if ends is None else max(ends, *(row.ends for row in trail))
    places = {row.pk: place for place, row in enumerate(counted)}
    return [
        sorted((row for trail in cluster for row in trail), key=lambda row: places[row.pk])
        for cluster in clusters
        if len(cluster) > 1
    ]


def _trails(counted: Sequence[Stated]) -> list[list[Stated]]:
    """In the order of their first days."""
    trails: list[list[Stated]] = []
    ending: dict[
        tuple[date, int | None], list[Stated]
    ] = {}  # by the day and the balance that a trail ends with
    for row in (row for row in counted if row.sound):
        trail = ending.pop((row.begins, row.opening), None)
        if trail is None:
            trail = []
            trails.append(trail)
        trail.append(row)
        ending[row.ends, row.closing] = trail
    return trails


def overlap_breaks(
    cluster: Sequence[Stated], together: dict[date, int], known: Sequence[Break]
) -> list[Break]:
    """What the statements of a group say of the same days must be the same lines: `together` has each line once. What
    breaks between two of them (`known`) is not said again."""
    first, last = cluster[0], _last(cluster)
    rest = (last.closing or 0) - (first.opening or 0) - sum(together.values())
    rest -= sum(each.amount for each in known if each.before in cluster and each.statement in cluster)
    ahead = ((row.closing or 0) - (last.closing or 0) for row in cluster if row.ends == last.ends)
    if any(
        rest + more == 0 for more in ahead
    ):  # of several of the last day one may say more of it than the others
        return []
    days = [
        (day, widest.days.get(day, 0) - amount, widest)
        for day, amount in sorted(together.items())
        if (widest := _widest(cluster, day)) is not None
    ]
    named = [Break(BreakKind.OVERLAP, day, day, amount, row) for day, amount, row in days if amount]
    if sum(each.amount for each in named) == rest:
        return named
    return [Break(BreakKind.OVERLAP, first.begins, last.ends, rest, last, first)]


def _widest(cluster: Sequence[Stated], day: date) -> Stated | None:
    covering = [row for row in cluster if row.covers(day)]
    return max(covering, key=lambda row: (row.ends - row.begins, -row.pk), default=None)


def remarks_of(chain: Chain, clusters: Sequence[Sequence[Stated]]) -> list[Remark]:
    remarks = [Remark(RemarkKind.PART_OF, row.ends, row, whole) for row, whole in chain.parts]
    for cluster in clusters:
        remarks += [Remark(RemarkKind.DAYS_TWICE, row.begins, row, cluster[0]) for row in cluster[1:]]
    return remarks + _number_remarks(chain.counted)


def _number_remarks(counted: Sequence[Stated]) -> list[Remark]:
    """Numbers count up by one; they may begin anew with a year, or at 1."""
    remarks = []
    numbered = [(row, row.count) for row in counted if row.count is not None]
    for (before, last), (row, count) in pairwise(numbered):
        if last is None or count is None or count == last + 1:
            continue
        if count == last:
            remarks.append(Remark(RemarkKind.NUMBER_TWICE, row.begins, row, before))
        elif count > last and row.ends.year == before.ends.year and not _counts_days(row, count):
            remarks.append(Remark(RemarkKind.NUMBERS_MISSING, row.begins, row, before, (last + 1, count - 1)))
    return remarks


def _counts_days(row: Stated, count: int) -> bool:
    """Banks also number by the day of the year, some with two figures behind it for several statements of a day."""
    days = range(row.begins.timetuple().tm_yday, row.ends.timetuple().tm_yday + 1)
    return count in days or count // 100 in days
