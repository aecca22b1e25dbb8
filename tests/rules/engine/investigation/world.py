"""Two sides of open records that have nothing to do with each other, and records planted among them whose cause is known.
Fixed seeds; days count back from TODAY.

Amounts are lognormal (half of them below 365.00), a quarter of them round, three in ten negative, in four currencies (EUR for
most), over 150 days and three streams of either side. 800 counterparties, of which some turn up far more often than others; a
fifth of the books' records have no reference, and banks write numbers of their own.

What belongs together shares the reference in 45 of 100 cases and the counterparty's name in 75 of 100, independently: one in
six shares no text at all. It is booked up to five days later, seldom before. Only where a cause says otherwise:
- outside the window: 8 to 60 days later;
- swapped digits, sign and decimal slip (by 10, 100 or 1000, either way): nothing more;
- fee: 2.9% and 0.30, 1.4%, or 15.00, of 60.00 and more; 5% of the matched pairs have one too;
- parts and combined payments: two to four within three weeks; the payer's name is always told;
- other currency: within 1.5% of the rate; the reference (60 of 100) or the name is always told;
- duplicate: of a matched record, up to three days later, the reference in 70 of 100;
- same reference: of an unrelated amount, up to 30 days later, half of them matched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from rules.engine.investigation import MATCHED, RECORDS, Cause
from tests.clock import TODAY

SPAN = 150
PLACES = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0}
RATES = {"EUR": 1.0, "USD": 1.09, "GBP": 0.85, "JPY": 163.0}
SYLLABLES = ["ba", "do", "fe", "gu", "ka", "li", "mo", "nu", "pe", "ra", "so", "ti", "vu", "wa", "zi"]
FORMS = ["GmbH", "Ltd", "Inc", "SA", "BV", "AB"]
KNOWN_REFERENCE, KNOWN_NAME = 0.45, 0.75
FEES = [(0.029, 30), (0.014, 0), (0.0, 1500)]


def record(number: int, side: str, day: int, amount: int, **texts: object) -> dict:
    """One record; `day` counts from the first of the books."""
    given = {"currency": "EUR", "decimal_places": 2, "stream": 1 if side == "a" else 2, **texts}
    empty = dict.fromkeys(("reference", "description", "counterparty", "external_id"), "")
    when = TODAY - timedelta(days=SPAN - day)
    return {**empty, "id": number, "side": side, "date": when, "amount": amount, **given}


def frame(records: list[dict], schema: dict | None = None) -> pl.DataFrame:
    return (
        pl.DataFrame(records, schema=schema or RECORDS, orient="row")
        if records
        else pl.DataFrame(schema=schema or RECORDS)
    )


@dataclass
class Planted:
    """A record and what should be said of it."""

    record: int
    cause: Cause
    suggested: frozenset[int]


@dataclass
class World:
    """Side A is asked about. `nothing`: records of it that nothing explains."""

    rng: np.random.Generator
    own: list[dict] = field(default_factory=list)
    other: list[dict] = field(default_factory=list)
    matched: list[dict] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)
    nothing: list[int] = field(default_factory=list)
    number: int = 0

    def __post_init__(self) -> None:
        names = np.random.default_rng(99)
        self.names = [self._name(names) for _ in range(800)]
        weight = 1 / np.arange(20, 820)
        self.weight = np.cumsum(weight / weight.sum())
        self.references = iter(self.rng.permutation(900_000) + 100_000)

    def _name(self, rng: np.random.Generator) -> str:
        words = ["".join(rng.choice(SYLLABLES, rng.integers(2, 5))).title() for _ in range(2)]
        return f"{words[0]} {words[1]} {rng.choice(FORMS)}"

    # --- Parts ------------------------------------------------------------------------------------------------------

    def amount(self) -> int:
        drawn = int(np.exp(self.rng.normal(10.5, 1.5))) + 100
        if self.rng.random() < 0.25:
            step = (100, 500, 1000)[int(self.rng.integers(3))]
            drawn = max(drawn // step, 1) * step
        return drawn if self.rng.random() < 0.7 else -drawn

    def name(self) -> str:
        return self.names[int(np.searchsorted(self.weight, self.rng.random()))]

    def currency(self) -> str:
        return list(PLACES)[int(np.searchsorted([0.7, 0.9, 0.97], self.rng.random()))]

    def pick(self, *these: str) -> str:
        return these[int(self.rng.integers(len(these)))]

    def trade(self, **given: object) -> dict:
        """Who, what for and when: what the two sides have in common."""
        return {
            "name": self.name(),
            "reference": f"INV-{next(self.references)}",
            "day": int(self.rng.integers(0, SPAN - 10)),
            "amount": self.amount(),
            "currency": self.currency(),
            **given,
        }

    def book(self, trade: dict, side: str, **given: object) -> dict:
        """A record of the trade as the books (Side A) or as the bank (Side B) writes it; not yet put anywhere."""
        self.number += 1
        currency = str(given.pop("currency", trade["currency"]))
        texts = self._of_books(trade) if side == "a" else self._of_bank(trade, **_texts(given))
        values = {"day": trade["day"], "amount": trade["amount"], **given}
        stream = int(self.rng.integers(1, 4)) + (0 if side == "a" else 3)
        return record(
            self.number,
            side,
            values["day"],
            values["amount"],
            currency=currency,
            decimal_places=PLACES[currency],
            stream=stream,
            **texts,
        )

    def _of_books(self, trade: dict) -> dict:
        has_reference = self.rng.random() < 0.8
        return {
            "reference": trade["reference"] if has_reference else "",
            "description": self.pick("Invoice", "Sale", "Order", "Services")
            + f" {self.rng.integers(1, 10**4)}",
            "counterparty": trade["name"],
        }

    def _of_bank(
        self, trade: dict, known_reference: float = KNOWN_REFERENCE, known_name: float = KNOWN_NAME
    ) -> dict:
        name = (
            trade["name"].upper()
            if self.rng.random() < known_name
            else self.pick("", "CARD SETTLEMENT", "TRANSFER")
        )
        told = (
            trade["reference"]
            if self.rng.random() < known_reference
            else f"{self.rng.integers(10**7, 10**8)}"
        )
        in_text = self.rng.random() < 0.5
        return {
            "reference": "" if in_text else told,
            "description": f"PAYMENT {name} {told if in_text else ''}".strip(),
            "counterparty": "" if self.rng.random() < 0.4 else name,
            "external_id": f"TX{self.rng.integers(10**9, 10**10)}",
        }

    def lag(self) -> int:
        return min(int(self.rng.geometric(0.4)) - 1, 5) * (1 if self.rng.random() < 0.85 else -1)

    # --- Everything that is only there ------------------------------------------------------------------------------

    def strangers(self, own: int, other: int) -> None:
        for _ in range(own):
            made = self.book(self.trade(), "a")
            self.own.append(made)
            self.nothing.append(made["id"])
        self.other += [self.book(self.trade(), "b") for _ in range(other)]

    def matches(self, count: int, fees: float = 0.05) -> None:
        for match in range(count):
            trade = self.trade()
            net = after_fee(trade["amount"], FEES[match % 3]) if self.rng.random() < fees else trade["amount"]
            pair = self.book(trade, "a"), self.book(trade, "b", amount=net, day=trade["day"] + self.lag())
            self.matched += [{"match": match, **one} for one in pair]

    # --- Plants -----------------------------------------------------------------------------------------------------

    def plant(self, cause: Cause, trade: dict, suggested: list[dict], own: list[dict] | None = None) -> int:
        """The trade's record (or these, of which the first is asked about) with what explains it."""
        own = own or [self.book(trade, "a")]
        self.own += own
        told = frozenset(one["id"] for one in [*suggested, *own[1:]])
        self.planted.append(Planted(own[0]["id"], cause, told))
        return own[0]["id"]

    def plant_single(self, cause: Cause) -> int:
        """One record of the other side, with what the cause makes of amount and day."""
        trade = self.trade()
        changed = self.changed(cause, trade)
        own = self.book(trade, "a")
        if "known_reference" in changed:
            own["reference"] = trade["reference"]
        made = self.book(trade, "b", **changed)
        self.other.append(made)
        return self.plant(cause, trade, [made], [own])

    def changed(self, cause: Cause, trade: dict) -> dict:
        given: dict = {"day": trade["day"] + self.lag()}
        while cause in (Cause.SWAPPED_DIGITS, Cause.FEE, Cause.DECIMAL_SLIP) and "amount" not in given:
            trade["amount"] = self.amount()
            slip = {Cause.SWAPPED_DIGITS: self.swap, Cause.FEE: self.fee, Cause.DECIMAL_SLIP: self.slip}[
                cause
            ]
            if (amount := slip(trade["amount"])) is not None:
                given["amount"] = amount
        if cause == Cause.OUTSIDE_WINDOW:
            given["day"] = trade["day"] + int(self.rng.integers(8, 61))
        if cause == Cause.SIGN_SLIP:
            given["amount"] = -trade["amount"]
        if cause == Cause.OTHER_CURRENCY:
            given |= self.converted(trade)
        return given

    def swap(self, amount: int) -> int | None:
        digits = list(str(abs(amount)))
        place = int(self.rng.integers(0, len(digits) - 1))
        if digits[place] == digits[place + 1] or (place == 0 and digits[1] == "0"):
            return None
        digits[place], digits[place + 1] = digits[place + 1], digits[place]
        return int("".join(digits)) * (1 if amount > 0 else -1)

    def slip(self, amount: int) -> int | None:
        factor = int(self.rng.choice([10, 100, 1000], p=[0.4, 0.45, 0.15]))
        if self.rng.random() < 0.5:
            return amount * factor
        return amount // factor if amount % factor == 0 and abs(amount) >= 100 * factor else None

    def fee(self, amount: int) -> int | None:
        return after_fee(amount, FEES[int(self.rng.integers(3))]) if abs(amount) >= 6000 else None

    def converted(self, trade: dict) -> dict:
        """At the day's rate, within 1.5%; the reference or the name always tells."""
        other = self.pick(*(one for one in PLACES if one != trade["currency"]))
        rate = RATES[other] / RATES[trade["currency"]] * (1 + self.rng.uniform(-0.015, 0.015))
        shift = 10.0 ** (PLACES[other] - PLACES[trade["currency"]])
        told = {"known_reference": 1.0} if self.rng.random() < 0.6 else {"known_name": 1.0}
        return {"amount": round(trade["amount"] * rate * shift) or 1, "currency": other, **told}

    def plant_split(self) -> int:
        """Two to four parts within three weeks, each of which tells the reference in 45 of 100 cases and the payer always."""
        trade = self.trade(amount=self.amount() * 3)
        parts = [
            self.book(
                trade, "b", amount=part, day=trade["day"] + int(self.rng.integers(0, 21)), known_name=1.0
            )
            for part in self.cut(trade["amount"])
        ]
        self.other += parts
        return self.plant(Cause.SPLIT_PAYMENT, trade, parts)

    def plant_combined(self) -> int:
        """Two to four records of one counterparty within three weeks, paid at once; the payment tells one of the references in
        45 of 100 cases and the payer always."""
        trade = self.trade(amount=self.amount() * 3)
        own = []
        for part in self.cut(trade["amount"]):
            day = max(trade["day"] - int(self.rng.integers(0, 21)), 0)
            one = self.trade(name=trade["name"], currency=trade["currency"], amount=part, day=day)
            own.append((one, self.book(one, "a")))
        told = {**trade, "reference": own[int(self.rng.integers(len(own)))][0]["reference"]}
        made = self.book(told, "b", known_name=1.0)
        self.other.append(made)
        return self.plant(Cause.COMBINED_PAYMENT, trade, [made], [one for _, one in own])

    def cut(self, amount: int) -> list[int]:
        size = int(self.rng.integers(2, 5))
        shares = self.rng.dirichlet(np.full(size, 4.0))[:-1]
        parts = [int(amount * share) for share in shares]
        return [*parts, amount - sum(parts)]

    def plant_duplicate(self) -> int:
        """A matched record of the last months again, up to three days later: with its reference in 70 of 100 cases, with its
        name always."""
        twin = self.matched[2 * int(self.rng.integers(len(self.matched) // 2))]
        self.number += 1
        again = {name: value for name, value in twin.items() if name != "match"}
        again |= {"id": self.number, "date": twin["date"] + timedelta(days=int(self.rng.integers(0, 4)))}
        if self.rng.random() >= 0.7:
            again["reference"] = ""
        return self.plant(Cause.DUPLICATE, {}, [twin], [again])

    def plant_reference(self) -> int:
        """Its reference on a record of another amount, half of them matched already, within a month."""
        trade = self.trade()
        own = self.book(trade, "a") | {"reference": trade["reference"]}
        made = self.book(
            trade,
            "b",
            amount=self.amount(),
            day=trade["day"] + int(self.rng.integers(0, 31)),
            known_reference=1.0,
        )
        if self.rng.random() < 0.5:
            self.other.append(made)
        else:
            self.matched.append({"match": 10**6 + made["id"], **made})
        return self.plant(Cause.SAME_REFERENCE, trade, [made], [own])

    def plant_any(self, cause: Cause) -> int:
        special = {
            Cause.SPLIT_PAYMENT: self.plant_split,
            Cause.COMBINED_PAYMENT: self.plant_combined,
            Cause.DUPLICATE: self.plant_duplicate,
            Cause.SAME_REFERENCE: self.plant_reference,
        }
        return special[cause]() if cause in special else self.plant_single(cause)

    def plant_double(self, first: Cause, second: Cause) -> tuple[Planted, Planted]:
        """Two records that explain one by different causes; both tell the payer, and the reference where one of them has another
        currency."""
        trade = self.trade()
        abroad = Cause.OTHER_CURRENCY in (first, second)
        told = {"known_name": 1.0, "known_reference": float(abroad)}
        made = [self.book(trade, "b", **{**self.changed(cause, trade), **told}) for cause in (first, second)]
        own = self.book(trade, "a") | ({"reference": trade["reference"]} if abroad else {})
        self.own.append(own)
        self.other += made
        one, other = (
            Planted(own["id"], cause, frozenset({told["id"]}))
            for cause, told in zip((first, second), made, strict=True)
        )
        return one, other

    # --- Frames -----------------------------------------------------------------------------------------------------

    def frames(self, asked: list[int]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        own = frame(self.own)
        wanted = own.filter(pl.col("id").is_in(asked))
        return wanted, own, frame(self.other), frame(self.matched, MATCHED)


def _texts(given: dict) -> dict:
    return {name: given.pop(name) for name in ("known_reference", "known_name") if name in given}


def after_fee(amount: int, schedule: tuple[float, int]) -> int:
    size = abs(amount)
    return (size - round(size * schedule[0]) - schedule[1]) * (1 if amount > 0 else -1)


def day(number: int) -> date:
    return TODAY - timedelta(days=SPAN - number)
