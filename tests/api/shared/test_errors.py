"""Every failure answers with the one body; statuses and words are the surface's."""

import json
import logging

import pytest
from rest_framework.test import APIClient

pytestmark = pytest.mark.urls("tests.api.shared.probe")

KEYS = {
    "type",
    "title",
    "status",
    "detail",
    "code",
    "message",
    "error",
    "reason",
    "issues",
    "details",
    "correlation_id",
}


@pytest.fixture
def anyone() -> APIClient:
    return APIClient(raise_request_exception=False)


def problem(response) -> dict:
    assert response.headers["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    assert set(body) == KEYS
    assert body["status"] == response.status_code
    assert body["message"] == body["detail"]
    return body


@pytest.mark.parametrize(
    ("name", "status", "code", "reason"),
    [
        ("not_found", 404, "ledgers.run_not_found", "run.not_found"),
        ("invalid", 400, "ledgers.invalid_request", "day.bad"),
        ("conflict", 409, "ledgers.match_state_conflict", "match.token_taken"),
        ("unreadable", 422, "ledgers.invalid_file", "file.unreadable"),
        ("forbidden", 403, "auth.forbidden", "auth.forbidden"),
        ("too_large", 413, "request.too_large", "request.too_large"),
        ("refusal", 409, "ledgers.conflict", "refused"),
        ("django_404", 404, "ledgers.not_found", "request.not_found"),
        ("django_403", 403, "auth.forbidden", "auth.forbidden"),
        ("django_413", 413, "request.too_large", "request.too_large"),
        ("suspicious", 400, "ledgers.invalid_request", "request.malformed"),
        ("throttled", 429, "request.throttled", "request.throttled"),
        ("validation", 400, "ledgers.invalid_request", "request.invalid"),
        ("database", 503, "ledgers.unavailable", "service.unavailable"),
        ("bug", 500, "ledgers.internal_error", "internal"),
    ],
)
def test_every_failure_has_its_status_and_words(anyone, caplog, name, status, code, reason):
    caplog.set_level(logging.CRITICAL)
    response = anyone.get(f"/v1/ledgers/fail/{name}")
    body = problem(response)
    assert (response.status_code, body["code"], body["reason"]) == (status, code, reason)
    assert body["error"] == body["code"]


@pytest.mark.parametrize(
    ("surface", "name", "status", "code", "error"),
    [
        ("streams", "invalid", 422, "day.bad", "Bad day."),
        ("streams", "validation", 422, "request.invalid", "rows.1.amount: Bad. (and 1 more: see issues)"),
        ("cases", "invalid", 400, "invalid_request", "invalid_request"),
        ("cases", "conflict", 409, "conflict", "conflict"),
        ("settlements", "invalid", 400, "bad_request", "bad_request"),
        ("settlements", "not_found", 404, "not_found", "not_found"),
    ],
)
def test_surfaces_have_statuses_and_words_of_their_own(anyone, surface, name, status, code, error):
    response = anyone.get(f"/v1/{surface}/fail/{name}")
    body = response.json()
    assert (response.status_code, body["code"], body["error"]) == (status, code, error)


def test_the_case_surface_speaks_camel_case(anyone):
    assert "correlationId" in anyone.get("/v1/cases/fail/invalid").json()


def test_issues_say_where_with_whole_numbers_for_list_places(anyone):
    body = problem(anyone.get("/v1/ledgers/fail/validation"))
    assert body["issues"] == [
        {"path": ["rows", 1, "amount"], "message": "Bad."},
        {"path": ["rows", 1, "amount"], "message": "Worse."},
    ]


def test_details_of_a_refusal_reach_the_caller(anyone):
    assert problem(anyone.get("/v1/ledgers/fail/conflict"))["details"] == {"by": "user:anna"}


def test_a_bug_tells_nothing_of_our_inside_and_is_logged_under_the_correlation_id(anyone, caplog):
    response = anyone.get("/v1/ledgers/fail/bug", headers={"X-Correlation-ID": "mine-1"})
    body = problem(response)
    assert body["correlation_id"] == "mine-1"
    assert "secret detail" not in response.content.decode()
    assert any(record.exc_info for record in caplog.records)


def test_a_throttled_caller_learns_when_to_come_back(anyone):
    response = anyone.get("/v1/ledgers/fail/throttled")
    assert response.headers["Retry-After"] == "8"


def test_a_correlation_id_of_odd_form_is_replaced(anyone):
    body = problem(anyone.get("/v1/ledgers/fail/invalid", headers={"X-Correlation-ID": "<script>"}))
    assert "<" not in body["correlation_id"]


def test_without_one_each_request_gets_its_own_correlation_id(anyone):
    first, second = (problem(anyone.get("/v1/ledgers/fail/invalid"))["correlation_id"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("path", ["/v1/ledgers/reconciliation/nothing", "/v1/nothing", "/api/v1/nothing"])
def test_a_path_without_operation_is_a_problem_too(anyone, settings, path):
    for settings.DEBUG in (False, True):
        body = problem(anyone.get(path))
        assert (body["status"], body["reason"]) == (404, "request.no_such_route")


def test_a_host_that_we_do_not_serve_is_a_problem_too(anyone):
    assert problem(anyone.get("/v1/who", headers={"Host": "evil.example"}))["status"] == 400


def test_outside_the_api_django_answers_as_ever(anyone):
    assert anyone.get("/nothing").headers["Content-Type"].startswith("text/html")


class TestBodies:
    """What a body may be. All are refused with 400, and the operation is not run."""

    @pytest.mark.parametrize(
        "content",
        [
            "{",
            "",
            '{"name": NaN}',
            '{"name": "a", "name": "b"}',
            '{"name": 1e999}',
            '{"name": "\\u0000"}',
            '{"name": "\\ud800"}',
            b'{"name": "\xff"}',
            "[" * 100_000,
            '{"name": "x", "tags": ' + "[" * 32 + "]" * 32 + "}",
            '{"name": ' + "9" * 5000 + "}",
        ],
    )
    def test_unreadable_json_is_malformed(self, client, content):
        body = problem(client.generic("POST", "/v1/who", content, content_type="application/json"))
        assert body["status"] == 400

    def test_thirty_two_levels_are_read(self, client):
        content = '{"name": "x", "tags": ' + "[" * 31 + "]" * 31 + "}"
        assert client.generic("POST", "/v1/who", content, content_type="application/json").status_code == 201

    def test_an_array_is_no_body(self, client):
        assert problem(client.post("/v1/who", [1], format="json"))["status"] == 400

    def test_an_unknown_key_is_named(self, client):
        body = problem(client.post("/v1/who", {"name": "x", "nmae": "y"}))
        assert body["issues"] == [{"path": ["nmae"], "message": "This request has no such field."}]

    def test_a_body_over_the_limit_is_413(self, client, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
        body = problem(client.post("/v1/who", {"name": "x" * 100}))
        assert (body["status"], body["details"]) == (413, {"limit_bytes": 100})

    @pytest.mark.parametrize("amount", [1.0, 1.5, "1.00", True, 0, 2**63, None])
    def test_an_amount_is_whole_minor_units(self, client, amount):
        assert client.post("/v1/who", {"name": "x", "amount": amount}).status_code == 400

    def test_another_media_type_is_415(self, client):
        response = client.generic(
            "POST", "/v1/who", "name=x", content_type="application/x-www-form-urlencoded"
        )
        assert problem(response)["reason"] == "request.media_type"

    def test_a_nul_in_the_query_is_refused(self, client):
        assert problem(client.get("/v1/who?x=%00"))["status"] == 400


def test_another_method_is_405_and_says_which_are_there(client):
    response = client.patch("/v1/who", {})
    assert problem(response)["reason"] == "request.method_not_allowed"
    assert "GET" in response.headers["Allow"]


def test_an_accept_that_we_cannot_serve_is_406(client):
    assert problem(client.get("/v1/who", headers={"Accept": "text/csv"}))["status"] == 406
