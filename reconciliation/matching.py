"""Loads a reconciliation's free items into frames and runs the engine over them. Reads only; the chunks write.

Open items come by COPY in record order (a merge join), only the columns that the active rules name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from ledgers.services.rows import array_text, copy_out
from reconciliation.models import Pass, RejectedGroup, RunSource
from rules import engine
from rules.models import Reconciliation, RuleRevision
from rules.selectors import current_revisions
from rules.states import ReconciliationKind, Side, SignMode

ALWAYS: dict[str, Any] = {
    "id": pl.Int64,
    "ticket": pl.Int64,
    "currency": pl.String,
    "decimal_places": pl.Int16,
    "date": pl.Date,
    "measure": pl.Int64,
}
COLUMNS: dict[str, Any] = {
    "amount": pl.Int64,
    "signed_amount": pl.Int64,
    "effect": pl.Int64,
    "value_date": pl.Date,
    "reference": pl.String,
    "description": pl.String,
    "counterparty": pl.String,
    "external_id": pl.String,
    "direction": pl.String,
}
METADATA = "metadata."

FREE_ITEMS = """
SELECT r.id, o.ticket, r.currency, r.decimal_places, r.date, r.{measure}{columns}
FROM reconciliation_openitem o JOIN ledgers_record r ON r.id = o.record_id
WHERE o.reconciliation_id = %s AND o.side = %s AND o.held_by IS NULL AND o.closed_at IS NULL AND o.open_amount <> 0
{only}
{own}
ORDER BY 1
"""
OWN_MEMBERS = """
UNION ALL
SELECT r.id, NULL, r.currency, r.decimal_places, r.date, r.{measure}{columns}
FROM reconciliation_match m JOIN reconciliation_matchmember mm ON mm.match_id = m.id
JOIN ledgers_record r ON r.id = mm.record_id
WHERE m.made_by_pass_id = %s AND mm.live AND mm.side = %s
"""
OF_RUN = """AND o.record_id IN (
    SELECT l.record_id FROM ledgers_statementline l
    WHERE l.source_file_id = ANY(%s::bigint[]) AND l.voided_at IS NULL)"""
"""The files by their ids: joined to the run's they were taken for a few lines, and a million looked up one by one."""

AFTER = " AND r.date > %s"

BY_ID = """
SELECT r.id, NULL, r.currency, r.decimal_places, r.date, r.{measure}{columns}
FROM ledgers_record r WHERE r.id = ANY(%s::bigint[])
ORDER BY 1
"""

PERIOD = """
WITH pool AS (
    SELECT o.record_id FROM reconciliation_openitem o JOIN ledgers_record r ON r.id = o.record_id
    WHERE o.reconciliation_id = %s AND o.side = %s AND o.closed_at IS NULL AND r.date BETWEEN %s AND %s
    UNION
    SELECT other.record_id FROM reconciliation_matchmember m
    JOIN ledgers_record r ON r.id = m.record_id JOIN reconciliation_matchmember other ON other.match_id = m.match_id
    WHERE m.reconciliation_id = %s AND m.live AND r.date BETWEEN %s AND %s AND other.side = %s
)
SELECT r.id, NULL, r.currency, r.decimal_places, r.date, r.{measure}{columns}
FROM pool JOIN ledgers_record r ON r.id = pool.record_id
WHERE r.kind = 'entry'
ORDER BY 1
"""
"""With the matches of the period put back, whole: a partner of the day before or after comes too."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one pass works on. Frames hold a record each: id, ticket, currency, date, measure and what the rules name."""

    side_a: pl.DataFrame
    side_b: pl.DataFrame
    revisions: list[RuleRevision]
    rules: list[engine.RuleSpec]
    refused: list[tuple[tuple[int, ...], tuple[int, ...]]]
    sign_mode: Literal["effect", "magnitude"] = "effect"
    in_part: bool = True
    """A group that does not add up covers its larger record in part; in streams it is taken whole."""

    @property
    def total(self) -> int:
        return self.side_a.height + self.side_b.height


def prepare(pass_: Pass) -> Work:
    """The frames, rules and refused groups of a pass, as they are now. Side A is only the run's items, where it has one.

    A later attempt sees what the earlier ones matched as rivals (without a ticket, so that the chunks leave them alone):
    else what they took would make the rest look surer, and the result would not be that of an unbroken pass.
    """
    reconciliation = pass_.reconciliation
    revisions = current_revisions(reconciliation)
    rules = [rule_spec(revision) for revision in revisions]
    columns_a, columns_b = engine.columns_needed(rules)
    rivals_of = pass_.pk if pass_.attempt > 1 else None
    return Work(
        side_a=free_items(reconciliation, Side.A, columns_a, run_id=pass_.run_id, rivals_of=rivals_of),
        side_b=free_items(reconciliation, Side.B, columns_b, rivals_of=rivals_of),
        revisions=revisions,
        rules=rules,
        refused=refused_groups(reconciliation),
        sign_mode=sign_mode(reconciliation),
        in_part=reconciliation.kind != ReconciliationKind.STREAMS,
    )


