"""Public holidays of countries and their parts, year by year, from the `holidays` package. Pure; read by calendars and by
overdue policies.

What is known reaches from the package's first year of a country to its last; outside of that a year has none, or only those
of fixed dates.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

import holidays

FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Years beyond are not asked for: no country of the package reaches further."""


def holidays_known() -> str:
    """Which release of the holidays this is."""
    return holidays.__version__


def countries() -> dict[str, list[str]]:
    """Two-letter codes (ISO 3166-1) of all countries that are known, each with the codes of its parts that differ."""
    return dict(holidays.list_supported_countries(include_aliases=False))


def usual_weekend(country: str) -> list[int]:
    """Days of the week that are no business days there: 1 is Monday."""
    return sorted(day + 1 for day in holidays.country_holidays(country).weekend)


@lru_cache(maxsize=4_096)
def public_holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    """Those of one year, also where they fall on a weekend. Raises NotImplementedError for a country or part unknown here."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return frozenset()
    with warnings.catch_warnings():
        # Of some countries movable feasts are known for fewer years, as is said above.
        warnings.simplefilter("ignore", UserWarning)
        return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))


def public_holidays_of(country: str, subdivision: str, years: Iterable[int]) -> frozenset[date]:
    return frozenset().union(*(public_holidays(country, subdivision, year) for year in set(years)))
