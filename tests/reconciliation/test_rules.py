"""The acts on rules: revisions, what starts a pass, and a ledger's rules of its own."""

from __future__ import annotations

from threading import Event

import pytest
from django.db import transaction

from organizations.acts import perform
from organizations.models import AuditEvent
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Match, Pass
from reconciliation.services.execution import pass_execute
from reconciliation.services.passes import pass_request
from reconciliation.services.rules import (
    own_rule,
    rule_activate,
    rule_change,
    rule_create,
    rule_discard,
    rule_move,
    rule_void,
    rules_own,
)
from reconciliation.services.runs import run_create
from reconciliation.states import PassStatus, PassTrigger, RunMode
from rules.models import Reconciliation, Rule
from rules.selectors import current_revisions, rules_of
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.factories.rules import RuleFactory
from tests.organizations.threads import run_together
from tests.reconciliation.books import STATEMENT, Books, books
from tests.reconciliation.races import at_once, codes, performed
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

REFERENCE = {"operand": "and", "rules": [{"key": "reference", "operand": "eq", "value": "reference"}]}
AMOUNT = {"operand": "and", "rules": [{"key": "effect", "operand": "eq", "value": "effect"}]}


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(actor_with("admin"))


@pytest.fixture
def pair(feeds: Feeds) -> Reconciliation:
    """Two streams with one rule, equal reference, and a record on each side that it does not pair."""
    a, b = feeds.stream("a"), feeds.stream("b")
    made = feeds.reconciliation(a, b)
    feeds.add(a, ("R1", 100))
    feeds.add(b, ("r1", 100))
    return made


def waiting() -> list[tuple[int, int | None, str]]:
    rows = Pass.objects.filter(status=PassStatus.PENDING).order_by("pk")
    return list(rows.values_list("reconciliation_id", "run_id", "trigger"))


def lower(field: str = "reference") -> dict:
    both = {"key": "lowercase", "value": "lowercase"}
    return {"operand": "and", "rules": [{"key": field, "operand": "eq", "value": field, "transforms": both}]}


# --- passes ---------------------------------------------------------------------------------------------------------------


def test_many_changes_start_one_pass_which_reads_the_newest_rules(feeds: Feeds, pair: Reconciliation):
    made = feeds.act(rule_create, reconciliation=pair, facts={"filters": AMOUNT, "score": 0.5})
    for filters in (REFERENCE, lower()):
        feeds.act(rule_change, rule=made, changes={"filters": filters})
    assert waiting() == [(pair.pk, None, PassTrigger.RULE_ACTIVATED)]
    (asked,) = Pass.objects.all()
    pass_execute(pass_id=asked.pk, clock=lambda: NOW)
    match = Match.objects.get()
    assert match.rule_revision is not None
    assert (match.rule_revision.rule_id, match.rule_revision.number) == (made.pk, 3)


def test_a_change_while_a_pass_runs_starts_the_next_one(feeds: Feeds, pair: Reconciliation):
    first = feeds.act(pass_request, reconciliation=pair, run=None)
    first.move(PassStatus.RUNNING)
    feeds.act(rule_create, reconciliation=pair, facts={"filters": lower()})
    assert waiting() == [(pair.pk, None, PassTrigger.RULE_ACTIVATED)]


def test_a_person_who_asks_takes_over_the_pass_that_waits(feeds: Feeds, pair: Reconciliation):
    feeds.act(rule_create, reconciliation=pair, facts={"filters": lower()})
    feeds.act(pass_request, reconciliation=pair, run=None)
    assert waiting() == [(pair.pk, None, PassTrigger.MANUAL)]


@pytest.mark.parametrize("changes", [{"name": "Another"}, {"description": "Why"}, {"priority": 10}])
def test_words_alone_start_no_pass(feeds: Feeds, pair: Reconciliation, changes):
    (rule,) = rules_of(pair)
    feeds.act(rule_change, rule=rule, changes=changes)
    assert waiting() == []


def test_what_is_not_in_use_starts_no_pass(feeds: Feeds, pair: Reconciliation):
    proposed = feeds.act(
        rule_create, reconciliation=pair, facts={"filters": lower()}, source="ai", status="proposed"
    )
    feeds.act(rule_change, rule=proposed, changes={"priority": 3})
    assert waiting() == []
    feeds.act(rule_activate, rule=proposed)
    assert waiting() == [(pair.pk, None, PassTrigger.RULE_ACTIVATED)]


def test_a_ledgers_automatic_runs_are_matched_by_new_rules_and_manual_ones_wait_to_be_asked():
    made = books(actor_with("admin"))
    of = {"organization_id": made.by.organization_id, "ledger": made.ledger}
    automatic, _made = made.act(run_create, **of, mode=RunMode.AUTOMATIC)
    made.upload(STATEMENT, run=automatic)
    made.act(rule_create, reconciliation=made.run.reconciliation, facts={"filters": AMOUNT})
    assert waiting() == [(made.run.reconciliation_id, automatic.pk, PassTrigger.RULE_ACTIVATED)]


