"""The match that a person makes in a run: items of the run with entries of its ledger, named by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext as _

from ledgers.models import Record
from organizations.actors import Actor
from organizations.refusals import Invalid, NotFound
from reconciliation.models import Run
from reconciliation.selectors.items import run_record_ids
from reconciliation.selectors.runs import refuse_if_voided
from reconciliation.services.groups import IDS_MAX, Made, group_match
from reconciliation.services.locks import share_reconciliations
from reconciliation.states import RunStatus


def match_manual(
    *,
    run: Run,
    item_ids: Sequence[UUID],
    entry_ids: Sequence[UUID],
    note: str = "",
    cleared_on: date | None = None,
    by: Actor,
    at: datetime,
) -> Made:
    """Match these items of the run with these entries of its ledger as one group, accepted at once.

    Sides that don't add up are matched in part, and naming a held item or entry extends (`groups.group_match`). Refuses:
    empty or repeated ids (Invalid), unknown ids (NotFound), what is closed or wholly in a live match (Conflict
    "match.token_taken", naming the match, by whom and when).
    """
    share_reconciliations([run.reconciliation_id])  # first: nothing of the group can be voided from here on
    refuse_if_voided(run)
    for name, ids in (("source_entry_ids", item_ids), ("ledger_entry_ids", entry_ids)):
        _check_ids(name, ids)
    items = _found(item_ids, run.organization_id, word="item_not_found", what=_("statement line"))
    entries = _found(entry_ids, run.organization_id, word="ledger_entry_not_found", what=_("ledger entry"))
    _check_of_run(run, items, entries)
    made = group_match(
        reconciliation=run.reconciliation,
        run=run,
        side_a=items,
        side_b=entries,
        note=note,
        cleared_on=cleared_on,
        by=by,
        at=at,
    )
    if run.status == RunStatus.PENDING:
        Run.objects.filter(pk=run.pk, status=RunStatus.PENDING).moved(RunStatus.COMPLETED, completed_at=at)
    return made


def _check_ids(name: str, ids: Sequence[UUID]) -> None:
    problem = ""
    if not ids:
        problem = _("Name at least one.")
    elif len(set(ids)) != len(ids):
        problem = _("An id stands here twice.")
    elif len(ids) > IDS_MAX:
        problem = _("At most %(max)s ids in one act.") % {"max": IDS_MAX}
    if problem:
        raise Invalid(f"{name}: {problem}", code="match.ids", issues=[{"path": [name], "message": problem}])


def _found(ids: Sequence[UUID], organization_id: int, *, word: str, what: str) -> list[Record]:
    records = list(
        Record.objects.of(organization_id)
        .live()
        .filter(uuid__in=ids)
        .select_related("stream")
        .order_by("date", "pk")
    )
    missing = set(ids) - {record.uuid for record in records}
    if missing:
        raise NotFound(
            _("There is no %(what)s %(id)s.") % {"what": what, "id": sorted(map(str, missing))[0]},
            code=f"record.{word}",
            word=word,
            details={"ids": sorted(map(str, missing))},
        )
    return records


def _check_of_run(run: Run, items: Sequence[Record], entries: Sequence[Record]) -> None:
    of_run = run_record_ids(run, [record.pk for record in items])
    strange = [str(record.uuid) for record in items if record.pk not in of_run]
    strange += [str(record.uuid) for record in entries if record.stream.ledger_id != run.ledger_id]
    if strange:
        raise Invalid(
            _("%(id)s is not of this run and its ledger.") % {"id": strange[0]},
            code="match.not_in_run",
            details={"ids": strange},
        )
