"""The rule editor and the order of rules over HTTP, as a person without JavaScript uses them."""

from __future__ import annotations

import html
import json

import pytest
from django.urls import reverse

from api.rules.examples import NESTED
from reconciliation.services.rules import rule_change
from rules.models import Reconciliation, Rule
from rules.selectors import rules_of
from tests.clock import NOW
from tests.factories.reconciliation import RuleJobFactory
from tests.factories.rules import RuleFactory, RuleRevisionFactory
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.admin.office import REFERENCE, Office, edit, new, new_office, order
from tests.reconciliation.books import books

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Office:
    return new_office()


# --- the editor ------------------------------------------------------------------------------------------------------------


def test_a_rule_is_made_from_rows(office: Office):
    answer = office.save(
        new(office.cards.pk),
        name="By invoice",
        **{
            "row0-key": "amount",
            "row0-value": "amount",
            "row0-room": "0.50",
            "row0-unit": "dollar",
            "row1-key": "metadata.invoice",
            "row1-value": "external_id",
            "row1-key_steps": "alphanumeric_only, first_n_chars(8)",
            "scope0-field": "description",
            "scope0-operand": "contains",
            "scope0-literal": "PAYOUT",
        },
    )
    assert (answer.status_code, answer["Location"]) == (302, order(office.cards.pk))
    rule = Rule.objects.get()
    assert rule.name == "By invoice"
    assert rule.filters["rules"] == [
        {
            "key": "amount",
            "operand": "eq",
            "value": "amount",
            "tolerance_amount": 0.5,
            "tolerance_unit": "dollar",
        },
        {
            "key": "metadata.invoice",
            "operand": "eq",
            "value": "external_id",
            "transforms": {
                "key": ["alphanumeric_only", {"name": "first_n_chars", "args": {"n": 8}}],
            },
        },
        {"side": "a", "field": "description", "operand": "contains", "literal": "PAYOUT"},
    ]
    assert (rule.on_difference, rule.auto_accept) == ("allow", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a\x00b"},
        {"description": "a\x00b"},
        {"row0-key": "metadata.a\x00b"},
        {"as": "json", "json": '{"rules": [{"key": "metadata.a\\u0000", "value": "reference"}]}'},
    ],
)
def test_characters_that_cannot_be_stored_are_refused_beside_their_input(office: Office, changes):
    rule = office.rule()
    answer = office.save(edit(rule), **changes)
    assert answer.status_code == 200
    assert rule.revisions.count() == 1


def test_a_rule_that_is_saved_untouched_stays_as_it_was(office: Office):
    for facts in (
        {"filters": NESTED["filters"], "score": 0.875},
        {"filters": REFERENCE, "description": "Why"},
    ):
        rule = office.rule(**facts)
        assert office.save(edit(rule)).status_code == 302
        assert rule.revisions.count() == 1


def test_a_rule_is_changed_as_json(office: Office):
    rule = office.rule()
    deep = {"operand": "and", "rules": [{"operand": "and", "rules": [*REFERENCE["rules"]]}]}
    assert office.save(edit(rule), **{"as": "json", "json": json.dumps(deep)}).status_code == 302
    rule.refresh_from_db()
    assert rule.filters == deep
    page = office.text(edit(rule))
    assert "nested deeper than rows can show" in page
    assert office.save(edit(rule)).status_code == 302
    assert rule.revisions.count() == 2


def test_what_is_wrong_stands_at_the_condition_and_what_was_typed_stays(office: Office):
    rule = office.rule()
    answer = office.save(edit(rule), **{"row0-key": "colour", "score": "2"})
    page = answer.content.decode()
    assert answer.status_code == 200
    wrong = page[page.index("rule-row-wrong") :]
    assert "There is no field" in wrong[: wrong.index("rule-row ", 20)]
    assert 'value="colour"' in page
    assert "Write a number from 0 to 1" in page
    assert rule.revisions.count() == 1


