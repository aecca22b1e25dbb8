"""The proof of a bank account, day by day: do its statements add up, does each open as the one before closed, is each line
there once, and which days lack a statement. Asked by the API and the account's page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from django.utils.translation import gettext as _

from ledgers.models import BankAccount, DataStream, Statement
from ledgers.money import exponent
from ledgers.selectors.account_chain import (
    ONE_DAY,
    Between,
    Break,
    Chain,
    Remark,
    chain_of,
    closings_walked,
    overlap_breaks,
    remarks_of,
    shared_days,
)
from ledgers.selectors.account_rows import DayLines, Stated, days_of, lines_together, statements_of
from ledgers.states import BreakKind, ProofDayState, ProofVerdict, RemarkKind, RunningOrder, StreamKind
from organizations.models import Calendar
from organizations.refusals import Invalid

DAYS_MAX = 366

NOTHING = DayLines(0, 0, 0, 0, 0)

Days = dict[date, DayLines]


@dataclass(frozen=True, slots=True)
class ProofDay:
    """One day of the account, in minor units, credit +. `balance`: what it held at the end of the day, as stated last and
    the lines since; None before the first balance. `closing`: as a statement states it for that very day.
    `difference`: what breaks show on this day, in all.
    """

    day: date
    state: ProofDayState
    business_day: bool
    lines: int
    credits: int
    debits: int
    balance: int | None
    closing: int | None
    difference: int


@dataclass(frozen=True, slots=True)
class MissingDays:
    """Business days between two statements that none states; `moved` is what the balance moved by meanwhile without a line."""

    since: date
    until: date
    days: int
    moved: int


@dataclass(frozen=True, slots=True)
class AccountProof:
    """The proof of the days from `since` to `until`, both included."""

    account: BankAccount
    currency: str
    decimal_places: int
    since: date
    until: date
    days: list[ProofDay]
    breaks: list[Break]
    missing: list[MissingDays]
    remarks: list[Remark]
    statements: list[Stated]

    @property
    def verdict(self) -> ProofVerdict:
        """Not stated: no day is proved. Incomplete: a day is missing or not stated."""
        states = {each.state for each in self.days}
        if self.breaks:
            return ProofVerdict.BROKEN
        if ProofDayState.PROVED not in states:
            return ProofVerdict.NOT_STATED
        lacking = {ProofDayState.MISSING, ProofDayState.NOT_STATED}
        return ProofVerdict.INCOMPLETE if states & lacking else ProofVerdict.PROVED


def account_proof(account: BankAccount, *, since: date, until: date) -> AccountProof:
    """Seven queries at most, however long the period and however many the lines. Refuses periods that end before they
    begin, or of more than DAYS_MAX days ("proof.period")."""
    if not 0 <= (until - since).days < DAYS_MAX:
        raise Invalid(
            _("A proof is of 1 to %(max)s days; the last day must not be before the first.")
            % {"max": DAYS_MAX},
            code="proof.period",
            issues=[{"path": ["to"], "message": _("Choose another period.")}],
        )
    stream = DataStream.objects.live().filter(bank_account=account, kind=StreamKind.STATEMENT).first()
    currency = _currency(account, stream)
    if stream is None:
        return _Working(account, since, until, [], {}, Chain([], [], []), []).proof(currency, [], [])
    statements = statements_of(stream, currency=currency, since=since, until=until)
    begins = min([since, *(row.begins for row in statements)])
    lines: Days = {}

    def between(parts: Sequence[Stated]) -> Between:
        without = [row.pk for row in parts]
        lines.update(days_of(stream, currency=currency, since=begins, until=until, without=without))
        return partial(_between, lines)

    chain = chain_of(statements, between)
    closings, following = closings_walked(statements, partial(_moved, lines))
    clusters = shared_days(chain.counted)
    overlaps = [
        each
        for cluster, together in zip(clusters, lines_together(clusters), strict=True)
        for each in overlap_breaks(cluster, together, chain.breaks)
    ]
    working = _Working(account, since, until, statements, lines, chain, following)
    return working.proof(currency, closings + overlaps, remarks_of(chain, clusters))


def _currency(account: BankAccount, stream: DataStream | None) -> str:
    """The account's, its ledger's, or where neither says it that of its statements."""
    known = account.currency or (account.ledger.currency if account.ledger else "")
    if known or stream is None:
        return known
    stated = Statement.objects.filter(stream=stream, voided_at=None).order_by("-pk")
    return stated.values_list("currency", flat=True).first() or ""


def _between(lines: Days, after: date, before: date) -> int:
    return sum(each.unstated for day, each in lines.items() if after < day < before)


def _moved(lines: Days, after: date, until: date) -> int:
    return sum(each.movement for day, each in lines.items() if after < day <= until)


@dataclass(slots=True)
class _Working:
    account: BankAccount
    since: date
    until: date
    statements: list[Stated]
    lines: Days
    chain: Chain
    following: list[tuple[date, date]]  # days that are proved by one closing balance after another

    def proof(self, currency: str, more: list[Break], remarks: list[Remark]) -> AccountProof:
        remarks = [*remarks, *self._remarks()]
        every = sorted([*self.chain.breaks, *more, *self._surplus()], key=lambda each: each.day)
        days = self._days(every)
        doubted = {each.day for each in days if each.state == ProofDayState.IN_DOUBT}
        breaks = [each for each in every if self._within(each.day) or _reaches(each, doubted)]
        return AccountProof(
            account=self.account,
            currency=currency,
            decimal_places=exponent(currency),
            since=self.since,
            until=self.until,
            days=days,
            breaks=breaks,
            missing=self._missing(every),
            remarks=sorted((each for each in remarks if self._within(each.day)), key=lambda each: each.day),
            statements=[row for row in sorted(self.statements, key=_in_time) if row.ends >= self.since],
        )

    def _remarks(self) -> list[Remark]:
        unclear = [row for row in self.statements if row.running_order == RunningOrder.UNCLEAR]
        foreign = [row for row in self.statements if row.foreign_lines]
        return [Remark(RemarkKind.RUNNING_UNCLEAR, row.ends, row) for row in unclear] + [
            Remark(RemarkKind.OTHER_CURRENCY, row.ends, row) for row in foreign
        ]

    def _within(self, day: date) -> bool:
        return self.since <= day <= self.until

    def _surplus(self) -> list[Break]:
        """Lines on days that a sound statement proves, which no statement with balances states: from a file that says of
        the same days something else."""
        return [
            Break(BreakKind.SURPLUS, day, day, -each.unstated, statement)
            for day, each in sorted(self.lines.items())
            if each.unstated_lines and (statement := self._proved_by(day)) is not None
        ]

    def _proved_by(self, day: date) -> Stated | None:
        return next((row for row in self.chain.counted if row.sound and row.covers(day)), None)

    # --- Days ----------------------------------------------------------------------------------------------------------

    def _days(self, breaks: Sequence[Break]) -> list[ProofDay]:
        closings = {row.ends: row.closing for row in self.statements if row.closing is not None}
        closings.update({row.ends: row.closing for row in self.chain.counted if row.closing is not None})
        held = self._held_before(closings)
        found = []
        for day in _range(self.since, self.until):
            lines = self.lines.get(day, NOTHING)
            held = closings.get(day, self._held(day, held, lines))
            found.append(self._day(day, held, lines, closings.get(day), breaks))
        return found

    def _held_before(self, closings: Mapping[date, int]) -> int | None:
        """At the end of the day before the period: as stated last and the lines since, or as a statement opens."""
        last = max((day for day in closings if day < self.since), default=None)
        if last is not None:
            return closings[last] + _moved(self.lines, last, self.since - ONE_DAY)
        opens = next((row for row in self.chain.counted if row.begins < self.since), None)
        if opens is None or opens.opening is None:
            return None
        return opens.opening + _moved(self.lines, opens.begins - ONE_DAY, self.since - ONE_DAY)

    def _held(self, day: date, held: int | None, lines: DayLines) -> int | None:
        opens = next((row.opening for row in self.chain.counted if row.begins == day), None)
        before = held if held is not None else opens
        return None if before is None else before + lines.movement

    def _day(
        self, day: date, held: int | None, lines: DayLines, closing: int | None, breaks: Sequence[Break]
    ) -> ProofDay:
        return ProofDay(
            day=day,
            state=self._state(day, lines, breaks),
            business_day=self._is_business_day(day),
            lines=lines.lines,
            credits=lines.credits,
            debits=lines.debits,
            balance=held,
            closing=closing,
            difference=sum(each.amount for each in breaks if each.day == day),
        )

    def _state(self, day: date, lines: DayLines, breaks: Sequence[Break]) -> ProofDayState:
        if any(each.day == day for each in breaks):
            return ProofDayState.BROKEN
        if self._proved_by(day) is not None or any(first <= day <= last for first, last in self.following):
            return ProofDayState.PROVED
        if any(each.since <= day < each.day for each in breaks):
            return ProofDayState.IN_DOUBT
        if lines.lines or any(row.covers(day) for row in self.statements):
            return ProofDayState.NOT_STATED
        return self._state_without_statement(day)

    def _state_without_statement(self, day: date) -> ProofDayState:
        if not any(row.begins < day for row in self.statements):
            return ProofDayState.BEFORE
        if not self._is_business_day(day):
            return ProofDayState.FREE
        later = any(row.ends > day for row in self.statements)
        return ProofDayState.MISSING if later else ProofDayState.AWAITED

    def _is_business_day(self, day: date) -> bool:
        return (self.account.calendar or WEEKDAYS).is_business_day(day)

    # --- Days without a statement ----------------------------------------------------------------------------------------

    def _missing(self, breaks: Sequence[Break]) -> list[MissingDays]:
        found = []
        ends: date | None = None
        for row in sorted(self.statements, key=lambda row: row.begins):
            if ends is not None and (row.begins - ends).days > 1:
                found += self._missing_between(ends, row.begins, breaks)
            ends = max(ends or row.ends, row.ends)
        return found

    def _missing_between(self, after: date, before: date, breaks: Sequence[Break]) -> list[MissingDays]:
        days = [
            day
            for day in _range(max(after + ONE_DAY, self.since), min(before - ONE_DAY, self.until))
            if self._is_business_day(day) and not self.lines.get(day, NOTHING).lines
        ]
        moved = sum(
            each.amount
            for each in breaks
            if each.kind == BreakKind.OPENING and after <= each.since and each.day <= before
        )
        return [MissingDays(days[0], days[-1], len(days), moved)] if days else []


WEEKDAYS = Calendar(name="", holidays=[])
"""Where an account has no calendar: Monday to Friday."""


def _reaches(found: Break, doubted: Iterable[date]) -> bool:
    """It shows behind the period, and puts days of it in doubt."""
    return any(found.since <= day < found.day for day in doubted)


def _in_time(row: Stated) -> tuple[date, date, int]:
    return row.ends, row.begins, row.pk


def _range(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
