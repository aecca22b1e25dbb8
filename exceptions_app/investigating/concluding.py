"""What an investigation concludes from the engine's findings: its outcome, the rows that it keeps, and the recommendation.
Called by investigation_execution."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from exceptions_app.investigating.frames import Frames
from exceptions_app.investigating.recommending import recommendation
from exceptions_app.models import Investigation
from exceptions_app.states import Outcome
from rules.engine.investigation import Findings

SUGGESTED_MAX = 200
"""Suggested records that an investigation names as a whole; each finding names its own."""
LEAST = 0.02
"""What is less likely than this is not told beside a likelier explanation of the same record."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What is written of it. `findings`: rows as they are stored."""

    outcome: str
    confidence: float
    suggested: list[int]
    summary: dict[str, Any]
    text: str
    searched: int
    findings: pl.DataFrame


def conclude(investigation: Investigation, frames: Frames, found: Findings) -> Conclusion:
    found = replace(found, findings=_worth_telling(found.findings))
    outcomes = found.outcomes
    outcome = _outcome(outcomes)
    best = outcomes.filter(pl.col("outcome") == outcome)["confidence"].mean()
    summary = _summary(frames, found)
    rows = _rows(investigation, frames, found)
    return Conclusion(
        outcome=outcome,
        confidence=min(max(float(best or 0.0), 0.0), 1.0),  # type: ignore[arg-type]
        suggested=_suggested(found.findings),
        summary=summary,
        text=recommendation(investigation, frames, rows, summary),
        searched=found.searched,
        findings=rows,
    )


def _worth_telling(findings: pl.DataFrame) -> pl.DataFrame:
    return findings.filter((pl.col("rank") == 1) | (pl.col("confidence") >= LEAST))


def _outcome(outcomes: pl.DataFrame) -> str:
    """Found where one record at least is explained; else to be looked at where there is anything at all."""
    seen = set(outcomes["outcome"].to_list())
    order = (Outcome.MATCH_FOUND, Outcome.NEEDS_REVIEW)
    return next((each.value for each in order if each in seen), Outcome.NO_MATCH.value)


def _best_first(findings: pl.DataFrame) -> pl.DataFrame:
    """The surest records first, the explanations of one record together."""
    found = (pl.col("outcome") == Outcome.MATCH_FOUND).any().over("record")
    best = pl.col("confidence").max().over("record")
    return findings.sort(found, best, "record", "rank", descending=[True, True, False, False])


def _suggested(findings: pl.DataFrame) -> list[int]:
    """Those of the first explanations come before those of others."""
    by_rank = _best_first(findings).sort("rank", maintain_order=True)
    ids = by_rank["suggested"].explode(empty_as_null=False, keep_nulls=False)
    return ids.unique(maintain_order=True).head(SUGGESTED_MAX).to_list()


def _summary(frames: Frames, found: Findings) -> dict[str, Any]:
    """Figures by outcome and by the likeliest cause; amounts are absolute, minor units by currency."""
    records = frames.asked.select(pl.col("id").alias("record"), "currency", pl.col("amount").abs())
    told = records.join(found.outcomes, on="record", how="left")
    first = found.findings.filter(pl.col("rank") == 1).select("record", "cause", first="outcome")
    causes = records.join(first, on="record")
    return {
        "records": frames.asked.height,
        "in_slice": frames.in_slice,
        "outcomes": {
            outcome.value: _figures(told.filter(pl.col("outcome") == outcome.value)) for outcome in Outcome
        },
        "causes": [
            {"cause": cause, "outcome": outcome, **_figures(rows)}
            for (outcome, cause), rows in sorted(causes.partition_by("first", "cause", as_dict=True).items())
        ],
        "two_causes": int(
            found.findings.group_by("record").agg(pl.col("cause").n_unique())["cause"].ge(2).sum()
        ),
        "search_incomplete": int((~found.outcomes["search_complete"]).sum()),
        "left_out": frames.left_out,
        "decimal_places": dict(
            sorted(frames.asked.select("currency", "decimal_places").unique().iter_rows())
        ),
        "fees": [
            {"currency": fee.currency, "percent": fee.percent, "fixed": fee.fixed, "pairs": fee.pairs}
            for fee in found.schedules
        ],
    }


def _figures(rows: pl.DataFrame) -> dict[str, Any]:
    sums = rows.group_by("currency").agg(pl.col("amount").sum()).sort("currency")
    return {"records": rows.height, "sums": dict(sums.iter_rows())}


def _rows(investigation: Investigation, frames: Frames, found: Findings) -> pl.DataFrame:
    """Findings as rows of their table, in the order in which they are shown. Facts that say nothing are left out; a suggestion
    that waits is added."""
    findings = _best_first(found.findings)
    waits = pl.concat(
        [frame.select("id", "suggestion") for frame in (frames.asked, frames.own, frames.other)]
    )
    undecided = dict(waits.drop_nulls().iter_rows())
    facts = [
        json.dumps(_facts(facts, undecided, [record, *suggested]))
        for facts, record, suggested in findings.select("facts", "record", "suggested").iter_rows()
    ]
    return findings.select(
        pl.lit(investigation.pk).alias("investigation_id"),
        pl.col("record").alias("record_id"),
        "rank",
        "cause",
        "outcome",
        pl.col("confidence").clip(0.0, 1.0),
        pl.concat_str(
            pl.lit("{"), pl.col("suggested").cast(pl.List(pl.String)).list.join(","), pl.lit("}")
        ).alias("suggested"),
        pl.col("difference").fill_null(0),
        pl.Series("facts", facts, dtype=pl.String),
        pl.lit("").alias("taken_by"),
    )


def _facts(facts: dict[str, Any], undecided: dict[int, int], records: list[int]) -> dict[str, Any]:
    said = {name: value for name, value in facts.items() if value is not None}
    if waits := next((undecided[each] for each in records if each in undecided), None):
        said["suggestion"] = waits
    return said
