"""Runs a backtest: the active rules with and without the candidate over a period's records with their matches put back,
compared with each other and with what people accepted. Reads in one read-only snapshot; writes nothing but the job.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from django.db import connection, transaction
from django.utils.translation import gettext as _

from ledgers.services.rows import copy_out
from reconciliation import matching
from reconciliation.comparing import MEMBERS, Groups
from reconciliation.models import RuleJob
from reconciliation.services.backtests import refuse_too_many
from reconciliation.services.rule_job_execution import Done, Report
from reconciliation.states import MatchStatus
from rules import engine
from rules.models import Reconciliation
from rules.states import Side

CONTRADICTIONS_MAX = 200
OTHERS_MAX = 50
DIGEST_ROWS = 100_000

ACCEPTED = """
SELECT m.match_id, m.side, m.record_id
FROM reconciliation_match x JOIN reconciliation_matchmember m ON m.match_id = x.id
WHERE x.reconciliation_id = %s AND x.status = %s AND m.live AND m.record_id IS DISTINCT FROM x.adjustment_id
ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Past:
    """The records of a period as if none were matched, what people refused, and the matches they accepted."""

    side_a: pl.DataFrame
    side_b: pl.DataFrame
    refused: list[tuple[tuple[int, ...], tuple[int, ...]]]
    accepted: pl.DataFrame

    @property
    def pool(self) -> pl.DataFrame:
        facts = ["id", "currency", "measure"]
        return pl.concat([self.side_a.select(facts), self.side_b.select(facts)])


def backtest(job: RuleJob, report: Report) -> Done:
    """The work of a job of kind backtest."""
    asked, reconciliation = job.input, job.reconciliation
    rules = {name: _specs(asked[name]) for name in ("with", "without")}
    report(5, "reading", _("Reading records from %(date_from)s to %(date_to)s.") % asked)
    past = _read(reconciliation, [*rules["with"], *rules["without"]], asked)
    total = past.side_a.height + past.side_b.height
    report(25, "matching", _("Matching %(n)s records without the rule.") % {"n": f"{total:,}"})
    without = _match(past, rules["without"], reconciliation)
    report(55, "matching", _("Matching them with the rule."))
    with_ = _match(past, rules["with"], reconciliation)
    report(90, "comparing", _("Comparing with what was accepted."))
    return Done(_result(past, with_, without, asked), digest=_digest(past, asked))


def _specs(rules: list[Mapping[str, Any]]) -> list[engine.RuleSpec]:
    return [matching.spec_of(rule["body"], ref=place) for place, rule in enumerate(rules)]


def _match(past: Past, rules: list[engine.RuleSpec], reconciliation: Reconciliation) -> engine.Outcome:
    mode = matching.sign_mode(reconciliation)
    return engine.match(past.side_a, past.side_b, rules, refused=past.refused, sign_mode=mode)


# --- Reading ----------------------------------------------------------------------------------------------------


