"""Walks the OpenAPI document: another organization's ids answer, byte for byte but for the correlation id, as ids that
nothing has: in paths, in bodies and in filters. A new operation is walked without a line here; a new name of ids is said
to be missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from organizations.models import ApiKey
from reconciliation.services.bulk_execution import bulk_execute
from tests.api.callers import client_with_key
from tests.api.document import WRITES, Operation, Place, is_list, operations, put
from tests.api.ledger_runs.desk import STATEMENT
from tests.clock import NOW
from tests.fuzz.world import build, known_values, numbers_from

pytestmark = [pytest.mark.django_db(transaction=True)]

UNKNOWN_NUMBER = 987_654_321
Ids = dict[str, str]
"""By surface and name of a parameter, the text that names a row."""


@pytest.fixture
def worlds(transactional_db) -> Iterator[tuple[ApiKey, ApiKey]]:
    """Theirs and ours, alike."""
    known_once.cache_clear()
    ours = build(ledgers=1, shops=1)
    with numbers_from(500_000_000):
        yield build(ledgers=1, shops=1), ours


@cache
def known_once(organization_id: int) -> dict[str, dict[str, list[str]]]:
    return known_values(organization_id)


def ids_of(key: ApiKey, path: str) -> Ids:
    """One id of each kind, as this path's surface names them."""
    for surface, named in known_once(key.organization_id).items():
        if re.search(surface, path):
            return {name: values[-1] for name, values in named.items() if values}
    return {}


def unknown_like(ids: Ids) -> Ids:
    return {name: unknown(name, value) for name, value in ids.items()}


def unknown(name: str, value: str) -> str:
    if value.isdigit():
        return str(UNKNOWN_NUMBER)
    return f"unknown-{uuid4()}" if name.endswith("key") else str(uuid4())


def ask(client: APIClient, one: Operation, path: str, body: Any = None, query: Any = None) -> tuple[int, str]:
    if one.body_kind == "multipart/form-data":
        form = {**(body or {}), "file": SimpleUploadedFile("february.csv", STATEMENT.encode())}
        answer = getattr(client, one.method)(path, form, format="multipart")
    elif one.method in WRITES:
        answer = client.generic(one.method.upper(), path, json.dumps(body or {}), "application/json")
    else:
        answer = client.generic(one.method.upper(), path, QUERY_STRING=query or "")
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer.status_code, content.decode()


def told(answer: tuple[int, str], *ids: str) -> tuple[int, str]:
    """The answer without its correlation id; ids that the caller sent itself may stand in it."""
    status, text = answer
    text = re.sub(r'"correlation_?[iI]d":"[^"]*"', '"correlation_id":""', text)
    for each in sorted(ids, key=len, reverse=True):
        text = text.replace(each, "ID")
    return status, text


NEEDED = {"date": "2026-02-28", "opening_date": "2026-02-01"}
"""Query parameters without which an operation looks no further."""


def needed(one: Operation) -> str:
    return urlencode({name: value for name, value in NEEDED.items() if name in one.query_names})


WITH_PATHS = [one for one in operations() if one.path_names]


def choices(one: Operation) -> Iterator[tuple[str, ...]]:
    """Which of the path's ids are ours and which theirs: at least one is theirs."""
    for chosen in product(("ours", "theirs"), repeat=len(one.path_names)):
        if "theirs" in chosen:
            yield chosen


def test_in_paths_and_filters_a_foreign_id_is_as_an_unknown_one(worlds):
    theirs, ours = worlds
    client = client_with_key(ours)
    wrong = []
    for one in WITH_PATHS:
        foreign, own = ids_of(theirs, one.path), ids_of(ours, one.path)
        assert set(one.path_names) <= own.keys(), f"{one}: name its rows in tests/fuzz/world.py: BY_SURFACE"
        none = unknown_like(foreign)
        body = one.body_example if one.body_kind else None
        for chosen in choices(one):
            answers = []
            for others in (foreign, none):
                given = {
                    name: own[name] if of == "ours" else others[name]
                    for name, of in zip(one.path_names, chosen, strict=True)
                }
                path = one.path.format(**given)
                answers.append(told(ask(client, one, path, body, needed(one)), *given.values()))
            if answers[0] != answers[1] or answers[0][0] != 404:
                wrong.append(f"{one} {chosen}: {answers}")
    wrong += list(told_apart_by_filters(client, theirs, ours))
    assert not wrong, "\n".join(wrong)


def told_apart_by_filters(client: APIClient, theirs: ApiKey, ours: ApiKey) -> Iterator[str]:
    for one in operations():
        foreign, own = ids_of(theirs, one.path), ids_of(ours, one.path)
        for parameter in one.query_names if one.method == "get" else ():
            name = kind_of(one, parameter.removeprefix("search."), foreign)
            if not name:
                continue
            answers = []
            for value in (foreign[name], unknown(name, foreign[name])):
                query = f"{needed(one)}&{urlencode({parameter: value})}"
                answers.append(told(ask(client, one, one.path.format(**own), None, query), value))
            if answers[0] != answers[1]:
                yield f"{one} {parameter}: {answers}"


# --- bodies ---------------------------------------------------------------------------------------------------------

