"""Another organization's ids answer as ids that don't exist, byte for byte but for the correlation id."""

from uuid import uuid4

import pytest
from django.urls import resolve

from api.ledger_runs.urls import reconciliation, urlpatterns
from tests.api.callers import without_correlation
from tests.api.ledger_runs.desk import DISCREPANCIES, ITEMS, MATCHES, PASSES, ROOT, RUNS, STATEMENT, february

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def theirs(desk) -> dict[str, str]:
    """One of each, in the first organization."""
    ledger, entries = february(desk)
    run = desk.run(ledger, idempotency_key="k1")
    file = desk.upload(run, STATEMENT).json()["source_file"]["id"]
    desk.auto_match(run)
    items = desk.items(run)
    discrepancies = desk.rows(f"{RUNS}/{run}/discrepancies")
    return {
        "ledger": ledger["id"],
        "entry": entries["G6"],
        "journal": desk.rows(f"{ROOT}/entries")[0]["transaction_id"],
        "run": run,
        "file": file,
        "item": items["S6"]["id"],
        "match": desk.match_of(run, items["S1"])["id"],
        "discrepancy": discrepancies[0]["id"],
        "pass": desk.show(run)["last_pass"]["id"],
    }


PATHS = [
    ("GET", ROOT + "/{ledger}", None),
    ("PATCH", ROOT + "/{ledger}", {"description": "mine"}),
    ("POST", ROOT + "/{ledger}/reconcile", {}),
    ("GET", ROOT + "/{ledger}/proof?date=2026-02-28", None),
    ("POST", ROOT + "/{ledger}/opening", {"balance": 5, "date": "2026-02-01"}),
    ("GET", ROOT + "/journals/{journal}", None),
    ("GET", RUNS + "/{run}", None),
    ("PATCH", RUNS + "/{run}", {"note": "mine"}),
    ("DELETE", RUNS + "/{run}", None),
    ("GET", RUNS + "/{run}/sources", None),
    ("GET", RUNS + "/{run}/sources/{file}", None),
    ("GET", RUNS + "/{run}/sources/{file}/file", None),
    ("DELETE", RUNS + "/{run}/sources/{file}", None),
    ("POST", RUNS + "/{run}/auto-match", {}),
    ("POST", RUNS + "/{run}/manual-match", {"source_entry_ids": ["{item}"], "ledger_entry_ids": ["{entry}"]}),
    ("GET", RUNS + "/{run}/matches", None),
    ("GET", RUNS + "/{run}/items", None),
    ("GET", RUNS + "/{run}/gl-only", None),
    ("GET", RUNS + "/{run}/gl-all", None),
    ("GET", RUNS + "/{run}/discrepancies", None),
    ("GET", MATCHES + "/{match}/explanation", None),
    ("GET", RUNS + "/{run}/items.csv", None),
    ("GET", RUNS + "/{run}/gl-only.csv", None),
    ("GET", RUNS + "/{run}/matches.csv", None),
    ("GET", RUNS + "/{run}/discrepancies.csv", None),
    ("POST", RUNS + "/{run}/undo", {}),
    ("GET", MATCHES + "/{match}", None),
    ("POST", MATCHES + "/{match}/accept", {}),
    ("POST", MATCHES + "/{match}/reject", {}),
    ("POST", MATCHES + "/{match}/undo", {}),
    ("PATCH", MATCHES + "/{match}/note", {"note": "mine"}),
    ("GET", ITEMS + "/{item}", None),
    ("POST", ITEMS + "/{item}/close", {"ledger_id": "{ledger}"}),
    ("POST", ITEMS + "/{item}/reopen", {}),
    ("PATCH", ITEMS + "/{item}/note", {"note": "mine"}),
    ("POST", ROOT + "/reconciliation/entries/{entry}/close", {}),
    ("POST", ROOT + "/reconciliation/entries/{entry}/reopen", {}),
    ("POST", DISCREPANCIES + "/{discrepancy}/close", {"reason": "mine"}),
    ("POST", DISCREPANCIES + "/{discrepancy}/reopen", {}),
    ("POST", DISCREPANCIES + "/{discrepancy}/review", {}),
    ("GET", PASSES + "/{pass}", None),
    ("POST", PASSES + "/{pass}/cancel", {}),
    ("POST", PASSES + "/{pass}/undo", {}),
    ("POST", RUNS, {"ledger_id": "{ledger}"}),
    ("POST", ROOT, {"code": "1", "type": "asset", "currency_code": "EUR", "parent_ledger_id": "{ledger}"}),
    ("POST", ROOT + "/entries", {"ledger_id": "{ledger}", "amount": 5, "type": "debit"}),
]


