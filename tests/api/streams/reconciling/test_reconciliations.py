"""Reconciliations over HTTP: each success with every field of the contract, each documented error, pages."""

from __future__ import annotations

import pytest

from organizations.models import AuditEvent
from reconciliation.models import Match
from rules.models import Reconciliation
from rules.services import setup
from tests.api.callers import without_correlation
from tests.api.streams.reconciling.conftest import RECONCILIATIONS, Cards, cards_of
from tests.clock import NOW
from tests.factories.ledgers import LedgerFactory
from tests.factories.organizations import OrganizationFactory
from tests.factories.reconciliation import PassFactory

pytestmark = pytest.mark.django_db

DOCUMENTED = {
    "id",
    "name",
    "run_type",
    "side_a_streams",
    "side_b_streams",
    "created_at",
    "current_run",
    "last_run",
}
OURS = {"kind", "ready", "rewiring"}


def owned_of(cards: Cards) -> Reconciliation:
    ledger = LedgerFactory(organization=cards.feeds.organization)
    return setup.ledger_reconciliation(ledger, by=cards.feeds.by, at=NOW)


def test_it_is_made_as_the_contract_says(cards):
    c, d = cards.feeds.stream("wallet"), cards.feeds.stream("other_bank", kind="bank_feed")
    body = cards.post(
        RECONCILIATIONS,
        {"name": "Wallet to bank", "side_a_stream_ids": [str(c.pk)], "side_b_stream_ids": [d.pk]},
    )
    assert set(body) == DOCUMENTED | OURS
    assert body["side_a_streams"] == [
        {
            "id": c.pk,
            "key": "wallet",
            "name": c.name,
            "description": None,
            "type": "api",
            "bank_account_id": None,
        }
    ]
    assert [each["type"] for each in body["side_b_streams"]] == ["bank_feed"]
    assert (body["name"], body["run_type"]) == ("Wallet to bank", "continuous")
    assert (body["current_run"], body["last_run"], body["rewiring"]) == (None, None, None)
    assert (body["kind"], body["ready"]) == ("streams", True)
    assert body["created_at"].endswith("Z")
    assert cards.get(f"{RECONCILIATIONS}/{body['id']}") == body


def test_streams_may_be_left_out_and_it_may_run_in_batches(cards):
    body = cards.post(RECONCILIATIONS, {"name": "Later", "run_type": "batch"})
    assert (body["run_type"], body["side_a_streams"], body["side_b_streams"]) == ("batch", [], [])


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"name": ""}, ["name"]),
        ({"name": None}, ["name"]),
        ({"name": "x" * 256}, ["name"]),
        ({"run_type": "daily"}, ["run_type"]),
        ({"side_a_stream_ids": ["nine"]}, ["side_a_stream_ids", 0]),
        ({"side_a_stream_ids": "11"}, ["side_a_stream_ids"]),
        ({"streams": []}, ["streams"]),
    ],
)
def test_what_cannot_be_used_is_named(cards, more, path):
    body = cards.post(RECONCILIATIONS, {"name": "Cards", **more}, expect=422)
    assert [issue["path"] for issue in body["issues"]] == [path]
    assert body["message"] == body["error"]


def test_a_name_is_needed(cards):
    assert cards.post(RECONCILIATIONS, {}, expect=422)["issues"][0]["path"] == ["name"]


def test_a_stream_on_both_sides_is_refused(cards):
    ids = {"side_a_stream_ids": [cards.a.pk], "side_b_stream_ids": [cards.b.pk, cards.a.pk]}
    body = cards.post(RECONCILIATIONS, {"name": "Twice", **ids}, expect=422)
    assert (body["reason"], body["issues"][0]["path"]) == ("reconciliation.invalid", ["side_b_stream_ids"])


def test_every_unknown_stream_is_named_and_anothers_is_unknown(cards):
    theirs = cards_of(cards.client, OrganizationFactory()).a
    ids = {"side_a_stream_ids": [cards.a.pk, theirs.pk], "side_b_stream_ids": [2**63 - 1]}
    body = cards.post(RECONCILIATIONS, {"name": "Strange", **ids}, expect=422)
    assert [issue["path"] for issue in body["issues"]] == [["side_a_stream_ids", 1], ["side_b_stream_ids", 0]]
    assert body["reason"] == "stream.not_found"


