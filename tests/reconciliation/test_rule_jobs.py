"""The life of a rule job: its moves, who may write to it, what becomes of it when its worker is lost."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from organizations.acts import perform
from organizations.instants import utc_text
from organizations.refusals import Conflict, Invalid
from reconciliation.models import RuleJob
from reconciliation.services.rule_job_execution import (
    ATTEMPTS_MAX,
    Done,
    Report,
    Work,
    lost_rule_jobs,
    rule_job_execute,
)
from reconciliation.services.rule_jobs import rule_job_request, rule_job_wait
from reconciliation.states import RULE_JOB_MOVES, RuleJobKind, RuleJobStatus
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.factories.reconciliation import RuleJobFactory
from tests.factories.rules import ReconciliationFactory, RuleFactory

pytestmark = pytest.mark.django_db


def execute(job: RuleJob, work: Work) -> RuleJob:
    rule_job_execute(job_id=job.pk, work={job.kind: work}, clock=lambda: NOW)
    job.refresh_from_db()
    return job


def nothing(job: RuleJob, report: Report) -> Done:
    return Done({"found": 0})


@pytest.mark.parametrize("start", RuleJobStatus)
@pytest.mark.parametrize("to", RuleJobStatus)
def test_a_rule_job_moves_only_as_its_table_says(start: RuleJobStatus, to: RuleJobStatus):
    ended = {"finished_at": NOW, "result": {}} if start not in ("pending", "running") else {}
    row = RuleJobFactory(status=start, **ended)
    if to not in RULE_JOB_MOVES[start]:
        with pytest.raises(Conflict, match="cannot become"):
            row.move(to)
        return
    row.move(to, finished_at=None if to in ("pending", "running") else NOW, result={})
    assert RuleJob.objects.get(pk=row.pk).status == to


def test_the_table_of_moves_names_every_status():
    assert set(RULE_JOB_MOVES) == set(RuleJobStatus)


def test_a_job_ends_with_its_result_and_what_goes_with_it():
    reconciliation = ReconciliationFactory()

    def work(job: RuleJob, report: Report) -> Done:
        report(40, "reading", "200 records")
        report(80)
        assert RuleJob.objects.get(pk=job.pk).progress == 80
        write: Any = partial(RuleFactory, reconciliation=reconciliation, name="Found")
        return Done({"found": 1}, digest="ab", write=lambda at: write(created_at=at))

    job = execute(RuleJobFactory(reconciliation=reconciliation), work)
    assert (job.status, job.progress, job.result, job.input_digest) == ("completed", 100, {"found": 1}, "ab")
    assert job.steps == [{"step": "reading", "message": "200 records", "at": utc_text(NOW)}]
    assert (job.started_at, job.finished_at, job.attempt) == (NOW, NOW, 1)
    assert reconciliation.rules.get().name == "Found"


def test_a_result_that_cannot_be_written_leaves_nothing_behind_and_says_so():
    def work(job: RuleJob, report: Report) -> Done:
        def write(at: Any) -> None:
            RuleFactory(reconciliation=job.reconciliation, name="Half")
            raise ValueError("the pen broke")

        return Done({}, write=write)

    job = execute(RuleJobFactory(), work)
    assert (job.status, job.error, job.result) == ("failed", "ValueError: the pen broke", None)
    assert not job.reconciliation.rules.exists()


def test_a_refusal_is_kept_in_its_own_words():
    def work(job: RuleJob, report: Report) -> Done:
        raise Invalid("Too many records.", code="backtest.too_many")

    assert execute(RuleJobFactory(), work).error == "Too many records."


def test_a_job_that_ended_is_not_done_again():
    job = execute(RuleJobFactory(), nothing)
    again: list[int] = []
    execute(job, lambda job, report: Done({"again": again.append(1)}))
    assert not again
    assert job.result == {"found": 0}


def test_a_job_that_another_attempt_took_is_left_to_it():
    def work(job: RuleJob, report: Report) -> Done:
        RuleJob.objects.filter(pk=job.pk).update(attempt=5)
        report(50)
        raise AssertionError("it should have stopped")

    job = execute(RuleJobFactory(), work)
    assert (job.status, job.attempt, job.error, job.progress) == ("running", 5, "", 0)


def test_a_lost_job_begins_anew_and_is_given_up_when_it_kills_its_workers():
    job = RuleJobFactory(status="running", attempt=1, progress=60, steps=[{"step": "reading"}])
    assert execute(job, nothing).status == "completed"
    assert (job.attempt, job.steps) == (2, [])
    job = RuleJobFactory(status="running", attempt=ATTEMPTS_MAX)
    assert execute(job, nothing).status == "failed"
    assert "3 workers" in job.error


def test_the_sweeper_finds_jobs_that_nobody_is_at(settings):
    settings.PASS_LOST_AFTER_SECONDS = 60
    old, young = NOW - timedelta(seconds=61), NOW - timedelta(seconds=59)
    lost = RuleJobFactory(requested_at=old)
    silent = RuleJobFactory(requested_at=old, status="running", heartbeat_at=old)
    RuleJobFactory(requested_at=young)
    RuleJobFactory(requested_at=old, status="running", heartbeat_at=young)
    RuleJobFactory(requested_at=old, status="failed", finished_at=old)
    assert lost_rule_jobs(at=NOW) == [lost.pk, silent.pk]


def test_one_search_for_rules_at_a_time():
    reconciliation = ReconciliationFactory()
    by = actor_with("admin", organization=reconciliation.organization)
    ask = partial(
        rule_job_request,
        reconciliation=reconciliation,
        kind=RuleJobKind.PROPOSAL,
        asked={"slice": 5_000},
        by=by,
        at=NOW,
    )
    first = perform(ask)
    assert (first.input, first.requested_by) == ({"slice": 5_000}, by.ref)
    with pytest.raises(Conflict, match="looked for already") as refusal:
        perform(ask)
    assert refusal.value.code == "rule_job.running"
    execute(first, nothing)
    assert perform(ask).pk != first.pk


def test_two_backtests_may_stand_side_by_side():
    job = RuleJobFactory()
    RuleJobFactory(reconciliation=job.reconciliation)
    assert job.reconciliation.rule_jobs.under_way().count() == 2


def test_waiting_ends_with_the_job_or_with_the_time():
    assert rule_job_wait(RuleJobFactory().pk, seconds=0).status == "pending"
    done = execute(RuleJobFactory(), nothing)
    assert rule_job_wait(done.pk, seconds=60).status == "completed"


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "completed", "finished_at": NOW},
        {"status": "failed"},
        {"status": "running", "finished_at": NOW},
        {"progress": 101},
        {"kind": "guess"},
    ],
)
def test_the_database_refuses_half_jobs(fields: dict[str, Any]):
    with pytest.raises(IntegrityError), transaction.atomic():
        RuleJobFactory(**fields)
