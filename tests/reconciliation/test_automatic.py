"""Runs in mode automatic match by themselves when entries come or another run gives some back, never at upload."""

from __future__ import annotations

import pytest

from reconciliation.models import Pass, Run
from reconciliation.services.execution import pass_execute
from reconciliation.services.runs import run_create, run_void
from reconciliation.states import PassStatus, PassTrigger, RunMode
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import ENTRIES, STATEMENT, Books, books

pytestmark = pytest.mark.django_db


def automatic_run(example: Books) -> Run:
    of = {"organization_id": example.by.organization_id, "ledger": example.ledger}
    run, _made = example.act(run_create, **of, mode=RunMode.AUTOMATIC)
    return run


@pytest.fixture
def example() -> Books:
    """A ledger without entries, and an automatic run with the example's statement."""
    made = books(actor_with("operator"), entries=())
    made.run = automatic_run(made)
    made.upload(STATEMENT)
    return made


def waiting() -> list[tuple[int | None, str]]:
    return list(Pass.objects.filter(status=PassStatus.PENDING).values_list("run_id", "trigger"))


def execute() -> None:
    for pk in Pass.objects.filter(status=PassStatus.PENDING).values_list("pk", flat=True):
        pass_execute(pass_id=pk, clock=lambda: NOW)


def test_an_upload_rings_for_nothing(example: Books):
    assert waiting() == []


def test_posted_entries_are_matched_by_themselves_once_for_many_postings(example: Books):
    for entry in ENTRIES:
        example.post(entry)
    assert waiting() == [(example.run.pk, PassTrigger.RECORD_CREATED)]
    execute()
    assert Pass.objects.get().requested_by == "system:automatic"
    assert example.statuses()["S1"] == "matched"
    assert len(example.groups()) == 5


def test_a_manual_run_of_the_ledger_waits_to_be_asked():
    made = books(actor_with("operator"))
    made.upload(STATEMENT)
    made.post(("G8", "debit", 15_00, 10, ""))
    assert waiting() == []


def test_what_another_run_gives_back_is_matched_and_its_own_rejects_are_not(example: Books):
    example.post(*ENTRIES)
    execute()
    other = automatic_run(example)
    example.upload(STATEMENT, run=other)
    example.reject("S1")
    assert waiting() == [(other.pk, PassTrigger.RECORD_CREATED)]


def test_a_closed_run_matches_no_more(example: Books):
    for name in ("S1", "S2", "S3", "S4", "S5", "S6"):
        example.close(name)
    Run.objects.filter(pk=example.run.pk).moved("completed")
    example.post(*ENTRIES)
    assert waiting() == []


def test_asking_for_a_pass_takes_over_the_one_that_waits_by_itself(example: Books):
    example.post(*ENTRIES)
    asked = example.request()
    assert waiting() == [(example.run.pk, PassTrigger.MANUAL)]
    assert asked.requested_by == example.by.ref


def test_a_pass_that_waits_by_itself_keeps_nobody_from_deleting_the_run(example: Books):
    example.post(*ENTRIES)
    example.act(run_void, run=example.run)
    assert Pass.objects.get().status == PassStatus.CANCELLED


def test_entries_posted_while_its_pass_runs_make_another_one_wait(example: Books):
    example.post(*ENTRIES[:3])
    running = Pass.objects.get()
    running.move(PassStatus.RUNNING, started_at=NOW, heartbeat_at=NOW)
    example.post(*ENTRIES[3:])
    assert Pass.objects.filter(run=example.run, status=PassStatus.PENDING).count() == 1
