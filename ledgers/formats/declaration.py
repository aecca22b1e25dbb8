"""How a CSV file is read, as data: made by hand, by a proposal or by a built-in layout; read by the CSV readers.

Nothing here is worked out from a file: what a declaration does not say is an error in the file, never a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

DELIMITERS = (",", ";", "\t", "|", "^", "\x1f")

DATE_ROLES = ("booking_date", "value_date")
MONEY_ROLES = ("amount", "debit", "credit")
TEXT_ROLES = ("reference", "description", "counterparty", "external_id", "end_to_end_id")
ROLES = (*DATE_ROLES, *MONEY_ROLES, "direction", "currency", "account", "balance", "status", *TEXT_ROLES)
METADATA = "metadata."
"""`metadata.store`: a column that is kept in the metadata as `store`, whatever the file calls it."""

SEVERAL = frozenset(TEXT_ROLES)
"""Roles that several columns may play: the description joins them, the others take the first that is filled."""

CREDIT_POSITIVE, DEBIT_POSITIVE = "credit_positive", "debit_positive"
UNSIGNED, UNSIGNED_REVERSALS = "unsigned", "unsigned_reversals"
SIGN_CONVENTIONS = (CREDIT_POSITIVE, DEBIT_POSITIVE, UNSIGNED, UNSIGNED_REVERSALS)
"""What a sign means. `credit_positive`: + is money in, in whichever column. `debit_positive`: + is money out, as on cards.
`unsigned`: the column or the direction says it, and a number below zero is an error. `unsigned_reversals`: the same,
but a number below zero takes back, so that it goes the other way."""

REFUSE, SKIP, JOIN = "refuse", "skip", "join"
UNDATED_ROWS = (REFUSE, SKIP, JOIN)
ROWS_WITHOUT_AMOUNT = (REFUSE, SKIP)

BOOKED, PENDING, VOID = "booked", "pending", "void"
STATUSES = (BOOKED, PENDING, VOID)

ISO_FORMAT = "YYYY-MM-DD"

LANGUAGE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Declaration:
    """Everything a reader needs to know of a CSV layout. Columns are named as in the header, or by place: `#1` is the first."""

    columns: Mapping[str, tuple[str, ...]]
    """role of `ROLES`, or behind `METADATA`, → its columns; more than one only for roles in `SEVERAL`."""

    delimiter: str = ","
    encoding: str = "utf-8"
    quotes: bool = True
    """Whether `"` quotes a cell; where not, it is a character as any other."""
    space_before_cells: bool = False
    """Blanks behind a delimiter are not part of the cell, so that a quote may follow them."""
    padding: bool = False
    """NUL bytes at the very end of the file are filling, as some hosts write it."""

    header: bool = True
    rows_to_skip: int = 0
    """Physical lines above the header, or above the first row where there is no header."""
    skip_pattern: str = ""
    """Rows that are no lines: a regular expression over the row's text, cells joined by the delimiter."""
    footer_pattern: str = ""
    """The row that ends the table. It, or a row below it, that could be a line is an error."""
    short_rows: bool = False
    """Cells may lack at the end of a row."""
    undated_rows: str = REFUSE
    """Rows without any date and amount: an error, passed over, or joined to the description above."""
    rows_without_amount: str = REFUSE
    """Rows with a date and no amount: an error, or passed over (details below a collective line)."""

    date_format: str = ISO_FORMAT
    """D, DD, M, MM, MMM (a name), YY, YYYY and what stands between them; a time behind the day is passed over."""
    decimal_mark: str = "."
    thousands: str = ""
    """Characters that may stand between groups of three digits."""
    currency_signs: tuple[str, ...] = ()
    """Texts that may stand at either end of an amount: `$`, `EUR`."""
    other_signs: bool = False
    """A minus may stand behind the number or be written as −, and brackets mean below zero."""
    sign_convention: str = CREDIT_POSITIVE
    zero_is_empty: bool = False
    """In debit and credit columns 0 stands for nothing where the other one is filled."""

    currency: str = ""
    several_currencies: bool = False
    """Whether rows of several currencies may meet: each currency is a statement of its own."""
    account: str = ""
    account_pattern: str = ""
    """Where a line above the table names the account: a regular expression whose one group is its number."""
    value_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """`direction` → {text: credit or debit}, `status` → {text: booked, pending or void}, `currency` → {text: code}."""
    metadata: bool = True
    """Whether columns without a role are kept in the line's metadata, under their own names."""
    version: int = LANGUAGE_VERSION

    def column(self, role: str) -> str:
        """The role's only or first column; empty where there is none."""
        return self.columns[role][0] if self.columns.get(role) else ""

    def has(self, role: str) -> bool:
        return bool(self.columns.get(role))

    def as_json(self) -> dict[str, Any]:
        """A JSON object that `declaration_from_json` reads back the same; what is as by default is left out."""
        told: dict[str, Any] = {"version": self.version}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "columns":
                value = {role: list(names) for role, names in value.items() if names}
            elif each.name == "value_maps":
                value = {name: dict(pairs) for name, pairs in value.items()}
            elif each.name == "currency_signs":
                value = list(value)
            if each.name == "columns" or (value != each.default and value not in ([], {})):
                told[each.name] = value
        return told
