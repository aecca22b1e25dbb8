"""What an investigation takes and gives back: the columns of its frames, the causes, and the findings. Made by `search`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import polars as pl

Schema = dict[str, Any]
"""Column names with their Polars types."""


class Cause(StrEnum):
    """What explains a record. `suggested` of each, and the facts that belong to it beside those that all have."""

    EQUAL_AMOUNT = "equal_amount"
    """An open record of the other side with this amount, inside the rules' date window, that no rule took."""
    OUTSIDE_WINDOW = "outside_window"
    """The same, further away than the rules look: `days`."""
    SWAPPED_DIGITS = "swapped_digits"
    """The other side has two neighbouring digits in the other order: `digits` of the record, `other_digits`."""
    SIGN_SLIP = "sign_slip"
    """The same figure with the sign that the other side does not have for such records."""
    DECIMAL_SLIP = "decimal_slip"
    """The point is misplaced: one is `factor` (10, 100 or 1000) times the other; which one, the amounts say."""
    FEE = "fee"
    """The larger of the two less a fee is the smaller: `fee`; `percent` and `fixed` where a schedule explains it, and
    `schedule_pairs`, how many pairs follow that schedule."""
    SPLIT_PAYMENT = "split_payment"
    """Several open records of the other side add up to the record: `sets`, `sets_exact`, `verdict`, `pool`."""
    COMBINED_PAYMENT = "combined_payment"
    """The record and others of its own side add up to one of the other side; suggested: that one first, then the
    siblings: `sets`, `sets_exact`, `verdict`, `pool`."""
    OTHER_CURRENCY = "other_currency"
    """The other side has it in `other_currency`: the same figure, or converted at `rate`."""
    DUPLICATE = "duplicate"
    """A matched record of the record's own side is its twin, which is what is suggested: `match` has it."""
    SAME_REFERENCE = "same_reference"
    """Its reference (`shared`) stands on a record of the other side whose amount nothing else explains, or which is
    matched already (`match`)."""


class Outcome(StrEnum):
    MATCH_FOUND = "match_found"
    NEEDS_REVIEW = "needs_review"
    NO_MATCH = "no_match"


CAUSES = tuple(Cause)
MATCHABLE = frozenset(CAUSES) - {Cause.DUPLICATE, Cause.OTHER_CURRENCY}
"""Causes whose record and suggested records can be made a match, unless `facts.match` is set (they are matched already)."""

RECORDS: Schema = {
    "id": pl.Int64,
    "side": pl.String,
    "stream": pl.Int64,
    "date": pl.Date,
    "amount": pl.Int64,
    "currency": pl.String,
    "decimal_places": pl.Int16,
    "reference": pl.String,
    "description": pl.String,
    "counterparty": pl.String,
    "external_id": pl.String,
}
"""A record: `amount` is its signed measure in minor units, `side` "a" or "b"; a text is "" where it is absent."""

MATCHED: Schema = {"match": pl.Int64, **RECORDS}
"""A record of an accepted match."""

FACTS: Schema = {
    "days": pl.Int32,
    "amount": pl.Int64,
    "other_amount": pl.Int64,
    "currency": pl.String,
    "other_currency": pl.String,
    "shared": pl.String,
    "shared_by": pl.Int32,
    "chance": pl.Float64,
    "rivals": pl.Int32,
    "digits": pl.String,
    "other_digits": pl.String,
    "factor": pl.Int32,
    "fee": pl.Int64,
    "percent": pl.Float64,
    "fixed": pl.Int64,
    "schedule_pairs": pl.Int32,
    "rate": pl.Float64,
    "match": pl.Int64,
    "sets": pl.Int64,
    "sets_exact": pl.Boolean,
    "verdict": pl.String,
    "pool": pl.Int32,
}
"""The figures of a finding; null where they say nothing about its cause. All have:

`days`: of the (furthest) suggested record after the record, negative before. `amount`, `other_amount`: the record's, and
what the suggested records of the other side add up to (of a duplicate: the twin's), signed minor units. `shared`: the
rarest word or reference that both have, null where there is none; `shared_by`: how many records where it was found have it.
`chance`: how many candidates this good the record would be expected to have by accident. `rivals`: other candidates, and
other records that want the same candidate, at least a tenth as likely.

`percent`: of the gross amount, 2.9 for 2.9%. `rate`: units of the other currency for one of the record's. `sets`: how many
sets of the pool add up (at least so many unless `sets_exact`); `verdict`: "unique", "ambiguous" or "exhausted", as of the
combination search; `pool`: among how many records they were sought.
"""

FINDINGS: Schema = {
    "record": pl.Int64,
    "rank": pl.Int16,
    "cause": pl.String,
    "outcome": pl.String,
    "confidence": pl.Float64,
    "suggested": pl.List(pl.Int64),
    "difference": pl.Int64,
    "facts": pl.Struct(FACTS),
}
"""One explanation of one record. `rank` from 1, the likeliest. `outcome`: "match_found" for the first of a record that is
found, "needs_review" for all others. `confidence`: an estimate of the probability that this is the explanation, 0 to 1.
`difference`: what a match of the record and the suggested records would leave, Σ Side A − Σ Side B in minor units (in
magnitude: of the absolute sums), null where it says nothing (two currencies, a duplicate)."""

OUTCOMES: Schema = {
    "record": pl.Int64,
    "outcome": pl.String,
    "confidence": pl.Float64,
    "searched": pl.Int64,
    "search_complete": pl.Boolean,
}
"""One row for each record asked. `confidence`: of its best finding, 0 without one. `searched`: records compared with it.
`search_complete`: false where larger sets of records that could add up were not all tried, because the budget of that search
ended before this record's turn or there were too many records with its words."""


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """A fee of `percent` (2.9 for 2.9%) of the gross amount and `fixed` minor units of `currency`; `pairs`: how many
    pairs of records follow it (0: a usual one, not seen here)."""

    currency: str
    percent: float
    fixed: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Findings:
    """`findings`: FINDINGS, by record and rank. `outcomes`: OUTCOMES, by record, one for each asked. `searched`: distinct
    candidate records evaluated for any of them. `schedules`: the fees that were learnt from these records."""

    findings: pl.DataFrame
    outcomes: pl.DataFrame
    searched: int
    schedules: tuple[FeeSchedule, ...]
