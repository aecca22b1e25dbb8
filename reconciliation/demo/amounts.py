"""Amounts as the demo prints them: the currency's decimals, a comma at each thousand."""

from __future__ import annotations

from ledgers.money import format_minor


def grouped(minor: int, currency: str) -> str:
    """Minor units as text without the code: -184260 EUR is "-1,842.60"."""
    whole, dot, decimals = format_minor(abs(minor), currency).partition(".")
    return f"{'-' if minor < 0 else ''}{int(whole):,}{dot}{decimals}"


def with_code(minor: int, currency: str) -> str:
    return f"{grouped(minor, currency)} {currency}"
