"""Runs: create (repeatable by key), note, void."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ledgers.models import Ledger
from ledgers.states import SourceFileStatus
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid
from reconciliation.models import Run
from reconciliation.selectors.runs import is_closed
from reconciliation.services.records import (
    file_processing,
    lock_for_voiding,
    refuse_if_under_way,
    void_sources,
)
from reconciliation.states import PassStatus, RunMode, RunStatus
from rules.services import setup

SOURCE_TYPES = ("upload",)


def run_create(
    *,
    organization_id: int,
    ledger: Ledger,
    mode: str = RunMode.MANUAL,
    source_type: str = "upload",
    note: str = "",
    idempotency_key: str = "",
    by: Actor,
    at: datetime,
) -> tuple[Run, bool]:
    """A new run, or the one that the same key made before (False). The same key with another body is a Conflict."""
    _checked_words(mode, source_type)
    digest = hashlib.sha256(json.dumps([str(ledger.uuid), mode, source_type, note]).encode()).hexdigest()
    if idempotency_key and (made := _made_before(ledger, idempotency_key, digest)):
        return made, False
    run = Run(
        organization_id=organization_id,
        ledger=ledger,
        reconciliation=setup.ledger_reconciliation(ledger, by=by, at=at),
        mode=mode,
        source_type=source_type,
        note=note,
        idempotency_key=idempotency_key,
        request_digest=digest,
        created_at=at,
        created_by=by.ref,
        modified_at=at,
        modified_by=by.ref,
    )
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:  # the same key came in beside us and was first
        made = _made_before(ledger, idempotency_key, digest)
        if made is None:
            raise
        return made, False
    audit.record(action="run.created", organization_id=organization_id, by=by, at=at, subject=run, mode=mode)
    return run, True


def _checked_words(mode: str, source_type: str) -> None:
    if mode not in RunMode.values:
        raise Invalid(
            _("Mode is manual or automatic."),
            code="run.mode",
            issues=[{"path": ["mode"], "message": _("Unknown mode.")}],
        )
    if source_type not in SOURCE_TYPES:
        raise Invalid(
            _("The only source type is upload."),
            code="run.source_type",
            issues=[{"path": ["source_type"], "message": _("Unknown source type.")}],
        )


def _made_before(ledger: Ledger, key: str, digest: str) -> Run | None:
    run = Run.objects.live().filter(ledger=ledger, idempotency_key=key).first()
    if run is not None and run.request_digest != digest:
        raise Conflict(
            _("The idempotency key %(key)s made another run already. Use a new key for a new run.")
            % {"key": key},
            code="run.idempotency_conflict",
            word="idempotency_conflict",
        )
    return run


def run_note(*, run: Run, note: str, by: Actor, at: datetime) -> Run:
    """Set or clear ("") the run's note, which is its name on screens."""
    if run.note != note:
        run.note, run.modified_at, run.modified_by = note, at, by.ref
        run.save(update_fields=["note", "modified_at", "modified_by"])
        audit.record(action="run.noted", organization_id=run.organization_id, by=by, at=at, subject=run)
    return run


def run_void(*, run: Run, by: Actor, at: datetime) -> None:
    """Take the run away with its files, items, matches and discrepancies. Entries of the ledger stay and are free again.

    Refused while it is closed (reopen an item first), a pass of it is under way or a file of it is being imported.
    """
    lock_for_voiding(run)
    # Passes before their run, as a worker locks them that begins one or ends it.
    waiting = run.passes.filter(status=PassStatus.PENDING).order_by("pk")
    list(waiting.select_for_update(of=("self",)).values_list("pk"))
    run = Run.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if run.voided_at is not None:
        return
    if is_closed(run):
        raise Conflict(
            _("The run is closed. Reopen one of its items before you delete it."),
            code="run.closed",
            word="run_state_conflict",
        )
    refuse_if_under_way(run)
    if run.sources.filter(live=True, source_file__status=SourceFileStatus.PROCESSING).exists():
        raise file_processing()
    sources = list(run.sources.filter(source_file__voided_at__isnull=True))  # failed ones too
    counts = void_sources(run=run, sources=sources, by=by, at=at)
    run.discrepancies.live().update(voided_at=at)
    for each in waiting.all():
        each.move(PassStatus.CANCELLED, finished_at=at, cancel_requested_at=at)
    run.voided_at, run.voided_by = at, by.ref
    run.save(update_fields=["voided_at", "voided_by"])
    audit.record(
        action="run.voided",
        organization_id=run.organization_id,
        by=by,
        at=at,
        subject=run,
        voided=counts.voided,
        stayed=counts.stayed,
        undone=counts.undone,
    )


def run_begun(run_id: int, *, at: datetime) -> None:
    """A pass of the run started. One that goes on with a lost worker's pass changes nothing."""
    Run.objects.filter(pk=run_id).moved(RunStatus.RUNNING, started_at=at, error_message="")


def run_ended(run_id: int, *, at: datetime, error: str = "") -> None:
    """A pass of the run ended, well or not."""
    status = RunStatus.FAILED if error else RunStatus.COMPLETED
    Run.objects.filter(pk=run_id).moved(status, completed_at=at, error_message=error)
