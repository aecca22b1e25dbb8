"""Writes data streams that programs fill (kind api). Owned ones are made by what owns them."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ledgers.models import DataStream
from ledgers.states import WRITABLE_STREAMS, StreamKind
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid

KEY_FORM = re.compile(r"[\x21-\x2e\x30-\x7e]+")
KEY_MAX, NAME_MAX, DESCRIPTION_MAX = 128, 255, 10_000


def data_stream_create(
    *, organization_id: int, key: str, name: str, description: str = "", by: Actor, at: datetime
) -> DataStream:
    """An empty stream of kind api. Its key names it in paths, and never changes.

    Invalid: a key that is no word of visible ASCII without a slash, or is taken ("stream.key_taken"); no name.
    """
    key = key.strip()
    if not KEY_FORM.fullmatch(key) or len(key) > KEY_MAX:
        raise _invalid(
            "key",
            _("Write a key of at most %(most)s ASCII letters, digits and signs, without blanks and slashes.")
            % {"most": KEY_MAX},
        )
    facts = {"name": _name(name), "description": _description(description)}
    try:
        with transaction.atomic():
            stream = DataStream.objects.create(
                organization_id=organization_id,
                key=key,
                kind=StreamKind.API,
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
        key=key,
    )
    return stream


def data_stream_change(
    *, stream: DataStream, name: str, description: str | None = None, by: Actor, at: datetime
) -> DataStream:
    """Another name, or another description. An owned stream is called as its owner is ("stream.owned")."""
    row = DataStream.objects.of(by.organization_id).live().select_for_update(of=("self",)).get(pk=stream.pk)
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
