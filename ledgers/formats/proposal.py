"""A declaration worked out from a CSV file: what is certain, and what a person must confirm. Called by the import pages.

Whatever two readings of the file could both be right is asked, never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ledgers.formats.declaration_json import DeclarationError, declaration_from_json
from ledgers.formats.proposal_account import IBAN, escaped, is_iban, normal
from ledgers.formats.proposal_dates import fitting
from ledgers.formats.proposal_money import writing_of
from ledgers.formats.proposal_questions import Question, ask_roles, ask_table
from ledgers.formats.proposal_roles import Roles, columns_of, currency_in_names, find_roles
from ledgers.formats.proposal_rows import propose_rows
from ledgers.formats.proposal_signs import propose_signs
from ledgers.formats.proposal_table import Found, find_table

ABOVE_SHOWN = 60
"""Characters before an account's number that tell its line from others."""

SAME_SIGN = {"€": "EUR", "£": "GBP", "Fr": "CHF"}

__all__ = ["Proposal", "Question", "propose"]


@dataclass(slots=True)
class Proposal:
    """A draft. With `questions` open, or `lacking` something, it must not be used unseen."""

    declaration: dict[str, Any]
    certain: tuple[str, ...] = ()
    """Keys of the declaration, and `columns.<role>`, that the file shows in one way only."""
    questions: tuple[Question, ...] = ()
    lacking: tuple[tuple[tuple[str | int, ...], str], ...] = ()
    """(path, message): what a declaration needs and the file does not show."""

    @property
    def is_certain(self) -> bool:
        return not self.questions and not self.lacking

    def answered(self, answers: Mapping[str, int]) -> dict[str, Any]:
        """The draft with the choices made: question's field → place of the choice. Unanswered ones keep the draft's."""
        told = {**self.declaration, "columns": dict(self.declaration["columns"])}
        for question in self.questions:
            if question.field in answers:
                for key, value in question.choices[answers[question.field]].changes.items():
                    if key == "columns":
                        told["columns"] = {r: c for r, c in {**told["columns"], **value}.items() if c}
                    else:
                        told[key] = value
        return told


@dataclass(slots=True)
class Draft:
    """A proposal under way."""

    told: dict[str, Any]
    certain: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def settle(self, key: str, value: Any) -> None:
        self.told[key] = value
        self.certain.append(key)


def propose(file: BinaryIO) -> Proposal:
    """Looks at a bounded part of the file, from its start. Raises FileRefused for what is no text or no table."""
    found = find_table(file)
    columns = columns_of(found.names, found.body, found.dialect.width)
    roles = find_roles(columns)
    draft = Draft({"columns": roles.as_json()})
    _tell_table(found, draft)
    draft.questions += ask_table(found) + ask_roles(roles)
    draft.certain += [
        f"columns.{role}"
        for role in roles.columns
        if role not in roles.rivals and role not in roles.by_content
    ]
    _tell_days(roles, draft)
    _tell_marks(roles, draft)
    _tell_currency(roles, draft)
    _tell_account(roles, found, draft)
    propose_signs(roles, found, draft)
    propose_rows(roles, found, draft)
    try:
        declaration_from_json(draft.told)
        lacking: tuple[tuple[tuple[str | int, ...], str], ...] = ()
    except DeclarationError as error:
        lacking = tuple(error.issues)
    return Proposal(draft.told, tuple(draft.certain), tuple(draft.questions), lacking)


def _tell_table(found: Found, draft: Draft) -> None:
    draft.told["delimiter"] = found.dialect.delimiter
    draft.told["encoding"] = found.encoding
    draft.told["header"] = found.names is not None
    draft.told["rows_to_skip"] = found.header_line - 1
    if not found.rivals:
        draft.certain.append("delimiter")
    if found.encoding_certain:
        draft.certain.append("encoding")
    if found.header_certain:
        draft.certain += ["header", "rows_to_skip"]
    if not found.dialect.quotes:
        draft.told["quotes"] = False
    if found.space_before_cells:
        draft.settle("space_before_cells", True)
    if found.padding:
        draft.settle("padding", True)


