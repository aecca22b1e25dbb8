"""The proof of a ledger for any day: what the bank states, less what the books say, is explained by what is open.

At day D: statement closing − ledger balance = opening difference + open A − open B + written off A − written off B.
Open is `open_amount` at D of free and held items, and members of undecided suggestions. What is left is unexplained.
With today's knowledge: voided, undone and superseded acts are as if they had not been. Asked by pages, API and the demo.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Sum

from ledgers.models import DataStream, Ledger, LedgerDelta, Record, Statement
from ledgers.states import RecordKind, StreamKind
from rules.models import Reconciliation
from rules.states import Side

EVENTS = """
SELECT side, kind, day, sum(amount)::bigint FROM (
    SELECT side, 'open' AS kind, date AS day, open_amount AS amount FROM tokens
    UNION ALL
    SELECT side, 'open', cleared_on, -open_amount FROM tokens WHERE closed_at IS NOT NULL
    UNION ALL
    SELECT side, 'written_off', cleared_on, open_amount FROM tokens WHERE closed_at IS NOT NULL
    UNION ALL
    SELECT side, 'open', date, applied FROM members
    UNION ALL
    SELECT side, 'open', cleared_on, -applied FROM members WHERE status = 'accepted'
) AS event
WHERE day <= %(until)s
GROUP BY side, kind, day
"""
TOKENS_AND_MEMBERS = """
WITH tokens AS (
    SELECT o.record_id, o.side, o.open_amount, o.closed_at, o.cleared_on, r.date FROM reconciliation_openitem o
    JOIN ledgers_record r ON r.id = o.record_id
    WHERE o.reconciliation_id = %(reconciliation)s AND r.date >= %(opened_on)s
), members AS (
    SELECT mm.side, mm.applied, m.status, m.cleared_on, r.date FROM reconciliation_match m
    JOIN reconciliation_matchmember mm ON mm.match_id = m.id AND mm.live
    JOIN ledgers_record r ON r.id = mm.record_id
    WHERE m.reconciliation_id = %(reconciliation)s
        AND (m.status = 'suggested' OR m.status = 'accepted' AND m.cleared_on >= %(since)s)
)
"""
"""What is older than the confirmed opening is explained by it. Of accepted matches only those cleared in the period:
what was cleared before is open on none of its days."""

Sums = dict[tuple[str, str], dict[date, int]]


@dataclass(frozen=True, slots=True)
class LedgerProof:
    """One day of a ledger's proof. Minor units, + is money in for the account's owner.

    `closing` None: some account's statements state no balance; its lines stand in for it then. `stated`: a statement
    ends on that very day. `opening_difference` counts as explained once a person confirmed it; days before a confirmed
    opening (`before_opening`) are not proved.
    """

    day: date
    currency: str
    decimal_places: int
    closing: int | None
    stated: bool
    statement_balance: int
    ledger_balance: int
    opening_difference: int
    opening_confirmed: bool
    before_opening: bool
    open_a: int
    open_b: int
    written_off_a: int
    written_off_b: int

    @property
    def difference(self) -> int:
        """Statement less books."""
        return self.statement_balance - self.ledger_balance

    @property
    def open_items(self) -> int:
        return self.open_a - self.open_b

    @property
    def written_off(self) -> int:
        return self.written_off_a - self.written_off_b

    @property
    def unexplained(self) -> int:
        if self.before_opening:
            return 0
        return self.difference - self.opening_difference - self.open_items - self.written_off

    @property
    def ties_out(self) -> bool:
        known = self.opening_confirmed or self.opening_difference == 0
        return self.unexplained == 0 and known and not self.before_opening


@dataclass(frozen=True, slots=True)
class Break:
    """The unexplained amount changed by `amount` on this day: that is where to look."""

    day: date
    amount: int


def ledger_proof(ledger: Ledger, day: date) -> LedgerProof:
    return proof_days(ledger, since=day, until=day)[0]


def proof_days(ledger: Ledger, *, since: date, until: date) -> list[LedgerProof]:
    """The proof of each day of the period, both ends included; six queries however long it is."""
    found = Reconciliation.objects.filter(ledger=ledger).first()
    opening = _Opening.of(ledger)
    books = _running(_ledger_days(ledger, until))
    sums = _events(found, opening, since, until) if found is not None else {}
    running = {key: _running(days) for key, days in sums.items()}
    accounts = _accounts(ledger, opening, since, until)
    return [
        LedgerProof(
            day=day,
            currency=ledger.currency,
            decimal_places=ledger.decimal_places,
            closing=sum(each.at(day) for each in accounts) if accounts and _all_stated(accounts) else None,
            stated=bool(accounts) and all(each.stated_on(day) for each in accounts),
            statement_balance=sum(each.at(day) for each in accounts),
            ledger_balance=books.at(day),
            opening_difference=opening.difference(accounts),
            opening_confirmed=opening.confirmed,
            before_opening=opening.day is not None and day < opening.day,
            **{
                f"{kind}_{side}": running[side, kind].at(day) if (side, kind) in running else 0
                for kind in ("open", "written_off")
                for side in (Side.A.value, Side.B.value)
            },
        )
        for day in (since + timedelta(days=n) for n in range((until - since).days + 1))
    ]


def breaks_of(days: Sequence[LedgerProof]) -> list[Break]:
    """The days on which the unexplained amount changes, from 0 before the first: they name the day and the cent."""
    found, before = [], 0
    for proof in days:
        if proof.unexplained != before:
            found.append(Break(proof.day, proof.unexplained - before))
            before = proof.unexplained
    return found


@dataclass(frozen=True, slots=True)
class _Opening:
    """The ledger's confirmed opening balance, and what its books said before that day."""

    balance: int | None
    day: date | None
    books_before: int

    @classmethod
    def of(cls, ledger: Ledger) -> _Opening:
        if ledger.opening_balance is None or ledger.opening_balance_on is None:
            return cls(None, None, 0)
        before = LedgerDelta.objects.filter(ledger=ledger, date__lt=ledger.opening_balance_on)
        sums = before.aggregate(debit=Sum("debit"), credit=Sum("credit"))
        books = ((sums["credit"] or 0) - (sums["debit"] or 0)) * ledger.effect_sign
        return cls(ledger.opening_balance, ledger.opening_balance_on, books)

    @property
    def confirmed(self) -> bool:
        return self.balance is not None

    def difference(self, accounts: Sequence[_Account]) -> int:
        """Confirmed: the stated opening less the books before it. Else what the first statements state, since all
        entries are open items then."""
        if self.balance is not None:
            return self.balance - self.books_before
        return sum(account.opening for account in accounts)


