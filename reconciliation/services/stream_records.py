"""Records of streams that programs write to (kinds api and bank_feed): add, change, void, with their open items."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import polars as pl
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from ledgers.models import DataStream, Record
from ledgers.money import MINOR_MAX, exponent
from ledgers.services.record_rows import RecordIn as RecordIn
from ledgers.services.records import records_write
from ledgers.states import WRITABLE_STREAMS, Direction
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Match, MatchMember, OpenItem
from reconciliation.services.automatic import passes_ring_for_records
from reconciliation.services.intake import issue, lock_for_intake
from reconciliation.services.locks import share_reconciliations, share_streams
from reconciliation.services.matches import matches_end
from reconciliation.services.operations import owned, reconciliations_with
from reconciliation.services.stamping import tokens_stamp
from reconciliation.services.tokens import tokens_lock
from reconciliation.states import MatchStatus

CHANGEABLE = frozenset(
    {
        "amount",
        "direction",
        "date",
        "value_date",
        "reference",
        "description",
        "counterparty",
        "external_id",
        "metadata",
    }
)
KEY_BYTES = 16
TRIES = 3
T = TypeVar("T")


def records_add(*, stream: DataStream, records: Sequence[RecordIn], by: Actor, at: datetime) -> list[Record]:
    """Add records to the stream with open items in each of its reconciliations; all or nothing.

    Refuses: a stream of another kind ("stream.owned"), an amount that is too large, an `external_id` that the stream has
    ("record.duplicate").
    """
    if stream.kind not in WRITABLE_STREAMS:
        raise Invalid(
            not_written_here(stream),
            code="stream.owned",
            issues=[{"path": ["data_stream_key"], "message": not_written_here(stream)}],
        )
    if not records:
        return []
    for record in records:
        _check_amount(record.amount, record.direction)
    wired = lock_for_intake([stream])[stream.pk]
    written = _known_once(
        partial(_refuse_known, stream, [record.external_id for record in records]),
        partial(records_write, records_frame(records), stream=stream, by=by, at=at),
    )
    issue(written, wired, at=at)
    passes_ring_for_records({found.pk for found, _side in wired}, at=at)
    audit.record(
        action="records.added",
        organization_id=stream.organization_id,
        by=by,
        at=at,
        subject=stream,
        records=written.height,
        first_record=int(written["id"][0]),
        last_record=int(written["id"][-1]),
    )
    found = Record.objects.in_bulk(written["id"].to_list())
    return [found[pk] for pk in written["id"].to_list()]


def record_change(*, record: Record, changes: Mapping[str, Any], by: Actor, at: datetime) -> Record:
    """Change facts of a record that no accepted match has. Undecided suggestions on it, in every reconciliation, are undone
    first; every token of it gets a new ticket, so that no pass takes what it read before."""
    unknown = sorted(set(changes) - CHANGEABLE)
    if unknown:
        raise Invalid(_("%(field)s cannot be changed.") % {"field": unknown[0]}, code="record.field")
    row = _locked(record, by=by, at=at)
    for name, value in changes.items():
        setattr(row, name, value)
    _check_amount(row.amount, row.direction)
    row.signed_amount = row.amount if row.direction == Direction.CREDIT else -row.amount
    row.effect = row.signed_amount * row.stream.effect_sign
    if "external_id" in changes:
        row.dedup_key = dedup_key(row.external_id)
    _known_once(
        partial(_refuse_known, row.stream, [row.external_id] if "external_id" in changes else [], but=row.pk),
        partial(row.save, update_fields=[*changes, "signed_amount", "effect", "dedup_key"]),
    )
    _reissue(row)
    wired = sorted(OpenItem.objects.filter(record=row).values_list("reconciliation_id", flat=True))
    if {"date", "value_date"} & set(changes):
        for reconciliation_id in wired:
            tokens_stamp(reconciliation_id=reconciliation_id, record_ids=[row.pk])
    passes_ring_for_records(set(wired), at=at)
    audit.record(
        action="record.changed",
        organization_id=row.stream.organization_id,
        by=by,
        at=at,
        subject=("ledgers.record", row.pk),
        subjects=[row.stream],
        changed=sorted(changes),
    )
    return row


def record_void(*, record: Record, by: Actor, at: datetime) -> None:
    """Take a record away that no accepted match has, with its tokens everywhere; undecided suggestions on it are undone."""
    row = _locked(record, by=by, at=at)
    row.voided_at, row.voided_by = at, by.ref
    row.save(update_fields=["voided_at", "voided_by"])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM reconciliation_openitem WHERE record_id = %s", [row.pk])
    audit.record(
        action="record.voided",
        organization_id=row.stream.organization_id,
        by=by,
        at=at,
        subject=("ledgers.record", row.pk),
        subjects=[row.stream],
    )


def not_written_here(stream: DataStream) -> str:
    return _("Stream %(name)s gets its records from its ledger, account or connector. Add them there.") % {
        "name": stream.name
    }


def dedup_key(external_id: str) -> UUID | None:
    """What makes a record of a program known again: its external id, or nothing."""
    if not external_id:
        return None
    return UUID(bytes=hashlib.sha256(external_id.encode()).digest()[:KEY_BYTES])


def _locked(record: Record, *, by: Actor, at: datetime) -> Record:
    """Every token of the record in all its reconciliations, its suggestions ended, then its row; as the protocol says."""
    stream = DataStream.objects.get(pk=record.stream_id)
    if stream.kind not in WRITABLE_STREAMS:
        raise owned(stream)
    share_streams([stream.pk])
    reconciliation_ids = reconciliations_with([stream.pk])
    share_reconciliations(reconciliation_ids)
    for reconciliation_id in reconciliation_ids:
        _end_suggestions(reconciliation_id, record.pk, by=by, at=at)
    own = Record.objects.live().filter(stream__organization_id=by.organization_id)
    row = own.select_for_update(of=("self",)).select_related("stream").filter(pk=record.pk).first()
    if row is None:
        raise NotFound(_("There is no such record."), code="record.not_found", word="record_not_found")
    return row


def _end_suggestions(reconciliation_id: int, record_id: int, *, by: Actor, at: datetime) -> None:
    members = MatchMember.objects.filter(reconciliation_id=reconciliation_id, record_id=record_id, live=True)
    match_ids = list(members.values_list("match_id", flat=True))
    together = MatchMember.objects.filter(match_id__in=match_ids).values_list("record_id", flat=True)
    tokens_lock(reconciliation_id=reconciliation_id, record_ids={record_id, *together})
    match = (
        Match.objects.select_for_update(of=("self",))
        .filter(pk__in=members.values("match_id"))
        .order_by("pk")
        .first()
    )
    if match is None or not match.is_live:
        # Ended by somebody since the tokens were locked: its token is back, and ours before the record's row.
        tokens_lock(reconciliation_id=reconciliation_id, record_ids=[record_id])
        return
    if match.pk not in match_ids or match.status == MatchStatus.ACCEPTED:
        raise Conflict(
            _("The record is in match %(match)s (%(status)s), decided by %(by)s. Undo that match first.")
            % {
                "match": match.pk,
                "status": match.status,
                "by": match.decided_by or match.created_by,
            },
            code="record.matched",
            word="match_state_conflict",
            details={"match_id": match.pk, "status": match.status},
        )
    matches_end(
        [match.pk],
        reconciliation_id=reconciliation_id,
        status=MatchStatus.UNDONE,
        reason="record_changed",
        by=by,
        at=at,
    )


def _reissue(row: Record) -> None:
    """Its tokens, all of them free or closed, say what the record says now. What a person closed is not cleared before the
    record's day."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE reconciliation_openitem o SET ticket = nextval('reconciliation_ticket'),
                open_amount = CASE rec.sign_mode WHEN 'effect' THEN %s ELSE %s END::bigint,
                cleared_on = greatest(o.cleared_on, CASE WHEN o.closed_at IS NOT NULL THEN %s END)
            FROM rules_reconciliation rec WHERE rec.id = o.reconciliation_id AND o.record_id = %s
            """,
            [row.effect, row.signed_amount, row.date, row.pk],
        )


def _check_amount(amount: int, direction: str) -> None:
    if abs(amount) > MINOR_MAX or direction not in Direction.values:
        raise Invalid(
            _(
                "A record's amount is a whole number of minor units of 64 bits; its direction credit or debit."
            ),
            code="record.amount",
        )


def _known_once(look: Callable[[], None], write: Callable[[], T]) -> T:
    """Look for ids that are taken, then write. One that came in beside us in between is looked at again."""
    for tries_left in reversed(range(TRIES)):
        look()
        try:
            with transaction.atomic():
                return write()
        except IntegrityError:
            if not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


def _refuse_known(stream: DataStream, external_ids: Iterable[str], but: int = 0) -> None:
    given = [text for text in external_ids if text]
    keys = {dedup_key(text): text for text in given}
    known = Record.objects.live().filter(stream=stream, dedup_key__in=list(keys)).exclude(pk=but)
    taken = [keys[key] for key in known.values_list("dedup_key", flat=True)]
    taken += [text for text, times in Counter(given).items() if times > 1]
    if taken:
        message = _("The stream has a record with external id %(id)s already.") % {"id": taken[0]}
        raise Invalid(
            message,
            code="record.duplicate",
            details={"external_ids": sorted(set(taken))},
            issues=[{"path": ["external_id"], "message": message}],
        )


SCHEMA: dict[str, Any] = {
    "date": pl.Date,
    "value_date": pl.Date,
    "amount": pl.Int64,
    "direction": pl.String,
    "currency": pl.String,
    "decimal_places": pl.Int16,
    "reference": pl.String,
    "description": pl.String,
    "counterparty": pl.String,
    "external_id": pl.String,
    "metadata": pl.String,
    "dedup_key": pl.String,
}


def records_frame(records: Iterable[RecordIn]) -> pl.DataFrame:
    """Rows as `records_write` takes them."""
    rows = [
        (
            record.date,
            record.value_date,
            record.amount,
            record.direction,
            record.currency,
            exponent(record.currency),
            record.reference,
            record.description,
            record.counterparty,
            record.external_id,
            json.dumps(dict(record.metadata)),
            str(key) if (key := dedup_key(record.external_id)) else None,
        )
        for record in records
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
