"""What an account's proof is worked out from, summed in SQL: statements with their lines by day, running balances that
break, and the account's lines by day. Asked by `account_proof` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Max, Q, Subquery

from ledgers.models import DataStream, Statement
from ledgers.states import RunningOrder, StatementState

LATE_DAYS = 31
"""A statement may state lines that were booked so many days before it begins, or behind its end."""


@dataclass(frozen=True, slots=True)
class RunningBreak:
    """On this day running balances differ from the one before and the amounts between: stated less lines. `amount` is
    that of all of the day, or where they cancel out (one balance is wrong, the next is right) of the first, behind the
    line `line_no`. `since` is the day of the balance before; `total` what the day adds to the statement's gap."""

    since: date
    day: date
    amount: int
    total: int
    line_no: int


@dataclass(slots=True)
class Stated:
    """A statement as it is stored, and the lines that it states: their sum on each day, in minor units, credit +.

    Lines in another currency than its own are in no sum; they are counted as `foreign_lines`. `trace` is the same for two
    statements of the very same lines.
    """

    pk: int
    file_uuid: str
    filename: str
    number: str
    sequence: str
    begins: date
    ends: date
    states_its_days: bool
    opening: int | None
    opening_on: date | None
    closing: int | None
    running_order: str
    lines: int = 0
    foreign_lines: int = 0
    trace: int = 0
    days: dict[date, int] = field(default_factory=dict)
    running: list[RunningBreak] = field(default_factory=list)

    @property
    def movement(self) -> int:
        return sum(self.days.values())

    @property
    def gap(self) -> int | None:
        """Closing less opening and lines: what is missing (+) or too much (−); None where a balance isn't stated."""
        if self.opening is None or self.closing is None:
            return None
        return self.closing - self.opening - self.movement

    @property
    def balanced(self) -> bool:
        return self.gap is not None

    @property
    def sound(self) -> bool:
        """It states both balances, and its lines lead from one to the other, line by line where each has one."""
        return self.gap == 0 and not self.running

    @property
    def state(self) -> StatementState:
        if self.sound:
            return StatementState.ADDS_UP
        known = self.balanced or bool(self.running)
        return StatementState.BROKEN if known else StatementState.NOT_STATED

    @property
    def count(self) -> int | None:
        """The number in which gaps show, where it is one."""
        text = self.sequence or self.number
        return int(text) if text.isascii() and text.isdigit() else None

    def same_as(self, other: Stated) -> bool:
        """It says of the same days the same: the file came twice, or a part of it. Where it does not state its first day
        that of its lines stands in, which need not be the other's."""
        days = self.begins == other.begins or not (self.states_its_days and other.states_its_days)
        return days and (self.ends, self.opening, self.closing) == (other.ends, other.opening, other.closing)

    def covers(self, day: date) -> bool:
        return self.begins <= day <= self.ends


@dataclass(frozen=True, slots=True)
class DayLines:
    """The account's lines of one day, each once however often it is stated. `unstated`: what no statement with balances
    states, of these."""

    lines: int
    credits: int
    debits: int
    unstated_lines: int
    unstated: int

    @property
    def movement(self) -> int:
        return self.credits - self.debits


def statements_of(stream: DataStream, *, currency: str, since: date, until: date) -> list[Stated]:
    """Live statements in this currency that end on or after the last balance before the period, with their lines by day. Two queries,
    three where lines have running balances."""
    live = Statement.objects.filter(stream=stream, currency=currency, voided_at=None, ends_on__isnull=False)
    before = live.filter(closing_amount__isnull=False, ends_on__lt=since)
    anchor = Subquery(before.values("stream").order_by().annotate(last=Max("ends_on")).values("last"))
    near = live.alias(anchor=anchor).filter(Q(anchor__isnull=True) | Q(ends_on__gte=anchor))
    found = {
        row.pk: _stated(row)
        for row in near.filter(begins_on__lte=until).select_related("source_file").order_by("pk")
    }
    _add_lines(found)
    _add_running(found)
    return list(found.values())


def _stated(row: Statement) -> Stated:
    assert row.begins_on is not None, "a row of the database has both days or none"
    assert row.ends_on is not None
    return Stated(
        pk=row.pk,
        file_uuid=str(row.source_file.uuid),
        filename=row.source_file.filename,
        number=row.number,
        sequence=row.sequence,
        begins=row.begins_on,
        ends=row.ends_on,
        states_its_days=row.from_date is not None,
        opening=row.opening_amount,
        opening_on=row.opening_on,
        closing=row.closing_amount,
        running_order=row.running_order,
    )


LINES = """
SELECT l.statement_id, r.date, r.currency = s.currency, count(*), sum(r.signed_amount)::bigint,
    sum(hashint8extended(r.id, 0))
FROM ledgers_statement s
JOIN ledgers_statementline l ON l.source_file_id = s.source_file_id AND l.statement_id = s.id AND l.voided_at IS NULL
JOIN ledgers_record r ON r.id = l.record_id AND r.voided_at IS NULL
WHERE s.id = ANY(%s)
GROUP BY 1, 2, 3
"""


def _add_lines(found: dict[int, Stated]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LINES, [list(found)])
        for pk, day, own_currency, lines, amount, trace in cursor.fetchall():
            found[pk].trace += int(trace)
            if own_currency:
                found[pk].days[day] = amount
                found[pk].lines += lines
            else:
                found[pk].foreign_lines += lines


