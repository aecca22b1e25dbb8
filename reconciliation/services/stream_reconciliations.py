"""Reconciliations of streams (kind streams): make, rename, put streams on their sides, delete. A ledger's own is made and
wired by its ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from ledgers.models import DataStream
from ledgers.states import StreamKind
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Pass, StreamOperation
from reconciliation.services.automatic import passes_ring_for_streams
from reconciliation.services.definitions import rules_retype
from reconciliation.services.intake import zone_of
from reconciliation.services.locks import own_reconciliations, own_streams, refuse_leaving
from reconciliation.services.operations import extent, operation_running, stream_unwire, wiring_start
from reconciliation.services.passes import pass_cancel
from reconciliation.services.tokens import tokens_issue_existing
from reconciliation.states import OperationStatus
from rules.models import Reconciliation, ReconciliationStream, Rule
from rules.states import ReconciliationKind, RunType, Side, SignMode

NAME_MAX = 255
STREAMS_MAX = 50
"""On one side."""
MAY_TAKE_PART = frozenset({StreamKind.API, StreamKind.BANK_FEED, StreamKind.STATEMENT, StreamKind.LEDGER})
"""Streams of settlements are open in their settlement only."""


def reconciliation_create(
    *,
    organization_id: int,
    name: str,
    run_type: str = RunType.CONTINUOUS,
    side_a: Sequence[DataStream] = (),
    side_b: Sequence[DataStream] = (),
    by: Actor,
    at: datetime,
) -> Reconciliation:
    """A reconciliation of these streams, with no rule yet. What the streams hold already gets open items, at once or by a
    worker where it is much. Its matches compare magnitudes, and rules accept by themselves unless they say otherwise.

    Invalid "reconciliation.invalid": no name, a run type that does not exist, a stream on both sides or twice.
    """
    wanted = _sides(side_a, side_b)
    _check(name, run_type)
    own_streams(stream.pk for stream, _side in wanted)
    made = Reconciliation.objects.create(
        organization_id=organization_id,
        name=name.strip(),
        kind=ReconciliationKind.STREAMS,
        sign_mode=SignMode.MAGNITUDE,
        run_type=run_type,
        own_rules=True,
        auto_accept=True,
        overdue_from=at.astimezone(zone_of(organization_id)).date(),
        created_at=at,
        created_by=by.ref,
    )
    own_reconciliations([made.pk])
    for stream, side in wanted:
        _put_in(made, stream, side, by=by, at=at)
    audit.record(
        action="reconciliation.created",
        organization_id=organization_id,
        by=by,
        at=at,
        subject=made,
        subjects=[stream for stream, _side in wanted],
        name=made.name,
        run_type=str(run_type),
    )
    return made


def reconciliation_change(
    *,
    reconciliation: Reconciliation,
    name: str | None = None,
    run_type: str | None = None,
    side_a: Sequence[DataStream] | None = None,
    side_b: Sequence[DataStream] | None = None,
    undo_matches: bool = False,
    by: Actor,
    at: datetime,
) -> Reconciliation:
    """Another name or run type; a side that is given replaces the streams of that side. A stream that leaves takes its
    undecided suggestions with it; accepted matches refuse ("reconciliation.has_matches") unless `undo_matches`."""
    row = _owned_row(reconciliation, by=by)
    _check(row.name if name is None else name, run_type or row.run_type)
    now = list(row.wiring.select_related("stream").order_by("stream_id"))
    gone, new = _difference(now, _wanted(now, side_a, side_b))
    own_streams([*(stream.pk for stream in gone), *(stream.pk for stream, _side in new)])
    own_reconciliations([row.pk])
    row = _held(row, by=by)
    _refuse_if_rewired(row, now)
    facts = {"name": row.name if name is None else name.strip(), "run_type": run_type or row.run_type}
    changed = [field for field, value in facts.items() if getattr(row, field) != value]
    if not (changed or gone or new):
        return row
    Reconciliation.objects.filter(pk=row.pk).update(**facts)
    for stream in gone:
        stream_unwire(reconciliation=row, stream=stream, undo_matches=undo_matches, by=by, at=at)
    for stream, side in new:
        _put_in(row, stream, side, by=by, at=at)
    rules_retype([row], by=by, at=at)
    if new or "run_type" in changed:
        passes_ring_for_streams(
            [row.pk], at=at
        )  # where it is continuous; a pass waits for streams being wired
    audit.record(
        action="reconciliation.changed",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        subjects=[*gone, *(stream for stream, _side in new)],
        changed=changed,
        put_in=[stream.key for stream, _side in new],
        taken_out=[stream.key for stream in gone],
    )
    row.refresh_from_db()
    return row


def reconciliation_void(*, reconciliation: Reconciliation, by: Actor, at: datetime) -> None:
    """Delete it with its rules, matches and wiring; records and streams stay. The matches are undone by a worker, stream by
    stream; passes that are under way are cancelled."""
    row = _owned_row(reconciliation, by=by)
    streams = [wire.stream for wire in row.wiring.select_related("stream").order_by("stream_id")]
    own_streams(stream.pk for stream in streams)
    own_reconciliations([row.pk])
    row = _held(row, by=by)
    for under_way in Pass.objects.under_way().filter(reconciliation=row).order_by("pk"):
        pass_cancel(pass_=under_way, by=by, at=at)
    for stream in streams:
        stream_unwire(reconciliation=row, stream=stream, undo_matches=True, by=by, at=at)
    Rule.objects.filter(reconciliation=row).live().update(voided_at=at, voided_by=by.ref)
    Reconciliation.objects.filter(pk=row.pk).update(voided_at=at, voided_by=by.ref)
    audit.record(
        action="reconciliation.deleted",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        subjects=streams,
        name=row.name,
    )


# --- streams and sides --------------------------------------------------------------------------------------------------


def _put_in(
    reconciliation: Reconciliation, stream: DataStream, side: str, *, by: Actor, at: datetime
) -> None:
    """Behind exclusive locks: the wiring, and open items for what the stream holds."""
    refuse_leaving([stream.pk])
    if StreamOperation.objects.exclude(status=OperationStatus.COMPLETED).filter(stream=stream).exists():
        raise operation_running(stream)
    ReconciliationStream.objects.create(reconciliation=reconciliation, stream=stream, side=side)
    _highest, records = extent(stream)
    if records > settings.CHUNK_GROUPS:  # too many for one act: a worker does them, passes wait for it
        wiring_start(reconciliation, stream, side, by=by, at=at)
    elif records:
        tokens_issue_existing(reconciliation=reconciliation, stream_id=stream.pk, side=side)


def _wanted(
    now: Iterable[ReconciliationStream],
    side_a: Sequence[DataStream] | None,
    side_b: Sequence[DataStream] | None,
) -> list[tuple[DataStream, str]]:
    """A side that is not given stays as it is."""
    kept = {side: [wire.stream for wire in now if wire.side == side] for side in Side.values}
    return _sides(
        kept[Side.A] if side_a is None else side_a,
        kept[Side.B] if side_b is None else side_b,
    )


def _refuse_if_rewired(row: Reconciliation, seen: Iterable[ReconciliationStream]) -> None:
    """What was looked at before the locks must be so still."""
    if {wire.stream_id: wire.side for wire in row.wiring.all()} != {w.stream_id: w.side for w in seen}:
        raise Conflict(
            _("Somebody else changed the streams of %(name)s meanwhile. Look at them again.")
            % {"name": row.name},
            code="reconciliation.changed",
        )


def _sides(side_a: Sequence[DataStream], side_b: Sequence[DataStream]) -> list[tuple[DataStream, str]]:
    """Each stream with its side, in the order of locks; no stream twice."""
    issues = []
    for path, streams, other in (("side_a_stream_ids", side_a, ()), ("side_b_stream_ids", side_b, side_a)):
        ids = [stream.pk for stream in streams]
        if len(ids) > STREAMS_MAX:
            issues.append((path, _("A side has at most %(most)s streams.") % {"most": STREAMS_MAX}))
        if len(set(ids)) < len(ids):
            issues.append((path, _("A stream is named twice.")))
        both = [stream.name for stream in streams if stream.pk in {each.pk for each in other}]
        if both:
            issues.append((path, _("Stream %(name)s is on Side A already.") % {"name": both[0]}))
        strange = [stream.name for stream in streams if stream.kind not in MAY_TAKE_PART]
        if strange:
            message = _("Stream %(name)s belongs to its settlements.") % {"name": strange[0]}
            issues.append((path, message))
    if issues:
        raise _invalid(issues)
    placed = [(stream, Side.A.value) for stream in side_a] + [(stream, Side.B.value) for stream in side_b]
    return sorted(placed, key=lambda pair: pair[0].pk)


def _difference(
    now: Iterable[ReconciliationStream], wanted: list[tuple[DataStream, str]]
) -> tuple[list[DataStream], list[tuple[DataStream, str]]]:
    """Streams to take out, and streams to put in. One that changes sides is taken out first, in an act of its own."""
    sides = {stream.pk: side for stream, side in wanted}
    wired = {wire.stream_id: wire for wire in now}
    moved = [wire for pk, wire in wired.items() if sides.get(pk, wire.side) != wire.side]
    if moved:
        text = _(
            "Stream %(name)s is on the other side. Take it out first, and put it in when that has ended."
        )
        raise _invalid(
            [
                (f"side_{sides[wire.stream_id]}_stream_ids", text % {"name": wire.stream.name})
                for wire in moved
            ]
        )
    gone = [wire.stream for pk, wire in wired.items() if pk not in sides]
    return gone, [(stream, side) for stream, side in wanted if stream.pk not in wired]


def _owned_row(reconciliation: Reconciliation, *, by: Actor) -> Reconciliation:
    row = Reconciliation.objects.of(by.organization_id).live().filter(pk=reconciliation.pk).first()
    if row is None:
        raise NotFound(_("There is no reconciliation with this id."), code="reconciliation.not_found")
    if row.kind != ReconciliationKind.STREAMS:
        raise Conflict(
            _("%(name)s is owned by its ledger or settlement. Change it there.") % {"name": row.name},
            code="reconciliation.owned",
        )
    return row


def _held(reconciliation: Reconciliation, *, by: Actor) -> Reconciliation:
    rows = Reconciliation.objects.of(by.organization_id).live().select_for_update(no_key=True)
    row = rows.filter(pk=reconciliation.pk).first()
    if row is None:
        raise NotFound(_("There is no reconciliation with this id."), code="reconciliation.not_found")
    return row


def _check(name: str, run_type: str) -> None:
    issues = []
    if not name.strip() or len(name.strip()) > NAME_MAX:
        issues.append(("name", _("Write a name of at most %(most)s characters.") % {"most": NAME_MAX}))
    if run_type not in RunType.values:
        issues.append(("run_type", _("Write one of %(types)s.") % {"types": ", ".join(RunType.values)}))
    if issues:
        raise _invalid(issues)


def _invalid(issues: list[tuple[str, str]]) -> Invalid:
    return Invalid(
        f"{issues[0][0]}: {issues[0][1]}",
        code="reconciliation.invalid",
        issues=[{"path": [path], "message": message} for path, message in issues],
    )
