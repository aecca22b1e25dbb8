"""Runs: create, list, show, rename, delete; each with its documented refusals."""

from uuid import uuid4

import pytest

from tests.api.callers import signed_in
from tests.api.ledger_runs.desk import RUNS, STATEMENT, Desk, february
from tests.factories.organizations import MembershipFactory

pytestmark = pytest.mark.django_db

SHOWN = {
    "id", "ledger_id", "mode", "source_type", "status", "idempotency_key", "note", "error_message", "source_count",
    "item_count", "matched_count", "partial_count", "unmatched_count", "closed_count", "started_at", "completed_at",
    "last_pass", "proof", "created_at", "created_by", "modified_at", "modified_by", "metadata", "active",
}  # fmt: skip


@pytest.fixture
def ledger(desk):
    return desk.ledger()


def test_a_new_run_has_defaults_and_every_field(desk, ledger, api_key):
    response = desk.post(RUNS, {"ledger_id": ledger["id"]})
    run = response.json()
    assert (response.status_code, set(run)) == (201, SHOWN)
    assert (run["mode"], run["source_type"], run["status"], run["note"]) == (
        "manual",
        "upload",
        "pending",
        None,
    )
    assert run["created_by"] == f"key:{api_key.prefix}"
    assert run["created_at"].endswith("Z")
    assert (run["last_pass"], run["item_count"]) == (None, 0)


def test_a_person_is_shown_by_name_never_by_number(organization, desk, ledger):
    membership = MembershipFactory(organization=organization, user__first_name="Anna", user__last_name="Berg")
    run = Desk(signed_in(membership)).post(RUNS, {"ledger_id": ledger["id"]}).json()
    assert run["created_by"] == "user:Anna Berg"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"ledger_id": None}, ["ledger_id"]),
        ({"ledger_id": "x"}, ["ledger_id"]),
        ({"mode": "fast"}, ["mode"]),
        ({"source_type": "fax"}, ["source_type"]),
        ({"note": 5 * ["x"]}, ["note"]),
        ({"note": "x" * 10_001}, ["note"]),
        ({"idempotency_key": "x" * 256}, ["idempotency_key"]),
        ({"currency": "EUR"}, ["currency"]),
        ({"note": "a\x00b"}, None),
    ],
)
def test_a_body_that_cannot_be_used_names_the_place(desk, ledger, change, path):
    response = desk.post(RUNS, {"ledger_id": ledger["id"], **change})
    assert (response.status_code, response.json()["code"]) == (400, "ledgers.invalid_request")
    if path:
        assert response.json()["issues"][0]["path"] == path


def test_a_body_without_ledger_is_400_an_unknown_ledger_404(desk):
    assert desk.post(RUNS, {}).status_code == 400
    response = desk.post(RUNS, {"ledger_id": str(uuid4())})
    assert (response.status_code, response.json()["code"]) == (404, "ledgers.ledger_not_found")


def test_the_same_key_and_body_give_the_first_run_as_it_is_now(desk, ledger):
    body = {"ledger_id": ledger["id"], "idempotency_key": "k1"}
    run = desk.post(RUNS, body).json()["id"]
    desk.client.patch(f"{RUNS}/{run}", {"note": "renamed"})
    again = desk.post(RUNS, body)
    assert (again.status_code, again.json()["id"], again.json()["note"]) == (200, run, "renamed")


def test_the_same_key_is_free_in_another_ledger(desk, ledger):
    other = desk.ledger(code="1300")
    assert desk.run(ledger, idempotency_key="k1") != desk.run(other, idempotency_key="k1")


def test_an_idempotency_header_gives_the_first_answer_word_for_word(desk, ledger):
    body = {"ledger_id": ledger["id"]}
    first = desk.post(RUNS, body, **{"Idempotency-Key": "h1"})
    desk.client.patch(f"{RUNS}/{first.json()['id']}", {"note": "renamed"})
    again = desk.post(RUNS, body, **{"Idempotency-Key": "h1"})
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert desk.get(RUNS).json()["total"] == 1


