"""What a person says of how a file is read, while they say it: answers to a proposal's questions and changes by hand.

Kept in the form alone until it is confirmed. A field counts as changed where it differs from what the form showed, so that
all others follow the answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ledgers.formats import declaration as words
from ledgers.formats.csv_preview import Preview
from ledgers.formats.declaration import Declaration
from ledgers.formats.proposal import Proposal, Question
from ledgers.formats.proposal_questions import DELIMITER_NAMES

ROLE_LABELS = {
    "booking_date": gettext_lazy("Date"),
    "value_date": gettext_lazy("Value date"),
    "amount": gettext_lazy("Amount"),
    "debit": gettext_lazy("Debit"),
    "credit": gettext_lazy("Credit"),
    "direction": gettext_lazy("Direction"),
    "currency": gettext_lazy("Currency"),
    "account": gettext_lazy("Account"),
    "balance": gettext_lazy("Balance"),
    "reference": gettext_lazy("Reference"),
    "description": gettext_lazy("Text"),
    "counterparty": gettext_lazy("Counterparty"),
    "external_id": gettext_lazy("The bank's id"),
    "end_to_end_id": gettext_lazy("End-to-end id"),
}
SIGN_LABELS = {
    words.CREDIT_POSITIVE: gettext_lazy("plus is money in"),
    words.DEBIT_POSITIVE: gettext_lazy("plus is money out"),
    words.UNSIGNED: gettext_lazy("the column or direction says it"),
    words.UNSIGNED_REVERSALS: gettext_lazy("the same, and minus takes back"),
}
DELIMITERS = {name: sign for sign, name in DELIMITER_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of the declaration as a field of the form: its text, and the text back to its value."""

    name: str
    label: Any
    text: Callable[[Any], str] = str
    value: Callable[[str], Any] = str
    choices: tuple[tuple[str, Any], ...] = ()
    help: Any = ""


def _whole(text: str) -> Any:
    return int(text) if text.isdecimal() and len(text) < 9 else text


SETTINGS = (
    Setting(
        "delimiter",
        gettext_lazy("Between columns"),
        lambda sign: DELIMITER_NAMES.get(sign, sign),
        lambda name: DELIMITERS.get(name, name),
        tuple((name, name) for name in DELIMITERS),
    ),
    Setting("encoding", gettext_lazy("Encoding"), help=gettext_lazy("utf-8, utf-16, cp1252, iso-8859-15 …")),
    Setting(
        "header",
        gettext_lazy("Names of columns"),
        lambda value: "yes" if value else "no",
        lambda text: text == "yes",
        (("yes", gettext_lazy("in the file")), ("no", gettext_lazy("not in the file"))),
    ),
    Setting("rows_to_skip", gettext_lazy("Lines above them"), value=_whole),
    Setting(
        "date_format",
        gettext_lazy("Dates are written"),
        help=gettext_lazy("DD.MM.YYYY, M/D/YY, D MMM YYYY …"),
    ),
    Setting("decimal_mark", gettext_lazy("Before decimals"), choices=((".", "."), (",", ","))),
    Setting("thousands", gettext_lazy("Between thousands")),
    Setting("sign_convention", gettext_lazy("Signs"), choices=tuple(SIGN_LABELS.items())),
    Setting(
        "currency", gettext_lazy("Currency"), help=gettext_lazy("Where no column says it: a code such as EUR")
    ),
    Setting("account", gettext_lazy("Account"), help=gettext_lazy("Where no column says it: the IBAN")),
)
DEFAULTS = {
    name: each.default
    for name, each in Declaration.__dataclass_fields__.items()
    if name in {setting.name for setting in SETTINGS}
}


@dataclass(slots=True)
class Field:
    """One input: `base` is what the answers alone give, `text` what stands in it."""

    key: str
    label: str
    base: str
    text: str
    choices: list[tuple[str, str]] = field(default_factory=list)
    help: str = ""


@dataclass(slots=True)
class Asked:
    question: Question
    label: str
    answer: int | None

    @property
    def choices(self) -> list[tuple[int, str]]:
        return [(place, choice.label) for place, choice in enumerate(self.question.choices)]


