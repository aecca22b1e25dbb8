"""Which organization a request in the back office is about, and who asks. Read by the admin base and the site."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _

from organizations.actors import Actor, user_actor
from organizations.models import Membership, Organization

SESSION_KEY = "organization"  # uuid of the chosen one; looked up among live memberships at each request
CACHE = "_tieout_memberships"


def memberships_of(request: HttpRequest) -> list[Membership]:
    """The live memberships of whoever is signed in, by name of organization. One query per request."""
    user = request.user
    if not user.is_authenticated or not user.is_active:
        return []
    cached: tuple[int, list[Membership]] | None = getattr(request, CACHE, None)
    if cached is None or cached[0] != user.pk:
        cached = (user.pk, list(Membership.objects.of_user(user.pk)))
        setattr(request, CACHE, cached)
    return cached[1]


def current_membership(request: HttpRequest) -> Membership | None:
    """The membership in the chosen organization; the first one where none, or one that ended, was chosen."""
    memberships = memberships_of(request)
    chosen = request.session.get(SESSION_KEY) if hasattr(request, "session") else None
    for membership in memberships:
        if str(membership.organization.uuid) == chosen:
            return membership
    return memberships[0] if memberships else None


def require_membership(request: HttpRequest) -> Membership:
    membership = current_membership(request)
    if membership is None:
        raise PermissionDenied(_("You are not a member of any organization. Ask an admin to add you."))
    return membership


def current_organization(request: HttpRequest) -> Organization:
    """The chosen organization; PermissionDenied for somebody without any."""
    return require_membership(request).organization


def actor_of(request: HttpRequest) -> Actor:
    """Who acts, in the chosen organization, with the scopes of their role there."""
    membership = require_membership(request)
    return user_actor(request.user, membership)  # type: ignore[arg-type]  # signed in: memberships_of saw to it


def may(request: HttpRequest, scope: str) -> bool:
    """Whether whoever asks holds the scope in the chosen organization."""
    membership = current_membership(request)
    return membership is not None and user_actor(request.user, membership).may(scope)  # type: ignore[arg-type]


def choose(request: HttpRequest, organization_uuid: str) -> bool:
    """Remember the choice in the session. False, and nothing changed, for an organization that is not theirs."""
    if organization_uuid not in {str(membership.organization.uuid) for membership in memberships_of(request)}:
        return False
    request.session[SESSION_KEY] = organization_uuid
    return True
