"""Import profiles: made, changed into a new version, retired, and named as a ledger's default. A version never changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ledgers.formats.declaration_json import DeclarationError, declaration_from_json
from ledgers.models import DataStream, ImportProfile, Ledger
from ledgers.states import ImportTarget
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid

NAME_MAX = 128


def profile_create(
    *,
    organization_id: int,
    name: str,
    declaration: Mapping[str, Any],
    target: str = ImportTarget.STATEMENT,
    by: Actor,
    at: datetime,
) -> ImportProfile:
    """The first version of a profile. Refuses a declaration with faults ("profile.invalid", with issues) and a name in use
    ("profile.name_taken"); the name of a retired profile stays taken, for files say that they were read with it."""
    name = name.strip()
    if not 0 < len(name) <= NAME_MAX:
        raise Invalid(_("Give the profile a name of at most %(max)s characters.") % {"max": NAME_MAX})
    if target not in ImportTarget.values:
        raise Invalid(
            _("%(target)s is nothing that can be imported. Choose one of: %(targets)s.")
            % {"target": target, "targets": ", ".join(ImportTarget.values)}
        )
    profile = ImportProfile(
        organization_id=organization_id,
        name=name,
        target=target,
        declaration=_checked(declaration),
        created_at=at,
        created_by=by.ref,
    )
    try:
        with transaction.atomic():
            profile.save(force_insert=True)
    except IntegrityError:
        raise Conflict(
            _("There is a profile called %(name)s already. Change that one, or choose another name.")
            % {"name": name},
            code="profile.name_taken",
        ) from None
    _record("import_profile.created", profile, by=by, at=at)
    return profile


def profile_change(
    *, profile: ImportProfile, declaration: Mapping[str, Any], by: Actor, at: datetime
) -> ImportProfile:
    """The next version; what named the old one as its default names this one. The same declaration again changes nothing.

    Refuses a version that is not the newest ("profile.replaced") and a retired profile ("profile.retired").
    """
    wanted = _checked(declaration)
    old = _locked(profile)
    if wanted == old.declaration:
        return old
    ImportProfile.objects.filter(pk=old.pk).update(replaced_at=at)
    new = ImportProfile.objects.create(
        organization_id=old.organization_id,
        name=old.name,
        target=old.target,
        version=old.version + 1,
        declaration=wanted,
        created_at=at,
        created_by=by.ref,
    )
    Ledger.objects.filter(import_profile=old).update(import_profile=new)
    DataStream.objects.filter(import_profile=old).update(import_profile=new)
    _record("import_profile.changed", new, by=by, at=at)
    return new


def profile_retire(*, profile: ImportProfile, by: Actor, at: datetime) -> ImportProfile:
    """No file is read with it from here on; those that were keep its name. Refuses one that is a default ("profile.in_use")."""
    old = _locked(profile)
    named = Ledger.objects.filter(import_profile=old).values_list("code", flat=True)[:5]
    if named or DataStream.objects.filter(import_profile=old).exists():
        raise Conflict(
            _("%(name)s is how files of %(ledgers)s are read. Choose another profile there first.")
            % {"name": old.name, "ledgers": ", ".join(named) or _("a stream")},
            code="profile.in_use",
        )
    ImportProfile.objects.filter(pk=old.pk).update(retired_at=at, retired_by=by.ref)
    old.refresh_from_db()
    _record("import_profile.retired", old, by=by, at=at)
    return old


def ledger_set_profile(*, ledger: Ledger, profile: ImportProfile | None, by: Actor, at: datetime) -> Ledger:
    """How the ledger's CSV statements are read from here on; None: in our own layout. Refuses what is not a statement's profile."""
    if profile is not None:
        profile = _locked(profile)
        if profile.organization_id != ledger.organization_id or profile.target != ImportTarget.STATEMENT:
            raise Invalid(_("%(name)s is not for bank statements.") % {"name": profile.name})
    Ledger.objects.filter(pk=ledger.pk).update(import_profile=profile, modified_at=at, modified_by=by.ref)
    ledger.refresh_from_db()
    audit.record(
        action="ledger.import_profile_set",
        organization_id=ledger.organization_id,
        by=by,
        at=at,
        subject=ledger,
        subjects=[profile] if profile else [],
        profile=profile.name if profile else None,
        version=profile.version if profile else None,
    )
    return ledger


def stream_set_profile(
    *, stream: DataStream, profile: ImportProfile | None, by: Actor, at: datetime
) -> DataStream:
    """How tables that go into the stream are read from here on; None: in our own layout. Refuses another target's profile."""
    if profile is not None:
        profile = _locked(profile)
        if profile.organization_id != stream.organization_id or profile.target != ImportTarget.RECORDS:
            raise Invalid(_("%(name)s is not for records of streams.") % {"name": profile.name})
    DataStream.objects.filter(pk=stream.pk).update(import_profile=profile)
    stream.refresh_from_db()
    audit.record(
        action="stream.import_profile_set",
        organization_id=stream.organization_id,
        by=by,
        at=at,
        subject=stream,
        subjects=[profile] if profile else [],
        profile=profile.name if profile else None,
        version=profile.version if profile else None,
    )
    return stream


def profile_for_reading(
    *, profile: ImportProfile, organization_id: int, target: str = ImportTarget.STATEMENT
) -> ImportProfile:
    """The profile as it is now, held until the act ends, so that nobody retires or replaces it while a file is given to it.

    Refuses what is not the organization's newest version for files of this kind ("profile.replaced"), and a retired one.
    """
    if profile.organization_id != organization_id or profile.target != target:
        raise Conflict(_("Choose the newest version of a profile."), code="profile.replaced")
    return _locked(profile)


def _checked(declaration: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return declaration_from_json(declaration).as_json()
    except DeclarationError as error:
        issues = [{"path": list(path), "message": message} for path, message in error.issues]
        raise Invalid(
            _("The declaration has faults: %(first)s.") % {"first": str(error)},
            code="profile.invalid",
            issues=issues,
        ) from error


def _locked(profile: ImportProfile) -> ImportProfile:
    row = ImportProfile.objects.select_for_update().get(pk=profile.pk)
    if row.replaced_at is not None:
        raise Conflict(
            _("Version %(version)s of %(name)s was replaced by a newer one. Look at that first.")
            % {"version": row.version, "name": row.name},
            code="profile.replaced",
        )
    if row.retired_at is not None:
        raise Conflict(_("%(name)s is retired.") % {"name": row.name}, code="profile.retired")
    return row


def _record(action: str, profile: ImportProfile, *, by: Actor, at: datetime) -> None:
    audit.record(
        action=action,
        organization_id=profile.organization_id,
        by=by,
        at=at,
        subject=profile,
        name=profile.name,
        version=profile.version,
        declaration=profile.declaration,
    )