def test_json_that_is_none_is_refused_and_kept(office: Office):
    answer = office.save(edit(office.rule()), **{"as": "json", "json": '{"rules": ['})
    page = text_of(answer)
    assert "This is no JSON" in page
    assert '{"rules": [' in html.unescape(answer.content.decode())


def test_more_rows_are_given_without_saving(office: Office):
    url = new(office.cards.pk)
    before = len([name for name in office.form(url) if name.endswith("-key")])
    page = office.client.post(url, {**office.form(url), "do": "more"}).content.decode()
    assert page.count("-key_steps") == before + 3
    assert not Rule.objects.exists()


def test_who_edits_an_older_revision_is_told_who_was_first(office: Office):
    rule = office.rule()
    form = office.form(edit(rule))
    office.feeds.act(rule_change, rule=rule, changes={"priority": 4})
    answer = office.client.post(edit(rule), {**form, "do": "save", "score": "0.5"})
    assert f"{office.membership.user.get_username()} changed it meanwhile" in text_of(answer)
    rule.refresh_from_db()
    assert (rule.priority, rule.score) == (4, 1)


def test_a_shared_rule_is_edited_for_one_ledger_alone(office: Office):
    desk = books(office.feeds.by)
    shared = Rule.objects.shared().in_order()[0]
    assert office.save(edit(shared, of=desk.run.reconciliation_id), priority="3").status_code == 302
    shared.refresh_from_db()
    assert shared.priority == 10
    own = rules_of(Reconciliation.objects.get(pk=desk.run.reconciliation_id))
    assert [rule.priority for rule in own] == [3, 20, 30, 40, 50]


def test_a_shared_rule_is_edited_for_all(office: Office):
    books(office.feeds.by)
    shared = Rule.objects.shared().in_order()[0]
    assert office.save(edit(shared), priority="99").status_code == 302
    shared.refresh_from_db()
    assert shared.priority == 99


# --- the order ---------------------------------------------------------------------------------------------------------------


def test_rules_stand_in_order_with_their_sentences(office: Office):
    office.rule(name="Second", priority=20)
    office.rule(name="First", priority=10, filters=NESTED["filters"])
    page = office.text(order(office.cards.pk))
    assert page.index("First") < page.index("Second")
    assert "Side A's amount = Side B's amount, give or take 0.5" in page
    assert "Side A's reference = Side B's reference" in page
    assert "any of" in page


def test_the_reconciliations_page_has_them_too(office: Office):
    office.rule(name="First")
    assert "First" in office.text(reverse("admin:rules_reconciliation_change", args=[office.cards.pk]))


@pytest.mark.parametrize(("do", "priorities"), [("up", [20, 10, 30]), ("down", [10, 30, 20])])
def test_a_rule_moves(office: Office, do, priorities):
    rules = [office.rule(priority=each) for each in (10, 20, 30)]
    answer = office.client.post(order(office.cards.pk), {"do": do, "rule": rules[1].pk})
    assert answer.status_code == 302
    assert [Rule.objects.get(pk=rule.pk).priority for rule in rules] == priorities


def test_moving_a_shared_rule_in_a_ledgers_list_makes_it_the_ledgers_own(office: Office):
    desk = books(office.feeds.by)
    of = desk.run.reconciliation_id
    second = Rule.objects.shared().in_order()[1]
    assert "shared rules" in office.text(order(of))
    office.client.post(order(of), {"do": "up", "rule": second.pk})
    own = rules_of(Reconciliation.objects.get(pk=of))
    assert own[0].name == second.name
    assert all(rule.reconciliation_id == of for rule in own)
    assert Rule.objects.shared().in_order()[1] == second


def test_a_ledger_is_given_rules_of_its_own(office: Office):
    of = books(office.feeds.by).run.reconciliation_id
    office.client.post(order(of), {"do": "own"})
    assert Reconciliation.objects.get(pk=of).own_rules
    page = text_of(office.client.post(order(of), {"do": "own"}, follow=True))
    assert "has rules of its own already" in page


