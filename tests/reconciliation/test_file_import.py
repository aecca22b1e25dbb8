"""Files without a run: each statement goes to the ledger of its account, all of a file or nothing."""

from __future__ import annotations

import io

import pytest

from ledgers.models import BankAccount, Ledger, Record, SourceFile
from organizations.actors import Actor
from organizations.acts import perform
from organizations.refusals import Conflict, Invalid, Unreadable
from reconciliation.models import FileImport, MatchMember, OpenItem, Run, RunSource
from reconciliation.selectors.integrity import faults
from reconciliation.services import imports
from reconciliation.services.file_import import file_import
from reconciliation.services.records import source_void
from reconciliation.services.runs import run_void
from reconciliation.services.sources import receive
from reconciliation.services.wiring import bank_account_create
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.ledgers.formats.test_zip_archive import packed
from tests.reconciliation.books import Books, books
from tests.reconciliation.counting import item_counts
from tests.reconciliation.files import Line, Stmt, camt, csv

pytestmark = pytest.mark.django_db

IBAN, OTHER_IBAN, THIRD_IBAN = "DE02100100100006820101", "DE02120300000000202051", "DE02500105170137075030"
LINES: tuple[Line, ...] = (("S1", "credit", 10_00, 3, "R1"), ("S2", "debit", 4_00, 4, "R2"))
MORE: tuple[Line, ...] = (("T1", "credit", 7_00, 5, "R3"),)
TWO = camt(Stmt(LINES, account=IBAN), Stmt(MORE, account=OTHER_IBAN))


@pytest.fixture(autouse=True)
def _nothing_broken():
    yield
    assert faults() == []


@pytest.fixture
def by() -> Actor:
    return actor_with()


@pytest.fixture
def made(by: Actor) -> Books:
    """A ledger with its account, and no run."""
    found = books(by, code="1000", entries=[])
    perform(lambda: run_void(run=found.run, by=by, at=NOW))
    with_account(found.ledger, by, IBAN)
    return found


@pytest.fixture
def other(by: Actor, made: Books) -> Ledger:
    found = books(by, code="2000", entries=[])
    perform(lambda: run_void(run=found.run, by=by, at=NOW))
    with_account(found.ledger, by, OTHER_IBAN)
    return found.ledger


def with_account(ledger: Ledger, by: Actor, identifier: str) -> BankAccount:
    return perform(
        lambda: bank_account_create(
            organization_id=by.organization_id,
            name=identifier,
            identifier=identifier,
            ledger=ledger,
            by=by,
            at=NOW,
        )
    )


def act(service, by: Actor, **given):
    return perform(lambda: service(**given, by=by, at=NOW))


def added(text: str | bytes, by: Actor, name: str = "a.xml", ledger: Ledger | None = None) -> SourceFile:
    received = receive(io.BytesIO(text.encode() if isinstance(text, str) else text))
    organization_id = by.organization_id
    return act(
        imports.import_add,
        by,
        organization_id=organization_id,
        received=received,
        filename=name,
        ledger=ledger,
    )


def imported(text: str | bytes, by: Actor, name: str = "a.xml", ledger: Ledger | None = None) -> SourceFile:
    return file_import(source_file_id=added(text, by, name, ledger).pk, at=NOW)


def refused(text: str | bytes, by: Actor, name: str = "a.xml") -> tuple[SourceFile, Unreadable]:
    source = added(text, by, name)
    with pytest.raises(Unreadable) as caught:
        file_import(source_file_id=source.pk, at=NOW)
    source.refresh_from_db()
    return source, caught.value


def counts(source: SourceFile) -> tuple[int | None, int | None]:
    return source.imported_count, source.already_known_count


def lines_of(ledger: Ledger) -> set[str]:
    rows = Record.objects.live().filter(stream__bank_account__ledger=ledger)
    return set(rows.values_list("description", flat=True))


def runs_of(ledger: Ledger) -> list[Run]:
    return list(Run.objects.live().filter(ledger=ledger))


