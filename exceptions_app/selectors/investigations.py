"""Questions about investigations and what they found. Findings stand in the order in which they were written, the surest
records first, the explanations of one record together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from exceptions_app.investigating.matchable import needs_adjustment, takes_adjustment, why_not_matchable
from exceptions_app.investigating.texts import finding_text
from exceptions_app.models import Finding, Investigation, ReconciliationException
from ledgers.models import Record
from organizations.refusals import NotFound
from reconciliation.models import Match, MatchMember, OpenItem
from reconciliation.states import MATCH_LIVE, MatchStatus


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """A finding with what people see of it. `records`: its record and the suggested ones, by id. `match_status`: of the
    match that it was made, "" where it was not; `not_matchable`: why it can't be made one now, "" where it can."""

    finding: Finding
    text: str
    records: dict[int, Record]
    match_status: str
    not_matchable: str

    @property
    def is_taken(self) -> bool:
        return self.match_status in MATCH_LIVE

    @property
    def needs_adjustment(self) -> bool:
        return needs_adjustment(self.finding)

    @property
    def takes_adjustment(self) -> bool:
        return takes_adjustment(self.finding)


def investigations_of(exception: ReconciliationException) -> QuerySet[Investigation]:
    return Investigation.objects.filter(exception=exception).newest_first()


def investigation_of(*, exception: ReconciliationException, investigation_id: int) -> Investigation:
    """Raises NotFound."""
    found = investigations_of(exception).filter(pk=investigation_id).first()
    if found is None:
        raise NotFound(_("There is no investigation with this id."), code="investigation.not_found")
    return found


def findings_of(investigation: Investigation) -> QuerySet[Finding]:
    """The surest first; with what `shown_findings` reads of each."""
    rows = Finding.objects.filter(investigation=investigation).order_by("pk")
    return rows.select_related("investigation__exception__reconciliation")


def shown_findings(findings: Sequence[Finding]) -> list[ShownFinding]:
    """A page of findings of one reconciliation, in five queries however long it is."""
    if not findings:
        return []
    reconciliation = findings[0].investigation.exception.reconciliation
    ids = {pk for each in findings for pk in (each.record_id, *each.suggested)}
    records = Record.objects.in_bulk(ids)
    open_items = _open(reconciliation.pk, ids)
    match_ids = {pk for pk in (*open_items.values(), *(each.match_id for each in findings)) if pk is not None}
    statuses = dict(Match.objects.filter(pk__in=match_ids).values_list("pk", "status"))
    shown = []
    for each in findings:
        named = [each.record_id, *each.suggested]
        status = statuses.get(each.match_id, "") if each.match_id is not None else ""
        shown.append(
            ShownFinding(
                finding=each,
                text=" ".join(
                    filter(None, [finding_text(each, records), _extends(named, open_items, statuses)])
                ),
                records={pk: records[pk] for pk in named if pk in records},
                match_status=status,
                not_matchable=_why_not(each, status, [pk for pk in named if pk not in open_items]),
            )
        )
    return shown


def _open(reconciliation_id: int, ids: set[int]) -> dict[int, int | None]:
    """Those that can be matched now: open ones, with what covers them in part, and those that only an undecided suggestion
    has."""
    tokens = OpenItem.objects.filter(
        reconciliation_id=reconciliation_id, record_id__in=ids, closed_at__isnull=True
    )
    suggested = MatchMember.objects.filter(
        reconciliation_id=reconciliation_id,
        record_id__in=ids,
        live=True,
        match__status=MatchStatus.SUGGESTED,
    )
    found: dict[int, int | None] = dict.fromkeys(suggested.values_list("record_id", flat=True))
    return found | dict(tokens.values_list("record_id", "held_by"))


def _extends(named: list[int], open_items: dict[int, int | None], statuses: dict[int, str]) -> str:
    """Which accepted matches a match of these records would put in its place."""
    held = {open_items.get(pk) for pk in named}
    replaced = sorted(pk for pk in held if pk is not None and statuses.get(pk) == MatchStatus.ACCEPTED)
    if not replaced:
        return ""
    return _(
        "Match %(ids)s covers part of it already: one match of all its records and these would replace it."
    ) % {"ids": ", ".join(map(str, replaced))}


def _why_not(finding: Finding, match_status: str, not_open: list[int]) -> str:
    if match_status in MATCH_LIVE:
        return _("It is match %(id)s already.") % {"id": finding.match_id}
    if reason := why_not_matchable(finding):
        return reason
    if not_open:
        return _("Record %(id)s is not open any more.") % {"id": not_open[0]}
    return ""
