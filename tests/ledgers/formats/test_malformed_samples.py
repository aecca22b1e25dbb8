"""Attacks and broken files of the samples: refused with the reason, or read as their collector expects."""

import csv
import io
import json
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from ledgers.formats import Balance, FileRefused
from ledgers.formats.csv_rows import RowRules
from ledgers.formats.csv_table import CsvTable
from ledgers.formats.events import RowErrors
from ledgers.money import format_minor, parse_major
from tests.ledgers.formats.reading import faults, read, refused
from tests.ledgers.formats.samples import load, needs_samples, path
from tests.ledgers.formats.test_zip_archive import packed

pytestmark = needs_samples

EXPECTED = {entry["file"]: entry["expectation"] for entry in load("malformed.json")}

XML = {
    "malformed/tiran+defusedxml/xmlbomb.xml": "file.dtd",
    "malformed/tiran+defusedxml/quadratic.xml": "file.dtd",
    "malformed/tiran+defusedxml/simple-ns.xml": "file.namespace",
}

READ = {  # file → (lines, credits, debits) in cents
    "csv-plain.csv": (3, 10725, 2050),
    "csv-double-bom.csv": (3, 10725, 2050),
    "csv-lf-in-quotes.csv": (3, 10725, 2050),
    "csv-dup-rows.csv": (5, 10725, 6150),
    "csv-sep-line.csv": (3, 10725, 2050),
    "csv-utf16le-bom.csv": (3, 10725, 2050),
    "csv-formulas.csv": (16, 10725 + 13 * 100, 2050),
}

FAULTY = {  # file → the faults that are named
    "csv-unterminated-quote.csv": [(3, "")],
    "csv-ragged-long-unquoted-delimiter.csv": [(3, "")],
    "csv-repeated-header.csv": [(4, "date"), (4, "amount"), (4, "currency")],
    "csv-trailing-total.csv": [(5, "date")],
    "csv-ambiguous-thousands.csv": [(2, "amount"), (3, "amount")],
    "csv-dates-ambiguous.csv": [(2, "date"), (3, "date")],
    "csv-dates-mixed.csv": [(2, "date"), (3, "date")],
    "csv-dates-invalid.csv": [(2, "date"), (3, "date"), (4, "date")],
    "csv-excel-serial-date.csv": [(2, "date")],
}

REFUSED = {
    "csv-nul-in-text.csv": "file.binary",
    "csv-nul-padding-end.csv": "file.binary",
    "csv-utf16le-nobom.csv": "file.binary",
    "csv-mixed-encoding.csv": "file.encoding",
    "csv-decimal-comma.csv": "file.columns",  # is declared
}

MT940 = {
    "mt940-cr-only.sta": 1,
    "mt940-two-statements-gap.sta": 2,
}
"""Read: file → lines."""

MT940_FAULTY = {  # a line that is no line, a point in an amount, a day and a mark that do not exist
    "mt940-tag-in-86.sta": [(7, ":61:")],
    "mt940-amount-dot.sta": [(5, ":61:")],
    "mt940-feb29-2023.sta": [(5, ":61:")],
    "mt940-mark-unknown.sta": [(5, ":61:")],
}

MT940_REFUSED = {"mt940-nul.sta": "file.binary", "mt940-utf16.sta": "file.encoding"}

TORTURE = [
    name
    for name in EXPECTED
    if name.split("/")[1] in {"cmdrvl+rvl", "maxogden+csv-spectrum", "liquidaty+zsv"}
    or name.endswith("blns.txt")
]
"""They judge a table reader; as statements they lack the columns (decision 16)."""


def derived(name: str) -> bytes:
    return path(f"malformed/derived/{name}").read_bytes()


def test_every_file_is_judged():
    own = (*READ, *FAULTY, *REFUSED, *MT940, *MT940_FAULTY, *MT940_REFUSED, "amount-strings.json")
    assert set(EXPECTED) == {f"malformed/derived/{name}" for name in own} | set(XML) | set(TORTURE)


@pytest.mark.parametrize("name", sorted(XML))
def test_xml_attacks_are_refused(name):
    assert refused(path(name).read_bytes()).code == XML[name]


@pytest.mark.parametrize("name", sorted(XML))
def test_xml_attacks_in_an_archive_are_refused_as_what_they_are(name):
    refusal = refused(packed(("statement.xml", path(name).read_bytes())))
    assert refusal.code == XML[name]
    assert "'statement.xml'" in refusal.message


@pytest.mark.parametrize("name", sorted(FAULTY))
def test_a_faulty_file_in_an_archive_names_its_faults(name):
    assert faults(packed((name, derived(name)))) == FAULTY[name]


@pytest.mark.parametrize("name", sorted(READ))
def test_a_sound_file_is_read(name):
    end = read(derived(name)).end
    assert (end.lines, end.credit_sum, end.debit_sum) == READ[name]


@pytest.mark.parametrize("name", sorted(FAULTY))
def test_a_faulty_file_names_its_faults(name):
    assert faults(derived(name)) == FAULTY[name]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_file_of_another_kind_is_refused(name):
    assert refused(derived(name)).code == REFUSED[name]


