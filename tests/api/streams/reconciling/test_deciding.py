"""Suggestions decided over HTTP: accepted, rejected, one by one and many at once."""

from __future__ import annotations

import pytest

from organizations.models import AuditEvent
from reconciliation.models import Discrepancy, Match, OpenItem, RejectedGroup
from reconciliation.selectors.integrity import faults
from tests.api.callers import client_with_key, without_correlation
from tests.api.streams.reconciling.conftest import MATCHES, Cards
from tests.clock import NOW
from tests.factories.organizations import ApiKeyFactory
from tests.factories.reconciliation import MatchFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def offered(cards: Cards) -> list[Match]:
    """Three suggestions; the last has a difference."""
    names = ["R-1", "R-2", "R-3"]
    cards.add("a", *[(name, 500) for name in names])
    cards.add("b", *[(name, 500 if name != "R-3" else 490) for name in names])
    cards.feeds.auto_match(cards.reconciliation)
    found = list(Match.objects.order_by("difference", "pk"))
    assert [match.status for match in found] == ["suggested"] * 3
    return found


def path(match: Match, action: str) -> str:
    return f"{MATCHES}/{match.pk}/{action}"


def test_accepted_it_is_matched(cards: Cards, offered):
    body = cards.post(path(offered[0], "accept"), expect=200)
    assert (body["id"], body["status"]) == (offered[0].pk, "matched")
    assert cards.post(path(offered[0], "accept"), expect=200)["status"] == "matched"
    assert AuditEvent.objects.filter(action="match.accepted").count() == 1
    assert cards.get(MATCHES, status="matched")["total_count"] == 1
    assert faults() == []


def test_accepted_with_its_difference_the_discrepancy_stays_said(cards: Cards, offered):
    match = offered[-1]
    assert match.difference == 10
    cards.post(path(match, "accept"), expect=200)
    assert Discrepancy.objects.get(match_id=match.pk).amount == 10
    assert faults() == []


@pytest.mark.parametrize("first", [[], ["accept"]])
def test_rejected_its_records_are_open_and_it_is_not_offered_again(cards: Cards, offered, first):
    for action in first:
        cards.post(path(offered[0], action), expect=200)
    body = cards.post(path(offered[0], "reject"), expect=200)
    assert body["status"] == "rejected"
    assert cards.post(path(offered[0], "reject"), expect=200)["status"] == "rejected"
    assert cards.get(f"{MATCHES}/{offered[0].pk}", 404)["reason"] == "match.not_found"
    assert OpenItem.objects.free().count() == 2
    assert RejectedGroup.objects.get().match_id == offered[0].pk
    cards.feeds.auto_match(cards.reconciliation)
    assert Match.objects.live().count() == 2
    assert faults() == []


def test_what_was_rejected_cannot_be_accepted(cards: Cards, offered):
    cards.post(path(offered[0], "reject"), expect=200)
    body = cards.post(path(offered[0], "accept"), expect=409)
    assert (body["reason"], body["details"]["status"]) == ("match.state", "rejected")


@pytest.mark.parametrize("action", ["accept", "reject"])
def test_expected_otherwise_is_409_with_who_and_when(cards: Cards, offered, action):
    cards.post(path(offered[0], "accept"), {"expected_status": "suggested"}, expect=200)
    body = cards.post(path(offered[0], action), {"expected_status": "suggested"}, expect=409)
    assert body["reason"] == "match.state"
    assert set(body["details"]) == {"status", "by", "at"}
    cards.post(path(offered[0], action), {"expected_status": "matched"}, expect=200)


@pytest.mark.parametrize("given", [{"expected_status": "accepted"}, {"status": "matched"}])
def test_what_cannot_be_used_is_named(cards: Cards, offered, given):
    body = cards.post(path(offered[0], "accept"), given, expect=422)
    assert body["issues"][0]["path"] == [next(iter(given))]


@pytest.mark.parametrize("status", ["undone", "superseded"])
@pytest.mark.parametrize("action", ["accept", "reject"])
def test_what_has_ended_is_not_there(cards: Cards, status, action):
    ended = MatchFactory(reconciliation=cards.reconciliation, status=status, ended_at=NOW, superseded_by=7)
    assert cards.post(path(ended, action), expect=404)["reason"] == "match.not_found"


@pytest.mark.parametrize("action", ["accept", "reject"])
def test_anothers_is_as_unknown_as_one_that_does_not_exist(offered, stranger, action):
    answers = [
        stranger.post(f"{MATCHES}/{pk}/{action}", {}, format="json") for pk in (offered[0].pk, 99999999, "x")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({str(without_correlation(answer)) for answer in answers}) == 1


# --- many at once --------------------------------------------------------------------------------------------------------


def test_each_has_a_result_of_its_own(cards: Cards, offered):
    cards.post(path(offered[1], "reject"), expect=200)
    ids = [offered[0].pk, str(offered[1].pk), 99999999, offered[2].pk, offered[0].pk]
    body = cards.post(f"{MATCHES}/bulk", {"action": "accept", "ids": ids}, expect=200)
    assert (body["done"], body["refused"]) == (2, 2)
    assert [(each["id"], each["result"]) for each in body["results"]] == [
        (offered[0].pk, "done"),
        (offered[1].pk, "refused"),
        (99999999, "refused"),
        (offered[2].pk, "done"),
    ]
    done, refused, unknown, _last = body["results"]
    assert (done["match"]["status"], done["problem"]) == ("matched", None)
    assert (refused["match"], refused["problem"]["reason"], refused["problem"]["status"]) == (
        None,
        "match.state",
        409,
    )
    assert (unknown["problem"]["reason"], unknown["problem"]["status"]) == ("match.not_found", 404)
    assert faults() == []


def test_by_default_only_what_is_still_suggested_is_decided(cards: Cards, offered):
    cards.post(path(offered[0], "accept"), expect=200)
    asked = {"action": "reject", "ids": [offered[0].pk]}
    assert cards.post(f"{MATCHES}/bulk", asked, expect=200)["refused"] == 1
    assert cards.post(f"{MATCHES}/bulk", {**asked, "expected_status": None}, expect=200)["done"] == 1


def test_a_repeat_under_its_key_decides_nothing_again(cards: Cards, offered):
    asked = {"action": "accept", "ids": [match.pk for match in offered]}
    first = cards.post(f"{MATCHES}/bulk", asked, expect=200, **{"Idempotency-Key": "once"})
    assert cards.post(f"{MATCHES}/bulk", asked, expect=200, **{"Idempotency-Key": "once"}) == first
    assert first["done"] == 3


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"action": "undo"}, ["action"]),
        ({"ids": []}, ["ids"]),
        ({"ids": list(range(1001))}, ["ids"]),
        ({"ids": ["x"]}, ["ids", 0]),
        ({"expected_status": "open"}, ["expected_status"]),
    ],
)
def test_the_whole_is_refused_where_it_cannot_be_read(cards: Cards, given, path):
    body = cards.post(f"{MATCHES}/bulk", {"action": "accept", "ids": [1], **given}, expect=422)
    assert body["issues"][0]["path"] == path


def test_deciding_needs_its_scope(cards: Cards, offered):
    reader = client_with_key(
        ApiKeyFactory(organization=cards.feeds.organization, scopes=["reconciliations:read"])
    )
    for url in (path(offered[0], "accept"), path(offered[0], "reject"), f"{MATCHES}/bulk"):
        answer = reader.post(url, {}, format="json")
        assert (answer.status_code, answer.json()["details"]) == (403, {"scope": "matches:decide"})
