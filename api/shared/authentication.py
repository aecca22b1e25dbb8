"""Who is calling, in which organization: by API key, or by the admin's session.

After authentication `request.auth` is a `Caller`; views read it through `caller_of`, `actor_of`, `organization_of`.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from organizations.actors import Actor, key_actor, user_actor
from organizations.backoffice.current import SESSION_KEY
from organizations.models import ApiKey, Membership, Organization, User
from organizations.refusals import Forbidden, Invalid
from organizations.services.keys import api_key_find, api_key_touch

CHALLENGE = 'Bearer realm="Tieout", ApiKey realm="Tieout"'
"""What a 401 says in WWW-Authenticate."""

KEY_LENGTH_MAX = 256


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked, where, and with which key, if it was one."""

    actor: Actor
    organization: Organization
    api_key: ApiKey | None = None


def caller_of(request: Request) -> Caller:
    assert isinstance(request.auth, Caller), "a view that needs a caller must name scopes"
    return request.auth


def actor_of(request: Request) -> Actor:
    return caller_of(request).actor


def organization_of(request: Request) -> Organization:
    return caller_of(request).organization


class KeyAuthentication(authentication.BaseAuthentication):
    """`X-API-Key: <key>` or `Authorization: Bearer <key>`. A key that is sent decides: no falling back to a session."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        text = _sent_key(request)
        if text is None:
            return None
        api_key = _usable_key(text)
        _fits(request, api_key.organization)
        api_key_touch(api_key, at=timezone.now())
        return api_key.made_by.user, Caller(key_actor(api_key), api_key.organization, api_key)

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def _sent_key(request: Request) -> str | None:
    if "X-API-Key" in request.headers:
        return request.headers["X-API-Key"].strip()
    scheme, _blank, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None


def _usable_key(text: str) -> ApiKey:
    """One answer for unknown, expired, revoked and orphaned keys: which of these it is, is the owner's business."""
    found = None
    if 0 < len(text) <= KEY_LENGTH_MAX:
        found = api_key_find(text, at=timezone.now())
    if found is None:
        raise AuthenticationFailed(
            _("This API key is not valid: it is unknown, expired or revoked. Make a new one.")
        )
    return found


def _fits(request: Request, organization: Organization) -> None:
    """A key fixes its organization; naming another one is a mistake that must not pass silently."""
    asked = request.headers.get("X-Organization-Id")
    if asked is not None and _uuid_or_none(asked) != organization.uuid:
        raise _not_a_member()


class SessionAuthentication(authentication.BaseAuthentication):
    """The admin's session. Writes need the CSRF token, as the admin's own forms do."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        user = getattr(request._request, "user", None)
        if user is None or not user.is_authenticated or not user.is_active:
            return None
        _enforce_csrf(request)
        membership = _membership(request, user)
        return user, Caller(user_actor(user, membership), membership.organization)

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def _enforce_csrf(request: Request) -> None:
    check = authentication.CSRFCheck(lambda _request: None)  # type: ignore[arg-type]
    check.process_request(request._request)
    refused = check.process_view(request._request, None, (), {})  # type: ignore[arg-type]
    if refused:
        message = _("The CSRF token is missing or wrong (%(why)s). Send it as X-CSRFToken.") % {
            "why": refused
        }
        raise PermissionDenied(message)


def _membership(request: Request, user: User) -> Membership:
    """The organization asked for by header, else the one chosen in the admin, else the only one."""
    memberships = list(Membership.objects.of_user(user.pk))
    asked = request.headers.get("X-Organization-Id")
    if asked is not None:
        wanted = _uuid_or_none(asked)
        chosen = [each for each in memberships if each.organization.uuid == wanted]
    else:
        preferred = request._request.session.get(SESSION_KEY)
        chosen = [each for each in memberships if str(each.organization.uuid) == preferred] or memberships
    if not chosen:
        raise _not_a_member()
    if len(chosen) > 1:
        message = _("You belong to several organizations: name one in the header x-organization-id.")
        raise Invalid(message, code="auth.organization_required")
    return chosen[0]


def _not_a_member() -> Forbidden:
    """The same for an organization that doesn't exist and for one that the caller doesn't belong to."""
    return Forbidden(_("You are not a member of this organization."), code="auth.not_a_member")


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None
