"""Amounts as people read and write them."""

from decimal import Decimal

import pytest

from ledgers.amounts import major, read, shown


@pytest.mark.parametrize(
    ("minor", "places", "currency", "text"),
    [
        (123456789, 2, "EUR", "1,234,567.89\u00a0EUR"),
        (-5, 0, "JPY", "\u22125\u00a0JPY"),
        (5, 3, "KWD", "0.005\u00a0KWD"),
        (0, 2, "EUR", "0.00\u00a0EUR"),
        (2**63 - 1, 2, "", "92,233,720,368,547,758.07"),
        (None, 2, "EUR", "–"),
    ],
)
def test_an_amount_has_its_currencys_decimals_and_code(minor, places, currency, text):
    assert shown(minor, places, currency) == text


def test_money_in_may_carry_its_sign():
    assert shown(1250, 2, plus=True) == "+12.50"
    assert shown(0, 2, plus=True) == "0.00"


def test_an_export_gets_a_number_of_the_currencys_decimals():
    assert (str(major(1250, 2)), str(major(-5, 0)), str(major(0, 2))) == ("12.50", "-5", "0.00")
    assert major(2**63 - 1, 2) == Decimal("92233720368547758.07")


@pytest.mark.parametrize(
    ("text", "places", "minor"),
    [
        ("12.50", 2, 1250),
        ("-12.5", 2, 1250),
        ("\u22121,250.00", 2, 125000),
        (" 1250 ", 2, 125000),
        ("1,250", 0, 1250),
        ("12,50", 2, None),
        ("1.234,50", 2, None),
        ("12.505", 2, None),
        ("INV-7", 2, None),
        ("", 2, None),
        ("1e3", 2, None),
    ],
)
def test_what_is_not_surely_an_amount_is_none(text, places, minor):
    assert read(text, places) == minor
