"""Accepting all proposals of a search at once: first what that would be, then exactly that."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

from django.http import HttpRequest
from django.utils.translation import gettext as _

from reconciliation.admin.telling import result_of, tell, who_when
from reconciliation.models import Match, Run
from reconciliation.selectors import desk
from reconciliation.services import matches
from reconciliation.states import MatchStatus

ALL_MAX = 500
"""Proposals accepted by one press: about as many as a person waits for."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What "accept all" is about to accept, before it does."""

    count: int
    until: int
    by_rule: list[tuple[str, int]]
    total: int
    least_sure: int
    """Percent."""
    with_difference: int


def summary_of(chosen: list[Match]) -> Chosen:
    rules = Counter(match.rule_revision.rule.name if match.rule_revision else "–" for match in chosen)
    return Chosen(
        count=len(chosen),
        until=max((match.pk for match in chosen), default=0),
        by_rule=rules.most_common(),
        total=sum(match.total_a for match in chosen),
        least_sure=int(min((match.confidence or 0 for match in chosen), default=0) * 100),
        with_difference=sum(1 for match in chosen if match.difference),
    )


def accept_all(request: HttpRequest, run: Run, chosen: list[Match]) -> None:
    """Each on its own; only those that could not be accepted are told one by one."""
    told_by, expected = who_when(request), MatchStatus.SUGGESTED
    results = []
    for facing in desk.facing_of(chosen):
        act = partial(matches.match_accept, match_id=facing.match.pk, expected_status=expected, **told_by)
        results.append(result_of(run, facing.label, _("accepted"), act))
    tell(request, run, results, rows="refused")
