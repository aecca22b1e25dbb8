"""Rules over HTTP: each documented success, with every field of the contract."""

import pytest

from api.rules.examples import BATCHES, NESTED
from organizations.models import AuditEvent
from rules.models import Rule, RuleRevision
from rules.states import RuleStatus
from tests.api.rules.conftest import RULES, every, same
from tests.factories.rules import ReconciliationFactory, RuleFactory, RuleRevisionFactory

pytestmark = pytest.mark.django_db

DOCUMENTED = {
    "id",
    "reconciliation_id",
    "filters",
    "priority",
    "group_by",
    "cardinality",
    "rollup",
    "description",
    "source",
    "status",
    "created_at",
}
OURS = {
    "name",
    "score",
    "on_ambiguity",
    "on_difference",
    "auto_accept",
    "accept_at",
    "revision",
    "shared",
}


def test_the_contracts_nested_rule_is_made_as_it_says(bench):
    answer = bench.post(body={**NESTED, "reconciliation_id": str(bench.cards.pk)})
    body = answer.json()
    assert answer.status_code == 201, body
    assert set(body) == DOCUMENTED | OURS
    assert {name: body[name] for name in ("priority", "description", "cardinality", "filters")} == {
        name: NESTED[name] for name in ("priority", "description", "cardinality", "filters")
    }
    assert (body["reconciliation_id"], body["group_by"], body["rollup"]) == (bench.cards.pk, [], None)
    assert (body["source"], body["status"], body["revision"], body["shared"]) == ("user", "active", 1, False)
    assert isinstance(body["id"], int)
    assert body["created_at"].endswith("Z")


def test_the_contracts_rollup_is_made_as_it_says(bench):
    body = bench.post(body={**BATCHES, "reconciliation_id": bench.cards.pk}).json()
    assert body["rollup"] == {"group_by_kind": "identifier", "lookback_days": 7, "date_field": "date"}
    assert (body["cardinality"], body["group_by"]) == ("many_to_one", ["metadata.batch_no"])
    assert (body["description"], body["on_difference"]) == (None, "allow")


def test_what_is_left_out_has_its_default(bench):
    body = bench.rule()
    assert (body["priority"], body["cardinality"], body["score"], body["accept_at"]) == (
        0,
        "one_to_one",
        1.0,
        0.99,
    )
    assert (body["on_ambiguity"], body["on_difference"], body["auto_accept"]) == ("best", "allow", True)
    assert body["name"] == "Reference, amount"


def test_of_a_ledger_nothing_is_accepted_and_no_difference_allowed_by_default(bench):
    body = bench.rule(reconciliation_id=bench.ledger.pk)
    assert (body["on_difference"], body["auto_accept"]) == ("refuse", False)


def test_our_additions_are_taken(bench):
    said = {
        "name": "By reference",
        "score": 0.85,
        "on_ambiguity": "sole",
        "on_difference": "refuse",
        "auto_accept": False,
        "accept_at": 0.995,
    }
    assert said.items() <= bench.rule(**said).items()


def test_a_bare_condition_is_wrapped(bench):
    assert bench.rule(filters=same("reference"))["filters"] == {
        "operand": "and",
        "rules": [same("reference")],
    }


@pytest.mark.parametrize(
    "given", [{"group_by": None}, {"rollup": None}, {"description": None}, {"name": None}]
)
def test_null_says_nothing(bench, given):
    body = bench.rule(**given)
    assert (body["group_by"], body["rollup"], body["description"]) == ([], None, None)
    assert body["name"] == "Reference, amount"


def test_the_list_is_a_bare_array_by_priority_then_id(bench):
    second, first, third = (bench.rule(priority=each)["id"] for each in (10, -5, 10))
    assert [rule["id"] for rule in bench.rules(bench.cards)] == [first, second, third]


