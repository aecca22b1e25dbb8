"""A run that is deleted while somebody else's act on it is not committed yet: one of the two is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from ledgers.models import Record
from organizations.acts import perform
from organizations.refusals import Refusal
from reconciliation.selectors.integrity import faults
from reconciliation.services.passes import pass_request
from reconciliation.services.runs import run_void
from reconciliation.services.sources import receive, source_add
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.organizations.threads import run_together
from tests.reconciliation.books import STATEMENT, Books, books
from tests.reconciliation.files import csv
from tests.reconciliation.races import performed

pytestmark = pytest.mark.django_db(transaction=True)


def upload(made: Books) -> Any:
    received = receive(io.BytesIO(csv(("T1", "credit", 1_00, 3, "")).encode()))
    return source_add(run=made.run, received=received, filename="t.csv", by=made.by, at=NOW)


def ask_for_pass(made: Books) -> Any:
    return pass_request(reconciliation=made.run.reconciliation, run=made.run, by=made.by, at=NOW)


@pytest.mark.parametrize(
    ("act", "refusal"), [(upload, "file.processing"), (ask_for_pass, "pass.running")], ids=["upload", "pass"]
)
def test_a_deletion_waits_for_an_act_on_the_run_and_is_then_refused(
    act: Callable[[Books], Any], refusal: str
):
    made = books(actor_with())
    made.upload(STATEMENT)
    written, tried = Event(), Event()

    def act_slowly() -> None:
        def whole() -> None:
            act(made)
            written.set()
            tried.wait(1)  # the deletion cannot come to its end while this transaction is open

        perform(whole)

    def delete() -> Any:
        written.wait(5)
        try:
            return performed(run_void, run=made.run, by=made.by, at=NOW)()
        finally:
            tried.set()

    _done, refused = run_together(act_slowly, delete)

    assert isinstance(refused, Refusal)
    assert refused.code == refusal
    made.run.refresh_from_db()
    assert made.run.voided_at is None


@pytest.mark.parametrize("act", [upload, ask_for_pass])
def test_a_deleted_run_takes_neither_files_nor_passes(act: Callable[[Books], Any]):
    made = books(actor_with())
    made.upload(STATEMENT)
    made.act(run_void, run=made.run)

    with pytest.raises(Refusal) as refused:
        perform(lambda: act(made))

    assert refused.value.code == "run.not_found"
    assert not Record.objects.live().filter(stream__kind="statement").exists()
    assert faults() == []
