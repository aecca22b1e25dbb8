"""The import page while others do the same at the same moment: each line once, each undoing once."""

from __future__ import annotations

from functools import partial

import pytest

from ledgers.models import Record
from organizations.actors import Actor
from organizations.refusals import Refusal
from reconciliation.models import Run, RunSource
from reconciliation.selectors.integrity import faults
from reconciliation.services import imports
from reconciliation.services.file_import import file_import
from reconciliation.services.runs import run_void
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import books
from tests.reconciliation.files import Stmt, camt
from tests.reconciliation.races import at_once, performed
from tests.reconciliation.test_file_import import IBAN, OTHER_IBAN, TWO, act, added, imported, with_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def by() -> Actor:
    found = actor_with()
    for code, identifier in (("1000", IBAN), ("2000", OTHER_IBAN)):
        made = books(found, code=code, entries=[])
        act(run_void, found, run=made.run)
        with_account(made.ledger, found, identifier)
    return found


def read(source) -> partial:
    return partial(file_import, source_file_id=source.pk, at=NOW)


def test_files_of_the_same_lines_at_once_open_one_run_for_each_ledger(by: Actor):
    turned = camt(
        Stmt((("T1", "credit", 7_00, 5, "R3"),), account=OTHER_IBAN),
        Stmt((("S2", "debit", 4_00, 4, "R2"), ("S1", "credit", 10_00, 3, "R1")), account=IBAN),
    )
    sources = [added(text, by) for text in (TWO, turned) * 3]
    results = at_once([read(source) for source in sources])
    assert all(result.status == "completed" for result in results), results
    assert sum(result.imported_count for result in results) == Record.objects.count() == 3
    assert sorted(run.ledger.code for run in Run.objects.live()) == ["1000", "2000"]
    assert faults() == []


def test_a_file_rung_for_five_times_at_once_is_read_once(by: Actor):
    source = added(TWO, by)
    at_once([read(source)] * 5)
    assert RunSource.objects.filter(source_file__part_of=source).count() == 2
    assert faults() == []


def test_undoing_at_once_is_done_once_and_while_the_runs_are_deleted(by: Actor):
    source = imported(TWO, by)
    undo = performed(imports.import_void, source=source, reason="x", by=by, at=NOW)
    deletes = [performed(run_void, run=run, by=by, at=NOW) for run in Run.objects.live()]
    results = at_once([undo, undo, *deletes])
    done = [result for result in results[:2] if not isinstance(result, Refusal)]
    assert len(done) == 1, results
    assert not Record.objects.live().exists()
    assert faults() == []


def test_an_import_and_its_undoing_at_once_leave_all_or_nothing(by: Actor):
    source = added(TWO, by)
    undo = performed(imports.import_void, source=source, reason="x", by=by, at=NOW)
    at_once([read(source), undo])
    source.refresh_from_db()
    assert Record.objects.live().count() == (0 if source.voided_at else 3)
    assert faults() == []
