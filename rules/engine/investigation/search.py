"""The investigation of one side's overdue records: all relations at once over arrays, then what is likeliest of each record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from rules.engine.investigation import odds, report
from rules.engine.investigation.findings import (
    OUTCOMES,
    Cause,
    FeeSchedule,
    Findings,
    Outcome,
)
from rules.engine.investigation.pairs import (
    OpenSearch,
    Pairs,
    Search,
    references_that_are_matched,
    twins_that_are_matched,
)
from rules.engine.investigation.records import Books, Records, load
from rules.engine.investigation.sets import Parts, combined, splits
from rules.engine.investigation.sums import NOBODY
from rules.engine.investigation.weighing import Claims, Explanations, joined_explanations, weighed
from rules.engine.sides import Ints

WINDOW_DAYS = 5
REACH_DAYS = 90
OPEN, TWINS, ELSEWHERE, SPLIT, COMBINED = range(5)


def investigate(
    asked: pl.DataFrame,
    own: pl.DataFrame,
    other: pl.DataFrame,
    matched: pl.DataFrame,
    *,
    magnitude: bool,
    window_days: int = WINDOW_DAYS,
    reach_days: int = REACH_DAYS,
) -> Findings:
    """What explains each of the records asked about.

    `asked`: the overdue records of one side of one reconciliation (RECORDS; 1 to about 10,000 in one call). `own`: all open
    records of that side (whether or not the asked are among them). `other`: all open records of the other side. `matched`:
    records of both sides in accepted matches of late (MATCHED: `match` and RECORDS).
    `magnitude`: whether sums of the sides are compared by magnitude (streams) or with their sign (ledgers).
    `window_days`: how far apart the reconciliation's rules let dates be; further is "outside the window". `reach_days`: how
    far apart records are looked at here.

    A record is *found* when one explanation has a confidence of 0.9 (`weighing.SURE`) and no other is likelier than not to be
    more than accident; where there are others, or only weak ones, a person has to look; no finding, no match. Nothing is ever
    matched by this. Sums are searched among records that share a telling word (of few in all: any), two to four of them for
    every record, up to six for as many as the budget allows (see `deep`; `search_complete` says for which not).

    Time and memory grow with all frames: 10,000 asked of 10,000 against 10,000 and 20,000 matched take about 4 s and 0.2 GB. Who
    asks for few should give only records that are within reach of them. The order of rows says nothing. Records of amount 0, or
    of 2^52 minor units and more, are explained by nothing and explain nothing.
    """
    books = load(asked, own, other, matched, magnitude=magnitude, window=window_days, reach=reach_days)
    looked = _looked(books)
    explanations = _explanations(looked)
    claims = _claims(looked, explanations, len(books.own))
    found = weighed(explanations, claims, books.asked, len(books.other))
    findings = pl.concat(
        [
            report.of_pairs(found, OPEN, books, looked.pairs, looked.search),
            report.of_pairs(found, TWINS, books, *looked.twins),
            report.of_pairs(found, ELSEWHERE, books, *looked.elsewhere),
            report.of_splits(found, SPLIT, books, looked.split.sets),
            report.of_combined(found, COMBINED, books, looked.together.sets),
        ]
    ).sort("record", "rank")
    candidates = _candidates(books, looked)
    unfinished = books.own.ids[np.union1d(looked.split.unfinished, looked.together.unfinished)]
    outcomes = _outcomes(asked, findings, candidates, unfinished)
    return Findings(findings, outcomes, candidates["candidate"].n_unique(), _schedules(looked.search))


@dataclass(frozen=True)
class _Looked:
    """All that was found, before it is weighed."""

    search: OpenSearch
    pairs: Pairs
    twins: tuple[Pairs, Search]
    elsewhere: tuple[Pairs, Search]
    split: Parts
    together: Parts


def _looked(books: Books) -> _Looked:
    search = OpenSearch(books)
    pairs, twins = search.pairs(), twins_that_are_matched(books)
    elsewhere = references_that_are_matched(books, twins[0])
    split = splits(books, search, pairs)
    return _Looked(search, pairs, twins, elsewhere, split, combined(books, pairs, split.looked_at[1]))


def _explanations(looked: _Looked) -> Explanations:
    return joined_explanations(
        [
            _of_pairs(looked.pairs, OPEN),
            _of_pairs(looked.twins[0], TWINS),
            _of_pairs(looked.elsewhere[0], ELSEWHERE),
            _of_parts(looked.split, SPLIT, Cause.SPLIT_PAYMENT),
            _of_parts(looked.together, COMBINED, Cause.COMBINED_PAYMENT),
        ]
    )


def _claims(looked: _Looked, found: Explanations, own_size: int) -> Claims:
    """What the explanations need of the other side's open records: one, all parts, or the combined payment."""
    single, split, together = (np.flatnonzero(found.kind == kind) for kind in (OPEN, SPLIT, COMBINED))
    members = looked.split.sets.members[found.place[split]]
    row, column = np.nonzero(members != NOBODY)
    needs = [
        (single, looked.pairs.found[found.place[single]], found.own[single]),
        (split[row], members[row, column], found.own[split[row]]),
        (together, looked.together.sets.target[found.place[together]], own_size + found.place[together]),
    ]
    return Claims(*(np.concatenate(parts) for parts in zip(*needs, strict=True)))


