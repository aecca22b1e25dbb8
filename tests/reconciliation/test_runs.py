"""Runs: created once per key, closed when nothing is left to do, voided with what is theirs alone."""

from __future__ import annotations

import pytest

from ledgers.models import Record, SourceFile
from organizations.models import AuditEvent
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Discrepancy, Match, OpenItem, Run
from reconciliation.selectors.accounts import account_rows
from reconciliation.selectors.discrepancies import discrepancies_of
from reconciliation.selectors.entries import gl_all, gl_only
from reconciliation.selectors.integrity import faults
from reconciliation.selectors.proof import run_proof
from reconciliation.selectors.runs import is_closed, run_of, runs_of
from reconciliation.services.discrepancies import (
    discrepancy_close,
    discrepancy_reopen,
    discrepancy_review,
)
from reconciliation.services.passes import pass_request
from reconciliation.services.runs import run_create, run_note, run_void
from tests.factories.organizations import actor_with
from tests.reconciliation.books import STATEMENT, Books, books
from tests.reconciliation.files import Stmt, camt, csv

pytestmark = pytest.mark.django_db


@pytest.fixture
def example() -> Books:
    example = books(actor_with())
    example.upload(STATEMENT)
    return example


def create(made: Books, **body) -> tuple[Run, bool]:
    return made.act(run_create, organization_id=made.by.organization_id, ledger=made.ledger, **body)


def shown(made: Books, run: Run | None = None) -> str:
    run = run or made.run
    return run_of(organization_id=made.by.organization_id, run_id=run.uuid).shown_status


def finish(made: Books) -> None:
    """Everything decided or closed."""
    made.auto_match()
    for name in ("S1", "S2", "S3", "S4"):
        made.accept(name)
    made.close("S5")
    made.close("S6")


def test_the_same_key_and_body_give_the_first_run_another_body_is_refused(example: Books):
    first, made = create(example, idempotency_key="k1", note="March")
    assert made
    assert create(example, idempotency_key="k1", note="March") == (first, False)
    for body in ({"note": "April"}, {"note": "March", "mode": "automatic"}):
        with pytest.raises(Conflict) as refused:
            create(example, idempotency_key="k1", **body)
        assert (refused.value.code, refused.value.word) == (
            "run.idempotency_conflict",
            "idempotency_conflict",
        )
    other = books(example.by, code="2000", entries=[])
    assert create(other, idempotency_key="k1", note="March")[1]  # the key is the ledger's
    assert AuditEvent.objects.filter(action="run.created").count() == 4


def test_without_a_key_each_request_makes_a_run(example: Books):
    assert create(example)[0] != create(example)[0]


def test_a_deleted_runs_key_is_free_again(example: Books):
    first, _made = create(example, idempotency_key="k1")
    example.act(run_void, run=first)
    again, made = create(example, idempotency_key="k1")
    assert made
    assert again != first


@pytest.mark.parametrize("body", [{"mode": "sometimes"}, {"source_type": "ftp"}])
def test_modes_and_source_types_are_closed_lists(example: Books, body):
    with pytest.raises(Invalid):
        create(example, **body)


def test_a_runs_note_is_its_name(example: Books):
    example.act(run_note, run=example.run, note="March")
    assert str(run_of(organization_id=example.by.organization_id, run_id=example.run.uuid)) == "March"
    example.act(run_note, run=example.run, note="March")
    assert AuditEvent.objects.filter(action="run.noted").count() == 1


def test_a_run_is_closed_when_every_item_is_matched_or_closed_and_nothing_is_open(example: Books):
    assert shown(example) == "pending"
    example.auto_match()
    assert shown(example) == "completed"
    for name in ("S1", "S2", "S3"):
        example.accept(name)
    example.close("S5")
    example.close("S6")
    assert shown(example) == "completed"  # S4 is matched, but nobody decided
    example.accept("S4")
    assert shown(example) == "closed"
    assert is_closed(example.run)
    run = run_of(organization_id=example.by.organization_id, run_id=example.run.uuid)
    assert (run.item_count, run.matched_count, run.closed_count) == (6, 4, 2)
    assert (run.unmatched_count, run.partial_count, run.source_count) == (0, 0, 1)
    assert faults() == []


def test_a_closed_run_opens_with_a_reopened_item_a_reject_or_an_upload(example: Books):
    finish(example)
    example.reopen("S6")
    assert shown(example) == "completed"
    example.close("S6")
    assert shown(example) == "closed"
    example.reject("S1")
    assert shown(example) == "completed"
    example.close("S1")
    assert shown(example) == "closed"
    example.upload(csv(("T1", "credit", 3_00, 9, "")))
    assert shown(example) == "completed"


def test_an_empty_run_and_one_never_matched_are_not_closed(example: Books):
    empty = example.another_run()
    assert shown(example, empty) == "pending"
    example.auto_match(run=empty)
    assert shown(example, empty) == "completed"
    for name in ("S1", "S2", "S3", "S4", "S5", "S6"):
        example.close(name)
    assert shown(example) == "pending"


