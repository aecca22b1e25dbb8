"""Exceptions over HTTP: every move between statuses, words, people, and the trail that each act leaves."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from exceptions_app.models import ReconciliationException
from organizations.models import AuditEvent
from tests.api.exceptions.conftest import ACTIVE, EXCEPTIONS, SAID, STATUSES, UNKNOWN
from tests.clock import NOW
from tests.factories.organizations import MembershipFactory

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=2)
SAID_LATER = "2026-03-31T11:00:00Z"


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_every_move_sets_the_instants_that_it_should(desk, before, after):
    made = desk.open(status=before)
    desk.set_clock(LATER)
    body = desk.change(made["id"], status=after)
    was, is_ = before in ACTIVE, after in ACTIVE
    opened = SAID_LATER if is_ and not was else made["opened_at"]
    closed = None if is_ else SAID_LATER if was else SAID
    assert (body["status"], body["opened_at"], body["closed_at"]) == (after, opened, closed)
    assert body["updated_at"] == (SAID if before == after else SAID_LATER)
    assert desk.show(made["id"]) | {"filtered_aggregates": None} == body | {"filtered_aggregates": None}


def test_reopened_beside_another_active_one_is_422(desk):
    old, live = desk.open(status="dismissed"), desk.open()
    body = desk.change(old["id"], expect=422, status="investigating")
    assert (body["reason"], body["details"]) == ("exception.active", {"exception_id": live["id"]})
    assert body["issues"][0]["path"] == ["status"]
    desk.change(live["id"], status="resolved")
    assert desk.change(old["id"], status="open")["status"] == "open"


def test_what_is_left_out_stays(desk, organization):
    user = MembershipFactory(organization=organization).user
    made = desk.open(title="Late", description="Ask", assignee_ids=[user.pk])
    body = desk.change(made["id"], title=" Later ")
    assert (body["title"], body["description"], len(body["assignees"])) == ("Later", "Ask", 1)
    body = desk.change(made["id"], description=None, assignee_ids=[])
    assert (body["title"], body["description"], body["assignees"]) == ("Later", None, [])


def test_assignees_are_replaced_and_who_left_may_stay(desk, organization):
    anna, ben = (MembershipFactory(organization=organization) for _place in range(2))
    made = desk.open(assignee_ids=[anna.user_id])
    anna.ended_at = NOW
    anna.save()
    body = desk.change(made["id"], assignee_ids=[anna.user_id, ben.user_id])
    assert [each["id"] for each in body["assignees"]] == [anna.user_id, ben.user_id]
    desk.change(made["id"], assignee_ids=[ben.user_id])
    assert desk.change(made["id"], expect=422, assignee_ids=[anna.user_id])["reason"] == "exception.invalid"


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"title": ""}, ["title"]),
        ({"title": None}, ["title"]),
        ({"title": "t" * 301}, ["title"]),
        ({"status": "closed"}, ["status"]),
        ({"assignee_ids": [UNKNOWN]}, ["assignee_ids", 0]),
        ({"reconciliation_id": 1}, ["reconciliation_id"]),
        ({"data_stream_id": 1}, ["data_stream_id"]),
    ],
)
def test_a_change_that_cannot_be_is_422(desk, said, path):
    made = desk.open()
    assert desk.change(made["id"], expect=422, **said)["issues"][0]["path"] == path
    assert desk.show(made["id"])["updated_at"] == SAID


def test_closed_and_reopened_it_is_resolved_by_itself_only_if_it_has_records(desk):
    made = desk.open()
    row = ReconciliationException.objects.get(pk=made["id"])
    assert row.had_records_at is None
    desk.change(made["id"], status="resolved")
    desk.overdue(3, ("R1", 1750))
    desk.change(made["id"], status="open")
    row.refresh_from_db()
    assert row.had_records_at == NOW


# --- the trail -------------------------------------------------------------------------------------------------------------


def test_each_act_leaves_one_event(desk):
    made = desk.open()
    for status in ("investigating", "open", "dismissed", "resolved", "open", "open"):
        desk.change(made["id"], status=status)
    desk.change(made["id"], title="Late", assignee_ids=[])
    desk.post(f"{EXCEPTIONS}/{made['id']}/comments", {"body": "x"})
    desk.delete(f"{EXCEPTIONS}/{made['id']}")
    events = AuditEvent.objects.filter(subject_id=str(made["id"])).order_by("pk")
    events = events.filter(subject_type="exceptions_app.reconciliationexception")
    assert [event.action for event in events] == [
        "exception.opened",
        "exception.investigating",
        "exception.changed",
        "exception.dismissed",
        "exception.resolved",
        "exception.reopened",
        "exception.changed",
        "exception.commented",
        "exception.deleted",
    ]
    assert events[1].data == {"changes": {"status": ["open", "investigating"]}}
    assert f"rules.reconciliation:{desk.reconciliation.pk}" in events[0].subjects
