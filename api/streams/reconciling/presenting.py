"""Turns reconciliations, passes and matches into answers, a whole page in a constant number of queries. Called by the views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.shared.fields import present_all
from api.streams.reconciling import shapes
from api.streams.reconciling.match_shapes import StreamMatchShape
from reconciliation.models import Match, Pass
from reconciliation.selectors.reconciliations import standings
from reconciliation.selectors.stream_matches import shown_matches
from rules.models import Reconciliation, Rule

Json = dict[str, Any]


def reconciliation_bodies(rows: Sequence[Reconciliation], organization_id: int) -> list[Json]:
    found = standings(rows)
    passes = [each for one in found.values() for each in (one.current, one.last) if each is not None]
    runs = {body["id"]: body for body in run_bodies(passes, organization_id)}
    return present_all(
        shapes.ReconciliationShape, rows, organization_id=organization_id, standings=found, runs=runs
    )


def reconciliation_body(row: Reconciliation, organization_id: int) -> Json:
    """As it stands now."""
    row.refresh_from_db()
    return reconciliation_bodies([row], organization_id)[0]


def run_bodies(passes: Sequence[Pass], organization_id: int) -> list[Json]:
    return present_all(shapes.RunShape, passes, organization_id=organization_id, rule_ids=_rule_ids(passes))


def run_body(row: Pass, organization_id: int) -> Json:
    return run_bodies([row], organization_id)[0]


def match_bodies(matches: Sequence[Match], organization_id: int) -> list[Json]:
    return present_all(StreamMatchShape, matches, organization_id=organization_id)


def match_body(match: Match, organization_id: int) -> Json:
    """As it stands now."""
    return match_bodies(shown_matches([match.pk]), organization_id)[0]


def _rule_ids(passes: Sequence[Pass]) -> dict[str, int]:
    """A pass remembers its rules by uuid; this surface names them by number."""
    uuids = {each["rule"] for row in passes for each in row.rule_summary}
    rows = Rule.objects.filter(uuid__in=uuids).values_list("uuid", "pk") if uuids else ()
    return {str(uuid): pk for uuid, pk in rows}
