"""Any lines written as camt.053 read back the same."""

from datetime import date
from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from ledgers.money import MINOR_MAX, format_minor
from tests.ledgers.formats.camt_files import detail, document, entry, statement
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


def written(row) -> str:
    credit = row["direction"] == "credit"
    party = "Dbtr" if credit else "Cdtr"
    return entry(
        format_minor(row["amount"], row["currency"]),
        currency=row["currency"],
        indicator="CRDT" if credit else "DBIT",
        booked=f"<Dt>{row['date']}</Dt>",
        value=row["value_date"] and f"<DtTm>{row['value_date']}T12:00:00</DtTm>",
        after=element("AcctSvcrRef", row["external_id"]),
        details=detail(
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
