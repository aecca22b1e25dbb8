"""Writes a pass's groups in chunks, each a short transaction of its own, so that people wait milliseconds.

A chunk locks its tokens in record order, drops exactly the groups that lost a member since the pass read them (told by
the ticket, not the record: a token given back and changed meanwhile is another one), and COPYs the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import polars as pl
from django.conf import settings
from django.db.models import F
from django.utils.translation import gettext as _

from ledgers.services.rows import array_text, copy_out, copy_rows, draw_ids, id_sequence
from organizations.actors import Actor, system_actor
from organizations.ids import uuid7_block
from reconciliation.matching import Work
from reconciliation.models import Match, MatchMember, Pass
from reconciliation.services.discrepancies import follow, suggested
from reconciliation.services.groups import amount_mismatch
from reconciliation.services.locks import perform_patiently, share_reconciliations
from reconciliation.services.raising import raise_many, raise_of_new_matches
from reconciliation.services.tokens import tokens_hold, tokens_remove
from reconciliation.states import DiscrepancyType, MatchOrigin, MatchStatus, PassStatus
from rules.engine import Outcome, may_accept
from rules.states import Side

TASK = "auto_match"
BY = f"system:{TASK}"
RECKONED = ("confidence", "rivals", "rival_count", "chance", "runner_up")
APART_DAYS = 3  # further than this apart, a pair is pointed out (docs/ledger-runs.md)

TOKENS = """
WITH held AS MATERIALIZED (
    SELECT record_id, ticket, overdue_at, overdue_by_hand, overdue_seen_at FROM reconciliation_openitem
    WHERE reconciliation_id = %s AND record_id = ANY(%s::bigint[]) AND held_by IS NULL AND closed_at IS NULL
    ORDER BY record_id FOR UPDATE
)
SELECT wanted.id, (held.record_id IS NULL)::int, held.overdue_at, held.overdue_by_hand::int, held.overdue_seen_at
FROM unnest(%s::bigint[], %s::bigint[]) AS wanted (id, ticket)
LEFT JOIN held ON held.record_id = wanted.id AND held.ticket = wanted.ticket
WHERE held.record_id IS NULL OR held.overdue_by_hand
    OR held.overdue_at IS NOT NULL OR held.overdue_seen_at IS NOT NULL
"""
"""Locks them all, and answers only where there is something to say: lost to others, or overdue."""
TOKEN_SCHEMA: dict[str, Any] = {
    "id": pl.Int64,
    "lost": pl.Int8,
    "overdue_at": pl.String,
    "overdue_by_hand": pl.Int8,
    "overdue_seen_at": pl.String,
}


class Overtaken(Exception):
    """The pass row is no longer running under our attempt: whatever we found is no longer ours to write."""


class CancelRequested(Exception):
    """A person cancelled the pass; what was written stays."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    groups: pl.DataFrame
    members: pl.DataFrame
    progress: int
    processed: int


def write_all(row: Pass, work: Work, outcome: Outcome, *, clock: Callable[[], datetime]) -> None:
    """Write every group that still holds, chunk by chunk. Raises Overtaken or CancelRequested between chunks."""
    perform_patiently(partial(_started, row, work, outcome, at=clock()))
    members = _members(work, outcome)
    found = _not_written(outcome.groups, members)
    total = found.height
    for start in range(0, total, settings.CHUNK_GROUPS):
        groups = found.slice(start, settings.CHUNK_GROUPS)
        done = start + groups.height
        chunk = _Chunk(
            groups=groups,
            members=members.join(groups.select("group"), on="group", how="semi", maintain_order="left"),
            progress=99 * done // total,
            processed=work.total * done // total,
        )
        perform_patiently(partial(_write, row, work, chunk, at=clock()))
    row.refresh_from_db()