@dataclass(frozen=True, slots=True)
class _Running:
    """A sum that changes on some days; `at` is its value at the end of a day."""

    days: list[date]
    sums: list[int]

    def at(self, day: date) -> int:
        place = bisect_right(self.days, day)
        return self.sums[place - 1] if place else 0


def _running(changes: Mapping[date, int]) -> _Running:
    days, sums, total = sorted(changes), [], 0
    for day in days:
        total += changes[day]
        sums.append(total)
    return _Running(days, sums)


@dataclass(frozen=True, slots=True)
class _Account:
    """A bank account as its statements tell it: stated closings by day, what it held before all its lines (`first`), its
    lines by day, and the first `opening` that a statement states (0: none does)."""

    first: int
    stated: bool
    closings: dict[date, int]
    lines: dict[date, int]
    opening: int

    def at(self, day: date) -> int:
        """The last stated closing and the lines since."""
        ends = max((end for end in self.closings if end <= day), default=None)
        base = self.first if ends is None else self.closings[ends]
        return base + sum(
            amount for on, amount in self.lines.items() if on <= day and (ends is None or on > ends)
        )

    def stated_on(self, day: date) -> bool:
        return day in self.closings


def _all_stated(accounts: Sequence[_Account]) -> bool:
    return all(account.stated for account in accounts)


