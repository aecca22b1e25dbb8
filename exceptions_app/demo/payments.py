"""The demo's shop payments against what the bank received: most agree, and of the others each has its reason. Dated from
today back, so that the queue looks as on any day: fixed counts and sums, ages that stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from ledgers.services.record_rows import RecordIn

SEED = 20_260_405
PAIRS = 60
YOUNGEST, SPAN = 6, 84
"""Days before today: the last pair, and how far the others reach back."""
TWIN = 17
"""This pair's payment is sent once more, after the two were matched."""
CUSTOMERS = (
    "Nordwind Logistik",
    "Hafenkontor GmbH",
    "Röstmaschinen Oberland",
    "Glasbläserei Ilm",
    "Fjordhaus ApS",
    "Druckerei Fünfstern",
    "Gartenbau Immergrün",
    "Papierhaus Leone",
    "Optik Sternberg",
)
FEES = ((1, 1250_00, 36_55), (2, 480_00, 14_22), (3, 764_00, 22_46))
"""Payments of which the bank's provider kept 2.9% and 0.30."""


@dataclass(frozen=True, slots=True)
class Payments:
    """What the two sides know; `again`: what the shop sends a second time."""

    paid: tuple[RecordIn, ...]
    received: tuple[RecordIn, ...]
    again: RecordIn


def payments(today: date) -> Payments:
    rng = Random(SEED)  # noqa: S311 - the same payments each time
    paid: list[RecordIn] = []
    received: list[RecordIn] = []
    for number in range(PAIRS):
        age = YOUNGEST + (number * 37) % SPAN
        amount, customer = rng.randint(12_00, 1900_00), rng.choice(CUSTOMERS)
        name = f"PAY-{1000 + number}"
        paid.append(_paid(today, age, amount, name, customer))
        received.append(_received(today, age - rng.randint(1, 3), amount, name, f"{name} {customer}"))
        if number == TWIN:
            again = _paid(today, age, amount, name, customer, twin=True)
    for side, planted in ((paid, _paid_without_match(today)), (received, _received_without_match(today))):
        side.extend(planted)
    return Payments(tuple(paid), tuple(received), again)


def _paid_without_match(today: date) -> list[RecordIn]:
    fees = [_paid(today, 30 + 9 * n, gross, f"PAY-{2000 + n}", CUSTOMERS[n]) for n, gross, _fee in FEES]
    return [
        *fees,
        _paid(today, 21, 518_40, "PAY-2010", "Nordwind Logistik"),  # swapped digits
        _paid(today, 26, 912_37, "PAY-2020", "Hafenkontor GmbH"),  # paid in two parts
        _paid(today, 96, 274_90, "PAY-2030", "Optik Sternberg"),  # paid much later
        _paid(today, 13, 333_33, "PAY-2040", "Papierhaus Leone"),  # never paid
        _paid(today, 9, 149_00, "PAY-2050", "Lakeside Tools Inc", currency="USD"),  # never paid
        _paid(today, 2, 88_00, "PAY-2060", "Glasbläserei Ilm"),  # not yet due
        _paid(today, 1, 45_50, "PAY-2061", "Fjordhaus ApS"),  # not yet due
    ]


def _received_without_match(today: date) -> list[RecordIn]:
    fees = [
        _received(today, 28 + 9 * n, gross - fee, "", f"Provider payout PAY-{2000 + n} {CUSTOMERS[n]}")
        for n, gross, fee in FEES
    ]
    return [
        *fees,
        _received(today, 20, 581_40, "", "Nordwind Logistik"),
        _received(today, 24, 548_22, "", "PAY-2020 first part, Hafenkontor GmbH"),
        _received(today, 19, 364_15, "", "PAY-2020 second part, Hafenkontor GmbH"),
        _received(today, 51, 274_90, "", "Optik Sternberg"),
        _received(today, 33, -61_07, "", "Account charges"),
        # Money came before the shop has sent its payments: not yet due.
        *(
            _received(today, 1 + n % 4, 103_19 + 5_741 * n, f"PAY-{2100 + n}", f"PAY-{2100 + n} {customer}")
            for n, customer in enumerate(CUSTOMERS)
        ),
    ]


def _paid(
    today: date, age: int, amount: int, name: str, customer: str, *, currency: str = "EUR", twin: bool = False
) -> RecordIn:
    return RecordIn(
        date=today - timedelta(days=age),
        amount=amount,
        direction="credit",
        currency=currency,
        reference=name,
        description=f"Payment {name}",
        counterparty=customer,
        external_id=f"shop-{name}{'-again' if twin else ''}",
    )


def _received(today: date, age: int, amount: int, name: str, text: str) -> RecordIn:
    return RecordIn(
        date=today - timedelta(days=age),
        amount=abs(amount),
        direction="credit" if amount >= 0 else "debit",
        currency="EUR",
        reference=name,
        description=text,
        external_id=f"B-{age:02}{abs(amount)}",
    )
