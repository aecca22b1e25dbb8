"""Continuous reconciliations of streams match whenever records come in, and read no history for it."""

from __future__ import annotations

import pytest

from ledgers.models import DataStream
from reconciliation.models import Match, Pass
from reconciliation.services.execution import pass_execute
from reconciliation.services.passes import pass_request
from reconciliation.services.stream_reconciliations import reconciliation_change
from rules.models import Reconciliation
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import books
from tests.reconciliation.files import csv
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db


def continuous() -> tuple[Feeds, Reconciliation]:
    feeds = Feeds(actor_with())
    made = feeds.reconciliation(feeds.stream("a"), feeds.stream("b"))
    made.run_type = "continuous"
    made.save()
    return feeds, made


def stream_of(feeds: Feeds, key: str) -> DataStream:
    return DataStream.objects.get(organization_id=feeds.by.organization_id, key=key)


def waiting(made: Reconciliation) -> list[tuple[str, str]]:
    rows = Pass.objects.filter(reconciliation=made, status="pending").order_by("pk")
    return list(rows.values_list("kind", "trigger"))


def execute(made: Reconciliation) -> Pass:
    row = Pass.objects.get(reconciliation=made, status="pending")
    pass_execute(pass_id=row.pk, clock=lambda: NOW)
    row.refresh_from_db()
    assert row.status == "completed"
    return row


def test_records_that_come_in_ask_for_one_pass():
    feeds, made = continuous()
    feeds.add(stream_of(feeds, "a"), ("R1", 100))
    feeds.add(stream_of(feeds, "b"), ("R1", 100))
    assert waiting(made) == [("continuous", "record_created")]
    execute(made)
    assert Match.objects.filter(reconciliation=made).count() == 1


def test_a_stream_that_is_put_in_is_matched_with_what_it_holds():
    feeds, made = continuous()
    late = feeds.stream("late")
    feeds.add(late, ("R1", 100))
    made.refresh_from_db()
    feeds.act(reconciliation_change, reconciliation=made, side_b=[stream_of(feeds, "b"), late])
    assert waiting(made) == [("continuous", "record_created")]


def test_what_waited_for_somebody_to_ask_is_matched_when_it_becomes_continuous():
    feeds, made = continuous()
    Reconciliation.objects.filter(pk=made.pk).update(run_type="batch")
    feeds.add(stream_of(feeds, "a"), ("R1", 100))
    feeds.act(reconciliation_change, reconciliation=made, run_type="continuous")
    assert waiting(made) == [("continuous", "record_created")]
    execute(made)
    feeds.act(reconciliation_change, reconciliation=made, run_type="batch")
    assert waiting(made) == []


def test_a_batch_reconciliation_waits_to_be_asked():
    feeds, made = continuous()
    Reconciliation.objects.filter(pk=made.pk).update(run_type="batch")
    feeds.add(stream_of(feeds, "a"), ("R1", 100))
    assert waiting(made) == []


def test_without_an_active_rule_there_is_nothing_to_run():
    feeds, made = continuous()
    made.rules.update(status="proposed")
    feeds.add(stream_of(feeds, "a"), ("R1", 100))
    assert waiting(made) == []


def test_whoever_asks_makes_the_waiting_pass_a_batch_pass():
    feeds, made = continuous()
    feeds.add(stream_of(feeds, "a"), ("R1", 100))
    feeds.act(pass_request, reconciliation=made, run=None)
    assert waiting(made) == [("batch", "manual")]


def test_a_pass_reads_what_is_open_however_much_was_matched_before():
    """Ten times the history, the same rows read."""
    read = []
    feeds, made = continuous()
    a, b = stream_of(feeds, "a"), stream_of(feeds, "b")
    feeds.add(a, ("waits", 1))
    for number, size in enumerate((1, 10, 1)):
        names = [(f"R{number}-{place}", 100 + place) for place in range(size)]
        feeds.add(a, *names)
        feeds.add(b, *names)
        read.append(execute(made).total_records)
    assert read == [3, 21, 3]
    assert Match.objects.filter(reconciliation=made).count() == 12


def test_a_statement_that_is_imported_asks_for_one_too():
    """The upload's own run stays as it is: it is matched when somebody asks."""
    made = books(actor_with())
    upload = csv(("S1", "credit", 100, 3, "R1"))
    made.upload(upload)
    feeds = Feeds(made.by)
    wide = feeds.reconciliation(DataStream.objects.get(kind="statement"), feeds.stream("b"))
    Reconciliation.objects.filter(pk=wide.pk).update(run_type="continuous")
    made.upload(csv(("S2", "credit", 200, 4, "R2")), "second.csv")
    assert waiting(wide) == [("continuous", "record_created")]
    assert waiting(made.run.reconciliation) == []


@pytest.mark.parametrize("begun", [True, False])
def test_a_pass_that_began_before_the_records_were_safe_is_followed_by_another(
    begun, django_capture_on_commit_callbacks
):
    feeds, made = continuous()
    feeds.add(stream_of(feeds, "a"), ("R1", 100))
    with django_capture_on_commit_callbacks(execute=True):
        feeds.add(stream_of(feeds, "b"), ("R1", 100))
        if begun:
            row = Pass.objects.get(reconciliation=made)
            row.move("running", attempt=1)
    assert Pass.objects.filter(reconciliation=made).count() == 1 + begun
    assert waiting(made) == [("continuous", "record_created")]


def test_a_pass_that_an_act_asks_for_itself_calls_for_no_other(django_capture_on_commit_callbacks):
    """However soon the worker begins it."""
    feeds, made = continuous()
    with django_capture_on_commit_callbacks(execute=True):
        feeds.add(stream_of(feeds, "a"), ("R1", 100))
        Pass.objects.get(reconciliation=made).move("running", attempt=1)
    assert Pass.objects.filter(reconciliation=made).count() == 1
