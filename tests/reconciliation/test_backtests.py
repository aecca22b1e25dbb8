"""Trying a rule out on the past: what it would find, lose and contradict, and that nothing is written."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import InternalError, connection

from ledgers.models import Record
from organizations.refusals import Invalid
from reconciliation.models import Match, OpenItem, RuleJob
from reconciliation.services import backtest_execution, backtests
from reconciliation.services.backtests import backtest_request
from reconciliation.services.matches import match_reject
from reconciliation.services.stream_matches import match_by_hand
from reconciliation.services.stream_records import RecordIn, records_add
from reconciliation.tasks import execute_rule_job
from rules.models import Reconciliation, Rule
from rules.services.rules import revision_write
from tests.clock import NOW, TODAY
from tests.factories.organizations import actor_with
from tests.factories.rules import RuleFactory
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db(transaction=True)

SAME_AMOUNT = {"operand": "and", "rules": [{"key": "amount", "operand": "eq", "value": "amount"}]}
SAME_TEXT = {"operand": "and", "rules": [{"key": "description", "operand": "eq", "value": "description"}]}


class Past:
    """A shop's records against a bank's, under one rule: equal reference."""

    def __init__(self) -> None:
        self.feeds = Feeds(actor_with("admin"))
        self.a, self.b = self.feeds.stream("shop"), self.feeds.stream("bank")
        self.reconciliation: Reconciliation = self.feeds.reconciliation(self.a, self.b)

    @property
    def rule(self) -> Rule:
        return Rule.objects.get(reconciliation=self.reconciliation, status="active")

    def add(self, stream: Any, amount: int, reference: str = "", text: str = "", day: date = TODAY) -> Record:
        row = RecordIn(day, amount, "credit", "EUR", reference=reference, description=text)
        [made] = self.feeds.act(records_add, stream=stream, records=[row])
        return made

    def pair(self, amount: int, reference: str = "", text: str = "", **more: Any) -> tuple[Record, Record]:
        return self.add(self.a, amount, reference, text, **more), self.add(
            self.b, amount, reference, text, **more
        )

    def accepted(self, a: Record, b: Record) -> Match:
        return self.feeds.match(self.reconciliation, [a], [b])

    def ask(self, **asked: Any) -> RuleJob:
        return self.feeds.act(backtest_request, reconciliation=self.reconciliation, **asked)

    def test(self, **asked: Any) -> dict[str, Any]:
        job = self.ask(**asked)
        execute_rule_job(job_id=job.pk)
        job.refresh_from_db()
        assert job.status == "completed", job.error
        result: dict[str, Any] = job.result
        return result


@pytest.fixture
def past() -> Past:
    return Past()


def counts(result: dict[str, Any]) -> dict[str, int]:
    return {name: tally["groups"] for name, tally in result["counts"].items() if tally["groups"]}


def test_a_new_rule_finds_what_the_others_leave(past: Past):
    past.pair(500, "R-1")
    a, b = past.pair(700, text="coffee")
    result = past.test(facts={"filters": SAME_TEXT, "priority": 20, "name": "Text"})
    assert counts(result) == {"same": 1, "new": 1}
    assert result["counts"]["new"]["values"] == {"EUR": 700}
    [new] = result["new"]
    assert new == {"side_a": [a.pk], "side_b": [b.pk], "currency": "EUR", "value": 700, "rule": "Text"}
    assert [(rule["name"], rule["groups"], rule["candidate"]) for rule in result["rules"]] == [
        (past.rule.name, 1, False),
        ("Text", 1, True),
    ]
    assert [rule["groups"] for rule in result["rules_without"]] == [1]
    assert result["records"] == {"a": 2, "b": 2}


def test_what_was_made_to_add_up_is_held_against_its_records_alone(past: Past):
    a, b = past.add(past.a, 700, text="coffee"), past.add(past.b, 690, text="coffee")
    match = past.feeds.act(
        match_by_hand,
        reconciliation=past.reconciliation,
        record_ids=[a.pk, b.pk],
        create_adjustment=True,
    )
    assert match.adjustment_id is not None
    result = past.test(facts={"filters": SAME_TEXT, "on_difference": "allow"})
    assert counts(result) == {"new": 1, "agrees": 1}
    assert result["records"] == {"a": 1, "b": 1}


def test_its_groups_are_held_against_what_people_accepted(past: Past):
    right = past.pair(700, text="coffee")
    wrong_a, wrong_b = past.add(past.a, 30, text="tea"), past.add(past.b, 30, text="tea")
    other_a, other_b = past.add(past.a, 30), past.add(past.b, 30)
    past.pair(9, text="nobody knows")
    past.accepted(*right)
    first, second = past.accepted(wrong_a, other_b), past.accepted(other_a, wrong_b)
    result = past.test(facts={"filters": SAME_TEXT})
    assert result["precision"] == {"value": 0.5, "right": 1, "sample": 2}
    assert counts(result) == {"new": 3, "contradicts": 1, "agrees": 1}
    [against] = result["contradicts"]
    assert (against["side_a"], against["side_b"]) == ([wrong_a.pk], [wrong_b.pk])
    assert [match["match_id"] for match in against["accepted"]] == [first.pk, second.pk]
    assert against["accepted"][0]["side_b"] == [other_b.pk]
    assert result["accepted"] == 3


def test_what_it_takes_from_other_rules_is_lost_or_changed(past: Past):
    a, b = past.pair(500, "R-1")
    past.add(past.b, 500, "", "coffee", day=TODAY)
    Record.objects.filter(pk=a.pk).update(description="coffee")
    result = past.test(facts={"filters": SAME_TEXT, "priority": 1})
    assert counts(result) == {"changed": 1}
    never = {"operand": "and", "rules": [{"key": "reference", "operand": "eq", "value": "external_id"}]}
    result = past.test(rule_id=past.rule.pk, facts={"filters": never})
    assert counts(result) == {"lost": 1}
    assert result["lost"] == [{"side_a": [a.pk], "side_b": [b.pk], "currency": "EUR", "value": 500}]


def test_a_saved_rule_with_changes_takes_the_place_of_its_revision(past: Past):
    past.pair(500, "R-1")
    result = past.test(rule_id=past.rule.pk, facts={"filters": SAME_AMOUNT})
    assert counts(result) == {"same": 1}
    assert [(rule["rule_id"], rule["revision"], rule["candidate"]) for rule in result["rules"]] == [
        (past.rule.pk, None, True)
    ]
    assert [rule["revision"] for rule in result["rules_without"]] == [1]


def test_a_saved_rule_as_it_is_is_compared_with_doing_without_it(past: Past):
    past.pair(500, "R-1")
    result = past.test(rule_id=past.rule.pk)
    assert counts(result) == {"new": 1}
    assert (len(result["rules"]), result["rules_without"]) == (1, [])


def test_a_proposed_rule_stands_in_its_place_by_priority(past: Past):
    proposed = RuleFactory(
        reconciliation=past.reconciliation, status="proposed", priority=5, filters=SAME_TEXT
    )
    revision_write(proposed, by="system:test", at=NOW)
    result = past.test(rule_id=proposed.pk)
    assert [rule["candidate"] for rule in result["rules"]] == [True, False]
    assert [rule["rule_id"] for rule in result["rules_without"]] == [past.rule.pk]


def test_matches_are_put_back_with_their_members_of_other_days(past: Past):
    a = past.add(past.a, 40, text="x", day=TODAY - timedelta(days=100))
    b = past.add(past.b, 40, text="x", day=TODAY)
    past.accepted(a, b)
    result = past.test(facts={"filters": SAME_TEXT})
    assert (result["date_from"], result["date_to"]) == (str(TODAY - timedelta(days=89)), str(TODAY))
    assert result["records"] == {"a": 1, "b": 1}
    assert result["precision"] == {"value": 1.0, "right": 1, "sample": 1}


def test_only_records_of_the_named_days(past: Past):
    for back in (0, 1, 2):
        past.pair(10 + back, text=f"t{back}", day=TODAY - timedelta(days=back))
    days = {"date_from": TODAY - timedelta(days=1), "date_to": TODAY - timedelta(days=1)}
    assert past.test(facts={"filters": SAME_TEXT}, **days)["records"] == {"a": 1, "b": 1}


def test_suggestions_are_put_back_but_are_nobodys_judgement(past: Past):
    past.pair(500, "R-1")
    past.feeds.auto_match(past.reconciliation)
    Match.objects.update(status="suggested", decided_at=None)
    result = past.test(facts={"filters": SAME_AMOUNT, "priority": 1})
    assert (result["accepted"], result["precision"]["sample"]) == (0, 0)
    assert counts(result) == {"same": 1}


def test_rejected_groups_are_not_found_again_and_closed_items_stay_out(past: Past):
    past.pair(500, "R-1")
    closed, _other = past.pair(70, text="fee")
    past.feeds.auto_match(past.reconciliation)
    past.feeds.act(match_reject, match_id=Match.objects.get().pk)
    OpenItem.objects.filter(record_id=closed.pk).update(
        closed_at=NOW, closed_by="user:1", close_reason="fee", cleared_on=TODAY
    )
    result = past.test(facts={"filters": SAME_AMOUNT, "priority": 1})
    assert counts(result) == {}
    assert result["records"] == {"a": 1, "b": 2}


def test_nothing_is_written_but_the_job(past: Past):
    past.pair(500, "R-1")
    past.pair(700, text="coffee")
    past.feeds.auto_match(past.reconciliation)
    past.accepted(past.add(past.a, 5), past.add(past.b, 5))
    job = past.ask(facts={"filters": SAME_AMOUNT})
    before = everything()
    execute_rule_job(job_id=job.pk)
    assert everything() == before
    job.refresh_from_db()
    assert (job.status, job.progress) == ("completed", 100)
    assert [step["step"] for step in job.steps] == ["reading", "matching", "matching", "comparing"]


def test_postgresql_itself_refuses_to_write_while_it_reads(past: Past):
    with pytest.raises(InternalError, match="read-only transaction"), backtest_execution._snapshot():
        Rule.objects.update(priority=1)


def everything() -> dict[str, tuple[int, str]]:
    """How many rows each table has, and a checksum over them, but for the jobs'."""
    tables = {model._meta.db_table for model in apps.get_models()} - {RuleJob._meta.db_table}
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(tables):
            cursor.execute(
                f"SELECT count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t"
            )
            found[table] = cursor.fetchone()
    assert found["reconciliation_match"][0] == 2
    return found