def test_a_shared_rule_is_matched_by_where_it_holds():
    by = actor_with("admin")
    sharing, owning = (_automatic(by, code) for code in ("1200", "1300"))
    owning.act(rules_own, reconciliation=owning.run.reconciliation)
    shared = Rule.objects.filter(reconciliation=None).in_order()[0]
    sharing.act(rule_change, rule=shared, changes={"score": 0.9})
    assert [run for _reconciliation, run, _trigger in waiting()] == [sharing.run.pk]


def _automatic(by, code: str) -> Books:
    made = books(by, entries=(), code=code)
    made.run, _made = made.act(
        run_create, organization_id=by.organization_id, ledger=made.ledger, mode=RunMode.AUTOMATIC
    )
    return made


# --- revisions and what becomes of matches ------------------------------------------------------------------------------------


def test_a_deleted_rule_keeps_its_matches_and_makes_no_more(feeds: Feeds, pair: Reconciliation):
    (rule,) = rules_of(pair)
    a, b = (wire.stream for wire in pair.wiring.order_by("side"))
    feeds.add(a, ("X", 5))
    feeds.add(b, ("X", 5))
    feeds.auto_match(pair)
    match = Match.objects.get()
    feeds.act(rule_void, rule=rule)
    feeds.add(a, ("Y", 6))
    feeds.add(b, ("Y", 6))
    feeds.auto_match(pair)
    assert Match.objects.get() == match
    assert match.is_live
    assert current_revisions(pair) == []
    assert waiting() == []


@pytest.mark.parametrize("act", [rule_activate, rule_discard, rule_void])
def test_a_rule_that_was_deleted_meanwhile_is_unknown(feeds: Feeds, pair: Reconciliation, act):
    (rule,) = rules_of(pair)
    feeds.act(rule_void, rule=rule)
    with pytest.raises(NotFound):
        feeds.act(act, rule=rule)


def test_a_revision_keeps_all_that_the_rule_says(feeds: Feeds, pair: Reconciliation):
    rule = feeds.act(
        rule_create, reconciliation=pair, facts={"filters": lower(), "priority": 4, "score": 0.8}
    )
    body = rule.revisions.get().body
    assert (body["priority"], body["score"], body["filters"]) == (4, 0.8, lower())
    assert body["metadata_types"] == {}


# --- a ledger's own --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk() -> Books:
    return books(actor_with("admin"))


def test_own_rules_say_what_the_shared_ones_said(desk: Books):
    reconciliation = desk.run.reconciliation
    desk.act(rule_discard, rule=Rule.objects.shared().in_order()[4])
    before = [revision.body for revision in current_revisions(reconciliation)]
    desk.act(rules_own, reconciliation=reconciliation)
    reconciliation.refresh_from_db()
    assert reconciliation.own_rules
    assert [revision.body for revision in current_revisions(reconciliation)] == before
    assert len(before) == reconciliation.rules.count() == 4
    assert AuditEvent.objects.filter(action="reconciliation.rules_owned").count() == 1
    with pytest.raises(Conflict) as refused:
        desk.act(rules_own, reconciliation=reconciliation)
    assert refused.value.code == "reconciliation.has_own_rules"


def test_a_rule_of_another_reconciliation_is_no_rule_of_this_one(desk: Books, feeds: Feeds):
    other = RuleFactory(reconciliation=books(desk.by, entries=(), code="1300").run.reconciliation)
    with pytest.raises(NotFound):
        desk.act(own_rule, rule=other, reconciliation=desk.run.reconciliation)
    assert not Reconciliation.objects.get(pk=desk.run.reconciliation_id).own_rules


def test_shared_rules_are_told_apart_by_name(desk: Books):
    first, second = Rule.objects.filter(reconciliation=None).in_order()[:2]
    with pytest.raises(Invalid) as refused:
        desk.act(rule_change, rule=second, changes={"name": first.name})
    assert refused.value.issues[0]["path"] == ["name"]
    with pytest.raises(Invalid):
        desk.act(rule_create, reconciliation=None, facts={"filters": REFERENCE, "name": first.name})
    desk.act(rule_change, rule=second, changes={"name": "Another"})


def test_a_deleted_shared_rule_is_not_made_again_for_the_next_ledger(desk: Books):
    for rule in Rule.objects.filter(reconciliation=None):
        desk.act(rule_void, rule=rule)
    books(desk.by, entries=(), code="1300")
    assert not Rule.objects.filter(reconciliation=None).listed().exists()


