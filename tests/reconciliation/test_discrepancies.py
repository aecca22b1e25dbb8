"""Discrepancies: raised once, in step with their items, and left alone where a person resolved them."""

from __future__ import annotations

import pytest

from organizations.models import AuditEvent
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Discrepancy
from reconciliation.selectors.discrepancies import discrepancies_of, discrepancy_of
from reconciliation.selectors.integrity import faults
from reconciliation.services.discrepancies import (
    discrepancy_close,
    discrepancy_reopen,
    discrepancy_review,
)
from reconciliation.states import (
    BLOCKING_SEVERITIES,
    DISCREPANCY_MOVES,
    DISCREPANCY_OPEN,
    SEVERITY_OF,
    DiscrepancySeverity,
    DiscrepancyStatus,
    DiscrepancyType,
)
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.factories.reconciliation import DiscrepancyFactory
from tests.reconciliation.books import STATEMENT, Books, books
from tests.reconciliation.files import csv

pytestmark = pytest.mark.django_db


@pytest.fixture
def example() -> Books:
    example = books(actor_with())
    example.upload(STATEMENT)
    return example


def said_of(made: Books, name: str) -> Discrepancy:
    return discrepancies_of(made.run).get(record__description=name)


def test_a_pass_says_of_each_line_once_that_no_entry_agrees_or_by_how_much_one_differs(example: Books):
    example.auto_match()
    said = discrepancies_of(example.run)
    assert {(d.record.description, d.type, d.severity, d.status, d.amount) for d in said} == {
        ("S5", "amount_mismatch", "warning", "in_review", 13_00),
        ("S6", "unmatched_source", "warning", "open", 15_00),
    }
    example.auto_match()
    assert discrepancies_of(example.run).count() == 2
    assert faults() == []


def test_it_follows_its_item_through_every_act(example: Books):
    """Free, matched by hand, freed, closed, reopened, suggested, accepted, rejected."""
    example.auto_match()
    steps = [
        (lambda: example.post(("G8", "debit", 15_00, 10, "")), "open", ""),
        (lambda: example.manual(["S6"], ["G8"]), "closed", "auto:matched"),
        (lambda: example.reject("S6"), "open", ""),
        (lambda: example.close("S6"), "closed", "auto:item_closed"),
        (lambda: example.reopen("S6"), "open", ""),
        (lambda: example.post(("G9", "debit", 15_00, 10, "OTHER")), "open", ""),
        (example.auto_match, "in_review", ""),
        (lambda: example.accept("S6"), "closed", "auto:matched"),
        (lambda: example.reject("S6"), "open", ""),
    ]
    for number, (act, status, reason) in enumerate(steps):
        act()
        said = said_of(example, "S6")
        assert (number, said.status, said.close_reason) == (number, status, reason)
        assert (said.closed_at is not None, bool(said.closed_by)) == (status == "closed", status == "closed")
    assert faults() == []


def test_rejecting_a_match_of_a_pass_says_of_its_lines_that_they_are_unmatched_again(example: Books):
    example.auto_match()
    example.reject("S1")
    assert said_of(example, "S1").status == "open"


def test_what_a_person_resolved_stays_resolved(example: Books):
    example.auto_match()
    example.act(discrepancy_close, discrepancy=said_of(example, "S6"), reason="cash", note="till 4")
    example.post(("G8", "debit", 15_00, 10, ""))
    example.manual(["S6"], ["G8"])
    example.reject("S6")
    example.auto_match()
    said = said_of(example, "S6")
    assert (said.status, said.close_reason, said.close_note) == ("closed", "cash", "till 4")


def test_an_item_in_two_runs_is_followed_in_both(example: Books):
    other = example.another_run()
    example.upload(STATEMENT, run=other)
    example.auto_match()
    example.auto_match(run=other)
    example.close("S6")
    said = Discrepancy.objects.filter(record__description="S6")
    assert [(d.run_id, d.status) for d in said.order_by("run_id")] == [
        (example.run.pk, "closed"),
        (other.pk, "closed"),
    ]


def test_a_reopened_item_is_said_to_be_unmatched_in_every_run_that_was_matched(example: Books):
    other, unmatched = example.another_run(), example.another_run()
    for run in (other, unmatched):
        example.upload(STATEMENT, run=run)
    example.close("S6")
    for run in (example.run, other):
        example.auto_match(run=run)
    assert not Discrepancy.objects.filter(record__description="S6").exists()
    example.reopen("S6")
    said = Discrepancy.objects.filter(record__description="S6", status="open")
    assert sorted(d.run_id for d in said) == [example.run.pk, other.pk]
    assert faults() == []