def test_the_digest_tells_whether_anything_was_different(past: Past):
    past.pair(500, "R-1")

    def digest() -> str:
        job = past.ask(rule_id=past.rule.pk)
        execute_rule_job(job_id=job.pk)
        job.refresh_from_db()
        return job.input_digest

    first = digest()
    assert len(first) == 64
    assert digest() == first
    Record.objects.filter(reference="R-1").update(description="changed", counterparty="x")
    assert digest() != first


def test_it_keeps_the_rules_as_they_were_asked_about(past: Past):
    past.pair(500, "R-1")
    job = past.ask(rule_id=past.rule.pk)
    assert job.input["candidate"]["revision_id"] == past.rule.revisions.get().pk
    Rule.objects.update(filters=SAME_TEXT)
    revision_write(past.rule, by="system:test", at=NOW)
    execute_rule_job(job_id=job.pk)
    job.refresh_from_db()
    assert counts(job.result) == {"new": 1}


def test_what_cannot_be_tried_is_refused_at_once(past: Past):
    other = Past()
    for asked, code, path in (
        ({}, "backtest.no_rule", ["rule"]),
        ({"facts": {"filters": {"key": "colour"}}}, "rule.invalid", ["rule", "filters", "key"]),
        ({"facts": {"filters": SAME_TEXT, "score": 7}}, "rule.invalid", ["rule", "score"]),
        ({"rule_id": other.rule.pk}, "rule.unknown", ["rule_id"]),
        ({"rule_id": 10**15}, "rule.unknown", ["rule_id"]),
        (
            {"rule_id": past.rule.pk, "date_from": TODAY, "date_to": TODAY - timedelta(days=1)},
            "backtest.period",
            ["date_from"],
        ),
    ):
        with pytest.raises(Invalid) as refusal:
            past.ask(**asked)
        assert (refusal.value.code, refusal.value.issues[0]["path"]) == (code, path)
    assert not RuleJob.objects.exists()


def test_more_than_a_million_records_are_too_many(past: Past, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(backtests, "RECORDS_MAX", 3)
    past.pair(500, "R-1")
    past.ask(rule_id=past.rule.pk)
    past.pair(600, "R-2")
    with pytest.raises(Invalid, match="more than 3 records") as refusal:
        past.ask(rule_id=past.rule.pk)
    assert refusal.value.code == "backtest.too_many"
    old = past.test(rule_id=past.rule.pk, date_to=TODAY - timedelta(days=1))
    assert old["records"] == {"a": 0, "b": 0}
