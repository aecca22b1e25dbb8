"""Records of streams in the back office: listed with their standing everywhere, changed and deleted as acts."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from ledgers.models import Record
from organizations.actors import user_actor
from reconciliation.models import Match, OpenItem
from reconciliation.services.stream_reconciliations import reconciliation_create
from tests.factories.ledgers import ImportBatchFactory, PropertyDefinitionFactory
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db
LIST = "admin:reconciliation_streamrecord_changelist"


def page(client, record: Record) -> str:
    return text_of(client.get(reverse("admin:reconciliation_streamrecord_change", args=[record.pk])))


def change(client, record: Record, **facts: Any) -> str:
    """What a browser sends of the form of its facts, but for `facts`."""
    form = {
        "date": record.date,
        "value_date": record.value_date or "",
        "amount": f"{record.amount / 100:.2f}",
        "direction": record.direction,
        "reference": record.reference,
        "description": record.description,
        "counterparty": record.counterparty,
        "external_id": record.external_id,
        "metadata": "{}",
    }
    url = reverse("admin:reconciliation_streamrecord_act", args=[record.pk, "change-facts"])
    return text_of(client.post(url, {**form, **facts}, follow=True))


def test_a_record_stands_with_its_place_in_each_reconciliation_of_its_stream(client, feeds: Feeds):
    card, bank = feeds.stream("card"), feeds.stream("bank")
    of = {"organization_id": feeds.by.organization_id}
    first = feeds.act(reconciliation_create, **of, name="Card to bank", side_a=[card], side_b=[bank])
    feeds.act(reconciliation_create, **of, name="Card to shop", side_a=[card])
    (sale,), (payout,) = feeds.add(card, ("S1", 50_00)), feeds.add(bank, ("S1", 50_00))
    made = feeds.match(first, [sale], [payout])
    shown = page(client, sale)
    assert f"Card to bank matched Match {made.pk}" in shown
    assert "Card to shop unmatched –" in shown
    listed = text_of(client.get(reverse(LIST)))
    assert "Card to bank matched Card to shop unmatched" in listed
    assert "Net 100.00 EUR" in listed


def test_a_changed_amount_is_kept_with_what_it_is_worth(client, feeds: Feeds):
    (record,) = feeds.add(feeds.stream("card"), ("S1", 50_00))
    assert "It is saved." in change(client, record, amount="1,234.50")
    record.refresh_from_db()
    assert (record.amount, record.signed_amount) == (1234_50, 1234_50)


@pytest.mark.parametrize("amount", ["1.234", "ten", ""])
def test_what_is_no_amount_of_the_currency_is_refused_beside_its_field(client, feeds: Feeds, amount: str):
    (record,) = feeds.add(feeds.stream("card"), ("S1", 50_00))
    said = change(client, record, amount=amount)
    assert (
        "Write it like 1250.00, with at most 2 decimals." if amount else "This field is required."
    ) in said
    record.refresh_from_db()
    assert record.amount == 50_00


def test_changed_metadata_is_held_against_what_the_stream_has(client, feeds: Feeds):
    (record,) = feeds.add(feeds.stream("card"), ("S1", 50_00))
    PropertyDefinitionFactory(stream=record.stream, key="fee", type="number")
    assert "It is saved." in change(client, record, reference="S2")  # what was there before is not looked at
    assert "Write a number, like 12.5." in change(client, record, metadata='{"fee": "many"}')
    record.refresh_from_db()
    assert record.metadata == {}
    assert "It is saved." in change(client, record, metadata='{"fee": 2}')


def test_only_what_the_person_changed_is_written(client, feeds: Feeds):
    (record,) = feeds.add(feeds.stream("card"), ("S1", 50_00))
    Record.objects.filter(pk=record.pk).update(description="Came meanwhile")
    record.refresh_from_db()
    change(client, record, reference="S2")
    record.refresh_from_db()
    assert (record.reference, record.description) == ("S2", "Came meanwhile")


def test_a_matched_record_is_neither_changed_nor_deleted_and_says_why(client, feeds: Feeds):
    card, bank = feeds.stream("card"), feeds.stream("bank")
    books = feeds.reconciliation(card, bank)
    (sale,), (payout,) = feeds.add(card, ("S1", 50_00)), feeds.add(bank, ("S1", 50_00))
    made = feeds.match(books, [sale], [payout])
    assert page(client, sale).count(f"It is in Match {made.pk}. Undo that one first.") == 2


def test_a_deleted_record_leaves_the_list(client, feeds: Feeds):
    (record,) = feeds.add(feeds.stream("card"), ("S1", 50_00))
    url = reverse("admin:reconciliation_streamrecord_act", args=[record.pk, "delete"])
    assert "It is deleted." in text_of(client.post(url, follow=True))
    assert "There is no record yet." in text_of(client.get(reverse(LIST)))


def test_entries_of_ledgers_and_adjustments_are_not_in_this_list(client, feeds: Feeds):
    (record,) = feeds.add(feeds.stream("card"), ("S1", 50_00))
    Record.objects.filter(pk=record.pk).update(kind="adjustment")
    feeds.stream("books", kind="transactions")
    assert "There is no record yet." in text_of(client.get(reverse(LIST)))


def test_a_batch_leads_to_its_own_records(client, feeds: Feeds):
    stream = feeds.stream("card")
    records = feeds.add(stream, ("S1", 50_00), ("S2", 60_00), ("S3", 70_00))
    batch = ImportBatchFactory(
        stream=stream, record_count=2, first_record=records[0].pk, last_record=records[1].pk
    )
    Record.objects.filter(pk__in=[record.pk for record in records[:2]]).update(import_batch_id=batch.pk)
    answer = client.get(reverse("admin:ledgers_importbatch_change", args=[batch.pk]))
    url = answer.content.decode().split('href="/admin/reconciliation/streamrecord/?')[1].split('"')[0]
    listed = text_of(client.get(f"{reverse(LIST)}?{url.replace('&amp;', '&')}"))
    assert "Net 110.00 EUR" in listed


def match(client, *records: Record, **fields: Any) -> str:
    """Tick them, choose the action, fill the page that asks."""
    ticked = {"action": "match_ticked", "_selected_action": [record.pk for record in records]}
    asked = client.post(reverse(LIST), ticked)
    assert asked.status_code == 302, text_of(asked)
    page = client.get(asked.url)
    named = page.content.decode().split('name="records" value="')[1].split('"')[0]
    answer = client.post(asked.url.split("?")[0], {"records": named, **fields}, follow=True)
    return f"{text_of(page)} THEN {text_of(answer)}"


def test_ticked_records_of_both_sides_are_matched_by_hand(client, feeds: Feeds):
    card, bank = feeds.stream("card"), feeds.stream("bank")
    cards = feeds.reconciliation(card, bank)
    sales, (payout,) = feeds.add(card, ("S1", 50_00), ("S2", 70_00)), feeds.add(bank, ("P1", 110_00))
    told = match(
        client, *sales, payout, reconciliation=cards.pk, create_adjustment="on", adjustment_reason="Fee"
    )
    plan = f"{cards.name}: 2 of Side A with 120.00 EUR, 1 of Side B with 110.00 EUR; 10.00 EUR between them."
    assert plan in told
    made = Match.objects.get()
    assert f"Match {made.pk} is made." in told
    assert (made.status, made.record_count, made.difference) == ("accepted", 4, 0)


def test_that_records_of_one_side_do_not_cancel_out_is_said_before_the_click(client, feeds: Feeds):
    card = feeds.stream("card")
    cards = feeds.reconciliation(card, feeds.stream("bank"))
    sales = feeds.add(card, ("S1", 50_00), ("S2", 70_00))
    told = match(client, *sales, reconciliation=cards.pk)
    assert (
        "120.00 EUR between them and none of the other side: make up the difference, or tick records" in told
    )
    assert not Match.objects.exists()


def test_records_that_no_reconciliation_has_together_are_refused(client, feeds: Feeds):
    one, other = (
        feeds.add(feeds.stream("card"), ("S1", 50_00)),
        feeds.add(feeds.stream("bank"), ("S1", 50_00)),
    )
    ticked = {"action": "match_ticked", "_selected_action": [one[0].pk, other[0].pk]}
    page = text_of(client.post(reverse(LIST), ticked, follow=True))
    assert "No reconciliation has the streams of all these records." in page


def test_who_may_not_decide_is_not_offered_to_match(feeds: Feeds):
    client, membership = signed_in("viewer")
    viewer = Feeds(user_actor(membership.user, membership))
    viewer.add(viewer.stream("card"), ("S1", 50_00))
    assert "Match the ticked records" not in text_of(client.get(reverse(LIST)))
    url = reverse("admin:reconciliation_streamrecord_list_act", args=["match-ticked"])
    assert client.get(url).status_code == 403


def test_a_record_is_marked_overdue_from_the_hour_that_the_person_says(client, feeds: Feeds):
    card = feeds.stream("card")
    cards = feeds.reconciliation(card)
    (sale,) = feeds.add(card, ("S1", 50_00))
    url = reverse("admin:reconciliation_streamrecord_act", args=[sale.pk, "mark-overdue"])
    said = client.post(
        url,
        {"reconciliation": cards.pk, "overdue_at_0": "2026-03-20", "overdue_at_1": "08:30:00"},
        follow=True,
    )
    assert "It is marked." in text_of(said)
    item = OpenItem.objects.get(record=sale)
    assert (item.overdue_by_hand, item.overdue_at.isoformat()) == (True, "2026-03-20T08:30:00+00:00")
    assert "overdue since 2026-03-20 08:30" in page(client, sale)
