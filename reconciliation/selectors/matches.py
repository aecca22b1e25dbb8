"""Matches of a run, and their members for one page of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from ledgers.models import Record, StatementLine
from organizations.refusals import NotFound
from reconciliation.models import Match, MatchMember, Run
from reconciliation.selectors.items import source_file_ids
from reconciliation.states import MatchStatus
from rules.states import Side


@dataclass(slots=True)
class Members:
    """Records of a match by side, in order of date and id."""

    a: list[Record] = field(default_factory=list)
    b: list[Record] = field(default_factory=list)


def match_rows(organization_id: int) -> QuerySet[Match]:
    """Matches as lists show them: with run and rule; superseded ones are left out."""
    return (
        Match.objects.filter(reconciliation__organization_id=organization_id)
        .exclude(status=MatchStatus.SUPERSEDED)
        .select_related("run", "rule_revision__rule", "reconciliation")
    )


def matches_of(run: Run) -> QuerySet[Match]:
    """A run's matches are those with a member that is an item of the run. Asked of each match in turn, not as a join:
    a page then takes a look at a page of matches, and not at every line of the run."""
    lines = StatementLine.objects.live().filter(
        source_file_id__in=source_file_ids(run), record_id=OuterRef("record_id")
    )
    members = MatchMember.objects.filter(Exists(lines), match_id=OuterRef("pk"))
    rows = match_rows(run.organization_id).filter(reconciliation_id=run.reconciliation_id)
    of_run = Subquery(members.values("record_id")[:1])
    return rows.alias(of_run=of_run).filter(of_run__isnull=False).order_by("-created_at", "pk")


def match_of(*, organization_id: int, match_id: UUID) -> Match:
    """NotFound "match.not_found"."""
    match = match_rows(organization_id).filter(uuid=match_id).first()
    if match is None:
        raise NotFound(_("There is no such match."), code="match.not_found", word="match_not_found")
    return match


def stream_match_of(*, organization_id: int, match_id: int) -> Match:
    """The same by number, as the stream surface has it: what was undone is not there any more either."""
    rows = match_rows(organization_id).exclude(status=MatchStatus.UNDONE)
    match = rows.filter(pk=match_id, reconciliation__voided_at__isnull=True).first()
    if match is None:
        raise NotFound(_("There is no match with this id."), code="match.not_found")
    return match


def members_of(match_ids: Iterable[int]) -> dict[int, Members]:
    """The member records of these matches, in one query."""
    found: dict[int, Members] = {pk: Members() for pk in match_ids}
    rows = MatchMember.objects.filter(match_id__in=list(found)).select_related("record")
    for member in rows.order_by("record__date", "record_id"):
        members = found[member.match_id]
        (members.a if member.side == Side.A else members.b).append(member.record)
    return found
