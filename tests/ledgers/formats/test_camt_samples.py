"""Every camt file of the samples gives the facts that two other parsers agree on, or is refused for a stated reason."""

import json
from datetime import date
from decimal import Decimal

import pytest

from ledgers.formats import Balance, StatementEnd, StatementStart
from tests.ledgers.formats.reading import read, refused
from tests.ledgers.formats.samples import load, major, needs_samples, path

pytestmark = needs_samples

FACTS = {name: entry["facts"] for name, entry in load("facts.json").items() if name.startswith("camt/")}

REFUSED = {  # file → (reason, what the message says of it)
    "camt/genkgo+camt/camt053.v2.wrong.xml": ("file.empty", "holds no statement"),
    "camt/viafintech+sepa_file_parser/valid_namespace.xml": ("file.namespace", "holds no message"),
    "camt/viafintech+sepa_file_parser/camt053__valid_namespace.xml": ("file.namespace", "holds no message"),
    "camt/viafintech+sepa_file_parser/invalid_namespace.xml": ("file.namespace", "holds no message"),
    "camt/moov-io+iso20022/valid_camt_v09.xml": ("file.namespace", "camt.055.001.09"),
    # Placeholders where values belong:
    "camt/sebastienrousseau+camt053/template.xml": ("file.rows", "'{{account_currency}}' is not a currency"),
    "camt/sebastienrousseau+camt053/statement.xml": (
        "file.rows",
        "'{{stmt.account_currency}}' is not a currency",
    ),
    "camt/sebastienrousseau+camt053/camt.053.001.14__template.xml": (
        "file.rows",
        "'{{account_currency}}' is not a currency",
    ),
    # Dates that are none, or are nowhere (decision 13: no day is made up):
    "camt/viafintech+sepa_file_parser/valid_example_with_dates.xml": (
        "file.rows",
        "'2013-01-01T00:00:00:000' is not a date",
    ),
    "camt/genkgo+camt/camt054.v2.with-account-name.xml": ("file.rows", "no date is stated"),
    "camt/genkgo+camt/camt054.v8-with-UETR.xml": ("file.rows", "no date is stated"),
}

AVAILABLE_BALANCES_ONLY = "camt/moov-io+iso20022/statement_1.xml"
"""The facts fall back to OPAV and CLAV. Available balances are no booked ones: decision 13 says not stated."""

READ = sorted(set(FACTS) - set(REFUSED))


def test_every_file_is_judged():
    assert len(FACTS) == 208
    assert len(READ) == 197
    assert set(REFUSED) < set(FACTS)


@pytest.mark.parametrize("name", READ)
def test_a_statement_file_gives_the_facts(name):
    got = read(path(name).read_bytes(), currency=None)
    stated = FACTS[name]["statement_list"]
    assert len(got.starts) == len(got.ends) == len(stated)
    for facts, start, end in zip(stated, got.starts, got.ends, strict=True):
        agree(facts, start, end)
        if name == AVAILABLE_BALANCES_ONLY:
            assert (end.opening, end.closing) == (None, None)
        else:
            assert balance_of(end.opening) == stated_balance(facts["opening"])
            assert balance_of(end.closing) == stated_balance(facts["closing"])
            adds_up(facts, end)
    assert len(got.rows) == sum(end.lines for end in got.ends)


def agree(facts: dict, start: StatementStart, end: StatementEnd) -> None:
    iban = facts["iban"] and facts["iban"].replace(" ", "").upper()
    assert start.account == (iban or facts["other_id"])
    assert (start.number, start.sequence) == (facts["id"], facts["seq"] or "")
    assert facts["currency"] in (None, start.currency)
    if "from" in facts:
        assert str(start.from_date) == facts["from"][:10]
        assert str(start.to_date) == facts["to"][:10]
    waiting = sum(facts["entries_by_status"].get(status, 0) for status in ("PDNG", "INFO", "FUTR"))
    assert (end.lines, end.pending) == (facts["booked"], waiting)
    # Facts add up over currencies; ours are apart.
    assert sum(major(part.credit_sum, part.currency) for part in end.sums) == Decimal(
        facts["sum_credit_booked"]
    )
    assert sum(major(part.debit_sum, part.currency) for part in end.sums) == Decimal(
        facts["sum_debit_booked"]
    )


