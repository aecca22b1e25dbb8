"""What must hold when files, entries and deletions come in at the same moment."""

from __future__ import annotations

import io
from functools import partial

import pytest

from ledgers.models import BankAccount, Record, SourceFile
from ledgers.services.books import ledger_create
from reconciliation.models import Match, RunSource
from reconciliation.selectors.integrity import faults
from reconciliation.services.books import books_import
from reconciliation.services.by_hand import match_manual
from reconciliation.services.intake import entries_post, journal_post
from reconciliation.services.matches import match_accept, match_reject
from reconciliation.services.records import source_void
from reconciliation.services.runs import run_create, run_void
from reconciliation.services.sources import receive, source_add, source_import
from rules.models import Reconciliation, Rule
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import STATEMENT, Books, books
from tests.reconciliation.files import csv
from tests.reconciliation.races import at_once, codes, performed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def example() -> Books:
    example = books(actor_with())
    example.upload(STATEMENT)
    return example


def test_the_same_file_ten_times_at_once_is_one_import(example: Books):
    run = example.another_run()
    received = receive(io.BytesIO(STATEMENT.replace("S1", "T1").encode()))
    add = performed(source_add, run=run, received=received, filename="f.csv", by=example.by, at=NOW)

    results = at_once([add] * 10)

    assert codes(results) == {"ok": 1, "file.duplicate": 9}
    assert RunSource.objects.filter(run=run).count() == 1
    assert SourceFile.objects.filter(checksum_sha256=received.checksum).count() == 1
    assert faults() == []


def test_the_same_key_ten_times_at_once_is_one_row(example: Books):
    received = receive(io.BytesIO(b"other bytes"))
    add = performed(
        source_add,
        run=example.run,
        received=received,
        filename="f.csv",
        idempotency_key="k",
        by=example.by,
        at=NOW,
    )

    results = at_once([add] * 10)

    assert sorted(made for _source, made in results) == [False] * 9 + [True]
    assert len({source.pk for source, _made in results}) == 1


@pytest.mark.parametrize("first", [True, False], ids=["first file of the ledger", "account known"])
def test_the_same_file_into_ten_runs_at_once_is_imported_once(first: bool):
    made = books(actor_with())
    if not first:
        made.upload(csv(("S0", "credit", 1_00, 1, "")))
    before = Record.objects.filter(stream__kind="statement").count()
    runs = [made.another_run(f"run {n}") for n in range(10)]
    sources = [made.add(STATEMENT, run=run) for run in runs]

    results = at_once(
        [partial(source_import, source_file_id=source.source_file_id, at=NOW) for source in sources]
    )

    assert sorted((r.imported_count, r.already_known_count) for r in results) == [(0, 6)] * 9 + [(6, 0)]
    assert Record.objects.filter(stream__kind="statement").count() == before + 6
    assert BankAccount.objects.filter(ledger=made.ledger).count() == 1
    assert faults() == []


def test_overlapping_files_in_opposite_order_import_each_line_once():
    made = books(actor_with(), entries=[])
    made.upload(csv(("S", "credit", 1, 1, "")))
    lines = [(f"S{n}", "credit", 100 + n, 1 + n % 28, "") for n in range(300)]
    files = [csv(*(lines[start:] + lines[:start])[::step]) for start in (0, 100, 200) for step in (1, -1)]
    sources = [made.add(text, run=made.another_run()) for text in files]

    results = at_once([partial(source_import, source_file_id=s.source_file_id, at=NOW) for s in sources])

    assert sum(result.imported_count for result in results) == 300
    assert all(result.imported_count + result.already_known_count == 300 for result in results)
    assert faults() == []


def test_an_import_is_done_once_however_often_it_is_rung(example: Books):
    source = example.add(csv(("T1", "credit", 7_00, 9, "")))
    results = at_once([partial(source_import, source_file_id=source.source_file_id, at=NOW)] * 5)
    assert {result.pk for result in results} == {source.source_file_id}
    source.source_file.refresh_from_db()
    assert source.source_file.imported_count == 1
    assert faults() == []


def test_voiding_a_file_against_every_act_on_its_lines(example: Books):
    second = example.upload(csv(("T1", "credit", 77_00, 11, ""), ("T2", "debit", 6_60, 12, "CARD-12")))
    example.auto_match()
    example.reject("T1")
    match = example.match_with("T2")
    manual = performed(
        match_manual,
        run=example.run,
        item_ids=[example.item("T1")],
        entry_ids=[example.entries["G6"]],
        by=example.by,
        at=NOW,
    )
    accept = performed(match_accept, match_id=match.pk, by=example.by, at=NOW)
    reject = performed(match_reject, match_id=match.pk, by=example.by, at=NOW)
    void = performed(source_void, run=example.run, source_file=second, by=example.by, at=NOW)

    results = at_once([manual, accept, reject, void] * 6)

    assert set(codes(results)) <= {
        "ok",
        "match.state",
        "match.token_taken",
        "record.item_not_found",
        "match.not_in_run",
    }
    assert codes(results[3::4]) == {"ok": 6}
    assert sum(result.voided for result in results[3::4]) == 2
    assert set(example.statuses()) == {"S1", "S2", "S3", "S4", "S5", "S6"}
    assert not Match.objects.live().filter(pk=match.pk).exists()
    assert faults() == []


