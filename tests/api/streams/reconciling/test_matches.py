"""Matches over HTTP: listed, made by hand, shown, undone."""

from __future__ import annotations

import pytest

from api.shared import pagination
from ledgers.models import Record
from organizations.models import IdempotencyKey
from reconciliation.models import Match, OpenItem
from reconciliation.selectors.integrity import faults
from rules.services import setup
from tests.api.callers import without_correlation
from tests.api.streams.reconciling.conftest import MATCHES, Cards, cards_of
from tests.clock import NOW
from tests.factories.ledgers import LedgerFactory
from tests.factories.organizations import OrganizationFactory
from tests.factories.reconciliation import MatchFactory

pytestmark = pytest.mark.django_db

DOCUMENTED = {
    "id",
    "status",
    "group_key",
    "reconciliation_id",
    "reconciliation_rule_id",
    "created_at",
    "record_count",
}
OURS = {
    "confidence",
    "difference",
    "currency",
    "decimal_places",
    "rule_revision",
    "adjustment_record_id",
}


def by_hand(cards: Cards, *records: Record, expect: int = 201, **more) -> dict:
    ids = [record.pk for record in records]
    body = {"reconciliation_id": cards.reconciliation.pk, "record_ids": ids, **more}
    return cards.post(MATCHES, body, expect=expect)


def several(cards: Cards, count: int, **more) -> list[int]:
    """Bare matches of the reconciliation, for lists."""
    return [MatchFactory(reconciliation=cards.reconciliation, **more).pk for _each in range(count)]


def suggested(cards: Cards) -> Match:
    cards.add("a", ("R-1", 500))
    cards.add("b", ("R-1", 500))
    cards.feeds.auto_match(cards.reconciliation)
    return Match.objects.get()


# --- made by hand ---------------------------------------------------------------------------------------------------


def test_the_contracts_example(cards: Cards):
    first, _other = cards.add("a", ("tx-771", 4250), ("tx-772", 1750))
    (bank,) = cards.add("b", ("stmt-40", 6000))
    body = cards.post(
        MATCHES,
        {
            "reconciliation_id": str(cards.reconciliation.pk),
            "record_ids": [str(first.pk), str(bank.pk)],
            "create_adjustment": True,
            "adjustment_reason": "Acquirer fee",
        },
    )
    assert set(body) == DOCUMENTED | OURS
    assert (body["status"], body["group_key"], body["reconciliation_rule_id"]) == ("matched", None, None)
    assert (body["reconciliation_id"], body["record_count"]) == (cards.reconciliation.pk, 3)
    assert (body["difference"], body["currency"], body["decimal_places"]) == (0, "EUR", 2)
    assert (body["confidence"], body["rule_revision"]) == (None, None)
    record = Record.objects.get(pk=body["adjustment_record_id"])
    assert (record.amount, record.direction, record.stream) == (1750, "credit", cards.a)
    assert cards.get(f"{MATCHES}/{body['id']}") == body
    assert faults() == []


def test_its_adjustment_is_listed_with_its_records_and_nowhere_else(cards: Cards):
    (first,) = cards.add("a", ("R", 500))
    body = by_hand(cards, first, create_adjustment=True)

    def listed(**query) -> set[int]:
        return {row["id"] for row in cards.get("/v1/records", **query)["data"]}

    assert listed(reconciliation_match_id=body["id"]) == {first.pk, body["adjustment_record_id"]}
    assert listed(reconciliation_id=cards.reconciliation.pk) == {first.pk}
    assert listed(data_stream_key=cards.b.key) == set()
    assert cards.get(f"/v1/data_streams/{cards.b.key}/health")["records_count"] == 0


def test_a_difference_is_kept_where_no_adjustment_is_asked_for(cards: Cards):
    body = by_hand(cards, *cards.add("a", ("R", 500)), *cards.add("b", ("S", 450)), adjustment_reason="no")
    assert (body["difference"], body["record_count"], body["adjustment_record_id"]) == (50, 2, None)


