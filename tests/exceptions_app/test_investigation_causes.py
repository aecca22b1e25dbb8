"""Each cause, planted as it comes in by the services, among records that mean nothing: investigated by the task, the right
cause and the right record first, and a text that says what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from random import Random

import pytest

from exceptions_app.models import Finding
from exceptions_app.selectors.investigations import shown_findings
from exceptions_app.services.finding_taking import finding_take
from ledgers.models import Record
from organizations.acts import perform
from reconciliation.models import Match
from reconciliation.services.stream_matches import match_by_hand
from reconciliation.services.stream_records import RecordIn, records_add
from tests.clock import NOW
from tests.exceptions_app.investigating import Account, Acquirer
from tests.reconciliation.files import Line

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


def test_what_is_hardly_likely_beside_the_first_explanation_is_not_told(acquirer):
    late = acquirer.overdue(912_37, DAY, reference="PAY-4711", counterparty="Old Mill")
    parts = [
        acquirer.paid(
            548_22, DAY + timedelta(days=2), reference="PAY-4711 first part", counterparty="Old Mill"
        ),
        acquirer.paid(
            364_15, DAY + timedelta(days=4), reference="PAY-4711 second part", counterparty="Old Mill"
        ),
    ]
    found = acquirer.findings(acquirer.investigate(), late)
    # Each part alone has the reference too, at another amount.
    assert [(each.cause, each.suggested) for each in found] == [
        ("split_payment", [part.pk for part in parts])
    ]


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


# --- of a ledger: statement lines are overdue, entries of an asset account explain them -------------------------------------

NOISE_LINES = [
    "2026-02-03,812.11,credit,INV-300417,Blue Hotel",
    "2026-02-09,77.30,debit,INV-518200,Red Taxi",
    "2026-02-11,4120.07,credit,INV-611938,White Bakery",
    "2026-02-17,95.62,debit,INV-740026,Green Grocer",
]
NOISE_ENTRIES: list[Line] = [
    ("N1", "debit", 312_40, 5, "INV-900331"),
    ("N2", "credit", 31_09, 6, "INV-800217"),
    ("N3", "debit", 2_077_18, 12, "INV-128856"),
    ("N4", "credit", 660_00, 20, "INV-331900"),
]
OF_4711 = "INV-884711,Old Mill invoice 884711"


@dataclass(frozen=True)
class Planted:
    """Lines ("day,amount,direction"), of which the first is asked about, and entries. `also`: places of other lines that are
    suggested; entries that are, are all that do not begin with N."""

    lines: list[str]
    entries: list[Line]
    difference: int
    words: str
    also: tuple[int, ...] = ()


def entry(name: str, direction: str, minor: int, day: int) -> Line:
    return (name, direction, minor, day, "INV-884711")


LINE = f"2026-02-04,8731.44,credit,{OF_4711}"
LEDGER = {
    "equal_amount": Planted([LINE], [entry("E1", "debit", 8_731_44, 6)], 0, "2 days later"),
    "outside_window": Planted(
        [f"2026-03-14,8731.44,credit,{OF_4711}"],
        [entry("E1", "debit", 8_731_44, 4)],
        0,
        "38 days earlier: further apart than the rules look. Match them.",
    ),
    "swapped_digits": Planted(
        [LINE], [entry("E1", "debit", 8_371_44, 4)], 360_00, "the digits 37 where this one has 73"
    ),
    "sign_slip": Planted(
        [LINE], [entry("E1", "credit", 8_731_44, 4)], 17_462_88, "the same figure the other way round"
    ),
    "decimal_slip": Planted([LINE], [entry("E1", "debit", 87_314_40, 4)], -78_582_96, "10 times as much"),
    "fee": Planted(
        [f"2026-02-04,8477.93,credit,{OF_4711}"],
        [entry("E1", "debit", 8_731_44, 3)],
        -253_51,
        "Post an entry for the fee, then match them together.",
    ),
    "split_payment": Planted(
        [LINE],
        [entry("E1", "debit", 3_000_01, 4), entry("E2", "debit", 5_731_43, 5)],
        0,
        "it was paid in parts. Match them.",
    ),
    "combined_payment": Planted(
        [f"2026-02-04,3000.01,credit,{OF_4711}", f"2026-02-04,5731.43,credit,{OF_4711}"],
        [entry("E1", "debit", 8_731_44, 5)],
        0,
        "paid at once. Match them.",
        also=(1,),
    ),
    "same_reference": Planted(
        [LINE], [entry("E1", "debit", 5_112_09, 4)], 3_619_35, "Post an entry for the 3,619.35"
    ),
}
"""Causes between a statement and its ledger, which is in one currency; a duplicate is told of by itself below."""


@pytest.mark.parametrize("cause", LEDGER)
def test_a_statement_line_is_explained_by_its_ledger(cause):
    planted = LEDGER[cause]
    account = Account()
    lines = account.upload(*planted.lines, *NOISE_LINES)
    posted = account.books.post(*planted.entries, *NOISE_ENTRIES)
    found, text = first(account, lines[0])
    suggested = [*posted[: len(planted.entries)], *(lines[place] for place in planted.also)]
    assert (found.cause, sorted(found.suggested)) == (cause, sorted(each.pk for each in suggested))
    assert found.difference == planted.difference
    assert planted.words in text
    assert "create an adjustment" not in text


def test_a_statement_line_that_came_twice_is_said_to_be_a_duplicate():
    account = Account()
    lines = account.upload(LINE, LINE, *NOISE_LINES)
    account.books.post(entry("E1", "debit", 8_731_44, 4), *NOISE_ENTRIES)
    match = account.books.act(
        match_by_hand,
        reconciliation=account.reconciliation,
        record_ids=[lines[0].pk, Record.objects.get(description="INV-884711", stream__kind="ledger").pk],
    )
    found, text = first(account, lines[1])
    assert (found.cause, found.suggested, found.facts["match"]) == ("duplicate", [lines[0].pk], match.pk)
    assert f"which match {match.pk} has already" in text
    assert "close it" in text


def test_of_what_a_match_covers_in_part_the_rest_is_told_beside_the_whole():
    account = Account()
    _matched, late = account.upload(
        "2026-02-04,60.00,credit,INV-7719912,S1", "2026-02-05,40.00,credit,INV-7719912,S2"
    )
    account.books.post(("G1", "debit", 100_00, 4, "INV-7719912"))
    account.books.manual(["S1"], ["G1"])
    found, text = first(account, late)
    assert (found.cause, found.difference) == ("equal_amount", 0)
    assert "40.00\u00a0EUR of 100.00\u00a0EUR, INV-7719912) has the same amount" in text
    assert "(2026-02-05, 40.00\u00a0EUR, INV-7719912)" in text


def test_a_match_that_would_be_replaced_is_named_beforehand():
    account = Account()
    _matched, late = account.upload(
        "2026-02-04,60.00,credit,INV-7719912,S1", "2026-02-05,40.00,credit,INV-7719912,S2"
    )
    account.books.post(("G1", "debit", 100_00, 4, "INV-7719912"))
    account.books.manual(["S1"], ["G1"])
    held = Match.objects.get()
    found, text = first(account, late)
    assert f"Match {held.pk} covers part of it already" in text
    take = {"organization_id": late.stream.organization_id, "finding_id": found.pk}
    perform(partial(finding_take, **take, by=account.by, at=NOW))
    held.refresh_from_db()
    assert held.status == "superseded"