def compute(work: Work) -> engine.Outcome:
    """The engine's groups; pure, outside any transaction."""
    return engine.match(work.side_a, work.side_b, work.rules, refused=work.refused, sign_mode=work.sign_mode)


def rule_spec(revision: RuleRevision) -> engine.RuleSpec:
    """The engine's form of a stored revision."""
    return spec_of(revision.body, ref=revision.pk)


def spec_of(body: Mapping[str, Any], *, ref: int | None = None) -> engine.RuleSpec:
    """The engine's form of what a rule says."""
    return engine.parse_rule({**body, "ref": ref})


def free_items(
    reconciliation: Reconciliation,
    side: str,
    columns: set[str],
    *,
    run_id: int | None = None,
    rivals_of: int | None = None,
    after: date | None = None,
) -> pl.DataFrame:
    """The free items of one side in record order; with a run, only its own; only those dated `after` a day. `rivals_of`: a
    pass whose live members come too, without a ticket."""
    named = sorted(columns - set(ALWAYS))
    schema: dict[str, Any] = {**ALWAYS, **{name: COLUMNS.get(name, pl.String) for name in named}}
    metadata = [name.removeprefix(METADATA) for name in named if name.startswith(METADATA)]
    texts = {
        "measure": reconciliation.measure,
        "columns": "".join(", " + _column(name) for name in named),
    }
    query = FREE_ITEMS.format(
        **texts,
        only=(OF_RUN if run_id is not None else "") + (AFTER if after is not None else ""),
        own=OWN_MEMBERS.format(**texts) if rivals_of is not None else "",
    )
    files = [_files_of(run_id)] if run_id is not None else []
    params: list[object] = [
        *metadata,
        reconciliation.pk,
        side,
        *files,
        *([after] if after is not None else []),
    ]
    if rivals_of is not None:
        params += [*metadata, rivals_of, side]
    return copy_out(query, params, schema)


def records_named(reconciliation: Reconciliation, ids: Sequence[int], columns: set[str]) -> pl.DataFrame:
    """These records as the engine reads them, open or not, in record order; without tickets."""
    query, metadata, schema = _selecting(BY_ID, reconciliation, columns)
    return copy_out(query, [*metadata, array_text(pl.Series(ids, dtype=pl.Int64))], schema)


def records_of_period(
    reconciliation: Reconciliation, side: str, columns: set[str], *, since: date, until: date
) -> pl.DataFrame:
    """The records of one side from one day to another, both included, as if none of them were matched: open ones, and the
    members of live matches. What a person closed stays out."""
    query, metadata, schema = _selecting(PERIOD, reconciliation, columns)
    days = [since, until]
    params = [reconciliation.pk, side, *days, reconciliation.pk, *days, side, *metadata]
    return copy_out(query, params, schema)


def sign_mode(reconciliation: Reconciliation) -> Literal["effect", "magnitude"]:
    return "magnitude" if reconciliation.sign_mode == SignMode.MAGNITUDE else "effect"


def _selecting(
    query: str, reconciliation: Reconciliation, columns: set[str]
) -> tuple[str, list[str], dict[str, Any]]:
    """A query with what is to be read of each record, its first parameters, and the frame's schema."""
    named = sorted(columns - set(ALWAYS))
    texts = {"measure": reconciliation.measure, "columns": "".join(", " + _column(name) for name in named)}
    metadata = [name.removeprefix(METADATA) for name in named if name.startswith(METADATA)]
    return (
        query.format(**texts),
        metadata,
        {**ALWAYS, **{name: COLUMNS.get(name, pl.String) for name in named}},
    )


def _files_of(run_id: int) -> list[int]:
    return list(RunSource.objects.filter(run_id=run_id, live=True).values_list("source_file_id", flat=True))


def _column(name: str) -> str:
    """SQL of a column that a rule names; metadata keys are bound as parameters, others come from a closed list."""
    if name.startswith(METADATA):
        return "r.metadata ->> %s"
    if name not in COLUMNS:
        raise ValueError(f"{name} is no column of a record")  # parsing refuses it before
    return f"r.{name}"


def refused_groups(reconciliation: Reconciliation) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    rows = RejectedGroup.objects.filter(reconciliation=reconciliation).order_by("pk")
    return [(tuple(a), tuple(b)) for a, b in rows.values_list("side_a", "side_b")]
