"""Findings as frames with their figures, from what was weighed. Used by `search`."""

from __future__ import annotations

import numpy as np
import polars as pl

from rules.engine.investigation import odds
from rules.engine.investigation.fees import Schedules
from rules.engine.investigation.findings import CAUSES, FACTS, FINDINGS, Cause, Outcome
from rules.engine.investigation.pairs import OpenSearch, Pairs, Search
from rules.engine.investigation.records import Books, Records
from rules.engine.investigation.sums import NOBODY, Sets
from rules.engine.investigation.vocabulary import COMMON, UNKNOWN, Vocabulary
from rules.engine.investigation.weighing import Weighed
from rules.engine.sides import Bools, Ints

Facts = dict[str, pl.Series]


def reported(
    weighed: Weighed, some: Bools, books: Books, suggested: pl.Series, facts: Facts, totals: tuple[Ints, Ints]
) -> pl.DataFrame:
    """Some of the weighed explanations as FINDINGS. `suggested`, `facts` and `totals` (own and other sums) are of these in order."""
    said, size = weighed.said.only(some), int(np.count_nonzero(some))
    cause = pl.Series([CAUSES[one].value for one in said.cause.tolist()], dtype=pl.String)
    own_sum, other_sum = totals
    facts = {
        "amount": pl.Series(books.own.amount[said.own]),
        "other_amount": pl.Series(other_sum),
        "currency": books.own.frame["currency"].gather(said.own),
        "chance": pl.Series(odds.before(said.cause) / said.odds),
        "rivals": pl.Series(weighed.rivals[some]),
        **facts,
    }
    columns = [
        facts[name].alias(name).cast(kind) if name in facts else pl.Series(name, [None] * size, dtype=kind)
        for name, kind in FACTS.items()
    ]
    says_nothing = np.isin(said.cause, [odds.NUMBER[Cause.DUPLICATE], odds.NUMBER[Cause.OTHER_CURRENCY]])
    return (
        pl.DataFrame(
            {
                "record": books.own.ids[said.own],
                "rank": weighed.rank[some],
                "cause": cause,
                "outcome": np.where(
                    weighed.sure[some], Outcome.MATCH_FOUND.value, Outcome.NEEDS_REVIEW.value
                ),
                "confidence": np.floor(weighed.confidence[some] * 1000) / 1000,
                "suggested": suggested,
                "difference": _difference(books, own_sum, other_sum),
                "facts": pl.DataFrame(columns).to_struct("facts")
                if size
                else pl.Series([], dtype=pl.Struct(FACTS)),
            }
        )
        .with_columns(difference=pl.when(~pl.Series(says_nothing)).then("difference"))
        .cast(pl.Schema(FINDINGS))
    )


def _difference(books: Books, own_sum: Ints, other_sum: Ints) -> Ints:
    a, b = (own_sum, other_sum) if books.own_is_a else (other_sum, own_sum)
    return np.abs(a) - np.abs(b) if books.magnitude else a - b


def of_pairs(weighed: Weighed, kind: int, books: Books, pairs: Pairs, search: Search) -> pl.DataFrame:
    """Explanations by a single record."""
    found = search.found
    some = weighed.said.kind == kind
    pairs = pairs.only(weighed.said.place[some])
    facts = {
        "days": pl.Series(found.day[pairs.found] - books.own.day[pairs.own]),
        "other_currency": found.frame["currency"].gather(pairs.found),
        **_shared(pairs.word, search.vocabulary),
    }
    if "match" in found.frame.columns:
        facts["match"] = found.frame["match"].gather(pairs.found)
    if isinstance(search, OpenSearch):
        facts |= _of_open(pairs, books, search)
    suggested = (
        pl.Series(found.ids[pairs.found]).cast(pl.Int64).reshape((-1, 1)).arr.to_list()
        if len(pairs)
        else _no_lists()
    )
    totals = books.own.amount[pairs.own], found.amount[pairs.found]
    return reported(weighed, some, books, suggested, facts, totals)


def _no_lists() -> pl.Series:
    return pl.Series([], dtype=pl.List(pl.Int64))


def _shared(word: Ints, vocabulary: Vocabulary) -> Facts:
    known = pl.Series(np.where(word == UNKNOWN, 0, word))
    if not len(vocabulary.text):
        return {}
    is_known = pl.Series((word != UNKNOWN) & (vocabulary.telling[known.to_numpy()] > COMMON))
    frame = pl.DataFrame(
        {"known": is_known, "text": vocabulary.text.gather(known), "held": vocabulary.held[known.to_numpy()]}
    )
    return {
        "shared": frame.select(pl.when("known").then("text")).to_series(),
        "shared_by": frame.select(pl.when("known").then("held")).to_series(),
    }