@dataclass(slots=True)
class Said:
    """What was said so far of one file, from the form's data."""

    proposal: Proposal
    data: Mapping[str, Any]

    @property
    def answers(self) -> dict[str, int]:
        found = {}
        for question in self.proposal.questions:
            text = str(self.data.get(f"answer:{question.field}", ""))
            if text.isdecimal() and int(text) < len(question.choices):
                found[question.field] = int(text)
        return found

    @property
    def asked(self) -> list[Asked]:
        answers = self.answers
        return [
            Asked(each, label_of(each.field), answers.get(each.field)) for each in self.proposal.questions
        ]

    @property
    def open_questions(self) -> int:
        return len(self.proposal.questions) - len(self.answers)

    @property
    def base(self) -> dict[str, Any]:
        return self.proposal.answered(self.answers)

    def declaration(self) -> dict[str, Any]:
        """The draft with the answers, and with what was changed by hand."""
        told = self.base
        told["columns"] = dict(told["columns"])
        for setting in SETTINGS:
            text = self._changed(setting.name)
            if text is not None:
                told[setting.name] = setting.value(text)
        for role in ROLE_LABELS:
            text = self._changed(f"columns.{role}")
            if text is not None:
                columns = columns_from(text)
                told["columns"].pop(role, None)
                if columns:
                    told["columns"][role] = columns
        text = self._changed("columns.metadata")
        if text is not None:
            kept = {role: names for role, names in told["columns"].items() if not _is_metadata(role)}
            told["columns"] = {**kept, **metadata_from(text)}
        return {name: value for name, value in told.items() if value != ""}

    def _changed(self, key: str) -> str | None:
        given, was = self.data.get(f"set:{key}"), self.data.get(f"was:{key}")
        if given is None or given == was:
            return None
        return str(given) if key == "thousands" else str(given).strip()  # a blank may stand between thousands

    def settings(self) -> list[Field]:
        base, told = self.base, self.declaration()
        return [
            Field(
                setting.name,
                str(setting.label),
                setting.text(base.get(setting.name, DEFAULTS[setting.name])),
                setting.text(told.get(setting.name, DEFAULTS[setting.name])),
                [(name, str(label)) for name, label in setting.choices],
                str(setting.help),
            )
            for setting in SETTINGS
        ]

    def columns(self, header: Sequence[str]) -> list[Field]:
        """Which column plays which role; of several columns together, as they are."""
        base, told = self.base["columns"], self.declaration()["columns"]
        names = [
            name if name.strip() and header.count(name) == 1 else f"#{place}"
            for place, name in enumerate(header, start=1)
        ]
        found = []
        for role, label in ROLE_LABELS.items():
            choices = [("", "–"), *((json.dumps([name]), name) for name in names)]
            for given in (base.get(role), told.get(role)):
                if given and json.dumps(list(given)) not in dict(choices):
                    choices.append((json.dumps(list(given)), " + ".join(given)))
            found.append(
                Field(
                    f"columns.{role}", str(label), columns_text(base, role), columns_text(told, role), choices
                )
            )
        asked = _("Kept in the metadata as")
        example = _("store = Laden; others keep their own names")
        found.append(Field("columns.metadata", asked, metadata_text(base), metadata_text(told), help=example))
        return found


def _is_metadata(role: str) -> bool:
    return role.startswith(words.METADATA)


def metadata_text(columns: Mapping[str, Sequence[str]]) -> str:
    """Keys of the metadata with their columns as one line: store = Laden; batch = #7."""
    pairs = [
        f"{role.removeprefix(words.METADATA)} = {', '.join(names)}"
        for role, names in columns.items()
        if _is_metadata(role)
    ]
    return "; ".join(pairs)


def metadata_from(text: str) -> dict[str, list[str]]:
    """The same back as roles. What names no column is a fault of the declaration, told as such."""
    parts = [part.partition("=") for part in text.split(";") if part.strip()]
    return {
        words.METADATA + key.strip(): [name.strip()] if name.strip() else [] for key, _equals, name in parts
    }


def columns_text(columns: Mapping[str, Sequence[str]], role: str) -> str:
    return json.dumps(list(columns[role])) if columns.get(role) else ""


def columns_from(text: str) -> list[str]:
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return []
    return [str(name) for name in found] if isinstance(found, list) else []


def label_of(key: str) -> str:
    role = key.removeprefix("columns.")
    if role in ROLE_LABELS:
        return str(ROLE_LABELS[role])
    labels = {setting.name: setting.label for setting in SETTINGS}
    return str(labels.get(key, key.replace("_", " ").capitalize()))


def mapping_rows(preview: Preview) -> list[tuple[str, str]]:
    """(role, its columns) as people read them."""
    return [(label_of(f"columns.{role}"), " + ".join(names)) for role, names in preview.mapping]


def left_out(preview: Preview) -> list[str]:
    """What of the file becomes no line, and why."""
    tally = preview.tally
    rows = [
        (tally.passed_over, _("rows passed over by the pattern")),
        (tally.undated, _("continuation rows")),
        (tally.without_amount, _("rows without an amount")),
        (tally.pending, _("rows not booked yet")),
        (tally.void, _("rows that are void")),
    ]
    return [f"{count:,} {text}" for count, text in rows if count]
