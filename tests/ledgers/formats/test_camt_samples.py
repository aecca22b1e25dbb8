"""Every camt file of the samples gives the facts that two other parsers agree on, or is refused for a stated reason."""

from datetime import date
from decimal import Decimal

import pytest

from ledgers.formats import Balance, StatementEnd, StatementStart
from tests.ledgers.formats.reading import read, refused
from tests.ledgers.formats.samples import load, major, needs_samples, path

pytestmark = needs_samples

FACTS = {name: entry["facts"] for name, entry in load("facts.json").items() if name.startswith("camt/")}

OTHER_MESSAGES = {
    name: facts["version"]
    for name, facts in FACTS.items()
    if facts["version"] and not facts["version"].startswith("camt.053")
}
"""camt.052 reports and camt.054 notifications: not read yet, and refused as what they are."""

REFUSED = {
    "camt/genkgo+camt/camt053.v2.wrong.xml": "file.empty",  # a message without any statement
    "camt/viafintech+sepa_file_parser/camt053__valid_namespace.xml": "file.namespace",  # an empty document
    "camt/viafintech+sepa_file_parser/invalid_namespace.xml": "file.namespace",  # the same
    "camt/moov-io+iso20022/valid_camt_v09.xml": "file.namespace",  # camt.055
    "camt/sebastienrousseau+camt053/template.xml": "file.rows",  # placeholders where values belong
    "camt/sebastienrousseau+camt053/statement.xml": "file.rows",
    "camt/sebastienrousseau+camt053/camt.053.001.14__template.xml": "file.rows",
}

AVAILABLE_BALANCES_ONLY = "camt/moov-io+iso20022/statement_1.xml"
"""The facts fall back to OPAV and CLAV. Available balances are no booked ones: decision 13 says not stated."""

READ = sorted(set(FACTS) - set(OTHER_MESSAGES) - set(REFUSED))


def test_every_file_is_judged():
    assert len(FACTS) == 208
    assert len(READ) == 130
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
    account = facts["iban"] or facts["other_id"]
    assert start.account == (account and account.replace(" ", ""))
    assert (start.number, start.sequence) == (facts["id"], facts["seq"] or "")
    assert facts["currency"] in (None, start.currency)
    if "from" in facts:
        assert str(start.from_date) == facts["from"][:10]
        assert str(start.to_date) == facts["to"][:10]
    assert (end.lines, end.pending) == (facts["booked"], facts["pending"])
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


@pytest.mark.parametrize("name", sorted(OTHER_MESSAGES))
def test_reports_and_notifications_are_refused_as_what_they_are(name):
    refusal = refused(path(name).read_bytes())
    assert refusal.code == "file.namespace"
    assert OTHER_MESSAGES[name] in refusal.message


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_a_statement_is_refused(name):
    assert refused(path(name).read_bytes()).code == REFUSED[name]


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
