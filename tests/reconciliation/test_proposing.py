"""Cold start as a job: what it reads, what it writes, what it never does twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from organizations.models import AuditEvent
from organizations.refusals import Conflict
from reconciliation import proposal_frames, tasks
from reconciliation.models import Match, RuleJob
from reconciliation.selectors.agent import agent_status
from reconciliation.services import proposing
from reconciliation.services.proposing import in_need, proposals_request_where_needed
from reconciliation.services.rules import rule_activate, rule_discard, rule_void
from rules.models import Rule
from tests.clock import NOW
from tests.factories.ledgers import PropertyDefinitionFactory
from tests.factories.reconciliation import RuleJobFactory
from tests.factories.rules import ReconciliationFactory, RuleFactory
from tests.reconciliation.proposing import SIZE, Trade, clean, trade_of
from tests.rules.engine import planted

pytestmark = pytest.mark.django_db

REFERENCE = {"key": "reference", "operand": "eq", "value": "reference"}
HELD = ("rules_reconciliation", "rules_rule")
AMOUNT = {"key": "amount", "operand": "eq", "value": "amount"}


@pytest.fixture
def trade() -> Trade:
    made = trade_of()
    made.feed(clean())
    return made


def test_what_is_found_is_proposed_with_its_figures(trade):
    job = trade.proposed()
    assert (job.status, job.error, job.progress) == ("completed", "", 100)
    (rule,) = trade.rules
    assert rule.filters["rules"][:2] == [REFERENCE, AMOUNT]
    assert (rule.source, rule.status, rule.on_ambiguity, rule.on_difference) == (
        "ai",
        "proposed",
        "sole",
        "allow",
    )
    assert (rule.rating, rule.sample_match_rate) == ("medium", f"{SIZE}/{SIZE + SIZE // 20}")
    assert float(rule.score) <= 0.992
    assert "120 of 126 open records" in rule.description
    assert rule.created_by == "system:propose_rules"
    assert rule.revisions.count() == 1
    assert not Match.objects.exists()


def test_a_proposal_taken_into_use_matches_what_it_promised(trade):
    trade.proposed()
    trade.feeds.act(rule_activate, rule=trade.rules[0])
    waiting = trade.reconciliation.passes.get(status="pending")
    tasks.execute_pass(pass_id=waiting.pk)
    assert Match.objects.count() == SIZE


def test_the_result_tells_why(trade):
    job = trade.proposed()
    (told,) = job.result["proposed"]
    assert told["rule_id"] == trade.rules[0].pk
    assert (told["pairs"], told["found"], told["confidence"]) == (SIZE, SIZE, "medium")
    assert told["precision"] >= told["lower_bound"] >= 0.95
    assert "1. Side A's reference = Side B's reference" in job.result["reasoning"]
    assert "expected by accident" in job.result["reasoning"]
    assert [step["step"] for step in job.steps] == [
        "load",
        "read",
        "forms",
        "tried",
        "found",
        "forms",
        "tried",
        "nothing_more",
    ]
    assert all(step["message"] and "%(" not in step["message"] for step in job.steps)


def test_the_search_leaves_one_line_in_the_trail_beside_the_rules(trade):
    job = trade.proposed()
    event = AuditEvent.objects.get(action="rules.proposed")
    assert event.subject_id == str(job.pk)
    assert event.data["rules"] == [trade.rules[0].pk]
    assert AuditEvent.objects.filter(action="rule.created").count() == 1


def test_twice_is_the_same_as_once(trade):
    trade.proposed()
    again = trade.proposed()
    assert again.result["proposed"] == []
    assert len(trade.rules) == 1
    assert again.input_digest
    assert RuleJob.objects.count() == 2


@pytest.mark.parametrize("act", [rule_discard, rule_void])
def test_what_was_put_aside_is_not_proposed_again(trade, act):
    """Nor anything that differs from it in days alone."""
    trade.proposed()
    (first,) = trade.rules
    trade.feeds.act(act, rule=first)
    trade.proposed()
    again = Rule.objects.filter(reconciliation=trade.reconciliation).exclude(pk=first.pk)
    assert REFERENCE not in [leaf for rule in again for leaf in rule.filters["rules"]]


def test_what_a_waiting_rule_matches_is_its_own(trade):
    """Nothing else is proposed for the same records, also where the rule was changed meanwhile."""
    trade.proposed()
    (rule,) = trade.rules
    rule.filters["rules"].pop()
    rule.save()
    trade.proposed()
    assert len(trade.rules) == 1


def test_a_rule_whose_estimate_fell_is_rated_low():
    trade = trade_of()
    trade.feed(planted.amount_and_text(SIZE))
    trade.proposed()
    (rule,) = trade.rules
    assert rule.rating == "medium"
    trade.feed(planted.noise(12 * SIZE))
    job = trade.proposed()
    rule.refresh_from_db()
    assert rule.rating == "low"
    assert job.result["rated_again"] == [{"rule_id": rule.pk, "before": "medium", "confidence": "low"}]


def test_too_few_records_say_nothing_against_a_waiting_rule(trade):
    trade.proposed()
    (rule,) = trade.rules
    for stream in (trade.a, trade.b):
        trade.feeds.reset(stream)
    trade.proposed()
    rule.refresh_from_db()
    assert rule.rating == "medium"


def test_batches_are_proposed_by_the_metadata_that_carries_them():
    trade = trade_of()
    trade.feed(planted.batch_ids(800))
    trade.proposed()
    (rule,) = trade.rules
    assert (rule.cardinality, rule.group_by) == ("many_to_one", ["metadata.batch_id"])
    assert rule.rollup == {"group_by_kind": "identifier", "lookback_days": 5, "date_field": "date"}
    assert (rule.on_ambiguity, rule.on_difference) == ("best", "allow")


def test_metadata_that_is_no_text_is_not_compared():
    trade = trade_of()
    PropertyDefinitionFactory(stream=trade.a, key="batch_id", type="number")
    trade.feed(planted.batch_ids(800))
    trade.proposed()
    assert trade.rules == []


def test_what_active_rules_match_is_left_to_them(trade):
    RuleFactory(
        reconciliation=trade.reconciliation, filters={"operand": "and", "rules": [REFERENCE, AMOUNT]}
    ).revisions.create(number=1, body=_body([REFERENCE, AMOUNT]), created_at=NOW, created_by="x")
    job = trade.proposed()
    assert job.result["proposed"] == []


def _body(leaves):
    return {"filters": {"operand": "and", "rules": leaves}, "cardinality": "one_to_one"}


def test_of_very_many_items_the_latest_are_read(trade, monkeypatch):
    monkeypatch.setattr(proposal_frames, "ITEMS_MAX", 50)
    items = proposal_frames.open_items(trade.reconciliation, None)
    everything = clean()
    for frame, whole in ((items.a, everything.a), (items.b, everything.b)):
        assert 45 <= frame.height <= 50
        assert frame["date"].min() > whole["date"].sort()[-51]


def test_nothing_is_proposed_for_noise_and_the_reason_is_told():
    trade = trade_of()
    trade.feed(planted.noise(SIZE))
    job = trade.proposed()
    assert trade.rules == []
    assert "No rule is proposed" in job.result["reasoning"]


def test_an_empty_reconciliation_is_no_error():
    job = trade_of().proposed()
    assert (job.status, job.result["proposed"]) == ("completed", [])
    assert "nothing tells what agrees by accident" in job.result["reasoning"]


def test_a_settlements_rules_are_its_own():
    made = trade_of()
    made.reconciliation.kind = "settlement"
    with pytest.raises(Conflict) as refusal:
        made.ask()
    assert refusal.value.code == "reconciliation.owned"


def test_a_ledgers_reconciliation_is_searched_too():
    reconciliation = ReconciliationFactory()
    RuleJobFactory(reconciliation=reconciliation, kind="proposal")
    job = reconciliation.rule_jobs.get()
    tasks.execute_rule_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.status, job.error) == ("completed", "")


# --- by the schedule ---------------------------------------------------------------------------------------------------


def test_the_schedule_asks_where_records_wait_and_there_is_no_rule(trade):
    trade_of(key="2")
    assert in_need(at=NOW) == [trade.reconciliation]
    (job,) = proposals_request_where_needed(at=NOW)
    assert (job.reconciliation, job.requested_by) == (trade.reconciliation, "system:propose_rules")
    assert proposals_request_where_needed(at=NOW) == []


@pytest.mark.parametrize("status", ["active", "proposed"])
def test_the_schedule_leaves_a_reconciliation_with_a_rule_alone(trade, status):
    RuleFactory(reconciliation=trade.reconciliation, status=status)
    assert in_need(at=NOW) == []


def test_the_schedule_asks_again_when_there_is_something_new(trade):
    trade.proposed()
    trade.feeds.act(rule_discard, rule=trade.rules[0])
    later = NOW + proposing.AGAIN_AFTER + timedelta(hours=1)
    assert in_need(at=later) == []
    trade.feed(planted.noise(5))
    assert in_need(at=NOW + timedelta(hours=1)) == []
    assert in_need(at=later) == [trade.reconciliation]


def test_the_schedules_task_asks(trade):
    tasks.propose_rules_where_needed()
    assert trade.reconciliation.rule_jobs.count() == 1


# --- how it stands -----------------------------------------------------------------------------------------------------


def test_the_agents_status_follows_the_jobs(trade):
    before = agent_status(trade.reconciliation)
    assert (before.status, before.last_run_at, before.progress, before.reasoning) == ("idle", None, [], None)
    job = trade.ask()
    assert agent_status(trade.reconciliation).status == "running"
    tasks.execute_rule_job(job_id=job.pk)
    job.refresh_from_db()
    after = agent_status(trade.reconciliation)
    assert (after.status, after.last_run_at) == ("idle", job.finished_at)
    assert after.progress == job.steps
    assert after.reasoning == job.result["reasoning"]
    assert (after.rules_count, after.unmatched_count) == (0, 2 * (SIZE + SIZE // 20))
    RuleJobFactory(
        reconciliation=trade.reconciliation,
        kind="proposal",
        status="failed",
        requested_at=NOW + timedelta(days=1),
        finished_at=NOW + timedelta(days=1),
    )
    failed = agent_status(trade.reconciliation)
    assert (failed.status, failed.reasoning) == ("failed", after.reasoning)


def test_a_suggestion_is_still_unmatched(trade):
    trade.reconciliation.auto_accept = False
    trade.reconciliation.save()
    trade.proposed()
    Rule.objects.update(auto_accept=False)
    trade.feeds.act(rule_activate, rule=trade.rules[0])
    tasks.execute_pass(pass_id=trade.reconciliation.passes.get(status="pending").pk)
    assert Match.objects.filter(status="suggested").count() == SIZE
    status = agent_status(trade.reconciliation)
    assert (status.rules_count, status.unmatched_count) == (1, 2 * (SIZE + SIZE // 20))


def test_the_reconciliation_is_held_before_its_rules(trade):
    """The order of every act on rules; the other way round a person who edits one and the search could deadlock."""
    trade.proposed()
    with CaptureQueriesContext(connection) as asked:
        trade.proposed()
    locks = [query["sql"] for query in asked if " FOR " in query["sql"] and "UPDATE" in query["sql"]]
    tables = [name for sql in locks for name in HELD if f'FROM "{name}"' in sql]
    assert tables[:2] == list(HELD)