def test_each_statement_goes_to_the_ledger_of_its_account(made: Books, other: Ledger, by: Actor):
    source = imported(TWO, by)
    assert (source.status, source.format, *counts(source)) == ("completed", "camt.053", 3, 0)
    assert lines_of(made.ledger) == {"S1", "S2"}
    assert lines_of(other) == {"T1"}
    (mine,), (theirs,) = runs_of(made.ledger), runs_of(other)
    assert (item_counts(mine).items, item_counts(theirs).items) == (2, 1)
    assert OpenItem.objects.count() == 3
    assert [part.ledger for part in source.parts.order_by("pk")] == [made.ledger, other]
    assert list(FileImport.objects.imported()) == [FileImport.objects.get(pk=source.pk)]


def test_the_open_run_of_the_ledger_is_used_again_a_finished_one_is_not(made: Books, by: Actor):
    own = made.run = made.another_run("by hand")
    imported(camt(Stmt(LINES)), by)
    assert item_counts(own).items == 2
    made.auto_match(run=own)
    for name in ("S1", "S2"):
        made.close(name, reason="test")
    imported(camt(Stmt(MORE)), by)
    assert item_counts(own).items == 2
    (newer,) = set(runs_of(made.ledger)) - {own}
    assert item_counts(newer).items == 1


def test_the_same_file_again_adds_nothing_and_is_said(made: Books, other: Ledger, by: Actor):
    imported(TWO, by)
    again = imported(TWO, by)
    assert (again.status, *counts(again)) == ("completed", 0, 3)
    assert Record.objects.count() == 3
    assert item_counts(runs_of(made.ledger)[0]).items == 2


def test_a_file_with_an_unknown_account_is_held_back_whole_and_says_which(made: Books, by: Actor):
    source, refusal = refused(TWO, by)
    assert (source.status, source.error_code) == ("failed", "file.unknown_account")
    assert OTHER_IBAN in refusal.message
    (lacking,) = source.skipped_statements
    assert (lacking["account"], lacking["currency"], lacking["lines"]) == (OTHER_IBAN, "EUR", 1)
    assert not Record.objects.exists()
    assert runs_of(made.ledger) == []


def test_an_account_put_to_its_ledger_lets_the_file_in(made: Books, by: Actor):
    source, _refusal = refused(TWO, by)
    second = books(by, code="2000", entries=[]).ledger
    act(imports.import_accounts, by, source=source, ledgers={(OTHER_IBAN, "EUR"): second})
    source = file_import(source_file_id=source.pk, at=NOW)
    assert (source.status, source.error_code, *counts(source)) == ("completed", "", 3, 0)
    assert lines_of(second) == {"T1"}
    assert BankAccount.objects.get(identifier=OTHER_IBAN).ledger == second


def test_an_account_that_was_made_elsewhere_is_found_on_a_retry(made: Books, by: Actor):
    source, _refusal = refused(TWO, by)
    with_account(books(by, code="2000", entries=[]).ledger, by, OTHER_IBAN)
    act(imports.import_retry, by, source=source)
    assert counts(file_import(source_file_id=source.pk, at=NOW)) == (3, 0)


def test_a_known_account_without_a_ledger_waits_for_one_too(made: Books, by: Actor):
    act(
        bank_account_create,
        by,
        organization_id=by.organization_id,
        name="x",
        identifier=OTHER_IBAN,
        currency="EUR",
    )
    source, _refusal = refused(TWO, by)
    assert source.skipped_statements[0]["known"]
    act(imports.import_accounts, by, source=source, ledgers={(OTHER_IBAN, "EUR"): made.ledger})
    assert counts(file_import(source_file_id=source.pk, at=NOW)) == (3, 0)
    assert BankAccount.objects.filter(identifier=OTHER_IBAN).count() == 1


def test_a_file_that_names_no_account_waits_for_its_ledger(made: Books, by: Actor):
    header = "date,amount,direction,reference,description,currency"
    text = csv(*LINES, header=header).replace(",S1", ",S1,EUR").replace(",S2", ",S2,EUR")
    source, _refusal = refused(text, by, "a.csv")
    assert (source.status, source.error_code) == ("failed", "file.no_account")
    act(imports.import_to_ledger, by, source=source, ledger=made.ledger)
    source = file_import(source_file_id=source.pk, at=NOW)
    assert counts(source) == (2, 0)
    assert lines_of(made.ledger) == {"S1", "S2"}


