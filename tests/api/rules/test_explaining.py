"""Explanations over HTTP, on both surfaces that show matches."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from ledgers.models import Record
from reconciliation.models import Match
from reconciliation.services.matches import match_reject
from reconciliation.states import MatchStatus
from rules.models import Rule
from rules.services.rules import revision_write
from tests.api.callers import client_with_key, without_correlation
from tests.api.rules.feeding import Shop, shop_of
from tests.clock import NOW
from tests.factories.organizations import ApiKeyFactory, OrganizationFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(organization) -> Shop:
    return shop_of(organization)


@pytest.fixture
def theirs() -> Shop:
    return shop_of(OrganizationFactory())


def test_a_match_is_explained_with_its_conditions_and_confidence(client, shop: Shop):
    response = client.get(f"/v1/reconciliation_matches/{shop.match.pk}/explanation")
    body = response.json()
    assert response.status_code == 200
    assert body["match"] == {
        "id": shop.match.pk,
        "status": "suggested",
        "origin": "auto",
        "made_by": "system:auto_match",
    }
    [rule] = body["rules"]
    assert (rule["holds"], rule["first_failed"], rule["revision"]) == (True, None, 1)
    [condition] = [one for one in rule["conditions"] if one["path"] == ["filters", "rules", 0]]
    assert condition == {
        "path": ["filters", "rules", 0],
        "key": "reference",
        "operand": "eq",
        "value": "reference",
        "side": None,
        "literal": None,
        "value_a": "R-1",
        "value_b": "R-1",
        "transformed_a": "R-1",
        "transformed_b": "R-1",
        "difference": None,
        "unit": None,
        "holds": True,
        "records": [],
        "record_count": 0,
    }
    assert (body["taken_by"], body["refused"]) == ([], False)
    assert body["confidence"]["value"] == float(shop.match.confidence)


def test_why_not_over_http(client, shop: Shop):
    a, b = shop.record("a", "R-2"), shop.record("b", "R-1")
    response = client.post(shop.path("explain"), {"side_a": [a], "side_b": [str(b)]})
    body = response.json()
    assert response.status_code == 200
    assert body["rules"][0]["first_failed"] == ["filters", "rules", 0]
    assert body["taken_by"] == [{"record_id": b, "match_id": shop.match.pk, "status": "suggested"}]
    assert (body["match"], body["confidence"], body["refused"]) == (None, None, False)


def test_a_group_is_told_record_by_record(client, shop: Shop):
    ids = [shop.record("a", name) for name in ("R-1", "R-2")]
    body = client.post(shop.path("explain"), {"side_a": ids, "side_b": [shop.record("b", "R-1")]}).json()
    assert body["rules"][0]["first_failed"] == ["cardinality"]
    assert body["rules"][0]["conditions"][0]["literal"] == "2:1"


def test_of_a_large_group_the_first_records_are_told_and_those_that_fail_before_others(
    client, shop: Shop, monkeypatch
):
    monkeypatch.setattr("api.shared.explaining.RECORDS_TOLD", 2)
    rule = Rule.objects.get(reconciliation=shop.reconciliation)
    rule.cardinality, rule.group_by, rule.rollup = "many_to_one", ["date"], {"group_by_kind": "date"}
    rule.filters = {
        "operand": "and",
        "rules": [
            {"key": "amount", "operand": "eq", "value": "amount"},
            {"key": "reference", "operand": "eq", "value": "reference"},
        ],
    }
    rule.on_difference = "refuse"
    rule.save()
    revision_write(rule, by="system:test", at=NOW)
    shop.feeds.add(shop.a, ("R-3", 1), ("R-9", 2), ("R-3", 3))
    ids = list(
        Record.objects.filter(stream=shop.a, reference__in=["R-3", "R-9"]).values_list("pk", flat=True)
    )
    body = client.post(shop.path("explain"), {"side_a": ids, "side_b": [shop.record("b", "R-3")]}).json()
    [condition] = [one for one in body["rules"][0]["conditions"] if one["key"] == "reference"]
    assert (condition["record_count"], condition["holds"], condition["value_a"]) == (3, False, None)
    assert [(seen["value_a"], seen["holds"]) for seen in condition["records"]] == [
        ("R-9", False),
        ("R-3", True),
    ]
    [total] = [one for one in body["rules"][0]["conditions"] if one["path"] == ["filters", "rules", 0]]
    assert (total["value_a"], total["value_b"], total["difference"]) == (6, 900, -894)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"side_a": [], "side_b": [1]}, ["side_a"]),
        ({"side_a": [1]}, ["side_b"]),
        ({"side_a": ["x"], "side_b": [1]}, ["side_a", 0]),
        ({"side_a": [True], "side_b": [1]}, ["side_a", 0]),
        ({"side_a": [1.5], "side_b": [1]}, ["side_a", 0]),
        ({"side_a": [10**30], "side_b": [1]}, ["side_a", 0]),
        ({"side_a": list(range(1, 1002)), "side_b": [1]}, ["side_a"]),
        ({"side_a": [1], "side_b": [1], "rule": 1}, ["rule"]),
    ],
)
def test_a_body_that_cannot_be_used_is_422_with_its_place(client, shop: Shop, body, path):
    response = client.post(shop.path("explain"), body)
    assert response.status_code == 422
    assert path in [issue["path"] for issue in response.json()["issues"]]


def test_records_of_others_are_as_unknown_as_those_that_never_were(client, shop: Shop, theirs: Shop):
    own = shop.record("b", "R-1")

    def asked(record: int) -> tuple[int, dict]:
        return without_correlation(client.post(shop.path("explain"), {"side_a": [record], "side_b": [own]}))

    never = asked(10**15)
    assert never[0] == 422
    assert never[1]["reason"] == "record.unknown"
    assert asked(theirs.record("a", "R-1")) == never == asked(own)


def test_matches_and_reconciliations_of_others_are_404_like_unknown_ones(client, shop: Shop, theirs: Shop):
    for path, body in (
        ("/v1/reconciliation_matches/{}/explanation", None),
        ("/v1/reconciliations/{}/explain", {"side_a": [1], "side_b": [1]}),
    ):
        ids = (theirs.match.pk if body is None else theirs.reconciliation.pk, 10**15, "x", -3)
        answers = [
            without_correlation(
                client.get(path.format(pk)) if body is None else client.post(path.format(pk), body)
            )
            for pk in ids
        ]
        assert {status for status, _body in answers} == {404}
        assert all(answer == answers[0] for answer in answers)


def test_what_was_undone_is_gone_and_what_was_rejected_is_still_told(client, shop: Shop):
    match = shop.match
    shop.feeds.act(match_reject, match_id=match.pk)
    path = f"/v1/reconciliation_matches/{match.pk}/explanation"
    assert client.get(path).json()["refused"] is True
    Match.objects.filter(pk=match.pk).update(status=MatchStatus.UNDONE, ended_at=NOW)
    assert client.get(path).status_code == 404


def test_a_key_without_the_scope_is_403(shop: Shop, organization):
    poor = client_with_key(ApiKeyFactory(organization=organization, scopes=["records:read"]))
    assert poor.get(f"/v1/reconciliation_matches/{shop.match.pk}/explanation").status_code == 403
    assert poor.post(shop.path("explain"), {}).status_code == 403


def test_asking_too_often_is_429(client, shop: Shop):
    cache.clear()
    path = f"/v1/reconciliation_matches/{shop.match.pk}/explanation"
    answers = [client.get(path).status_code for _ in range(61)]
    assert answers == [200] * 60 + [429]
    cache.clear()
