"""The review desk's questions: what differs between two sides, pages by key, tallies, what deleting a file would undo."""

from datetime import date

import pytest

from ledgers.models import Record
from reconciliation.models import Match
from reconciliation.selectors.desk import faced, free_entries, void_preview
from reconciliation.selectors.matches import Members
from reconciliation.selectors.paging import page_of
from reconciliation.selectors.tallies import proposals_by_rule, tallies
from reconciliation.services.items import item_close
from reconciliation.services.matches import match_accept, match_reject
from reconciliation.services.records import source_void
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import STATEMENT, books
from tests.reconciliation.counting import item_counts

pytestmark = pytest.mark.django_db


@pytest.fixture
def example():
    example = books(actor_with("operator"))
    example.upload(STATEMENT)
    example.auto_match()
    return example


# --- What differs ---------------------------------------------------------------------------------------------------


MONEY = {"amount": 10_00, "effect": 10_00}


def line(**facts) -> Record:
    return Record(
        **{"date": date(2026, 2, 4), "reference": "INV-7", "description": "Payment Vega", **MONEY, **facts}
    )


def entry(**facts) -> Record:
    return line(**{"journal_id": 1, **facts})


def marks(a: list[Record], b: list[Record], difference: int = 0) -> set[str]:
    found = faced(Match(difference=difference), Members(a, b))
    return {
        f"{side}.{name}"
        for side, rows in (("a", found.lines), ("b", found.entries))
        for row in rows
        for name in row.differs
    }


def test_nothing_is_marked_where_nothing_differs():
    assert marks([line()], [entry()]) == set()


def test_days_are_compared_as_the_rules_compare_them():
    assert marks([line()], [entry(date=date(2026, 2, 9), value_date=date(2026, 2, 4))]) == set()
    assert marks([line()], [entry(value_date=date(2026, 2, 6))]) == {"a.date", "b.date"}
    found = faced(
        Match(difference=0),
        Members([line()], [entry(value_date=date(2026, 2, 6)), entry(date=date(2026, 2, 7))]),
    )
    assert found.days == 2


def test_amounts_are_marked_where_the_sums_differ():
    assert marks([line()], [entry()], difference=35) == {"a.amount", "b.amount"}


@pytest.mark.parametrize(
    ("a", "b", "differ"),
    [
        ({}, {"reference": "inv-7 "}, False),
        ({"reference": ""}, {}, True),
        ({"reference": "", "description": "Payment Vega for INV-7."}, {}, False),
        ({}, {"reference": "G-1", "description": "Vega inv-7 paid"}, False),
        ({}, {"reference": "G-1", "description": "Vega INV-70"}, True),
        ({"reference": ""}, {"reference": ""}, False),
    ],
)
def test_references_agree_when_equal_or_a_word_of_the_others_text(a, b, differ):
    assert marks([line(**a)], [entry(**b)]) == ({"a.reference", "b.reference"} if differ else set())


def test_descriptions_are_marked_where_they_share_no_word():
    assert marks([line(description="SEPA VEGA PRINT")], [entry(description="Invoice, Vega")]) == set()
    assert marks([line(description="SEPA")], [entry(description="Invoice")]) == {
        "a.description",
        "b.description",
    }
    assert marks([line(description="", counterparty="Vega")], [entry()]) == set()


# --- Pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_give_every_row_once_and_lead_back(example, newest_first):
    rows = free_entries(example.run) | Record.objects.filter(stream__ledger=example.ledger)
    rows = Record.objects.filter(stream__ledger=example.ledger)
    every = [record.pk for record in rows.order_by("date", "pk")]
    every = every[::-1] if newest_first else every
    pages, place = [], ""
    while not pages or place:
        pages.append(page_of(rows, ["date", "pk"], place, newest_first=newest_first, size=3))
        place = pages[-1].after
    assert [record.pk for page in pages for record in page.rows] == every
    assert [len(page.rows) for page in pages] == [3, 3, 1]
    back = page_of(rows, ["date", "pk"], pages[2].before, newest_first=newest_first, size=3)
    assert back.rows == pages[1].rows
    first = page_of(rows, ["date", "pk"], back.before, newest_first=newest_first, size=3)
    assert (first.rows, first.before) == (pages[0].rows, "")


def test_a_place_with_nothing_behind_it_is_the_first_page(example):
    rows = Record.objects.filter(stream__ledger=example.ledger)
    for place in (">2099-01-01_1", "<1999-01-01_1", ">x_y", ">1", "<2026-02-30_1", ">9_"):
        assert len(page_of(rows, ["date", "pk"], place, size=3).rows) == 3


# --- Tallies -----------------------------------------------------------------------------------------------------------


def test_tallies_agree_with_the_items_counts_in_every_state(example):
    run, by = example.run, example.by
    match_accept(match_id=example.match_with("S1").pk, by=by, at=NOW)
    match_reject(match_id=example.match_with("S3").pk, by=by, at=NOW)
    item_close(
        organization_id=by.organization_id,
        item_id=example.item("S6"),
        ledger_id=example.ledger.uuid,
        by=by,
        at=NOW,
    )
    example.upload(STATEMENT + "2026-02-11,1.00,credit,NEW,S7\n", "overlap.csv")
    found = tallies(run)
    assert found.items == item_counts(run)
    assert (found.items.items, found.proposals, found.accepted, found.files) == (7, 3, 1, 2)
    assert (found.accepted_items, found.entries) == (1, 2)


def test_proposals_are_counted_by_rule_in_the_order_of_the_rules(example):
    assert [(row.name, row.count) for row in proposals_by_rule(tallies(example.run))] == [
        ("Reference and amount", 2),
        ("One line, entries with its reference", 1),
        ("Amount within three days", 1),
        ("Reference, amounts differ", 1),
    ]


def test_a_deletion_says_first_what_it_undoes(example):
    """Exactly what the deletion then does, with and without another file that states the same lines."""
    match_accept(match_id=example.match_with("S1").pk, by=example.by, at=NOW)
    first = example.run.sources.get().source_file
    preview = void_preview(example.run, first.pk)
    assert (preview.lines, preview.shared, preview.matches, preview.accepted) == (6, 0, 5, 1)

    second = example.upload(STATEMENT.rpartition("2026-02-10")[0], "part.csv")
    preview = void_preview(example.run, first.pk)
    assert (preview.lines, preview.shared, preview.matches, preview.accepted) == (6, 5, 0, 0)
    counts = source_void(run=example.run, source_file=first, by=example.by, at=NOW)
    assert (counts.voided, counts.stayed, counts.undone) == (1, 5, 0)
    preview = void_preview(example.run, second.pk)
    counts = source_void(run=example.run, source_file=second, by=example.by, at=NOW)
    assert (preview.lines - preview.shared, preview.matches) == (counts.voided, counts.undone) == (5, 5)
