"""Combinations of open items over HTTP."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from ledgers.models import Record
from reconciliation.models import OpenItem
from reconciliation.selectors import combinations
from tests.api.callers import client_with_key, without_correlation
from tests.api.rules.feeding import Shop, shop_of
from tests.clock import NOW, TODAY
from tests.factories.organizations import ApiKeyFactory, OrganizationFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nobody_asked_before():
    cache.clear()


@pytest.fixture
def shop(organization) -> Shop:
    """The shop has 900 (R-2) open; the bank 900 (R-3), 400, 500 and −100."""
    shop = shop_of(organization)
    shop.feeds.add(shop.b, ("four", 400), ("five", 500), ("back", -100))
    return shop


def ask(client, shop: Shop, **body):
    return client.post(shop.path("combinations"), body)


def names(sets: list[dict]) -> list[set[str]]:
    records = {record.pk: record.reference for record in Record.objects.all()}
    return [{records[pk] for pk in found["record_ids"]} for found in sets]


def test_sets_that_meet_a_record_of_the_other_side(client, shop: Shop):
    body = ask(client, shop, side="b", record_id=str(shop.record("a", "R-2"))).json()
    assert (body["verdict"], body["count"], body["count_exact"], body["complete_to"]) == (
        "ambiguous",
        2,
        True,
        4,
    )
    assert names(body["sets"]) == [{"R-3"}, {"four", "five"}]
    assert [found["sum"] for found in body["sets"]] == [900, 900]
    assert (body["items"], body["target"], body["currency"]) == (4, 900, "EUR")


def test_an_amount_with_its_currency(client, shop: Shop):
    body = ask(client, shop, side="b", amount=800, currency="EUR").json()
    assert (body["verdict"], names(body["sets"])) == (
        "ambiguous",
        [{"R-3", "back"}, {"four", "five", "back"}],
    )
    assert ask(client, shop, side="b", amount=800, currency="USD").json()["verdict"] == "none"
    body = ask(client, shop, side="b", amount=800, currency="EUR", max_size=2).json()
    assert (body["verdict"], body["complete_to"]) == ("unique", 2)


def test_the_sign_does_not_matter_where_magnitudes_are_compared(client, shop: Shop):
    body = ask(client, shop, side="b", amount=100, currency="EUR", max_size=1).json()
    assert (body["verdict"], names(body["sets"]), body["sets"][0]["sum"]) == ("unique", [{"back"}], -100)


def test_a_tolerance_and_days(client, shop: Shop):
    assert ask(client, shop, side="b", amount=410, currency="EUR", max_size=1).json()["count"] == 0
    found = ask(client, shop, side="b", amount=410, currency="EUR", max_size=1, tolerance=10).json()
    assert names(found["sets"]) == [{"four"}]
    found = ask(client, shop, side="b", amount=400, currency="EUR", date_to="2026-03-01").json()
    assert (found["items"], found["verdict"]) == (0, "none")


def test_only_free_items_are_looked_at(client, shop: Shop):
    four = OpenItem.objects.filter(record_id=shop.record("b", "four"))
    four.update(closed_at=NOW, closed_by="user:1", close_reason="fee", cleared_on=TODAY)
    body = ask(client, shop, side="b", record_id=shop.record("a", "R-2")).json()
    assert (body["verdict"], names(body["sets"])) == ("unique", [{"R-3"}])


def test_too_many_to_guess_are_counted_not_shown(client, shop: Shop):
    shop.feeds.add(shop.b, *[(f"n{n}", 10) for n in range(30)])
    body = ask(client, shop, side="b", amount=40, currency="EUR").json()
    assert (body["verdict"], body["count"], body["sets"]) == ("ambiguous", 27405, [])


def test_more_items_than_can_be_looked_at_ask_for_days(client, shop: Shop, monkeypatch):
    monkeypatch.setattr(combinations, "ITEMS_MAX", 3)
    response = ask(client, shop, side="b", amount=40, currency="EUR")
    assert (response.status_code, response.json()["reason"]) == (422, "combinations.too_many")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"side": "c"}, ["side"]),
        ({"amount": None}, ["record_id"]),
        ({"record_id": 1}, ["record_id"]),
        ({"currency": None}, ["currency"]),
        ({"currency": "eur"}, ["currency"]),
        ({"amount": 0}, ["amount"]),
        ({"amount": 1.5}, ["amount"]),
        ({"amount": 2**62}, ["amount"]),
        ({"max_size": 9}, ["max_size"]),
        ({"max_size": 0}, ["max_size"]),
        ({"tolerance": -1}, ["tolerance"]),
        ({"tolerance": 2**63 - 1}, ["tolerance"]),
        ({"date_from": "soon"}, ["date_from"]),
        ({"size": 3}, ["size"]),
    ],
)
def test_a_body_that_cannot_be_used_is_422_with_its_place(client, shop: Shop, change, path):
    response = ask(client, shop, **{"side": "b", "amount": 900, "currency": "EUR", **change})
    assert response.status_code == 422
    assert path in [issue["path"] for issue in response.json()["issues"]]


def test_a_record_of_more_than_can_be_summed_is_refused(client, shop: Shop):
    shop.feeds.add(shop.a, ("huge", 2**60))
    response = ask(client, shop, side="b", record_id=shop.record("a", "huge"))
    assert (response.status_code, response.json()["issues"][0]["path"]) == (422, ["record_id"])


def test_what_belongs_to_others_is_as_unknown_as_what_never_was(client, shop: Shop):
    theirs = shop_of(OrganizationFactory())
    records = [theirs.record("a", "R-2"), shop.record("a", "R-1"), shop.record("b", "R-3"), 10**15]
    told = [without_correlation(ask(client, shop, side="b", record_id=pk)) for pk in records]
    assert told[0][0] == 422
    assert told[0][1]["reason"] == "record.unknown"
    assert all(one == told[0] for one in told)
    body = {"side": "b", "amount": 5, "currency": "EUR"}
    paths = [theirs.path("combinations"), f"/v1/reconciliations/{10**15}/combinations"]
    told = [without_correlation(client.post(path, body)) for path in paths]
    assert told[0] == told[1]
    assert told[0][0] == 404


def test_asking_too_often_is_429(client, shop: Shop, organization):
    answers = [ask(client, shop, side="b", amount=5, currency="EUR").status_code for _ in range(61)]
    assert answers == [200] * 60 + [429]
    poor = client_with_key(ApiKeyFactory(organization=organization, scopes=["records:read"]))
    assert ask(poor, shop, side="b", amount=5, currency="EUR").status_code == 403


def test_more_items_cost_no_more_queries(client, shop: Shop, django_assert_max_num_queries):
    shop.feeds.add(shop.b, *[(f"n{n}", 10 + n) for n in range(50)])
    with django_assert_max_num_queries(14):
        ask(client, shop, side="b", record_id=shop.record("a", "R-2"))
