"""Passes that nobody asks for: of runs in mode automatic, whenever entries were posted to their ledger or another run gave
some back; of reconciliations of streams that are continuous, whenever records came in; and where rules were changed.

Called inside the acts that do so. One pass waits per run (or reconciliation) at most: a hundred postings in two seconds
are matched once, and so are a hundred changed rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from organizations import audit
from organizations.actors import system_actor
from organizations.acts import perform
from reconciliation.doorbell import ring_soon
from reconciliation.models import Pass, Run
from reconciliation.models.runs import PassQuerySet, RunQuerySet
from reconciliation.selectors.runs import with_status
from reconciliation.states import PassKind, PassStatus, PassTrigger, RunMode, RunStatus
from rules.models import Reconciliation, Rule
from rules.states import ReconciliationKind, RunType

TASK = "automatic"
TRIES = 3
EXECUTE = "reconciliation.tasks.execute_pass"  # by name: the tasks import what calls this


def passes_ring(
    reconciliation_ids: Iterable[int], *, but_runs: Iterable[int | None] = (), at: datetime
) -> None:
    """A pass for each automatic run of these reconciliations that is not closed and has none waiting; `but_runs` are left
    out, since whoever rejects in a run does not want to see it matched again at once. Never at upload."""
    ids, left_out = list(reconciliation_ids), [pk for pk in but_runs if pk is not None]
    waiting = Pass.objects.filter(status=PassStatus.PENDING, run__isnull=False)
    runs = (
        Run.objects.filter(reconciliation__in=ids)
        .exclude(pk__in=left_out)
        .exclude(pk__in=waiting.values("run_id"))
    )
    of_automatic = waiting.filter(reconciliation__in=ids, run__mode=RunMode.AUTOMATIC)
    _look_again(of_automatic, partial(passes_ring, ids, but_runs=left_out, at=at))
    for run in _automatic(runs):
        _request(run.reconciliation, run, trigger=PassTrigger.RECORD_CREATED, at=at)


def passes_ring_for_records(reconciliation_ids: Iterable[int], *, at: datetime) -> None:
    """After records came in or changed, otherwise than by an upload."""
    ids = list(reconciliation_ids)
    passes_ring(ids, at=at)
    passes_ring_for_streams(ids, at=at)


def passes_ring_for_streams(reconciliation_ids: Iterable[int], *, at: datetime) -> None:
    """A pass over each of these that is continuous and has rules. It reads what is open, so what was matched before
    costs nothing (docs/adr/0014-continuous-passes.md)."""
    ids = list(reconciliation_ids)
    continuous = Reconciliation.objects.live().filter(
        pk__in=ids, kind=ReconciliationKind.STREAMS, run_type=RunType.CONTINUOUS
    )
    waiting = Pass.objects.filter(status=PassStatus.PENDING, run__isnull=True, reconciliation=OuterRef("pk"))
    active = Rule.objects.active().filter(reconciliation=OuterRef("pk"))
    seen = Pass.objects.filter(
        status=PassStatus.PENDING, run__isnull=True, reconciliation__in=continuous.values("pk")
    )
    _look_again(seen, partial(passes_ring_for_streams, ids, at=at))
    for reconciliation in continuous.filter(Exists(active), ~Exists(waiting)).order_by("pk"):
        _request(reconciliation, None, kind=PassKind.CONTINUOUS, trigger=PassTrigger.RECORD_CREATED, at=at)


def _look_again(waiting: PassQuerySet, ring: Callable[[], None]) -> None:
    """A pass that waited already is enough, unless it begins before what came in is safe on disk: then it has not seen
    it. One that this very act asks for cannot begin earlier, and is not looked at: else each would call for the next."""
    seen = list(waiting.values_list("pk", flat=True))
    if seen:
        transaction.on_commit(partial(_ring_if_begun, seen, ring))


def _ring_if_begun(seen: list[int], ring: Callable[[], None]) -> None:
    if Pass.objects.filter(pk__in=seen).exclude(status=PassStatus.PENDING).exists():
        perform(ring)


def passes_ring_for_rules(reconciliation: Reconciliation, *, at: datetime) -> None:
    """After a change of its rules: a pass over the reconciliation of streams, or one for each automatic run of a ledger's.
    Runs in mode manual are matched when somebody asks, by new rules too."""
    if reconciliation.kind == ReconciliationKind.STREAMS:
        _request_or_hold(reconciliation, None, at=at)
        return
    for run in _automatic(Run.objects.filter(reconciliation=reconciliation)):
        _request_or_hold(reconciliation, run, at=at)


def passes_ring_for_shared_rules(organization_id: int, *, at: datetime) -> None:
    """The same for every ledger without rules of its own."""
    runs = Run.objects.of(organization_id).filter(reconciliation__own_rules=False)
    for run in _automatic(runs):
        _request_or_hold(run.reconciliation, run, at=at)


def _automatic(runs: RunQuerySet) -> Iterable[Run]:
    """Those of them that match by themselves, in order."""
    automatic = runs.live().filter(mode=RunMode.AUTOMATIC)
    if not automatic.exists():
        return []
    idle = with_status(automatic).filter(~Q(shown_status=RunStatus.CLOSED))
    return idle.select_related("reconciliation").order_by("pk")


def _request_or_hold(reconciliation: Reconciliation, run: Run | None, *, at: datetime) -> None:
    """One that waits already reads the rules when it begins; its row is held, so that it does not begin before the rules
    are safe on disk. A continuous one becomes the batch pass that a change of rules asks for."""
    waiting = Pass.objects.filter(reconciliation=reconciliation, run=run, status=PassStatus.PENDING)
    for _try in range(TRIES):
        held = waiting.select_for_update(no_key=True).first()
        if held is not None:
            if held.kind == PassKind.CONTINUOUS:
                held.kind, held.trigger = PassKind.BATCH, PassTrigger.RULE_ACTIVATED
                held.save(update_fields=["kind", "trigger"])
            return
        if _request(reconciliation, run, trigger=PassTrigger.RULE_ACTIVATED, at=at):
            return


def _request(
    reconciliation: Reconciliation,
    run: Run | None,
    *,
    trigger: PassTrigger,
    kind: PassKind = PassKind.BATCH,
    at: datetime,
) -> bool:
    """False: another act asked at this moment, and rings."""
    by = system_actor(TASK, reconciliation.organization_id)
    try:
        with transaction.atomic():
            asked = Pass.objects.create(
                reconciliation=reconciliation,
                run=run,
                kind=kind,
                trigger=trigger,
                requested_at=at,
                requested_by=by.ref,
            )
    except IntegrityError:
        return False
    audit.record(
        action="pass.requested",
        organization_id=reconciliation.organization_id,
        by=by,
        at=at,
        subject=asked,
        subjects=[run] if run is not None else [reconciliation],
        trigger=asked.trigger,
    )
    soon = partial(ring_soon, EXECUTE, seconds=settings.AUTOMATIC_DEBOUNCE_SECONDS, pass_id=asked.pk)
    transaction.on_commit(soon)
    return True
