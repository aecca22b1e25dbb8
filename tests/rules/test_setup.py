"""What a ledger owns is made at first need, once; the default rules are rows that the engine reads."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from ledgers.models import DataStream
from organizations.actors import Actor
from organizations.models import Organization
from rules import engine
from rules.defaults import LEDGER_DEFAULTS
from rules.models import Reconciliation, ReconciliationStream, Rule, RuleRevision
from rules.selectors import current_revisions, reconciliations_of, rules_of
from rules.services import setup
from rules.services.rules import revision_write, rule_body
from rules.states import RULE_MOVES, RuleStatus
from tests.clock import NOW
from tests.factories.ledgers import BankAccountFactory, LedgerFactory
from tests.factories.organizations import actor_with
from tests.factories.rules import ReconciliationFactory, RuleFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def by() -> Actor:
    return actor_with()


def ledger(by: Actor, **more):
    return LedgerFactory(organization=Organization.objects.get(pk=by.organization_id), **more)


def test_nothing_is_made_before_it_is_needed(by: Actor):
    ledger(by)
    assert not (DataStream.objects.count() + Reconciliation.objects.count() + Rule.objects.count())


def test_a_ledgers_stream_is_wired_to_side_b_once(by: Actor):
    bank = ledger(by, type="asset")
    stream = setup.entry_stream(bank, by=by, at=NOW)
    assert setup.entry_stream(bank, by=by, at=NOW) == stream
    assert (stream.kind, stream.ledger, stream.effect_sign) == ("ledger", bank, -1)
    ((reconciliation, side),) = reconciliations_of(stream)
    assert (reconciliation.ledger, reconciliation.kind, reconciliation.sign_mode, side) == (
        bank,
        "ledger",
        "effect",
        "b",
    )
    assert (reconciliation.measure, reconciliation.overdue_from) == ("effect", NOW.date())
    assert not reconciliation.auto_accept
    assert setup.entry_stream(ledger(by, type="liability"), by=by, at=NOW).effect_sign == 1


def test_an_accounts_stream_is_wired_to_side_a_when_it_has_a_ledger(by: Actor):
    loose = BankAccountFactory(organization=Organization.objects.get(pk=by.organization_id))
    stream = setup.statement_stream(loose, by=by, at=NOW)
    assert reconciliations_of(stream) == []
    loose.ledger = ledger(by)
    loose.save()
    assert setup.statement_stream(loose, by=by, at=NOW) == stream
    assert [side for _reconciliation, side in reconciliations_of(stream)] == ["a"]
    assert ReconciliationStream.objects.count() == 1


def test_an_organization_has_one_set_of_default_rules_however_many_ledgers(by: Actor):
    for _ledger in range(3):
        setup.ledger_reconciliation(ledger(by), by=by, at=NOW)
    rules = rules_of(Reconciliation.objects.all()[0])
    assert [rule.name for rule in rules] == [wanted["name"] for wanted in LEDGER_DEFAULTS]
    assert {rule.source for rule in rules} == {"default"}
    assert RuleRevision.objects.count() == Rule.objects.count() == len(LEDGER_DEFAULTS)
    other = actor_with()
    setup.ledger_reconciliation(ledger(other), by=other, at=NOW)
    assert Rule.objects.count() == 2 * len(LEDGER_DEFAULTS)


def test_the_default_rules_are_those_of_the_contract_in_its_order(by: Actor):
    reconciliation = setup.ledger_reconciliation(ledger(by), by=by, at=NOW)
    revisions = current_revisions(reconciliation)
    specs = [engine.parse_rule({**revision.body, "ref": revision.pk}) for revision in revisions]
    assert len(specs) == len(LEDGER_DEFAULTS)
    assert [revision.body["score"] for revision in revisions] == [1.0, 0.9, 0.9, 0.8, 0.5]
    assert [revision.body["cardinality"] for revision in revisions] == [
        "one_to_one",
        "one_to_many",
        "many_to_one",
        "one_to_one",
        "one_to_one",
    ]
    assert [revision.body["on_ambiguity"] for revision in revisions][3] == "sole"
    assert [revision.body["on_difference"] for revision in revisions] == ["refuse"] * 4 + ["suggest_partial"]
    assert not any(revision.body["auto_accept"] for revision in revisions)
    columns_a, columns_b = engine.columns_needed(specs)
    assert "reference" in columns_a
    assert {"reference", "description", "value_date"} <= columns_b


def test_a_reconciliation_with_rules_of_its_own_takes_only_those(by: Actor):
    reconciliation = setup.ledger_reconciliation(ledger(by), by=by, at=NOW)
    own = RuleFactory(reconciliation=reconciliation)
    assert own not in rules_of(reconciliation)
    reconciliation.own_rules = True
    assert list(rules_of(reconciliation)) == [own]


def test_rules_run_by_priority_and_only_active_ones_do(by: Actor):
    reconciliation = ReconciliationFactory(own_rules=True)
    of = {"reconciliation": reconciliation}
    rules = {
        name: RuleFactory(**of, name=name, **facts)
        for name, facts in {
            "second": {"priority": 20},
            "first": {"priority": 10},
            "proposed": {"priority": 1, "status": "proposed"},
            "discarded": {"priority": 1, "status": "discarded"},
            "voided": {"priority": 1, "voided_at": NOW},
            "never written": {"priority": 5},
        }.items()
    }
    for name, rule in rules.items():
        if name != "never written":
            revision_write(rule, by=by.ref, at=NOW)
    assert [revision.rule.name for revision in current_revisions(reconciliation)] == ["first", "second"]


def test_the_newest_revision_holds_and_older_ones_stay(by: Actor):
    rule = RuleFactory(reconciliation=ReconciliationFactory(own_rules=True))
    first = revision_write(rule, by=by.ref, at=NOW)
    rule.score = Decimal("0.5")
    rule.save()
    second = revision_write(rule, by=by.ref, at=NOW)
    assert (first.number, second.number) == (1, 2)
    assert (first.body["score"], second.body["score"]) == (1.0, 0.5)
    assert current_revisions(rule.reconciliation) == [second]
    assert rule_body(rule) == second.body


@pytest.mark.parametrize(
    "write", ["UPDATE rules_rulerevision SET number = 9", "DELETE FROM rules_rulerevision"]
)
def test_a_revision_is_never_changed(by: Actor, write: str):
    revision_write(RuleFactory(), by=by.ref, at=NOW)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(write)


def test_a_stream_stands_in_a_reconciliation_once(by: Actor):
    stream = setup.entry_stream(ledger(by), by=by, at=NOW)
    ((reconciliation, _side),) = reconciliations_of(stream)
    with pytest.raises(IntegrityError), transaction.atomic():
        ReconciliationStream.objects.create(reconciliation=reconciliation, stream=stream, side="a")


def test_the_table_of_moves_names_every_status():
    assert set(RULE_MOVES) == set(RuleStatus)
    assert not RULE_MOVES[RuleStatus.DISCARDED]