UPLOAD = "source-upload"  # a multipart body: below


def test_every_route_with_an_id_is_asked_here():
    with_ids = {route.name for route in (*reconciliation, *urlpatterns) if "<id:" in str(route.pattern)}
    ids = dict.fromkeys(
        ("ledger", "entry", "journal", "run", "file", "item", "match", "discrepancy", "pass"), "x"
    )
    asked = {resolve(path.format(**ids).partition("?")[0]).url_name for _method, path, _body in PATHS}
    assert with_ids - asked == {UPLOAD}


def filled(shape, ids: dict[str, str]):
    if isinstance(shape, dict):
        return {key: filled(value, ids) for key, value in shape.items()}
    if isinstance(shape, list):
        return [filled(value, ids) for value in shape]
    return shape.format(**ids) if isinstance(shape, str) else shape


def ask(desk, method, path, body, ids):
    response = desk.client.generic(
        method, path.format(**ids), b"" if body is None else desk_json(filled(body, ids)), "application/json"
    )
    return without_correlation(response)


def desk_json(body) -> bytes:
    import json

    return json.dumps(body).encode()


def test_in_paths_and_bodies_a_foreign_id_is_as_an_unknown_one(theirs, other_desk):
    unknown = {name: str(uuid4()) for name in theirs}
    odd = dict.fromkeys(theirs, "odd")
    for method, path, body in PATHS:
        foreign = ask(other_desk, method, path, body, theirs)
        assert foreign[0] == 404, (method, path, foreign)
        assert foreign == ask(other_desk, method, path, body, unknown), (method, path)
        if "{" in path and body is None:
            assert foreign == ask(other_desk, method, path, body, odd), (method, path)


def test_an_upload_to_a_foreign_run_is_as_to_an_unknown_one(theirs, other_desk):
    foreign, unknown = (
        without_correlation(other_desk.upload(run, STATEMENT)) for run in (theirs["run"], str(uuid4()))
    )
    assert foreign == unknown
    assert foreign[0] == 404


def test_foreign_items_and_entries_in_a_body_are_as_unknown_ones(theirs, other_desk):
    ledger, entries = february(other_desk)
    run = other_desk.run(ledger)
    other_desk.upload(run, STATEMENT)
    mine = other_desk.items(run)["S1"]["id"]

    def refused(items, matched):
        status, body = without_correlation(other_desk.manual(run, items, matched))
        text = str(body)
        for each in (*items, *matched):
            text = text.replace(each, "ID")
        return status, text

    assert refused([theirs["item"]], [entries["G1"]]) == refused([str(uuid4())], [entries["G1"]])
    assert refused([mine], [theirs["entry"]]) == refused([mine], [str(uuid4())])
    assert refused([mine], [theirs["entry"]])[0] == 404


def test_in_bulk_a_foreign_match_is_as_an_unknown_one(theirs, other_desk):
    def refused(pk):
        [result] = other_desk.post(f"{MATCHES}/bulk", {"action": "accept", "ids": [pk]}).json()["results"]
        del result["problem"]["correlation_id"], result["id"]
        return result

    assert refused(theirs["match"]) == refused(str(uuid4()))


@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/entries", f"{ROOT}/accounts", RUNS])
def test_lists_show_nothing_of_others_also_when_asked_by_id(theirs, other_desk, path):
    assert other_desk.rows(path) == []
    query = {"search.id": theirs["run"]} if path == RUNS else {"search.ledger_id": theirs["ledger"]}
    if path != ROOT:
        assert other_desk.rows(path, **query) == []


def test_ones_own_lists_filtered_by_a_foreign_id_are_empty(theirs, other_desk):
    other_desk.run(other_desk.ledger())
    assert other_desk.rows(RUNS, ledger_id=theirs["ledger"]) == []
    assert other_desk.rows(f"{ROOT}/accounts", ledger_id=theirs["ledger"]) == []


def test_the_same_code_and_key_may_be_used_in_both(theirs, other_desk):
    ledger = other_desk.ledger(code="1200")
    assert other_desk.post(RUNS, {"ledger_id": ledger["id"], "idempotency_key": "k1"}).status_code == 201


def test_nothing_of_theirs_was_changed(theirs, desk, other_desk):
    before = desk.show(theirs["run"])
    for method, path, body in PATHS:
        ask(other_desk, method, path, body, theirs)
    assert desk.show(theirs["run"]) == before
