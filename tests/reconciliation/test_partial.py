"""Groups that don't add up: who covers whom, what is held, what gets nothing, and what is said of it."""

from __future__ import annotations

from datetime import date

import pytest

from organizations.refusals import Conflict, Invalid
from reconciliation.cover import Cover, Part, cover
from reconciliation.models import Discrepancy, MatchMember, OpenItem
from reconciliation.selectors.accounts import account_rows
from reconciliation.selectors.discrepancies import discrepancies_of
from reconciliation.selectors.entries import gl_only
from reconciliation.selectors.integrity import faults
from reconciliation.selectors.items import item_amounts
from reconciliation.selectors.runs import run_of
from reconciliation.services.discrepancies import discrepancy_close, discrepancy_reopen
from reconciliation.services.matches import match_undo
from reconciliation.states import DiscrepancyStatus
from tests.factories.organizations import actor_with
from tests.reconciliation.books import STATEMENT, Books, books
from tests.reconciliation.files import csv

pytestmark = pytest.mark.django_db


# --- The cover, pure ------------------------------------------------------------------------------------------------


def covered(a: list[int], b: list[int], days: dict[int, int] | None = None) -> Cover:
    """Records are numbered through: A's first. All of one day unless `days` says otherwise."""
    day = days or {}
    parts = [
        Part(n, "a" if n <= len(a) else "b", date(2026, 2, day.get(n, 1)), amount)
        for n, amount in enumerate([*a, *b], start=1)
    ]
    return cover(parts[: len(a)], parts[len(a) :], places=2, currency="EUR")


def test_sides_that_add_up_are_covered_whole_even_with_mixed_signs():
    found = covered([5, -2], [4, -1])
    assert (found.applied, found.held, found.rest, found.not_covered) == (
        {1: 5, 2: -2, 3: 4, 4: -1},
        None,
        0,
        (),
    )


@pytest.mark.parametrize(
    ("a", "b", "applied", "held", "rest", "left_out"),
    [
        ([9], [7], {1: 7, 2: 7}, 1, 2, ()),
        ([7], [9], {1: 7, 2: 7}, 2, 2, ()),
        ([-9], [-7], {1: -7, 2: -7}, 1, -2, ()),
        ([3, 3, 3], [4], {1: 3, 2: 1, 4: 4}, 2, 2, (3,)),
        ([3, 3, 3], [6], {1: 3, 2: 3, 4: 6}, None, 0, (3,)),
        ([3, 3, 3], [7, 1], {1: 3, 2: 3, 3: 2, 4: 7, 5: 1}, 3, 1, ()),
        ([4], [3, 3, 3], {1: 4, 2: 3, 3: 1}, 3, 2, (4,)),
        ([0, 5], [3], {1: 0, 2: 3, 3: 3}, 2, 2, ()),
    ],
)
def test_the_smaller_side_is_covered_whole_the_larger_as_far_as_it_goes(a, b, applied, held, rest, left_out):
    found = covered(a, b)
    assert (found.applied, found.held, found.rest, found.not_covered) == (applied, held, rest, left_out)


def test_the_larger_side_is_covered_in_order_of_day_then_id():
    found = covered([3, 3, 3], [4], days={1: 9, 2: 5, 3: 5})
    assert found.applied == {2: 3, 3: 1, 4: 4}
    assert (found.held, found.rest, found.not_covered) == (3, 2, (1,))


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [
        ([5, -2], [4], "match.mixed_signs"),
        ([4], [5, -2], "match.mixed_signs"),
        ([5], [-5], "match.sides_oppose"),
        ([5], [-3], "match.sides_oppose"),
        ([0], [3], "match.sides_oppose"),
        ([-5, -1], [3, 2], "match.sides_oppose"),
    ],
)
def test_a_group_that_does_not_add_up_has_one_direction(a, b, code):
    with pytest.raises(Invalid) as refused:
        covered(a, b)
    assert refused.value.code == code
    assert refused.value.details == {"difference": sum(a) - sum(b)}
    assert f"{abs(sum(a) - sum(b)) / 100:.2f}" in refused.value.message
    assert "EUR" in refused.value.message


# --- By hand --------------------------------------------------------------------------------------------------------


@pytest.fixture
def example() -> Books:
    example = books(actor_with())
    example.upload(STATEMENT)
    return example


def amounts(made: Books, name: str) -> tuple[str, int, int]:
    row = made.row(name)
    return row.match_status, item_amounts(row).matched, item_amounts(row).residual


def said(made: Books, name: str, type_: str = "amount_mismatch") -> Discrepancy:
    return discrepancies_of(made.run).filter(record__description=name, type=type_).order_by("-pk")[0]


def left_of(made: Books) -> set[str]:
    return set(gl_only(made.run).values_list("reference", flat=True))


def three_lines(*days: int) -> Books:
    """Lines of 30.00 on these days, an entry of 40.00."""
    made = books(actor_with(), entries=[("G1", "debit", 40_00, 9, "R")])
    made.upload(csv(*((f"S{n}", "credit", 30_00, day, "") for n, day in enumerate(days, start=1))))
    return made