def test_open_warnings_keep_a_run_open_those_in_review_and_info_do_not(example: Books):
    finish(example)
    said = discrepancies_of(example.run).filter(record__description="S6").get()
    example.act(discrepancy_reopen, discrepancy=said)
    assert shown(example) == "completed"
    example.act(discrepancy_review, discrepancy=said)
    assert shown(example) == "closed"
    example.act(discrepancy_close, discrepancy=said, reason="seen")
    example.act(discrepancy_reopen, discrepancy=said)
    assert shown(example) == "completed"
    Discrepancy.objects.filter(pk=said.pk).update(severity="info")
    assert shown(example) == "closed"
    Discrepancy.objects.filter(pk=said.pk).update(severity="critical")
    assert shown(example) == "completed"
    example.act(discrepancy_close, discrepancy=said, reason="known")
    assert shown(example) == "closed"


def test_a_closed_run_is_not_deleted(example: Books):
    finish(example)
    with pytest.raises(Conflict) as refused:
        example.act(run_void, run=example.run)
    assert (refused.value.code, refused.value.word) == ("run.closed", "run_state_conflict")
    example.reopen("S6")
    example.act(run_void, run=example.run)
    assert faults() == []


def test_deleting_a_run_takes_its_files_items_matches_and_discrepancies_and_frees_the_entries(example: Books):
    example.auto_match()
    example.accept("S1")
    example.act(run_void, run=example.run)
    with pytest.raises(NotFound):
        shown(example)
    assert example.run not in runs_of(example.by.organization_id)
    assert not Record.objects.live().filter(stream__kind="statement").exists()
    assert not Match.objects.live().exists()
    assert {match.ended_reason for match in Match.objects.all()} == {"source_voided"}
    assert not Discrepancy.objects.live().exists()
    assert not SourceFile.objects.live().exists()
    assert OpenItem.objects.free().count() == 7
    row = account_rows(organization_id=example.by.organization_id).get()
    assert (row.total_count, row.unreconciled_count) == (7, 7)
    event = AuditEvent.objects.get(action="run.voided")
    assert (event.data["voided"], event.data["stayed"], event.data["undone"]) == (6, 0, 5)
    assert faults() == []
    example.act(run_void, run=example.run)  # twice is the same as once
    assert AuditEvent.objects.filter(action="run.voided").count() == 1


def test_a_run_with_a_pass_under_way_is_not_deleted(example: Books):
    example.request()
    with pytest.raises(Conflict) as refused:
        example.act(run_void, run=example.run)
    assert refused.value.code == "pass.running"


def test_a_run_whose_file_is_being_imported_is_not_deleted(example: Books):
    example.add(csv(("T1", "credit", 3_00, 9, "")))
    with pytest.raises(Conflict) as refused:
        example.act(run_void, run=example.run)
    assert refused.value.code == "file.processing"


def test_a_deleted_run_takes_no_file_no_pass_no_match(example: Books):
    other = example.another_run()
    example.upload(STATEMENT, run=other)
    item = example.item("S1")
    example.act(run_void, run=example.run)
    with pytest.raises(NotFound):
        example.add(csv(("T1", "credit", 3_00, 9, "")))
    with pytest.raises(NotFound):
        example.act(pass_request, reconciliation=example.run.reconciliation, run=example.run)
    from reconciliation.services.by_hand import match_manual

    with pytest.raises(NotFound):
        example.act(match_manual, run=example.run, item_ids=[item], entry_ids=[example.entries["G1"]])
    assert faults() == []


def test_what_another_run_states_stays_there_with_its_match(example: Books):
    example.auto_match()
    example.accept("S1")
    other = example.another_run()
    example.upload(
        csv(("S1", "credit", 1250_00, 4, "INV-701"), ("S5", "credit", 90_00, 9, "INV-799")), run=other
    )
    example.act(run_void, run=example.run)
    assert example.statuses(run=other) == {"S1": "matched", "S5": "partial"}
    assert sorted(Match.objects.live().values_list("status", flat=True)) == ["accepted", "suggested"]
    assert [(d.record.description, d.amount) for d in discrepancies_of(other)] == [("S5", 13_00)]
    event = AuditEvent.objects.get(action="run.voided")
    assert (event.data["voided"], event.data["stayed"], event.data["undone"]) == (4, 2, 3)
    assert account_rows(organization_id=example.by.organization_id).get().unreconciled_count == 6
    assert faults() == []


def test_gl_lists_see_matches_of_every_run_and_the_day_of_clearing(example: Books):
    from datetime import date

    example.auto_match()
    other = example.another_run()
    assert gl_all(other).count() == 7
    assert gl_only(other).count() == 1
    assert {row.linked_run_uuid for row in gl_all(other).filter(linked=True)} == {example.run.uuid}
    assert gl_all(example.run, as_at=date(2026, 2, 5)).count() == 3  # G1, G2, G3
    assert gl_only(example.run, as_at=date(2026, 2, 5)).count() == 1  # G2 was cleared with S2 on the 6th


