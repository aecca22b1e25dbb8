"""Property definitions of streams: make, change, delete. They type the metadata that rules name, so each act writes new
revisions of the rules concerned, as one with it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ledgers.models import DataStream, PropertyDefinition
from ledgers.states import PropertyType
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Invalid, NotFound
from reconciliation.services.automatic import passes_ring_for_rules
from reconciliation.services.locks import share_reconciliations, share_streams
from rules.models import Reconciliation
from rules.services.rules import is_active, revisions_retype

KEY_MAX, NAME_MAX = 100, 255


def definition_create(
    *,
    stream: DataStream,
    key: str,
    name: str,
    type: str,
    optional: bool = False,
    by: Actor,
    at: datetime,
) -> PropertyDefinition:
    """Say what a key of the stream's metadata holds. Records that are there already are not looked at.

    Invalid: "definition.invalid", "definition.key_taken". Conflict "rule.would_not_run" where a rule compares the key
    with something that its type does not compare with.
    """
    if not key or len(key) > KEY_MAX or key != key.strip():
        raise _invalid(
            "key",
            _("Write a key of at most %(most)s characters, without blanks around it.") % {"most": KEY_MAX},
        )
    if type not in PropertyType.values:
        raise _invalid("type", _("Write one of %(types)s.") % {"types": ", ".join(PropertyType.values)})
    name = _name(name)
    share_streams([stream.pk])
    try:
        with transaction.atomic():
            made = PropertyDefinition.objects.create(
                stream=stream,
                key=key,
                name=name,
                type=type,
                optional=optional,
                created_at=at,
                created_by=by.ref,
            )
    except IntegrityError:
        message = _("The stream has a definition of this key already. Delete that one first.")
        raise _invalid("key", message, code="definition.key_taken") from None
    _record("definition.created", made, by=by, at=at, type=type, optional=optional)
    rules_retype(_reconciliations(stream), by=by, at=at)
    return made


def definition_change(
    *,
    definition: PropertyDefinition,
    name: str | None = None,
    optional: bool | None = None,
    by: Actor,
    at: datetime,
) -> PropertyDefinition:
    """Another name, or whether records may lack it. The key and type stay: rules and records rely on them."""
    row = _locked(definition, by=by)
    before = (row.name, row.optional)
    row.name = row.name if name is None else _name(name)
    row.optional = row.optional if optional is None else optional
    if before == (row.name, row.optional):
        return row
    row.save(update_fields=["name", "optional"])
    _record("definition.changed", row, by=by, at=at, name=row.name, optional=row.optional)
    return row


def definition_void(*, definition: PropertyDefinition, by: Actor, at: datetime) -> None:
    """Delete it: the values in records stay, and are text to the rules. Conflict "rule.would_not_run" as above."""
    share_streams([definition.stream_id])
    row = _locked(definition, by=by)
    row.voided_at, row.voided_by = at, by.ref
    row.save(update_fields=["voided_at", "voided_by"])
    _record("definition.deleted", row, by=by, at=at)
    rules_retype(_reconciliations(row.stream), by=by, at=at)


def rules_retype(reconciliations: Iterable[Reconciliation], *, by: Actor, at: datetime) -> None:
    """New revisions of the rules whose metadata has other types by now, and a pass where an active one is among them.
    Call it after the definitions or the wiring changed, inside the same act."""
    ids = sorted(reconciliation.pk for reconciliation in reconciliations)
    share_reconciliations(ids)
    rows = Reconciliation.objects.live().select_for_update(no_key=True).filter(pk__in=ids)
    for reconciliation in rows.order_by("pk"):
        stale = revisions_retype(reconciliation, by=by.ref, at=at)
        for rule in stale:
            audit.record(
                action="rule.retyped",
                organization_id=reconciliation.organization_id,
                by=by,
                at=at,
                subject=rule,
                subjects=[reconciliation],
            )
        if any(is_active(rule) for rule in stale):
            passes_ring_for_rules(reconciliation, at=at)


def _reconciliations(stream: DataStream) -> list[Reconciliation]:
    return list(Reconciliation.objects.live().filter(wiring__stream=stream))


def _locked(definition: PropertyDefinition, *, by: Actor) -> PropertyDefinition:
    rows = PropertyDefinition.objects.of(by.organization_id).live().select_related("stream")
    row = rows.select_for_update(of=("self",)).filter(pk=definition.pk).first()
    if row is None:
        raise NotFound(_("There is no property definition with this id."), code="definition.not_found")
    return row


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_MAX:
        raise _invalid("name", _("Write a name of at most %(most)s characters.") % {"most": NAME_MAX})
    return name


def _invalid(field: str, message: str, *, code: str = "definition.invalid") -> Invalid:
    return Invalid(f"{field}: {message}", code=code, issues=[{"path": [field], "message": message}])


def _record(action: str, row: PropertyDefinition, *, by: Actor, at: datetime, **data: object) -> None:
    audit.record(
        action=action,
        organization_id=row.stream.organization_id,
        by=by,
        at=at,
        subject=row,
        subjects=[row.stream],
        key=row.key,
        **data,
    )
