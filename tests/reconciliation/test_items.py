"""Items: closing with a reason, reopening, notes, and the status that follows from the token."""

from __future__ import annotations

from uuid import uuid4

import pytest

from ledgers.models import StatementLine
from organizations.models import AuditEvent
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Discrepancy, Match, OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.selectors.items import item_amounts, item_of
from reconciliation.services.items import item_close, item_note, item_reopen
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import STATEMENT, Books, books
from tests.reconciliation.counting import item_counts
from tests.reconciliation.files import csv

pytestmark = pytest.mark.django_db


@pytest.fixture
def example() -> Books:
    example = books(actor_with())
    example.upload(STATEMENT)
    return example


def test_closing_states_who_when_why_and_the_accounting_day(example: Books):
    record = example.close("S6", reason="bank_error", note="they know")
    row = example.row("S6")
    assert (row.match_status, row.closed_at, row.closed_by) == ("closed", NOW, example.by.ref)
    assert (row.close_reason, row.close_note) == ("bank_error", "they know")
    token = OpenItem.objects.get(record_id=record.pk)
    assert (token.cleared_on, token.open_amount) == (record.date, 15_00)
    assert AuditEvent.objects.filter(action="item.closed").count() == 1
    assert faults() == []


@pytest.mark.parametrize(
    ("given", "kept"), [("", "manual_review"), ("  ", "manual_review"), (" fee ", "fee")]
)
def test_a_reason_that_is_empty_is_manual_review(example: Books, given, kept):
    example.close("S6", reason=given)
    assert example.row("S6").close_reason == kept


def test_a_reason_is_64_characters_at_most(example: Books):
    example.close("S6", reason="x" * 64)
    with pytest.raises(Invalid, match="64"):
        example.close("S5", reason="x" * 65)
    assert example.status("S5") == "unmatched"


def test_closing_twice_is_closing_once(example: Books):
    example.close("S6", reason="first")
    example.close("S6", reason="second")
    assert example.row("S6").close_reason == "first"
    assert AuditEvent.objects.filter(action="item.closed").count() == 1


def test_closing_names_the_lines_own_ledger(example: Books):
    other = books(example.by, code="2000", entries=[])
    with pytest.raises(Invalid) as refused:
        example.close("S6", ledger_id=other.ledger.uuid)
    assert refused.value.issues[0]["path"] == ["ledger_id"]
    with pytest.raises(Invalid):
        example.close("S6", ledger_id=uuid4())
    assert example.status("S6") == "unmatched"


def test_an_item_in_an_accepted_match_cannot_be_closed(example: Books):
    example.auto_match()
    example.accept("S1")
    with pytest.raises(Conflict) as refused:
        example.close("S1")
    assert (refused.value.code, refused.value.word) == ("item.state", "item_state_conflict")
    assert example.status("S1") == "matched"


def test_closing_undoes_an_undecided_suggestion_first_and_frees_its_other_members(example: Books):
    example.auto_match()
    match = example.match_with("S4")
    example.close("S4")
    match.refresh_from_db()
    assert (match.status, match.ended_reason) == ("undone", "item_closed")
    assert example.status("S4") == "closed"
    assert OpenItem.objects.free().filter(side="b").count() == 3  # G4 and G5, beside G7
    assert AuditEvent.objects.filter(action="match.undone").count() == 1
    assert faults() == []
    assert example.auto_match().matched == 0  # a closed item is not matched; undoing is no judgement, so:
    example.reopen("S4")
    assert example.auto_match().matched == 1
    assert faults() == []


def test_reopening_makes_the_item_free_with_a_new_ticket(example: Books):
    record = example.close("S6")
    ticket = OpenItem.objects.get(record_id=record.pk).ticket
    example.reopen("S6")
    token = OpenItem.objects.get(record_id=record.pk)
    assert (token.closed_at, token.closed_by, token.close_reason, token.cleared_on) == (None, "", "", None)
    assert token.ticket != ticket
    assert example.status("S6") == "unmatched"
    assert faults() == []


