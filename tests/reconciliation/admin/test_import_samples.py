"""A bank's files of a hundred days, through the import page into two ledgers, day by day."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from ledgers.models import Record, Statement
from reconciliation.models import FileImport, OpenItem, Run
from reconciliation.selectors.integrity import faults
from tests.ledgers.formats.samples import major, needs_samples, path
from tests.ledgers.formats.test_camt_samples import FACTS, READ
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.test_imports import Desk
from tests.reconciliation.counting import item_counts

pytestmark = [needs_samples, pytest.mark.django_db]

FOLDER = "camt/Subite-eu+camt-to-coda/053_"


def number_of(statement: dict) -> str:
    return str(statement["iban"] or statement["other_id"])


@pytest.mark.slow
def test_a_chain_of_days_goes_through_the_page_into_two_ledgers():
    days = {name: FACTS[name] for name in READ if name.startswith(FOLDER)}
    numbers = sorted({number_of(each) for day in days.values() for each in day["statement_list"]})
    assert (len(days), len(numbers)) == (93, 2)
    desk = Desk(*signed_in("operator"))
    ledgers = {number: desk.ledger(f"10{place}") for place, number in enumerate(numbers)}
    for place, name in enumerate(days):
        desk.send((name.rpartition("/")[2], path(name).read_bytes()))
        desk.read()
        if not place:
            put_accounts(desk, ledgers)
    files = FileImport.objects.imported()
    assert {file.status for file in files} == {"completed"}
    closings_are_openings()
    booked = sum(each["booked"] for day in days.values() for each in day["statement_list"])
    assert Record.objects.entries().count() == OpenItem.objects.count() == booked
    for number, ledger in ledgers.items():
        (run,) = Run.objects.filter(ledger=ledger)
        lines = Record.objects.entries().filter(stream__bank_account__ledger=ledger)
        assert item_counts(run).items == lines.count()
        assert major(sum(line.signed_amount for line in lines), "EUR") == stated(days, number)
    every_file_is_told_as_proved(desk)
    assert faults() == []


def put_accounts(desk: Desk, ledgers: dict) -> None:
    """The first file names accounts that nobody knows yet."""
    file = FileImport.objects.imported().get()
    assert file.error_code == "file.unknown_account"
    asked = {
        f"account_{place}": ledgers[row["account"]].pk for place, row in enumerate(file.skipped_statements)
    }
    desk.act(file, "accounts", **asked)
    desk.read()
    waiting = FileImport.objects.imported().get()
    assert waiting.status == "completed", waiting.error_message


def closings_are_openings() -> None:
    closing: dict[int, int | None] = {}
    for statement in Statement.objects.order_by("closing_on", "pk"):
        assert statement.balance_gap == 0
        assert statement.opening_amount == closing.get(statement.stream_id, statement.opening_amount)
        closing[statement.stream_id] = statement.closing_amount
    assert len(closing) == 2


def stated(days: dict, number: str) -> Decimal:
    statements = [
        each for day in days.values() for each in day["statement_list"] if number_of(each) == number
    ]
    return sum(
        (Decimal(each["sum_credit_booked"]) - Decimal(each["sum_debit_booked"]) for each in statements),
        Decimal(0),
    )


def every_file_is_told_as_proved(desk: Desk) -> None:
    pages = [
        desk.client.get(reverse("admin:reconciliation_fileimport_changelist"), {"p": n}) for n in range(1, 5)
    ]
    rows = [row for page in pages for row in page.context["cl"].result_list]
    assert len(rows) == 93
    assert {stated.gap for row in rows for stated in row.facts.statements} == {0}
    assert {stated.step for row in rows for stated in row.facts.statements} <= {0, None}
    last = desk.page(FileImport.objects.imported().order_by("pk").last())
    assert "The statements of these days add up" in last