@pytest.mark.parametrize("name", sorted(TORTURE))
def test_tables_without_our_columns_are_refused(name):
    refusal = refused(path(name).read_bytes())
    assert refusal.code in {"file.columns", "file.empty", "file.encoding", "file.binary"}


@pytest.mark.parametrize("name", sorted(name for name in TORTURE if "csv-spectrum" in name))
def test_the_table_reader_gives_the_rows_that_are_expected(name):
    errors = RowErrors()
    table = CsvTable(io.BytesIO(path(name).read_bytes()), {})
    rows = [
        dict(zip(table.header.names, row, strict=True))
        for frame in table.batches(errors)
        for row in frame.drop("line_no").rows()
    ]
    assert rows == EXPECTED[name]["expected_rows"]
    assert not errors


RVL = sorted(name for name in TORTURE if "cmdrvl+rvl" in name)
NO_TABLE = {
    "E_HEADERS": {"file.empty"},
    "E_ENCODING": {
        "file.encoding",
        "file.binary",
        "file.empty",
    },  # UTF-16 is read, but theirs is a mark alone, or cut off
    "E_DIALECT": {"file.columns"},
}
"""Words of the source for what is no table → our refusals."""


def table_rows(content: bytes) -> tuple[str, list[tuple[str, ...]], RowErrors]:
    """Delimiter, rows and faults by the table reader; cells may lack at the end of a row."""
    errors = RowErrors()
    table = CsvTable(io.BytesIO(content), {})
    frames = list(table.batches(errors, RowRules(short_rows=True)))
    return table.delimiter, [row for frame in frames for row in frame.drop("line_no").rows()], errors


@pytest.mark.parametrize("name", RVL)
def test_the_table_reader_reads_each_dialect_or_refuses_it(name):
    content, expected = path(name).read_bytes(), EXPECTED[name]
    if expected["result"] in NO_TABLE:
        with pytest.raises(FileRefused) as caught:
            table_rows(content)
        assert caught.value.code in NO_TABLE[expected["result"]]
        return
    delimiter, rows, errors = table_rows(content)
    if expected["result"] == "E_CSV_PARSE":
        assert errors.total == 1
        return
    assert not errors
    assert rows
    if expected["result"] == "parse_ok":
        stated = expected["detail"].split(" | ")[0].strip("`").replace("0x1F", "\x1f").replace("\\t", "\t")
        assert delimiter == stated


@pytest.mark.parametrize("name", sorted(name for name in TORTURE if "liquidaty+zsv" in name))
def test_the_table_reader_loses_no_row(name):
    """Text that is no UTF-8 is refused with its line; in Latin-1, where that is declared, every row is there."""
    content = path(name).read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError:
        assert refused(content).code == "file.encoding"
        content = content.decode("latin-1").encode()
    _delimiter, rows, errors = table_rows(content)
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    counted = [row for row in csv.reader(text) if any(cell.strip() for cell in row)]
    blank = sum(not any(cell.strip() for cell in row) for row in rows)
    assert len(rows) - blank + errors.total == len(counted) - 1


def test_naughty_strings_pass_unchanged_as_descriptions():
    content = path("malformed/minimaxir+big-list-of-naughty-strings/blns.txt").read_text(encoding="utf-8")
    texts = [text for text in content.split("\n") if text and not text.startswith("#")]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(
        [["date", "amount", "description"]] + [["2026-03-02", "1", text] for text in texts]
    )
    assert read(out.getvalue()).column("description") == texts


def test_amount_texts_are_read_as_expected_or_not_at_all():
    taken = 0
    for case in json.loads(path("malformed/derived/amount-strings.json").read_text(encoding="utf-8")):
        minor, problem = parse_major(pl.Series([case["text"]]), 2)
        if problem[0] is None:
            taken += 1
            assert case["decimal_mark"] == "."
            assert Decimal(format_minor(minor[0], "EUR")) == Decimal(case["expected"].split(" ")[0])
    assert taken == 6


@pytest.mark.parametrize("name", MT940)
def test_a_sound_mt940_file_is_read(name):
    got = read(derived(name), currency=None)
    assert len(got.rows) == MT940[name]
    assert {end.closing.amount_signed_minor - end.opening.amount_signed_minor for end in got.ends} == {1000}


def test_a_gap_between_statements_is_left_as_it_is():
    got = read(derived("mt940-two-statements-gap.sta"), currency=None)
    assert [start.sequence for start in got.starts] == ["1", "3"]
    assert got.ends[0].closing == Balance(11000, date(2024, 1, 2), "62F", "EUR")
    assert got.ends[1].opening == Balance(12000, date(2024, 1, 3), "60F", "EUR")


@pytest.mark.parametrize("name", MT940_FAULTY)
def test_a_faulty_mt940_file_names_its_faults(name):
    assert faults(derived(name)) == MT940_FAULTY[name]


@pytest.mark.parametrize("name", MT940_REFUSED)
def test_an_mt940_file_that_is_no_text_is_refused(name):
    assert refused(derived(name)).code == MT940_REFUSED[name]