def test_a_list_takes_the_same_number_of_queries_however_long(bench, django_assert_num_queries):
    bench.rule()
    bench.rules(bench.cards)
    with django_assert_num_queries(3):
        bench.rules(bench.cards)
    for _each in range(5):
        bench.rule()
    with django_assert_num_queries(3):
        assert len(bench.rules(bench.cards)) == 6


def test_a_rule_is_shown_by_number_also_written_as_digits(bench):
    rule = bench.rule()
    assert bench.client.get(f"{RULES}/{rule['id']}").json() == rule


def test_a_change_is_a_new_revision_and_what_is_left_out_stays(bench):
    rule = bench.rule(description="before", priority=3)
    changed = bench.patch(f"{RULES}/{rule['id']}", {"filters": every("external_id"), "priority": 1})
    assert changed.status_code == 200
    assert changed.json() == {**rule, "filters": every("external_id"), "priority": 1, "revision": 2}
    revisions = RuleRevision.objects.filter(rule_id=rule["id"]).order_by("number")
    assert [each.body["filters"] for each in revisions] == [
        every("reference", "amount"),
        every("external_id"),
    ]
    event = AuditEvent.objects.get(action="rule.changed")
    assert (event.data["changed"], event.data["revision"]) == (["priority", "filters"], 2)


@pytest.mark.parametrize("change", [{}, {"priority": 0}, {"description": ""}, {"name": None}])
def test_what_says_the_same_changes_nothing(bench, change):
    rule = bench.rule()
    assert bench.patch(f"{RULES}/{rule['id']}", change).json() == rule
    assert RuleRevision.objects.filter(rule_id=rule["id"]).count() == 1


