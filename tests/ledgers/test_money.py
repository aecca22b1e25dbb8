"""Money is whole minor units of one currency, and texts become it exactly or not at all."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgers.money import (
    EXPONENTS,
    MINOR_MAX,
    OUT_OF_RANGE,
    TOO_PRECISE,
    UNREADABLE,
    CurrencyMismatch,
    Money,
    exponent,
    exponents,
    format_minor,
    parse_major,
    parse_one,
)


def parsed(text: str, places: int = 2, **options: bool) -> int | str:
    """One text through the column parser."""
    minor, problem = parse_major(pl.Series([text]), places, **options)
    return problem[0] if problem[0] is not None else minor[0]


def test_money_adds_in_one_currency():
    assert Money(1250, "EUR") + Money(5, "EUR") == Money(1255, "EUR")
    assert Money(1250, "EUR") - Money(1300, "EUR") == -Money(50, "EUR")


def test_money_of_two_currencies_is_never_added():
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "USD")


@pytest.mark.parametrize("minor", [12.5, Decimal(12), "12", True, None])
def test_money_refuses_everything_but_whole_units(minor):
    with pytest.raises(TypeError):
        Money(minor, "EUR")


@pytest.mark.parametrize(
    ("currency", "places"),
    [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("ISK", 0), ("TND", 3), ("ZZZ", 2), ("", 2)],
)
def test_exponent_is_that_of_iso_4217_and_two_where_unknown(currency, places):
    assert exponent(currency) == places
    assert exponents(pl.Series([currency])).to_list() == [places]


def test_exponents_name_every_code_once():
    assert len(EXPONENTS) > 160
    assert all(len(code) == 3 and code.isupper() for code in EXPONENTS)


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1234.56", 123456),
        ("-5", -500),
        ("+5.00", 500),
        (".5", 50),
        ("5.", 500),
        ("0", 0),
        ("-0.00", 0),
        (" 1.10\t", 110),
        ("0.1", 10),
        ("00000000000000000000000000012.34", 1234),
        ("92233720368547758.07", MINOR_MAX),
        ("-92233720368547758.07", -MINOR_MAX),
    ],
)
def test_amount_text_becomes_exact_minor_units(text, minor):
    assert parsed(text) == minor
    assert parse_one(text, 2) == minor


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", ".", "+.", "1e5", "1E3", "NaN", "inf", "Infinity", "0x10", "１２", "1,000.00", "1.234.567", "1 000.00",
     "1'000.00", "--5", "5-", "5-5", "(5.00)", "=1+1", "€5", "5.00 EUR", "5.00\n", "5\u00a0", "−5"],
)  # fmt: skip
def test_anything_but_plain_digits_is_unreadable(text):
    assert parsed(text) == UNREADABLE
    assert parse_one(text, 2) == UNREADABLE


def test_a_missing_text_is_unreadable():
    assert parse_major(pl.Series([None], dtype=pl.String), 2).problem.to_list() == [UNREADABLE]


@pytest.mark.parametrize(
    ("text", "places"), [("12.345", 2), ("0.005", 2), ("1.0", 0), ("1.0000", 3), ("1.000", 2)]
)
def test_more_decimals_than_the_currency_has_are_never_rounded(text, places):
    assert parsed(text, places) == TOO_PRECISE
    assert parse_one(text, places) == TOO_PRECISE


@pytest.mark.parametrize(
    ("text", "expected"), [("8.850", 885), ("8.0", 800), ("8.855", TOO_PRECISE), (".0", 0), (".", UNREADABLE)]
)
def test_spare_zeros_are_no_decimals_where_the_format_pads(text, expected):
    assert parsed(text, 2, spare_zeros=True) == expected
    assert parse_one(text, 2, spare_zeros=True) == expected


@pytest.mark.parametrize("text", ["92233720368547758.08", "-92233720368547758.08", "9" * 40])
def test_an_amount_beyond_bigint_is_out_of_range(text):
    assert parsed(text) == OUT_OF_RANGE
    assert parse_one(text, 2) == OUT_OF_RANGE


def test_places_may_differ_by_row():
    minor, problem = parse_major(pl.Series(["8", "8.5", "1.234"]), pl.Series([0, 0, 3]))
    assert minor.to_list() == [8, None, 1234]
    assert problem.to_list() == [None, TOO_PRECISE, None]


@given(st.integers(-MINOR_MAX, MINOR_MAX), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_formatted_minor_units_read_back_the_same(minor, currency):
    assert parsed(format_minor(minor, currency), exponent(currency)) == minor


@given(
    st.lists(st.text(alphabet="0123456789.+-eE ,", max_size=24), min_size=1), st.integers(0, 4), st.booleans()
)
def test_one_text_is_read_as_in_a_column(texts, places, spare_zeros):
    minor, problem = parse_major(pl.Series(texts), places, spare_zeros=spare_zeros)
    for text, units, why in zip(texts, minor, problem, strict=True):
        assert parse_one(text, places, spare_zeros=spare_zeros) == (units if why is None else why)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1250, "EUR", "12.50"),
        (-5, "EUR", "-0.05"),
        (0, "EUR", "0.00"),
        (-5, "JPY", "-5"),
        (5, "KWD", "0.005"),
    ],
)
def test_minor_units_are_written_with_the_currencys_decimals(minor, currency, text):
    assert format_minor(minor, currency) == text
    assert str(Money(minor, currency)) == f"{text} {currency}"
