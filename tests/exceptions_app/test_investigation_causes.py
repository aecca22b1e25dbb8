"""Each cause, planted as it comes in by the services, among records that mean nothing: investigated by the task, the right
cause and the right record first, and a text that says what to do."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest

from exceptions_app.models import Finding
from exceptions_app.selectors.investigations import shown_findings
from ledgers.models import Record
from reconciliation.services.stream_records import RecordIn, records_add
from tests.exceptions_app.investigating import Account, Acquirer

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 3, 2)


def noise(acquirer: Acquirer, seed: int = 1) -> None:
    """Open records of both sides that have nothing to do with each other."""
    random = Random(seed)
    for stream in (acquirer.stream, acquirer.bank):
        rows = [
            RecordIn(
                DAY + timedelta(days=random.randint(-40, 40)),
                round(random.lognormvariate(8.5, 1.3)) + 100,
                "credit",
                "EUR",
                reference=f"{stream.key[0].upper()}{random.randrange(10**8):08}",
                counterparty=random.choice(["Green Grocer", "Blue Hotel", "Red Taxi", "White Bakery"]),
            )
            for _place in range(200)
        ]
        acquirer.feeds.act(records_add, stream=stream, records=rows)


def first(looked, record: Record) -> tuple[Finding, str]:
    """What is said first of this record."""
    done = looked.investigate()
    assert done.status == "completed"
    found = looked.findings(done, record)
    assert found, done.recommendation_text
    return found[0], shown_findings(found)[0].text


@pytest.fixture
def acquirer() -> Acquirer:
    made = Acquirer()
    noise(made)
    return made


def test_equal_amount(acquirer):
    late = acquirer.overdue(8_731_44, DAY, reference="order 4711", counterparty="Old Mill")
    paid = acquirer.paid(8_731_44, DAY + timedelta(days=2), reference="payout 4711", counterparty="Old Mill")
    found, text = first(acquirer, late)
    assert (found.cause, found.suggested, found.outcome) == ("equal_amount", [paid.pk], "match_found")
    assert "has the same amount, 2 days later, and no rule took the two. Match them." in text


def test_outside_window(acquirer):
    late = acquirer.overdue(8_731_44, DAY, reference="order 4711", counterparty="Old Mill")
    paid = acquirer.paid(8_731_44, DAY + timedelta(days=38), reference="payout 4711", counterparty="Old Mill")
    found, text = first(acquirer, late)
    assert (found.cause, found.suggested) == ("outside_window", [paid.pk])
    assert "38 days later: further apart than the rules look. Match them." in text


def test_swapped_digits(acquirer):
    late = acquirer.overdue(8_731_44, DAY, reference="order 4711", counterparty="Old Mill")
    paid = acquirer.paid(8_371_44, DAY + timedelta(days=1), reference="payout 4711", counterparty="Old Mill")
    found, text = first(acquirer, late)
    assert (found.cause, found.suggested, found.difference) == ("swapped_digits", [paid.pk], 360_00)
    assert "has the digits 37 where this one has 73, 1 day later: somebody swapped them." in text


def test_sign_slip(acquirer):
    late = acquirer.overdue(8_731_44, DAY, reference="order 4711", counterparty="Old Mill")
    paid = acquirer.paid(-8_731_44, DAY, reference="payout 4711", counterparty="Old Mill")
    found, text = first(acquirer, late)
    assert (found.cause, found.suggested) == ("sign_slip", [paid.pk])
    assert "has the same figure the other way round, on the same day." in text


def test_decimal_slip(acquirer):
    late = acquirer.overdue(8_731_40, DAY, reference="order 4711", counterparty="Old Mill")
    paid = acquirer.paid(87_314_00, DAY, reference="payout 4711", counterparty="Old Mill")
    found, text = first(acquirer, late)
    assert (found.cause, found.suggested, found.facts["factor"]) == ("decimal_slip", [paid.pk], 10)
    assert "is 10 times as much, on the same day: a decimal point slipped." in text


def test_fee(acquirer):
    late = acquirer.overdue(8_731_44, DAY, reference="order 4711", counterparty="Old Mill")
    paid = acquirer.paid(8_477_93, DAY + timedelta(days=2), reference="payout 4711", counterparty="Old Mill")
    found, text = first(acquirer, late)
    assert (found.cause, found.suggested, found.difference) == ("fee", [paid.pk], 253_51)
    assert "differs by a fee of 253.51" in text
    assert "Match them and create an adjustment for the fee." in text


def test_split_payment(acquirer):
    late = acquirer.overdue(8_731_44, DAY, reference="order 4711", counterparty="Old Mill")
    paid = [
        acquirer.paid(minor, DAY + timedelta(days=2), reference="payout 4711", counterparty="Old Mill")
        for minor in (3_000_01, 5_731_43)
    ]
    found, text = first(acquirer, late)
    assert (found.cause, sorted(found.suggested)) == ("split_payment", [each.pk for each in paid])
    assert "add up to it: it was paid in parts." in text


def test_combined_payment(acquirer):
    late = acquirer.overdue(3_000_01, DAY, reference="order 4711", counterparty="Old Mill")
    sibling = acquirer.add(acquirer.stream, 5_731_43, DAY, reference="order 4712", counterparty="Old Mill")
    paid = acquirer.paid(8_731_44, DAY + timedelta(days=2), reference="payout", counterparty="Old Mill")
    found, text = first(acquirer, late)
    assert (found.cause, found.suggested) == ("combined_payment", [paid.pk, sibling.pk])
    assert f"together with record {sibling.pk}" in text
    assert "paid at once" in text


def test_other_currency(acquirer):
    late = acquirer.overdue(8_731_44, DAY, reference="order 4711", counterparty="Old Mill")
    paid = acquirer.paid(8_731_44, DAY, reference="payout 4711", counterparty="Old Mill", currency="USD")
    found, text = first(acquirer, late)
    assert (found.cause, found.suggested) == ("other_currency", [paid.pk])
    assert "looks like the same payment in USD, on the same day." in text


def test_duplicate(acquirer):
    twin = acquirer.add(acquirer.stream, 8_731_44, DAY, reference="order 4711", counterparty="Old Mill")
    paid = acquirer.paid(8_731_44, DAY, reference="payout 4711", counterparty="Old Mill")
    match = acquirer.feeds.match(acquirer.reconciliation, [twin], [paid])
    late = acquirer.overdue(8_731_44, DAY, reference="order 4711", counterparty="Old Mill")
    found, text = first(acquirer, late)
    assert (found.cause, found.suggested, found.facts["match"]) == ("duplicate", [twin.pk], match.pk)
    assert f"looks like a second copy of record {twin.pk}" in text
    assert f"which match {match.pk} has already. There is nothing to match it with" in text


def test_same_reference(acquirer):
    late = acquirer.overdue(8_731_44, DAY, reference="RX-884711903", counterparty="Old Mill")
    paid = acquirer.paid(5_112_09, DAY, reference="RX-884711903", counterparty="Old Mill")
    found, text = first(acquirer, late)
    assert (found.cause, found.suggested) == ("same_reference", [paid.pk])
    assert "the amounts differ by 3,619.35" in text


def test_two_causes_are_both_named():
    acquirer = Acquirer()
    noise(acquirer)
    late = acquirer.overdue(8_731_44, DAY, counterparty="Old Mill")
    equal = acquirer.paid(8_731_44, DAY + timedelta(days=30), counterparty="Old Mill")
    fee = acquirer.paid(8_477_93, DAY + timedelta(days=1), counterparty="Old Mill")
    done = acquirer.investigate()
    found = acquirer.findings(done, late)
    assert {(each.cause, *each.suggested) for each in found} >= {
        ("outside_window", equal.pk),
        ("fee", fee.pk),
    }
    assert done.outcome == "needs_review"
    assert " Or: " in done.recommendation_text


# --- of a ledger ------------------------------------------------------------------------------------------------------------


def test_a_ledgers_fee_is_to_be_posted():
    account = Account()
    lines = account.upload(
        "2026-02-04,8477.93,credit,INV-4711,Old Mill invoice 4711",
        "2026-02-05,812.11,credit,INV-3,Blue Hotel",
        "2026-02-09,77.30,debit,INV-5,Red Taxi",
    )
    [entry] = account.books.post(("G1", "debit", 8_731_44, 3, "INV-4711"))
    account.books.post(("G2", "debit", 12_00, 5, "INV-9"), ("G3", "credit", 31_00, 5, "INV-8"))
    found, text = first(account, lines[0])
    assert (found.cause, found.suggested, found.difference) == ("fee", [entry.pk], -253_51)
    assert "Post an entry for the fee, then match them together." in text
