"""Actors: who does an act. Services take one as `by`; rows and audit events keep its `ref`, never a name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _

from organizations.models import ApiKey, Membership, User
from organizations.refusals import Forbidden
from organizations.scopes import ALL_SCOPES, KEY_NEVER, ROLE_SCOPES, scopes_of_key


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a key or a task of ours, in one organization, with what it may do there."""

    kind: Literal["user", "key", "system"]
    id: str
    organization_id: int
    scopes: frozenset[str]
    user_id: int | None = None  # of a key: its maker, as whom it acts
    name: str = ""

    @property
    def ref(self) -> str:
        """What `*_by` columns store, at most 100 characters: "user:42", "key:ab12cd34", "system:auto_match"."""
        return f"{self.kind}:{self.id}"[:100]

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    def require(self, scope: str) -> None:
        """Refuse (Forbidden) unless this actor holds the scope."""
        if scope not in self.scopes:
            message = _("This needs the permission %(scope)s, which you do not have. Ask an admin.")
            raise Forbidden(message % {"scope": scope}, details={"scope": scope})


def user_actor(user: User, membership: Membership) -> Actor:
    """A person, with the scopes of the role in that membership; none once it has ended."""
    scopes = ROLE_SCOPES[membership.role] if membership.is_active and user.is_active else frozenset()
    return Actor("user", str(user.pk), membership.organization_id, scopes, user.pk, user.shown_name)


def key_actor(api_key: ApiKey) -> Actor:
    """An API key acting as its maker: its grant, cut to what the maker may do now. Reads made_by and its user."""
    maker = api_key.made_by
    scopes = (
        scopes_of_key(api_key.scopes, maker.role) if maker.is_active and maker.user.is_active else frozenset()
    )
    return Actor("key", api_key.prefix, api_key.organization_id, scopes, maker.user_id, api_key.name)


def system_actor(task: str, organization_id: int) -> Actor:
    """A task of ours ("auto_match", "audit_seal"). It may all that a program may; like a key it approves nothing."""
    return Actor("system", task, organization_id, ALL_SCOPES - KEY_NEVER, None, task)


def user_id_of(ref: str) -> int | None:
    """Who is behind a stored ref: the person, or the maker of the key; None for a task of ours."""
    kind, _colon, name = ref.partition(":")
    if kind == "user" and name.isdecimal():
        return int(name)
    if kind == "key":
        return ApiKey.objects.filter(prefix=name).values_list("made_by__user_id", flat=True).first()
    return None


def shown_names(organization_id: int, refs: Iterable[str]) -> dict[str, str]:
    """Each ref as people read it: "user:42" becomes "user:anna". One query; keys and tasks show as they are stored."""
    shown = {ref: ref for ref in refs if ref}
    ids = {int(ref[5:]) for ref in shown if ref.startswith("user:") and ref[5:].isdecimal()}
    if ids:
        members = Membership.objects.filter(organization_id=organization_id, user_id__in=ids).select_related(
            "user"
        )
        for member in members:
            ref = f"user:{member.user_id}"
            if ref in shown:
                shown[ref] = f"user:{member.user.shown_name}"
    return shown
