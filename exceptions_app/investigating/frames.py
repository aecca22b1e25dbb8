"""Loads what an investigation looks at into frames: the slice, what is open on either side, and what was matched of late.
Reads only, in a fixed number of queries however many records there are. Called by investigation_execution.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from exceptions_app.models import Investigation
from exceptions_app.selectors.filters import read_filter
from exceptions_app.selectors.slices import pairs_of, slice_params, slice_sql
from ledgers.services.rows import copy_out
from reconciliation.matching import rule_spec
from rules.engine.investigation import REACH_DAYS, RECORDS, WINDOW_DAYS
from rules.engine.tree import Group, Leaf, Node
from rules.models import Reconciliation
from rules.selectors import current_revisions
from rules.states import Side

MATCHED_DAYS = 180
"""How far before and after the records asked about a match may have cleared."""

COLUMNS = """r.id, {side}, r.stream_id, r.date, {amount}, r.currency, r.decimal_places,
    r.reference, r.description, r.counterparty, r.external_id"""
MARKED: dict[str, Any] = {**RECORDS, "suggestion": pl.Int64}
ASKED_SCHEMA: dict[str, Any] = {**MARKED, "in_slice": pl.Int64}
MATCHED_SCHEMA: dict[str, Any] = {"match": pl.Int64, **RECORDS}

OF_SLICE = "r.date, r.currency, r.decimal_places, r.signed_amount, r.{measure} AS measure, r.description, r.counterparty"

# The slice counts credit +, debit −; sums of ledgers are compared in what money in and out is for the owner.
IN_MEASURE = "CASE WHEN s.measure = s.signed_amount THEN s.amount ELSE -s.amount END"
ASKED = """
SELECT {columns}, (
    SELECT m.match_id FROM reconciliation_matchmember m
    JOIN reconciliation_match undecided ON undecided.id = m.match_id AND undecided.status = 'suggested'
    WHERE m.reconciliation_id = %(reconciliation)s AND m.record_id = s.record_id AND m.live
), s.in_slice
FROM (
    SELECT s.*, count(*) OVER () AS in_slice FROM ({slice}) AS s WHERE {condition}
    ORDER BY s.overdue_at, s.record_id LIMIT %(most)s
) AS s JOIN ledgers_record r ON r.id = s.record_id
"""

# What an undecided suggestion covers in part is open with all of it, as in the slice.
OPEN_AMOUNT = """CASE WHEN o.held_by IS NULL OR EXISTS (
        SELECT FROM reconciliation_match held WHERE held.id = o.held_by AND held.status = 'accepted')
    THEN o.open_amount ELSE r.{measure} END"""
OPEN = """
SELECT {open_columns}, CASE WHEN o.held_by IS NULL THEN NULL ELSE (
    SELECT held.id FROM reconciliation_match held WHERE held.id = o.held_by AND held.status = 'suggested') END AS suggestion
FROM reconciliation_openitem o JOIN ledgers_record r ON r.id = o.record_id
WHERE o.reconciliation_id = %(reconciliation)s AND o.side = %(side)s AND o.closed_at IS NULL AND o.open_amount <> 0
    AND r.date BETWEEN %(since)s AND %(until)s
UNION ALL
SELECT {suggested_columns}, s.id
FROM reconciliation_match s
JOIN reconciliation_matchmember m ON m.match_id = s.id AND m.live
JOIN ledgers_record r ON r.id = m.record_id
WHERE s.reconciliation_id = %(reconciliation)s AND s.status = 'suggested' AND m.side = %(side)s
    AND r.date BETWEEN %(since)s AND %(until)s AND NOT EXISTS (
        SELECT FROM reconciliation_openitem o
        WHERE o.reconciliation_id = m.reconciliation_id AND o.record_id = m.record_id)
