"""API keys: made, revoked, rotated, looked up. Called by admin, the demo, and the API's authentication."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from organizations import audit
from organizations.actors import Actor
from organizations.models import ApiKey, Membership
from organizations.models.keys import hash_of
from organizations.refusals import Conflict, Forbidden, Invalid
from organizations.scopes import KEY_GRANTABLE

BRAND = "tieout"
NAME_MAX = 120
LAST_USED_COARSENESS = timedelta(minutes=10)
OVERLAP_MAX = timedelta(days=30)


def api_key_create(
    *,
    organization_id: int,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
    by: Actor,
    at: datetime,
) -> tuple[ApiKey, str]:
    """A key that acts as its maker, and its text, which is never to be had again."""
    membership = _maker(organization_id, by)
    granted = _grant(scopes, by)
    if not name.strip() or len(name.strip()) > NAME_MAX:
        message = _("Give the key a name of 1 to %(max)s letters, so that you know it again.") % {
            "max": NAME_MAX
        }
        raise Invalid(message, code="api_key.name")
    if expires_at is not None and expires_at <= at:
        raise Invalid(_("The expiry is in the past. Choose a later one, or none."), code="api_key.expires_at")
    key, text = _insert(membership, name.strip(), granted, expires_at, at)
    facts: dict[str, Any] = {
        "name": key.name,
        "prefix": key.prefix,
        "scopes": granted,
        "expires_at": expires_at,
    }
    audit.record(
        action="api_key.created", organization_id=organization_id, by=by, at=at, subject=key, **facts
    )
    return key, text


def api_key_revoke(*, key: ApiKey, by: Actor, at: datetime) -> ApiKey:
    """End a key at once, for good. Revoked already: nothing happens."""
    by.require("keys:manage")
    key = ApiKey.objects.select_for_update().get(pk=key.pk)
    if key.revoked_at is None:
        key.revoked_at = key.updated_at = at
        key.save(update_fields=["revoked_at", "updated_at"])
        audit.record(
            action="api_key.revoked",
            organization_id=key.organization_id,
            by=by,
            at=at,
            subject=key,
            prefix=key.prefix,
        )
    return key


def api_key_rotate(*, key: ApiKey, overlap: timedelta, by: Actor, at: datetime) -> tuple[ApiKey, str]:
    """A new key in place of this one, with its name, expiry and scopes; the old one works on for `overlap` (≤ 30 days).

    The new key acts as the person who rotates: they are the one who sees its text.
    """
    membership = _maker(key.organization_id, by)
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        message = _("The old key can work on for 0 to %(days)s days.") % {"days": OVERLAP_MAX.days}
        raise Invalid(message, code="api_key.overlap")
    old = ApiKey.objects.select_for_update(of=["self"]).select_related("made_by__user").get(pk=key.pk)
    _check_can_rotate(old, at)
    end = at + overlap
    new, text = _insert(membership, old.name, _grant(old.scopes, by), old.expires_at, at, replaces=old)
    old.expires_at = end if old.expires_at is None else min(end, old.expires_at)
    old.updated_at = at
    old.save(update_fields=["expires_at", "updated_at"])
    audit.record(
        action="api_key.rotated",
        organization_id=old.organization_id,
        by=by,
        at=at,
        subject=old,
        subjects=[new],
        prefix=old.prefix,
        new_prefix=new.prefix,
        old_works_until=old.expires_at,
    )
    return new, text


def api_key_find(text: str, *, at: datetime) -> ApiKey | None:
    """The usable key with this text, with its organization, maker and user loaded; None for any other text."""
    return ApiKey.objects.usable(at=at).filter(secret_hash=hash_of(text)).first()


def api_key_touch(key: ApiKey, *, at: datetime) -> None:
    """Note that a key was used; written at most every ten minutes, so that busy keys cost no write per request."""
    stale = Q(last_used_at=None) | Q(last_used_at__lt=at - LAST_USED_COARSENESS)
    if key.last_used_at is None or key.last_used_at < at - LAST_USED_COARSENESS:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=at)


def _check_can_rotate(key: ApiKey, at: datetime) -> None:
    state = key.state(at=at)
    if state != "active":
        message = _("This key is %(state)s, so there is nothing to rotate. Make a new key.") % {
            "state": state
        }
        raise Conflict(message, code="api_key.not_active")
    if ApiKey.objects.filter(replaces=key).exists():
        message = _(
            "This key was rotated already; the old one works until its expiry. Rotate the new key instead."
        )
        raise Conflict(message, code="api_key.rotated")


def _maker(organization_id: int, by: Actor) -> Membership:
    """The maker's live membership: a key belongs to a person, so a key or a task makes none."""
    by.require("keys:manage")
    if by.kind != "user" or by.user_id is None or by.organization_id != organization_id:
        raise Forbidden(_("Only a member who signed in can make API keys."), code="api_key.needs_person")
    return Membership.objects.active().get(organization_id=organization_id, user_id=by.user_id)


def _grant(scopes: Iterable[str], by: Actor) -> list[str]:
    granted = set(scopes)
    if not granted:
        raise Invalid(_("Choose at least one permission for the key."), code="api_key.scopes")
    refused = sorted(granted - KEY_GRANTABLE | granted - by.scopes)
    if refused:
        message = _("A key of yours cannot have: %(scopes)s.") % {"scopes": ", ".join(refused)}
        raise Invalid(message, code="api_key.scopes", details={"scopes": refused})
    return sorted(granted)


def _insert(
    maker: Membership,
    name: str,
    scopes: list[str],
    expires_at: datetime | None,
    at: datetime,
    replaces: ApiKey | None = None,
) -> tuple[ApiKey, str]:
    prefix = secrets.token_hex(4)
    while ApiKey.objects.filter(prefix=prefix).exists():
        prefix = secrets.token_hex(4)
    text = f"{BRAND}_{prefix}_{secrets.token_hex(24)}"
    key = ApiKey.objects.create(
        organization_id=maker.organization_id,
        made_by=maker,
        name=name,
        prefix=prefix,
        secret_hash=hash_of(text),
        scopes=scopes,
        expires_at=expires_at,
        replaces=replaces,
        created_at=at,
        updated_at=at,
    )
    return key, text
