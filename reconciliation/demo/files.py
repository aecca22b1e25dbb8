"""The statement files of the demo's months, as they arrive: which days are in which, one twice, one overlapping."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from reconciliation.demo import camt, csv_files
from reconciliation.demo.camt import StatedDays
from reconciliation.demo.happenings import BankLine, Month
from reconciliation.demo.maker import BUSINESS_DAYS

FIRST_SEQUENCE = 41  # the bank's 41st statement of the year is that of the first business day


@dataclass(frozen=True, slots=True)
class DemoFile:
    """A file as it arrives. `lines` it states; `known` of them came with an earlier file; `again`: bytes that came before."""

    name: str
    content: bytes
    lines: int
    known: int = 0
    again: bool = False


def eur_files(month: Month) -> list[DemoFile]:
    """Three weeks of camt.053 version 02, the second week's twice; then the bank moves to version 08."""
    weeks = [_daily(month, date(2026, 3, start), date(2026, 3, start + 4)) for start in (2, 9, 16)]
    later = [
        _period(month, date(2026, 3, 23), date(2026, 3, 27)),
        _period(month, date(2026, 3, 30), date(2026, 3, 31)),
    ]
    second = weeks[1]
    sent_again = DemoFile(second.name.replace(".xml", "_2.xml"), second.content, second.lines, again=True)
    return [weeks[0], second, sent_again, weeks[2], *later]


def jpy_files(month: Month) -> list[DemoFile]:
    """Two exports from the bank's portals in different dialects; the second begins before the first one's end."""
    first = _stated(month, date(2026, 3, 1), date(2026, 3, 16))
    second = _stated(month, date(2026, 3, 13), date(2026, 3, 31))
    both = {line.id for line in first} & {line.id for line in second}
    return [
        DemoFile("export_20260301-20260316.csv", csv_files.with_direction(month.account, first), len(first)),
        DemoFile(
            "Transactions 13.03.-31.03.2026.csv",
            csv_files.debit_and_credit(month.account, second),
            len(second),
            known=len(both),
        ),
    ]


def _daily(month: Month, first: date, last: date) -> DemoFile:
    days = [day for day in BUSINESS_DAYS if first <= day <= last]
    statements = [_statement(month, day, day) for day in days]
    name = f"CAMT053_{month.account.iban[-10:]}_{last:%Y%m%d}.xml"
    return DemoFile(name, camt.version_02(month.account, statements), sum(len(s.lines) for s in statements))


def _period(month: Month, first: date, last: date) -> DemoFile:
    statement = _statement(month, first, last)
    name = f"camt.053.001.08_{last}.xml"
    return DemoFile(name, camt.version_08(month.account, [statement]), len(statement.lines))


def _statement(month: Month, first: date, last: date) -> StatedDays:
    """Balances are of every line that the bank booked, also of one that its file lacks."""
    before = [line.amount for line in month.lines if line.day < first]
    within = [line.amount for line in month.lines if first <= line.day <= last]
    opening = month.account.opening + sum(before)
    sequence = FIRST_SEQUENCE + BUSINESS_DAYS.index(first)
    return StatedDays(first, last, sequence, opening, opening + sum(within), _stated(month, first, last))


def _stated(month: Month, first: date, last: date) -> list[BankLine]:
    return [line for line in month.lines if line.stated and first <= line.day <= last]
