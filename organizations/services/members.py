"""Members: added, given another role, ended. Called by admin, `create_organization` and the demo."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from organizations import audit
from organizations.actors import Actor
from organizations.models import ApiKey, Membership, Organization, User
from organizations.refusals import Conflict, Invalid
from organizations.states import Role


def user_create(
    *,
    email: str,
    name: str = "",
    password: str | None = None,
    organization_id: int,
    by: Actor | str,
    at: datetime,
) -> User:
    """A person who signs in with that address. Without a password they cannot sign in until one is set."""
    email = User.objects.normalize_email(email.strip())
    if "@" not in email:
        message = _("%(email)r is no e-mail address. Write it like anna@example.com.") % {"email": email}
        raise Invalid(message, code="user.email")
    if user_find(email) is not None:
        raise Conflict(
            _("There is a user with the address %(email)s.") % {"email": email}, code="user.exists"
        )
    user = User.objects.create_user(
        username=email.lower(), email=email, password=password, first_name=name[:150]
    )
    audit.record(action="user.created", organization_id=organization_id, by=by, at=at, subject=user)
    return user


def user_find(email: str) -> User | None:
    """The user with that address (or, failing that, sign-in name), in any case of letters."""
    email = email.strip()
    users = User.objects.filter(Q(email__iexact=email) | Q(username__iexact=email))
    return users.order_by("pk").first()


def member_add(
    *, organization: Organization, user: User, role: str, by: Actor | str, at: datetime
) -> Membership:
    """Make a user a member, or a former member one again. Their old API keys stay revoked."""
    _may_manage(by)
    _known_role(role)
    membership, created = Membership.objects.select_for_update().get_or_create(
        organization=organization, user=user, defaults={"role": role, "created_at": at}
    )
    if not created:
        if membership.is_active:
            message = _("%(name)s is a member already.") % {"name": user.shown_name}
            raise Conflict(message, code="member.exists")
        membership.role, membership.ended_at = role, None
        membership.save(update_fields=["role", "ended_at"])
    _record("member.added", membership, by, at, role=role)
    return membership


def member_change_role(*, membership: Membership, role: str, by: Actor, at: datetime) -> Membership:
    """Give another role. Refused where nobody would be left to manage members. The same role again: nothing happens."""
    _may_manage(by)
    _known_role(role)
    membership = _locked(membership)
    if not membership.is_active:
        raise Conflict(_("This membership has ended. Add the person again instead."), code="member.ended")
    if membership.role == role:
        return membership
    if role != Role.ADMIN:
        _keep_an_admin(membership)
    before, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    _record("member.role_changed", membership, by, at, before=before, role=role)
    return membership


def member_end(*, membership: Membership, by: Actor, at: datetime) -> Membership:
    """End a membership and, with it, the API keys that this member made. Ended already: nothing happens."""
    _may_manage(by)
    membership = _locked(membership)
    if not membership.is_active:
        return membership
    _keep_an_admin(membership)
    membership.ended_at = at
    membership.save(update_fields=["ended_at"])
    keys = list(ApiKey.objects.filter(made_by=membership, revoked_at=None).select_for_update().order_by("pk"))
    ApiKey.objects.filter(pk__in=[key.pk for key in keys]).update(revoked_at=at, updated_at=at)
    _record("member.ended", membership, by, at, subjects=keys, keys_revoked=[key.prefix for key in keys])
    return membership


def _locked(membership: Membership) -> Membership:
    """The membership as it is now, under the lock of its organization: two admins cannot end each other at once."""
    Organization.objects.select_for_update().get(pk=membership.organization_id)
    return Membership.objects.select_related("user").get(pk=membership.pk)


def _keep_an_admin(membership: Membership) -> None:
    admins = Membership.objects.active().filter(organization_id=membership.organization_id, role=Role.ADMIN)
    if membership.role == Role.ADMIN and not admins.exclude(pk=membership.pk).exists():
        message = _(
            "This is the last admin. Make somebody else an admin first, or nobody could manage members."
        )
        raise Conflict(message, code="member.last_admin")


def _may_manage(by: Actor | str) -> None:
    if isinstance(by, Actor):
        by.require("members:manage")


def _known_role(role: str) -> None:
    if role not in Role.values:
        message = _("%(role)r is no role. Use one of: %(roles)s.") % {
            "role": role,
            "roles": ", ".join(Role.values),
        }
        raise Invalid(message, code="member.role")


def _record(
    action: str,
    membership: Membership,
    by: Actor | str,
    at: datetime,
    *,
    subjects: Iterable[audit.Subject] = (),
    **data: object,
) -> None:
    audit.record(
        action=action,
        organization_id=membership.organization_id,
        by=by,
        at=at,
        subject=membership,
        subjects=[("organizations.user", membership.user_id), *subjects],
        **data,
    )
