"""Ledgers and bank accounts as master data: what may be made, and what may still be changed."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from ledgers.models import Journal, Ledger, Record
from ledgers.selectors import find_ledger
from ledgers.services.books import account_create, ledger_change, ledger_create, normal_identifier
from ledgers.services.postings import EntryIn
from organizations.actors import Actor
from organizations.models import AuditEvent
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.services.intake import entries_post
from tests.clock import NOW
from tests.factories.ledgers import JournalFactory, RecordFactory
from tests.factories.organizations import actor_with
from tests.reconciliation.books import books
from tests.reconciliation.files import csv

pytestmark = pytest.mark.django_db


@pytest.fixture
def by() -> Actor:
    return actor_with()


def ledger(by: Actor, **more) -> Ledger:
    asked = {"code": "1000", "type": "asset", "currency": "EUR", **more}
    return ledger_create(organization_id=by.organization_id, **asked, by=by, at=NOW)


def change(by: Actor, row: Ledger, **changes) -> Ledger:
    return ledger_change(ledger=row, changes=changes, by=by, at=NOW)


def refusal_of(kind: type[Exception], act, *arguments, **more) -> str:
    with pytest.raises(kind) as refused:
        act(*arguments, **more)
    return refused.value.code


def test_a_ledgers_decimals_are_its_currencys(by: Actor):
    places = {c: ledger(by, code=c, currency=c).decimal_places for c in ("EUR", "JPY", "BHD", "XQQ")}
    assert places == {"EUR": 2, "JPY": 0, "BHD": 3, "XQQ": 2}
    assert AuditEvent.objects.filter(action="ledger.created").count() == 4


def test_a_code_is_taken_once_in_an_organization(by: Actor):
    ledger(by)
    assert refusal_of(Conflict, ledger, by) == "ledger.code_taken"
    assert ledger(actor_with()).code == "1000"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"type": "wealth"}, "ledger.type_unknown"),
        ({"currency": "eur"}, "currency.form"),
        ({"currency": "EURO"}, "currency.form"),
        ({"opening_balance": 5}, "ledger.opening_without_day"),
    ],
)
def test_what_a_ledger_cannot_be(by: Actor, asked, code):
    assert refusal_of(Invalid, ledger, by, **asked) == code


def test_a_subledger_has_its_parents_currency(by: Actor):
    assert (
        refusal_of(Invalid, ledger, by, code="2", currency="USD", parent=ledger(by))
        == "ledger.currency_differs"
    )


def test_a_ledger_is_found_by_exactly_one_of_its_names(by: Actor):
    made = ledger(by)
    of = {"organization_id": by.organization_id}
    for name in ({"ledger_id": made.uuid}, {"ledger_code": "1000"}, {"ledger_num_id": made.pk}):
        assert find_ledger(**of, **name) == made
    assert refusal_of(Invalid, find_ledger, **of) == "ledger.named_once"
    assert (
        refusal_of(Invalid, find_ledger, **of, ledger_id=made.uuid, ledger_code="1000") == "ledger.named_once"
    )
    assert refusal_of(NotFound, find_ledger, **of, ledger_code="9") == "ledger.not_found"


def test_a_type_changes_only_before_the_first_entry(by: Actor):
    made = ledger(by)
    assert change(by, made, type="liability").type == "liability"
    assert refusal_of(Invalid, change, by, made, type="wealth") == "ledger.type_unknown"
    entries_post(organization_id=by.organization_id, entries=[EntryIn(made, 1, "debit")], by=by, at=NOW)
    assert refusal_of(Conflict, change, by, made, type="asset") == "ledger.has_entries"
    assert change(by, made, type="liability", description="Loan").description == "Loan"
    made.refresh_from_db()
    assert made.type == "liability"


def test_an_opening_balance_changes_only_before_the_first_entry_or_line(by: Actor):
    made = books(by, entries=[])
    day = date(2026, 2, 1)
    assert change(by, made.ledger, opening_balance=5, opening_date=day).opening_balance_on == day
    assert change(by, made.ledger, opening_balance=None).opening_balance_on is None
    made.upload(csv(("S1", "credit", 1_00, 3, "")))
    for asked in ({"opening_balance": 5}, {"opening_balance": 5, "opening_date": day}):
        assert refusal_of(Conflict, change, by, made.ledger, **asked) == "ledger.has_entries"


def test_an_opening_balance_needs_its_day(by: Actor):
    assert refusal_of(Invalid, change, by, ledger(by), opening_balance=5) == "ledger.opening_without_day"


@pytest.mark.parametrize("field", ["code", "currency", "organization", "uuid", "opening_confirmed_at"])
def test_what_is_not_named_cannot_be_changed(by: Actor, field):
    assert refusal_of(Invalid, change, by, ledger(by), **{field: "x"}) == "ledger.field_fixed"


def test_an_account_number_is_kept_without_blanks_and_taken_once(by: Actor):
    def account(**more):
        return account_create(organization_id=by.organization_id, name="Bank", **more, by=by, at=NOW)

    assert account(identifier=" de02 1001 ", currency="EUR").identifier == "DE021001"
    assert normal_identifier("de02\u00a01001") == "DE021001"
    assert refusal_of(Conflict, account, identifier="DE021001", currency="EUR") == "bank_account.taken"
    assert account(identifier="DE021001", currency="USD").pk  # one number, an account per currency
    assert account().pk != account().pk  # nameless ones are many
    assert refusal_of(Invalid, account, currency="euro") == "currency.form"


# --- What the database refuses whoever writes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: JournalFactory(kind="journal", total_debit=2, total_credit=1), "journal_foots"),
        (lambda: RecordFactory(signed_amount=1), "record_sign_of_direction"),
        (lambda: RecordFactory(effect=1), "record_effect_of_amount"),
        (lambda: RecordFactory(direction="left", signed_amount=100_00), "record_direction_known"),
    ],
)
def test_the_database_refuses(make, rule):
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        make()
    assert not Journal.objects.exists()
    assert not Record.objects.exists()


def test_a_dedup_key_is_taken_once_in_a_stream_while_live():
    first = RecordFactory(dedup_key="00000000-0000-0000-0000-000000000001")
    RecordFactory(dedup_key=first.dedup_key)  # another stream
    with pytest.raises(IntegrityError, match="record_dedup_once"), transaction.atomic():
        RecordFactory(stream=first.stream, dedup_key=first.dedup_key)
    Record.objects.filter(pk=first.pk).update(voided_at=NOW)
    assert RecordFactory(stream=first.stream, dedup_key=first.dedup_key).pk
