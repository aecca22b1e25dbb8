"""Declarations of the CSV samples: from the collector's facts, and where those are silent from tables made by reading the files."""

from typing import Any

from ledgers.formats.declaration import Declaration
from ledgers.formats.declaration_json import declaration_from_json
from tests.ledgers.formats.csv_tables import OVERRIDES

SHAPES = {
    "99.99.9999": "DD.MM.YYYY",
    "99.99.99": "DD.MM.YY",
    "9999-99-99": "YYYY-MM-DD",
    "99999999": "YYYYMMDD",
    "9999/99/99": "YYYY/MM/DD",
    "99-99-9999": "DD-MM-YYYY",
    "99/99/9999": "DD/MM/YYYY",
    "99/99/99": "DD/MM/YY",
}

ONE = ("booking_date", "value_date", "amount", "debit", "credit", "balance", "direction")
SEVERAL = ("reference", "description", "counterparty")


def declared(name: str, facts: dict[str, Any]) -> Declaration:
    """The declaration of a sample, its facts overruled by the table."""
    told = from_facts(facts)
    for key, value in OVERRIDES.get(name, {}).items():
        if key == "roles":  # role → its columns; none: the role is not played
            columns = {**told["columns"], **value}
            told["columns"] = {role: columns_ for role, columns_ in columns.items() if columns_}
        else:
            told[key] = value
    return declaration_from_json(told)


def from_facts(facts: dict[str, Any]) -> dict[str, Any]:
    two = facts["amount_layout"] == "debit+credit columns"
    signs = any(shape.startswith(("-", "+")) for shape in facts["amount_shapes"])
    directed = facts["amount_layout"] == "amount + direction"
    told: dict[str, Any] = {
        "columns": _columns(facts, two=two, directed=directed),
        "delimiter": {"tab": "\t"}.get(facts["delimiter"], facts["delimiter"]),
        "encoding": _encoding(facts["encoding"]),
        "header": facts["header_line"] is not None,
        "rows_to_skip": (facts["header_line"] or 1) - 1,
        "decimal_mark": "," if facts["decimal_mark"] == "," else ".",
        "sign_convention": "unsigned" if (two and not signs) or directed else "credit_positive",
    }
    shapes = [shape.split(" ")[0] for shape in facts["date_shapes"] or ()]
    if shapes and shapes[0] in SHAPES:
        told["date_format"] = SHAPES[shapes[0]]
    marks = {mark for shape in facts["amount_shapes"] for mark in "'’,." if mark in shape[:-3]}
    told["thousands"] = "".join(sorted(marks - {told["decimal_mark"]}))
    if facts.get("dated_rows_without_amount"):
        told["rows_without_amount"] = "skip"
    return told


def _columns(facts: dict[str, Any], *, two: bool, directed: bool) -> dict[str, list[str]]:
    names, found = facts["columns"] or [], {}
    for name, role in (facts["roles"] or {}).items():
        place = name if name.startswith("#") or names.count(name) == 1 else f"#{names.index(name) + 1}"
        if role in ONE and role not in found:
            found[role] = [place]
        if role in SEVERAL:
            found.setdefault(role, []).append(place)
    for role in ("amount",) if two else ("debit", "credit"):
        found.pop(role, None)
    if not directed:
        found.pop("direction", None)
    if facts["currencies"] and (
        column := next((n for n, r in facts["roles"].items() if r == "currency"), None)
    ):
        found["currency"] = [column]
    return found


def _encoding(told: str) -> str:
    return "windows-1252" if told.startswith(("8-bit", "cp1252")) else "utf-8"
