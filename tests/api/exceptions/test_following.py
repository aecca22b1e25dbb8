"""Comments on exceptions and their history, over HTTP."""

from __future__ import annotations

import pytest

from exceptions_app.models import Comment
from tests.api.exceptions.conftest import EXCEPTIONS
from tests.factories.organizations import MembershipFactory

pytestmark = pytest.mark.django_db


def comment(desk, exception_id, expect=201, **body):
    return desk.post(f"{EXCEPTIONS}/{exception_id}/comments", body, expect=expect)


def test_a_comment_is_answered_as_it_is_shown(desk, api_key, organization):
    user = MembershipFactory(organization=organization).user
    made = desk.open()
    said = comment(desk, made["id"], body=" Payout on Friday\nsays Anna ", mentions=[str(user.pk), user.pk])
    assert said == {
        "id": said["id"],
        "body": "Payout on Friday\nsays Anna",
        "author_workos_id": api_key.made_by.user.external_id,
        "mentions": [user.pk],
        "created_at": "2026-03-31T09:00:00Z",
    }
    second = comment(desk, made["id"], body="And on Monday")
    assert desk.show(made["id"])["comments"] == [said, second]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ["body"]),
        ({"body": " "}, ["body"]),
        ({"body": None}, ["body"]),
        ({"body": "b" * 10_001}, ["body"]),
        ({"body": "x", "mentions": [987_654_321]}, ["mentions", 0]),
        ({"body": "x", "mentions": "2"}, ["mentions"]),
        ({"body": "x", "author": 2}, ["author"]),
    ],
)
def test_a_comment_that_cannot_be_is_422(desk, body, path):
    made = desk.open()
    assert comment(desk, made["id"], expect=422, **body)["issues"][0]["path"] == path
    assert not Comment.objects.exists()


def test_who_is_no_member_cannot_be_mentioned(desk):
    stranger = MembershipFactory().user
    made = desk.open()
    refused = comment(desk, made["id"], expect=422, body="x", mentions=[stranger.pk])
    unknown = comment(desk, made["id"], expect=422, body="x", mentions=[987_654_321])
    assert refused | {"correlation_id": ""} == unknown | {"correlation_id": ""}


def test_a_closed_one_takes_comments_too(desk):
    made = desk.open(status="dismissed")
    comment(desk, made["id"], body="Why it was")


def test_of_none_there_is_no_comment(desk):
    assert comment(desk, 987_654_321, expect=404, body="x")["reason"] == "exception.not_found"


def test_history_tells_each_act_newest_first(desk, api_key):
    made = desk.open()
    said = comment(desk, made["id"], body="x")
    desk.change(made["id"], status="resolved", title="Done")
    body = desk.get(f"{EXCEPTIONS}/{made['id']}/history")
    assert [act["action"] for act in body["data"]] == [
        "exception.resolved",
        "exception.commented",
        "exception.opened",
    ]
    newest, commented, _opened = body["data"]
    assert newest["facts"] == {
        "changes": {"title": [made["title"], "Done"], "status": ["open", "resolved"]},
    }
    assert commented["facts"]["comment_id"] == said["id"]
    assert {act["actor"] for act in body["data"]} == {f"key:{api_key.prefix}"}
    assert newest["at"] == "2026-03-31T09:00:00Z"
    assert (body["next_cursor"], body["limit"]) == (None, 50)


def test_history_goes_by_cursor(desk):
    made = desk.open()
    for status in ("investigating", "open", "resolved"):
        desk.change(made["id"], status=status)
    desk.open(desk.b)
    path, seen, cursor = f"{EXCEPTIONS}/{made['id']}/history", [], {}
    while True:
        page = desk.get(path, limit=3, **cursor)
        seen += [act["action"] for act in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ["exception.resolved", "exception.changed", "exception.investigating", "exception.opened"]


@pytest.mark.parametrize(
    ("query", "path"),
    [({"limit": 201}, ["limit"]), ({"cursor": "W10"}, ["cursor"]), ({"offset": 1}, ["offset"])],
)
def test_a_question_about_history_that_cannot_be_understood_is_422(desk, query, path):
    made = desk.open()
    body = desk.get(f"{EXCEPTIONS}/{made['id']}/history", expect=422, **query)
    assert body["issues"][0]["path"] == path
