"""Entries and journals: debits equal credits or nothing is posted; balances are the sums of what was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from ledgers.models import DataStream, Journal, Ledger, LedgerDelta, Record
from ledgers.money import MINOR_MAX
from ledgers.selectors import balances, entries_of, entry_rows, journal_of, subtree_balances
from ledgers.services.books import ledger_create
from ledgers.services.postings import EntryIn
from organizations.actors import Actor
from organizations.models import AuditEvent, Organization
from organizations.refusals import Conflict, Invalid, NotFound, Refusal
from reconciliation.models import OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services.intake import ENTRIES_MAX, entries_post, journal_post
from tests.clock import NOW, TODAY
from tests.factories.organizations import actor_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def by() -> Actor:
    return actor_with()


def ledger(by: Actor, code: str, type: str = "asset", **more) -> Ledger:
    asked = {"code": code, "type": type, "currency": "EUR", **more}
    return ledger_create(organization_id=by.organization_id, **asked, by=by, at=NOW)


def post(by: Actor, *entries: EntryIn) -> list[Record]:
    return entries_post(organization_id=by.organization_id, entries=entries, by=by, at=NOW)


def journal(by: Actor, *entries: EntryIn, **more) -> Journal:
    return journal_post(organization_id=by.organization_id, entries=entries, **more, by=by, at=NOW)


def refused(code: str, act, *arguments, **more) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        act(*arguments, **more)
    assert refusal.value.code == code
    assert [model.objects.count() for model in (Record, Journal, LedgerDelta)] == [0, 0, 0]
    return refusal.value


def test_an_entry_is_a_journal_of_its_own_with_day_sign_and_open_item(by: Actor):
    bank = ledger(by, "1000")
    moment = datetime(2026, 2, 3, 22, 30, tzinfo=UTC)
    entry = EntryIn(
        bank, 12_34, "credit", "rent", "R1", date(2026, 2, 1), moment, "booking", {"k": 'v "quoted"\n'}
    )
    (record,) = post(by, entry)
    assert (record.amount, record.direction, record.signed_amount, record.effect) == (
        1234,
        "credit",
        1234,
        -1234,
    )
    assert (record.date, record.value_date, record.occurred_at) == (
        date(2026, 2, 3),
        date(2026, 2, 1),
        moment,
    )
    assert (record.reference, record.description, record.event) == ("R1", "rent", "booking")
    assert record.metadata == {"k": 'v "quoted"\n'}
    single = Journal.objects.get(pk=record.journal_id)
    assert (single.kind, single.total_debit, single.total_credit) == ("single", 0, 1234)
    assert OpenItem.objects.get(record_id=record.pk).open_amount == -1234
    assert entry_rows(organization_id=by.organization_id).get().journal_uuid == single.uuid
    assert faults() == []


def test_the_booking_day_is_the_day_in_the_organizations_zone(by: Actor):
    Organization.objects.filter(pk=by.organization_id).update(time_zone="Europe/Zurich")
    late = datetime(2026, 2, 3, 23, 30, tzinfo=UTC)
    first, second = post(
        by, EntryIn(ledger(by, "1000"), 1, "debit", occurred_at=late), EntryIn(ledger(by, "2000"), 1, "debit")
    )
    assert (first.date, first.value_date) == (date(2026, 2, 4), date(2026, 2, 4))
    assert (second.date, second.occurred_at) == (TODAY, NOW)


def test_money_in_is_a_debit_of_assets_and_expenses_a_credit_of_the_others(by: Actor):
    effects = {}
    for type in ("asset", "expense", "liability", "equity", "income"):
        (record,) = post(by, EntryIn(ledger(by, type, type), 5, "debit"))
        effects[type] = record.effect
    assert effects == {"asset": 5, "expense": 5, "liability": -5, "equity": -5, "income": -5}
    assert faults() == []


def test_a_journal_that_foots_is_posted_whole(by: Actor):
    bank, fees, income = ledger(by, "1000"), ledger(by, "6000", "expense"), ledger(by, "4000", "income")
    made = journal(
        by,
        EntryIn(bank, 98_00, "debit"),
        EntryIn(fees, 2_00, "debit", description="fee", reference="own"),
        EntryIn(income, 100_00, "credit"),
        type="sale",
        total_amount=100_00,
        currency="EUR",
        reference="INV-1",
        description="order 17",
        value_date=date(2026, 2, 5),
        occurred_at=datetime(2026, 2, 4, 8, tzinfo=UTC),
        journal_id=UUID(int=7),
        metadata={"a": 1},
    )
    assert (made.uuid, made.kind, made.type, made.metadata) == (UUID(int=7), "journal", "sale", {"a": 1})
    assert (made.total_debit, made.total_credit, made.total_amount) == (100_00, 100_00, 100_00)
    posted = list(entries_of(made))
    assert [(r.stream.ledger.code, r.amount) for r in posted] == [
        ("1000", 9800),
        ("6000", 200),
        ("4000", 10000),
    ]
    assert [r.reference for r in posted] == ["INV-1", "own", "INV-1"]
    assert [r.description for r in posted] == ["order 17", "fee", "order 17"]
    assert {(r.date, r.value_date) for r in posted} == {(date(2026, 2, 4), date(2026, 2, 5))}
    assert journal_of(organization_id=by.organization_id, journal_id=made.uuid) == made
    assert AuditEvent.objects.filter(action="journal.posted").count() == 1
    assert faults() == []


def test_a_journal_that_does_not_foot_is_refused_with_the_figures(by: Actor):
    bank, income = ledger(by, "1000"), ledger(by, "4000", "income")
    refusal = refused(
        "journal.unbalanced", journal, by, EntryIn(bank, 100, "debit"), EntryIn(income, 99, "credit")
    )
    assert refusal.details == {"debits": 100, "credits": 99, "difference": 1}
    refused("journal.unbalanced", journal, by, EntryIn(bank, 100, "debit"), EntryIn(income, 100, "debit"))


def test_other_ways_in_which_a_journal_is_refused(by: Actor):
    bank, dollars = ledger(by, "1000"), ledger(by, "1001", currency="USD")
    debit, credit = EntryIn(bank, 100, "debit"), EntryIn(bank, 100, "credit")
    refused("journal.too_few_entries", journal, by, debit)
    refused("journal.currencies_differ", journal, by, debit, replace(credit, ledger=dollars))
    refused("journal.total_differs", journal, by, debit, credit, total_amount=101)
    refused("journal.currency_differs", journal, by, debit, credit, currency="USD")
    refused("entries.count", journal, by, *[debit, credit] * (ENTRIES_MAX // 2), debit, credit)


def test_a_journal_id_is_taken_once(by: Actor):
    bank = ledger(by, "1000")
    pair = EntryIn(bank, 100, "debit"), EntryIn(bank, 100, "credit")
    journal(by, *pair, journal_id=UUID(int=7))
    with pytest.raises(Conflict) as refusal:
        journal(by, *pair, journal_id=UUID(int=7))
    assert refusal.value.code == "journal.id_taken"
    assert Record.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": 0}, "entry.amount"),
        ({"amount": -1}, "entry.amount"),
        ({"amount": 2**63}, "entry.amount"),
        ({"direction": "sideways"}, "entry.type"),
    ],
)
def test_one_bad_entry_of_many_is_named_and_nothing_is_posted(by: Actor, change, code):
    bank = ledger(by, "1000")
    good = EntryIn(bank, 100, "debit")
    refusal = refused(code, post, by, good, good, replace(good, **change), good)
    assert refusal.issues[0]["path"][:2] == ["entries", 2]


def test_ledgers_that_take_no_direct_bookings_refuse(by: Actor):
    control = ledger(by, "1000", allows_direct_booking=False)
    refused("ledger.no_direct_booking", post, by, EntryIn(control, 100, "debit"))
    assert not DataStream.objects.exists()


def test_amounts_that_no_sum_can_hold_are_refused(by: Actor):
    """Balances are sums of 64 bits: what would overflow them silently must not come in."""
    bank = ledger(by, "1000")
    huge = EntryIn(bank, 2**62, "debit")
    refused("entry.amount", post, by, huge, huge, huge)


def test_a_thousand_entries_are_one_act_one_more_is_refused(by: Actor):
    bank = ledger(by, "1000")
    entries = [EntryIn(bank, n, "debit", reference=f"R{n}") for n in range(1, ENTRIES_MAX + 1)]
    records = post(by, *entries)
    assert [record.reference for record in records] == [entry.reference for entry in entries]
    assert [record.pk for record in records] == sorted(record.pk for record in records)
    assert AuditEvent.objects.filter(action="entries.posted").count() == 1
    with pytest.raises(Invalid):
        post(by, *entries, entries[0])
    with pytest.raises(Invalid):
        post(by)
    assert balances([bank.pk])[bank.pk].entries == ENTRIES_MAX
    assert faults() == []


def test_entries_come_back_in_their_own_order_whatever_their_ledgers(by: Actor):
    first, second = ledger(by, "1000"), ledger(by, "2000")
    records = post(by, *(EntryIn([second, first][n % 2], 100 + n, "debit") for n in range(6)))
    assert [record.amount for record in records] == [100 + n for n in range(6)]
    assert [record.stream.ledger_id for record in records] == [second.pk, first.pk] * 3


def test_balances_are_the_sums_of_what_was_posted(by: Actor):
    bank, loan = ledger(by, "1000"), ledger(by, "2000", "liability")
    days = [datetime(2026, 2, day, tzinfo=UTC) for day in (3, 4)]
    for day in days:
        post(
            by,
            EntryIn(bank, 100, "debit", occurred_at=day),
            EntryIn(bank, 30, "credit", occurred_at=day),
            EntryIn(loan, 7, "credit", occurred_at=day),
        )
    found = balances([bank.pk, loan.pk])
    assert (found[bank.pk].debit, found[bank.pk].credit, found[bank.pk].entries) == (200, 60, 4)
    assert (found[bank.pk].posted(bank), found[loan.pk].posted(loan)) == (140, 14)
    assert found[bank.pk].last_date == date(2026, 2, 4)
    until = balances([bank.pk], until=date(2026, 2, 3))[bank.pk]
    assert (until.debit, until.credit, until.entries) == (100, 30, 2)
    assert LedgerDelta.objects.count() == 4  # one per ledger, day and act
    assert faults() == []


def test_a_control_ledgers_balance_is_its_subtrees(by: Actor):
    top = ledger(by, "1000")
    middle = ledger(by, "1100", parent=top)
    leaves = [ledger(by, f"111{n}", parent=middle) for n in range(2)]
    lonely = ledger(by, "9000")
    for each, amount in ((top, 1), (middle, 10), (leaves[0], 100), (leaves[1], 1000)):
        post(by, EntryIn(each, amount, "debit"), EntryIn(each, 1, "credit"))
    found = subtree_balances([top.pk, middle.pk, leaves[0].pk, lonely.pk])
    assert [found[each.pk].debit for each in (top, middle, leaves[0], lonely)] == [1111, 1110, 100, 0]
    assert [found[each.pk].entries for each in (top, middle, leaves[0], lonely)] == [8, 6, 2, 0]
    assert found[lonely.pk].last_date is None
    assert balances([top.pk])[top.pk].debit == 1


def test_a_balance_may_be_larger_than_any_amount(by: Actor):
    bank = ledger(by, "1000")
    for _act in range(2):
        post(by, EntryIn(bank, MINOR_MAX, "debit"))
    assert subtree_balances([bank.pk])[bank.pk].debit == balances([bank.pk])[bank.pk].debit == 2 * MINOR_MAX


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("Europe/Berlin", datetime(9999, 12, 31, 23, 59, tzinfo=UTC)),
        ("America/New_York", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_instant_on_no_day_of_the_organizations_zone_is_refused(by: Actor, zone: str, moment: datetime):
    Organization.objects.update(time_zone=zone)
    with pytest.raises(Invalid) as refused:
        post(by, EntryIn(ledger(by, "1000"), 1, "debit", occurred_at=moment))
    assert refused.value.code == "entry.timestamp"
    assert not Record.objects.exists()


def test_metadata_is_kept_as_it_was_sent(by: Actor):
    nasty = {"a": ["\\", '"', "\n", "é", None, 1.5, {"b": "\u2028"}], "": ""}
    (record,) = post(by, EntryIn(ledger(by, "1000"), 1, "debit", metadata=nasty))
    record.refresh_from_db()
    assert record.metadata == nasty


def test_another_organizations_journal_is_not_found(by: Actor):
    bank = ledger(by, "1000")
    made = journal(by, EntryIn(bank, 100, "debit"), EntryIn(bank, 100, "credit"))
    with pytest.raises(NotFound):
        journal_of(organization_id=actor_with().organization_id, journal_id=made.uuid)
