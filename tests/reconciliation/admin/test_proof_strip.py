"""The proof by day on a run's page and on the overview, and the opening balance that a person confirms."""

from datetime import date

import pytest
from django.urls import reverse

from ledgers.models import Ledger, Statement
from reconciliation.selectors.integrity import faults
from tests.reconciliation.admin.desk import Desk, text_of
from tests.reconciliation.books import STATEMENT

pytestmark = pytest.mark.django_db
OPENING, LINES = 100_00, 2315_60


@pytest.fixture
def stated(desk: Desk) -> Desk:
    """The bank says 100.00 at the start of 4 February, and its closing on the 10th."""
    desk.books.upload(STATEMENT)
    Statement.objects.update(
        opening_amount=OPENING,
        opening_on=date(2026, 2, 4),
        closing_amount=OPENING + LINES,
        closing_on=date(2026, 2, 10),
    )
    return desk


def confirm(desk: Desk, page: str, **fields: str) -> str:
    pk = {"run": desk.books.run.pk, "ledger": desk.books.ledger.pk}[page]
    app = {"run": "reconciliation_run", "ledger": "ledgers_ledger"}[page]
    url = reverse(f"admin:{app}_act", args=[pk, "confirm-opening"])
    return text_of(desk.client.post(url, fields, follow=True))


def test_without_stated_balances_the_lines_are_explained_day_by_day(proposed: Desk):
    page = proposed.page()
    assert "Proof by day every day ties out, or what broke is explained" in page
    assert "2026-02-10 : it ties out; the bank states no balance" in page


def test_a_run_without_a_file_has_no_days(desk: Desk):
    assert "Proof by day" not in desk.page()


def test_an_opening_that_nobody_confirmed_is_named_until_a_person_does(stated: Desk):
    page = stated.page()
    assert "the opening balance is not confirmed" in page
    assert "Opening difference not confirmed 100.00 EUR" in page
    url = reverse("admin:reconciliation_run_act", args=[stated.books.run.pk, "confirm-opening"])
    asked = text_of(stated.client.get(url))
    assert "0 open lines and entries are older than 2026-02-04." in asked
    assert 'value="100.00"' in stated.client.get(url).content.decode(), "what the first statement states"

    assert "Write it like 1250.00" in confirm(stated, "run", balance="many", day="2026-02-04")
    page = confirm(stated, "run", balance="100.00", day="2026-02-04")
    assert "The opening balance is confirmed." in page
    assert "every day ties out" in page
    assert f"Opening difference confirmed by {stated.membership.user.shown_name} on" in page
    assert Ledger.objects.get().opening_balance == OPENING
    assert "opening balance confirmed" in text_of(
        stated.client.get(reverse("admin:ledgers_ledger_change", args=[stated.books.ledger.pk]))
    )
    assert faults() == []


def test_an_earlier_day_is_refused_while_older_records_are_matched(stated: Desk):
    stated.books.manual(["S1"], ["G1"])
    page = confirm(stated, "ledger", balance="100.00", day="2026-02-06")
    assert "has a record of 2026-02-04, before 2026-02-06. Undo the matches of earlier days first" in page
    assert Ledger.objects.get().opening_balance is None


def test_the_day_and_the_cent_on_which_it_broke_are_named(stated: Desk):
    confirm(stated, "ledger", balance="100.00", day="2026-02-04")
    Statement.objects.update(closing_amount=OPENING + LINES - 18_42)
    page = stated.page()
    assert "Proof by day −18.42 EUR unexplained" in page
    assert "2026-02-10 : here the unexplained amount changes by −18.42 EUR." in page
    before = stated.page("review", day="2026-02-09")
    assert "2026-02-09 : it ties out; no statement ends on this day" in before
    assert "Bank's balance (last statement and lines since)" in before


def test_what_was_written_off_is_stated(stated: Desk):
    confirm(stated, "ledger", balance="100.00", day="2026-02-04")
    stated.books.manual(["S4"], ["G2"])
    line = str(stated.books.item("S4"))
    stated.post("close", line=line, seen=line, reason="Bank fee", back="")
    page = stated.page()
    assert "Lines closed or written off +19.50 EUR" in page
    assert "Unexplained 0.00 EUR" in page


@pytest.mark.parametrize("day", ["2026-02-31", "x", "1999-01-01"])
def test_a_day_that_there_is_not_shows_the_last_one(stated: Desk, day):
    assert "2026-02-10 : explained, but the opening balance is not confirmed" in stated.page(
        "review", day=day
    )


def test_a_viewer_reads_the_proof_and_confirms_nothing(stated: Desk):
    viewer = stated.as_somebody("viewer")
    assert "Proof by day" in viewer.page()
    url = reverse("admin:reconciliation_run_act", args=[stated.books.run.pk, "confirm-opening"])
    assert viewer.client.post(url, {"balance": "1", "day": "2026-02-04"}).status_code == 403


def test_the_overview_shows_the_last_days_of_each_ledger(stated: Desk, django_assert_max_num_queries):
    page = text_of(stated.client.get(reverse("admin:index")))
    assert "Proof by account and day 1000 Bank 2026-02-10: explained, but the opening balance" in page
    stated.books.another_run("Second")
    with django_assert_max_num_queries(45):
        stated.client.get(reverse("admin:index"))
