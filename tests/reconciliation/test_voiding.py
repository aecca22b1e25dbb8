"""Deleting a file: what goes, what another file keeps, and what is undone whole."""

from __future__ import annotations

import pytest

from ledgers.models import Record, SourceFile
from organizations.models import AuditEvent
from organizations.refusals import Conflict, NotFound, Unreadable
from reconciliation.models import Discrepancy, Match, OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services.records import VoidCounts
from reconciliation.services.runs import run_void
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import Line, csv

pytestmark = pytest.mark.django_db

LINES: tuple[Line, ...] = (("S1", "credit", 10_00, 3, "R1"), ("S2", "debit", 4_00, 4, "R2"))


@pytest.fixture
def made() -> Books:
    return books(actor_with(), entries=[])


def counts(source: SourceFile) -> tuple[int | None, int | None]:
    return source.imported_count, source.already_known_count


@pytest.fixture
def matched() -> Books:
    matched = books(actor_with(), entries=[("G1", "debit", 10_00, 3, "R1"), ("G2", "credit", 4_00, 4, "R2")])
    matched.upload(csv(*LINES))
    matched.auto_match()
    return matched


def test_voiding_a_file_takes_its_lines_records_and_undoes_their_matches_whole(matched: Books):
    other = matched.upload(csv(("X", "credit", 6_00, 6, ""), ("Y", "debit", 6_00, 6, "")))
    matched.post(("G3", "debit", 6_00, 6, ""), ("G4", "credit", 2_00, 4, ""), ("G5", "debit", 2_00, 4, ""))
    whole = matched.manual(["X", "Y"], ["G4", "G5"])
    matched.accept("S1")

    assert matched.void(other) == VoidCounts(voided=2, stayed=0, undone=1)
    whole.refresh_from_db()
    assert (whole.status, whole.ended_reason) == ("undone", "source_voided")
    assert matched.statuses() == {"S1": "matched", "S2": "matched"}
    assert OpenItem.objects.free().filter(side="b").count() == 3
    assert faults() == []

    first = SourceFile.objects.order_by("pk")[0]
    assert matched.void(first).undone == 2
    assert Match.objects.live().count() == 0
    assert OpenItem.objects.filter(side="a").count() == 0
    assert OpenItem.objects.free().filter(side="b").count() == 5
    assert faults() == []
    event = AuditEvent.objects.filter(action="source_file.voided").latest("pk")
    assert (event.data["voided"], event.data["stayed"], event.data["undone"]) == (2, 0, 2)


def test_a_record_that_another_live_line_states_stays_with_its_match_and_discrepancies(matched: Books):
    first = SourceFile.objects.get()
    matched.upload(csv(LINES[0], ("S3", "credit", 1_00, 9, "")))
    match = matched.accept("S1")
    matched.auto_match()

    assert matched.void(first).undone == 1  # of S2
    match.refresh_from_db()
    assert match.status == "accepted"
    assert matched.statuses() == {"S1": "matched", "S3": "unmatched"}
    assert faults() == []


def test_the_answer_counts_what_went_and_what_stayed(matched: Books):
    first = SourceFile.objects.get()
    matched.upload(csv(LINES[0]), run=matched.another_run())
    assert matched.void(first) == VoidCounts(voided=1, stayed=1, undone=1)
    assert matched.void(first) == VoidCounts(voided=0, stayed=0)
    assert matched.statuses() == {}
    assert faults() == []


def test_what_is_said_of_an_item_goes_only_with_its_last_line_in_the_run(made: Books):
    first = made.upload(csv(*LINES))
    made.upload(csv(LINES[0]))
    made.auto_match()
    made.void(first)
    assert [d.record.description for d in Discrepancy.objects.live()] == ["S1"]
    assert Discrepancy.objects.count() == 2


def test_a_voided_line_comes_back_as_a_new_record(matched: Books):
    before = set(Record.objects.values_list("uuid", flat=True))
    matched.void(SourceFile.objects.get())
    matched.upload(csv(*LINES))
    assert matched.item("S1") not in before
    assert matched.auto_match().matched == 2  # undoing was no judgement
    assert faults() == []


def test_voiding_waits_for_a_pass_and_an_import(matched: Books):
    source = SourceFile.objects.get()
    pending = matched.add(csv(("Z", "credit", 1_00, 9, "")))
    with pytest.raises(Conflict) as refusal:
        matched.void(pending.source_file)
    assert refusal.value.code == "file.processing"
    matched.request()
    with pytest.raises(Conflict) as refusal:
        matched.void(source)
    assert (refusal.value.code, refusal.value.word) == ("pass.running", "run_state_conflict")


def test_a_file_of_another_run_is_not_found(matched: Books):
    with pytest.raises(NotFound) as refusal:
        matched.void(SourceFile.objects.get(), run=matched.another_run())
    assert refusal.value.word == "file_not_found"


def test_a_failed_file_can_be_deleted(made: Books):
    with pytest.raises(Unreadable):
        made.upload("")
    assert made.void(SourceFile.objects.get()) == VoidCounts(voided=0, stayed=0)
    assert not SourceFile.objects.live().exists()


def test_deleting_a_run_leaves_no_file_behind(matched: Books):
    with pytest.raises(Unreadable):
        matched.upload("")
    matched.act(run_void, run=matched.run)
    assert not SourceFile.objects.live().exists()
    assert faults() == []
