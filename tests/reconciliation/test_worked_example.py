"""The worked example of the ledger-run surface through the services (its HTTP twin is in tests/api)."""

from functools import partial

import pytest

from organizations.acts import perform
from reconciliation.selectors.accounts import account_rows
from reconciliation.selectors.discrepancies import discrepancies_of
from reconciliation.selectors.entries import gl_all, gl_only
from reconciliation.selectors.integrity import faults
from reconciliation.selectors.items import item_amounts
from reconciliation.selectors.proof import run_proof
from reconciliation.services.matches import match_accept, match_reject
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import STATEMENT, books
from tests.reconciliation.counting import item_counts

pytestmark = pytest.mark.django_db


@pytest.fixture
def example():
    example = books(actor_with("operator"))
    source = example.upload(STATEMENT)
    assert (source.imported_count, source.already_known_count) == (6, 0)
    return example


def test_auto_match_pairs_what_the_example_says(example):
    done = example.auto_match()

    assert done.matched == 4
    assert example.groups() == {
        (frozenset({"S1"}), frozenset({"G1"})),
        (frozenset({"S2"}), frozenset({"G2"})),
        (frozenset({"S3"}), frozenset({"G3"})),
        (frozenset({"S4"}), frozenset({"G4", "G5"})),
        (frozenset({"S5"}), frozenset({"G6"})),
    }
    assert faults() == []


def test_s5_is_covered_in_part_and_its_difference_is_in_review(example):
    example.auto_match()
    row = example.row("S5")
    assert (row.match_status, item_amounts(row).matched, item_amounts(row).residual) == (
        "partial",
        77_00,
        13_00,
    )
    said = discrepancies_of(example.run).get(record__description="S5")
    assert (said.type, said.severity, said.status, said.amount) == (
        "amount_mismatch",
        "warning",
        "in_review",
        13_00,
    )
    example.reject("S5")
    assert example.status("S5") == "unmatched"
    assert set(gl_only(example.run).values_list("reference", flat=True)) == {"INV-799", "CARD-12"}
    assert faults() == []


def test_a_second_auto_match_finds_nothing_new(example):
    example.auto_match()
    assert example.auto_match().matched == 0
    assert len(example.groups()) == 5


def test_signed_sums_are_as_computed_by_hand(example):
    example.auto_match()
    proof = run_proof(example.run)

    assert (proof.statement_sum, proof.ledger_sum, proof.difference) == (231560, 228100, 3460)
    assert proof.open_items == 3460
    assert proof.unexplained == 0


def test_gl_only_is_what_no_live_match_has(example):
    example.auto_match()
    assert gl_all(example.run).count() == 7
    assert set(gl_only(example.run).values_list("reference", flat=True)) == {"CARD-12"}


def test_accepting_reconciles_entries(example):
    example.auto_match()
    for name in ("S1", "S2", "S3", "S4"):
        match = example.match_with(name)
        perform(partial(match_accept, match_id=match.pk, by=example.by, at=NOW))
    row = account_rows(organization_id=example.by.organization_id, ledger=example.ledger).get()
    assert (row.total_count, row.unreconciled_count) == (7, 2)
    assert faults() == []


def test_a_rejected_group_is_not_offered_again(example):
    example.auto_match()
    match = example.match_with("S1")
    perform(partial(match_reject, match_id=match.pk, by=example.by, at=NOW))
    assert example.status("S1") == "unmatched"

    assert example.auto_match().matched == 0
    counts = item_counts(example.run)
    assert (counts.unmatched, counts.partial) == (2, 1)
    assert faults() == []


def test_on_a_liability_ledger_money_in_pairs_with_a_credit():
    liability = books(actor_with("operator"), type="liability")
    liability.upload(STATEMENT)
    liability.auto_match()
    assert liability.groups() == set()
    mirrored = books(
        liability.by,
        type="liability",
        code="2000",
        entries=[("G1", "credit", 1250_00, 4, "INV-701")],
    )
    mirrored.upload(STATEMENT)
    mirrored.auto_match()
    assert mirrored.groups() == {(frozenset({"S1"}), frozenset({"G1"}))}
