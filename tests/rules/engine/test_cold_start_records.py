"""Cold start on records as they come: none, one side only, without texts, of every script, size, sign and currency."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rules.engine.cold_start import propose
from tests.rules.engine import planted
from tests.rules.engine.planted import Planted, side

SIZE = 600


@pytest.fixture(scope="module")
def book() -> Planted:
    return planted.clean_reference(SIZE)


def reference_first(found) -> bool:
    (leaf, *_) = found.proposals[0].body["filters"]["rules"]
    return (leaf["key"], leaf["value"]) == ("reference", "reference")


def test_nothing_is_proposed_where_a_side_has_no_records(book):
    nothing_a, nothing_b = book.a.clear(), book.b.clear()
    for a, b in [(nothing_a, nothing_b), (book.a, nothing_b), (nothing_a, book.b)]:
        found = propose(a, b)
        assert found.proposals == ()
        assert [step.name for step in found.steps] == ["too_short"]


def on_days(book: Planted, day: object) -> tuple[pl.DataFrame, pl.DataFrame]:
    return tuple(frame.with_columns(date=day) for frame in (book.a, book.b))


def test_a_single_day_tells_nothing(book):
    """All stands together: there are no other days to compare with."""
    found = propose(*on_days(book, pl.lit(book.a["date"][0])))
    assert found.proposals == ()
    assert found.steps[-1].name == "too_short"


@pytest.mark.parametrize("weeks", [2, 3, 5, 8])
def test_a_few_weeks_are_enough_for_a_reference(book, weeks):
    first = book.a["date"].min()
    a, b = (
        frame.with_columns(
            date=first + pl.duration(days=(pl.col("date") - first).dt.total_days() % (7 * weeks))
        )
        for frame in (book.a, book.b)
    )
    assert reference_first(propose(a, b))


def test_amounts_alone_are_proposed_where_they_tell_apart():
    rng = np.random.default_rng(1)
    prices = rng.permutation(10**6)[: 2 * SIZE] + 1
    texts = {"reference": ([None] * 2 * SIZE, [""] * 2 * SIZE)}
    book = planted.pairs(rng, SIZE, prices, rng.integers(0, 3, 2 * SIZE), texts)
    (proposal,) = propose(book.a, book.b).proposals
    assert [leaf["key"] for leaf in proposal.body["filters"]["rules"]] == ["effect", "date"]
    assert book.judged([proposal]) == [(SIZE, SIZE)]


def test_list_prices_alone_tell_nothing():
    rng = np.random.default_rng(2)
    prices = planted.list_prices(rng, 2 * SIZE, 20)
    book = planted.pairs(rng, SIZE, prices, rng.integers(0, 3, 2 * SIZE), {})
    assert propose(book.a, book.b).proposals == ()


def test_records_without_texts_leave_the_others_their_rule():
    """Half of the references are missing, on Side B as nothing at all; amounts alone tell nothing."""
    rng = np.random.default_rng(3)
    reference = [f"R{number:05d}" if number % 2 else "" for number in range(2 * SIZE)]
    missing = [text or None for text in reference]
    prices = planted.list_prices(rng, 2 * SIZE, 20)
    book = planted.pairs(rng, SIZE, prices, rng.integers(0, 3, 2 * SIZE), {"reference": (reference, missing)})
    found = propose(book.a, book.b)
    assert reference_first(found)
    assert book.judged(found.proposals)[0] == (SIZE // 2, SIZE // 2)


@pytest.mark.parametrize(
    "script",
    [
        "Müller & Söhne {}",
        "Δοκιμή {}",
        "株式会社 {} 御中",
        "שלום {}",
        "e\u0301te\u0301 {}",
        "🧾{}",
        "a\x00b {}",
    ],
)
def test_texts_of_every_script(script, book):
    label = pl.format(script, pl.col("reference"))
    a, b = (frame.with_columns(reference=label, description=label) for frame in (book.a, book.b))
    assert reference_first(propose(a, b))


HUGE = 2**62 - 10**9


@pytest.mark.parametrize(
    "change", [lambda m: -m, lambda m: m.sign() * (HUGE + m.abs()), lambda m: m.sign() * HUGE]
)
def test_amounts_of_every_size_and_sign(change, book):
    a, b = (frame.with_columns(measure=change(pl.col("measure"))) for frame in (book.a, book.b))
    assert reference_first(propose(a, b))


def test_opposite_signs_meet_where_magnitudes_are_compared(book):
    turned = book.b.with_columns(measure=-pl.col("measure"))
    assert propose(book.a, turned).proposals == ()
    found = propose(book.a, turned, sign_mode="magnitude")
    assert reference_first(found)
    assert found.proposals[0].body["filters"]["rules"][1] == {
        "key": "amount",
        "operand": "eq",
        "value": "amount",
    }


CURRENCIES = ["EUR", "JPY", "KWD"]


def in_currencies(frame: pl.DataFrame, place: pl.Expr) -> pl.DataFrame:
    return frame.with_columns(
        currency=place.replace_strict([0, 1, 2], CURRENCIES),
        decimal_places=place.replace_strict([0, 1, 2], [2, 0, 3], return_dtype=pl.Int16),
    )


def test_currencies_never_meet(book):
    by_reference = pl.col("reference").str.slice(1).cast(pl.Int64) % 3
    a, b = in_currencies(book.a, by_reference), in_currencies(book.b, by_reference)
    found = propose(a, b)
    assert reference_first(found)
    assert found.proposals[0].found == SIZE
    assert propose(a, in_currencies(book.b, (by_reference + 1) % 3)).proposals == ()


def test_amounts_of_zero_are_left_alone(book):
    assert propose(*(frame.with_columns(measure=pl.lit(0)) for frame in (book.a, book.b))).proposals == ()


@pytest.mark.parametrize("days", [-9_000, 400])
def test_a_record_of_long_ago_and_a_gap_change_nothing(days, book):
    """Weeks without records are no part of the calendar that is shifted."""
    early = book.b["date"].min() + (book.b["date"].max() - book.b["date"].min()) / 2
    moved = pl.when(pl.col("date") < early).then(pl.col("date") - pl.duration(days=400)).otherwise("date")
    far = side(np.array([days]), np.array([12_345]), reference=["X"], description=["x"]).with_columns(
        id=pl.lit(10**6, pl.Int64)
    )
    a, b = (
        pl.concat([book.a.with_columns(date=moved), far]),
        pl.concat([book.b.with_columns(date=moved), far]),
    )
    assert reference_first(propose(a, b))
    noise = planted.noise(SIZE)
    far = far.select(noise.b.columns)
    assert propose(noise.a, pl.concat([noise.b, far])).proposals == ()
