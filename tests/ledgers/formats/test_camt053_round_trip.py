"""Any lines written as camt.053, camt.052 or camt.054, with details or without, read back the same."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgers.formats import detect
from ledgers.money import MINOR_MAX, format_minor
from tests.ledgers.formats.camt_files import as_message, detail, document, entry, statement
from tests.ledgers.formats.reading import read

# XML has no control characters, folds line breaks, and the reader drops blanks around a text.
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")), max_size=20).map(
    str.strip
)
ids = texts.filter(lambda text: text.upper() != "NOTPROVIDED")
days = st.dates(date(1000, 1, 1), date(2999, 12, 31))

lines = st.fixed_dictionaries(
    {
        "date": days,
        "value_date": st.none() | days,
        "amount": st.integers(0, MINOR_MAX // 100),
        "direction": st.sampled_from(["credit", "debit"]),
        "currency": st.sampled_from(["EUR", "JPY", "KWD"]),
        "description": texts,
        "counterparty": texts,
        "external_id": ids,
        "end_to_end_id": ids,
    }
)


def element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else ""


def written(row, parts: Sequence[Any] = ()) -> str:
    credit = row["direction"] == "credit"
    party = "Dbtr" if credit else "Cdtr"
    return entry(
        format_minor(row["amount"], row["currency"]),
        currency=row["currency"],
        indicator="CRDT" if credit else "DBIT",
        booked=f"<Dt>{row['date']}</Dt>",
        value=row["value_date"] and f"<DtTm>{row['value_date']}T12:00:00</DtTm>",
        after=element("AcctSvcrRef", row["external_id"]),
        details="".join(map(written_part, parts))
        or detail(
            refs=element("EndToEndId", row["end_to_end_id"]),
            parties=f"<{party}>{element('Nm', row['counterparty'])}</{party}>",
            texts=(row["description"],),
        ),
    )


@given(st.lists(st.lists(lines, max_size=4), min_size=1, max_size=4), st.sampled_from(["utf-8", "utf-16"]))
@settings(max_examples=60, deadline=None)
def test_lines_read_back_the_same(statements, encoding):
    content = document(
        *(statement(*map(written, rows)) for rows in statements),
        prolog=f"<?xml version='1.0' encoding='{encoding}'?>",
    )
    got = read(content.encode(encoding))
    wanted = [row for rows in statements for row in rows]
    for row, line in zip(wanted, got.rows, strict=True):
        assert {name: line[name] for name in row} == row
        assert line["reference"] == row["end_to_end_id"]
    assert [end.lines for end in got.ends] == [len(rows) for rows in statements]


parts = st.fixed_dictionaries(
    {
        "amount": st.integers(0, MINOR_MAX // 1_000),
        "direction": st.sampled_from(["credit", "debit"]),
        "currency": st.sampled_from(["EUR", "JPY"]),
        "description": texts,
        "counterparty": texts,
        "external_id": ids,
        "end_to_end_id": ids,
    }
)


def written_part(row) -> str:
    credit = row["direction"] == "credit"
    party = "Dbtr" if credit else "Cdtr"
    money = f'<Amt Ccy="{row["currency"]}">{format_minor(row["amount"], row["currency"])}</Amt>'
    return detail(
        refs=element("AcctSvcrRef", row["external_id"]) + element("EndToEndId", row["end_to_end_id"]),
        parties=f"<{party}><Pty>{element('Nm', row['counterparty'])}</Pty></{party}>",
        texts=(row["description"],),
        more=f"{money}<CdtDbtInd>{'CRDT' if credit else 'DBIT'}</CdtDbtInd>",
    )


def sum_of(rows, line) -> str | None:
    """What the line's metadata must say of its details."""
    if any(row["currency"] != line["currency"] for row in rows):
        return None
    total = sum(row["amount"] if row["direction"] == line["direction"] else -row["amount"] for row in rows)
    return None if total == line["amount"] else format_minor(total, line["currency"])


@given(
    st.lists(st.tuples(lines, st.lists(parts, min_size=2, max_size=4)), min_size=1, max_size=4),
    st.sampled_from(["camt.052", "camt.053", "camt.054"]),
    st.integers(1, 7),
)
@settings(max_examples=60, deadline=None)
def test_batches_read_back_the_same_in_every_message(batches, word, rows_at_once):
    """However few rows are typed at a time."""
    entries = [written(row, details) for row, details in batches]
    content = as_message(document(statement(*entries)), word)
    assert detect(content.encode()) == word
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ledgers.formats.camt.BATCH_ROWS", rows_at_once)
        got = read(content)
    wanted = [
        {"line_no": line_no, "number": number, **part}
        for line_no, (_row, details) in enumerate(batches, start=1)
        for number, part in enumerate(details, start=1)
    ]
    for part, found in zip(wanted, got.details, strict=True):
        assert {name: found[name] for name in part} == part
        assert found["reference"] == part["end_to_end_id"]
    for (row, details), line in zip(batches, got.rows, strict=True):
        kept = json.loads(line["metadata"])
        assert (line["amount"], line["direction"]) == (row["amount"], row["direction"])
        assert (kept["details"], kept.get("details_sum")) == (len(details), sum_of(details, row))