def _started(row: Pass, work: Work, outcome: Outcome, *, at: datetime) -> None:
    summary = [
        {
            "rule": str(revision.rule.uuid),
            "name": revision.rule.name,
            "revision": revision.number,
            "groups": count.groups,
            "ambiguous": count.ambiguous,
            "outcome": count.outcome,
            "candidates": count.candidates,
        }
        for revision, count in zip(work.revisions, outcome.rule_counts, strict=True)
    ]
    _ours(
        row,
        at=at,
        total_records=work.total,
        ambiguous=outcome.ambiguous,
        rule_summary=summary,
    )


def _ours(row: Pass, *, at: datetime, **fields: object) -> None:
    """Touch the pass row as the running attempt that we are, or stop."""
    mine = Pass.objects.filter(pk=row.pk, status=PassStatus.RUNNING, attempt=row.attempt)
    if not mine.update(heartbeat_at=at, **fields):
        raise Overtaken
    if mine.filter(cancel_requested_at__isnull=False).exists():
        raise CancelRequested


def _members(work: Work, outcome: Outcome) -> pl.DataFrame:
    """Members with what their rows need: ticket, date, measure and currency of the record, and how much of it is
    `applied`. Of a pair that does not add up the larger record is covered in part, except in streams."""
    facts = ["id", "ticket", "date", "measure", "currency", "decimal_places"]
    records = pl.concat([work.side_a.select(facts), work.side_b.select(facts)])
    members = outcome.members.join(records, on="id", how="left", maintain_order="left")
    if not work.in_part or not (outcome.groups["difference"] != 0).any():
        return members.with_columns(pl.col("measure").alias("applied"))
    # One to one by the rule language: the smaller of the two amounts, which have one sign.
    least = pl.col("measure").abs().min().over("group") * pl.col("measure").sign()
    differs = pl.col("group").is_in(outcome.groups.filter(pl.col("difference") != 0)["group"].implode())
    return members.with_columns(pl.when(differs).then(least).otherwise(pl.col("measure")).alias("applied"))


