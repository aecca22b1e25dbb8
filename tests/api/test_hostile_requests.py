"""Walks the OpenAPI document: whatever is sent to an operation, it answers with a problem of its own, never with a 5xx."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from rest_framework.test import APIClient

from tests.api.callers import client_with_key
from tests.api.document import WRITES, Operation, operations, put
from tests.factories.organizations import ApiKeyFactory

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

HUGE = 10**400
DEEP = "[" * 100_000 + "]" * 100_000
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "half a surrogate pair": rb'{"name": "\ud800"}',
    "half a surrogate pair in a name": rb'{"\udfff": 1}',
    "NUL": rb'{"name": "\u0000"}',
    "a name twice": b'{"name": 1, "name": 2}',
    "NaN": b'{"amount": NaN}',
    "infinity": b'{"amount": 1e999}',
    "a huge number": b'{"amount": ' + str(HUGE).encode() + b"}",
    "too many digits for int()": b'{"amount": ' + b"9" * 10_000 + b"}",
    "deep": DEEP.encode(),
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "an array": b"[1, 2]",
    "null": b"null",
    "a text": b'"text"',
}
VALUES = (None, HUGE, "\x7f" * 70_000, [[None]], {"a": {"b": []}})
QUERIES = (
    "limit=1&limit=2",
    "limit=%00",
    "limit=%ff%fe",
    "limit=99999999999999999999999",
    "limit=-1",
    "limit=%D9%A3",  # a digit, but not one of ours
    "offset=9999999999999999999",
    "cursor=%ff",
    "cursor=W10",
    "cursor=WyJ4IiwgIngiXQ",
    "no_such_parameter=1",
    "&&==&",
    "%00=1",
)
ALL = list(operations())
UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def client(db) -> APIClient:
    return client_with_key(ApiKeyFactory())


def address(one: Operation) -> str:
    return one.path.format(**dict.fromkeys(one.path_names, UNKNOWN))


def faults(one: Operation, said: str, answer) -> Iterator[str]:
    """Why this is no answer that the document has."""
    documented = {*map(int, one.described["responses"]), 405, 406}
    if answer.status_code >= 500 or answer.status_code not in documented:
        yield f"{one}, {said}: {answer.status_code} {answer.content[:300]!r}"
    elif answer.status_code >= 400 and answer["Content-Type"] != "application/problem+json":
        yield f"{one}, {said}: {answer.status_code} as {answer['Content-Type']}"


def test_no_body_is_too_odd_to_be_refused(client):
    wrong = []
    for one in ALL:
        if one.method in WRITES:
            for said, body in BODIES.items():
                answer = client.generic(one.method.upper(), address(one), body, "application/json")
                wrong += faults(one, said, answer)
    assert not wrong, "\n".join(wrong)


def test_no_value_is_too_odd_for_a_field(client):
    """Each odd value in each field of the documented example."""
    wrong = []
    for one in ALL:
        if one.body_kind != "application/json":
            continue
        for place in one.body_fields():
            for value in VALUES:
                body = json.dumps(put(one.body_example, place, value))
                answer = client.generic(one.method.upper(), address(one), body, "application/json")
                wrong += faults(one, f"{place} = {str(value)[:40]}", answer)
    assert not wrong, "\n".join(wrong)


def test_no_query_is_too_odd_to_be_read_or_refused(client):
    wrong = []
    for one in ALL:
        named = [f"{name}={'9' * 40}" for name in one.query_names if not name.startswith("search.")]
        for query in [*QUERIES, *named] if one.method == "get" else QUERIES[:3]:
            answer = client.generic(one.method.upper(), f"{address(one)}?{query}")
            wrong += faults(one, query, answer)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "*/*;q=0", "application/json;q=x", "\x7f", "a" * 9_000]
)
def test_no_accept_header_is_too_odd(client, accept):
    wrong = []
    for one in ALL:
        if one.method == "get":
            wrong += faults(one, accept[:40], client.get(address(one), headers={"Accept": accept}))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
        "x",
        "multipart/form-data",
    ],
)
def test_no_content_type_is_too_odd(client, kind):
    wrong = []
    for one in ALL:
        if one.method in WRITES:
            wrong += faults(one, kind, client.generic(one.method.upper(), address(one), b'{"a": 1}', kind))
    assert not wrong, "\n".join(wrong)


def test_methods_that_are_not_there_are_405(client):
    there: dict[str, set[str]] = {}
    for one in ALL:
        there.setdefault(one.path, set()).add(one.method)
    for path, methods in there.items():
        named = address(next(one for one in ALL if one.path == path))
        for method in {"get", "post", "put", "patch", "delete", "options", "trace", "propfind"} - methods:
            answer = client.generic(method.upper(), named)
            assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json"), (
                method,
                path,
            )
            assert methods <= {each.strip().lower() for each in answer["Allow"].split(",")}, (method, path)
