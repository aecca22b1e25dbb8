"""How the search for rules of a reconciliation stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef

from reconciliation.models import MatchMember, OpenItem, RuleJob
from reconciliation.states import MatchStatus, RuleJobKind, RuleJobStatus
from rules.models import Reconciliation
from rules.selectors import rules_of

IDLE, RUNNING, FAILED = "idle", "running", "failed"


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """How the search for rules stands. `progress`: the newest search's steps, each {step, message, at}. `unmatched_count`:
    unreconciled records of both sides."""

    status: str
    last_run_at: datetime | None
    progress: list[dict[str, Any]]
    reasoning: str | None
    rules_count: int
    unmatched_count: int


def agent_status(reconciliation: Reconciliation) -> AgentStatus:
    """Told from the jobs themselves."""
    searches = reconciliation.rule_jobs.filter(kind=RuleJobKind.PROPOSAL).newest_first()
    newest = searches.first()
    ended = newest if newest is None or not newest.is_under_way else searches.exclude(pk=newest.pk).first()
    return AgentStatus(
        status=_status(newest),
        last_run_at=ended.finished_at if ended is not None else None,
        progress=newest.steps if newest is not None else [],
        reasoning=reasoning_of(reconciliation),
        rules_count=rules_of(reconciliation).active().count(),
        unmatched_count=unmatched_count(reconciliation),
    )


def reasoning_of(reconciliation: Reconciliation) -> str | None:
    """What the newest search that was finished rests its proposals on, in words with their figures."""
    searches = reconciliation.rule_jobs.filter(kind=RuleJobKind.PROPOSAL).newest_first()
    done = searches.filter(status=RuleJobStatus.COMPLETED).first()
    return (done.result or {}).get("reasoning") if done is not None else None


def unmatched_count(reconciliation: Reconciliation) -> int:
    """Open items, and what an undecided suggestion covers wholly: nobody has said that it is reconciled."""
    items = OpenItem.objects.filter(reconciliation=reconciliation)
    suggested = MatchMember.objects.filter(
        ~Exists(items.filter(record_id=OuterRef("record_id"))),
        reconciliation=reconciliation,
        live=True,
        match__status=MatchStatus.SUGGESTED,
    )
    return items.filter(closed_at__isnull=True).count() + suggested.count()


def _status(newest: RuleJob | None) -> str:
    if newest is None:
        return IDLE
    if newest.is_under_way:
        return RUNNING
    return FAILED if newest.status == RuleJobStatus.FAILED else IDLE