class TestList:
    def test_by_ledger_status_and_mode(self, desk, ledger):
        other = desk.ledger(code="1300")
        mine, theirs = desk.run(ledger, mode="automatic"), desk.run(other)
        assert [row["id"] for row in desk.rows(RUNS, ledger_id=ledger["id"])] == [mine]
        assert [row["id"] for row in desk.rows(RUNS, mode="manual")] == [theirs]
        assert len(desk.rows(RUNS, status="pending")) == 2
        assert desk.rows(RUNS, status="closed") == []
        assert desk.rows(RUNS, ledger_id=str(uuid4())) == []

    def test_search_and_structured_filter(self, desk, ledger):
        march = desk.run(ledger, note="March, main account")
        desk.run(ledger, note="April")
        assert [row["id"] for row in desk.rows(RUNS, search="march")] == [march]
        assert [row["id"] for row in desk.rows(RUNS, filter='{"note": {"like": "main"}}')] == [march]

    @pytest.mark.parametrize("query", ["limit=0", "sort=secret", "filter={", "status=done", "ledger=x"])
    def test_a_question_that_cannot_be_understood_is_400(self, desk, query):
        assert desk.client.get(f"{RUNS}?{query}").status_code == 400

    def test_a_list_costs_a_constant_number_of_queries(self, desk, ledger, django_assert_num_queries):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        def queries() -> int:
            with CaptureQueriesContext(
                connection,
            ) as asked:
                desk.rows(RUNS)
            return len(asked)

        desk.run(ledger)
        one = queries()
        for _ in range(4):
            desk.run(ledger)
        assert queries() == one


class TestNote:
    @pytest.mark.parametrize(
        ("body", "note"),
        [({"note": "new"}, "new"), ({"note": None}, None), ({"note": ""}, None), ({}, "old")],
    )
    def test_null_and_empty_clear_absent_leaves(self, desk, ledger, body, note):
        run = desk.run(ledger, note="old")
        response = desk.client.patch(f"{RUNS}/{run}", body)
        assert (response.status_code, response.json()["note"]) == (200, note)

    @pytest.mark.parametrize("body", [{"mode": "manual"}, {"note": {}}, []])
    def test_other_keys_are_400(self, desk, ledger, body):
        assert desk.client.patch(f"{RUNS}/{desk.run(ledger)}", body).status_code == 400

    def test_an_unknown_run_is_404(self, desk):
        response = desk.client.patch(f"{RUNS}/{uuid4()}", {"note": "x"})
        assert (response.status_code, response.json()["code"]) == (404, "ledgers.run_not_found")


class TestDelete:
    def test_a_deleted_run_is_gone_everywhere(self, desk, ledger):
        run = desk.run(ledger)
        response = desk.client.delete(f"{RUNS}/{run}")
        assert (response.status_code, response.content) == (204, b"")
        assert desk.get(f"{RUNS}/{run}").status_code == 404
        assert desk.client.delete(f"{RUNS}/{run}").status_code == 404
        assert desk.rows(RUNS) == []

    def test_a_repeat_under_a_key_is_204_again(self, desk, ledger):
        run = desk.run(ledger)
        key = {"Idempotency-Key": "d1"}
        assert [desk.client.delete(f"{RUNS}/{run}", headers=key).status_code for _ in range(2)] == [204, 204]

    @pytest.mark.django_db(transaction=True)
    def test_while_a_pass_is_under_way_it_is_409(self, desk):
        ledger, _entries = february(desk)
        run = desk.run(ledger)
        desk.upload(run, STATEMENT)
        assert desk.auto_match(run, Prefer="respond-async").status_code == 202
        response = desk.client.delete(f"{RUNS}/{run}")
        assert (response.status_code, response.json()["reason"]) == (409, "pass.running")
