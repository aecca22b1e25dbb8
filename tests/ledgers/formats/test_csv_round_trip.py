"""Any lines written as CSV, in each dialect and layout, read back the same."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgers.money import MINOR_MAX, format_minor
from tests.ledgers.formats.reading import read

# The reader refuses NUL; a lone surrogate cannot be written as UTF-8 at all.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
ids = texts.map(str.strip)

lines = st.fixed_dictionaries(
    {
        "date": st.dates(date(1000, 1, 1), date(2999, 12, 31)),
        "value_date": st.none() | st.dates(date(1000, 1, 1), date(2999, 12, 31)),
        "amount": st.integers(0, MINOR_MAX // 100),
        "direction": st.sampled_from(["credit", "debit"]),
        "reference": ids,
        "description": texts,
        "counterparty": texts,
        "external_id": ids,
    }
)


MONEY = {
    "signed": ["amount"],
    "direction": ["amount", "direction"],
    "two columns": ["debit", "credit"],
}


def written(rows, layout, currency, *, delimiter, line_break, quote_all):
    """Our own writer by RFC 4180: Python's leaves a CR unquoted where lines end in LF."""

    def cell(value):
        text = "" if value is None else str(value)
        if quote_all or set(text) & {delimiter, '"', "\r", "\n"}:
            return '"' + text.replace('"', '""') + '"'
        return text

    names = [
        "booking_date",
        "value_date",
        *MONEY[layout],
        "reference",
        "description",
        "counterparty",
        "external_id",
    ]
    out = [names]
    for row in rows:
        text = format_minor(row["amount"], currency)
        cells = {**row, "booking_date": row["date"], "amount": text, row["direction"]: text}
        if layout == "signed" and row["direction"] == "debit":
            cells["amount"] = f"-{text}"
        out.append([cells.get(name) for name in names])
    return "".join(delimiter.join(map(cell, row)) + line_break for row in out)


@pytest.mark.parametrize("layout", ["signed", "direction", "two columns"])
@given(
    rows=st.lists(lines, max_size=8),
    delimiter=st.sampled_from(",;\t"),
    line_break=st.sampled_from(["\n", "\r\n", "\r"]),
    quote_all=st.booleans(),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    mark=st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_lines_read_back_the_same(layout, rows, delimiter, line_break, quote_all, currency, mark):
    content = written(rows, layout, currency, delimiter=delimiter, line_break=line_break, quote_all=quote_all)
    got = read(("\ufeff" if mark else "") + content, currency=currency)
    for wanted, row in zip(rows, got.rows, strict=True):
        if layout == "signed" and wanted["amount"] == 0:
            wanted = {**wanted, "direction": "credit"}  # nothing has no sign
        assert {name: row[name] for name in wanted} == wanted
    signed = [row["amount"] if row["direction"] == "credit" else -row["amount"] for row in got.rows]
    assert got.end.credit_sum - got.end.debit_sum == sum(signed)
