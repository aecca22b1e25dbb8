"""Refusals in words: who is at work, since when, and what to do now. History: names and words, no raw keys."""

import pytest
from django.urls import reverse

from organizations.acts import _lock_timeout
from organizations.refusals import Conflict
from reconciliation.admin.history import facts_of
from reconciliation.admin.words import told
from reconciliation.models import Pass
from reconciliation.services.passes import pass_request
from reconciliation.services.records import pass_running
from tests.reconciliation.admin.desk import Desk, text_of
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db


def test_a_lock_that_a_matching_holds_is_told_with_its_progress(proposed: Desk):
    run = proposed.books.run
    assert "Somebody else is working on the same records" in told(_lock_timeout(), run)
    busy = proposed.books.request()
    Pass.objects.filter(pk=busy.pk).update(status="running", progress=40)
    text = told(_lock_timeout(), run)
    name = proposed.membership.user.shown_name
    assert f"A matching is writing to the same records at this moment: 40%, asked for by {name}" in text
    assert "Nothing was changed" in text
    assert told(_lock_timeout(), run.reconciliation) == text, "from a match's own page as well"


def test_a_pass_that_hinders_is_told_with_who_asked_for_it(proposed: Desk):
    busy = proposed.books.request()
    name = proposed.membership.user.shown_name
    text = told(pass_running(busy), proposed.books.run)
    assert f"A matching waits for its turn, asked for by {name}" in text
    Pass.objects.filter(pk=busy.pk).update(status="running", progress=7)
    assert "A matching is under way: 7%" in told(pass_running(busy), proposed.books.run)


def test_a_pass_of_streams_that_hinders_is_told_the_same_way(proposed: Desk):
    feeds = Feeds(proposed.books.by)
    reconciliation = feeds.reconciliation(feeds.stream("a"), feeds.stream("b"))
    feeds.act(pass_request, reconciliation=reconciliation, run=None)
    with pytest.raises(Conflict) as refused:
        feeds.act(pass_request, reconciliation=reconciliation, run=None)
    assert "A matching waits for its turn, asked for by" in told(refused.value, reconciliation)


def test_facts_of_events_are_amounts_counts_and_names():
    data = {
        "difference": -184_260,
        "currency": "EUR",
        "records": [1, 2, 3],
        "not_covered": [],
        "superseded": [63, 64],
        "reason": "item_closed",
    }
    assert facts_of(data, "", {}) == [
        ("difference", "−1,842.60\xa0EUR"),
        ("records", "3"),
        ("in place of", "Match 63, Match 64"),
        ("reason", "its line or entry was closed"),
    ]
    assert facts_of({"overdue_at": "2026-03-04T00:00:00+00:00"}, "", {}) == [
        ("overdue at", "2026-03-04 00:00")
    ]
    assert facts_of({"before": {"after_days": 5}}, "", {}) == [("before", "after_days: 5")]
    assert facts_of({"requested_by": "user:7"}, "", {"user:7": "Anna"}) == [("asked for by", "Anna")]
    assert facts_of({"amount": 1300, "reason": "Bank fee"}, "JPY", {})[0] == ("amount", "1,300\xa0JPY")


def test_a_pass_of_streams_names_its_reconciliation(proposed: Desk):
    feeds = Feeds(proposed.books.by)
    reconciliation = feeds.reconciliation(feeds.stream("a"), feeds.stream("b"))
    asked = feeds.act(pass_request, reconciliation=reconciliation, run=None)
    page = text_of(proposed.client.get(reverse("admin:reconciliation_pass_change", args=[asked.pk])))
    assert f"Run, or reconciliation {reconciliation.name}" in page
    assert "one matching per reconciliation at a time" in page
