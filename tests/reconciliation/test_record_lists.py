"""What a ledger's reconciliation says of its records in the lists of the stream surface: the same rows, the same words."""

from __future__ import annotations

from datetime import date

import pytest

from ledgers.models import Ledger, Record
from reconciliation.models import OpenItem
from reconciliation.selectors.records import RecordFilter, named_reconciliation, records_page
from reconciliation.selectors.stream_entries import PARTNERS_MAX, StreamEntry, stream_entries
from reconciliation.states import EntryStatus
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import csv
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> Books:
    """G1 is covered in part by S1; G2 is open."""
    made = books(actor_with(), entries=[("G1", "debit", 10_00, 3, "G1"), ("G2", "debit", 7_00, 3, "G2")])
    made.upload(csv(("S1", "credit", 6_00, 3, "R1")))
    made.manual(["S1"], ["G1"])
    return made


def seen(by, reconciliation_id: int, **more) -> dict[str, StreamEntry]:
    asked = RecordFilter(reconciliation_id=reconciliation_id, **more)
    rows = records_page(by.organization_id, asked, behind=None, limit=200)
    named = named_reconciliation(by.organization_id, reconciliation_id)
    assert named is not None
    return {
        each.record.description or each.record.reference: each
        for each in stream_entries(rows, reconciliation=named, at=NOW)
    }


def test_what_is_covered_in_part_is_unreconciled_and_names_its_match(made: Books):
    entries = seen(made.by, made.run.reconciliation_id)
    held, whole = entries["G1"], entries["S1"]
    assert (held.status, held.partners_total) == (EntryStatus.UNRECONCILED, 1)
    assert [row.description for row in held.partners] == ["S1"]
    assert (whole.status, whole.days_unreconciled) == (EntryStatus.RECONCILED, None)
    assert entries["G2"].partners == []
    assert set(seen(made.by, made.run.reconciliation_id, matched=False)) == {"G1", "G2"}
    assert set(seen(made.by, made.run.reconciliation_id, matched=True)) == {"S1"}


def test_days_are_counted_from_the_records_date_to_the_organizations_today(made: Books):
    entry = seen(made.by, made.run.reconciliation_id)["G2"]
    assert entry.days_unreconciled == (NOW.date() - entry.record.date).days
    Record.objects.filter(pk=entry.record.pk).update(date=date(2027, 1, 1))
    assert seen(made.by, made.run.reconciliation_id)["G2"].days_unreconciled == 0


def test_what_is_older_than_the_opening_balance_is_reconciled(made: Books):
    Ledger.objects.filter(pk=made.ledger.pk).update(opening_balance=0, opening_balance_on=date(2026, 3, 1))
    row = Record.objects.get(description="G2")
    OpenItem.objects.filter(record=row).delete()
    assert seen(made.by, made.run.reconciliation_id)["G2"].status == EntryStatus.RECONCILED


def test_of_a_large_match_some_members_are_shown_and_all_are_counted():
    feeds = Feeds(actor_with("admin"))
    a, b = feeds.stream("a"), feeds.stream("b")
    made = feeds.reconciliation(a, b)
    many = feeds.add(a, *((f"A{number}", 1) for number in range(PARTNERS_MAX + 5)))
    [one] = feeds.add(b, ("B", PARTNERS_MAX + 5))
    feeds.match(made, many, [one])
    entries = seen(feeds.by, made.pk)
    assert (len(entries["B"].partners), entries["B"].partners_total) == (PARTNERS_MAX, PARTNERS_MAX + 5)
    first = entries[f"A{PARTNERS_MAX + 4}"]
    assert first.record.pk not in {row.pk for row in first.partners}
    assert len(first.partners) == PARTNERS_MAX