def test_voiding_a_run_against_matches_by_hand_and_uploads():
    for _round in range(3):
        made = books(actor_with())
        made.upload(STATEMENT)
        manual = performed(
            match_manual,
            run=made.run,
            item_ids=[made.item("S1")],
            entry_ids=[made.entries["G1"]],
            by=made.by,
            at=NOW,
        )
        received = receive(io.BytesIO(csv(("T1", "credit", 1_00, 3, "")).encode()))
        void = performed(run_void, run=made.run, by=made.by, at=NOW)

        def upload(made=made, received=received):
            add = performed(source_add, run=made.run, received=received, filename="t.csv", by=made.by, at=NOW)
            source, _made = add()
            return source_import(source_file_id=source.source_file_id, at=NOW)

        request = partial(made.request)

        results = at_once([manual, upload, request, void])

        assert set(codes(results)) <= {
            "ok",
            "run.not_found",  # deleted first
            "pass.running",
            "file.processing",
            "record.item_not_found",
            "match.token_taken",
            "run.closed",
        }
        made.run.refresh_from_db()
        if made.run.voided_at is not None:
            assert not Match.objects.live().filter(reconciliation=made.run.reconciliation).exists()
            assert (
                not Record.objects.live()
                .filter(stream__kind="statement", stream__wiring__reconciliation=made.run.reconciliation)
                .exists()
            )
            assert not made.run.passes.under_way().exists()
        assert faults() == []


def test_first_entries_at_once_make_one_stream_one_reconciliation_one_set_of_rules():
    by = actor_with()
    ledgers = [
        performed(
            ledger_create,
            organization_id=by.organization_id,
            code=f"L{n}",
            type="asset",
            currency="EUR",
            by=by,
            at=NOW,
        )()
        for n in range(4)
    ]
    all_books = [Books(by, ledger, None) for ledger in ledgers]  # type: ignore[arg-type]

    def post(n: int):
        entries = [
            all_books[(n + k) % 4].wanted((f"G{n}", "debit" if k else "credit", 100, 1 + n % 28, f"R{n}"))[0]
            for k in range(1 + n % 4)
        ]
        return performed(entries_post, organization_id=by.organization_id, entries=entries, by=by, at=NOW)

    runs = [
        performed(run_create, organization_id=by.organization_id, ledger=ledger, by=by, at=NOW)
        for ledger in ledgers
    ]
    results = at_once([*(post(n) for n in range(28)), *runs])

    assert codes(results) == {"ok": 32}
    assert Record.objects.count() == 7 * (1 + 2 + 3 + 4)
    assert Reconciliation.objects.count() == 4
    assert Rule.objects.count() == 5
    assert faults() == []


@pytest.mark.parametrize("entries", [[], [("G0", "debit", 1_00, 1, "")]], ids=["new ledger", "ledger in use"])
def test_the_same_books_file_at_once_is_imported_once(entries):
    made = books(actor_with(), entries=entries)
    text = "date,amount,type,reference\n" + "".join(f"2026-02-03,{n}.00,debit,R{n}\n" for n in range(1, 40))

    def load():
        return performed(
            books_import,
            organization_id=made.by.organization_id,
            file=io.BytesIO(text.encode()),
            filename="books.csv",
            ledger=made.ledger,
            by=made.by,
            at=NOW,
        )

    results = at_once([load() for _n in range(5)])

    assert sorted((r.imported, r.already_known) for r in results) == [(0, 39)] * 4 + [(39, 0)]
    assert faults() == []


def test_the_same_journal_id_at_once_is_posted_once():
    from uuid import UUID

    made = books(actor_with(), entries=[])
    other = books(made.by, code="2000", entries=[])
    entries = [*made.wanted(("D", "debit", 100, 2, "")), *other.wanted(("C", "credit", 100, 2, ""))]
    post = performed(
        journal_post,
        organization_id=made.by.organization_id,
        entries=entries,
        journal_id=UUID(int=7),
        by=made.by,
        at=NOW,
    )
    assert codes(at_once([post] * 5)) == {"ok": 1, "journal.id_taken": 4}
    assert faults() == []


def test_the_same_run_key_at_once_is_one_run(example: Books):
    create = performed(
        run_create,
        organization_id=example.by.organization_id,
        ledger=example.ledger,
        idempotency_key="k",
        by=example.by,
        at=NOW,
    )
    results = at_once([create] * 10)
    assert len({run.pk for run, _made in results}) == 1
    assert sum(made for _run, made in results) == 1
