"""Small random books for Hypothesis: few values, so that records meet often. Drawn one at a time they shrink well; drawn
in bulk from a seed, many independent books go through the engine in one call, each in currencies of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

from hypothesis import strategies as st

from tests.rules.engine.books import Group, Record

REFERENCES = ["", "R-1", "r1", "R2", "7"]
TEXTS = ["", "pay R-1 now", "R-1,R2", "xR-1", "7 r1", "paid 77", "é7é 7"]
AMOUNTS = [100, 100, 200, -100, 150, 0]
BOOKS_PER_SEED = 25
IDS_PER_BOOK = 100


class Book(NamedTuple):
    side_a: list[Record]
    side_b: list[Record]


Side = Callable[[Random], list[Record]]


def mixed(rng: Random, most: int = 5) -> list[Record]:
    """Records that differ in everything."""
    size = rng.randint(0, most)
    found = []
    for number in rng.sample(range(1, size + 1), size):
        day = rng.randint(0, 5)
        record = Record(
            id=number,
            effect=rng.choice(AMOUNTS),
            day=day,
            value_day=rng.choice([day, day, day + 1, None]),
            reference=rng.choice(REFERENCES),
            description=rng.choice(TEXTS),
            counterparty=rng.choice(["", "", "ACME"]),
            currency=rng.choice(["EUR", "EUR", "EUR", "USD"]),
        )
        found.append(record)
    return found


def plain(rng: Random, most: int = 5) -> list[Record]:
    """Records that differ in the day, and sometimes in the reference: many ties."""
    return [
        Record(id=number, day=rng.randint(0, 6), reference=rng.choice(["", "", "R2"]))
        for number in range(1, rng.randint(0, most) + 1)
    ]


def batches(rng: Random, most: int = 6) -> list[Record]:
    """Records with few references and amounts, for rollups."""
    return [
        Record(
            id=number,
            effect=rng.choice([10, 20, 30, 30, 40, -10, 0]),
            day=rng.randint(0, 4),
            value_day=rng.choice([0, 1, 2, None]),
            reference=rng.choice(["B-1", "B-1", "b1", "B2", ""]),
            counterparty=rng.choice(["", "", "ACME"]),
        )
        for number in range(1, rng.randint(0, most) + 1)
    ]


def daily(rng: Random, most: int = 7) -> list[Record]:
    """Records of few days and amounts, for runs of days."""
    return [
        Record(
            id=number,
            effect=rng.choice([10, 10, 20, 20, 30, 40, -10, 0]),
            day=rng.randint(0, 5),
            value_day=rng.choice([0, 1, 2, 4, None]),
            reference=rng.choice(["", "", "R", "r"]),
            counterparty=rng.choice(["", "ACME", "ACME"]),
        )
        for number in range(1, rng.randint(0, most) + 1)
    ]


def uneven(rng: Random, most: int = 6) -> list[Record]:
    """The same with amounts that are near each other."""
    return [replace(one, effect=rng.choice([100, 134, 151, 75, 66, 67, -34])) for one in daily(rng, most)]


TYPED = {
    "no": ["7", "7", "007", "7.0", "-7", "8", "x", ""],
    "total": ["1.00", "1.50", "1", "2", "0.99", "abc", ""],
    "due": ["2026-03-31", "2026-04-01", "2026-04-02", "2026-04-30", "2026-02-30", ""],
    "at": ["2026-03-31T23:30:00Z", "2026-04-01T01:30:00+02:00", "2026-03-31T23:30:00", "2026-04-02", "x", ""],
    "paid": ["true", "false", "TRUE", "yes", ""],
    "list": ['["R-1", "r1"]', "R-1, R2", "[7, 100]", "r1", "2026-03-31,100,-100", '["R-1", "R2"', ""],
}


def typed(rng: Random, most: int = 5) -> list[Record]:
    """Records with metadata of every kind, some of it unreadable."""
    return [
        Record(
            id=number,
            effect=rng.choice([100, 100, -100, 200]),
            day=rng.randint(0, 3),
            reference=rng.choice(REFERENCES),
            description=rng.choice(TEXTS),
            metadata=tuple((key, rng.choice(values)) for key, values in TYPED.items()),
        )
        for number in range(1, rng.randint(0, most) + 1)
    ]


def seeds() -> st.SearchStrategy[int]:
    return st.integers(0, 2**32)


def books(seed: int, side: Side, other: Side | None = None) -> list[Book]:
    rng = Random(seed)
    return [Book(side(rng), (other or side)(rng)) for _ in range(BOOKS_PER_SEED)]


def together(found: Sequence[Book]) -> Book:
    """All books as one: ids and currencies of each are its own."""
    return Book(
        [_own(record, number) for number, book in enumerate(found) for record in book.side_a],
        [_own(record, number) for number, book in enumerate(found) for record in book.side_b],
    )


def _own(record: Record, number: int) -> Record:
    return replace(record, id=own_id(record.id, number), currency=f"{record.currency}{number}")


def own_id(record: int, number: int) -> int:
    return record + IDS_PER_BOOK * number


def apart(groups: Iterable[Group]) -> list[set[Group]]:
    """The groups of each book again, with the book's own ids."""
    found: list[set[Group]] = [set() for _ in range(BOOKS_PER_SEED)]
    for a, b in groups:
        (number,) = {record // IDS_PER_BOOK for record in (*a, *b)}
        found[number].add(
            (frozenset(one % IDS_PER_BOOK for one in a), frozenset(one % IDS_PER_BOOK for one in b))
        )
    return found