def adds_up(facts: dict, end: StatementEnd) -> None:
    """Whether opening + movements = closing, where one currency is spoken of."""
    if end.opening and end.closing and len(end.sums) < 2 and end.opening.currency == end.closing.currency:
        closing = end.opening.amount_signed_minor + end.credit_sum - end.debit_sum
        assert (closing == end.closing.amount_signed_minor) is facts["balance_check_booked"]


def balance_of(balance: Balance | None) -> tuple | None:
    if balance is None:
        return None
    return balance.kind, major(balance.amount_signed_minor, balance.currency), balance.currency, balance.date


def stated_balance(facts: dict | None) -> tuple | None:
    if facts is None:
        return None
    day = date.fromisoformat(facts["date"][:10]) if facts["date"] else None
    return facts["type"], Decimal(facts["signed"]), facts["ccy"], day


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_a_statement_is_refused(name):
    refusal = refused(path(name).read_bytes())
    code, words = REFUSED[name]
    assert refusal.code == code
    assert words in refusal.message


def test_the_refused_are_told(capsys):
    """The table of what is not read, in the test's output."""
    with capsys.disabled():
        print(f"\n{len(READ)} camt samples give the facts, {len(REFUSED)} are refused:")
        for name in sorted(REFUSED):
            refusal = refused(path(name).read_bytes())
            print(f"  {name}: {refusal.code}: {refusal.message[:140]}…")


@pytest.mark.parametrize("name", READ)
def test_details_that_do_not_add_up_to_their_line_are_said_to_be_so(name):
    """The facts list them by statement and entry; a detail without an amount is no difference to them."""
    content = path(name).read_bytes()
    got = read(content, currency=None)
    said = [kept for row in got.rows if (kept := json.loads(row["metadata"])).keys() & FOOTING]
    stated = sum(facts["detail_sum_mismatch_count"] for facts in FACTS[name]["statement_list"])
    elsewhere = sum("details_in_other_currency" in kept for kept in said)
    differing = sum("details_sum" in kept for kept in said)
    # Sums over a part of the details only, as the facts build them, are not compared here.
    assert differing <= stated <= differing + elsewhere
    assert {row["line_no"] for row in got.details} <= set(got.column("line_no"))


FOOTING = {"details_sum", "details_in_other_currency", "details_without_amount"}


@pytest.mark.parametrize("name", READ)
def test_every_batch_of_a_booked_entry_has_its_details(name):
    got = read(path(name).read_bytes(), currency=None)
    batches = {
        row["line_no"]: json.loads(row["metadata"]) for row in got.rows if '"details":' in row["metadata"]
    }
    stated = sum(facts["batch_entries_multi_txdtls"] for facts in FACTS[name]["statement_list"])
    pending = sum(end.pending for end in got.ends)
    assert len(batches) <= stated <= len(batches) + pending
    for line_no, kept in batches.items():
        own = sum(row["line_no"] == line_no for row in got.details)
        assert own + kept.get("details_without_amount", 0) == kept["details"]


def test_a_chain_of_days_closes_each_as_the_next_opens():
    """93 days of two accounts, whose entries have no date of their own."""
    days = sorted(name for name in READ if name.startswith("camt/Subite-eu+camt-to-coda/053_"))
    closing: dict[str | None, Balance | None] = {}
    for name in days:
        got = read(path(name).read_bytes(), currency=None)
        for start, end in zip(got.starts, got.ends, strict=True):
            assert end.opening is not None
            if before := closing.get(start.account):
                assert end.opening.amount_signed_minor == before.amount_signed_minor
            closing[start.account] = end.closing
        assert all(row["date_inferred"] and str(row["date"]) in name for row in got.rows)
    assert (len(days), len(closing)) == (93, 2)