# Each balance implies what the account held before the statement: it changes where a line is missing or altered.
RUNNING = """
WITH walked AS (
    SELECT l.statement_id, l.line_no, r.date, l.balance, l.line_no * s.step AS place,
        sum(r.signed_amount) OVER (PARTITION BY l.statement_id ORDER BY l.line_no * s.step) AS through
    FROM (SELECT id, source_file_id, currency, CASE running_order WHEN 'newest' THEN -1 ELSE 1 END AS step
        FROM ledgers_statement WHERE id = ANY(%s)) s
    JOIN ledgers_statementline l ON l.source_file_id = s.source_file_id AND l.statement_id = s.id
        AND l.voided_at IS NULL
    JOIN ledgers_record r ON r.id = l.record_id AND r.voided_at IS NULL AND r.currency = s.currency
), implied AS (
    SELECT *, balance - through AS held, lag(balance - through) OVER before AS held_before, lag(date) OVER before AS since
    FROM walked WHERE balance IS NOT NULL
    WINDOW before AS (PARTITION BY statement_id ORDER BY place)
)
SELECT statement_id, least(min(since), date), date,
    coalesce(nullif(sum(held - held_before), 0), (array_agg(held - held_before ORDER BY place))[1])::bigint,
    sum(held - held_before)::bigint, (array_agg(line_no ORDER BY place))[1]
FROM implied WHERE held <> held_before
GROUP BY statement_id, date
ORDER BY statement_id, min(place)
"""


def _add_running(found: dict[int, Stated]) -> None:
    ordered = [
        pk for pk, row in found.items() if row.running_order in (RunningOrder.OLDEST, RunningOrder.NEWEST)
    ]
    if not ordered:
        return
    with connection.cursor() as cursor:
        cursor.execute(RUNNING, [ordered])
        for pk, *told in cursor.fetchall():
            found[pk].running.append(RunningBreak(*told))


# The lines that are stated are taken off by their keys: to ask of each line whether it is stated takes a plan that is
# right only where the planner knows how many there are, and after a large import it does not.
DAYS = """
SELECT date, sum(lines)::bigint, sum(credits)::bigint, sum(debits)::bigint, sum(others)::bigint, sum(unstated)::bigint
FROM (
    SELECT r.date, count(*) AS lines,
        sum(CASE r.direction WHEN 'credit' THEN r.amount ELSE 0 END) AS credits,
        sum(CASE r.direction WHEN 'debit' THEN r.amount ELSE 0 END) AS debits,
        count(*) AS others, sum(r.signed_amount) AS unstated
    FROM ledgers_record r
    WHERE r.stream_id = %(stream)s AND r.kind = 'entry' AND r.voided_at IS NULL AND r.currency = %(currency)s
        AND r.date BETWEEN %(since)s AND %(until)s
    GROUP BY r.date
    UNION ALL
    SELECT r.date, 0, 0, 0, -count(*), -sum(r.signed_amount)
    FROM (
        SELECT DISTINCT l.record_id
        FROM ledgers_statement s
        JOIN ledgers_statementline l ON l.source_file_id = s.source_file_id AND l.statement_id = s.id
            AND l.voided_at IS NULL
        WHERE s.stream_id = %(stream)s AND s.voided_at IS NULL AND s.id <> ALL(%(without)s)
            AND s.opening_amount IS NOT NULL AND s.closing_amount IS NOT NULL
            AND s.ends_on >= %(near_since)s AND s.begins_on <= %(near_until)s
    ) stated
    JOIN ledgers_record r ON r.id = stated.record_id
    WHERE r.kind = 'entry' AND r.voided_at IS NULL AND r.currency = %(currency)s
        AND r.date BETWEEN %(since)s AND %(until)s
    GROUP BY r.date
) AS part
GROUP BY date
"""


def days_of(
    stream: DataStream, *, currency: str, since: date, until: date, without: Iterable[int]
) -> dict[date, DayLines]:
    """The account's lines in one currency by day. Statements in `without` count as if they stated nothing. One query."""
    params: dict[str, Any] = {
        "stream": stream.pk,
        "currency": currency,
        "without": list(without),
        "since": since,
        "until": until,
        "near_since": _shifted(since, -LATE_DAYS),
        "near_until": _shifted(until, LATE_DAYS),
    }
    with connection.cursor() as cursor:
        cursor.execute(DAYS, params)
        return {day: DayLines(*sums) for day, *sums in cursor.fetchall()}


def _shifted(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return day


TOGETHER = """
SELECT cluster, date, sum(signed_amount)::bigint FROM (
    SELECT DISTINCT c.cluster, r.id, r.date, r.signed_amount
    FROM unnest(%s::bigint[], %s::int[]) AS c(id, cluster)
    JOIN ledgers_statement s ON s.id = c.id
    JOIN ledgers_statementline l ON l.source_file_id = s.source_file_id AND l.statement_id = s.id
        AND l.voided_at IS NULL
    JOIN ledgers_record r ON r.id = l.record_id AND r.voided_at IS NULL AND r.currency = s.currency
) AS line
GROUP BY cluster, date
"""


def lines_together(clusters: Sequence[Sequence[Stated]]) -> list[dict[date, int]]:
    """Of statements that share days, all lines that any of them states, each once: their sum by day. One query, or none."""
    found: list[dict[date, int]] = [{} for _cluster in clusters]
    if clusters:
        members = [(row.pk, place) for place, cluster in enumerate(clusters) for row in cluster]
        with connection.cursor() as cursor:
            cursor.execute(TOGETHER, [[pk for pk, _place in members], [place for _pk, place in members]])
            for place, day, amount in cursor.fetchall():
                found[place][day] = amount
    return found
