"""Writes data streams that programs fill (kinds api and bank_feed). Owned ones are made by what owns them."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ledgers.models import BankAccount, DataStream, ImportBatch, PropertyDefinition
from ledgers.services.books import account_locked
from ledgers.states import WRITABLE_STREAMS, StreamKind
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid, NotFound

KEY_FORM = re.compile(r"[\x21-\x2e\x30-\x7e]+")
KEY_MAX, NAME_MAX, DESCRIPTION_MAX = 128, 255, 10_000
DOTS = frozenset({".", ".."})
"""Clients take these out of a path before they send it."""


def data_stream_create(
    *,
    organization_id: int,
    key: str,
    name: str,
    description: str = "",
    kind: str = StreamKind.API,
    bank_account: BankAccount | None = None,
    by: Actor,
    at: datetime,
) -> DataStream:
    """An empty stream for programs to fill: of kind api, or a bank account's bank_feed. Its key names it in paths, and
    never changes.

    Invalid: a key that is no word of visible ASCII without a slash, or is taken ("stream.key_taken"); no name; another
    kind; a bank feed without its account, or an account without a bank feed.
    """
    key = _key(key)
    facts = {"name": _name(name), "description": _description(description)}
    _check_account(kind, bank_account)
    if bank_account is not None:
        account_locked(bank_account.pk, organization_id=organization_id)  # nobody deletes it beside us
    try:
        with transaction.atomic():
            stream = DataStream.objects.create(
                organization_id=organization_id,
                key=key,
                kind=kind,
                bank_account=bank_account,
                **facts,
                created_at=at,
                created_by=by.ref,
            )
    except IntegrityError:
        raise _invalid(
            "key", _("There is a stream with this key already."), code="stream.key_taken"
        ) from None
    audit.record(
        action="stream.created",
        organization_id=organization_id,
        by=by,
        at=at,
        subject=stream,
        subjects=[bank_account] if bank_account is not None else [],
        key=key,
        kind=str(kind),
    )
    return stream


def data_stream_change(
    *, stream: DataStream, name: str, description: str | None = None, by: Actor, at: datetime
) -> DataStream:
    """Another name, or another description. An owned stream is called as its owner is ("stream.owned")."""
    row = data_stream_locked(stream, by=by)
    if row.kind not in WRITABLE_STREAMS:
        raise Conflict(
            _("Stream %(name)s is owned by its ledger, account or connector. Rename that.")
            % {"name": row.name},
            code="stream.owned",
        )
    before = (row.name, row.description)
    row.name = _name(name)
    row.description = row.description if description is None else _description(description)
    if before == (row.name, row.description):
        return row
    row.save(update_fields=["name", "description"])
    audit.record(
        action="stream.changed",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        name_before=before[0],
        name=row.name,
    )
    return row


def data_stream_locked(stream: DataStream, *, by: Actor) -> DataStream:
    """Its row as it is now, locked. NotFound "stream.not_found" where it was deleted meanwhile."""
    rows = DataStream.objects.of(by.organization_id).live().select_for_update(of=("self",))
    row = rows.filter(pk=stream.pk).first()
    if row is None:
        raise NotFound(_("There is no data stream with this key."), code="stream.not_found")
    return row


def data_stream_void(*, stream_id: int, by: str, at: datetime) -> None:
    """Delete an emptied stream with what its metadata holds and its import batches; its key is free again. `by`: the ref
    of who asked. Its records are the caller's to void, before."""
    gone = {"voided_at": at, "voided_by": by}
    PropertyDefinition.objects.live().filter(stream=stream_id).update(**gone)
    import_batches_void(stream_id=stream_id, by=by, at=at)
    DataStream.objects.filter(pk=stream_id).update(**gone, resetting=False)


def import_batches_void(*, stream_id: int, by: str, at: datetime) -> None:
    """What came into the stream so far is gone from it, and with it what each import added."""
    ImportBatch.objects.live().filter(stream=stream_id).update(voided_at=at, voided_by=by)


def _key(key: str) -> str:
    key = key.strip()
    if not KEY_FORM.fullmatch(key) or len(key) > KEY_MAX:
        raise _invalid(
            "key",
            _("Write a key of at most %(most)s ASCII letters, digits and signs, without blanks and slashes.")
            % {"most": KEY_MAX},
        )
    if key in DOTS:
        raise _invalid("key", _("Dots alone mean another place in a path. Write a word."))
    return key


def _check_account(kind: str, account: BankAccount | None) -> None:
    if kind not in WRITABLE_STREAMS:
        kinds = ", ".join(sorted(WRITABLE_STREAMS))
        raise _invalid("type", _("Write one of %(kinds)s.") % {"kinds": kinds})
    if kind == StreamKind.BANK_FEED and account is None:
        raise _invalid("bank_account_id", _("A bank feed belongs to a bank account. Name it."))
    if kind != StreamKind.BANK_FEED and account is not None:
        raise _invalid(
            "bank_account_id", _("Only a bank feed has a bank account. Leave it out, or make a bank feed.")
        )


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_MAX:
        raise _invalid("name", _("Write a name of at most %(most)s characters.") % {"most": NAME_MAX})
    return name


def _description(text: str) -> str:
    if len(text) > DESCRIPTION_MAX:
        raise _invalid("description", _("Write at most %(most)s characters.") % {"most": DESCRIPTION_MAX})
    return text.strip()


def _invalid(field: str, message: str, *, code: str = "stream.invalid") -> Invalid:
    return Invalid(f"{field}: {message}", code=code, issues=[{"path": [field], "message": message}])
