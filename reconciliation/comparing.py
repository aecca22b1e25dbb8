"""Compares groups of records: two outcomes of the engine with each other, and with what people accepted. Pure, on frames;
read by backtests. No record stands in two groups of one set, and none on both sides, so every question is a join on ids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

RECORDS_LISTED = 100
"""Of a group that is listed: the first of each side."""
MEMBERS = {"group": pl.Int64, "side": pl.String, "id": pl.Int64}


@dataclass(frozen=True)
class Groups:
    """A set of groups: `members` (group, side, id), `facts` (group, and more), over the records `pool` (id, currency,
    measure) that they are made of."""

    members: pl.DataFrame
    pool: pl.DataFrame

    @cached_property
    def sizes(self) -> pl.DataFrame:
        return self.members.group_by("group").agg(size=pl.len())

    @cached_property
    def values(self) -> pl.DataFrame:
        """Per group its currency and value: what its Side A adds up to, in minor units without a sign."""
        own = self.members.filter(pl.col("side") == "a").join(self.pool, on="id", how="left")
        return own.group_by("group").agg(
            currency=pl.col("currency").first(), value=pl.col("measure").sum().abs()
        )

    def only(self, groups: pl.Series) -> Groups:
        chosen = pl.DataFrame({"group": groups.unique()})
        return Groups(self.members.join(chosen, on="group", how="semi"), self.pool)

    def against(self, others: Groups) -> pl.DataFrame:
        """Each group (in order) with `touched`, a record of it is in one of the others, and `same`, it is one of them."""
        theirs = others.members.select("id", pl.col("group").alias("other"))
        met = self.members.join(theirs, on="id", how="left")
        found = met.group_by("group").agg(
            size=pl.len(),
            known=pl.col("other").count(),
            other=pl.col("other").max(),
            least=pl.col("other").min(),
        )
        found = found.join(others.sizes.rename({"group": "other", "size": "theirs"}), on="other", how="left")
        whole = (pl.col("known") == pl.col("size")) & (pl.col("least") == pl.col("other"))
        return found.select(
            "group",
            touched=pl.col("known") > 0,
            same=(whole & (pl.col("theirs") == pl.col("size"))).fill_null(False),
        ).sort("group")

    def met_by(self, others: Groups) -> pl.DataFrame:
        """Which of the others (`other`) each group shares a record with."""
        theirs = others.members.select("id", pl.col("group").alias("other"))
        met = self.members.join(theirs, on="id", how="inner")
        return met.select("group", "other").unique().sort("group", "other")

    def tally(self, groups: pl.Series) -> dict[str, Any]:
        """How many of these groups, and their value by currency."""
        chosen = pl.DataFrame({"group": groups.unique()})
        rows = self.values.join(chosen, on="group", how="semi")
        by_currency = rows.group_by("currency").agg(pl.col("value").sum()).sort("currency")
        return {"groups": chosen.height, "values": dict(by_currency.iter_rows())}

    def listed(self, groups: pl.Series, most: int) -> list[dict[str, Any]]:
        """The first of these groups in order, with their records."""
        first = pl.DataFrame({"group": groups.unique().sort()}).head(most)
        rows = self.members.join(first, on="group", how="semi")
        sides = rows.group_by("group").agg(
            side_a=pl.col("id").filter(pl.col("side") == "a").sort().head(RECORDS_LISTED),
            side_b=pl.col("id").filter(pl.col("side") == "b").sort().head(RECORDS_LISTED),
        )
        return (
            first.join(sides, on="group").join(self.values, on="group", how="left").sort("group").to_dicts()
        )
