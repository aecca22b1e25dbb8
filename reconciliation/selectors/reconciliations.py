"""Reconciliations as the data streams surface lists them, with what a page of them shows: wiring, passes, re-wiring."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from ledgers.models import DataStream
from organizations.refusals import NotFound
from reconciliation.models import Pass, StreamOperation
from reconciliation.models.runs import PassQuerySet
from reconciliation.states import OperationStatus, PassKind, PassStatus
from rules.models import Reconciliation, ReconciliationQuerySet, ReconciliationStream
from rules.states import ReconciliationKind, Side


@dataclass(slots=True)
class Standing:
    """What stands around one reconciliation. `current` and `last` are batch passes: one that waits or runs, and the newest
    that ended by itself."""

    streams: dict[str, list[DataStream]] = field(default_factory=lambda: {side: [] for side in Side.values})
    current: Pass | None = None
    last: Pass | None = None
    operations: list[StreamOperation] = field(default_factory=list)

    @property
    def progress(self) -> int:
        """Percent of the records that are to be put in or taken out, over all streams."""
        total = sum(each.total for each in self.operations)
        return min(99, 100 * sum(each.processed for each in self.operations) // total) if total else 0


def listed_reconciliations(organization_id: int, *, owned: bool) -> ReconciliationQuerySet:
    """Newest first. Without `owned` only those that people made of streams: 100,000 ledgers own one each."""
    rows = Reconciliation.objects.of(organization_id).live().order_by("-pk")
    return rows if owned else rows.filter(kind=ReconciliationKind.STREAMS)


def standings(reconciliations: Iterable[Reconciliation]) -> dict[int, Standing]:
    """Of each, in five queries however many they are."""
    found = {reconciliation.pk: Standing() for reconciliation in reconciliations}
    wiring = ReconciliationStream.objects.filter(reconciliation__in=found).select_related("stream")
    for wire in wiring.order_by("stream__key", "stream_id"):
        found[wire.reconciliation_id].streams[wire.side].append(wire.stream)
    batch = Pass.objects.filter(kind=PassKind.BATCH)
    for waiting in batch.under_way().filter(reconciliation__in=found).order_by("status", "-pk"):
        found[
            waiting.reconciliation_id
        ].current = waiting  # the oldest; one that runs stands behind those that wait
    for ended in _last(found, batch):
        found[ended.reconciliation_id].last = ended
    operations = StreamOperation.objects.exclude(status=OperationStatus.COMPLETED)
    for operation in operations.filter(reconciliation__in=found).order_by("pk"):
        found[operation.reconciliation_id or 0].operations.append(operation)
    return found


def _last(ids: Iterable[int], batch: PassQuerySet) -> Sequence[Pass]:
    ended = batch.filter(
        reconciliation=OuterRef("pk"), status__in=[PassStatus.COMPLETED, PassStatus.FAILED]
    ).order_by("-pk")
    newest = Reconciliation.objects.filter(pk__in=ids).annotate(last=Subquery(ended.values("pk")[:1]))
    return list(Pass.objects.filter(pk__in=newest.values("last")))


def passes_of(reconciliation: Reconciliation) -> PassQuerySet:
    """Every pass over it, newest first; of a ledger's, those of all its runs."""
    return Pass.objects.filter(reconciliation=reconciliation).order_by("-pk")


def pass_of(reconciliation: Reconciliation, pass_id: int) -> Pass:
    """NotFound "pass.not_found"."""
    found = passes_of(reconciliation).filter(pk=pass_id).first()
    if found is None:
        raise NotFound(_("This reconciliation has no run with this id."), code="pass.not_found")
    return found