def test_the_list_is_newest_first_by_pages(cards):
    made = [cards.make(f"R{n}")["id"] for n in range(4)]
    whole = cards.get(RECONCILIATIONS)
    assert (whole["limit"], whole["next_cursor"]) == (50, None)
    assert [row["id"] for row in whole["data"]] == [*reversed(made), cards.reconciliation.pk]
    seen, cursor = [], {}
    while True:
        page = cards.get(RECONCILIATIONS, limit=2, **cursor)
        seen += [row["id"] for row in page["data"]]
        if page["next_cursor"] is None:
            break
        cards.make("came in meanwhile")
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [*reversed(made), cards.reconciliation.pk]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "x"},
        {"cursor": "x"},
        {"cursor": "WyJ4Il0"},
        {"offset": "1"},
        {"cursor": "WyIxIiwiMiJd"},
        {"include": "all"},
        {"name": "Cards"},
    ],
)
def test_a_question_that_cannot_be_answered_is_422(cards, query):
    body = cards.get(RECONCILIATIONS, 422, **query)
    assert body["issues"][0]["path"] == [next(iter(query))]


def test_owned_ones_are_listed_where_they_are_asked_for_and_always_readable(cards):
    owned = owned_of(cards)
    assert [row["id"] for row in cards.get(RECONCILIATIONS)["data"]] == [cards.reconciliation.pk]
    shown = cards.get(RECONCILIATIONS, include="owned")["data"]
    assert [(row["id"], row["kind"]) for row in shown] == [
        (owned.pk, "ledger"),
        (cards.reconciliation.pk, "streams"),
    ]
    assert cards.get(f"{RECONCILIATIONS}/{owned.pk}")["kind"] == "ledger"


def test_a_page_takes_the_same_number_of_queries_however_long(cards, django_assert_num_queries):
    cards.feeds.auto_match(cards.reconciliation)
    cards.get(RECONCILIATIONS)
    with django_assert_num_queries(8):
        cards.get(RECONCILIATIONS)
    for n in range(6):
        made = Reconciliation.objects.get(pk=cards.make(f"R{n}", [cards.a], [cards.b])["id"])
        cards.feeds.auto_match(made)
        PassFactory(reconciliation=made)
    with django_assert_num_queries(8):
        assert len(cards.get(RECONCILIATIONS)["data"]) == 7


def test_its_batch_runs_are_shown_and_no_other(cards):
    other = cards.feeds.reconciliation()
    made = PassFactory.create
    ended = {"finished_at": NOW, "started_at": NOW}
    made(reconciliation=cards.reconciliation, status="completed", **ended)
    last = made(reconciliation=cards.reconciliation, status="failed", error="it broke", **ended)
    made(reconciliation=cards.reconciliation, status="cancelled", finished_at=NOW)
    made(reconciliation=cards.reconciliation, status="completed", kind="continuous", **ended)
    made(reconciliation=cards.reconciliation, status="running", kind="continuous")
    body = cards.get(cards.path)
    assert (body["current_run"], body["last_run"]["id"], body["last_run"]["status"]) == (
        None,
        last.pk,
        "failed",
    )
    waiting = made(reconciliation=cards.reconciliation, status="pending")
    assert cards.get(cards.path)["current_run"]["id"] == waiting.pk
    assert cards.get(f"{RECONCILIATIONS}/{other.pk}")["last_run"] is None


def test_a_running_batch_run_stands_before_one_that_waits(cards):
    running = PassFactory(reconciliation=cards.reconciliation, status="running")
    PassFactory(reconciliation=cards.reconciliation, status="pending")
    assert cards.get(cards.path)["current_run"]["id"] == running.pk


def test_a_change_leaves_alone_what_it_does_not_name(cards):
    body = cards.patch(cards.path, {"name": "Renamed"})
    assert (body["name"], body["run_type"]) == ("Renamed", "batch")
    assert [each["id"] for each in body["side_a_streams"]] == [cards.a.pk]
    assert cards.patch(cards.path, {"run_type": "continuous"})["run_type"] == "continuous"
    assert AuditEvent.objects.filter(action="reconciliation.changed").count() == 2