"""
MATCHED = """
SELECT s.id AS match, {columns}
FROM reconciliation_match s
JOIN reconciliation_matchmember m ON m.match_id = s.id AND m.live
JOIN ledgers_record r ON r.id = m.record_id AND r.kind = 'entry'
WHERE s.reconciliation_id = %(reconciliation)s AND s.status = 'accepted' AND s.cleared_on BETWEEN %(since)s AND %(until)s
"""
"""Whole matches: partners of another day come too."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one investigation looks at. `asked`: records of the slice, the longest overdue first. `candidates`: open
    records of one side, and records of matches; where there are more within reach, those of the nearest days."""

    asked: int = 10_000
    candidates: int = 250_000


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Frames:
    """What the engine gets, in its columns. `asked`, `own` and `other` also say which undecided suggestion a record is in
    (`suggestion`). `in_slice`: records of the slice, asked or not; `left_out`: of each frame that was too large, how many
    records were not looked at."""

    asked: pl.DataFrame
    own: pl.DataFrame
    other: pl.DataFrame
    matched: pl.DataFrame
    in_slice: int
    left_out: dict[str, int]
    window_days: int


@dataclass(frozen=True, slots=True)
class Reach:
    """Which days are looked at, around those of the records asked about."""

    since: date
    until: date
    days: np.ndarray

    @classmethod
    def around(cls, asked: pl.DataFrame, reach: int) -> Reach:
        days = asked["date"].unique().sort()
        first, last = days[0], days[-1]
        since = date.fromordinal(max(first.toordinal() - reach, date.min.toordinal()))
        until = date.fromordinal(min(last.toordinal() + reach, date.max.toordinal()))
        return cls(since, until, days.to_physical().to_numpy())

    def nearest(self, counts: pl.DataFrame, most: int) -> list[date]:
        """Of these days, with how many records each has: the nearest ones that have at most so many together."""
        found = counts["date"].to_physical().to_numpy().astype(np.int64)
        places = np.searchsorted(self.days, found)
        before = np.abs(found - self.days[np.maximum(places - 1, 0)])
        after = np.abs(found - self.days[np.minimum(places, len(self.days) - 1)])
        ordered = counts.with_columns(away=pl.Series(np.minimum(before, after))).sort("away", "date")
        fit = (ordered["records"].cum_sum() <= most).to_list()
        fit[0] = True
        return [day for day, fits in zip(ordered["date"].to_list(), fit, strict=True) if fits]


def load(investigation: Investigation, *, at: datetime, limits: Limits = LIMITS) -> Frames:
    """The frames of an investigation as of now; `at`: what was overdue by then."""
    exception = investigation.exception
    reconciliation = exception.reconciliation
    side = reconciliation.wiring.filter(stream_id=exception.stream_id).values_list("side", flat=True).first()
    asked = _asked(investigation, side or Side.A, at, limits)
    in_slice = int(asked["in_slice"][0]) if asked.height else 0
    asked = asked.drop("in_slice")
    left_out = {"asked": in_slice - asked.height}
    if asked.is_empty():
        empty = pl.DataFrame(schema=MARKED)
        return Frames(asked, empty, empty, pl.DataFrame(schema=MATCHED_SCHEMA), 0, {}, WINDOW_DAYS)
    near, far = Reach.around(asked, REACH_DAYS), Reach.around(asked, MATCHED_DAYS)
    other = Side.B if side == Side.A else Side.A
    found = {}
    for name, of in (("own", side), ("other", other)):
        found[name], left_out[name] = _near(
            _open_sql(reconciliation), MARKED, reconciliation, of, near, limits
        )
    query = MATCHED.format(columns=COLUMNS.format(side="m.side", amount=f"r.{reconciliation.measure}"))
    found["matched"], left_out["matched"] = _near(query, MATCHED_SCHEMA, reconciliation, None, far, limits)
    return Frames(
        asked,
        **found,
        in_slice=in_slice,
        left_out={name: count for name, count in left_out.items() if count},
        window_days=rule_window(reconciliation),
    )


def _asked(investigation: Investigation, side: str, at: datetime, limits: Limits) -> pl.DataFrame:
    exception = investigation.exception
    of_slice = OF_SLICE.format(measure=exception.reconciliation.measure)
    pairs, params = pairs_of([exception])
    condition, more = read_filter(investigation.filter_params or {}).sql(at)
    query = ASKED.format(
        columns=COLUMNS.format(side="%(side)s", amount=IN_MEASURE),
        slice=slice_sql(pairs, record_columns=of_slice),
        condition=condition,
    )
    params |= {**slice_params(at), **more, "side": side, "most": limits.asked}
    return copy_out(query, params, ASKED_SCHEMA)


def _open_sql(reconciliation: Reconciliation) -> str:
    measure = f"r.{reconciliation.measure}"
    amount = OPEN_AMOUNT.format(measure=reconciliation.measure)
    return OPEN.format(
        open_columns=COLUMNS.format(side="o.side", amount=f"{amount} AS amount"),
        suggested_columns=COLUMNS.format(side="m.side", amount=measure),
    )


def _near(
    query: str,
    schema: dict[str, Any],
    reconciliation: Reconciliation,
    side: str | None,
    reach: Reach,
    limits: Limits,
) -> tuple[pl.DataFrame, int]:
    """The rows within reach; of too many those of the nearest days, and how many are left out."""
    params: dict[str, Any] = {
        "reconciliation": reconciliation.pk,
        "side": side,
        "since": reach.since,
        "until": reach.until,
        "most": limits.candidates + 1,
    }
    some = f"SELECT * FROM ({query}) AS found LIMIT %(most)s"  # noqa: S608 - our own names
    found = copy_out(some, params, schema)
    if found.height <= limits.candidates:
        return found, 0
    counts = copy_out(
        f"SELECT date, count(*) FROM ({query}) AS found GROUP BY 1 ORDER BY 1",  # noqa: S608 - our own names
        params,
        {"date": pl.Date, "records": pl.Int64},
    )
    params |= {"days": reach.nearest(counts, limits.candidates), "most": limits.candidates}
    nearest = f"""
        SELECT * FROM ({query}) AS found WHERE date = ANY(%(days)s::date[]) ORDER BY id LIMIT %(most)s
        """  # noqa: S608 - our own names
    found = copy_out(nearest, params, schema)
    return found, int(counts["records"].sum()) - found.height


def rule_window(reconciliation: Reconciliation) -> int:
    """How many days apart the active rules let the sides' dates be: the widest of them; as is usual where none says it."""
    rules = [rule_spec(revision) for revision in current_revisions(reconciliation)]
    said = [days for rule in rules if (days := _days_of(rule.filters)) is not None]
    return max(said, default=WINDOW_DAYS)


def _days_of(node: Node) -> int | None:
    """Of an and the narrowest condition on dates, of an or the widest; None where there is none."""
    if isinstance(node, Group):
        said = [days for each in node.rules if (days := _days_of(each)) is not None]
        narrowest = node.operand == "and"
        return (min(said) if narrowest else max(said)) if said else None
    if not isinstance(node, Leaf) or not {node.key.field, node.value.field} <= {"date", "value_date"}:
        return None
    if node.days is not None:
        return max(abs(day) for day in node.days)
    if node.tolerance is not None and node.tolerance.unit == "day":
        return int(node.tolerance.amount)
    return 0 if node.operand == "eq" else None
