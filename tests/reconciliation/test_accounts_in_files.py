"""Which statement of a file a run takes (decision 14)."""

from __future__ import annotations

from datetime import date

import pytest

from ledgers.models import BankAccount, Record, SourceFile, Statement
from organizations.models import Organization
from organizations.refusals import Conflict, Unreadable
from reconciliation.models import OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services.wiring import bank_account_attach, bank_account_create
from tests.factories.ledgers import DataStreamFactory, RecordFactory
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import Line, Stmt, camt, csv

pytestmark = pytest.mark.django_db

IBAN, OTHER_IBAN, THIRD_IBAN = "DE02100100100006820101", "DE02120300000000202051", "DE02500105170137075030"
LINES: tuple[Line, ...] = (("S1", "credit", 10_00, 3, "R1"), ("S2", "debit", 4_00, 4, "R2"))


@pytest.fixture
def made() -> Books:
    return books(actor_with(), entries=[])


def counts(source: SourceFile) -> tuple[int | None, int | None]:
    return source.imported_count, source.already_known_count


def account(made: Books, identifier: str, *, ledger=True, currency: str = "EUR") -> BankAccount:
    return made.act(
        bank_account_create,
        organization_id=made.by.organization_id,
        name=identifier,
        identifier=identifier,
        currency=currency,
        ledger=made.ledger if ledger else None,
    )


def refused(made: Books, text: str) -> Unreadable:
    with pytest.raises(Unreadable) as refusal:
        made.upload(text)
    assert (refusal.value.code, refusal.value.word) == ("file.wrong_account", "wrong_account")
    assert not Record.objects.exists()
    assert SourceFile.objects.get().status == "failed"
    return refusal.value


def test_a_ledger_without_an_account_remembers_the_one_of_its_first_file(made: Books):
    made.upload(camt(Stmt(LINES, account=IBAN)))
    known = BankAccount.objects.get()
    assert (known.identifier, known.ledger, known.currency) == (IBAN, made.ledger, "EUR")
    with pytest.raises(Unreadable):
        made.upload(camt(Stmt(LINES, account=OTHER_IBAN)))
    assert BankAccount.objects.get() == known


def test_a_file_that_names_no_account_makes_a_nameless_one_that_takes_its_name_later(made: Books):
    made.upload(csv(*LINES))
    nameless = BankAccount.objects.get()
    assert (nameless.identifier, nameless.ledger) == ("", made.ledger)
    again = made.upload(camt(Stmt(LINES, account=IBAN)))
    nameless.refresh_from_db()
    assert nameless.identifier == IBAN
    assert BankAccount.objects.count() == 1
    assert Record.objects.count() == sum(counts(again)) + 2 - (again.already_known_count or 0)
    assert faults() == []


def test_a_known_account_without_a_ledger_is_put_to_the_ledger(made: Books):
    free = account(made, IBAN, ledger=False)
    made.upload(camt(Stmt(LINES, account=IBAN)))
    free.refresh_from_db()
    assert free.ledger == made.ledger
    assert faults() == []


def test_a_file_is_split_by_account_and_the_others_are_named(made: Books):
    other = books(made.by, code="2000", entries=[])
    account(made, IBAN)
    account(other, OTHER_IBAN)
    mine, theirs = Stmt(LINES, account=IBAN), Stmt((LINES[0],), account=OTHER_IBAN)
    source = made.upload(camt(theirs, mine, Stmt((), account=THIRD_IBAN), Stmt((), account=IBAN)))
    assert counts(source) == (2, 0)
    assert source.skipped_statements == [
        {"account": OTHER_IBAN, "lines": 1, "ledger_id": str(other.ledger.uuid)},
        {"account": THIRD_IBAN, "lines": 0, "ledger_id": None},
    ]
    assert Statement.objects.count() == 2


def test_a_file_without_the_ledgers_account_is_refused_naming_what_it_has(made: Books):
    account(made, IBAN)
    refusal = refused(made, camt(Stmt(LINES, account=OTHER_IBAN)))
    assert OTHER_IBAN in refusal.message
    assert refusal.details["skipped_statements"] == [{"account": OTHER_IBAN, "lines": 2, "ledger_id": None}]


def test_an_account_of_another_ledger_is_refused(made: Books):
    account(books(made.by, code="2000", entries=[]), IBAN)
    assert "another ledger" in refused(made, camt(Stmt(LINES, account=IBAN))).message


def test_one_number_in_two_currencies_is_two_accounts(made: Books):
    dollars = books(made.by, code="2000", entries=[], currency="USD")
    account(dollars, IBAN, currency="USD")
    both = camt(Stmt(LINES, account=IBAN), Stmt((LINES[0],), account=IBAN, currency="USD"))
    source = made.upload(both)
    assert counts(source) == (2, 0)
    assert source.skipped_statements == [{"account": IBAN, "lines": 1, "ledger_id": str(dollars.ledger.uuid)}]
    assert BankAccount.objects.get(ledger=made.ledger).currency == "EUR"
    assert counts(dollars.upload(both)) == (1, 0)
    assert faults() == []


def test_several_accounts_are_refused_where_the_ledger_knows_none(made: Books):
    text = camt(Stmt(LINES, account=IBAN), Stmt(LINES, account=OTHER_IBAN))
    assert "several accounts" in refused(made, text).message
    assert not BankAccount.objects.exists()


def test_another_currency_is_refused(made: Books):
    account(made, IBAN)
    assert "USD" in refused(made, camt(Stmt(LINES, account=IBAN, currency="USD"))).message


def test_another_currency_is_refused_where_the_file_names_no_account(made: Books):
    refused(made, camt(Stmt(LINES, account=None, currency="USD")))


def test_a_file_that_names_no_account_is_refused_where_the_ledger_has_several(made: Books):
    account(made, IBAN)
    account(made, OTHER_IBAN)
    assert "has several" in refused(made, csv(*LINES)).message


def test_another_organizations_account_of_the_same_number_is_no_matter(made: Books):
    account(books(actor_with(), entries=[]), IBAN)
    assert counts(made.upload(camt(Stmt(LINES, account=IBAN)))) == (2, 0)


def test_lines_that_an_account_had_before_it_came_to_the_ledger_get_open_items(made: Books):
    first = books(made.by, code="2000", entries=[])
    loose = account(made, IBAN, ledger=False)

    stream = DataStreamFactory(
        organization=Organization.objects.get(pk=made.by.organization_id),
        kind="statement",
        bank_account=loose,
    )
    for amount, day in ((5_00, 9), (0, 9)):
        RecordFactory(stream=stream, amount=amount, date=date(2026, 2, day))
    made.act(bank_account_attach, bank_account=loose, ledger=made.ledger)
    items = OpenItem.objects.filter(reconciliation=made.run.reconciliation)
    assert sorted(items.values_list("open_amount", "close_reason")) == [(0, "zero_amount"), (5_00, "")]
    assert len({item.ticket for item in items}) == 2
    with pytest.raises(Conflict) as refusal:
        made.act(bank_account_attach, bank_account=loose, ledger=first.ledger)
    assert refusal.value.code == "bank_account.taken"
