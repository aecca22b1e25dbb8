"""Rules over HTTP: each documented error, and whose rules these are."""

import pytest

from rules.models import Rule
from tests.api.callers import client_with_key, without_correlation
from tests.api.rules.conftest import RULES, bench_of, every, same
from tests.factories.organizations import ApiKeyFactory
from tests.factories.rules import ReconciliationFactory

pytestmark = pytest.mark.django_db

DATE = same("date", tolerance_amount=3, tolerance_unit="day")


def refused(answer) -> tuple[str, list]:
    assert answer.status_code == 422, answer.json()
    body = answer.json()
    assert (body["message"], body["code"]) == (body["error"], body["reason"])
    return body["reason"], [issue["path"] for issue in body["issues"]]


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"filters": None}, [["filters"]]),
        ({"filters": [same("amount")]}, [["filters"]]),
        ({"filters": {"operand": "and", "rules": []}}, [["filters", "rules"]]),
        ({"filters": {"operand": "xor", "rules": [same("reference")]}}, [["filters", "operand"]]),
        ({"filters": every("currency")}, [["filters"]]),
        (
            {"filters": every("reference", "colour")},
            [["filters", "rules", 1, "key"], ["filters", "rules", 1, "value"]],
        ),
        ({"filters": {"rules": [same("reference", operand="equals")]}}, [["filters", "rules", 0, "operand"]]),
        (
            {"filters": {"rules": [same("date", tolerance_amount=0)]}},
            [["filters", "rules", 0, "tolerance_amount"]],
        ),
        ({"filters": {"rules": [same("reference", colour=1)]}}, [["filters", "rules", 0, "colour"]]),
        ({"cardinality": "many_to_many"}, [["cardinality"]]),
        ({"cardinality": None}, [["cardinality"]]),
        (
            {
                "cardinality": "many_to_one",
                "group_by": ["reference"],
                "filters": every("reference", "amount"),
            },
            [["rollup"]],
        ),
        ({"rollup": {}}, [["rollup"]]),
        ({"group_by": "date"}, [["group_by"]]),
        ({"group_by": ["metadata." + "x" * 120]}, [["group_by", 0]]),
        ({"priority": "first"}, [["priority"]]),
        ({"priority": 1.5}, [["priority"]]),
        ({"priority": 2**31}, [["priority"]]),
        ({"priority": True}, [["priority"]]),
        ({"score": 1.01}, [["score"]]),
        ({"score": "1"}, [["score"]]),
        ({"score": 0.12345}, [["score"]]),
        ({"accept_at": -0.1}, [["accept_at"]]),
        ({"on_ambiguity": "guess"}, [["on_ambiguity"]]),
        ({"on_difference": "suggest_partial"}, [["on_difference"]]),
        ({"auto_accept": "yes"}, [["auto_accept"]]),
        ({"auto_accept": True, "filters": {"rules": [same("amount"), DATE]}}, [["auto_accept"]]),
        ({"description": "x" * 10_001}, [["description"]]),
        ({"name": "x" * 129}, [["name"]]),
        ({"name": 5}, [["name"]]),
        (
            {"priority": None, "score": 2, "filters": every("colour")},
            [["priority"], ["score"], ["filters", "rules", 0, "key"], ["filters", "rules", 0, "value"]],
        ),
    ],
)
def test_what_cannot_run_is_refused_with_every_path(bench, given, paths):
    rule = bench.rule()
    body = {"reconciliation_id": bench.cards.pk, "filters": every("reference"), **given}
    assert refused(bench.post(body=body)) == ("rule.invalid", paths)
    assert refused(bench.patch(f"{RULES}/{rule['id']}", given)) == ("rule.invalid", paths)
    assert Rule.objects.filter(reconciliation=bench.cards).count() == 1
    assert bench.rules(bench.cards) == [rule]


def test_too_broad_is_said_in_words(bench):
    body = {"reconciliation_id": bench.cards.pk, "filters": {"rules": [same("currency"), same("direction")]}}
    assert "Too broad" in bench.post(body=body).json()["message"]


@pytest.mark.parametrize("depth", [11, 14])
def test_a_tree_too_deep_is_a_mistake_of_the_rule(bench, depth):
    tree = same("reference")
    for _level in range(depth):
        tree = {"operand": "and", "rules": [tree]}
    reason, paths = refused(bench.post(body={"reconciliation_id": bench.cards.pk, "filters": tree}))
    assert (reason, paths) == ("rule.invalid", [["filters", *["rules", 0] * 10]])