def _accounts(ledger: Ledger, opening: _Opening, since: date, until: date) -> list[_Account]:
    of_accounts = DataStream.objects.live().filter(bank_account__ledger=ledger, kind=StreamKind.STATEMENT)
    streams = list(of_accounts.order_by("pk"))
    statements: dict[int, list[Statement]] = defaultdict(list)
    rows = Statement.objects.filter(
        stream__in=streams, voided_at=None, opening_amount__isnull=False, closing_amount__isnull=False
    )
    for row in rows.order_by("opening_on", "from_date", "closing_on", "pk"):
        statements[row.stream_id].append(row)
    stated = [
        _stated(stream, statements[stream.pk], since, until) for stream in streams if statements[stream.pk]
    ]
    silent = [stream for stream in streams if not statements[stream.pk]]
    return stated + _silent(silent, stated, opening, until)


def _stated(stream: DataStream, statements: list[Statement], since: date, until: date) -> _Account:
    """An account whose statements state balances. Before the first of them its lines lead back from its opening."""
    closings = _closings(statements)
    start = _first(statements)
    after = max((ends for ends in closings if ends <= since), default=None)
    lines = _line_days(stream, after, until)
    begins = start.from_date or start.opening_on
    earlier = sum(amount for on, amount in lines.items() if begins is not None and on < begins)
    return _Account((start.opening_amount or 0) - earlier, True, closings, lines, start.opening_amount or 0)


def _silent(
    streams: Sequence[DataStream], stated: Sequence[_Account], opening: _Opening, until: date
) -> list[_Account]:
    """Accounts without stated balances: their lines stand in, from what the confirmed opening leaves for them on."""
    before = opening.day - timedelta(days=1) if opening.day is not None else None
    left = 0
    if opening.balance is not None and before is not None:
        left = opening.balance - sum(account.at(before) for account in stated)
    found = []
    for stream in streams:
        found.append(_Account(left, False, {}, _line_days(stream, before, until), 0))
        left = 0
    return found


def _first(statements: Sequence[Statement]) -> Statement:
    """The statement that begins the account: of several of its earliest day the one that no other of that day leads to."""
    same = [row for row in statements if row.opening_on == statements[0].opening_on]
    ends = {row.closing_amount for row in same}
    return next((row for row in same if row.opening_amount not in ends), statements[0])


def _closings(statements: Sequence[Statement]) -> dict[date, int]:
    """Closing by day: of several statements that end on one day, in whatever order they came, that of the last one."""
    by_day: dict[date, list[Statement]] = defaultdict(list)
    for row in statements:
        if ends := row.closing_on or row.to_date:
            by_day[ends].append(row)
    return {ends: _last(same).closing_amount or 0 for ends, same in by_day.items()}


def _last(same: Sequence[Statement]) -> Statement:
    begins = {row.opening_amount for row in same if row.opening_amount != row.closing_amount}
    return next((row for row in reversed(same) if row.closing_amount not in begins), same[-1])


def _line_days(stream: DataStream, after: date | None, until: date) -> dict[date, int]:
    rows = Record.objects.live().filter(stream=stream, kind=RecordKind.ENTRY, date__lte=until)
    if after is not None:
        rows = rows.filter(date__gt=after)
    return dict(rows.values_list("date").annotate(total=Sum("effect")).order_by())


def _ledger_days(ledger: Ledger, until: date) -> dict[date, int]:
    rows = LedgerDelta.objects.filter(ledger=ledger, date__lte=until).order_by()
    sums = rows.values_list("date").annotate(debit=Sum("debit"), credit=Sum("credit"))
    return {day: (credit - debit) * ledger.effect_sign for day, debit, credit in sums}


def _events(reconciliation: Reconciliation, opening: _Opening, since: date, until: date) -> Sums:
    params: dict[str, Any] = {
        "reconciliation": reconciliation.pk,
        "opened_on": opening.day or date.min,
        "since": since,
        "until": until,
    }
    found: Sums = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(TOKENS_AND_MEMBERS + EVENTS, params)
        for side, kind, day, amount in cursor.fetchall():
            found[side, kind][day] = amount
    return found