def test_a_pair_far_apart_is_pointed_out_and_ends_with_a_decision():
    made = books(actor_with(), entries=[("G1", "debit", 5_00, 3, "R1"), ("G2", "debit", 6_00, 3, "R2")])
    made.upload(csv(("S1", "credit", 5_00, 7, "R1"), ("S2", "credit", 6_00, 6, "R2")))
    made.auto_match()
    said = discrepancies_of(made.run).get()
    assert (said.type, said.severity, said.match) == ("date_mismatch", "info", made.match_with("S1"))
    assert "4 days" in said.description
    made.accept("S1")
    said.refresh_from_db()
    assert (said.status, said.close_reason) == ("closed", "auto:matched")
    made.reject("S1")
    assert Discrepancy.objects.filter(type="date_mismatch").get().status == "closed"
    assert faults() == []


def test_what_is_said_of_a_suggestion_ends_with_it():
    made = books(actor_with(), entries=[("G1", "debit", 5_00, 3, "R1")])
    made.upload(csv(("S1", "credit", 5_00, 7, "R1")))
    made.auto_match()
    made.reject("S1")
    said = Discrepancy.objects.get(type="date_mismatch")
    assert (said.status, said.close_reason) == ("closed", "auto:match_ended")


def test_a_person_gives_a_reason_and_it_is_told_once(example: Books):
    example.auto_match()
    said = said_of(example, "S6")
    with pytest.raises(Invalid):
        example.act(discrepancy_close, discrepancy=said, reason="  ")
    for reason in ("bank error", "again"):
        row = example.act(discrepancy_close, discrepancy=said, reason=reason)
        assert (row.status, row.close_reason, row.closed_by) == ("closed", "bank error", example.by.ref)
    reopened = example.act(discrepancy_reopen, discrepancy=said)
    assert (reopened.status, reopened.close_reason, reopened.closed_at) == ("open", "", None)
    actions = AuditEvent.objects.filter(action__startswith="discrepancy.").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == ["discrepancy.closed", "discrepancy.reopened"]


ACTS = {
    DiscrepancyStatus.OPEN: discrepancy_reopen,
    DiscrepancyStatus.IN_REVIEW: discrepancy_review,
    DiscrepancyStatus.CLOSED: discrepancy_close,
}


@pytest.mark.parametrize("start", DiscrepancyStatus)
@pytest.mark.parametrize("to", DiscrepancyStatus)
def test_people_move_a_discrepancy_only_as_its_table_says(start: DiscrepancyStatus, to: DiscrepancyStatus):
    ended = {"closed_at": NOW, "closed_by": "user:1", "close_reason": "x"} if start == "closed" else {}
    row = DiscrepancyFactory(status=start, **ended)
    by = actor_with(organization=row.reconciliation.organization)
    reason = {"reason": "x"} if to == DiscrepancyStatus.CLOSED else {}
    # Taking a review back is no act of a person: it opens by itself, as its item does.
    legal = to in DISCREPANCY_MOVES[start] and (start, to) != (
        DiscrepancyStatus.IN_REVIEW,
        DiscrepancyStatus.OPEN,
    )
    again = start == to and to != DiscrepancyStatus.OPEN
    if legal or again:
        assert ACTS[to](discrepancy=row, **reason, by=by, at=NOW).status == to
    else:
        with pytest.raises(Conflict) as refused:
            ACTS[to](discrepancy=row, **reason, by=by, at=NOW)
        assert (refused.value.code, refused.value.word) == ("discrepancy.state", "discrepancy_state_conflict")
    row.refresh_from_db()
    assert row.status == (to if legal else start)


def test_every_type_has_its_severity_and_info_never_blocks():
    assert set(SEVERITY_OF) == set(DiscrepancyType)
    assert set(DISCREPANCY_MOVES) == set(DiscrepancyStatus)
    assert set(DISCREPANCY_OPEN) == {DiscrepancyStatus.OPEN, DiscrepancyStatus.IN_REVIEW}
    assert DiscrepancySeverity.INFO not in BLOCKING_SEVERITIES


def test_another_organizations_discrepancy_is_not_found(example: Books):
    example.auto_match()
    said = said_of(example, "S6")
    found = discrepancy_of(organization_id=example.by.organization_id, discrepancy_id=said.uuid)
    assert found == said
    other = actor_with()
    with pytest.raises(NotFound):
        discrepancy_of(organization_id=other.organization_id, discrepancy_id=said.uuid)
    with pytest.raises(NotFound):
        discrepancy_review(discrepancy=said, by=other, at=NOW)
