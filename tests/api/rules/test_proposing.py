"""Proposing rules over HTTP: asked for, looked at, and how the search stands; whose reconciliations these are."""

from __future__ import annotations

import pytest

from reconciliation import tasks
from reconciliation.models import RuleJob
from tests.api.callers import client_with_key, without_correlation
from tests.factories.organizations import ApiKeyFactory, OrganizationFactory
from tests.factories.reconciliation import RuleJobFactory
from tests.factories.rules import ReconciliationFactory
from tests.reconciliation.proposing import SIZE, Trade, clean, trade_of
from tests.workers import wait_for

pytestmark = pytest.mark.django_db

LINK = {"id", "status", "progress", "url"}
JOB = LINK | {
    "steps",
    "requested_at",
    "requested_by",
    "started_at",
    "finished_at",
    "error",
    "input_digest",
    "result",
}
AGENT = {"status", "last_run_at", "progress", "reasoning", "rules_count", "unmatched_count"}


@pytest.fixture
def trade(organization) -> Trade:
    made = trade_of(organization)
    made.feed(clean())
    return made


def path(trade: Trade, name: str = "propose_rules") -> str:
    return f"/v1/reconciliations/{trade.reconciliation.pk}/{name}"


def test_asking_is_answered_at_once_with_where_to_look(client, trade):
    answer = client.post(path(trade), {}, format="json")
    body = answer.json()
    assert answer.status_code == 202, body
    assert set(body) == LINK
    assert (body["status"], body["progress"]) == ("pending", 0)
    assert body["url"] == f"{path(trade)}/{body['id']}" == answer.headers["Location"]
    shown = client.get(body["url"]).json()
    assert set(shown) == JOB
    assert {name: shown[name] for name in LINK} == body
    assert (shown["steps"], shown["result"], shown["error"]) == ([], None, None)


def test_what_was_found_is_shown_and_stands_among_the_rules(client, trade):
    url = client.post(path(trade), {}, format="json").json()["url"]
    tasks.execute_rule_job(job_id=RuleJob.objects.get().pk)
    body = client.get(url).json()
    assert (body["status"], body["progress"]) == ("completed", 100)
    assert all(step["at"].endswith("Z") and step["message"] for step in body["steps"])
    (proposed,) = body["result"]["proposed"]
    (rule,) = client.get("/v1/reconciliation_rules", {"reconciliation_id": trade.reconciliation.pk}).json()
    assert rule["id"] == proposed["rule_id"]
    assert (rule["source"], rule["status"], rule["confidence"]) == ("ai", "proposed", proposed["confidence"])
    assert rule["sample_match_rate"] == proposed["sample_match_rate"] == f"{SIZE}/{SIZE + SIZE // 20}"
    assert rule["filters"] == proposed["filters"]
    assert rule["description"].startswith("Finds a sole partner for")


def test_the_agents_status_has_what_the_contract_says(client, trade):
    before = client.get(path(trade, "agent_status"))
    assert before.status_code == 200
    assert before.json() == {
        "status": "idle",
        "last_run_at": None,
        "progress": [],
        "reasoning": None,
        "rules_count": 0,
        "unmatched_count": 2 * (SIZE + SIZE // 20),
    }
    client.post(path(trade), {}, format="json")
    assert client.get(path(trade, "agent_status")).json()["status"] == "running"
    tasks.execute_rule_job(job_id=RuleJob.objects.get().pk)
    after = client.get(path(trade, "agent_status")).json()
    assert set(after) == AGENT
    assert after["status"] == "idle"
    assert after["last_run_at"].endswith("Z")
    assert [set(step) for step in after["progress"]] == [{"step", "message", "at"}] * len(after["progress"])
    assert "expected by accident" in after["reasoning"]


def test_a_second_search_waits_for_the_first(client, trade):
    client.post(path(trade), {}, format="json")
    again = client.post(path(trade), {}, format="json")
    assert (again.status_code, again.json()["reason"]) == (409, "rule_job.running")


def test_a_repeat_with_the_same_key_asks_once(client, trade):
    answers = [
        client.post(path(trade), {}, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert RuleJob.objects.count() == 1


def test_a_failed_search_says_what_went_wrong(client, trade):
    job = RuleJobFactory(
        reconciliation=trade.reconciliation,
        kind="proposal",
        status="failed",
        error="The pen broke.",
        finished_at=trade.reconciliation.created_at,
    )
    body = client.get(f"{path(trade)}/{job.pk}").json()
    assert (body["status"], body["error"]) == ("failed", "The pen broke.")
    assert client.get(path(trade, "agent_status")).json()["status"] == "failed"


@pytest.mark.parametrize("sent", [{"colour": 1}, [1]])
def test_what_it_does_not_know_is_refused(client, trade, sent):
    assert client.post(path(trade), sent, format="json").status_code == 422


def test_a_backtest_is_no_search(client, trade):
    job = RuleJobFactory(reconciliation=trade.reconciliation, kind="backtest")
    assert client.get(f"{path(trade)}/{job.pk}").status_code == 404


def test_a_deleted_reconciliation_is_unknown(client, trade):
    trade.reconciliation.voided_at = trade.reconciliation.created_at
    trade.reconciliation.save()
    assert client.post(path(trade), {}, format="json").status_code == 404
    assert client.get(path(trade, "agent_status")).status_code == 404


def test_reconciliations_of_others_are_404_like_unknown_ones(client, trade):
    theirs = trade_of(OrganizationFactory(), key="2")
    job = RuleJobFactory(reconciliation=theirs.reconciliation, kind="proposal")
    own = RuleJobFactory(reconciliation=trade.reconciliation, kind="proposal")
    unknown = 987654321
    pk = theirs.reconciliation.pk

    def answers(named: int, search: int) -> list:
        return [
            without_correlation(answer)
            for answer in (
                client.post(f"/v1/reconciliations/{named}/propose_rules", {}, format="json"),
                client.get(f"/v1/reconciliations/{named}/propose_rules/{search}"),
                client.get(f"/v1/reconciliations/{named}/agent_status"),
            )
        ]

    foreign = answers(pk, job.pk)
    assert foreign == answers(987654321, unknown)
    assert {status for status, _body in foreign} == {404}
    not_here = [client.get(f"{path(trade)}/{search}") for search in (job.pk, unknown)]
    assert without_correlation(not_here[0]) == without_correlation(not_here[1])
    assert not_here[0].status_code == 404
    assert client.get(f"{path(trade)}/{own.pk}").status_code == 200


def test_asking_needs_the_scope_to_write_rules(trade, organization):
    reader = client_with_key(ApiKeyFactory(organization=organization, scopes=["reconciliations:read"]))
    assert reader.post(path(trade), {}, format="json").status_code == 403
    assert reader.get(path(trade, "agent_status")).status_code == 200


def test_a_settlements_reconciliation_is_refused(client, organization):
    made = ReconciliationFactory(organization=organization, ledger=None, kind="settlement")
    answer = client.post(f"/v1/reconciliations/{made.pk}/propose_rules", {}, format="json")
    assert (answer.status_code, answer.json()["reason"]) == (409, "reconciliation.owned")


@pytest.mark.worker
@pytest.mark.django_db(transaction=True)
def test_a_worker_finds_the_rule(client, organization, worker):
    trade = trade_of(organization)
    trade.feed(clean())
    url = client.post(path(trade), {}, format="json").json()["url"]
    wait_for(lambda: client.get(url).json()["status"] == "completed", seconds=60, what="the search")
    assert [rule.rating for rule in trade.rules] == ["medium"]
