"""Not yet due is a state of its own: lists and pages tell it from overdue and from what has no date, and filter by it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest
from django.urls import reverse

from organizations.acts import perform
from reconciliation.models import OpenItem
from reconciliation.selectors.open_sides import open_sides
from reconciliation.services.overdue import record_mark_overdue
from tests.clock import NOW
from tests.reconciliation.admin.desk import Desk, text_of
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

LATE, FAR = datetime(2026, 3, 4, tzinfo=UTC), datetime(2999, 1, 5, 8, 30, tzinfo=UTC)
RECORDS = "admin:reconciliation_streamrecord_changelist"


@pytest.fixture
def three(feeds: Feeds):
    """A late record, one that is not due yet, and one without a date."""
    stream = feeds.stream("card")
    books = feeds.reconciliation(stream, feeds.stream("bank"))
    records = feeds.add(stream, ("LATE", 1_00), ("SOON", 2_00), ("NEVER", 4_00))
    for record, when in zip(records, (LATE, FAR), strict=False):
        of = {"organization_id": books.organization_id, "reconciliation_id": books.pk, "record_id": record.pk}
        perform(partial(record_mark_overdue, **of, overdue_at=when, by=feeds.by, at=NOW))
    return books, records


def test_the_list_of_records_tells_the_three_apart(client, three):
    page = text_of(client.get(reverse(RECORDS)))
    assert "overdue since 2026-03-04" in page
    assert "not yet due until 2999-01-05 08:30" in page
    assert "no due date" in page


@pytest.mark.parametrize(
    ("asked", "found"), [("overdue", {"LATE"}), ("later", {"SOON"}), ("never", {"NEVER"}), ("else", None)]
)
def test_the_list_is_filtered_by_it(client, three, asked, found):
    rows = client.get(reverse(RECORDS), {"due": asked}).context["cl"].result_list
    assert {row.reference for row in rows} == (found or {"LATE", "SOON", "NEVER"})


def test_what_is_proposed_is_due_still_and_what_is_accepted_is_not(client, feeds: Feeds, three):
    books, (late, soon, _never) = three
    bank = books.streams.get(key="bank")
    feeds.add(bank, ("LATE", 1_00))
    feeds.auto_match(books)
    assert not OpenItem.objects.filter(record=late).exists()
    (payment,) = feeds.add(bank, ("P", 2_00))
    feeds.match(books, [soon], [payment])
    overdue = client.get(reverse(RECORDS), {"due": "overdue"}).context["cl"].result_list
    assert [row.reference for row in overdue] == ["LATE"]
    assert list(client.get(reverse(RECORDS), {"due": "later"}).context["cl"].result_list) == []
    assert "proposal waits overdue since 2026-03-04" in text_of(client.get(reverse(RECORDS)))


def test_a_record_s_page_says_it_beside_the_reconciliation(client, three):
    _books, (_late, soon, _never) = three
    page = text_of(client.get(reverse("admin:reconciliation_streamrecord_change", args=[soon.pk])))
    assert "not yet due until 2999-01-05 08:30" in page


def test_the_reconciliation_counts_the_three_on_each_side(client, three):
    books, _records = three
    side, other = open_sides(books, at=NOW).sides
    assert (side.overdue, side.not_yet_due, side.undated, other.count) == (1, 1, 1, 0)
    page = text_of(client.get(reverse("admin:rules_reconciliation_change", args=[books.pk])))
    assert "1 overdue 1 not yet due 1 without a due date" in page


@pytest.mark.parametrize("model", ["statementline", "record"])
def test_lines_and_entries_say_it_too(proposed: Desk, model):
    app = "ledgers"
    url = reverse(f"admin:{app}_{model}_changelist")
    assert "no due date" in text_of(proposed.client.get(url))
    OpenItem.objects.update(overdue_at=LATE)
    assert "overdue since 2026-03-04" in text_of(proposed.client.get(url))
    rows = proposed.client.get(url, {"due": "overdue"}).context["cl"].result_list
    assert 0 < len(rows) < len(proposed.client.get(url).context["cl"].result_list)
