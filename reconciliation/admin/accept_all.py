"""Accepting all proposals of a search at once: first what that would be, then exactly that."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from organizations.acts import perform
from organizations.refusals import Refusal
from reconciliation.admin.telling import Result, result_of, tell, who_when
from reconciliation.admin.words import told
from reconciliation.models import Match, Run
from reconciliation.selectors import desk
from reconciliation.services import matches
from reconciliation.states import MatchStatus

ALL_MAX = 2_000
"""Proposals accepted by one press: as many as one line of audit should name."""


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
    """In one act; only those that could not be accepted are told one by one."""
    told_by = who_when(request)
    ids = [match.pk for match in chosen]
    act = partial(matches.matches_accept, reconciliation_id=run.reconciliation_id, match_ids=ids, **told_by)
    try:
        accepted = set(perform(act))
    except Refusal as refusal:
        messages.error(request, told(refusal, run))
        return
    left = [match for match in chosen if match.pk not in accepted]
    results: list[Result] = [(True, "", "")] * len(accepted)
    for facing in desk.facing_of(left):
        alone = partial(
            matches.match_accept, match_id=facing.match.pk, expected_status=MatchStatus.SUGGESTED, **told_by
        )
        results.append(result_of(run, facing.label, _("accepted"), alone))
    tell(request, run, results, rows="refused")