def test_a_larger_line_is_held_with_what_is_left(example: Books):
    made = example.made(["S5"], ["G6"])
    assert (made.match.status, made.match.origin, made.not_covered) == ("accepted", "manual", [])
    assert (made.match.total_a, made.match.total_b, made.match.difference) == (90_00, 77_00, 13_00)
    assert amounts(example, "S5") == ("partial", 77_00, 13_00)
    token = OpenItem.objects.get(held_by=made.match.pk)
    assert (token.open_amount, token.closed_at, token.side) == (13_00, None, "a")
    assert left_of(example) == {"INV-701", "INV-702", "FEE-02", "INV-703", "CARD-12"}
    assert faults() == []


def test_a_larger_entry_is_held_and_the_line_is_matched():
    made = books(actor_with(), entries=[("G1", "debit", 100_00, 3, "R1")])
    made.upload(csv(("S1", "credit", 60_00, 3, "R1")))
    match = made.manual(["S1"], ["G1"])
    assert amounts(made, "S1") == ("matched", 60_00, 0)
    token = OpenItem.objects.get()
    assert (token.side, token.open_amount, token.held_by) == ("b", 40_00, match.pk)
    assert account_rows(organization_id=made.by.organization_id).get().unreconciled_count == 1
    assert left_of(made) == set()
    told = discrepancies_of(made.run).get()
    assert (told.record_id, told.amount, told.status) == (token.record_id, 40_00, "in_review")
    assert faults() == []


def test_what_gets_nothing_is_named_and_stays_open():
    made = three_lines(5, 4, 6)
    found = made.made(["S1", "S2", "S3"], ["G1"])
    assert [record.description for record in found.not_covered] == ["S3"]
    assert {name: amounts(made, name) for name in ("S2", "S1", "S3")} == {
        "S2": ("matched", 30_00, 0),
        "S1": ("partial", 10_00, 20_00),
        "S3": ("unmatched", 0, 30_00),
    }
    assert found.match.record_count == MatchMember.objects.filter(match=found.match).count() == 3
    assert (found.match.total_a, found.match.difference) == (60_00, 20_00)  # of members only
    assert faults() == []


def test_a_smaller_side_that_ends_with_a_line_leaves_nothing_held():
    made = books(actor_with(), entries=[("G1", "debit", 60_00, 9, "")])
    made.upload(csv(*((f"S{n}", "credit", 30_00, n, "") for n in (1, 2, 3))))
    found = made.made(["S1", "S2", "S3"], ["G1"])
    assert [record.description for record in found.not_covered] == ["S3"]
    assert found.match.difference == 0
    assert not OpenItem.objects.filter(held_by__isnull=False).exists()
    assert not discrepancies_of(made.run).filter(type="amount_mismatch").exists()
    assert faults() == []


def test_lines_and_entries_of_both_directions_match_only_where_they_add_up():
    made = books(actor_with(), entries=[("G1", "debit", 50_00, 3, ""), ("G2", "credit", 10_00, 3, "")])
    made.upload(csv(("S1", "credit", 45_00, 3, "a"), ("S2", "credit", 40_00, 3, "b")))
    with pytest.raises(Invalid) as refused:
        made.manual(["S1"], ["G1", "G2"])
    assert (refused.value.code, refused.value.details) == ("match.mixed_signs", {"difference": 5_00})
    with pytest.raises(Invalid) as refused:
        made.manual(["S1"], ["G2"])
    assert refused.value.code == "match.sides_oppose"
    assert OpenItem.objects.free().count() == 4
    assert made.manual(["S2"], ["G1", "G2"]).difference == 0
    assert faults() == []


def test_a_group_in_part_over_a_match_or_a_closing_is_refused_whole(example: Books):
    example.manual(["S5"], ["G6"])
    before = set(OpenItem.objects.values_list("record_id", "ticket"))
    with pytest.raises(Conflict) as refused:  # G6 is wholly covered
        example.manual(["S1"], ["G6"])
    assert refused.value.code == "match.token_taken"
    with pytest.raises(Conflict):  # also where the line beside it would be extended
        example.manual(["S5"], ["G6"])
    assert set(OpenItem.objects.values_list("record_id", "ticket")) == before
    assert faults() == []


# --- What is said of it -----------------------------------------------------------------------------------------------


def test_a_partial_match_by_hand_puts_the_line_in_review_and_its_end_opens_it(example: Books):
    example.auto_match()
    example.reject("S5")
    assert said(example, "S5").status == "closed"
    assert said(example, "S5").close_reason == "auto:match_ended"
    assert said(example, "S5", "unmatched_source").status == "open"
    match = example.manual(["S5"], ["G6"])
    assert (said(example, "S5").status, said(example, "S5").match_id) == ("in_review", match.pk)
    assert said(example, "S5", "unmatched_source").status == "in_review"
    example.act(match_undo, match_id=match.pk)
    assert said(example, "S5").status == "closed"
    assert said(example, "S5", "unmatched_source").status == "open"
    assert faults() == []


