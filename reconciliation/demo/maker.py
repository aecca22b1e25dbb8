"""Makes lines and entries with amounts, names and numbers of their own, the same ones each time. Used by `months`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any, TypeVar

from reconciliation.demo.happenings import Account, BankLine, BookEntry

FIRST_DAY, LAST_DAY = date(2026, 3, 2), date(2026, 3, 31)
BUSINESS_DAYS = tuple(
    day
    for day in (FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1))
    if day.isoweekday() < 6
)

TRANSFER_IN = ("PMNT", "RCDT", "ESCT")
TRANSFER_OUT = ("PMNT", "ICDT", "ESCT")
TRANSFER_RETURNED = ("PMNT", "RCDT", "RRTN")
DIRECT_DEBIT_OUT = ("PMNT", "RDDT", "ESDD")
DIRECT_DEBITS_IN = ("PMNT", "IDDT", "ESDD")
PAYROLL = ("PMNT", "ICDT", "SALA")
CHARGES = ("ACMT", "MDOP", "CHRG")

CUSTOMERS = (
    "Nordlicht Kaffee GmbH",
    "Atelier Amselweg",
    "Brückner & Söhne KG",
    "Café Zum Anker",
    "Delta Werkzeuge GmbH",
    "Elbtal Optik",
    "Fjordhaus ApS",
    "Gartenbau Immergrün",
    "Hofladen Lindenau",
    "Isarwinkel Sport GmbH",
    "Jansen, Pauls & Co.",
    "Kräuterkontor Süd",
)
SUPPLIERS = (
    "Papierwerk Altmühl AG",
    "Stadtwerke Musterstadt",
    "Röstmaschinen Oberland",
    "Spedition Weitblick",
    "Druckerei Fünfstern",
    "Glasbläserei Ilm",
)
MAKERS_JP = ("Aoyama Ceramics K.K.", "Kita Tea Trading", "Minato Packaging", "Sakura Filter Works")

Choice = TypeVar("Choice")


class Maker:
    """Only `Random.random` is drawn from: Python keeps its sequence the same for a seed in every version."""

    def __init__(self, account: Account, seed: int) -> None:
        self.account = account
        self._random = Random(seed)  # noqa: S311 - made-up business, no secret
        self._amounts: set[int] = set()
        self._numbers: dict[str, int] = {}

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def pick(self, options: Sequence[Choice]) -> Choice:
        return options[self.whole(0, len(options) - 1)]

    def amount(self, low: int, high: int) -> int:
        """Minor units, never the same amount twice: only planted twins are equal. Small amounts are the more frequent."""
        while True:
            top = self.pick((low + (high - low) // 40, low + (high - low) // 8, high))
            amount = self.whole(low, top)
            if amount not in self._amounts:
                self._amounts.add(amount)
                return amount

    def number(self, series: str, start: int = 1) -> int:
        """The next number of a series, as invoices and vouchers are numbered."""
        self._numbers[series] = self._numbers.get(series, start - 1) + 1
        return self._numbers[series]

    def business_day(self) -> date:
        return self.pick(BUSINESS_DAYS)

    def line(
        self,
        day: date,
        amount: int,
        reference: str,
        text: str,
        party: str,
        code: tuple[str, str, str],
        **more: Any,
    ) -> BankLine:
        serial = self.number("line", 10_001)
        self._amounts.add(abs(amount))
        return BankLine(f"{day:%Y%m%d}{serial}", day, day, amount, reference, text, party, code, **more)

    def entry(self, day: date, amount: int, reference: str, text: str, event: str) -> BookEntry:
        self._amounts.add(abs(amount))
        document = f"{self.account.code}-{self.number('document', 1):05d}"
        return BookEntry(document, day, amount, reference, text, event)


def business_day_after(day: date, count: int) -> date:
    """The business day `count` places later (or earlier), staying inside the month."""
    place = BUSINESS_DAYS.index(day) + count
    return BUSINESS_DAYS[max(0, min(place, len(BUSINESS_DAYS) - 1))]
