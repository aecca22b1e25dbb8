"""Backtests over HTTP."""

from __future__ import annotations

import pytest
from django.test import override_settings

from reconciliation.models import RuleJob
from reconciliation.tasks import execute_rule_job
from rules.models import Rule
from tests.api.callers import client_with_key, without_correlation
from tests.api.rules.feeding import Shop, shop_of
from tests.factories.organizations import ApiKeyFactory, OrganizationFactory

pytestmark = pytest.mark.django_db(transaction=True)

SAME_AMOUNT = {"operand": "and", "rules": [{"key": "amount", "operand": "eq", "value": "amount"}]}


@pytest.fixture
def shop(organization) -> Shop:
    return shop_of(organization)


def test_asked_then_looked_at(client, shop: Shop):
    asked = client.post(shop.path("backtests"), {"rule": {"filters": SAME_AMOUNT, "priority": 99}})
    link = asked.json()
    assert (asked.status_code, link["status"], link["progress"]) == (202, "pending", 0)
    assert asked.headers["Location"] == link["url"] == shop.path(f"backtests/{link['id']}")
    waiting = client.get(link["url"]).json()
    assert (waiting["status"], waiting["result"], waiting["error"]) == ("pending", None, None)
    execute_rule_job(job_id=link["id"])
    done = client.get(link["url"]).json()
    assert (done["status"], done["progress"]) == ("completed", 100)
    assert done["result"]["counts"]["new"] == {"groups": 1, "values": {"EUR": 900}}
    assert done["result"]["precision"] == {"value": None, "right": 0, "sample": 0}
    assert done["requested_by"].startswith("key:")
    assert len(done["input_digest"]) == 64


@pytest.mark.worker
@pytest.mark.usefixtures("worker")
def test_who_prefers_to_wait_gets_the_result_at_once(client, shop: Shop):
    rule = Rule.objects.get(reconciliation=shop.reconciliation)
    response = client.post(shop.path("backtests"), {"rule_id": str(rule.pk)}, headers={"Prefer": "wait=30"})
    assert (response.status_code, response.headers["Preference-Applied"]) == (200, "wait=30")
    assert response.json()["result"]["counts"]["new"]["groups"] == 1


def test_a_repeat_under_a_key_answers_from_the_same_job(client, shop: Shop):
    body, key = {"rule": {"filters": SAME_AMOUNT}}, {"Idempotency-Key": "b1"}
    first = client.post(shop.path("backtests"), body, headers=key)
    execute_rule_job(job_id=first.json()["id"])
    again = client.post(shop.path("backtests"), body, headers=key)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
    assert (again.json()["id"], again.json()["status"]) == (first.json()["id"], "completed")
    assert RuleJob.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ["rule"]),
        (
            {"rule": {"filters": {"key": "amount", "operand": "equals", "value": "amount"}}},
            ["rule", "filters", "operand"],
        ),
        ({"rule": {"filters": SAME_AMOUNT, "colour": 1}}, ["rule", "colour"]),
        ({"rule": {"filters": SAME_AMOUNT}, "days": 5}, ["days"]),
        ({"rule_id": "one"}, ["rule_id"]),
        ({"rule_id": 10**15}, ["rule_id"]),
        ({"rule": {"filters": SAME_AMOUNT}, "date_from": "31.03.2026"}, ["date_from"]),
        (
            {"rule": {"filters": SAME_AMOUNT}, "date_from": "2026-03-02", "date_to": "2026-03-01"},
            ["date_from"],
        ),
    ],
)
def test_what_cannot_be_tried_is_422_with_its_place(client, shop: Shop, body, path):
    response = client.post(shop.path("backtests"), body)
    assert response.status_code == 422
    assert path in [issue["path"] for issue in response.json()["issues"]]
    assert not RuleJob.objects.exists()


def test_the_first_of_all_days_is_a_day_like_others(client, shop: Shop):
    response = client.post(
        shop.path("backtests"), {"rule": {"filters": SAME_AMOUNT}, "date_to": "0001-01-01"}
    )
    assert response.status_code == 202, response.json()
    assert RuleJob.objects.get().input["date_from"] == "0001-01-01"


def test_what_belongs_to_others_is_as_unknown_as_what_never_was(client, shop: Shop):
    theirs = shop_of(OrganizationFactory())
    body = {"rule": {"filters": SAME_AMOUNT}}
    owner = client_with_key(ApiKeyFactory(organization=theirs.reconciliation.organization))
    job = owner.post(theirs.path("backtests"), body).json()["id"]
    assert owner.get(theirs.path(f"backtests/{job}")).status_code == 200
    root = "/v1/reconciliations"
    posts = [client.post(f"{root}/{pk}/backtests", body) for pk in (theirs.reconciliation.pk, 10**15, "x")]
    gets = [
        client.get(path)
        for path in (
            theirs.path(f"backtests/{job}"),
            shop.path(f"backtests/{job}"),
            shop.path("backtests/999999"),
            f"{root}/{10**15}/backtests/1",
        )
    ]
    for answers in (posts, gets):
        told = [without_correlation(one) for one in answers]
        assert told[0][0] == 404
        assert all(one == told[0] for one in told)
    rules = [Rule.objects.get(reconciliation=theirs.reconciliation).pk, 10**15]
    told = [without_correlation(client.post(shop.path("backtests"), {"rule_id": pk})) for pk in rules]
    assert told[0] == told[1]
    assert told[0][0] == 422


def test_a_viewers_key_may_look_but_not_ask(client, shop: Shop, organization):
    poor = client_with_key(ApiKeyFactory(organization=organization, scopes=["reconciliations:read"]))
    assert poor.post(shop.path("backtests"), {"rule": {"filters": SAME_AMOUNT}}).status_code == 403
    link = client.post(shop.path("backtests"), {"rule": {"filters": SAME_AMOUNT}}).json()
    assert poor.get(link["url"]).status_code == 200


@override_settings(MATCH_WAIT_SECONDS=20)
def test_without_a_preference_nobody_waits(client, shop: Shop):
    response = client.post(shop.path("backtests"), {"rule": {"filters": SAME_AMOUNT}})
    assert response.status_code == 202