def test_one_record_is_enough_with_an_adjustment(cards: Cards):
    body = by_hand(cards, *cards.add("a", ("R", 500)), create_adjustment=True)
    assert body["record_count"] == 2


@pytest.mark.parametrize(
    ("more", "path", "reason"),
    [
        ({"reconciliation_id": 99999999}, ["reconciliation_id"], "reconciliation.not_found"),
        ({"reconciliation_id": "five"}, ["reconciliation_id"], "request.invalid"),
        ({"record_ids": []}, ["record_ids"], "match.ids"),
        ({"record_ids": [1]}, ["record_ids"], "match.ids"),
        ({"record_ids": [], "create_adjustment": True}, ["record_ids"], "match.ids"),
        ({"record_ids": [7, "7"]}, ["record_ids", 1], "match.ids"),
        ({"record_ids": list(range(10_001))}, ["record_ids"], "match.ids"),
        ({"record_ids": [7, "x"]}, ["record_ids", 1], "request.invalid"),
        ({"record_ids": [7, 1.5]}, ["record_ids", 1], "request.invalid"),
        ({"record_ids": None}, ["record_ids"], "request.invalid"),
        ({"record_ids": [99999998, 99999999]}, ["record_ids", 0], "record.not_found"),
        ({"create_adjustment": "perhaps"}, ["create_adjustment"], "request.invalid"),
        ({"adjustment_reason": "x" * 1001}, ["adjustment_reason"], "request.invalid"),
        ({"note": "x"}, ["note"], "request.invalid"),
    ],
)
def test_what_cannot_be_matched_is_422_with_its_place(cards: Cards, more, path, reason):
    body = {"reconciliation_id": cards.reconciliation.pk, "record_ids": [1, 2], **more}
    answer = cards.post(MATCHES, body, expect=422)
    assert (answer["reason"], answer["issues"][0]["path"]) == (reason, path)
    assert answer["message"] == answer["error"]


def test_anothers_reconciliation_and_records_are_unknown(cards: Cards):
    other = cards_of(cards.client, OrganizationFactory())
    (theirs,) = other.add("a", ("R", 500))
    unknown = {"reconciliation_id": other.reconciliation.pk, "record_ids": [theirs.pk, 2]}
    assert cards.post(MATCHES, unknown, expect=422)["reason"] == "reconciliation.not_found"
    assert by_hand(cards, theirs, *cards.add("a", ("R", 500)), expect=422)["reason"] == "record.not_found"


def test_a_record_of_no_stream_of_it(cards: Cards):
    (strange,) = cards.feeds.add(cards.feeds.stream("wallet"), ("R", 500))
    body = by_hand(cards, *cards.add("a", ("R", 500)), strange, expect=422)
    assert (body["reason"], body["issues"][0]["path"]) == ("record.not_in_reconciliation", ["record_ids", 1])


def test_a_record_that_is_reconciled_already(cards: Cards):
    (first,), (bank,) = cards.add("a", ("R", 500)), cards.add("b", ("S", 500))
    by_hand(cards, first, bank)
    body = by_hand(cards, *cards.add("a", ("T", 500)), bank, expect=422)
    assert (body["reason"], body["issues"][0]["path"]) == ("record.matched", ["record_ids", 1])


def test_one_side_alone_that_does_not_sum_to_zero(cards: Cards):
    body = by_hand(cards, *cards.add("a", ("R", 500), ("S", 400)), expect=422)
    assert (body["reason"], body["details"]) == ("match.one_sided", {"sum": 900})


def test_a_suggestion_is_superseded(cards: Cards):
    offered = suggested(cards)
    a, b = Record.objects.order_by("pk")
    body = by_hand(cards, a, b)
    assert cards.get(f"{MATCHES}/{offered.pk}", 404)["reason"] == "match.not_found"
    assert [row["id"] for row in cards.get(MATCHES)["data"]] == [body["id"]]


