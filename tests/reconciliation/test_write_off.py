"""Writing off: a person closes what an accepted match left open. The closing stands and falls with its match."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from organizations.models import AuditEvent
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Match, OpenItem
from reconciliation.selectors.accounts import account_rows
from reconciliation.selectors.discrepancies import discrepancies_of
from reconciliation.selectors.entries import gl_only
from reconciliation.selectors.integrity import faults
from reconciliation.selectors.items import item_amounts
from reconciliation.selectors.ledger_proof import ledger_proof
from reconciliation.selectors.runs import run_of
from reconciliation.services.items import entry_close, entry_reopen
from reconciliation.services.matches import match_reject, match_undo
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import STATEMENT, Books, books
from tests.reconciliation.files import csv

pytestmark = pytest.mark.django_db

ENDS = {"rejected": match_reject, "undone": match_undo}


@pytest.fixture
def example() -> Books:
    """S5 of 90.00 matched by hand with G6 of 77.00: 13.00 are left."""
    example = books(actor_with())
    example.upload(STATEMENT)
    example.manual(["S5"], ["G6"])
    return example


@pytest.fixture
def larger() -> Books:
    """An entry of 100.00 matched by hand with a line of 60.00: 40.00 of the entry are left."""
    larger = books(actor_with(), entries=[("G1", "debit", 100_00, 3, "R1"), ("G2", "debit", 7_00, 9, "R2")])
    larger.upload(csv(("S1", "credit", 60_00, 3, "R1")))
    larger.manual(["S1"], ["G1"])
    return larger


def entry_act(made: Books, service, name: str, **more):
    ids = {"organization_id": made.by.organization_id, "entry_id": made.entries[name]}
    return made.act(service, **ids, **more)


def stands(made: Books, name: str) -> tuple[str, int, int]:
    row = made.row(name)
    return row.match_status, item_amounts(row).matched, item_amounts(row).residual


def mismatch(made: Books):
    return discrepancies_of(made.run).filter(type="amount_mismatch").order_by("-pk")[0]


def test_it_keeps_the_match_and_states_who_when_why(example: Books):
    match = example.match_with("S5")
    example.close("S5", reason="bank_fee", note="agreed by phone")
    token = OpenItem.objects.get(held_by=match.pk)
    assert (token.closed_at, token.closed_by) == (NOW, example.by.ref)
    assert (token.close_reason, token.close_note, token.open_amount) == ("bank_fee", "agreed by phone", 13_00)
    match.refresh_from_db()
    assert match.status == "accepted"
    assert stands(example, "S5") == ("closed", 77_00, 13_00)
    assert (mismatch(example).status, mismatch(example).close_reason) == ("closed", "auto:item_closed")
    event = AuditEvent.objects.get(action="item.written_off")
    assert (event.data["amount"], event.data["reason"]) == (13_00, "bank_fee")
    assert faults() == []


def test_written_off_twice_is_once(example: Books):
    example.close("S5", reason="first")
    example.close("S5", reason="second")
    assert example.row("S5").close_reason == "first"
    assert AuditEvent.objects.filter(action="item.written_off").count() == 1


def test_reopened_it_is_held_again_with_the_same_rest(example: Books):
    match = example.match_with("S5")
    example.close("S5")
    ticket = OpenItem.objects.get(held_by=match.pk).ticket
    example.reopen("S5")
    token = OpenItem.objects.get(held_by=match.pk)
    assert (token.closed_at, token.cleared_on, token.open_amount) == (None, None, 13_00)
    assert token.ticket != ticket
    assert stands(example, "S5") == ("partial", 77_00, 13_00)
    assert mismatch(example).status == "in_review"
    assert faults() == []


@pytest.mark.parametrize("end", ENDS)
def test_when_its_match_ends_the_closing_ends_in_the_same_act(example: Books, end):
    match = example.match_with("S5")
    example.close("S5", reason="bank_fee", note="x")
    example.act(ENDS[end], match_id=match.pk)
    assert stands(example, "S5") == ("unmatched", 0, 90_00)
    token = OpenItem.objects.get(record_id=example.row("S5").record_id)
    assert (token.held_by, token.closed_at, token.closed_by) == (None, None, "")
    assert (token.close_reason, token.close_note, token.cleared_on) == ("", "", None)
    assert {each.status for each in discrepancies_of(example.run).filter(type="amount_mismatch")} == {
        "closed"
    }
    assert (
        discrepancies_of(example.run).get(type="unmatched_source", record__description="S5").status == "open"
    )
    assert faults() == []


def test_its_day_is_that_of_the_match_or_later(example: Books):
    match = example.match_with("S5")
    assert match.cleared_on == date(2026, 2, 11)  # G6's; S5 is of the 9th
    with pytest.raises(Invalid) as refused:
        example.close("S5", cleared_on=date(2026, 2, 10))
    assert (refused.value.code, refused.value.issues[0]["path"]) == ("match.cleared_on", ["cleared_on"])
    example.close("S5", cleared_on=date(2026, 3, 5))
    assert OpenItem.objects.get(held_by=match.pk).cleared_on == date(2026, 3, 5)
    example.reopen("S5")
    example.close("S5")
    assert OpenItem.objects.get(held_by=match.pk).cleared_on == date(2026, 2, 11)
    assert faults() == []


def test_a_match_by_hand_has_its_day_too():
    made = books(actor_with(), entries=[("G1", "debit", 5_00, 9, "")])
    made.upload(csv(("S1", "credit", 5_00, 3, "")))
    from reconciliation.services.by_hand import match_manual

    ids = {"run": made.run, "item_ids": [made.item("S1")], "entry_ids": [made.entries["G1"]]}
    with pytest.raises(Invalid) as refused:
        made.act(match_manual, **ids, cleared_on=date(2026, 2, 8))
    assert refused.value.code == "match.cleared_on"
    match = made.act(match_manual, **ids, cleared_on=date(2026, 2, 28)).match
    assert match.cleared_on == date(2026, 2, 28)
    assert faults() == []


def test_a_partial_suggestion_is_undone_first_and_the_whole_line_is_closed():
    made = books(actor_with())
    made.upload(STATEMENT)
    made.auto_match()
    match = made.match_with("S5")
    made.close("S5", reason="fee")
    match.refresh_from_db()
    assert (match.status, match.ended_reason) == ("undone", "item_closed")
    assert stands(made, "S5") == ("closed", 0, 90_00)
    assert "INV-799" in set(gl_only(made.run).values_list("reference", flat=True))
    assert {each.status for each in discrepancies_of(made.run).filter(record__description="S5")} == {"closed"}
    assert faults() == []


def test_with_its_rest_written_off_the_line_keeps_no_run_open():
    made = books(actor_with())
    made.upload(STATEMENT)
    made.auto_match()
    for name in ("S1", "S2", "S3", "S4", "S5"):
        made.accept(name)
    made.close("S6")

    def shown() -> str:
        return run_of(organization_id=made.by.organization_id, run_id=made.run.uuid).shown_status

    assert shown() == "completed"
    made.close("S5")
    assert shown() == "closed"
    made.reopen("S5")
    assert shown() == "completed"


# --- Entries ------------------------------------------------------------------------------------------------------------


def test_the_rest_of_an_entry_is_written_off_and_held_again(larger: Books):
    entry_act(larger, entry_close, "G1", reason="discount", note="agreed")
    token = OpenItem.objects.get(held_by__isnull=False)
    assert (token.open_amount, token.close_reason, token.cleared_on) == (40_00, "discount", date(2026, 2, 3))
    assert stands(larger, "S1") == ("matched", 60_00, 0)
    assert mismatch(larger).status == "closed"
    assert account_rows(organization_id=larger.by.organization_id).get().unreconciled_count == 2
    assert faults() == []
    entry_act(larger, entry_reopen, "G1")
    assert OpenItem.objects.held().get().open_amount == 40_00
    assert mismatch(larger).status == "in_review"
    assert faults() == []


def test_an_entrys_write_off_ends_with_its_match(larger: Books):
    entry_act(larger, entry_close, "G1")
    larger.act(match_undo, match_id=Match.objects.get().pk)
    assert OpenItem.objects.free().count() == 3
    assert faults() == []


def test_a_free_entry_is_closed_and_passes_leave_it_alone(larger: Books):
    entry_act(larger, entry_close, "G2", reason="wrong_account")
    larger.upload(csv(("S2", "credit", 7_00, 9, "R2")))
    assert larger.auto_match().suggested == 0
    entry_act(larger, entry_reopen, "G2")
    assert larger.auto_match().matched == 1
    assert faults() == []


def test_an_entry_in_an_accepted_match_is_not_closed_one_in_a_suggestion_is_freed_first():
    made = books(actor_with(), entries=[("G1", "debit", 7_00, 9, "R1")])
    made.upload(csv(("S1", "credit", 7_00, 9, "R1")))
    made.auto_match()
    match = made.match_with("S1")
    entry_act(made, entry_close, "G1")
    match.refresh_from_db()
    assert (match.status, stands(made, "S1")) == ("undone", ("unmatched", 0, 7_00))
    with pytest.raises(Conflict) as refused:
        made.manual(["S1"], ["G1"])
    assert refused.value.code == "match.token_taken"
    entry_act(made, entry_reopen, "G1")
    made.manual(["S1"], ["G1"])
    for service in (entry_close, entry_reopen):
        with pytest.raises(Conflict) as refused:
            entry_act(made, service, "G1")
        assert refused.value.code == "item.state"
    assert faults() == []


def test_another_organizations_entry_is_as_one_that_does_not_exist(larger: Books):
    stranger = actor_with()
    for entry_id in (larger.entries["G1"], uuid4()):
        for service in (entry_close, entry_reopen):
            with pytest.raises(NotFound) as refused:
                service(organization_id=stranger.organization_id, entry_id=entry_id, by=stranger, at=NOW)
            assert refused.value.word == "ledger_entry_not_found"


def test_what_is_written_off_explains_the_proof(example: Books):
    day = date(2026, 2, 28)
    before = ledger_proof(example.ledger, day)
    example.close("S5")
    after = ledger_proof(example.ledger, day)
    assert (before.written_off, after.written_off) == (0, 13_00)
    assert before.open_items - after.open_items == 13_00
    assert after.unexplained == before.unexplained
