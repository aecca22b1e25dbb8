"""Stories in the back office: chained by choosing reconciliations, the stream between them found by itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from reconciliation.models import Story
from rules.models import Reconciliation
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db


def named(feeds: Feeds, name: str, **sides: Any) -> Reconciliation:
    made = feeds.reconciliation(**sides)
    Reconciliation.objects.filter(pk=made.pk).update(name=name)
    made.refresh_from_db()
    return made


@pytest.fixture
def chain(feeds: Feeds) -> tuple[Reconciliation, Reconciliation]:
    shop, card, bank = feeds.stream("shop"), feeds.stream("card"), feeds.stream("bank")
    return named(feeds, "Orders to sales", a=shop, b=card), named(feeds, "Sales to payouts", a=card, b=bank)


def made(client, *steps: Reconciliation, **more: Any) -> str:
    fields = {f"reconciliation_{step}": books.pk for step, books in enumerate(steps, start=1)}
    url = reverse("admin:reconciliation_story_list_act", args=["make"])
    return text_of(client.post(url, {"name": "Order to cash", **fields, **more}, follow=True))


def test_reconciliations_are_chained_by_the_stream_that_both_have(client, chain):
    first, second = chain
    page = made(client, first, second)
    assert "Order to cash is made." in page
    assert "Orders to sales Sales to payouts joined by" in page
    story = Story.objects.get()
    card = first.wiring.get(side="b").stream_id
    assert list(story.links.values_list("position", "role", "shared_stream_id")) == [
        (1, "origin", None),
        (2, "continuation", card),
    ]
    listed = text_of(client.get(reverse("admin:reconciliation_story_changelist")))
    assert "Orders to sales → Sales to payouts" in listed


def test_what_shares_no_stream_is_refused_in_words(client, feeds: Feeds, chain):
    apart = named(feeds, "Apart", a=feeds.stream("x"))
    assert "Orders to sales and Apart share no stream." in made(client, chain[0], apart)
    assert not Story.objects.exists()


def test_a_mistake_is_told_by_the_row_of_the_form(client, feeds: Feeds, chain):
    apart = feeds.stream("x")
    named(feeds, "Apart", a=apart)
    said = made(client, *chain, stream_2=apart.pk)
    assert "2. reconciliation: Stream" in said
    assert "links." not in said
    assert not Story.objects.exists()


def test_where_several_streams_are_shared_a_person_chooses(client, feeds: Feeds):
    one, two = feeds.stream("one"), feeds.stream("two")
    first, second = named(feeds, "First", a=one, b=two), named(feeds, "Second", a=one, b=two)
    assert "share several streams: choose the one that joins them." in made(client, first, second)
    made(client, first, second, stream_2=two.pk)
    assert Story.objects.get().links.get(position=2).shared_stream_id == two.pk


def test_a_story_is_changed_and_deleted_and_its_reconciliations_stay(client, chain):
    made(client, *chain)
    story = Story.objects.get()
    url = reverse("admin:reconciliation_story_act", args=[story.pk, "chain"])
    assert 'value="Order to cash"' in client.get(url).content.decode()
    client.post(url, {"name": "Short", "reconciliation_1": chain[1].pk})
    story.refresh_from_db()
    assert (story.name, story.links.count()) == ("Short", 1)
    client.post(reverse("admin:reconciliation_story_act", args=[story.pk, "delete"]))
    story.refresh_from_db()
    assert story.voided_at is not None
    assert Reconciliation.objects.live().count() == 2


def test_a_chain_with_a_deleted_reconciliation_says_so(client, chain):
    made(client, *chain)
    Reconciliation.objects.filter(pk=chain[0].pk).update(voided_at="2026-03-31T09:00:00Z", voided_by="user:1")
    page = text_of(client.get(reverse("admin:reconciliation_story_change", args=[Story.objects.get().pk])))
    assert "A reconciliation of it is deleted, and left out below: chain it anew." in page
    listed = text_of(client.get(reverse("admin:reconciliation_story_changelist")))
    assert "Orders to sales (deleted) → Sales to payouts" in listed


def test_a_chain_whose_shared_stream_was_taken_out_says_so(client, feeds: Feeds, chain):
    made(client, *chain)
    feeds.unwire(chain[1], chain[1].wiring.get(side="a").stream)
    page = text_of(client.get(reverse("admin:reconciliation_story_change", args=[Story.objects.get().pk])))
    assert "no longer joined" in page
