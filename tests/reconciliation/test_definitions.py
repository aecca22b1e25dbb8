"""Property definitions: what they say, and how rules that name the key follow them."""

from __future__ import annotations

import pytest

from ledgers.models import PropertyDefinition
from organizations.models import AuditEvent
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Pass
from reconciliation.services.definitions import definition_change, definition_create, definition_void
from reconciliation.services.rules import rule_create
from reconciliation.services.stream_reconciliations import reconciliation_change
from reconciliation.services.wiring import bank_account_attach, bank_account_create
from rules.models import Reconciliation, Rule
from tests.clock import NOW
from tests.factories.ledgers import PropertyDefinitionFactory
from tests.factories.organizations import actor_with
from tests.reconciliation.books import books
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

INVOICE = {
    "operand": "and",
    "rules": [{"key": "metadata.invoice", "operand": "eq", "value": "metadata.invoice"}],
}


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(actor_with("admin"))


@pytest.fixture
def streams(feeds: Feeds):
    return feeds.stream("a"), feeds.stream("b"), feeds.stream("c")


@pytest.fixture
def pair(feeds: Feeds, streams) -> Reconciliation:
    made = feeds.reconciliation(streams[0], streams[1])
    feeds.act(rule_create, reconciliation=made, facts={"filters": INVOICE, "name": "By invoice"})
    Pass.objects.all().delete()
    return made


def types() -> dict:
    rule = Rule.objects.get(name="By invoice")
    return rule.revisions.order_by("-number").first().body["metadata_types"]


def define(feeds: Feeds, stream, key: str = "invoice", type: str = "number", **more):
    return feeds.act(definition_create, stream=stream, key=key, name="Invoice", type=type, **more)


def test_a_rule_that_names_the_key_gets_a_revision_with_its_type(feeds: Feeds, streams, pair):
    define(feeds, streams[0])
    assert types() == {}
    define(feeds, streams[1])
    assert types() == {"invoice": "number"}
    assert AuditEvent.objects.filter(action="rule.retyped").count() == 1
    assert [each.trigger for each in Pass.objects.all()] == ["rule_activated"]


def test_a_new_rule_takes_the_types_that_there_are(feeds: Feeds, streams):
    for stream in streams[:2]:
        define(feeds, stream, type="date")
    made = feeds.reconciliation(streams[0], streams[1])
    feeds.act(rule_create, reconciliation=made, facts={"filters": INVOICE, "name": "By invoice"})
    assert types() == {"invoice": "date"}


def test_a_key_that_no_rule_names_writes_no_revision(feeds: Feeds, streams, pair):
    define(feeds, streams[0], key="colour")
    assert AuditEvent.objects.filter(action="rule.retyped").count() == 0
    assert not Pass.objects.exists()


def test_streams_that_disagree_leave_it_text(feeds: Feeds, streams, pair):
    for stream in streams[:2]:
        define(feeds, stream)
    feeds.act(reconciliation_change, reconciliation=pair, side_a=[streams[0], streams[2]])
    assert types() == {}
    define(feeds, streams[2], type="number")
    assert types() == {"invoice": "number"}


def test_a_key_that_is_named_on_one_side_is_typed_by_that_sides_streams(feeds: Feeds, streams):
    define(feeds, streams[0])
    made = feeds.reconciliation(streams[0], streams[1])
    only_a = {"side": "a", "field": "metadata.invoice", "operand": "eq", "literal": "7"}
    filters = {"rules": [only_a, {"key": "reference", "value": "reference"}]}
    feeds.act(rule_create, reconciliation=made, facts={"filters": filters, "name": "By invoice"})
    assert types() == {"invoice": "number"}


def test_without_its_definition_the_key_is_text_again(feeds: Feeds, streams, pair):
    define(feeds, streams[1])
    made = define(feeds, streams[0])
    assert types() == {"invoice": "number"}
    feeds.act(definition_void, definition=made)
    assert types() == {}
    with pytest.raises(NotFound):
        feeds.act(definition_void, definition=made)
    define(feeds, streams[0], type="string")
    assert types() == {}


def test_the_shared_rules_of_ledgers_know_no_types(feeds: Feeds):
    rule = feeds.act(rule_create, reconciliation=None, facts={"filters": INVOICE})
    assert rule.revisions.get().body["metadata_types"] == {}


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"key": ""}, "key"),
        ({"key": " invoice"}, "key"),
        ({"key": "x" * 101}, "key"),
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"type": "colour"}, "type"),
    ],
)
def test_what_cannot_be_defined_is_refused(feeds: Feeds, streams, given, path):
    with pytest.raises(Invalid) as refused:
        feeds.act(
            definition_create, stream=streams[0], **{"key": "k", "name": "n", "type": "string", **given}
        )
    assert refused.value.issues[0]["path"] == [path]
    assert not PropertyDefinition.objects.exists()


def test_a_key_is_defined_once_per_stream(feeds: Feeds, streams):
    define(feeds, streams[0])
    define(feeds, streams[1])
    with pytest.raises(Invalid) as refused:
        define(feeds, streams[0], type="string")
    assert refused.value.code == "definition.key_taken"


def test_name_and_option_may_change(feeds: Feeds, streams):
    made = define(feeds, streams[0])
    changed = feeds.act(definition_change, definition=made, name="Invoice no.", optional=True)
    assert (changed.name, changed.optional, changed.type) == ("Invoice no.", True, "number")
    feeds.act(definition_change, definition=made, optional=True)
    assert AuditEvent.objects.filter(action="definition.changed").count() == 1


def test_anothers_definition_is_unknown(feeds: Feeds):
    with pytest.raises(NotFound):
        feeds.act(definition_change, definition=PropertyDefinitionFactory(), name="mine")


def test_another_bank_account_of_a_ledger_has_its_say(feeds: Feeds):
    desk = books(feeds.by, entries=())
    own = desk.run.reconciliation
    first, second = (
        desk.act(bank_account_create, organization_id=feeds.by.organization_id, name=name) for name in "xy"
    )
    desk.act(bank_account_attach, bank_account=first, ledger=desk.ledger)
    only_a = {"side": "a", "field": "metadata.invoice", "operand": "eq", "literal": "7"}
    filters = {"rules": [only_a, {"key": "reference", "value": "reference"}]}
    desk.act(rule_create, reconciliation=own, facts={"filters": filters, "name": "By invoice"})
    define(feeds, own.wiring.get(side="a").stream)
    assert types() == {"invoice": "number"}
    desk.act(bank_account_attach, bank_account=second, ledger=desk.ledger)
    assert types() == {}


def test_a_type_that_would_break_a_rule_is_refused(feeds: Feeds, streams):
    for stream in streams[:2]:
        define(feeds, stream, key="fee", type="number")
    made = feeds.reconciliation(streams[0], streams[1])
    near = {
        "key": "metadata.fee",
        "operand": "eq",
        "value": "metadata.fee",
        "tolerance_amount": 2,
        "tolerance_unit": "dollar",
    }
    rule = feeds.act(rule_create, reconciliation=made, facts={"filters": {"rules": [near]}})
    (first, _second) = PropertyDefinition.objects.order_by("pk")
    with pytest.raises(Conflict) as refused:
        feeds.act(definition_void, definition=first)
    assert refused.value.code == "rule.would_not_run"
    assert refused.value.details["rule_id"] == rule.pk
    first.refresh_from_db()
    assert first.voided_at is None
    assert first.created_at == NOW
