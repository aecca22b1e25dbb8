"""The proof of a ledger for any day: what the bank states, less what the books say, is explained by what is open.

At day D: statement closing − ledger balance = opening difference + open A − open B + written off A − written off B.
Open is `open_amount` at D of free and held items, and members of undecided suggestions. What is left is unexplained.
With today's knowledge: voided, undone and superseded acts are as if they had not been. Asked by pages, API and the demo.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Sum

from ledgers.models import DataStream, Ledger, LedgerDelta, Record, Statement
from ledgers.states import RecordKind
from reconciliation.states import BEFORE_OPENING
from rules.models import Reconciliation
from rules.states import Side

EVENTS = """
SELECT side, kind, day, sum(amount)::bigint FROM (
    SELECT o.side, 'open' AS kind, r.date AS day, o.open_amount AS amount FROM tokens o JOIN ledgers_record r ON r.id = o.record_id
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
    SELECT record_id, side, open_amount, closed_at, cleared_on FROM reconciliation_openitem
    WHERE reconciliation_id = %(reconciliation)s AND close_reason <> %(before_opening)s
), members AS (
    SELECT mm.side, mm.applied, m.status, m.cleared_on, r.date FROM reconciliation_match m
    JOIN reconciliation_matchmember mm ON mm.match_id = m.id AND mm.live
    JOIN ledgers_record r ON r.id = mm.record_id
    WHERE m.reconciliation_id = %(reconciliation)s
        AND (m.status = 'suggested' OR m.status = 'accepted' AND m.cleared_on >= %(since)s)
)
"""
"""Of accepted matches only those cleared in the period: what was cleared before is open on none of its days."""

Sums = dict[tuple[str, str], dict[date, int]]


@dataclass(frozen=True, slots=True)
class LedgerProof:
    """One day of a ledger's proof. Minor units, + is money in for the account's owner.

    `closing` None: some account's statements state no balance; its lines stand in for it then. `stated`: a statement
    ends on that very day. `opening_difference` counts as explained once a person confirmed it.
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
        return self.difference - self.opening_difference - self.open_items - self.written_off

    @property
    def ties_out(self) -> bool:
        return self.unexplained == 0 and (self.opening_confirmed or self.opening_difference == 0)


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
    sums = _events(found, since, until) if found is not None else {}
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
        return sum(account.first for account in accounts)


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
    """A bank account as its statements tell it: stated closings by day, `first` opening, and its lines by day."""

    first: int
    stated: bool
    closings: dict[date, int]
    lines: dict[date, int] = field(default_factory=dict)

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
    streams = list(DataStream.objects.live().filter(bank_account__ledger=ledger).order_by("pk"))
    statements: dict[int, list[Statement]] = defaultdict(list)
    rows = Statement.objects.filter(
        stream__in=streams, voided_at=None, opening_amount__isnull=False, closing_amount__isnull=False
    )
    for row in rows.order_by("opening_on", "from_date", "closing_on", "pk"):
        statements[row.stream_id].append(row)
    sole = opening.balance if opening.balance is not None and not statements else 0
    found = []
    for place, stream in enumerate(streams):
        stated = statements[stream.pk]
        closings = {ends: s.closing_amount or 0 for s in stated if (ends := s.closing_on or s.to_date)}
        first = (stated[0].opening_amount or 0) if stated else (sole if place == 0 else 0)
        after = max((ends for ends in closings if ends <= since), default=None)
        lines = _line_days(stream, after or (opening.day - timedelta(days=1) if opening.day else None), until)
        found.append(_Account(first, bool(stated), closings, lines))
    return found


def _line_days(stream: DataStream, after: date | None, until: date) -> dict[date, int]:
    rows = Record.objects.live().filter(stream=stream, kind=RecordKind.ENTRY, date__lte=until)
    if after is not None:
        rows = rows.filter(date__gt=after)
    return dict(rows.values_list("date").annotate(total=Sum("effect")).order_by())


def _ledger_days(ledger: Ledger, until: date) -> dict[date, int]:
    rows = LedgerDelta.objects.filter(ledger=ledger, date__lte=until).order_by()
    sums = rows.values_list("date").annotate(debit=Sum("debit"), credit=Sum("credit"))
    return {day: (credit - debit) * ledger.effect_sign for day, debit, credit in sums}


def _events(reconciliation: Reconciliation, since: date, until: date) -> Sums:
    params: dict[str, Any] = {
        "reconciliation": reconciliation.pk,
        "before_opening": BEFORE_OPENING,
        "since": since,
        "until": until,
    }
    found: Sums = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(TOKENS_AND_MEMBERS + EVENTS, params)
        for side, kind, day, amount in cursor.fetchall():
            found[side, kind][day] = amount
    return found