def _candidates(books: Books, looked: _Looked) -> pl.DataFrame:
    """Which candidates were compared with which records asked about, each once."""
    parts = [
        _looked_at(books, pairs.own, pairs.found, records)
        for pairs, records in (
            (looked.pairs, books.other),
            (looked.twins[0], books.matched_own),
            (looked.elsewhere[0], books.matched_other),
        )
    ]
    sets = [_looked_at(books, *one.looked_at, books.other) for one in (looked.split, looked.together)]
    return pl.concat([*parts, *sets]).unique()


def _looked_at(books: Books, own: Ints, found: Ints, records: Records) -> pl.DataFrame:
    asked = books.asked[own]
    ids = {"record": books.own.ids[own[asked]], "candidate": records.ids[found[asked]]}
    return pl.DataFrame(ids, schema={"record": pl.Int64, "candidate": pl.Int64})


def _of_pairs(pairs: Pairs, kind: int) -> Explanations:
    size = len(pairs)
    return Explanations(pairs.own, pairs.cause, pairs.odds, np.full(size, kind), np.arange(size))


def _of_parts(parts: Parts, kind: int, cause: Cause) -> Explanations:
    size = len(parts.own)
    return Explanations(
        parts.own, np.full(size, odds.NUMBER[cause]), parts.odds, np.full(size, kind), parts.set
    )


def _outcomes(
    asked: pl.DataFrame, findings: pl.DataFrame, candidates: pl.DataFrame, unfinished: Ints
) -> pl.DataFrame:
    """One row for each record asked."""
    count = candidates.group_by("record").agg(searched=pl.len())
    best = findings.filter(pl.col("rank") == 1).select("record", "outcome", "confidence")
    outcomes = (
        asked.select(record=pl.col("id").cast(pl.Int64))
        .unique()
        .join(best, on="record", how="left")
        .join(count, on="record", how="left")
        .with_columns(
            pl.col("outcome").fill_null(Outcome.NO_MATCH.value),
            pl.col("confidence", "searched").fill_null(0),
            search_complete=~pl.col("record").is_in(unfinished.tolist()),
        )
    )
    return outcomes.select(list(OUTCOMES)).cast(pl.Schema(OUTCOMES)).sort("record")


def _schedules(search: OpenSearch) -> tuple[FeeSchedule, ...]:
    frame = search.own.frame
    found = []
    for unit, schedules in search.schedules.items():
        currency = frame["currency"][int(np.flatnonzero(search.own.unit == unit)[0])]
        found += [
            FeeSchedule(currency, round(percent * 100, 4), fixed, pairs)
            for percent, fixed, pairs in zip(
                schedules.percent.tolist(), schedules.fixed.tolist(), schedules.pairs.tolist(), strict=True
            )
            if pairs
        ]
    return tuple(found)