def test_the_shared_rules_have_a_page(office: Office):
    books(office.feeds.by)
    page = office.text(order("shared"))
    assert "Reference and amount" in page
    assert "statement's reference = books' reference" in page


@pytest.fixture
def proposed(office: Office) -> Rule:
    RuleJobFactory(
        reconciliation=office.cards,
        kind="proposal",
        status="completed",
        finished_at=NOW,
        result={"reasoning": "42 pairs, 0.3 expected by accident"},
    )
    rule = RuleFactory(
        reconciliation=office.cards,
        filters=REFERENCE,
        source="ai",
        status="proposed",
        rating="high",
        sample_match_rate="42/50",
    )
    RuleRevisionFactory(rule=rule, body={"filters": rule.filters})
    return rule


def test_a_proposal_shows_what_it_rests_on_and_is_decided(office: Office, proposed: Rule):
    for page in (
        office.text(order(office.cards.pk)),
        office.text(reverse("admin:rules_rule_change", args=[proposed.pk])),
    ):
        assert "42/50 of the sample matched" in page
        assert "42 pairs, 0.3 expected by accident" in page
    office.client.post(order(office.cards.pk), {"do": "activate", "rule": proposed.pk})
    proposed.refresh_from_db()
    assert proposed.status == "active"


def test_a_proposal_is_discarded(office: Office, proposed: Rule):
    office.client.post(order(office.cards.pk), {"do": "discard", "rule": proposed.pk})
    proposed.refresh_from_db()
    assert proposed.status == "discarded"
    page = office.client.post(order(office.cards.pk), {"do": "activate", "rule": proposed.pk}, follow=True)
    assert "not here any more" in text_of(page)


@pytest.mark.parametrize(
    "body", [{"do": "up"}, {"do": "explode", "rule": "1"}, {"do": "up", "rule": "x"}, {}]
)
def test_an_act_that_is_none_changes_nothing(office: Office, body):
    answer = office.client.post(order(office.cards.pk), body, follow=True)
    assert "Nothing was changed" in text_of(answer)


# --- one rule ------------------------------------------------------------------------------------------------------------------


def test_revisions_are_told_by_what_they_changed(office: Office):
    rule = office.rule(name="One")
    office.feeds.act(rule_change, rule=rule, changes={"filters": NESTED["filters"], "score": 0.9})
    page = office.text(reverse("admin:rules_rule_change", args=[rule.pk]))
    assert "Revision 2 by" in page
    assert "− Side A's reference = Side B's reference" in page
    assert "+ Side A's amount = Side B's amount, give or take 0.5" in page
    assert "most confidence: 1.0 → 0.9" in page


def test_accepting_by_itself_is_switched(office: Office):
    rule = office.rule()
    url = reverse("admin:rules_rule_act", args=[rule.pk, "accept"])
    office.client.post(url, {"accept_at": "0.995"})
    rule.refresh_from_db()
    assert (rule.auto_accept, str(rule.accept_at)) == (False, "0.995")
    office.client.post(url, {"auto_accept": "on", "accept_at": "0.99"})
    rule.refresh_from_db()
    assert rule.auto_accept


def test_a_rule_of_amount_alone_says_why_it_cannot_accept(office: Office):
    rule = office.rule(filters={"rules": [{"key": "amount", "value": "amount"}]})
    page = office.text(reverse("admin:rules_rule_change", args=[rule.pk]))
    assert "It compares amount and date alone, or matches in part." in page


@pytest.mark.parametrize("act", ["discard", "delete"])
def test_a_rule_is_put_aside_or_deleted(office: Office, act):
    rule = office.rule()
    answer = office.client.post(reverse("admin:rules_rule_act", args=[rule.pk, act]), follow=True)
    assert answer.status_code == 200
    assert not rules_of(office.cards).listed().exists()