def _of_open(pairs: Pairs, books: Books, search: OpenSearch) -> Facts:
    """What belongs to one cause each."""
    is_of = {cause: pairs.cause == odds.NUMBER[cause] for cause in CAUSES}
    size, other = np.abs(books.own.value[pairs.own]), np.abs(books.other.value[pairs.found])
    frame = pl.DataFrame(
        {
            "swapped": is_of[Cause.SWAPPED_DIGITS],
            "slip": is_of[Cause.DECIMAL_SLIP],
            "fee": is_of[Cause.FEE],
            "other": is_of[Cause.OTHER_CURRENCY],
            "detail": pairs.detail,
            "ten": 10 ** np.where(is_of[Cause.SWAPPED_DIGITS], pairs.detail, 0),
            "own_size": size,
            "other_size": other,
            "taken": np.abs(size - other),
            "rate": np.exp(search.log_rate(pairs.own, pairs.found)),
            **_schedules(pairs, is_of[Cause.FEE], books.own.unit[pairs.own], search.schedules),
        }
    )
    found = frame.select(
        digits=pl.when("swapped").then(_two_digits(pl.col("own_size"))),
        other_digits=pl.when("swapped").then(_two_digits(pl.col("other_size"))),
        factor=pl.when("slip").then(pl.col("detail").abs()),
        fee=pl.when("fee").then("taken"),
        percent=pl.when(pl.col("fee") & (pl.col("pairs") >= 0)).then("percent"),
        fixed=pl.when(pl.col("fee") & (pl.col("pairs") >= 0)).then("fixed"),
        schedule_pairs=pl.when(pl.col("fee") & (pl.col("pairs") >= 0)).then("pairs"),
        rate=pl.when("other").then("rate"),
    )
    return {name: found[name] for name in found.columns}


def _two_digits(size: pl.Expr) -> pl.Expr:
    return (size // pl.col("ten") % 100).cast(pl.String).str.zfill(2)


def _schedules(
    pairs: Pairs, feed: Bools, unit: Ints, schedules: dict[int, Schedules]
) -> dict[str, np.ndarray]:
    percent, fixed, seen = np.zeros(len(pairs)), np.zeros(len(pairs), np.int64), np.full(len(pairs), -1)
    for one, known in schedules.items():
        some = feed & (unit == one) & (pairs.detail >= 0)
        if some.any():
            percent[some] = np.round(known.percent[pairs.detail[some]] * 100, 4)
            fixed[some], seen[some] = known.fixed[pairs.detail[some]], known.pairs[pairs.detail[some]]
    return {"percent": percent, "fixed": fixed, "pairs": seen}


def of_splits(weighed: Weighed, kind: int, books: Books, sets: Sets) -> pl.DataFrame:
    """Several of the other side for the record."""
    some = weighed.said.kind == kind
    place = weighed.said.place[some]
    suggested, total, days = _gathered(sets.members[place], books.other, books.own.day[sets.target[place]])
    facts = {
        "days": pl.Series(days),
        **_counted(sets, place),
        "other_currency": books.own.frame["currency"].gather(sets.target[place]),
    }
    return reported(weighed, some, books, suggested, facts, (books.own.amount[sets.target[place]], total))


def of_combined(weighed: Weighed, kind: int, books: Books, sets: Sets) -> pl.DataFrame:
    """The record and siblings for one of the other side."""
    some = weighed.said.kind == kind
    place, own = weighed.said.place[some], weighed.said.own[some]
    members = sets.members[place]
    siblings, total, _ = _gathered(
        np.where(members == own[:, None], NOBODY, members), books.own, books.own.day[own]
    )
    single = pl.Series(books.other.ids[sets.target[place]], dtype=pl.Int64)
    frame = pl.DataFrame({"single": single, "siblings": siblings})
    suggested = (
        frame.select(pl.concat_list(pl.concat_list("single"), "siblings")).to_series()
        if len(place)
        else _no_lists()
    )
    days = books.other.day[sets.target[place]] - books.own.day[own]
    facts = {
        "days": pl.Series(days),
        **_counted(sets, place),
        "other_currency": books.own.frame["currency"].gather(own),
    }
    return reported(
        weighed,
        some,
        books,
        suggested,
        facts,
        (total + books.own.amount[own], books.other.amount[sets.target[place]]),
    )


def _counted(sets: Sets, place: Ints) -> Facts:
    count = sets.count[place]
    return {
        "sets": pl.Series(count),
        "sets_exact": pl.Series(sets.complete[place]),
        "verdict": pl.Series(
            np.where(count > 1, "ambiguous", np.where(sets.complete[place], "unique", "exhausted")).astype(
                str
            ),
            dtype=pl.String,
        ),
        "pool": pl.Series(sets.pool[place]),
    }


def _gathered(members: Ints, records: Records, day: Ints) -> tuple[pl.Series, Ints, Ints]:
    """Of sets of rows (NOBODY left out): the ids as lists, the sum of amounts, and the days to the furthest."""
    known = members != NOBODY
    if not members.size or not len(records):
        return _no_lists(), np.zeros(len(members), np.int64), np.zeros(len(members), np.int64)
    safe = np.where(known, members, 0)
    ids = np.where(known, records.ids[safe], -1)
    total = np.where(known, records.amount[safe], 0).sum(axis=1)
    apart = np.where(known, records.day[safe] - day[:, None], 0)
    furthest = np.take_along_axis(apart, np.abs(apart).argmax(axis=1)[:, None], axis=1)[:, 0]
    lists = [
        [one for one, is_known in zip(row, use, strict=True) if is_known]
        for row, use in zip(ids.tolist(), known.tolist(), strict=True)
    ]
    return pl.Series(lists, dtype=pl.List(pl.Int64)), total, furthest