# --- The proof, by hand -----------------------------------------------------------------------------------------
# Asset: debits are money in. Entries 1250.00 + 480.50 + 300.00 + 200.00 + 77.00 = 2307.50 debit, 19.90 + 6.60 = 26.50
# credit, so the books say 2281.00. The bank says 1250.00 + 480.50 + 500.00 + 90.00 + 15.00 - 19.90 = 2315.60.
# Difference 34.60 = S5 90.00 + S6 15.00 - G6 77.00 + G7 6.60.


def test_the_proof_of_an_asset_ledger_is_as_computed_by_hand(example: Books):
    row = account_rows(organization_id=example.by.organization_id, ledger=example.ledger).get()
    assert row.total_count == 7
    from ledgers.selectors import balances

    balance = balances([example.ledger.pk])[example.ledger.pk]
    assert (balance.debit, balance.credit, balance.posted(example.ledger)) == (2307_50, 26_50, 2281_00)
    before = run_proof(example.run)
    assert (before.statement_sum, before.ledger_sum, before.difference) == (2315_60, 2281_00, 34_60)
    assert (before.open_items, before.unexplained) == (34_60, 0)
    finish(example)
    after = run_proof(example.run)
    assert (after.difference, after.open_items, after.closed_items) == (34_60, -70_40, 105_00)
    assert (after.opening, after.closing, after.unexplained) == (None, None, 0)


def test_the_proof_of_a_liability_ledger_is_as_computed_by_hand():
    made = books(actor_with(), type="liability")
    made.upload(STATEMENT)
    made.auto_match()
    from ledgers.selectors import balances

    balance = balances([made.ledger.pk])[made.ledger.pk]
    assert (balance.debit, balance.credit, balance.posted(made.ledger)) == (2307_50, 26_50, -2281_00)
    proof = run_proof(made.run)
    assert (proof.statement_sum, proof.ledger_sum, proof.difference) == (2315_60, -2281_00, 4596_60)
    assert proof.unexplained == 0


def test_a_statement_that_misses_a_line_is_named_to_the_cent():
    made = books(actor_with(), entries=[("G1", "debit", 10_00, 3, "R1")])
    made.upload(camt(Stmt((("S1", "credit", 10_00, 3, "R1"),), opening=100_00, closing=117_35)), "s.xml")
    proof = run_proof(made.run)
    assert (proof.opening, proof.closing, proof.statement_gap) == (100_00, 117_35, 7_35)
    assert (proof.difference, proof.unexplained) == (0, 7_35)
    said = discrepancies_of(made.run).get()
    assert (said.type, said.severity, said.amount) == ("statement_balance_mismatch", "critical", 7_35)
    assert "7.35" in said.description
    assert "2026-02-28" in said.description


@pytest.mark.parametrize(
    ("number", "closing", "text"),
    [
        ("S1", 117_35, "Statement S1 of 2026-02-28 does not add up: it closes with 7.35\u00a0EUR more than"),
        ("S1", 91_58, "Statement S1 of 2026-02-28 does not add up: it closes with 18.42\u00a0EUR less than"),
        (
            "2026-02-28",
            117_35,
            "Statement 2026-02-28 does not add up: it closes with 7.35\u00a0EUR more than",
        ),
    ],
)
def test_a_gap_is_told_in_words_with_the_day_once(number, closing, text):
    made = books(actor_with(), entries=[])
    file = camt(Stmt((("S1", "credit", 10_00, 3, "R1"),), opening=100_00, closing=closing))
    made.upload(file.replace("<Id>S1</Id>", f"<Id>{number}</Id>"), "s.xml")
    assert discrepancies_of(made.run).get().description.startswith(text)


def test_a_missing_statement_between_two_shows_as_a_gap():
    made = books(actor_with(), entries=[])
    made.upload(camt(Stmt((("S1", "credit", 10_00, 3, ""),), opening=0, closing=10_00)), "1.xml")
    assert run_proof(made.run).statement_gap == 0
    from datetime import date

    later = Stmt(
        (("S2", "credit", 5_00, 20, ""),),
        opening=14_00,
        closing=19_00,
        first=date(2026, 3, 1),
        last=date(2026, 3, 31),
    )
    made.upload(camt(later), "3.xml")
    proof = run_proof(made.run)
    assert (proof.opening, proof.closing, proof.statement_gap) == (0, 19_00, 4_00)


def test_lines_and_entries_before_the_opening_balance_are_out_of_the_proof():
    from datetime import date

    made = books(
        actor_with(),
        entries=[("G0", "debit", 50_00, 1, "R0"), ("G1", "debit", 10_00, 5, "R1")],
        opening_balance=50_00,
        opening_date=date(2026, 2, 3),
    )
    made.upload(csv(("S0", "credit", 50_00, 1, "R0"), ("S1", "credit", 10_00, 5, "R1")))
    assert OpenItem.objects.filter(side="b").count() == 1
    assert made.statuses() == {"S0": "closed", "S1": "unmatched"}
    assert made.row("S0").close_reason == "before_opening"
    made.auto_match()
    made.accept("S1")
    proof = run_proof(made.run)
    assert (proof.ledger_sum, proof.unexplained) == (10_00, 0)
    assert shown(made) == "closed"
    assert faults() == []