# --- two at once -----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_who_looked_at_the_same_revision_one_wins(feeds: Feeds, pair: Reconciliation):
    (rule,) = rules_of(pair)
    both = [
        performed(
            rule_change,
            rule=Rule.objects.get(pk=rule.pk),
            changes={"priority": priority},
            expected_revision=1,
            by=feeds.by,
            at=NOW,
        )
        for priority in range(1, 9)
    ]
    assert codes(at_once(both)) == {"ok": 1, "rule.changed": 7}
    assert [each.number for each in rule.revisions.order_by("number")] == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_two_first_own_rules_of_a_ledger_make_one_set_of_copies(desk: Books):
    both = [
        performed(
            rule_create,
            reconciliation=Reconciliation.objects.get(pk=desk.run.reconciliation_id),
            facts={"filters": REFERENCE, "name": name},
            by=desk.by,
            at=NOW,
        )
        for name in "abcd"
    ]
    assert codes(at_once(both)) == {"ok": 4}
    assert Rule.objects.filter(reconciliation=desk.run.reconciliation).count() == 5 + 4


@pytest.mark.django_db(transaction=True)
def test_changes_at_once_start_one_pass(feeds: Feeds, pair: Reconciliation):
    many = [
        performed(rule_create, reconciliation=pair, facts={"filters": lower()}, by=feeds.by, at=NOW)
        for _each in range(6)
    ]
    assert codes(at_once(many)) == {"ok": 6}
    assert waiting() == [(pair.pk, None, PassTrigger.RULE_ACTIVATED)]


# --- order ------------------------------------------------------------------------------------------------------------------------


def order(pair: Reconciliation) -> list[tuple[str, int]]:
    return [(rule.name, rule.priority) for rule in rules_of(pair).listed()]


@pytest.fixture
def three(feeds: Feeds, pair: Reconciliation) -> dict[str, Rule]:
    feeds.act(rule_void, rule=rules_of(pair)[0])
    return {
        name: feeds.act(
            rule_create, reconciliation=pair, facts={"filters": lower(), "name": name, "priority": priority}
        )
        for name, priority in (("a", 5), ("b", 7), ("c", 9))
    }


def test_a_rule_moves_by_changing_priorities_with_its_neighbour(feeds: Feeds, pair: Reconciliation, three):
    feeds.act(rule_move, rule=three["c"], up=True)
    assert order(pair) == [("a", 5), ("c", 7), ("b", 9)]
    feeds.act(rule_move, rule=three["a"], up=False)
    assert order(pair) == [("c", 5), ("a", 7), ("b", 9)]
    assert [rule.revisions.count() for rule in three.values()] == [2, 2, 3]


@pytest.mark.parametrize(("name", "up"), [("a", True), ("c", False)])
def test_at_the_end_of_the_list_nothing_moves(feeds: Feeds, pair: Reconciliation, three, name, up):
    feeds.act(rule_move, rule=three[name], up=up)
    assert order(pair) == [("a", 5), ("b", 7), ("c", 9)]


def test_equal_priorities_are_numbered_anew(feeds: Feeds, pair: Reconciliation, three):
    feeds.act(rule_change, rule=three["c"], changes={"priority": 7})
    feeds.act(rule_move, rule=three["c"], up=True)
    assert order(pair) == [("a", 10), ("c", 20), ("b", 30)]


# --- where sums differ --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("on_difference", "matches"), [("allow", 1), ("refuse", 0)])
def test_streams_take_a_difference_whole_unless_their_rule_refuses(feeds: Feeds, on_difference, matches):
    a, b = feeds.stream("a"), feeds.stream("b")
    made = feeds.reconciliation(a, b)
    feeds.act(rule_void, rule=rules_of(made)[0])
    near = {"key": "amount", "value": "amount", "tolerance_amount": 1, "tolerance_unit": "dollar"}
    filters = {"rules": [*REFERENCE["rules"], near]}
    feeds.act(rule_create, reconciliation=made, facts={"filters": filters, "on_difference": on_difference})
    feeds.add(a, ("R1", 1_00))
    feeds.add(b, ("R1", 1_50))
    feeds.auto_match(made)
    assert [abs(match.difference) for match in Match.objects.all()] == [50] * matches


@pytest.mark.django_db(transaction=True)
def test_a_pass_that_waits_does_not_begin_before_the_new_rules_are_safe(feeds: Feeds, pair: Reconciliation):
    feeds.act(pass_request, reconciliation=pair, run=None)
    changed, looked = Event(), Event()

    def change() -> None:
        def act() -> None:
            rule_create(reconciliation=pair, facts={"filters": lower()}, by=feeds.by, at=NOW)
            changed.set()
            assert looked.wait(10)

        perform(act)

    def begin() -> bool:
        """Whether the row that a worker would claim is free."""
        assert changed.wait(10)
        try:
            with transaction.atomic():
                return bool(Pass.objects.select_for_update(skip_locked=True))
        finally:
            looked.set()

    assert run_together(change, begin) == [None, False]
