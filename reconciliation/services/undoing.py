"""Takes back what passes did: every live match that a pass made, in any chunk of any attempt, as one act. Not remembered."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict
from reconciliation.models import Match, MatchMember, Pass, Run
from reconciliation.selectors.runs import refuse_if_voided
from reconciliation.services.locks import share_reconciliations
from reconciliation.services.matches import matches_end
from reconciliation.services.records import pass_running
from reconciliation.services.tokens import tokens_lock
from reconciliation.states import MatchStatus

UNDONE = "pass_undone"


def pass_undo(*, pass_: Pass, undo_accepted: bool = False, by: Actor, at: datetime) -> int:
    """Undo the pass's live matches; how many. Refused while it is under way ("pass.running"), and where people accepted
    some ("pass.has_accepted", with their number) unless `undo_accepted`."""
    share_reconciliations([pass_.reconciliation_id])
    return _undo(
        [Pass.objects.select_related("run", "reconciliation").get(pk=pass_.pk)], undo_accepted, by, at
    )


def run_undo(*, run: Run, undo_accepted: bool = False, by: Actor, at: datetime) -> int:
    """The same for all passes of a run. What people matched by hand stays."""
    share_reconciliations([run.reconciliation_id])
    refuse_if_voided(run)
    return _undo(
        list(run.passes.select_related("run", "reconciliation").order_by("pk")), undo_accepted, by, at
    )


def _undo(passes: list[Pass], undo_accepted: bool, by: Actor, at: datetime) -> int:
    busy = Pass.objects.in_the_way().filter(pk__in=[each.pk for each in passes]).first()
    if busy is not None:
        raise pass_running(busy)
    live = Match.objects.live().filter(made_by_pass__in=passes)
    members = MatchMember.objects.filter(match__in=live, live=True).order_by("record_id")
    if not passes:
        return 0
    reconciliation_id = passes[0].reconciliation_id
    tokens_lock(reconciliation_id=reconciliation_id, record_ids=members.values_list("record_id", flat=True))
    locked = list(live.select_for_update(of=("self",)).order_by("pk").values_list("pk", "status"))
    accepted = sum(status == MatchStatus.ACCEPTED for _pk, status in locked)
    if accepted and not undo_accepted:
        raise Conflict(
            _("%(count)s of these matches are accepted. Say that they are to be undone too, or leave them.")
            % {"count": accepted},
            code="pass.has_accepted",
            word="match_state_conflict",
            details={"accepted": accepted, "live": len(locked)},
        )
    matches_end(
        [pk for pk, _status in locked],
        reconciliation_id=reconciliation_id,
        status=MatchStatus.UNDONE,
        reason=UNDONE,
        by=by,
        at=at,
    )
    Pass.objects.filter(pk__in=[each.pk for each in passes], undone_at=None).update(undone_at=at)
    for each in passes:
        audit.record(
            action="pass.undone",
            organization_id=each.reconciliation.organization_id,
            by=by,
            at=at,
            subject=each,
            subjects=[each.run] if each.run is not None else [],
            matches=len(locked),
            accepted=accepted,
        )
    return len(locked)