def test_a_tree_too_long_is_refused(bench):
    scopes = [
        {"side": "a", "field": "reference", "operand": "neq", "literal": f"{place}{'x' * 990}"}
        for place in range(100)
    ]
    body = {"reconciliation_id": bench.cards.pk, "filters": {"rules": [same("reference"), *scopes]}}
    answer = bench.post(body=body)
    assert refused(answer) == ("rule.invalid", [["filters"]])
    assert "65536 bytes" in answer.json()["message"]


def test_partial_matches_are_for_ledgers_and_differences_for_streams(bench):
    assert bench.rule(reconciliation_id=bench.ledger.pk, on_difference="suggest_partial")
    answer = bench.post(
        body={"reconciliation_id": bench.ledger.pk, "filters": every("reference"), "on_difference": "allow"}
    )
    assert refused(answer) == ("rule.invalid", [["on_difference"]])


def test_a_partial_match_is_never_accepted_by_itself(bench):
    body = {
        "reconciliation_id": bench.ledger.pk,
        "filters": every("reference"),
        "on_difference": "suggest_partial",
        "auto_accept": True,
    }
    assert refused(bench.post(body=body)) == ("rule.invalid", [["auto_accept"]])


@pytest.mark.parametrize(
    "filters",
    [
        {"rules": [same("amount"), DATE]},
        {"rules": [same("amount"), same("currency")]},
        {"operand": "or", "rules": [every("reference", "amount"), every("amount")]},
        {"rules": [same("amount"), same("reference", operand="neq")]},
    ],
)
def test_a_rule_of_amount_and_date_alone_does_not_accept_by_itself(bench, filters):
    assert bench.rule(filters=filters)["auto_accept"] is False
    rule = bench.rule()
    assert rule["auto_accept"] is True
    assert bench.patch(f"{RULES}/{rule['id']}", {"filters": filters}).json()["auto_accept"] is False


@pytest.mark.parametrize("field", ["status", "source", "reconciliation_id", "confidence", "id", "colour"])
def test_a_change_takes_no_other_field(bench, field):
    rule = bench.rule()
    assert refused(bench.patch(f"{RULES}/{rule['id']}", {field: "active"})) == ("request.invalid", [[field]])


def test_a_status_in_a_change_is_refused_naming_the_routes(bench):
    rule = bench.rule()
    message = bench.patch(f"{RULES}/{rule['id']}", {"status": "active"}).json()["message"]
    assert "/activate" in message
    assert "/discard" in message


def test_a_new_rule_takes_no_other_field(bench):
    body = {"reconciliation_id": bench.cards.pk, "filters": every("reference"), "status": "active"}
    assert refused(bench.post(body=body)) == ("request.invalid", [["status"]])


@pytest.mark.parametrize("missing", ["reconciliation_id", "filters"])
def test_what_a_rule_needs_is_named(bench, missing):
    body = {"reconciliation_id": bench.cards.pk, "filters": every("reference")}
    del body[missing]
    assert refused(bench.post(body=body)) == ("request.invalid", [[missing]])


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("", "reconciliation_id"),
        ("reconciliation_id=x", "reconciliation_id"),
        ("reconciliation_id=1&include=all", "include"),
        ("reconciliation_id=1&colour=red", "colour"),
    ],
)
def test_a_list_that_cannot_be_read_is_422(bench, query, path):
    assert refused(bench.client.get(f"{RULES}?{query}"))[1] == [[path]]


def test_a_body_that_is_no_json_is_400(bench):
    answer = bench.client.post(RULES, data=b"{", content_type="application/json")
    assert (answer.status_code, answer.json()["reason"]) == (400, "request.malformed")


@pytest.mark.parametrize("body", [[], "x", 5])
def test_a_body_that_is_no_object_is_422(bench, body):
    assert bench.post(body=body).status_code == 422


@pytest.mark.parametrize("rule", ["0", "x", "-1", "9" * 30, "1.5", "0195f0a1-7c3e-7d42-9a55-1f2e3d4c5b6a"])
def test_an_id_that_nothing_has_is_404(bench, rule):
    for method, path in (
        ("get", ""),
        ("patch", ""),
        ("delete", ""),
        ("post", "/activate"),
        ("post", "/discard"),
    ):
        answer = getattr(bench.client, method)(
            f"{RULES}/{rule}{path}", **({} if method == "get" else {"format": "json"})
        )
        assert (answer.status_code, answer.json()["reason"]) == (404, "rule.not_found")


