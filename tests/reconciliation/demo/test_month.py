"""The made-up months hold what they promise, and their files are such as banks send."""

import io
from collections import Counter
from datetime import date

import pytest

from ledgers import formats
from ledgers.formats.events import Lines, StatementEnd, StatementStart
from reconciliation.demo import files, months
from reconciliation.demo.camt import creditor_reference
from reconciliation.demo.happenings import Month, Plant
from rules.defaults import LEDGER_DEFAULTS

EUR, JPY = months.eur_month(), months.jpy_month()
FILES = [*files.eur_files(EUR), *files.jpy_files(JPY)]

PLANTED = {
    Plant.BATCH: 4,
    Plant.RETURN: 3,
    Plant.TWIN: 2,
    Plant.FEE: 2,
    Plant.MISSING_LINE: 1,
    Plant.WRONG_SIDE: 1,
    Plant.AMOUNT_OFF: 1,
    Plant.OUTSTANDING: 5,
}


def events(file: files.DemoFile) -> list[formats.Event]:
    format_ = formats.detect(file.content[: formats.HEAD_BYTES], file.name)
    currency = "JPY" if file.name.endswith(".csv") else "EUR"
    return list(formats.read_statements(io.BytesIO(file.content), format=format_, currency=currency))


def test_the_months_are_of_the_promised_size_and_hold_every_fault():
    assert Counter(h.plant for m in (EUR, JPY) for h in m.happenings if h.plant != Plant.PLAIN) == PLANTED
    assert sum(len(month.entries) for month in (EUR, JPY)) >= 400
    assert sum(line.stated for month in (EUR, JPY) for line in month.lines) >= 380
    assert sum(file.again for file in FILES) == 1
    assert sum(file.known > 0 for file in FILES) == 1


def test_the_same_seed_makes_the_same_bytes():
    assert [file.content for file in FILES] == [
        file.content for file in [*files.eur_files(months.eur_month()), *files.jpy_files(months.jpy_month())]
    ]


@pytest.mark.parametrize("month", [EUR, JPY], ids=lambda month: month.account.currency)
def test_only_planted_twins_and_returns_have_an_amount_in_common(month: Month):
    plain = [line.amount for happening in month.planted(Plant.PLAIN) for line in happening.lines]
    others = {abs(line.amount) for line in month.lines} - {abs(amount) for amount in plain}
    assert len(set(plain)) == len(plain)
    assert len(others) > 0


@pytest.mark.parametrize("month", [EUR, JPY], ids=lambda month: month.account.currency)
def test_ids_of_the_bank_and_documents_are_used_once(month: Month):
    assert len({line.id for line in month.lines}) == len(month.lines)
    assert len({entry.document for entry in month.entries}) == len(month.entries)


def test_every_file_is_read_to_its_last_line():
    for file in FILES:
        found = sum(event.frame.height for event in events(file) if isinstance(event, Lines))
        assert found == file.lines, file.name


def test_both_versions_of_camt_come_from_banks_of_different_habits():
    namespaces = {
        name for name in ("001.02", "001.08") if any(f"camt.053.{name}".encode() in f.content for f in FILES)
    }
    assert namespaces == {"001.02", "001.08"}
    daily, period = files.eur_files(EUR)[0], files.eur_files(EUR)[-2]
    assert sum(isinstance(event, StatementStart) for event in events(daily)) == 5
    assert sum(isinstance(event, StatementStart) for event in events(period)) == 1
    assert b"<Sts>BOOK</Sts>" in daily.content
    assert b"<Cd>BOOK</Cd>" in period.content


def test_one_statement_misses_one_line_and_all_others_add_up():
    ends = [
        event for file in FILES if not file.again for event in events(file) if isinstance(event, StatementEnd)
    ]
    gaps = {
        end.closing.date: end.closing.amount_signed_minor
        - end.opening.amount_signed_minor
        - end.credit_sum
        + end.debit_sum
        for end in ends
        if end.opening is not None and end.closing is not None
    }
    assert {day: gap for day, gap in gaps.items() if gap} == {date(2026, 3, 18): -1_842_60}


def test_the_groups_name_rules_that_there_are():
    named = {
        group.rule for month in (EUR, JPY) for happening in month.happenings for group in happening.groups
    }
    assert named == {rule["name"] for rule in LEDGER_DEFAULTS}


def test_creditor_references_have_the_check_digits_of_the_standard():
    assert creditor_reference("539007547034") == "RF18539007547034"  # the standard's own example, ISO 11649
    assert creditor_reference("INV-26-0915").endswith("INV260915")
