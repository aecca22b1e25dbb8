"""The import page while others do the same at the same moment: each line once, each undoing once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection, transaction

from ledgers.models import Ledger, Record
from organizations.actors import Actor
from organizations.refusals import Refusal, Unreadable
from reconciliation.models import Run, RunSource
from reconciliation.selectors.integrity import faults
from reconciliation.services import imports
from reconciliation.services.file_import import file_import
from reconciliation.services.locks import LockKind, lock_key, share_reconciliations
from reconciliation.services.runs import run_void
from rules.services.setup import ledger_reconciliation
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import books
from tests.reconciliation.files import Stmt, camt
from tests.reconciliation.races import at_once, performed
from tests.reconciliation.test_file_import import IBAN, OTHER_IBAN, TWO, act, added, imported, with_account
from tests.workers import wait_for

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


def test_accounts_put_to_several_ledgers_lock_them_in_the_one_order(by: Actor):
    """The number that sorts first goes to the later ledger: while somebody is at the earlier one, nobody waits for the later."""
    numbers = ("DE02500105170137075030", "DE02600501010002034304")
    source = added(camt(*(Stmt((("N1", "credit", 1_00, 5, "N"),), account=number) for number in numbers)), by)
    with pytest.raises(Unreadable):
        read(source)()
    early, late = Ledger.objects.order_by("pk")
    first, second = (ledger_reconciliation(ledger, by=by, at=NOW).pk for ledger in (early, late))
    placed = {(numbers[0], "EUR"): late, (numbers[1], "EUR"): early}
    act_of = performed(imports.import_accounts, source=source, ledgers=placed, by=by, at=NOW)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            share_reconciliations([first])
            placing = pool.submit(in_a_thread, act_of)
            wait_for(somebody_waits_for_a_lock, seconds=5, what="the act at the earlier ledger's lock")
            assert is_free(second)
        placing.result()
    assert read(source)().imported_count == 2


def in_a_thread(act_of):
    try:
        return act_of()
    finally:
        connection.close()


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return bool(cursor.fetchone()[0])


def is_free(reconciliation_id: int) -> bool:
    key = lock_key(LockKind.RECONCILIATION, reconciliation_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock_shared(%s)", [key])
        return bool(cursor.fetchone()[0])
