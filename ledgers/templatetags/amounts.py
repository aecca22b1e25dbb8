"""`{% amount minor places currency %}`: money in templates, as `ledgers.amounts` shows it."""

from __future__ import annotations

from django import template

from ledgers.amounts import shown

register = template.Library()


@register.simple_tag
def amount(minor: int | None, places: int, currency: str = "") -> str:
    return shown(minor, places, currency)


@register.simple_tag
def signed(minor: int | None, places: int, currency: str = "") -> str:
    """With a + for money in."""
    return shown(minor, places, currency, plus=True)
