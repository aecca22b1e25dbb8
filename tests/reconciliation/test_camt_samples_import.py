"""Real camt files through intake: twice, and with cuts of themselves in either order, nothing is added; a chain of days
closes as it opens.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from ledgers.models import Record, Statement
from organizations.actors import Actor
from reconciliation.models import OpenItem
from reconciliation.selectors.integrity import faults
from tests.factories.organizations import actor_with
from tests.ledgers.formats.samples import major, needs_samples, path
from tests.ledgers.formats.test_camt_samples import FACTS, READ
from tests.reconciliation.accounts import Accounts
from tests.reconciliation.books import books
from tests.reconciliation.statements import whole_proof

pytestmark = [needs_samples, pytest.mark.django_db]

CHAIN = [name for name in READ if "Subite-eu" in name]
"""One bank's files of a hundred and more days, all of one shape."""

SOME = sorted({*READ} - {*CHAIN} | {*CHAIN[::12]})
REST = sorted({*READ} - {*SOME})

IDS_REUSED = {  # banks that give one id to several lines: all of them are kept
    "camt/svapnil+iso20022.js/example_camt.xml": 13,
    "camt/svapnil+iso20022.js/ing__example_camt.xml": 9,
}


def cut(content: bytes, keep: slice) -> bytes:
    """The file with only a part of the entries of each statement."""
    root = etree.fromstring(content)
    for statement in root.iter("{*}Stmt", "{*}Rpt", "{*}Ntfctn"):
        entries = statement.findall("{*}Ntry")
        kept = entries[: len(entries) // 2] if keep.start is None else entries[len(entries) // 2 :]
        for entry in entries:
            if entry not in kept:
                statement.remove(entry)
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


def number_of(facts: dict[str, Any]) -> str:
    return str(facts["iban"] or facts["other_id"])


FIRST, SECOND = slice(None, 1), slice(1, None)


def broken_by(accounts: Accounts) -> int:
    """What the proofs miss in all: some samples do not add up."""
    return sum(each.amount for account in accounts.stated() for each in whole_proof(account).breaks)


def wrong_when_said_again(name: str, by: Actor) -> Iterator[str]:
    """Every way to say the lines of a file again adds none; gives what isn't so."""
    content = path(name).read_bytes()
    first_half, second_half = cut(content, FIRST), cut(content, SECOND)
    place = READ.index(name)
    whole, parts = Accounts(by, apart=f"W{place}"), Accounts(by, apart=f"P{place}")
    counts = whole.upload(content)
    if counts.imported + counts.already_known != sum(
        facts["booked"] for facts in FACTS[name]["statement_list"]
    ):
        yield f"{name}: not every booked line is stated"
    if whole.upload(content).imported:
        yield f"{name}: the same file twice added lines"
    held = broken_by(whole)
    if whole.upload(second_half).imported:
        yield f"{name}: a half of it after the whole added lines"
    if broken_by(whole) != held:
        yield f"{name}: a half of it after the whole changed the proof"
    half, rest = parts.upload(first_half), parts.upload(content)
    if half.imported + rest.imported != counts.imported:
        yield f"{name}: a half first, then the whole, is not the whole"
    if broken_by(parts) != held:
        yield f"{name}: a half first, then the whole, is proved otherwise"


@pytest.mark.parametrize(
    "names", [SOME, pytest.param(REST, marks=pytest.mark.every_sample)], ids=["some", "rest"]
)
def test_files_imported_again_or_in_cuts_add_nothing(names):
    by = actor_with()
    wrong = [fault for name in names for fault in wrong_when_said_again(name, by)]
    assert wrong == [], "\n".join(wrong)
    assert faults() == []


@pytest.mark.parametrize("name", sorted(IDS_REUSED))
def test_lines_that_share_the_banks_id_are_all_kept(name):
    accounts = Accounts(actor_with())
    assert accounts.upload(path(name).read_bytes()).imported == IDS_REUSED[name]
    for statement in Statement.objects.all():
        lines = Record.objects.entries().filter(stream=statement.stream)
        assert sum(line.signed_amount for line in lines) == statement.movement
    assert {whole_proof(account).verdict for account in accounts.stated()} == {"proved"}
    assert faults() == []


def test_a_chain_of_days_closes_each_as_the_next_opens_in_two_ledgers():
    """93 days of two accounts, imported day by day."""
    days = sorted(name for name in READ if name.startswith("camt/Subite-eu+camt-to-coda/053_"))
    numbers = {number_of(facts) for name in days for facts in FACTS[name]["statement_list"]}
    by = actor_with()
    ledgers = {
        (number, "EUR"): books(by, entries=[], code=f"10{place}").ledger
        for place, number in enumerate(sorted(numbers))
    }
    accounts = Accounts(by, ledgers)
    closing: dict[int, int | None] = {}
    for name in days:
        accounts.upload(path(name).read_bytes())
    for statement in Statement.objects.order_by("closing_on", "pk"):
        assert statement.balance_gap == 0
        assert statement.opening_amount == closing.get(statement.stream_id, statement.opening_amount)
        closing[statement.stream_id] = statement.closing_amount
    assert (len(days), len(closing)) == (93, 2)
    booked = sum(facts["booked"] for name in days for facts in FACTS[name]["statement_list"])
    assert Record.objects.entries().count() == OpenItem.objects.count() == booked
    for account, stream in accounts.streams.items():
        stated = sum(
            Decimal(facts["sum_credit_booked"]) - Decimal(facts["sum_debit_booked"])
            for name in days
            for facts in FACTS[name]["statement_list"]
            if number_of(facts) == account[0]
        )
        lines = Record.objects.entries().filter(stream=stream)
        assert major(sum(line.signed_amount for line in lines), "EUR") == stated
    for kept in accounts.stated():
        proof = whole_proof(kept)
        assert (proof.breaks, len([day for day in proof.days if day.state == "proved"])) == ([], 93)
    assert faults() == []