def test_a_repeat_under_its_key_makes_no_second(cards: Cards):
    ids = [record.pk for record in (*cards.add("a", ("R", 500)), *cards.add("b", ("S", 500)))]
    body = {"reconciliation_id": cards.reconciliation.pk, "record_ids": ids}
    first = cards.post(MATCHES, body, **{"Idempotency-Key": "once"})
    assert cards.post(MATCHES, body, **{"Idempotency-Key": "once"}) == first
    assert (Match.objects.count(), IdempotencyKey.objects.count()) == (1, 1)


# --- shown and undone -------------------------------------------------------------------------------------------------


def test_a_suggestion_shows_its_rule_until_the_rule_is_deleted(cards: Cards):
    match, rule = suggested(cards), cards.reconciliation.rules.get()
    body = cards.get(f"{MATCHES}/{match.pk}")
    assert (body["status"], body["reconciliation_rule_id"], body["rule_revision"]) == (
        "suggested",
        rule.pk,
        1,
    )
    assert isinstance(body["confidence"], float)
    cards.delete(f"/v1/reconciliation_rules/{rule.pk}")
    body = cards.get(f"{MATCHES}/{match.pk}")
    assert (body["reconciliation_rule_id"], body["rule_revision"]) == (None, 1)


def test_deleted_its_records_are_unreconciled_again_and_its_adjustment_is_gone(cards: Cards):
    ids = [*cards.add("a", ("R", 500)), *cards.add("b", ("S", 450))]
    body = by_hand(cards, *ids, create_adjustment=True)
    cards.delete(f"{MATCHES}/{body['id']}")
    assert set(OpenItem.objects.values_list("record_id", flat=True)) == {record.pk for record in ids}
    assert Record.objects.get(pk=body["adjustment_record_id"]).voided_at is not None
    for answer in (
        cards.client.get(f"{MATCHES}/{body['id']}"),
        cards.client.delete(f"{MATCHES}/{body['id']}"),
    ):
        assert (answer.status_code, answer.json()["reason"]) == (404, "match.not_found")
    assert cards.get(MATCHES)["total_count"] == 0
    assert faults() == []


def test_a_suggestion_is_deleted_without_a_judgement(cards: Cards):
    match = suggested(cards)
    cards.delete(f"{MATCHES}/{match.pk}")
    cards.feeds.auto_match(cards.reconciliation)
    assert Match.objects.live().count() == 1


@pytest.mark.parametrize("status", ["undone", "rejected", "superseded"])
def test_what_has_ended_is_not_there(cards: Cards, status):
    ended = MatchFactory(reconciliation=cards.reconciliation, status=status, ended_at=NOW, superseded_by=7)
    assert cards.get(f"{MATCHES}/{ended.pk}", 404)["reason"] == "match.not_found"
    assert cards.delete(f"{MATCHES}/{ended.pk}", expect=404)["reason"] == "match.not_found"
    assert cards.get(MATCHES)["data"] == []


def test_matches_of_a_deleted_reconciliation_are_not_there(cards: Cards):
    (pk,) = several(cards, 1)
    cards.delete(cards.path)
    assert cards.get(f"{MATCHES}/{pk}", 404)["reason"] == "match.not_found"
    assert cards.get(MATCHES)["total_count"] == 0
    assert cards.get(MATCHES, reconciliation_id=cards.reconciliation.pk)["total_count"] == 0