def _not_written(groups: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Without the groups of an earlier attempt, whose members have no ticket any more."""
    written = members.filter(pl.col("ticket").is_null())["group"].unique()
    return groups.filter(~pl.col("group").is_in(written.implode())) if written.len() else groups


def _write(row: Pass, work: Work, chunk: _Chunk, *, at: datetime) -> None:
    by = system_actor(TASK, row.reconciliation.organization_id)
    share_reconciliations([row.reconciliation_id])
    _ours(row, at=at)
    held = chunk.members.join(_locked(row, chunk.members), on="id", how="left", maintain_order="left")
    lost = held.filter(pl.col("lost") == 1)["group"].unique()
    members = held.filter(~pl.col("group").is_in(lost.implode()))
    groups = chunk.groups.filter(~pl.col("group").is_in(lost.implode()))
    if groups.height:
        whole = members.filter(pl.col("applied") == pl.col("measure"))
        tokens_remove(reconciliation_id=row.reconciliation_id, record_ids=whole["id"].to_list())
        matches = _matches_write(row, work, groups, members, at=at)
        _hold(row, matches, members)
        _members_write(row, matches, members)
        _discrepancies(row, matches, members, by=by, at=at)
    accepted = _accepted(work, groups)
    _ours(
        row,
        at=at,
        current_rule=work.revisions[chunk.groups["rule"][-1]].rule.name,
        progress=chunk.progress,
        processed_records=chunk.processed,
        matched=F("matched") + _added_up(groups, members),
        matched_records=F("matched_records") + members.height,
        suggested=F("suggested") + groups.height,
        accepted=F("accepted") + accepted.height,
        accepted_records=F("accepted_records") + members.join(accepted, on="group", how="semi").height,
        lost_to_others=F("lost_to_others") + lost.len(),
    )


def _locked(row: Pass, members: pl.DataFrame) -> pl.DataFrame:
    ids, tickets = array_text(members["id"]), array_text(members["ticket"])
    return copy_out(TOKENS, [row.reconciliation_id, ids, ids, tickets], TOKEN_SCHEMA)


def _added_up(groups: pl.DataFrame, members: pl.DataFrame) -> int:
    """Side A records of groups that add up."""
    exact = groups.filter(pl.col("difference") == 0).select("group")
    return members.filter(pl.col("side") == Side.A).join(exact, on="group", how="semi").height


def _hold(row: Pass, matches: pl.DataFrame, members: pl.DataFrame) -> None:
    """The tokens of records that are covered in part stay, with what is left."""
    parts = members.filter(pl.col("applied") != pl.col("measure"))
    if parts.is_empty():
        return
    ids = matches.select("group", pl.col("id").alias("match_id"))
    held = parts.join(ids, on="group", how="left").with_columns(rest=pl.col("measure") - pl.col("applied"))
    tokens_hold(
        dict(held.select("id", "rest").iter_rows()),
        reconciliation_id=row.reconciliation_id,
        match_ids=dict(held.select("id", "match_id").iter_rows()),
    )


def _matches_write(
    row: Pass, work: Work, groups: pl.DataFrame, members: pl.DataFrame, *, at: datetime
) -> pl.DataFrame:
    """COPY the matches; gives group, id, total_a, days apart, currency and accepted for what hangs on them."""
    rows = _match_rows(work, groups, members)
    copy_rows(
        Match,
        rows.select(
            "id",
            "uuid",
            pl.lit(row.reconciliation_id).alias("reconciliation_id"),
            pl.lit(row.run_id, dtype=pl.Int64).alias("run_id"),
            pl.lit(row.pk).alias("made_by_pass_id"),
            "rule_revision_id",
            pl.lit(MatchOrigin.AUTO.value).alias("origin"),
            "confidence",
            "rivals",
            pl.col("rival_count").cast(pl.Int32),
            "chance",
            "runner_up",
            pl.col("group_key").fill_null(""),
            "currency",
            "decimal_places",
            "total_a",
            "total_b",
            (pl.col("total_a") - pl.col("total_b")).alias("difference"),
            "record_count",
            "cleared_on",
            pl.lit(at).alias("created_at"),
            pl.lit(BY).alias("created_by"),
            *_decision(at),
        ),
    )
    return rows


def _match_rows(work: Work, groups: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """A match's facts per group, with ids of their own."""
    revisions = pl.DataFrame(
        {
            "rule": range(len(work.revisions)),
            "rule_revision_id": [revision.pk for revision in work.revisions],
        },
        schema={"rule": pl.Int32, "rule_revision_id": pl.Int64},
    )
    accepted = _accepted(work, groups)["group"]
    return (
        groups.select("group", "rule", "group_key", *RECKONED)
        .join(_totals(members, work), on="group", how="left", maintain_order="left")
        .join(revisions, on="rule", how="left", maintain_order="left")
        .with_columns(
            pl.col("group").is_in(accepted.implode()).alias("accepted"),
            pl.Series("id", draw_ids(id_sequence(Match), groups.height), dtype=pl.Int64),
            pl.Series("uuid", uuid7_block(groups.height), dtype=pl.String),
        )
    )


def _decision(at: datetime) -> list[pl.Expr]:
    """Status, and who decided when, where nobody is asked."""
    accepted = pl.when("accepted")
    return [
        accepted.then(pl.lit(MatchStatus.ACCEPTED.value))
        .otherwise(pl.lit(MatchStatus.SUGGESTED.value))
        .alias("status"),
        accepted.then(pl.lit(at)).alias("decided_at"),
        accepted.then(pl.lit(BY)).otherwise(pl.lit("")).alias("decided_by"),
    ]


def _accepted(work: Work, groups: pl.DataFrame) -> pl.DataFrame:
    """The groups that are accepted without a person: their rule may, they are as sure as it asks, and they add up or
    are taken whole."""
    accept_at = {
        number: float(revision.body.get("accept_at", 1))
        for number, (revision, rule) in enumerate(zip(work.revisions, work.rules, strict=True))
        if revision.body.get("auto_accept") and may_accept(rule)
    }
    if not accept_at:
        return groups.select("group").clear()
    needed = pl.col("rule").replace_strict(accept_at, default=None, return_dtype=pl.Float64)
    whole = pl.lit(True) if not work.in_part else pl.col("difference") == 0
    return groups.filter((pl.col("confidence") >= needed) & whole).select("group")


def _totals(members: pl.DataFrame, work: Work) -> pl.DataFrame:
    """Per group: what both sides sum to, how many records, first and last day, currency, the record held in part."""
    on_a = pl.col("side") == Side.A
    totals = [pl.col("measure").filter(side).sum() for side in (on_a, ~on_a)]
    if work.sign_mode == "magnitude":
        totals = [total.abs() for total in totals]
    return members.group_by("group").agg(
        totals[0].alias("total_a"),
        totals[1].alias("total_b"),
        pl.col("id").filter(pl.col("applied") != pl.col("measure")).first().alias("held"),
        pl.len().cast(pl.Int32).alias("record_count"),
        pl.col("date").max().alias("cleared_on"),
        pl.col("date").min().alias("first_on"),
        pl.col("currency").first(),
        pl.col("decimal_places").first(),
    )


def _members_write(row: Pass, matches: pl.DataFrame, members: pl.DataFrame) -> None:
    ids = matches.select("group", pl.col("id").alias("match_id"))
    copy_rows(
        MatchMember,
        members.join(ids, on="group", how="left", maintain_order="left").select(
            "match_id",
            pl.lit(row.reconciliation_id).alias("reconciliation_id"),
            pl.col("id").alias("record_id"),
            "side",
            "applied",
            pl.lit(True).alias("live"),
            "overdue_at",
            (pl.col("overdue_by_hand") == 1).fill_null(False).alias("overdue_by_hand"),
            "overdue_seen_at",
        ),
    )


def _discrepancies(
    row: Pass, matches: pl.DataFrame, members: pl.DataFrame, *, by: Actor, at: datetime
) -> None:
    """Pairs far apart or of different amounts are pointed out; what was said of the lines is in review now."""
    about: dict[str, Any] = {
        "reconciliation_id": row.reconciliation_id,
        "run_id": row.run_id,
        "by": by,
        "at": at,
    }
    apart = _far_apart(matches.filter(~pl.col("accepted")))
    raise_of_new_matches(apart, type_=DiscrepancyType.DATE_MISMATCH, **about)
    differ = matches.filter(pl.col("total_a") != pl.col("total_b"))
    rows = [_amounts_differ(match) for match in differ.iter_rows(named=True)]
    raise_many(type_=DiscrepancyType.AMOUNT_MISMATCH, rows=rows, **about)
    stated_of = pl.concat([members.filter(pl.col("side") == Side.A)["id"], differ["held"].drop_nulls()])
    suggested(stated_of, reconciliation_id=row.reconciliation_id)
    cleared = members.join(matches.filter("accepted"), on="group", how="semi")["id"]
    if cleared.len():
        follow(reconciliation_id=row.reconciliation_id, record_ids=cleared.to_list(), by=by, at=at)


def _far_apart(matches: pl.DataFrame) -> pl.DataFrame:
    days = (pl.col("cleared_on") - pl.col("first_on")).dt.total_days()
    apart = matches.with_columns(days=days).filter(pl.col("days") > APART_DAYS)
    said = {
        count: _("The dates of the two sides are %(days)s days apart.") % {"days": count}
        for count in apart["days"].unique()
    }
    return apart.select(
        pl.col("id").alias("match_id"),
        pl.col("total_a").abs().alias("amount"),
        "currency",
        "decimal_places",
        pl.col("days").replace_strict(said, return_dtype=pl.String).alias("description"),
    )


def _amounts_differ(match: dict[str, Any]) -> dict[str, object]:
    return amount_mismatch(
        match["id"],
        match["held"],
        match["total_a"] - match["total_b"],
        match["decimal_places"],
        match["currency"],
    )