@pytest.mark.parametrize("state", ["free", "suggested", "accepted"])
def test_only_a_closed_item_can_be_reopened(example: Books, state):
    if state != "free":
        example.auto_match()
    if state == "accepted":
        example.accept("S1")
    with pytest.raises(Conflict) as refused:
        example.reopen("S1")
    assert refused.value.code == "item.state"


def test_passes_leave_closed_items_alone(example: Books):
    example.close("S1")
    assert example.auto_match().matched == 3
    assert example.status("S1") == "closed"


def test_a_line_of_zero_is_closed_when_it_comes_in_and_blocks_nothing():
    made = books(actor_with(), entries=[("G1", "debit", 5_00, 3, "R1")])
    made.upload(csv(("S1", "credit", 5_00, 3, "R1"), ("S0", "credit", 0, 3, "")))
    row = made.row("S0")
    assert (row.match_status, row.close_reason, row.closed_by) == ("closed", "zero_amount", "system:intake")
    made.auto_match()
    made.accept("S1")
    from reconciliation.selectors.runs import run_of

    assert run_of(organization_id=made.by.organization_id, run_id=made.run.uuid).shown_status == "closed"
    assert faults() == []


def test_amounts_of_items_are_positive_and_add_up(example: Books):
    example.auto_match()
    covered, open_ = example.row("S3"), example.row("S6")
    assert (item_amounts(covered).matched, item_amounts(covered).residual) == (19_90, 0)
    assert (item_amounts(open_).matched, item_amounts(open_).residual) == (0, 15_00)


def test_counts_of_items(example: Books):
    example.auto_match()
    example.accept("S1")
    example.close("S6")
    counts = item_counts(example.run)
    assert (counts.items, counts.unmatched, counts.matched) == (6, 0, 4)
    assert (counts.partial, counts.closed, counts.suggested) == (1, 1, 4)


def test_a_note_is_kept_and_puts_what_is_open_in_review(example: Books):
    example.auto_match()
    said = Discrepancy.objects.get(run=example.run, record__description="S6")
    assert said.status == "open"
    for note in ("asked", "asked"):
        example.act(item_note, run=example.run, item_id=example.item("S6"), note=note)
    assert example.row("S6").note == "asked"
    said.refresh_from_db()
    assert said.status == "in_review"
    assert AuditEvent.objects.filter(action="item.noted").count() == 1
    example.act(item_note, run=example.run, item_id=example.item("S6"), note="")
    assert StatementLine.objects.exclude(note="").count() == 0


def test_a_noted_item_stays_in_review_when_a_suggestion_of_it_ends(example: Books):
    example.auto_match()
    example.reject("S1")
    example.act(item_note, run=example.run, item_id=example.item("S1"), note="asked")
    example.manual(["S1"], ["G1"])
    example.reject("S1")
    assert Discrepancy.objects.get(record__description="S1").status == "in_review"


def test_an_item_in_two_runs_is_one_item(example: Books):
    other = example.another_run()
    example.upload(STATEMENT, run=other)
    assert example.item("S1") == example.item("S1", run=other)
    example.close("S6")
    assert example.status("S6", run=other) == "closed"
    line, run = item_of(organization_id=example.by.organization_id, item_id=example.item("S6"))
    assert (run, line.record.description) == (other, "S6")
    example.auto_match(run=other)
    assert example.statuses() == example.statuses(run=other)
    assert Match.objects.count() == 5
    assert faults() == []


def test_unknown_items_are_not_found(example: Books):
    ids = {"organization_id": example.by.organization_id, "item_id": uuid4()}
    with pytest.raises(NotFound) as refused:
        example.act(item_close, **ids, ledger_id=example.ledger.uuid)
    assert refused.value.word == "item_not_found"
    with pytest.raises(NotFound):
        example.act(item_reopen, **ids)
    entry = {**ids, "item_id": example.entries["G1"]}
    with pytest.raises(NotFound):  # entries are closed nowhere
        example.act(item_close, **entry, ledger_id=example.ledger.uuid)