def _tell_account(roles: Roles, found: Found, draft: Draft) -> None:
    """An IBAN above the table, by what stands before it in its line; certain by its check digits."""
    if roles.has("account"):
        return
    named = [(line, match) for line in found.above for match in IBAN.finditer(line) if is_iban(match[0])]
    if len({normal(match[0]) for _line, match in named}) == 1:
        line, match = named[0]
        before = line[: match.start()][-ABOVE_SHOWN:]
        draft.settle("account_pattern", f"{escaped(before)}([A-Z]{{2}}[0-9]{{2}}[A-Z0-9 ]+)")


def _tell_days(roles: Roles, draft: Draft) -> None:
    texts = [
        text
        for role in ("booking_date", "value_date")
        for column in roles.columns.get(role, [])
        for text in column.texts
    ]
    formats = fitting(texts)
    if not formats:
        return
    draft.told["date_format"] = formats[0]
    if len(formats) == 1:
        draft.certain.append("date_format")
        return
    draft.questions.append(
        Question.of_values("date_format", formats, "Every date of the file fits each of these.", texts[0])
    )


def _tell_marks(roles: Roles, draft: Draft) -> None:
    money = [c for role in ("amount", "debit", "credit", "balance") for c in roles.columns.get(role, [])]
    money += roles.spare_amounts
    texts = [text for column in money for text in column.texts if any(sign.isdigit() for sign in text)]
    writing = writing_of(texts)
    draft.told["decimal_mark"] = writing.decimal if writing.decimal in (".", ",") else "."
    thousands = "".join(sorted(writing.thousands - {draft.told["decimal_mark"]}))
    draft.told["thousands"] = thousands
    signs = sorted(sign for sign in writing.signs if len(sign) <= 4)
    if len({SAME_SIGN.get(sign, sign) for sign in signs}) > 1:
        draft.told["currency_signs"] = signs
        draft.questions.append(_asked_of_signs(signs))
    elif signs:
        draft.settle("currency_signs", signs)
    if writing.other_signs:
        draft.settle("other_signs", True)
    if writing.decimal == "?":
        why = "Amounts of the file show both marks before their decimals: one of them is written wrongly."
        draft.questions.append(
            Question.of_values("decimal_mark", [".", ","], why, " and ".join(writing.against))
        )
    elif writing.ambiguous:
        why = "Each amount could have three decimals, or groups of three digits."
        sample = writing.ambiguous[0]
        mark = "," if "," in sample else "."
        other = "." if mark == "," else ","
        draft.questions.append(
            Question.of_changes(
                "decimal_mark",
                [
                    (f"{mark} stands before the decimals", {"decimal_mark": mark}),
                    (
                        f"{mark} stands between thousands",
                        {"decimal_mark": other, "thousands": thousands + mark},
                    ),
                ],
                why,
                sample,
            )
        )
        draft.told["decimal_mark"] = mark
        draft.told["thousands"] = thousands.replace(mark, "")
    else:
        draft.certain += ["decimal_mark", "thousands"]


def _asked_of_signs(signs: list[str]) -> Question:
    choices = [
        (", ".join(signs), {"currency_signs": signs}),
        *((sign, {"currency_signs": [sign]}) for sign in signs),
    ]
    why = "Amounts stand beside several signs: if these mean several currencies, the sums would mix them."
    return Question.of_changes("currency_signs", choices, why, ", ".join(signs))


def _tell_currency(roles: Roles, draft: Draft) -> None:
    column = roles.first("currency")
    if column is None:
        if code := currency_in_names(roles):
            draft.settle("currency", code)
        return
    codes = sorted({text for text in column.texts if len(text) == 3})
    if len(codes) > 1:
        draft.told["several_currencies"] = True
        draft.questions.append(
            Question.of_changes(
                "several_currencies",
                [("each is an account of its own", {"several_currencies": True}),
                 ("the column is not the currency of the amounts", {"several_currencies": False, "columns": {"currency": []}})],
                f"The column {column.heading!r} names several currencies.",
                ", ".join(codes[:10]),
            )
        )  # fmt: skip
