"""A writer of CSV for any declaration: what it writes must read back as the same lines."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from ledgers.formats.declaration import Declaration

MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FORMATS = ("YYYY-MM-DD", "DD.MM.YYYY", "MM/DD/YYYY", "D/M/YYYY", "YYYYMMDD", "DD-MM-YY", "D MMM YYYY")
COLUMNS = {
    "booking_date": ("Day",), "value_date": ("Value",), "reference": ("Ref",), "description": ("Text",),
    "counterparty": ("Who",), "external_id": ("Id",),
}  # fmt: skip
MONEY = {
    "signed": {"amount": ("Amount",)},
    "direction": {"amount": ("Amount",), "direction": ("Way",)},
    "two": {"debit": ("Out",), "credit": ("In",)},
}
WORDS = {"direction": {"Af": "debit", "Bij": "credit"}}


@st.composite
def declarations(draw: st.DrawFn) -> Declaration:
    """Any layout; places instead of names where there is no header."""
    layout = draw(st.sampled_from(sorted(MONEY)))
    conventions = {
        "signed": ("credit_positive", "debit_positive"),
        "direction": ("unsigned", "unsigned_reversals"),
        "two": ("unsigned", "unsigned_reversals", "credit_positive"),
    }[layout]
    columns = {**COLUMNS, **MONEY[layout]}
    header = draw(st.booleans())
    if not header:
        columns = {role: (f"#{place}",) for place, role in enumerate(columns, start=1)}
    mark = draw(st.sampled_from(".,"))
    return Declaration(
        columns=columns,
        delimiter=draw(st.sampled_from([",", ";", "\t", "|", "^", "\x1f"])),
        encoding=draw(st.sampled_from(["utf-8", "utf-16", "windows-1252", "iso-8859-15"])),
        header=header,
        rows_to_skip=draw(st.integers(0, 3)),
        date_format=draw(st.sampled_from(FORMATS)),
        decimal_mark=mark,
        thousands=draw(st.sampled_from(["", "'", " ", "." if mark == "," else ","])),
        currency_signs=draw(st.sampled_from([(), ("$",), ("kr",)])),
        other_signs=draw(st.booleans()),
        sign_convention=draw(st.sampled_from(conventions)),
        value_maps=WORDS if layout == "direction" else {},
    )


def written(rows: list[dict[str, Any]], told: Declaration, *, line_break: str = "\r\n") -> bytes:
    """The rows as CSV. Every cell is quoted: a blank line could not be told from an empty cell else."""

    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    names = {role: columns[0] for role, columns in told.columns.items()}
    out = ["above"] * told.rows_to_skip
    if told.header:
        out.append(told.delimiter.join(cell(name) for name in names.values()))
    out += [told.delimiter.join(cell(_text(row, role, told)) for role in names) for row in rows]
    text = "".join(line + line_break for line in out)
    return text.encode({"utf-16": "utf-16"}.get(told.encoding, told.encoding))


def _text(row: dict[str, Any], role: str, told: Declaration) -> str:
    if role in ("booking_date", "value_date"):
        day = row["date"] if role == "booking_date" else row["value_date"]
        return "" if day is None else day_text(day, told.date_format)
    if role == "direction":
        return {"debit": "Af", "credit": "Bij"}[row["direction"]]
    if role in ("amount", "debit", "credit"):
        return _money(row, role, told)
    return row[role]


def _money(row: dict[str, Any], role: str, told: Declaration) -> str:
    out = row["direction"] == "debit"
    if role in ("debit", "credit") and role != row["direction"]:
        return ""
    negative = out if told.sign_convention == "credit_positive" else not out
    if told.sign_convention in ("unsigned", "unsigned_reversals"):
        negative = False
    text = (
        f"{row['amount'] // 100:,}".replace(",", told.thousands[:1])
        + f"{told.decimal_mark}{row['amount'] % 100:02d}"
    )
    sign = told.currency_signs[0] + " " if told.currency_signs else ""
    if not negative or not row["amount"]:
        return sign + text
    return f"({sign}{text})" if told.other_signs else f"-{sign}{text}"


def day_text(day: date, date_format: str) -> str:
    parts = {
        "YYYY": f"{day.year:04d}", "YY": f"{day.year % 100:02d}", "MMM": MONTH_NAMES[day.month - 1],
        "MM": f"{day.month:02d}", "M": str(day.month), "DD": f"{day.day:02d}", "D": str(day.day),
    }  # fmt: skip
    text, rest = "", date_format
    while rest:
        token = next((token for token in parts if rest.startswith(token)), None)
        text, rest = text + (parts[token] if token else rest[0]), rest[len(token) if token else 1 :]
    return text
