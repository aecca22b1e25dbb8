"""What a proposal asks: a field, choices with what each changes in the declaration, why, and a sample from the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledgers.formats.proposal_roles import Column, Roles
from ledgers.formats.proposal_table import CODE_PAGES, Found

DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "|", "^": "^", "\x1f": "unit separator"}


@dataclass(frozen=True, slots=True)
class Choice:
    label: str
    changes: Mapping[str, Any]
    """Keys of the declaration to replace; under `columns`, roles (an empty list: nobody plays it)."""


@dataclass(frozen=True, slots=True)
class Question:
    """The draft holds the first choice."""

    field: str
    choices: tuple[Choice, ...]
    why: str
    sample: str

    @classmethod
    def of_values(cls, field: str, values: Sequence[Any], why: str, sample: str) -> "Question":
        return cls(field, tuple(Choice(str(value), {field: value}) for value in values), why, sample)

    @classmethod
    def of_changes(
        cls, field: str, changes: Sequence[tuple[str, Mapping[str, Any]]], why: str, sample: str
    ) -> "Question":
        return cls(field, tuple(Choice(label, change) for label, change in changes), why, sample)

    @classmethod
    def of_columns(cls, role: str, columns: Sequence[Column], why: str) -> "Question":
        choices = tuple(
            Choice(column.heading or column.name, {"columns": {role: [column.name]}}) for column in columns
        )
        sample = "; ".join(
            f"{column.heading or column.name}: {(column.texts or [''])[0]}" for column in columns
        )
        return cls(f"columns.{role}", choices, why, sample)


def ask_table(found: Found) -> list[Question]:
    asked = []
    if not found.encoding_certain:
        pages = [found.encoding, *(page for page in CODE_PAGES if page != found.encoding)]
        raw = found.encoding_sample.encode("latin-1")
        choices = tuple(
            Choice(f"{page}: {raw.decode(page, errors='replace')[:80]}", {"encoding": page}) for page in pages
        )
        asked.append(
            Question(
                "encoding", choices, "The file is not UTF-8, and does not say what it is.", choices[0].label
            )
        )
    if found.rivals:
        ways = [found.dialect, *found.rivals]
        labels = [
            (f"{DELIMITER_NAMES[way.delimiter]} ({way.width} columns)", {"delimiter": way.delimiter})
            for way in ways
        ]
        sample = found.dialect.delimiter.join(found.dialect.rows[0].cells)[:200]
        asked.append(Question.of_changes("delimiter", labels, "Both cut the rows evenly.", sample))
    if not found.header_certain and found.names is not None:
        sample = found.dialect.delimiter.join(found.names)[:200]
        why = f"Few of the words in line {found.header_line:,} are known names of columns."
        asked.append(Question.of_values("rows_to_skip", [found.header_line - 1], why, sample))
    return asked


def ask_roles(roles: Roles) -> list[Question]:
    asked = []
    for role, rivals in roles.rivals.items():
        why = f"Several columns could be the {role.replace('_', ' ')}."
        if len(rivals) == 1:
            why = f"No heading says which column is the {role.replace('_', ' ')}."
        first = roles.columns[role][0]
        asked.append(
            Question.of_columns(role, [first, *(column for column in rivals if column is not first)], why)
        )
    if roles.perhaps_accounts and not roles.has("account"):
        column = roles.perhaps_accounts[0]
        choices = [
            ("it is another party's", {}),
            (
                "it is the statement's own: each is an account of its own",
                {"columns": {"account": [column.name]}},
            ),
        ]
        why = f"The column {column.heading!r} holds account numbers: whose they are, nothing says."
        asked.append(Question.of_changes("columns.account", choices, why, ", ".join(column.texts[:2])))
    for role in sorted(roles.by_content - set(roles.rivals) - {"description"}):
        why = f"No heading says which column is the {role.replace('_', ' ')}."
        asked.append(Question.of_columns(role, roles.columns[role], why))
    return asked