@pytest.mark.parametrize("named", ["x", "", None, 1.5, True, [], "1e3"])
def test_a_reconciliation_that_is_no_number_is_422(bench, named):
    answer = bench.post(body={"reconciliation_id": named, "filters": every("reference")})
    assert refused(answer)[1] == [["reconciliation_id"]]


def test_rules_of_settlements_belong_to_them(bench):
    settlement = ReconciliationFactory(
        organization=bench.cards.organization, ledger=None, kind="settlement", own_rules=True
    )
    answer = bench.post(body={"reconciliation_id": settlement.pk, "filters": every("reference")})
    assert (answer.status_code, answer.json()["reason"]) == (409, "reconciliation.owned")


def test_there_is_a_most_of_rules(bench, monkeypatch):
    monkeypatch.setattr("reconciliation.services.rules.RULES_MAX", 2)
    bench.rule()
    bench.rule()
    answer = bench.post(body={"reconciliation_id": bench.cards.pk, "filters": every("reference")})
    assert refused(answer)[0] == "rule.too_many"


# --- two people, and repeats ----------------------------------------------------------------------------------------------


def test_who_looked_at_an_older_revision_is_told_who_changed_it(bench):
    rule = bench.rule()
    path = f"{RULES}/{rule['id']}"
    assert bench.patch(path, {"priority": 1, "expected_revision": 1}).status_code == 200
    for answer in (
        bench.patch(path, {"priority": 2, "expected_revision": 1}),
        bench.client.delete(f"{path}?expected_revision=1"),
        bench.post(f"{path}/discard", {"expected_revision": 1}),
    ):
        body = answer.json()
        assert (answer.status_code, body["reason"]) == (409, "rule.changed")
        assert body["details"]["revision"] == 2
        assert body["details"]["changed_by"].startswith("key:")
        assert body["details"]["changed_by"] in body["message"]
    assert bench.rules(bench.cards)[0]["priority"] == 1


def test_a_repeat_under_the_same_key_does_nothing_twice(bench):
    body = {"reconciliation_id": bench.cards.pk, "filters": every("reference")}
    first, again = (bench.post(body=body, **{"Idempotency-Key": "r1"}) for _time in range(2))
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(bench.rules(bench.cards)) == 1
    other = bench.post(body={**body, "priority": 7}, **{"Idempotency-Key": "r1"})
    assert (other.status_code, other.json()["reason"]) == (409, "idempotency.conflict")


# --- whose rules these are --------------------------------------------------------------------------------------------------


@pytest.fixture
def theirs(bench):
    key = ApiKeyFactory()
    return bench_of(client_with_key(key), key.organization)


def test_anothers_rule_is_as_one_that_does_not_exist(bench, theirs):
    foreign, unknown = theirs.rule()["id"], 987654321
    for method, path, body in (
        ("get", "", None),
        ("patch", "", {"priority": 1}),
        ("delete", "", None),
        ("post", "/activate", {}),
        ("post", "/discard", {}),
    ):
        asked = [
            without_correlation(getattr(bench.client, method)(f"{RULES}/{rule}{path}", body, format="json"))
            if body is not None
            else without_correlation(getattr(bench.client, method)(f"{RULES}/{rule}{path}"))
            for rule in (foreign, unknown)
        ]
        assert asked[0] == asked[1]
        assert asked[0][0] == 404
    assert theirs.rules(theirs.cards)[0]["priority"] == 0


def test_anothers_reconciliation_is_as_one_that_does_not_exist(bench, theirs):
    theirs.rule()
    body = {"filters": every("reference")}
    asked = [
        without_correlation(bench.post(body={**body, "reconciliation_id": named}))
        for named in (theirs.cards.pk, 987654321)
    ]
    assert asked[0] == asked[1]
    assert asked[0][0] == 422
    assert bench.rules(theirs.cards) == []
    mine = bench.rules(bench.ledger)[0]["id"]
    changed = [
        without_correlation(bench.patch(f"{RULES}/{mine}?reconciliation_id={named}", {"priority": 5}))
        for named in (theirs.ledger.pk, 987654321)
    ]
    assert changed[0] == changed[1]


def test_a_deleted_reconciliation_has_no_rules(bench):
    rule = bench.rule()
    bench.delete_cards()
    assert bench.rules(bench.cards) == []
    assert bench.client.get(f"{RULES}/{rule['id']}").status_code == 404
    answer = bench.post(body={"reconciliation_id": bench.cards.pk, "filters": every("reference")})
    assert refused(answer) == ("reconciliation.not_found", [["reconciliation_id"]])