def test_its_text_states_the_amount(example: Books):
    example.auto_match()
    assert said(example, "S5").description == "The two sides differ by 13.00\u00a0EUR."


def test_accepting_a_partial_match_keeps_its_difference_in_review_and_the_run_open(example: Books):
    example.auto_match()
    for name in ("S1", "S2", "S3", "S4", "S5"):
        example.accept(name)
    example.close("S6")
    assert said(example, "S5").status == "in_review"
    run = run_of(organization_id=example.by.organization_id, run_id=example.run.uuid)
    assert (run.shown_status, run.partial_count) == ("completed", 1)  # 13.00 of S5 are open
    assert account_rows(organization_id=example.by.organization_id).get().unreconciled_count == 1


def test_a_held_entry_in_review_keeps_no_run_open():
    made = books(actor_with(), entries=[("G1", "debit", 100_00, 3, "R1")])
    made.upload(csv(("S1", "credit", 60_00, 3, "R1")))
    made.manual(["S1"], ["G1"])
    assert discrepancies_of(made.run).get().status == "in_review"
    run = run_of(organization_id=made.by.organization_id, run_id=made.run.uuid)
    assert (run.shown_status, run.matched_count) == ("closed", 1)


def test_what_was_said_of_a_match_that_ended_cannot_be_opened_again(example: Books):
    example.auto_match()
    told = said(example, "S5")
    example.act(discrepancy_close, discrepancy=told, reason="bank fee")
    example.reject("S5")
    with pytest.raises(Conflict) as refused:
        example.act(discrepancy_reopen, discrepancy=told)
    assert refused.value.code == "discrepancy.match_ended"
    example.manual(["S5"], ["G6"])  # the next match has its own
    assert said(example, "S5").status == DiscrepancyStatus.IN_REVIEW
    assert faults() == []


# --- Passes -------------------------------------------------------------------------------------------------------------


def test_a_pass_offers_a_pair_of_one_reference_in_part_and_counts_no_item_of_it(example: Books):
    done = example.auto_match()
    match = example.match_with("S5")
    assert (match.status, match.rule_revision.rule.name) == ("suggested", "Reference, amounts differ")
    assert (float(match.confidence), match.difference) == (0.5, 13_00)
    assert (done.matched, done.suggested, done.matched_records) == (4, 5, 11)
    assert amounts(example, "S5") == ("partial", 77_00, 13_00)
    assert faults() == []


def test_a_pass_holds_the_larger_entry():
    made = books(actor_with(), entries=[("G1", "debit", 100_00, 3, "R1")])
    made.upload(csv(("S1", "credit", 60_00, 3, "R1")))
    assert made.auto_match().matched == 0
    assert amounts(made, "S1") == ("matched", 60_00, 0)
    token = OpenItem.objects.get()
    assert (token.side, token.open_amount) == ("b", 40_00)
    told = discrepancies_of(made.run).get()
    assert (told.record_id, told.status) == (token.record_id, "in_review")
    assert faults() == []


@pytest.mark.parametrize("direction", ["credit", "debit"])
def test_a_pass_never_offers_opposite_directions_in_part(direction):
    other = "debit" if direction == "credit" else "credit"
    made = books(actor_with(), entries=[("G1", direction, 100_00, 3, "R1")])
    made.upload(csv(("S1", direction, 60_00, 3, "R1")))  # of an asset ledger: money the other way
    made.auto_match()
    assert made.groups() == set()
    made.post(("G2", other, 100_00, 3, "R1"))
    made.auto_match()
    assert made.groups() == {(frozenset({"S1"}), frozenset({"G2"}))}
    assert faults() == []


def test_a_pass_takes_no_held_item(example: Books):
    example.auto_match()
    example.accept("S5")
    example.post(("G8", "debit", 13_00, 9, "INV-799"))
    assert example.auto_match().suggested == 0
    assert amounts(example, "S5") == ("partial", 77_00, 13_00)


def test_a_rejected_partial_group_is_remembered(example: Books):
    example.auto_match()
    example.reject("S5")
    assert example.auto_match().suggested == 0
    assert amounts(example, "S5") == ("unmatched", 0, 90_00)
    assert said(example, "S5", "unmatched_source").status == "open"
    assert faults() == []


def test_an_undone_partial_group_is_offered_again(example: Books):
    example.auto_match()
    example.act(match_undo, match_id=example.match_with("S5").pk)
    assert said(example, "S5", "unmatched_source").status == "open"
    assert example.auto_match().suggested == 1
    assert amounts(example, "S5") == ("partial", 77_00, 13_00)
    assert said(example, "S5").status == "in_review"
    assert said(example, "S5", "unmatched_source").status == "in_review"
    assert faults() == []


def test_partial_groups_are_written_in_chunks_of_any_size(example: Books, settings):
    settings.CHUNK_GROUPS = 1
    first = example.auto_match()
    assert (first.suggested, first.lost_to_others) == (5, 0)
    assert faults() == []
