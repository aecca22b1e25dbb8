"""The table of scopes by role, cell by cell, as the decisions have it."""

import pytest

from organizations.scopes import (
    ALL_SCOPES,
    KEY_BY_NAME_ONLY,
    KEY_EVERYTHING,
    KEY_GRANTABLE,
    KEY_NEVER,
    ROLE_SCOPES,
    scopes_of_key,
)

ROLES = ["viewer", "operator", "approver", "admin"]
# scope: viewer, operator, approver, admin, API key
TABLE = """
ledgers:read           yes yes yes yes grant
records:read           yes yes yes yes grant
reconciliations:read   yes yes yes yes grant
cases:read             yes yes yes yes grant
exceptions:read        yes yes yes yes grant
exports:read           yes yes yes yes grant
imports:read           no  yes yes yes grant
records:write          no  yes yes yes grant
imports:write          no  yes yes yes grant
evidence:write         no  yes yes yes grant
ledgers:post           no  yes yes yes grant
matches:decide         no  yes yes yes grant
items:close            no  yes yes yes grant
exceptions:write       no  yes yes yes grant
settlements:write      no  yes yes yes grant
cases:action           no  yes yes yes grant
approvals:decide       no  no  yes no  never
periods:close          no  no  yes no  never
periods:reopen         no  no  yes no  never
rules:write            no  no  no  yes grant
policies:write         no  no  no  yes grant
profiles:write         no  no  no  yes grant
audit:read             no  no  yes yes name
members:manage         no  no  no  yes never
keys:manage            no  no  no  yes never
webhooks:manage        no  no  no  yes grant
organization:manage    no  no  no  yes grant
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [(row[0], role, row[place]) for row in ROWS for place, role in enumerate(ROLES, start=1)]


@pytest.mark.parametrize(("scope", "role", "cell"), CELLS)
def test_each_role_has_exactly_its_scopes(scope, role, cell):
    assert (scope in ROLE_SCOPES[role]) == (cell == "yes")


@pytest.mark.parametrize(("scope", "cell"), [(row[0], row[5]) for row in ROWS])
def test_a_key_gets_scopes_by_grant_by_name_or_never(scope, cell):
    assert (scope in KEY_NEVER) == (cell == "never")
    assert (scope in KEY_GRANTABLE) == (cell in {"grant", "name"})
    assert (scope in KEY_BY_NAME_ONLY) == (cell == "name")
    assert (scope in KEY_EVERYTHING) == (cell == "grant")


def test_the_table_names_every_scope_and_role_once():
    assert sorted(row[0] for row in ROWS) == sorted(ALL_SCOPES)
    assert list(ROLE_SCOPES) == ROLES


def test_a_key_never_does_more_than_its_maker():
    assert scopes_of_key(["ledgers:post", "ledgers:read"], "viewer") == {"ledgers:read"}


def test_a_key_never_approves_even_where_its_maker_may():
    assert scopes_of_key(["approvals:decide", "periods:close"], "approver") == frozenset()


def test_a_key_of_somebody_without_a_known_role_does_nothing():
    assert scopes_of_key(ALL_SCOPES, "gone") == frozenset()