@contextmanager
def _snapshot() -> Iterator[None]:
    """One view of the data for several questions; PostgreSQL itself refuses every write in it."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _read(reconciliation: Reconciliation, rules: list[engine.RuleSpec], asked: Mapping[str, Any]) -> Past:
    since, until = date.fromisoformat(asked["date_from"]), date.fromisoformat(asked["date_to"])
    columns_a, columns_b = engine.columns_needed(rules)
    with _snapshot():
        a, b = (
            matching.records_of_period(reconciliation, side, columns, since=since, until=until)
            for side, columns in ((Side.A, columns_a), (Side.B, columns_b))
        )
        refused = matching.refused_groups(reconciliation)
        accepted = copy_out(
            ACCEPTED,
            [reconciliation.pk, MatchStatus.ACCEPTED],
            {"group": pl.Int64, "side": pl.String, "id": pl.Int64},
        )
    refuse_too_many(a.height + b.height, since, until)
    here = pl.concat([a.select("id"), b.select("id")])
    whole = accepted.join(here, on="id", how="semi")["group"].unique()
    return Past(a, b, refused, accepted.filter(pl.col("group").is_in(whole.implode())))


def _digest(past: Past, asked: Mapping[str, Any]) -> str:
    """SHA-256 over all that the result hangs on: the rules, every record as it was read, refusals, accepted matches."""
    found = hashlib.sha256(json.dumps([asked, past.refused], sort_keys=True).encode())
    for frame in (past.side_a.drop("ticket"), past.side_b.drop("ticket"), past.accepted):
        found.update(",".join(frame.columns).encode())
        for rows in frame.iter_slices(DIGEST_ROWS):
            found.update(rows.write_csv(include_header=False).encode())
    return found.hexdigest()


# --- Comparing --------------------------------------------------------------------------------------------------


def _result(
    past: Past, with_: engine.Outcome, without: engine.Outcome, asked: Mapping[str, Any]
) -> dict[str, Any]:
    pool = past.pool
    found, before = (
        Groups(with_.members.select(*MEMBERS), pool),
        Groups(without.members.select(*MEMBERS), pool),
    )
    accepted = Groups(past.accepted, pool)
    place = next(number for number, rule in enumerate(asked["with"]) if rule["candidate"])
    by_candidate = with_.groups.filter(pl.col("rule") == place)["group"]
    told = found.against(accepted)
    own = told.filter(pl.col("group").is_in(by_candidate.implode()))
    sets = _sets(found.against(before), told, own)
    then = before.against(found)
    lost = then.filter(~pl.col("same") & ~pl.col("touched"))["group"]
    rules = [rule["body"]["name"] for rule in asked["with"]]
    names = {group: rules[rule] for group, rule in with_.groups.select("group", "rule").iter_rows()}
    return {
        "date_from": asked["date_from"],
        "date_to": asked["date_to"],
        "records": {"a": past.side_a.height, "b": past.side_b.height},
        "accepted": accepted.sizes.height,
        "counts": {
            **{name: found.tally(groups) for name, groups in sets.items()},
            "lost": before.tally(lost),
        },
        "precision": _precision(own),
        "rules": _told(asked["with"], with_),
        "rules_without": _told(asked["without"], without),
        "contradicts": [
            {**_named(group, names[group["group"]]), "accepted": matches}
            for group, matches in _contradictions(found, accepted, sets["contradicts"])
        ],
        "new": _listed(found, sets["new"], names),
        "changed": _listed(found, sets["changed"], names),
        "lost": [_named(group) for group in before.listed(lost, OTHERS_MAX)],
    }


def _sets(now: pl.DataFrame, told: pl.DataFrame, own: pl.DataFrame) -> dict[str, pl.Series]:
    """The groups found with the rule: `now` against those without it, `told` against what was accepted; `own` are the
    candidate's of `told`. What another rule does otherwise since the candidate took its records is the candidate's doing."""
    other = now.filter(~pl.col("same"))
    caused = pl.concat([own["group"], other["group"]]).unique()
    against = told.filter(pl.col("touched") & ~pl.col("same"))
    return {
        "same": now.filter("same")["group"],
        "new": other.filter(~pl.col("touched"))["group"],
        "changed": other.filter("touched")["group"],
        "contradicts": against.filter(pl.col("group").is_in(caused.implode()))["group"],
        "agrees": own.filter("same")["group"],
    }


def _listed(found: Groups, groups: pl.Series, names: Mapping[int, str]) -> list[dict[str, Any]]:
    return [_named(group, names[group["group"]]) for group in found.listed(groups, OTHERS_MAX)]


def _precision(own: pl.DataFrame) -> dict[str, Any]:
    """Of the candidate's groups with a record of an accepted match: how many are just that match."""
    sample = own.filter("touched").height
    right = own.filter("same").height
    return {"value": round(right / sample, 4) if sample else None, "right": right, "sample": sample}


def _told(rules: list[Mapping[str, Any]], outcome: engine.Outcome) -> list[dict[str, Any]]:
    return [
        {
            "rule_id": rule["rule_id"],
            "name": rule["body"]["name"],
            "revision": rule["revision"],
            "candidate": rule["candidate"],
            "groups": count.groups,
            "a_records": count.a_records,
            "b_records": count.b_records,
            "ambiguous": count.ambiguous,
            "outcome": count.outcome,
        }
        for rule, count in zip(rules, outcome.rule_counts, strict=True)
    ]


def _contradictions(
    found: Groups, accepted: Groups, groups: pl.Series
) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    listed = found.listed(groups, CONTRADICTIONS_MAX)
    met = found.only(pl.Series([group["group"] for group in listed], dtype=pl.Int64)).met_by(accepted)
    matches = {
        match["group"]: {"match_id": match["group"], "side_a": match["side_a"], "side_b": match["side_b"]}
        for match in accepted.listed(met["other"], met.height)
    }
    of: dict[int, list[dict[str, Any]]] = {}
    for group, match in met.iter_rows():
        of.setdefault(group, []).append(matches[match])
    return [(group, of[group["group"]]) for group in listed]


def _named(group: Mapping[str, Any], rule: str = "") -> dict[str, Any]:
    found = {name: group[name] for name in ("side_a", "side_b", "currency", "value")}
    return {**found, "rule": rule} if rule else found
