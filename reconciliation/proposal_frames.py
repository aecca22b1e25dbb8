"""Loads the open items that rules are sought from: every text that records of the two sides have, metadata among it. Reads
only. Called by services.proposing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from django.db import connection

from ledgers.states import PropertyType
from reconciliation.matching import METADATA, free_items, refused_groups, rule_spec, sign_mode
from rules import engine
from rules.models import Reconciliation
from rules.selectors import current_revisions, metadata_types
from rules.states import Side

ITEMS_MAX = 1_000_000
"""Of one side; where there are more, those of the latest days."""

TEXTS = frozenset({"reference", "description", "counterparty", "external_id"})
KEYS_MAX = 20
KEYS_SEEN_IN = 10_000
KEY_LENGTH_MAX = 100
KEY_LEAST = 0.01
"""Metadata keys that are compared: the most frequent of a side's latest records, with a value in so many of them."""

FREE = """
FROM reconciliation_openitem o JOIN ledgers_record r ON r.id = o.record_id
WHERE o.reconciliation_id = %s AND o.side = %s AND o.held_by IS NULL AND o.closed_at IS NULL AND o.open_amount <> 0
"""
METADATA_KEYS = f"""
WITH latest AS (SELECT r.metadata {FREE} ORDER BY r.id DESC LIMIT {KEYS_SEEN_IN})
SELECT e.key FROM latest, jsonb_each(latest.metadata) AS e(key, value)
WHERE jsonb_typeof(e.value) IN ('string', 'number')
GROUP BY e.key HAVING count(*) >= %s * (SELECT count(*) FROM latest)
ORDER BY count(*) DESC, e.key LIMIT {KEYS_MAX}
"""  # noqa: S608 - made of the constants above
DAY_OF = f"SELECT r.date {FREE} ORDER BY r.date DESC OFFSET %s LIMIT 1"


@dataclass(frozen=True, slots=True)
class OpenItems:
    """What rules are sought from: free items that the active rules leave, and a digest of all that was read."""

    a: pl.DataFrame
    b: pl.DataFrame
    digest: str


def open_items(reconciliation: Reconciliation, asked: object) -> OpenItems:
    """The free items of both sides that the active rules would not match. `asked` goes into the digest."""
    specs = [rule_spec(revision) for revision in current_revisions(reconciliation)]
    needed = engine.columns_needed(specs)
    loaded = [
        _latest(reconciliation, side, columns | _texts(reconciliation, side))
        for side, columns in zip((Side.A, Side.B), needed, strict=True)
    ]
    told = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode())
    for frame in loaded:  # a ticket is new at every change of its item or record
        told.update(frame.select("id", "ticket").to_numpy().tobytes())
    a, b = _left(reconciliation, loaded, specs)
    return OpenItems(a, b, told.hexdigest())


def _latest(reconciliation: Reconciliation, side: str, columns: set[str]) -> pl.DataFrame:
    with connection.cursor() as cursor:
        cursor.execute(DAY_OF, [reconciliation.pk, side, ITEMS_MAX])
        day: tuple[date] | None = cursor.fetchone()
    return free_items(reconciliation, side, columns, after=day[0] if day is not None else None)


def _texts(reconciliation: Reconciliation, side: str) -> set[str]:
    """The fields to compare. Metadata only where it is text: a number or a date is compared by its value, not as it is
    written."""
    with connection.cursor() as cursor:
        cursor.execute(METADATA_KEYS, [reconciliation.pk, side, KEY_LEAST])
        keys = [key for (key,) in cursor.fetchall() if 0 < len(key) <= KEY_LENGTH_MAX]
    own, other = ("key", "value") if side == Side.A else ("value", "key")
    leaves = [{own: METADATA + key, other: "reference"} for key in keys]
    types = metadata_types(reconciliation, {"filters": {"rules": leaves}})
    texts = {METADATA + key for key in keys if types.get(key, PropertyType.STRING) == PropertyType.STRING}
    return texts.union(TEXTS)


def _left(
    reconciliation: Reconciliation, loaded: Sequence[pl.DataFrame], specs: list[engine.RuleSpec]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    a, b = loaded
    if not specs:
        return a, b
    outcome = engine.match(
        a, b, specs, refused=refused_groups(reconciliation), sign_mode=sign_mode(reconciliation)
    )
    taken: dict[str, Any] = {
        side: outcome.members.filter(pl.col("side") == side)["id"].implode() for side in "ab"
    }
    return a.filter(~pl.col("id").is_in(taken["a"])), b.filter(~pl.col("id").is_in(taken["b"]))
