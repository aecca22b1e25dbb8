"""The user's books from a CSV file: journals that foot, all or nothing, nothing twice."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import pytest

from ledgers.models import Journal, Record
from ledgers.selectors import balances
from ledgers.services.statements import ImportCounts
from organizations.models import AuditEvent, Organization
from organizations.refusals import Unreadable
from reconciliation.models import OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services.books import books_import
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books

pytestmark = pytest.mark.django_db

HEADER = "journal,ledger,date,amount,type,reference,description"
SALE = "J1,1000,2026-02-03,98.00,debit,INV-1,order\nJ1,6000,2026-02-03,2.00,debit,INV-1,fee\nJ1,4000,2026-02-03,100.00,credit,INV-1,order"
RENT = "J2,4000,2026-02-04,7.00,debit,,rent\nJ2,1000,2026-02-04,7.00,credit,,rent"


@pytest.fixture
def made() -> Books:
    made = books(actor_with(), entries=[])
    books(made.by, code="4000", type="income", entries=[])
    books(made.by, code="6000", type="expense", entries=[])
    return made


def load(made: Books, *lines: str, header: str = HEADER, default: bool = True) -> ImportCounts:
    text = "\n".join([header, *lines, ""])
    return made.act(
        books_import,
        organization_id=made.by.organization_id,
        file=io.BytesIO(text.encode()),
        filename="books.csv",
        ledger=made.ledger if default else None,
    )


def refused(made: Books, *lines: str, **more) -> list[dict[str, object]]:
    records = Record.objects.count()
    with pytest.raises(Unreadable) as refusal:
        load(made, *lines, **more)
    assert Record.objects.count() == records
    assert refusal.value.word == "invalid_file"
    assert refusal.value.details["row_errors"] == len(refusal.value.details["rows"])
    return refusal.value.details["rows"]


def test_journals_are_posted_whole_with_their_lines_in_order(made: Books):
    counts = load(made, SALE, RENT)
    assert (counts.imported, counts.already_known) == (5, 0)
    first, second = Journal.objects.order_by("pk")
    assert (first.kind, first.total_debit, first.total_credit, first.reference) == (
        "journal",
        100_00,
        100_00,
        "INV-1",
    )
    assert (second.total_debit, second.total_credit) == (7_00, 7_00)
    lines = Record.objects.filter(journal_id=first.pk).order_by("pk")
    assert {r.description for r in lines} == {"order", "fee"}
    balance = balances([made.ledger.pk])[made.ledger.pk]
    assert (balance.debit, balance.credit) == (98_00, 7_00)
    assert OpenItem.objects.free().filter(reconciliation=made.run.reconciliation).count() == 2
    assert AuditEvent.objects.filter(action="books.imported").get().data["imported"] == 5
    assert faults() == []


def test_lines_without_a_journal_are_entries_of_their_own_in_the_default_ledger(made: Books):
    header = "date,amount,type,reference"
    counts = load(made, "2026-02-03,5.00,debit,R1", "2026-02-03,6.00,credit,R2", header=header)
    assert counts.imported == 2
    assert {(j.kind, j.total_debit, j.total_credit) for j in Journal.objects.all()} == {
        ("single", 500, 0),
        ("single", 0, 600),
    }
    assert faults() == []


def test_the_instant_is_the_stated_one_else_the_start_of_the_day_where_the_organization_is(made: Books):
    Organization.objects.filter(pk=made.by.organization_id).update(time_zone="Europe/Zurich")
    load(made, "2026-02-03,1,debit", header="date,amount,type")
    load(made, "2026-02-03T23:30:00Z,2,debit", header="timestamp,amount,type")
    day, stated = Record.objects.order_by("pk")
    assert (day.date, day.value_date, day.occurred_at) == (
        date(2026, 2, 3),
        date(2026, 2, 3),
        datetime(2026, 2, 2, 23, tzinfo=UTC),
    )
    assert (stated.date, stated.occurred_at) == (date(2026, 2, 4), datetime(2026, 2, 3, 23, 30, tzinfo=UTC))


def test_the_same_file_and_an_overlapping_one_add_nothing_twice(made: Books):
    load(made, SALE)
    again = load(made, SALE, RENT)
    assert (again.imported, again.already_known) == (2, 3)
    assert (load(made, RENT, SALE).imported, Record.objects.count()) == (0, 5)
    assert faults() == []


def test_true_twins_stay_two(made: Books):
    twin = "2026-02-03,5.00,debit,R1"
    header = "date,amount,type,reference"
    assert load(made, twin, twin, header=header).imported == 2
    assert load(made, twin, twin, twin, header=header).imported == 1


def test_a_journal_that_does_not_foot_names_its_first_line_and_the_difference(made: Books):
    (row,) = refused(made, RENT, "J3,1000,2026-02-03,5.00,debit,,", "J3,4000,2026-02-03,4.00,credit,,")
    assert (row["line"], row["field"]) == (4, "journal")
    assert "100 minor units" in str(row["message"])


def test_every_bad_line_is_named_and_nothing_is_posted(made: Books):
    rows = refused(
        made,
        SALE,
        ",9999,2026-02-03,5.00,debit,,",
        ",1000,2026-02-03,0.00,debit,,",
    )
    assert [(row["line"], row["field"]) for row in rows] == [(5, "ledger"), (6, "amount")]
    assert "9999" in str(rows[0]["message"])


def test_another_organizations_ledger_is_unknown(made: Books):
    books(actor_with(), code="7777", entries=[])
    (row,) = refused(made, ",7777,2026-02-03,5.00,debit,,")
    assert row["field"] == "ledger"


def test_other_currencies_and_ledgers_without_direct_booking_are_named(made: Books):
    books(made.by, code="1001", entries=[], currency="USD")
    books(made.by, code="1", entries=[], allows_direct_booking=False)
    rows = refused(
        made,
        ",1001,2026-02-03,5.00,debit,EUR",
        ",1,2026-02-03,5.00,debit,EUR",
        header="journal,ledger,date,amount,type,currency",
    )
    assert [(row["line"], row["field"]) for row in rows] == [(2, "currency"), (3, "ledger")]


def test_a_journal_in_two_currencies_is_refused(made: Books):
    books(made.by, code="1001", entries=[], currency="USD")
    header = "journal,ledger,date,amount,type,currency"
    (row,) = refused(
        made, "J1,1000,2026-02-03,5.00,debit,EUR", "J1,1001,2026-02-03,5.00,credit,USD", header=header
    )
    assert row["field"] == "journal"


@pytest.mark.parametrize(
    "changed",
    [
        SALE.replace("98.00", "97.00").replace("2.00", "3.00"),  # two lines differ
        SALE.replace("98.00", "198.00")
        .replace("2.00", "102.00")
        .replace("100.00", "300.00"),  # every line differs
        SALE + "\nJ1,1000,2026-02-03,1.00,debit,,\nJ1,4000,2026-02-03,1.00,credit,,",  # two lines more
        "\n".join(SALE.replace("98.00", "100.00").splitlines()[::2]),  # one line less
    ],
)
def test_a_journal_that_was_changed_since_is_refused(made: Books, changed: str):
    load(made, SALE)
    rows = refused(made, RENT, changed)
    assert {row["field"] for row in rows} == {"journal"}
    assert "J1" in str(rows[0]["message"])
    assert faults() == []


def test_a_journals_number_may_be_used_again_on_another_day(made: Books):
    load(made, SALE)
    assert load(made, SALE.replace("2026-02-03", "2026-03-03")).imported == 3


def test_an_empty_file_says_so(made: Books):
    with pytest.raises(Unreadable):
        load(made)


def test_amounts_beyond_any_sum_are_refused(made: Books):
    huge = "92233720368547758.00"
    rows = refused(
        made, f"2026-02-03,{huge},debit", f"2026-02-03,{huge},debit", header="date,amount,type", default=True
    )
    assert (rows[0]["line"], rows[0]["field"]) == (3, "amount")
