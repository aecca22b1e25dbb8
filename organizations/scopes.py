"""Scopes: what each role and an API key may do. Read by actors, the admin base, and the permissions of the API."""

from __future__ import annotations

from collections.abc import Iterable

VIEWER, OPERATOR, APPROVER, ADMIN = "viewer", "operator", "approver", "admin"

READ = frozenset(
    {
        "ledgers:read",
        "records:read",
        "reconciliations:read",
        "cases:read",
        "exceptions:read",
        "exports:read",
    }
)
ORIGINALS = frozenset({"imports:read"})  # files as the bank sent them: may hold more than the records show
OPERATE = frozenset(
    {
        "records:write",
        "imports:write",
        "evidence:write",
        "ledgers:post",
        "matches:decide",
        "items:close",
        "exceptions:write",
        "settlements:write",
        "cases:action",
    }
)
APPROVE = frozenset({"approvals:decide", "periods:close", "periods:reopen"})
CONFIGURE = frozenset({"rules:write", "policies:write", "profiles:write"})
AUDIT = frozenset({"audit:read"})
CREDENTIALS = frozenset({"members:manage", "keys:manage"})
ADMINISTER = CREDENTIALS | {"webhooks:manage", "organization:manage"}

ALL_SCOPES = READ | ORIGINALS | OPERATE | APPROVE | CONFIGURE | AUDIT | ADMINISTER

ROLE_SCOPES: dict[str, frozenset[str]] = {
    VIEWER: READ,
    OPERATOR: READ | ORIGINALS | OPERATE,
    APPROVER: READ | ORIGINALS | OPERATE | APPROVE | AUDIT,
    ADMIN: READ | ORIGINALS | OPERATE | CONFIGURE | AUDIT | ADMINISTER,
}

KEY_NEVER = APPROVE | CREDENTIALS  # a program approves nothing, and makes neither members nor other keys
KEY_BY_NAME_ONLY = AUDIT  # granted only where it is named: "everything" leaves it out
KEY_GRANTABLE = ALL_SCOPES - KEY_NEVER
KEY_EVERYTHING = KEY_GRANTABLE - KEY_BY_NAME_ONLY


def scopes_of_key(granted: Iterable[str], maker_role: str) -> frozenset[str]:
    """What a key may do now: its grant, never more than its maker, and nothing that keys never may."""
    return frozenset(granted) & ROLE_SCOPES.get(maker_role, frozenset()) - KEY_NEVER