@pytest.mark.parametrize("method", ["get", "delete"])
def test_anothers_is_as_unknown_as_one_that_does_not_exist(cards: Cards, stranger, method):
    (pk,) = several(cards, 1)
    answers = [getattr(stranger, method)(f"{MATCHES}/{each}") for each in (pk, 99999999, "x")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({str(without_correlation(answer)) for answer in answers}) == 1


# --- listed -------------------------------------------------------------------------------------------------------------


def test_the_list_is_newest_first_by_offset_and_by_cursor(cards: Cards):
    made = several(cards, 5)[::-1]
    whole = cards.get(MATCHES)
    assert [row["id"] for row in whole["data"]] == made
    assert (whole["has_more"], whole["offset"], whole["total_count"], whole["next_cursor"]) == (
        False,
        0,
        5,
        None,
    )
    assert "total_is_lower_bound" not in whole
    page = cards.get(MATCHES, limit=2, offset=1)
    assert [row["id"] for row in page["data"]] == made[1:3]
    assert (page["has_more"], page["offset"], page["total_count"]) == (True, 1, 5)
    behind = cards.get(MATCHES, limit=2, cursor=page["next_cursor"])
    assert ([row["id"] for row in behind["data"]], behind["has_more"]) == (made[3:], False)
    beyond = cards.get(MATCHES, offset=5)
    assert (beyond["data"], beyond["has_more"], beyond["total_count"]) == ([], False, 5)


def test_filters(cards: Cards):
    other = cards.feeds.reconciliation()
    mine, accepted = several(cards, 2), several(cards, 1, status="accepted")
    theirs = MatchFactory(reconciliation=other).pk

    def ids(**query) -> set[int]:
        body = cards.get(MATCHES, **query)
        found = {row["id"] for row in body["data"]}
        assert body["total_count"] == len(found)
        return found

    assert ids() == {*mine, *accepted, theirs}
    assert ids(reconciliation_id=cards.reconciliation.pk) == {*mine, *accepted}
    assert ids(status="matched") == {*accepted}
    assert ids(status="suggested", reconciliation_id=str(other.pk)) == {theirs}
    assert ids(status="Matched") == ids(status="accepted") == ids(status="rejected") == set()
    assert ids(reconciliation_id=99999999) == set()


def test_those_of_ledgers_are_listed_where_they_are_asked_for(cards: Cards):
    ledger = LedgerFactory(organization=cards.feeds.organization)
    own = setup.ledger_reconciliation(ledger, by=cards.feeds.by, at=NOW)
    match = MatchFactory(reconciliation=own)
    assert cards.get(MATCHES)["data"] == []
    assert [row["id"] for row in cards.get(MATCHES, include="owned")["data"]] == [match.pk]
    assert [row["id"] for row in cards.get(MATCHES, reconciliation_id=own.pk)["data"]] == [match.pk]
    assert cards.get(f"{MATCHES}/{match.pk}")["id"] == match.pk


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"limit": 101}, "limit"),
        ({"limit": 0}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": 100_001}, "offset"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "WyI3Il0", "offset": 1}, "cursor"),
        ({"reconciliation_id": "x"}, "reconciliation_id"),
        ({"include": "all"}, "include"),
        ({"rule": 7}, "rule"),
    ],
)
def test_a_question_that_cannot_be_answered_is_422(cards: Cards, query, path):
    assert cards.get(MATCHES, 422, **query)["issues"][0]["path"] == [path]


def test_beyond_what_is_counted_the_total_is_a_lower_bound(cards: Cards, monkeypatch):
    monkeypatch.setattr("api.streams.reconciling.views.matches.COUNT_MAX", 3)
    several(cards, 3)
    assert "total_is_lower_bound" not in cards.get(MATCHES)
    several(cards, 1)
    body = cards.get(MATCHES)
    assert (body["total_count"], body["total_is_lower_bound"], len(body["data"])) == (3, True, 4)
    assert pagination.COUNT_MAX == 100_000


def test_a_page_takes_the_same_number_of_queries_however_long(cards: Cards, django_assert_num_queries):
    suggested(cards)
    cards.get(MATCHES)
    with django_assert_num_queries(5):
        cards.get(MATCHES)
    several(cards, 20)
    MatchFactory(reconciliation=cards.feeds.reconciliation())
    with django_assert_num_queries(5):
        assert len(cards.get(MATCHES)["data"]) == 22


def test_anothers_are_not_listed(cards: Cards, stranger):
    several(cards, 1)
    for query in ({}, {"reconciliation_id": cards.reconciliation.pk}, {"include": "owned"}):
        assert stranger.get(MATCHES, query).json()["total_count"] == 0
