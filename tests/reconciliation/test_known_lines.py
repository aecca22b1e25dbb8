"""Which line is which: twins stay two, overlapping cuts add nothing, suspects are shown."""

from __future__ import annotations

from datetime import date

import pytest

from ledgers.models import Record, SourceFile, StatementLine
from reconciliation.models import Discrepancy
from reconciliation.selectors.integrity import faults
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import Line, Stmt, camt, csv

pytestmark = pytest.mark.django_db

LINES: tuple[Line, ...] = (("S1", "credit", 10_00, 3, "R1"), ("S2", "debit", 4_00, 4, "R2"))


@pytest.fixture
def made() -> Books:
    return books(actor_with(), entries=[])


def counts(source: SourceFile) -> tuple[int | None, int | None]:
    return source.imported_count, source.already_known_count


def names() -> list[str]:
    return sorted(
        Record.objects.live().filter(stream__kind="statement").values_list("description", flat=True)
    )


def test_two_true_twins_stay_two_and_are_known_as_two(made: Books):
    twin: Line = ("T", "debit", 3_00, 5, "fee")
    assert counts(made.upload(csv(twin, twin))) == (2, 0)
    assert counts(made.upload(csv(twin, twin, LINES[0]))) == (1, 2)
    assert counts(made.upload(csv(twin))) == (0, 1)
    assert counts(made.upload(csv(twin, twin, twin))) == (1, 2)
    assert names() == ["S1", "T", "T", "T"]
    assert faults() == []


def test_an_overlapping_cut_adds_only_what_is_new_in_any_order(made: Books):
    lines = [(f"S{n}", "credit", 100 + n, 1 + n, f"R{n}") for n in range(10)]
    assert counts(made.upload(csv(*lines[:6]))) == (6, 0)
    assert counts(made.upload(csv(*reversed(lines[4:])))) == (4, 2)
    assert counts(
        made.upload(csv(*lines, header="date,amount,direction,reference,description"), "x.csv")
    ) == (
        0,
        10,
    )
    assert Record.objects.count() == 10
    assert StatementLine.objects.filter(status="known").count() == 12
    assert faults() == []


def test_white_space_in_texts_makes_no_new_line(made: Books):
    made.upload(csv(("a  payment", "credit", 1_00, 3, "R1")))
    assert counts(made.upload(csv((" a payment ", "credit", 1_00, 3, "R1")))) == (0, 1)


@pytest.mark.parametrize(
    "other",
    [
        ("S1", "debit", 10_00, 3, "R1"),
        ("S1", "credit", 10_01, 3, "R1"),
        ("S1", "credit", 10_00, 4, "R1"),
        ("S1", "credit", 10_00, 3, "R2"),
        ("S2", "credit", 10_00, 3, "R1"),
    ],
)
def test_a_line_that_differs_in_any_fact_is_another_line(made: Books, other: Line):
    made.upload(csv(LINES[0]))
    assert counts(made.upload(csv(other))) == (1, 0)


def test_a_line_of_a_statement_that_begins_later_is_new_and_suspect(made: Books):
    """The bank says that this statement begins after the other one's end, so its line cannot be the other's."""
    line: Line = ("T", "debit", 3_00, 10, "")
    january = camt(Stmt((line,), first=date(2026, 2, 1), last=date(2026, 2, 10)))
    february = camt(Stmt((line,), first=date(2026, 2, 11), last=date(2026, 2, 20)))
    assert counts(made.upload(january)) == (1, 0)
    later = made.upload(february)
    assert (counts(later), later.suspect_count) == ((1, 0), 1)
    assert Record.objects.filter(suspect=True).count() == 1
    again = made.upload(february, run=made.another_run())
    assert (counts(again), again.suspect_count) == ((0, 1), 0)
    assert Record.objects.count() == 2
    assert faults() == []


def test_with_an_id_of_its_own_the_line_is_known_whatever_the_statement_says(made: Books):
    line: Line = ("T", "debit", 3_00, 10, "E2E-1")
    made.upload(camt(Stmt((line,), first=date(2026, 2, 1), last=date(2026, 2, 10))))
    later = made.upload(camt(Stmt((line,), first=date(2026, 2, 11), last=date(2026, 2, 20))))
    assert (counts(later), later.suspect_count) == ((0, 1), 0)


def test_an_item_stated_twice_in_a_run_is_one_item(made: Books):
    made.upload(csv(*LINES))
    made.upload(csv(*LINES, ("S3", "credit", 1_00, 9, "")))
    assert made.statuses() == {"S1": "unmatched", "S2": "unmatched", "S3": "unmatched"}


def test_lines_with_one_id_or_one_date_amount_and_reference_are_said_to_be_perhaps_duplicates(made: Books):
    header = "date,amount,reference,description,external_id"
    made.upload(f"{header}\n2026-02-03,1.00,R1,a,X1\n2026-02-04,2.00,R2,b,X2\n")
    made.upload(f"{header}\n2026-02-05,9.00,,c,X1\n2026-02-04,2.00,R2,d,\n2026-02-04,2.00,,e,\n")
    said = Discrepancy.objects.filter(type="duplicate_source").order_by("record_id")
    assert [d.record.description for d in said] == ["c", "d"]
    assert {d.severity for d in said} == {"critical"}
    assert said[0].description.startswith("Has the bank's own id of line 2 of statement.csv.")
    assert said[1].description.startswith("Has date, amount and reference of line 3 of statement.csv.")
    assert faults() == []
