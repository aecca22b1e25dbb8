"""The proof of any day: what the bank states, less what the books say, is open, written off, or unexplained."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from organizations.refusals import Conflict, Invalid
from reconciliation.selectors.as_at import items_as_at, open_as_at
from reconciliation.selectors.integrity import faults
from reconciliation.selectors.ledger_proof import breaks_of, ledger_proof, proof_days
from reconciliation.services.items import entry_close
from reconciliation.services.opening import open_before, opening_confirm
from reconciliation.services.wiring import bank_account_create
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import Line, Stmt, camt, csv

pytestmark = pytest.mark.django_db

OPENING = 1000_00
LINES: list[Line] = [
    ("S1", "credit", 250_00, 3, "INV-1"),
    ("S2", "debit", 40_00, 4, "PAY-1"),
    ("S3", "credit", 100_00, 5, "INV-2"),
]
ENTRIES: list[Line] = [
    ("G1", "debit", 250_00, 2, "INV-1"),
    ("G2", "credit", 40_00, 4, "PAY-1"),
    ("G3", "debit", 90_00, 5, "INV-2"),
    ("G4", "debit", 7_00, 5, "INV-3"),
]


def february(day: int) -> date:
    return date(2026, 2, day)


def statements(lines: list[Line], *, missing: int = 0, missing_on: int = 0) -> str:
    """A statement for each of the days 3 to 5; `missing`: moves the balances on that day without a line."""
    found, balance = [], OPENING
    for day in (3, 4, 5):
        of_day = tuple(line for line in lines if line[3] == day)
        closing = balance + sum(line[2] if line[1] == "credit" else -line[2] for line in of_day)
        closing += missing if day == missing_on else 0
        found.append(Stmt(of_day, opening=balance, closing=closing, first=february(day), last=february(day)))
        balance = closing
    return camt(*found)


def made(*, entries: list[Line] = ENTRIES, **more: int) -> Books:
    example = books(actor_with("admin"), entries=entries)
    example.upload(statements(LINES, **more), "statement.xml")
    return example


def confirm(example: Books, balance: int = OPENING, day: int = 1) -> None:
    example.act(opening_confirm, ledger=example.ledger, balance=balance, day=february(day))
    example.ledger.refresh_from_db()


def test_a_confirmed_opening_open_items_and_balances_explain_each_day():
    example = made()
    confirm(example)
    by_day = {
        proof.day.day: proof for proof in proof_days(example.ledger, since=february(1), until=february(5))
    }
    assert [by_day[day].unexplained for day in (1, 2, 3, 4, 5)] == [0, 0, 0, 0, 0]
    assert all(proof.ties_out for proof in by_day.values())
    assert [by_day[day].closing for day in (1, 3, 4, 5)] == [1000_00, 1250_00, 1210_00, 1310_00]
    assert [by_day[day].stated for day in (2, 3, 5)] == [False, True, True]
    assert [by_day[day].ledger_balance for day in (1, 2, 4, 5)] == [0, 250_00, 210_00, 307_00]
    assert (by_day[2].open_a, by_day[2].open_b) == (0, 250_00)
    assert by_day[5].opening_difference == OPENING


def test_a_match_leaves_the_open_items_from_its_accounting_date_on():
    example = made()
    confirm(example)
    example.auto_match()
    example.accept("S1")
    assert [
        (proof.open_a, proof.open_b)
        for proof in proof_days(example.ledger, since=february(2), until=february(3))
    ] == [(0, 250_00), (0, 0)]  # G1 of the 2nd was open until S1 came on the 3rd
    assert ledger_proof(example.ledger, february(5)).unexplained == 0


def test_a_suggestion_is_open_until_somebody_decides():
    example = made()
    confirm(example)
    before = ledger_proof(example.ledger, february(5))
    example.auto_match()
    suggested = ledger_proof(example.ledger, february(5))
    assert (suggested.open_a, suggested.open_b) == (before.open_a, before.open_b)


def test_what_is_left_of_a_match_in_part_is_open_until_it_is_written_off():
    example = made()
    confirm(example)
    example.manual(["S3"], ["G3"])
    held = ledger_proof(example.ledger, february(5))
    assert (held.open_a, held.written_off, held.unexplained) == (250_00 - 40_00 + 10_00, 0, 0)
    example.close("S3", reason="rounding")
    written = ledger_proof(example.ledger, february(5))
    assert (written.open_a, written.written_off_a, written.unexplained) == (250_00 - 40_00, 10_00, 0)


def test_a_closed_entry_is_written_off_on_its_day():
    example = made()
    confirm(example)
    example.act(
        entry_close, organization_id=example.by.organization_id, entry_id=example.entries["G4"], reason="kept"
    )
    proof = ledger_proof(example.ledger, february(5))
    assert (proof.written_off_b, proof.written_off, proof.unexplained) == (7_00, -7_00, 0)
    assert ledger_proof(example.ledger, february(4)).written_off_b == 0


def test_a_line_missing_in_the_statement_is_named_by_day_and_cent():
    example = made(missing=-18_42, missing_on=4)
    confirm(example)
    days = proof_days(example.ledger, since=february(1), until=february(5))
    assert [(found.day, found.amount) for found in breaks_of(days)] == [(february(4), -18_42)]
    assert not days[-1].ties_out


def test_without_a_confirmation_the_stated_opening_is_the_difference_and_nothing_ties_out():
    example = made()
    proof = ledger_proof(example.ledger, february(5))
    assert (proof.opening_difference, proof.opening_confirmed, proof.unexplained) == (OPENING, False, 0)
    assert not proof.ties_out


def test_confirming_explains_the_books_before_the_day_and_closes_what_is_older():
    old: list[Line] = [("G0", "debit", 900_00, 1, "OLD"), *ENTRIES]
    example = made(entries=old)
    assert open_before(example.ledger, february(4)) == 3  # G0, G1, S1
    confirm(example, OPENING, 2)
    proof = ledger_proof(example.ledger, february(5))
    assert (proof.opening_difference, proof.unexplained, proof.ties_out) == (100_00, 0, True)
    assert [row.reference for row in open_as_at(example.ledger, february(2))] == ["INV-1"]
    assert faults() == []


def test_confirming_another_day_gives_the_days_between_back():
    example = made()
    confirm(example, 1250_00, 4)
    assert (example.status("S1"), ledger_proof(example.ledger, february(5)).ties_out) == ("closed", True)
    confirm(example)
    assert (example.status("S1"), ledger_proof(example.ledger, february(5)).ties_out) == ("unmatched", True)
    assert faults() == []


def test_a_wrong_opening_balance_shows_as_unexplained_from_the_first_day():
    example = made()
    confirm(example, OPENING + 5)
    days = proof_days(example.ledger, since=february(1), until=february(5))
    assert [(found.day, found.amount) for found in breaks_of(days)] == [(february(1), -5)]


def test_a_statement_of_several_days_is_proved_on_each_of_them_also_from_an_opening_within_it():
    example = books(actor_with("admin"), entries=ENTRIES)
    whole = Stmt(tuple(LINES), opening=OPENING, closing=1310_00, first=february(3), last=february(6))
    example.upload(camt(whole), "statement.xml")
    confirm(example, 1210_00, 5)
    days = proof_days(example.ledger, since=february(4), until=february(6))
    assert [(proof.before_opening, proof.unexplained) for proof in days] == [
        (True, 0),
        (False, 0),
        (False, 0),
    ]
    assert (days[0].ties_out, days[1].ties_out, days[2].ties_out) == (False, True, True)


def test_lines_older_than_the_first_statement_lead_back_from_its_opening():
    example = books(actor_with("admin"), entries=ENTRIES)
    example.upload(csv(("S0", "credit", 70_00, 1, "OLD")))
    example.upload(statements(LINES), "statement.xml")
    confirm(example, OPENING - 70_00)
    assert breaks_of(proof_days(example.ledger, since=february(1), until=february(5))) == []


def test_statements_of_one_day_are_chained_by_their_balances_in_whatever_order_they_came():
    example = books(actor_with("admin"), entries=ENTRIES)
    day = february(3)
    second = Stmt((("S2", "debit", 40_00, 3, "B"),), opening=1250_00, closing=1210_00, first=day, last=day)
    first = Stmt((("S1", "credit", 250_00, 3, "A"),), opening=OPENING, closing=1250_00, first=day, last=day)
    example.upload(camt(second), "second.xml")
    example.upload(camt(first), "first.xml")
    proof = ledger_proof(example.ledger, day)
    assert (proof.closing, proof.opening_difference, proof.unexplained) == (1210_00, OPENING, 0)


def test_an_account_without_stated_balances_has_what_the_confirmed_opening_leaves_for_it():
    example = made()
    silent = example.act(
        bank_account_create, organization_id=example.by.organization_id, name="Silent", ledger=example.ledger
    )
    assert silent.ledger == example.ledger
    confirm(example, OPENING + 500_00)
    assert ledger_proof(example.ledger, february(5)).unexplained == 0


def test_what_a_person_closed_before_the_opening_is_no_part_of_the_proof_and_stays_closed():
    example = made()
    example.close("S1", reason="before_opening")
    example.act(
        entry_close, organization_id=example.by.organization_id, entry_id=example.entries["G1"], reason="kept"
    )
    confirm(example, 1250_00, 4)
    assert ledger_proof(example.ledger, february(5)).ties_out
    confirm(example)
    assert (example.status("S1"), example.row("S1").closed_by) == ("closed", example.by.ref)
    assert ledger_proof(example.ledger, february(5)).ties_out
    assert faults() == []


def test_a_line_that_came_in_closed_is_not_reopened():
    example = made()
    confirm(example, 1250_00, 4)
    with pytest.raises(Conflict) as refused:
        example.reopen("S1")
    assert refused.value.code == "item.closed_at_intake"


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1899, 12, 31), date(9999, 12, 31)])
def test_an_opening_day_is_a_day_of_the_books(day: date):
    example = made()
    with pytest.raises(Invalid) as refused:
        example.act(opening_confirm, ledger=example.ledger, balance=0, day=day)
    assert refused.value.code == "ledger.opening"


def test_confirming_over_a_match_of_an_earlier_day_is_refused_naming_it():
    example = made()
    example.auto_match()
    with pytest.raises(Conflict) as refused:
        confirm(example, OPENING, 4)
    assert refused.value.code == "ledger.opening_matched"
    example.ledger.refresh_from_db()
    assert example.ledger.opening_balance is None


def test_accounts_without_stated_balances_are_proved_by_their_movements():
    example = books(actor_with("admin"), entries=ENTRIES)
    example.upload(camt(Stmt(tuple(LINES))), "statement.xml")
    proof = ledger_proof(example.ledger, february(5))
    assert (proof.closing, proof.statement_balance, proof.unexplained) == (None, 310_00, 0)


def test_the_open_lists_of_a_day_are_as_they_stood_then():
    example = made()
    example.auto_match()
    example.accept("S1")
    example.close("S3", cleared_on=february(6))
    on = {
        day: {r.description or r.reference for r in open_as_at(example.ledger, february(day))}
        for day in (2, 3, 5, 6)
    }
    assert on[2] == {"INV-1"}
    assert on[3] == set()
    assert on[5] == {"S2", "PAY-1", "S3", "INV-2", "INV-3"}
    assert on[6] == {"S2", "PAY-1", "INV-2", "INV-3"}
    shown = {row.record.description: row.match_status for row in items_as_at(example.run, february(5))}
    assert shown == {"S1": "matched", "S2": "matched", "S3": "unmatched"}
    assert {row.record.description for row in items_as_at(example.run, february(3))} == {"S1"}


def test_a_period_of_proofs_costs_as_many_queries_as_a_day(django_assert_max_num_queries):
    example = made()
    with django_assert_max_num_queries(8):
        found = proof_days(example.ledger, since=february(1), until=february(1) + timedelta(days=365))
    assert len(found) == 366