def test_a_deleted_rule_is_gone_and_its_row_stays(bench):
    rule = bench.rule()
    answer = bench.client.delete(f"{RULES}/{rule['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert bench.client.get(f"{RULES}/{rule['id']}").status_code == 404
    assert bench.rules(bench.cards, include="discarded") == []
    assert Rule.objects.get(pk=rule["id"]).voided_by == bench.client_ref
    assert bench.client.delete(f"{RULES}/{rule['id']}").status_code == 404


# --- proposed rules -----------------------------------------------------------------------------------------------------


@pytest.fixture
def proposed(bench):
    rule = RuleFactory(
        reconciliation=bench.cards,
        filters=every("reference"),
        source="ai",
        status="proposed",
        rating="high",
        sample_match_rate="42/50",
    )
    RuleRevisionFactory(rule=rule, body={"filters": rule.filters})
    return rule


def test_a_proposed_rule_shows_how_sure_it_is(bench, proposed):
    (shown,) = bench.rules(bench.cards)
    assert set(shown) == DOCUMENTED | OURS | {"confidence", "sample_match_rate"}
    assert (shown["source"], shown["status"]) == ("ai", "proposed")
    assert (shown["confidence"], shown["sample_match_rate"]) == ("high", "42/50")


def test_a_proposed_rule_is_taken_into_use_once(bench, proposed):
    answer = bench.post(f"{RULES}/{proposed.pk}/activate")
    assert (answer.status_code, answer.json()["status"]) == (200, "active")
    assert bench.post(f"{RULES}/{proposed.pk}/activate").json() == answer.json()
    assert AuditEvent.objects.filter(action="rule.activated").count() == 1


def test_a_discarded_rule_is_neither_listed_nor_shown_unless_asked(bench, proposed):
    answer = bench.post(f"{RULES}/{proposed.pk}/discard")
    assert (answer.status_code, answer.json()["status"]) == (200, "discarded")
    assert bench.rules(bench.cards) == []
    assert bench.client.get(f"{RULES}/{proposed.pk}").status_code == 404
    assert [each["id"] for each in bench.rules(bench.cards, include="discarded")] == [proposed.pk]
    assert bench.client.get(f"{RULES}/{proposed.pk}?include=discarded").json() == answer.json()
    assert bench.patch(f"{RULES}/{proposed.pk}", {"priority": 1}).status_code == 404
    assert bench.post(f"{RULES}/{proposed.pk}/discard").json() == answer.json()


def test_a_discarded_rule_does_not_come_back(bench, proposed):
    bench.post(f"{RULES}/{proposed.pk}/discard")
    answer = bench.post(f"{RULES}/{proposed.pk}/activate")
    assert (answer.status_code, answer.json()["reason"]) == (409, "rule.move_refused")
    assert answer.json()["details"] == {"status": "discarded"}


def test_a_deleted_proposal_counts_as_discarded(bench, proposed):
    assert bench.client.delete(f"{RULES}/{proposed.pk}").status_code == 204
    assert Rule.objects.get(pk=proposed.pk).status == RuleStatus.DISCARDED


# --- the shared rules of ledgers ------------------------------------------------------------------------------------------


def test_a_ledger_shows_the_shared_rules_until_it_has_its_own(bench):
    shown = bench.rules(bench.ledger)
    assert len(shown) == 5
    assert all(rule["shared"] and rule["reconciliation_id"] == bench.ledger.pk for rule in shown)
    alone = bench.client.get(f"{RULES}/{shown[0]['id']}").json()
    assert (alone["shared"], alone["reconciliation_id"]) == (True, None)


def test_a_ledgers_first_own_rule_makes_the_shared_ones_its_own(bench):
    other = ReconciliationFactory(
        organization=bench.ledger.organization, ledger__organization=bench.ledger.organization
    )
    before = bench.rules(bench.ledger)
    made = bench.rule(reconciliation_id=bench.ledger.pk, priority=1)
    after = bench.rules(bench.ledger)
    assert after[0] == made
    assert [rule["name"] for rule in after[1:]] == [rule["name"] for rule in before]
    assert not any(rule["shared"] for rule in after)
    assert not {rule["id"] for rule in after} & {rule["id"] for rule in before}
    assert [rule["id"] for rule in bench.rules(other)] == [rule["id"] for rule in before]


def test_a_shared_rule_is_changed_for_every_ledger_without_its_own(bench):
    rule = bench.rules(bench.ledger)[0]
    changed = bench.patch(f"{RULES}/{rule['id']}", {"priority": 99}).json()
    assert (changed["shared"], changed["priority"], changed["revision"]) == (True, 99, 2)
    assert bench.rules(bench.ledger)[-1]["id"] == rule["id"]


def test_a_shared_rule_is_changed_for_one_ledger_alone_where_that_is_named(bench):
    rule = bench.rules(bench.ledger)[0]
    path = f"{RULES}/{rule['id']}?reconciliation_id={bench.ledger.pk}"
    changed = bench.patch(path, {"priority": 99}).json()
    assert (changed["shared"], changed["reconciliation_id"]) == (False, bench.ledger.pk)
    assert bench.rules(bench.ledger)[-1]["id"] == changed["id"] != rule["id"]
    assert Rule.objects.get(pk=rule["id"]).priority == 10
    assert bench.patch(path, {"priority": 98}).status_code == 404


def test_a_shared_rule_is_deleted_for_one_ledger_alone_where_that_is_named(bench):
    rule = bench.rules(bench.ledger)[0]
    assert bench.client.delete(f"{RULES}/{rule['id']}?reconciliation_id={bench.ledger.pk}").status_code == 204
    assert len(bench.rules(bench.ledger)) == 4
    assert Rule.objects.get(pk=rule["id"]).voided_at is None


def test_a_proposal_for_a_ledger_stands_beside_the_shared_rules(bench):
    proposal = RuleFactory(
        reconciliation=bench.ledger, filters=every("reference"), source="ai", status="proposed", priority=0
    )
    RuleRevisionFactory(rule=proposal, body={"filters": proposal.filters})
    assert bench.rules(bench.ledger)[0]["id"] == proposal.pk
    bench.post(f"{RULES}/{proposal.pk}/activate")
    after = bench.rules(bench.ledger)
    assert (len(after), after[0]["id"], {rule["shared"] for rule in after}) == (6, proposal.pk, {False})
