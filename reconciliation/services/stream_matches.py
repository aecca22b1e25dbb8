"""The match that a person makes over records of a reconciliation, named by their numbers on either side. Of a run's items
and entries it is `by_hand` that makes it; both come down to `groups`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from ledgers.models import Record, StatementLine
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid
from reconciliation.models import Match, MatchMember, OpenItem, Run, RunSource
from reconciliation.services.groups import IDS_MAX, group_match
from reconciliation.services.locks import share_reconciliations, share_streams
from reconciliation.states import MatchStatus, RunStatus
from rules.models import Reconciliation, ReconciliationStream
from rules.states import ReconciliationKind, Side

REASON_MAX = 1_000
PATH = "record_ids"


def match_by_hand(
    *,
    reconciliation: Reconciliation,
    record_ids: Sequence[int],
    create_adjustment: bool = False,
    adjustment_reason: str = "",
    by: Actor,
    at: datetime,
) -> Match:
    """Match these records as one group, accepted at once; their sides follow the wiring. Suggestions on them are superseded.

    Of streams the group is taken whole: what it lacks is its `difference`, with a discrepancy, or made up by one adjustment
    record. Of a ledger it is covered in part where it does not add up (`groups.group_match`). Invalid, each with its place
    in `record_ids`: "record.not_found", "record.not_in_reconciliation", "record.matched" (an accepted match has it, or a
    person closed it); and "match.ids", "match.adjustment_refused", and what `group_match` says.
    """
    _check_ids(record_ids, least=1 if create_adjustment else 2)
    _check_kind(reconciliation, create_adjustment)
    wired = _wired(reconciliation)
    if (
        create_adjustment
    ):  # streams before reconciliations: what is written into one must not pass its reset by
        share_streams(wired)
    share_reconciliations([reconciliation.pk])
    _refuse_if_rewired(reconciliation, wired)
    records = _named(record_ids, wired, by=by)
    sides = {side: [r for r in records if wired[r.stream_id] == side] for side in Side.values}
    run = _run_showing(reconciliation, sides[Side.A])
    try:
        made = group_match(
            reconciliation=reconciliation,
            run=run,
            side_a=sides[Side.A],
            side_b=sides[Side.B],
            over_suggestions=True,
            adjust=adjustment_reason if create_adjustment else None,
            by=by,
            at=at,
        )
    except Conflict as refusal:
        if refusal.code == "match.token_taken" and (issues := _reconciled(reconciliation, record_ids)):
            raise _invalid("record.matched", issues) from refusal
        raise
    if run is not None:
        Run.objects.filter(pk=run.pk, status=RunStatus.PENDING).moved(RunStatus.COMPLETED, completed_at=at)
    return made.match


def _check_ids(record_ids: Sequence[int], *, least: int) -> None:
    seen: set[int] = set()
    issues: list[tuple[tuple[int, ...], str]] = []
    if len(record_ids) < least:
        issues.append(((), _("Name at least %(least)s records.") % {"least": least}))
    elif len(record_ids) > IDS_MAX:
        issues.append(((), _("At most %(max)s records in one match.") % {"max": IDS_MAX}))
    else:
        for place, pk in enumerate(record_ids):
            if pk in seen:
                issues.append(((place,), _("This record is named twice.")))
            seen.add(pk)
    if issues:
        raise _invalid("match.ids", issues)


def _check_kind(reconciliation: Reconciliation, create_adjustment: bool) -> None:
    refuse_of_settlement(reconciliation)
    if create_adjustment and reconciliation.kind != ReconciliationKind.STREAMS:
        message = _(
            "No adjustment is written into a ledger or a statement: post an entry, or leave the rest open and close it."
        )
        raise Invalid(
            f"create_adjustment: {message}",
            code="match.adjustment_refused",
            issues=[{"path": ["create_adjustment"], "message": message}],
        )


def refuse_of_settlement(reconciliation: Reconciliation) -> None:
    """Its matches are made and decided where it is settled (Conflict "reconciliation.owned")."""
    if reconciliation.kind == ReconciliationKind.SETTLEMENT:
        raise Conflict(
            _("%(name)s is owned by its settlement. Match there.") % {"name": reconciliation.name},
            code="reconciliation.owned",
        )


def _wired(reconciliation: Reconciliation) -> dict[int, str]:
    wiring = ReconciliationStream.objects.filter(reconciliation=reconciliation)
    return dict(wiring.values_list("stream_id", "side"))


def _refuse_if_rewired(reconciliation: Reconciliation, seen: Mapping[int, str]) -> None:
    """What was looked at before the locks must be so still."""
    live = Reconciliation.objects.live().filter(pk=reconciliation.pk).exists()
    if not live or _wired(reconciliation) != seen:
        raise Conflict(
            _("Somebody else changed the streams of %(name)s meanwhile. Look at them again.")
            % {"name": reconciliation.name},
            code="reconciliation.changed",
        )


def _run_showing(reconciliation: Reconciliation, lines: Sequence[Record]) -> Run | None:
    """Of a ledger: the newest run in which one of these lines is an item, where people see what is left of it."""
    if reconciliation.kind != ReconciliationKind.LEDGER:
        return None
    stated = StatementLine.objects.live().filter(record__in=lines)
    sources = RunSource.objects.filter(
        live=True,
        run__voided_at=None,
        run__reconciliation=reconciliation,
        source_file_id__in=stated.values("source_file_id"),
    )
    newest = sources.select_related("run").order_by("-run_id").first()
    return newest.run if newest is not None else None


def _named(record_ids: Sequence[int], wired: Mapping[int, str], *, by: Actor) -> list[Record]:
    """The records, in the order in which they were named."""
    rows = Record.objects.of(by.organization_id).live().entries().in_bulk(list(record_ids))
    unknown = [place for place, pk in enumerate(record_ids) if pk not in rows]
    if unknown:
        message = _("There is no record with this id.")
        raise _invalid("record.not_found", [((place,), message) for place in unknown])
    records = [rows[pk] for pk in record_ids]
    strange = [place for place, record in enumerate(records) if record.stream_id not in wired]
    if strange:
        message = _("This record is of no stream of the reconciliation.")
        raise _invalid("record.not_in_reconciliation", [((place,), message) for place in strange])
    return records


def _reconciled(
    reconciliation: Reconciliation, record_ids: Sequence[int]
) -> list[tuple[tuple[int, ...], str]]:
    """What the records that are reconciled already are reconciled by, each at its place."""
    members = MatchMember.objects.filter(
        reconciliation=reconciliation,
        record_id__in=record_ids,
        live=True,
        match__status=MatchStatus.ACCEPTED,
    )
    held = OpenItem.objects.filter(reconciliation=reconciliation, record_id__in=record_ids).held()
    said = {
        member.record_id: _("Match %(match)s has this record already, by %(by)s. Undo that match first.")
        % {"match": member.match_id, "by": member.match.decided_by or member.match.created_by}
        for member in members.exclude(record_id__in=held.values("record_id")).select_related("match")
    }
    closed = OpenItem.objects.filter(reconciliation=reconciliation, record_id__in=record_ids).closed()
    for item in closed:
        said[item.record_id] = _("This record was closed by %(by)s. Reopen it first.") % {
            "by": item.closed_by
        }
    return [((place,), said[pk]) for place, pk in enumerate(record_ids) if pk in said]


def _invalid(code: str, issues: Sequence[tuple[tuple[int, ...], str]]) -> Invalid:
    place, message = issues[0]
    return Invalid(
        f"{'.'.join([PATH, *map(str, place)])}: {message}",
        code=code,
        issues=[{"path": [PATH, *place], "message": message} for place, message in issues],
    )
