"""Investigations of exceptions, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from exceptions_app.models import Finding, Investigation
from exceptions_app.services.finding_taking import finding_take
from exceptions_app.services.investigation_execution import investigation_execute
from organizations.actors import user_actor
from reconciliation.services.matches import match_undo
from tests.api.callers import client_with_key
from tests.api.exceptions.conftest import EXCEPTIONS, Desk
from tests.clock import NOW
from tests.factories.exceptions_app import FindingFactory, InvestigationFactory
from tests.factories.organizations import ApiKeyFactory, MembershipFactory

pytestmark = pytest.mark.django_db


def path(exception_id: int) -> str:
    return f"{EXCEPTIONS}/{exception_id}/investigations"


def investigated(desk: Desk, exception_id: int, **body: Any) -> dict[str, Any]:
    asked = desk.post(path(exception_id), body, expect=202)
    investigation_execute(investigation_id=asked["id"], clock=lambda: NOW)
    return desk.get(asked["url"])


@pytest.fixture
def made(desk) -> dict[str, Any]:
    return desk.open()


@pytest.fixture
def found(desk, made) -> dict[str, Any]:
    """One late record with an explanation, one without."""
    desk.overdue(3, ("ORDER-884711903", 8_731_44), ("R-2", 91_17))
    desk.add("b", ("ORDER-884711903", 8_731_44))
    return investigated(desk, made["id"])


def test_asked_for_it_answers_at_once_and_says_where_to_look(desk, made):
    answer = desk.client.post(path(made["id"]), {}, format="json")
    assert answer.status_code == 202
    asked = answer.json()
    assert answer["Location"] == asked["url"] == f"{path(made['id'])}/{asked['id']}"
    assert (asked["status"], asked["trigger"], asked["exception_id"]) == ("pending", "manual", made["id"])
    unknown_yet = (
        "outcome",
        "recommendation_text",
        "confidence_score",
        "completed_at",
        "records_asked",
        "error",
    )
    assert [asked[name] for name in unknown_yet] == [None] * 6
    assert desk.show(made["id"])["investigation"]["id"] == asked["id"]


def test_a_second_one_is_409_with_the_first_one(desk, made):
    first = desk.post(path(made["id"]), {}, expect=202)
    refused = desk.post(path(made["id"]), {}, expect=409)
    assert refused["reason"] == "investigation.running"
    assert refused["details"] == {"investigation_id": first["id"], "url": first["url"]}


def test_a_repeat_under_the_same_key_is_the_same_investigation(desk, made):
    key = {"Idempotency-Key": "once"}
    answers = [desk.client.post(path(made["id"]), {}, format="json", headers=key) for _time in range(2)]
    assert answers[0].json() == answers[1].json()
    assert (answers[1]["Idempotency-Replayed"], Investigation.objects.count()) == ("true", 1)


def test_what_it_found_is_told_with_a_sentence_for_each_record(found):
    assert (found["status"], found["outcome"], found["records_asked"]) == ("completed", "match_found", 2)
    assert found["completed_at"] == "2026-03-31T09:00:00Z"
    assert found["summary"]["outcomes"]["match_found"]["records"] == 1
    assert 0 < found["confidence_score"] <= 1
    [first, *_others] = found["findings"]["data"]
    assert (first["cause"], first["rank"], first["outcome"]) == ("equal_amount", 1, "match_found")
    assert first["suggested_record_ids"] == found["suggested_record_ids"]
    assert first["difference"] == 0
    assert "Match them." in first["text"]
    assert first["text"] in found["recommendation_text"]
    assert [
        first[name] for name in ("match_id", "match_status", "taken_at", "taken_by", "not_matchable")
    ] == ([None] * 5)


def test_the_exception_shows_the_newest_five(desk, made):
    asked = [investigated(desk, made["id"])["id"] for _time in range(7)]
    shown = desk.show(made["id"])
    assert [each["id"] for each in shown["investigation_sessions"]] == asked[:1:-1]
    assert shown["investigation"]["id"] == asked[-1]


def test_the_list_has_all_of_them_a_page_at_a_time(desk, made):
    asked = [investigated(desk, made["id"])["id"] for _time in range(5)]
    first = desk.get(path(made["id"]), limit=3)
    second = desk.get(path(made["id"]), limit=3, cursor=first["next_cursor"])
    assert [each["id"] for each in [*first["data"], *second["data"]]] == asked[::-1]
    assert second["next_cursor"] is None


def test_filters_say_which_records_and_are_kept(desk, made):
    desk.overdue(3, ("R-1", 10_00), ("R-2", 20_00))
    asked = {"amount_min": 15_00, "counterparty": ""}
    done = investigated(desk, made["id"], filter_params=asked)
    assert (done["filter_params"], done["records_asked"]) == ({"amount_min": 15_00}, 1)
    assert investigated(desk, made["id"], filter_params={})["filter_params"] is None


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"filter_params": {"amount_min": "a lot"}}, ["filter_params", "amount_min"]),
        ({"filter_params": {"age_bucket": "old"}}, ["filter_params", "age_bucket"]),
        ({"filter_params": {"colour": "red"}}, ["filter_params", "colour"]),
        ({"filter_params": [1]}, ["filter_params"]),
        ({"filter_params": "credit"}, ["filter_params"]),
        ({"filters": {}}, ["filters"]),
    ],
)
def test_filters_that_cannot_be_used_are_422(desk, made, body, place):
    assert desk.post(path(made["id"]), body, expect=422)["issues"][0]["path"] == place
    assert not Investigation.objects.exists()


def test_findings_come_a_page_at_a_time_and_by_outcome_and_cause(desk, made):
    investigation = InvestigationFactory(exception_id=made["id"], status="failed", finished_at=NOW)
    records = desk.overdue(3, *((f"R-{place}", 10_00 + place) for place in range(6)))
    rows = [FindingFactory(investigation=investigation, record=record) for record in records]
    rows[0].outcome, rows[0].cause = "match_found", "fee"
    rows[0].save()
    url = f"{path(made['id'])}/{investigation.pk}"
    seen, cursor = [], {}
    while cursor is not None:
        page = desk.get(url, limit=4, **cursor)["findings"]
        seen += [each["id"] for each in page["data"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert seen == [row.pk for row in rows]
    assert [each["id"] for each in desk.get(url, outcome="match_found")["findings"]["data"]] == [rows[0].pk]
    assert [each["id"] for each in desk.get(url, cause="fee")["findings"]["data"]] == [rows[0].pk]
    assert desk.get(url, cause="no such", expect=422)["issues"][0]["path"] == ["cause"]


@pytest.mark.parametrize("count", [2, 30])
def test_findings_are_shown_in_a_constant_number_of_queries(desk, made, count, django_assert_max_num_queries):
    investigation = InvestigationFactory(exception_id=made["id"], status="failed", finished_at=NOW)
    for place, record in enumerate(desk.overdue(3, *((f"R-{place}", 10_00) for place in range(count)))):
        FindingFactory(investigation=investigation, record=record, suggested=[record.pk], match_id=None)
        assert place < count
    with django_assert_max_num_queries(12):
        assert len(desk.get(f"{path(made['id'])}/{investigation.pk}")["findings"]["data"]) == count


def test_a_finding_says_which_match_it_became_and_that_it_was_undone(desk, found, organization):
    member = MembershipFactory(organization=organization, role="operator")
    by = user_actor(member.user, member)
    row = Finding.objects.get(pk=found["findings"]["data"][0]["id"])
    match = finding_take(organization_id=organization.pk, finding_id=row.pk, by=by, at=NOW)
    [shown, *_others] = desk.get(found["url"])["findings"]["data"]
    assert (shown["match_id"], shown["match_status"]) == (match.pk, "accepted")
    assert (shown["taken_at"], shown["taken_by"]) == (
        "2026-03-31T09:00:00Z",
        f"user:{member.user.shown_name}",
    )
    assert shown["not_matchable"] == f"It is match {match.pk} already."
    match_undo(match_id=match.pk, by=by, at=NOW)
    [shown, *_others] = desk.get(found["url"])["findings"]["data"]
    assert (shown["match_status"], shown["not_matchable"]) == ("undone", None)


def test_what_failed_says_why(desk, made):
    investigation = InvestigationFactory(
        exception_id=made["id"], status="failed", finished_at=NOW, error="No. Ask for it again."
    )
    shown = desk.get(f"{path(made['id'])}/{investigation.pk}")
    assert (shown["status"], shown["error"], shown["findings"]["data"]) == (
        "failed",
        "No. Ask for it again.",
        [],
    )
    assert (shown["outcome"], shown["completed_at"]) == (None, None)


def test_another_exceptions_investigation_is_not_found_here(desk, made):
    other = InvestigationFactory(exception__reconciliation=desk.reconciliation)
    assert desk.get(f"{path(made['id'])}/{other.pk}", expect=404)["reason"] == "investigation.not_found"
    assert desk.get(f"{path(made['id'])}/987654321", expect=404)["reason"] == "investigation.not_found"


def test_another_organizations_exception_is_as_one_that_is_not_there(desk, made):
    stranger = client_with_key(ApiKeyFactory())
    theirs = [stranger.get(path(made["id"])), stranger.post(path(made["id"]), {}, format="json")]
    unknown = [stranger.get(path(987_654_321)), stranger.post(path(987_654_321), {}, format="json")]
    for one, other in zip(theirs, unknown, strict=True):
        assert (one.status_code, one.json()["reason"]) == (404, "exception.not_found")
        assert one.json() | {"correlation_id": ""} == other.json() | {"correlation_id": ""}
    assert not Investigation.objects.exists()


def test_a_deleted_exception_is_not_investigated(desk, made):
    desk.client.delete(f"{EXCEPTIONS}/{made['id']}")
    assert desk.post(path(made["id"]), {}, expect=404)["reason"] == "exception.not_found"


def test_asking_needs_the_permission_to_write(desk, made, organization):
    reader = client_with_key(ApiKeyFactory(organization=organization, scopes=["exceptions:read"]))
    assert reader.get(path(made["id"])).status_code == 200
    refused = reader.post(path(made["id"]), {}, format="json")
    assert (refused.status_code, refused.json()["details"]) == (403, {"scope": "exceptions:write"})