def test_a_side_that_is_given_replaces_that_side_alone(cards):
    cards.add("a", ("R-1", 500))
    wallet = cards.feeds.stream("wallet")
    body = cards.patch(cards.path, {"side_a_stream_ids": [str(wallet.pk)]})
    assert [each["key"] for each in body["side_a_streams"]] == ["wallet"]
    assert [each["key"] for each in body["side_b_streams"]] == ["house_bank"]
    assert body["ready"] is False
    assert body["rewiring"] == {
        "progress": 0,
        "streams": [
            {"data_stream_key": "card_acquirer", "kind": "unwire", "status": "pending", "progress": 0}
        ],
    }
    cards.work()
    body = cards.get(cards.path)
    assert (body["ready"], body["rewiring"]) == (True, None)


def test_the_same_stream_on_both_sides_is_refused_in_a_change_too(cards):
    body = cards.patch(cards.path, {"side_b_stream_ids": [cards.b.pk, cards.a.pk]}, expect=422)
    assert body["issues"][0]["path"] == ["side_b_stream_ids"]


def test_a_stream_that_changes_sides_is_named_where_it_is_put(cards):
    sides = {"side_a_stream_ids": [], "side_b_stream_ids": [cards.b.pk, cards.a.pk]}
    body = cards.patch(cards.path, sides, expect=422)
    assert [issue["path"] for issue in body["issues"]] == [["side_b_stream_ids"]]
    assert "is on the other side. Take it out first" in body["message"]
    swapped = {"side_a_stream_ids": [cards.b.pk], "side_b_stream_ids": [cards.a.pk]}
    assert len(cards.patch(cards.path, swapped, expect=422)["issues"]) == 2


def test_accepted_matches_keep_a_stream_in_unless_they_may_be_undone(cards):
    match = cards.feeds.match(cards.reconciliation, cards.add("a", ("R", 500)), cards.add("b", ("R", 500)))
    body = cards.patch(cards.path, {"side_a_stream_ids": []}, expect=409)
    assert (body["reason"], body["details"]) == ("reconciliation.has_matches", {"matches": 1})
    cards.patch(cards.path, {"side_a_stream_ids": [], "undo_matches": True})
    cards.work()
    assert Match.objects.get(pk=match.pk).status == "undone"


def test_it_is_deleted_with_its_matches_and_is_unknown_afterwards(cards):
    match = cards.feeds.match(cards.reconciliation, cards.add("a", ("R", 500)), cards.add("b", ("R", 500)))
    cards.delete(cards.path)
    for answer in (
        cards.client.get(cards.path),
        cards.client.delete(cards.path),
        cards.client.patch(cards.path, {"name": "x"}, format="json"),
    ):
        assert (answer.status_code, answer.json()["reason"]) == (404, "reconciliation.not_found")
    assert cards.get(RECONCILIATIONS)["data"] == []
    cards.work()
    assert Match.objects.get(pk=match.pk).status == "undone"


def test_owned_ones_are_changed_with_their_ledger(cards):
    path = f"{RECONCILIATIONS}/{owned_of(cards).pk}"
    assert cards.patch(path, {"name": "Mine"}, expect=409)["reason"] == "reconciliation.owned"
    assert cards.delete(path, expect=409)["reason"] == "reconciliation.owned"


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_anothers_is_as_unknown_as_one_that_does_not_exist(cards, stranger, method):
    theirs = getattr(stranger, method)(cards.path, format="json")
    nobodys = getattr(stranger, method)(f"{RECONCILIATIONS}/99999999", format="json")
    words = getattr(stranger, method)(f"{RECONCILIATIONS}/cards", format="json")
    assert without_correlation(theirs) == without_correlation(nobodys) == without_correlation(words)
    assert theirs.status_code == 404


def test_anothers_are_not_listed(cards, stranger):
    assert stranger.get(RECONCILIATIONS).json()["data"] == []
