"""Reconciliations, streams and metadata keys in the back office: made, changed and deleted as acts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from ledgers.models import DataStream, PropertyDefinition, Record
from reconciliation.models import Pass, StreamOperation
from reconciliation.services.rules import rule_create
from reconciliation.services.stream_reconciliations import reconciliation_create
from rules.models import Reconciliation
from tests.factories.ledgers import (
    BankAccountFactory,
    DataStreamFactory,
    LedgerFactory,
    PropertyDefinitionFactory,
)
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.books import books
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

SHOWN = re.compile(r'name="shown" value="(\w+)"')


@pytest.fixture
def pair(feeds: Feeds) -> Reconciliation:
    of = {"organization_id": feeds.by.organization_id, "name": "Acquirer to bank"}
    return feeds.act(reconciliation_create, **of, side_a=[feeds.stream("a")], side_b=[feeds.stream("b")])


def act(client, model: str, row: Any, verb: str, /, **fields: Any) -> str:
    """Do an act of a row's page (None: of the list), and read the page that follows. An act that shows first what it
    would do is confirmed as it was shown."""
    url = (
        reverse(f"admin:{model}_list_act", args=[verb])
        if row is None
        else reverse(f"admin:{model}_act", args=[row.pk, verb])
    )
    answer = client.post(url, fields, follow=True)
    assert answer.status_code == 200
    if shown := SHOWN.search(answer.content.decode()):
        answer = client.post(url, {**fields, "shown": shown[1], "do": "it"}, follow=True)
    return text_of(answer)


def test_a_reconciliation_is_made_of_streams(client, feeds: Feeds):
    a, b = feeds.stream("a"), feeds.stream("b")
    page = act(
        client, "rules_reconciliation", None, "make",
        name="Cards", run_type="continuous", side_a=[a.pk], side_b=[b.pk],
    )  # fmt: skip
    assert "Cards is made. Add its first rule." in page
    made = Reconciliation.objects.get()
    assert {wire.stream_id: wire.side for wire in made.wiring.all()} == {a.pk: "a", b.pk: "b"}


def test_the_same_stream_on_both_sides_is_refused_in_words(client, feeds: Feeds):
    a = feeds.stream("a")
    page = act(
        client, "rules_reconciliation", None, "make",
        name="Cards", run_type="batch", side_a=[a.pk], side_b=[a.pk],
    )  # fmt: skip
    assert "is on Side A already" in page
    assert not Reconciliation.objects.exists()


def test_it_is_renamed_rewired_matched_and_deleted(client, feeds: Feeds, pair: Reconciliation):
    page = act(client, "rules_reconciliation", pair, "rename", name="Payouts", run_type="batch")
    assert "Payouts" in page
    c = feeds.stream("c")
    b = pair.wiring.get(side="b").stream
    act(client, "rules_reconciliation", pair, "streams", side_a=[c.pk], side_b=[b.pk])
    assert pair.wiring.get(side="a").stream == c
    for asked in StreamOperation.objects.under_way():
        feeds.done(asked)
    assert "is asked for" in act(client, "rules_reconciliation", pair, "match")
    assert Pass.objects.get().trigger == "manual"
    assert "It is deleted." in act(client, "rules_reconciliation", pair, "delete")
    pair.refresh_from_db()
    assert pair.voided_at is not None


def test_a_ledgers_own_is_shown_and_changed_with_its_ledger(client, feeds: Feeds):
    own = books(feeds.by).run.reconciliation
    page = text_of(client.get(reverse("admin:rules_reconciliation_change", args=[own.pk])))
    assert "It comes with its ledger, and is changed there." in page
    assert "Reference and amount" in page
    act(client, "rules_reconciliation", own, "delete")
    own.refresh_from_db()
    assert own.voided_at is None


def test_a_ledgers_page_leads_to_its_rules(client, feeds: Feeds):
    run = books(feeds.by).run
    page = client.get(reverse("admin:ledgers_ledger_change", args=[run.ledger_id])).content.decode()
    assert reverse("admin:rules_reconciliation_change", args=[run.reconciliation_id]) in page
    bare = LedgerFactory(organization=feeds.organization)
    assert client.get(reverse("admin:ledgers_ledger_change", args=[bare.pk])).status_code == 200


def test_the_list_shows_both_sides_and_the_rules_that_hold(client, feeds: Feeds, pair: Reconciliation):
    books(feeds.by)
    page = text_of(client.get(reverse("admin:rules_reconciliation_changelist")))
    assert "Acquirer to bank" in page
    row = page[page.index("Bank Ledger") :] if "Bank Ledger" in page else page
    assert " 5 " in row


def test_a_stream_is_made_renamed_defined_and_emptied(client, feeds: Feeds):
    page = act(client, "ledgers_datastream", None, "make", key="card_acquirer", name="Cards", description="")
    assert "Cards is made." in page
    made = DataStream.objects.get(key="card_acquirer")
    assert "Acquirer" in act(client, "ledgers_datastream", made, "rename", name="Acquirer", description="x")
    page = act(client, "ledgers_datastream", made, "define", key="batch_no", name="Batch", type="number")
    assert "batch_no is defined." in page
    definition = PropertyDefinition.objects.get()
    assert (definition.type, definition.optional) == ("number", False)
    act(client, "ledgers_datastream", made, "empty")
    assert StreamOperation.objects.get().kind == "reset"


def test_a_key_that_is_taken_is_said_to_be(client, feeds: Feeds):
    definition = PropertyDefinitionFactory(stream=feeds.stream("a"), key="k")
    page = act(client, "ledgers_datastream", definition.stream, "define", key="k", name="n", type="date")
    assert "has a definition of this key already" in page


def test_a_definition_is_changed_and_deleted(client, feeds: Feeds):
    definition = PropertyDefinitionFactory(stream=feeds.stream("a"), key="k")
    act(client, "ledgers_propertydefinition", definition, "change", name="Number", optional="on")
    definition.refresh_from_db()
    assert (definition.name, definition.optional) == ("Number", True)
    act(client, "ledgers_propertydefinition", definition, "delete")
    definition.refresh_from_db()
    assert definition.voided_at is not None


def test_an_owned_stream_is_left_to_its_owner(client, feeds: Feeds):
    owned = books(feeds.by).run.reconciliation.wiring.get(side="b").stream
    page = text_of(client.get(reverse("admin:ledgers_datastream_change", args=[owned.pk])))
    assert "It belongs to its ledger, and is filled and changed there." in page
    act(client, "ledgers_datastream", owned, "empty")
    assert not StreamOperation.objects.exists()


def test_anothers_streams_are_no_choice(client, feeds: Feeds):
    theirs = DataStreamFactory()
    page = act(
        client, "rules_reconciliation", None, "make", name="Cards", run_type="batch", side_a=[theirs.pk]
    )
    assert "is not one of the available choices" in page
    assert not Reconciliation.objects.exists()


@pytest.mark.parametrize(
    "model", ["rules_reconciliation", "ledgers_datastream", "ledgers_propertydefinition", "rules_rule"]
)
def test_lists_take_the_same_number_of_queries_however_many_rows(
    client, feeds: Feeds, model, django_assert_max_num_queries
):
    for number in range(8):
        stream = feeds.stream(f"a{number}")
        PropertyDefinitionFactory(stream=stream)
        of = {"organization_id": feeds.by.organization_id, "name": f"R{number}"}
        made = feeds.act(reconciliation_create, **of, side_a=[stream], side_b=[feeds.stream(f"b{number}")])
        feeds.act(
            rule_create, reconciliation=made, facts={"filters": {"key": "reference", "value": "reference"}}
        )
    url = reverse(f"admin:{model}_changelist")
    client.get(url)
    with django_assert_max_num_queries(14):
        answer = client.get(url)
    assert len(answer.context["cl"].result_list) >= 8


def test_a_reconciliation_says_what_is_open_on_both_sides_and_what_waits(client, feeds: Feeds):
    card, bank = feeds.stream("card"), feeds.stream("bank")
    cards = feeds.reconciliation(card, bank)
    feeds.add(card, ("S1", 50_00), ("S2", 70_00))
    feeds.add(bank, ("S1", 50_00))
    url = reverse("admin:rules_reconciliation_change", args=[cards.pk])
    page = text_of(client.get(url))
    assert "Side A 2 +120.00 EUR 2 without a due date since 2026-03-02 Side B 1 +50.00 EUR" in page
    feeds.auto_match(cards)
    answer = client.get(url)
    assert (
        "Side A 1 +70.00 EUR 1 without a due date since 2026-03-02 Side B 0 Proposals that wait 1"
        in text_of(answer)
    )
    leads = answer.content.decode().split('href="/admin/reconciliation/match/?')[1].split('"')[0]
    listed = text_of(
        client.get(f"{reverse('admin:reconciliation_match_changelist')}?{leads.replace('&amp;', '&')}")
    )
    assert "Count 1" in listed


def test_a_person_adds_a_record_to_a_stream(client, feeds: Feeds):
    card = feeds.stream("card")
    page = act(
        client, "ledgers_datastream", card, "add-record",
        date="2026-03-05", amount="-1,250.50", currency="jod", direction="credit", metadata='{"batch": "B1"}',
    )  # fmt: skip
    assert "Write it like" not in page, page
    made = Record.objects.get(stream=card)
    assert (made.amount, made.signed_amount, made.currency, made.metadata) == (
        -1250_500,
        -1250_500,
        "JOD",
        {"batch": "B1"},
    )


def test_what_people_add_is_held_against_the_metadata_of_the_stream(client, feeds: Feeds):
    card = PropertyDefinitionFactory(stream=feeds.stream("card"), key="fee", type="number").stream
    facts = {"date": "2026-03-05", "amount": "1.00", "currency": "EUR", "direction": "credit"}
    asked = client.get(reverse("admin:ledgers_datastream_act", args=[card.pk, "add-record"]))
    assert asked.context["form"]["metadata"].value() in ("{}", {})
    said = act(client, "ledgers_datastream", card, "add-record", **facts, metadata='{"fee": "many"}')
    assert said.count("Write a number, like 12.5.") == 1
    long = act(client, "ledgers_datastream", card, "add-record", **facts, external_id="x" * 1001)
    assert "at most 1000 characters" in long
    assert not Record.objects.exists()
    act(client, "ledgers_datastream", card, "add-record", **facts, metadata='{"fee": "1.5"}')
    assert Record.objects.get().metadata == {"fee": "1.5"}


@pytest.mark.parametrize(
    "value", ["NaN", "-Infinity", "1e999", r'"\u0000"', r'["\ud800"]', r'{"\u0000": 1}', "9" * 5000]
)
def test_metadata_that_cannot_be_kept_is_refused_beside_its_field(client, feeds: Feeds, value: str):
    card = feeds.stream("card")
    facts = {"date": "2026-03-05", "amount": "1.00", "currency": "EUR", "direction": "credit"}
    said = act(client, "ledgers_datastream", card, "add-record", **facts, metadata=f'{{"fee": {value}}}')
    assert "cannot be kept" in said
    assert not Record.objects.exists()


def test_a_stream_says_what_came_in(client, feeds: Feeds):
    card = feeds.stream("card")
    feeds.add(card, ("S1", 50_00), ("S2", 60_00))
    page = text_of(client.get(reverse("admin:ledgers_datastream_change", args=[card.pk])))
    assert "Records 2 Import batches 0 with 0 records Came by themselves 2 Bulk requests under way 0" in page


def test_a_stream_that_no_reconciliation_has_is_deleted_by_a_worker(client, feeds: Feeds):
    card = feeds.stream("card")
    wired = feeds.reconciliation(card)
    said = act(client, "ledgers_datastream", card, "delete")
    assert f"It is reconciled in {wired.name}. Take it out there first." in said
    feeds.unwire(wired, card)
    assert "It is being deleted." in act(client, "ledgers_datastream", card, "delete")
    feeds.done(StreamOperation.objects.get(kind="delete"))
    card.refresh_from_db()
    assert card.voided_at is not None


def test_a_feed_of_a_bank_account_is_made_and_its_balance_stated(client, feeds: Feeds):
    account = BankAccountFactory(organization=feeds.organization, currency="EUR", name="House bank")
    of = {"key": "house_feed", "name": "House feed", "description": "", "bank_account": account.pk}
    assert "House feed is made." in act(client, "ledgers_datastream", None, "make", **of)
    made = DataStream.objects.get(key="house_feed")
    assert (made.kind, made.bank_account_id) == ("bank_feed", account.pk)
    stated = {"day": "2026-03-31", "balance_type": "closing_ledger", "amount": "-1,250.50"}
    assert "The balance is stated." in act(client, "ledgers_bankaccount", account, "state-balance", **stated)
    assert account.balances.get().amount == -1250_50
    listed = text_of(client.get(reverse("admin:ledgers_bankaccountbalance_changelist")))
    assert "2026-03-31 House bank Closing, booked −1,250.50 EUR" in listed