LOOKS_LIKE_IDS = re.compile(r"(^|_)(ids?|key|side_a|side_b|mentions)$")
NAMES = {
    "parent_ledger_id": "ledger_id",
    "source_entry_ids": "item_id",
    "source_entry_id": "item_id",
    "ledger_entry_ids": "entry_id",
    "ledger_entry_id": "entry_id",
    "source_file_id": "file_id",
    "ids": "match_id",
    "side_a": "record_a",
    "side_b": "record_b",
    "record_ids": "record_id",
    "assignee_ids": "user_id",
    "mentions": "user_id",
    "side_a_stream_ids": "data_stream_id",
    "side_b_stream_ids": "data_stream_id",
    "shared_data_stream_id": "data_stream_id",
}
"""Where a field or filter is not called as the path parameter that names such rows."""
NAMES_HERE = {("POST /v1/reconciliations/{reconciliation_id}/combinations", "record_id"): "record_a"}
NO_ROWS = {
    "reference_id": "a text of the caller's",
    "external_id": "a text of the caller's",
    "ledger_num_id": "as ledger_id: one function looks up either (ledgers.selectors.find_ledger, tested there)",
    "end_to_end_id": "a text of the bank's",
    "transaction_id": "the caller's own id for what it posts",
    "idempotency_key": "a text of the caller's",
    "num_id": "only in lists, filtered to one's own ledgers",
    "id": "only in lists, filtered to one's own rows",
    "key": "of what is being made",
}
OTHER_WAYS = {"ledger_id": ["ledger_code", "ledger_num_id"], "rule_id": ["rule"]}
"""Fields that say the same thing: one of them at a time."""
GOOD: dict[str, Any] = {
    "POST /v1/ledgers/journals": {
        "transaction": {"type": "invoice_payment", "total_amount": 5, "currency_code": "EUR"},
        "entries": [
            {"ledger_code": "1200", "amount": 5, "type": "debit"},
            {"ledger_code": "1200", "amount": 5, "type": "credit"},
        ],
    },
}
"""A body that would be taken as it is, where the documented example names rows by other than ids."""
ANSWERS_LATER = {"POST /v1/records/bulk"}
"""Operations that take everything and say of each row later what became of it: below."""


def kind_of(one: Operation, name: str, known: Ids) -> str:
    """What a field or filter names, "" where that is none of what we know."""
    kind = NAMES_HERE.get((str(one), name)) or NAMES.get(name, name)
    return kind if kind in known else ""


def id_places(one: Operation) -> list[Place]:
    named = [place for place in one.body_fields() if LOOKS_LIKE_IDS.search(str(place[-1]))]
    return [place for place in named if place[-1] not in NO_ROWS]


def in_body(one: Operation, place: Place, value: str, own: Ids) -> Any:
    """A body of our own ids, but for that one."""
    body = GOOD.get(str(one), one.body_example)
    for each in id_places(one):
        if each == place or has(body, each):
            text = value if each == place else own[kind_of(one, str(each[-1]), own)]
            body = put(body, each, [text] if is_list(one, each) else text)
    for other in OTHER_WAYS.get(str(place[-1]), ()):
        holder = holder_of(body, place)
        holder.pop(other, None)
    return body


def holder_of(body: Any, place: Place) -> Any:
    for step in place[:-1]:
        body = body[step]
    return body


def has(body: Any, place: Place) -> bool:
    try:
        return place[-1] in holder_of(body, place)
    except (KeyError, IndexError):
        return False


def test_in_bodies_a_foreign_id_is_as_an_unknown_one(worlds):
    theirs, ours = worlds
    client = client_with_key(ours)
    wrong = []
    for one in operations():
        foreign, own = ids_of(theirs, one.path), ids_of(ours, one.path)
        path = one.path.format(**own)
        for place in id_places(one) if str(one) not in ANSWERS_LATER else ():
            name = kind_of(one, str(place[-1]), foreign)
            if not name:
                wrong.append(f"{one}: which rows does {place} name?")
                continue
            answers = [
                told(ask(client, one, path, in_body(one, place, value, own)), value)
                for value in (foreign[name], unknown(name, foreign[name]), own[name])
            ]
            if answers[0] != answers[1]:
                wrong.append(f"{one} {place}: {answers[:2]}")
            elif answers[1] == answers[2]:
                wrong.append(f"{one} {place}: never looked at: {answers[1]}")
    assert not wrong, "\n".join(wrong)


def test_in_a_bulk_request_a_foreign_stream_is_as_an_unknown_one(worlds):
    theirs, ours = worlds
    client = client_with_key(ours)
    keys = ids_of(theirs, "/v1/records")["data_stream_key"], f"unknown-{uuid4()}"
    row = {"date": "2026-03-02", "amount": 5, "direction": "credit"}
    asked = client.post("/v1/records/bulk", {"records": [{**row, "data_stream_key": key} for key in keys]})
    bulk_execute(bulk_request_id=asked.json()["id"], clock=lambda: NOW)
    foreign, unknown = client.get(asked.json()["url"]).json()["results"]["data"]
    assert foreign["status"] == "failed"
    assert foreign["error"].replace(keys[0], "KEY") == unknown["error"].replace(keys[1], "KEY")