def test_a_ledger_chosen_at_once_takes_a_file_that_names_no_account(made: Books, by: Actor):
    assert counts(imported(csv(*LINES), by, "a.csv", made.ledger)) == (2, 0)


def test_lines_in_another_currency_than_the_ledger_are_refused(made: Books, by: Actor):
    BankAccount.objects.update(currency="")
    source, refusal = refused(camt(Stmt(LINES, currency="USD")), by)
    assert source.error_code == "file.wrong_account"
    assert "USD" in refusal.message
    assert not Record.objects.exists()


def test_the_members_of_an_archive_go_to_their_own_ledgers(made: Books, other: Ledger, by: Actor):
    members = {
        "a.xml": camt(Stmt(LINES, account=IBAN)).encode(),
        "b.xml": camt(Stmt(MORE, account=OTHER_IBAN)).encode(),
    }
    source = imported(packed(*members.items()), by, "all.zip")
    assert (source.format, *counts(source)) == ("zip", 3, 0)
    assert (lines_of(made.ledger), lines_of(other)) == ({"S1", "S2"}, {"T1"})


def test_a_file_is_read_once_however_often_it_is_rung_for(made: Books, by: Actor):
    source = added(camt(Stmt(LINES)), by)
    for _time in range(3):
        file_import(source_file_id=source.pk, at=NOW)
    assert Record.objects.count() == 2
    assert RunSource.objects.filter(source_file__part_of=source).count() == 1


# --- Undone -----------------------------------------------------------------------------------------------------------


def undo(source: SourceFile, by: Actor, reason: str = "the wrong month"):
    return act(imports.import_void, by, source=source, reason=reason)


def test_an_import_is_undone_in_all_its_ledgers_with_its_matches(made: Books, other: Ledger, by: Actor):
    source = imported(TWO, by)
    (run,) = runs_of(made.ledger)
    made.run = run
    made.post(("G1", "debit", 10_00, 3, "R1"))
    made.auto_match()
    assert MatchMember.objects.filter(live=True).exists()
    found = undo(source, by)
    assert (found.voided, found.stayed, found.undone) == (3, 0, 1)
    assert (lines_of(made.ledger), lines_of(other)) == (set(), set())
    assert not MatchMember.objects.filter(live=True).exists()
    source.refresh_from_db()
    assert source.voided_at == NOW
    assert counts(imported(TWO, by)) == (3, 0)


def test_lines_that_another_file_states_too_stay(made: Books, by: Actor):
    source = imported(camt(Stmt(LINES)), by)
    imported(camt(Stmt(LINES)), by)
    found = undo(source, by)
    assert (found.voided, found.stayed) == (0, 2)
    assert lines_of(made.ledger) == {"S1", "S2"}
    assert item_counts(runs_of(made.ledger)[0]).items == 2


def test_undoing_needs_a_reason_and_an_import_that_is_there(made: Books, by: Actor):
    source = imported(camt(Stmt(LINES)), by)
    with pytest.raises(Invalid):
        undo(source, by, " ")
    undo(source, by)
    with pytest.raises(Conflict):
        undo(source, by)


def test_a_part_deleted_from_its_run_leaves_the_rest_to_be_undone(made: Books, other: Ledger, by: Actor):
    source = imported(TWO, by)
    part = source.parts.get(ledger=other)
    act(source_void, by, run=part.run_source.run, source_file=part)
    assert lines_of(other) == set()
    assert undo(source, by).voided == 2


def test_a_file_that_is_being_read_cannot_be_undone(made: Books, by: Actor):
    with pytest.raises(Conflict) as caught:
        undo(added(TWO, by), by)
    assert caught.value.code == "file.processing"


def test_a_corrected_file_takes_the_place_of_a_refused_one(made: Books, by: Actor):
    text = csv(*LINES)
    source = added(text.replace("10.00", "ten"), by, "a.csv", made.ledger)
    with pytest.raises(Unreadable):
        file_import(source_file_id=source.pk, at=NOW)
    new = act(
        imports.import_replace,
        by,
        source=source,
        received=receive(io.BytesIO(text.encode())),
        filename="b.csv",
    )
    assert counts(file_import(source_file_id=new.pk, at=NOW)) == (2, 0)
    source.refresh_from_db()
    assert source.voided_at == NOW
