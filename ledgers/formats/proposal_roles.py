"""Which column plays which role: by header words, held against what stands in the columns; used by the proposal."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ledgers.formats.declaration import SEVERAL
from ledgers.formats.proposal_dates import looks_like_day
from ledgers.formats.proposal_table import AMOUNT, Row
from ledgers.formats.proposal_words import CURRENCY_IN_NAME, plain_name, roles_of

CELLS_SEEN = 1_000
CODE = re.compile("[A-Z]{3}")
IBAN = re.compile("[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")

BEST_DATES = (
    "book",
    "buch",
    "comptab",
    "contab",
    "registraz",
    "post",
    "complet",
    "abschluss",
    "finished",
    "abgeschlossen",
)
"""Parts of names that say booking day rather than the day of the purchase."""

OTHER_MONEY = (
    "orig","fee", "gebuhr", "foreign", "fremd", "original", "tax", "steuer", "exchange", "kurs", "detail", "einzel", "individual", "sous", "singolo", "tariff")  # fmt: skip

AFTER_FEES = re.compile("after fees|nach gebuhren|net of fees")
NET = ("net", "netto", "net amount")

DIRECTION_WORDS = {
    "credit": "credit crdt c cr cr. haben h gutschrift bij accredito avere ingoing in eingang kredit crédit crediteur entrée haber abono deposit + k credito",
    "debit": "debit dbit d dr dr. soll s belastung af addebito dare outgoing out ausgang débit debito sortie debe cargo withdrawal - lastschrift",
}
DIRECTIONS = {word: direction for direction, words in DIRECTION_WORDS.items() for word in words.split()}

STATES = {
    "booked": "booked posted completed complete gebucht abgeschlossen completato terminé terminee done settled",
    "pending": "pending ausstehend vorgemerkt in sospeso en attente authorised authorized",
    "void": "reverted declined failed cancelled canceled abgelehnt storniert",
}


@dataclass(slots=True)
class Column:
    """A column with what stands in it, blank cells left out."""

    place: int  # from 0
    name: str  # as the declaration names it
    heading: str
    texts: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def share(self, right: Callable[[str], object]) -> float:
        """How many of the cells are right, of as many as tell, from all over the column."""
        seen = self.texts[:: max(1, len(self.texts) // CELLS_SEEN)]
        return sum(bool(right(text)) for text in seen) / len(seen) if seen else 0.0

    @property
    def is_days(self) -> bool:
        return self.share(looks_like_day) > 0.4

    @property
    def is_amounts(self) -> bool:
        return self.share(lambda text: AMOUNT.fullmatch(text)) > 0.4 and not self.is_days

    @property
    def is_codes(self) -> bool:
        return self.share(CODE.fullmatch) > 0.9

    @property
    def days(self) -> set[int]:
        """Lines on which it holds a day."""
        return {line for line, text in zip(self.lines, self.texts, strict=True) if looks_like_day(text)}

    @property
    def suits(self) -> tuple[str, ...]:
        return roles_of(self.heading)


@dataclass(slots=True)
class Roles:
    """Roles with their columns, and where several columns could play one."""

    columns: dict[str, list[Column]] = field(default_factory=dict)
    rivals: dict[str, list[Column]] = field(default_factory=dict)
    by_content: set[str] = field(default_factory=set)  # roles that no header word names
    pairs: list[tuple[Column, Column]] = field(
        default_factory=list
    )  # debit and credit columns, or the other way round
    perhaps_accounts: list[Column] = field(default_factory=list)
    spare_amounts: list[Column] = field(default_factory=list)  # of which one may be the balance

    def has(self, role: str) -> bool:
        return role in self.columns

    def first(self, role: str) -> Column | None:
        return self.columns[role][0] if role in self.columns else None

    def as_json(self) -> dict[str, list[str]]:
        return {role: [column.name for column in columns] for role, columns in self.columns.items()}


def columns_of(names: list[str] | None, body: list[Row], width: int) -> list[Column]:
    width = len(names) if names is not None else width
    found = []
    for place in range(width):
        heading = names[place] if names else ""
        unique = names is not None and heading and names.count(heading) == 1
        column = Column(place, heading if unique else f"#{place + 1}", heading)
        for row in body:
            if place < len(row.cells) and (text := row.cells[place].strip()):
                column.texts.append(text)
                column.lines.append(row.line)
        found.append(column)
    return found


def find_roles(columns: list[Column]) -> Roles:
    """Dates and money first: what stands in a column must be what its name says."""
    roles = Roles()
    _dates(columns, roles)
    _money(columns, roles)
    _codes(columns, roles)
    _texts(columns, roles)
    return roles


def _free(columns: list[Column], roles: Roles) -> list[Column]:
    taken = {column.place for played in roles.columns.values() for column in played}
    return [column for column in columns if column.place not in taken]


def _pick(roles: Roles, role: str, candidates: list[Column], rank: Callable[[Column], float]) -> None:
    if not candidates:
        return
    best = max(candidates, key=lambda column: (rank(column), -column.place))
    roles.columns[role] = [best]
    if len(rivals := [column for column in candidates if rank(column) == rank(best)]) > 1:
        roles.rivals[role] = rivals


def _dates(columns: list[Column], roles: Roles) -> None:
    days = [column for column in columns if column.is_days]
    named = [column for column in days if "booking_date" in column.suits]
    values = [column for column in days if "value_date" in column.suits]

    def rank(column: Column) -> float:
        name = plain_name(column.heading)
        return (
            len(column.texts)
            + (1_000_000 if any(part in name for part in BEST_DATES) else 0)
            - (500_000 if "utc" in name else 0)
        )

    if named:
        best = max(named, key=rank)
        roles.columns["booking_date"] = [best]
        if len(named) > 1 and any(column.texts != best.texts for column in named):
            roles.rivals["booking_date"] = [best, *(column for column in named if column is not best)]
    if values:
        _pick(roles, "value_date", values, lambda column: len(column.texts))
    if not named and not values and days:
        roles.by_content.add("booking_date")
        roles.columns["booking_date"] = days[:1]
        if len(days) > 1:
            roles.rivals["booking_date"] = days


def _money(columns: list[Column], roles: Roles) -> None:
    amounts = [column for column in _free(columns, roles) if column.is_amounts]
    empty = [column for column in _free(columns, roles) if not column.texts]
    for role in ("debit", "credit"):
        of_role = [column for column in amounts if role in column.suits]
        _pick(roles, role, of_role or [column for column in empty if role in column.suits], _own)
    whole = [c for c in amounts if "balance" in c.suits and c.share(AMOUNT.fullmatch) == 1]
    _pick(roles, "balance", whole, _own)
    two = [column for role in ("debit", "credit") for column in roles.columns.get(role, [])]
    if len(two) == 2 and any(column.texts for column in two):
        return
    for role in ("debit", "credit"):
        roles.columns.pop(role, None)
        roles.rivals.pop(role, None)
    _one_amount([column for column in amounts if column not in roles.columns.get("balance", [])], roles)


def _one_amount(amounts: list[Column], roles: Roles) -> None:
    named = [column for column in amounts if {"amount", "debit", "credit", "direction"} & set(column.suits)]
    if named:
        _pick(roles, "amount", named, _own)
        if net := [column for column in roles.rivals.get("amount", []) if plain_name(column.heading) in NET]:
            roles.columns["amount"] = net[:1]
        return
    loose = [c for c in amounts if not c.suits and not _other_money(c) and c.share(_is_money) > 0.4]
    if not loose:
        return
    if pairs := exclusive_pairs(loose, roles):
        roles.pairs = pairs
        roles.columns["debit"], roles.columns["credit"] = [pairs[0][0]], [pairs[0][1]]
        roles.spare_amounts = loose
        return
    roles.by_content.add("amount")
    roles.columns["amount"] = loose[:1]
    roles.rivals["amount"] = loose


def exclusive_pairs(columns: list[Column], roles: Roles) -> list[tuple[Column, Column]]:
    """Pairs of amounts of which each dated row fills exactly one, other than with 0."""
    dates = roles.first("booking_date") or roles.first("value_date")
    if dates is None:
        return []
    filled = {
        column.place: {
            line for line, text in zip(column.lines, column.texts, strict=True) if re.search("[1-9]", text)
        }
        for column in columns
    }
    dated = dates.days
    return [
        (first, second)
        for place, first in enumerate(columns)
        for second in columns[place + 1 :]
        if (one := filled[first.place] & dated)
        and (other := filled[second.place] & dated)
        and not one & other
        and one | other == dated
    ]


def _is_money(text: str) -> bool:
    return any(sign in text for sign in ".,$£€") or len(text) < 7


def _own(column: Column) -> float:
    return -1.0 if _other_money(column) else 1.0


def _other_money(column: Column) -> bool:
    name = AFTER_FEES.sub("", plain_name(column.heading))
    return any(part in name for part in OTHER_MONEY)


def _codes(columns: list[Column], roles: Roles) -> None:
    free = _free(columns, roles)
    currencies = [
        c
        for c in free
        if c.is_codes
        and (
            "currency" in c.suits or "currency" in plain_name(c.heading) or "wahrung" in plain_name(c.heading)
        )
    ]
    dates = roles.first("booking_date") or roles.first("value_date")
    dated = dates.days if dates else set()
    currencies = [c for c in currencies if len(dated & set(c.lines)) >= 0.9 * len(dated)]
    own = [column for column in currencies if not _other_money(column)]
    _pick(roles, "currency", own, lambda column: len(column.texts) + ("currency" in column.suits))
    signed = [c for c in _free(columns, roles) if "direction" in c.suits or not c.suits]
    known = [c for c in signed if c.texts and {text.casefold() for text in c.texts} <= set(DIRECTIONS)]
    if not roles.has("debit"):
        _pick(roles, "direction", known, lambda column: 2.0 if "direction" in column.suits else 1.0)
        roles.rivals.pop("direction", None)
    accounts = [
        c
        for c in _free(columns, roles)
        if "account" in c.suits
        and dated <= set(c.lines)
        and c.share(lambda t: IBAN.fullmatch(t.replace(" ", ""))) > 0.9
    ]
    for column in accounts:  # one account all over is the file's own; others may be those that were paid
        same = len({text.replace(" ", "") for text in column.texts}) == 1 and len(column.texts) > 1
        if same and not roles.has("account"):
            roles.columns["account"] = [column]
        elif not same:
            roles.perhaps_accounts.append(column)


def _texts(columns: list[Column], roles: Roles) -> None:
    for column in _free(columns, roles):
        for role in column.suits:
            if role in SEVERAL and column.texts:
                roles.columns.setdefault(role, []).append(column)
                break
    if roles.has("description"):
        return
    free = [
        c for c in _free(columns, roles) if c.texts and not c.is_amounts and not c.is_days and not c.is_codes
    ]
    if free:
        longest = max(free, key=lambda column: sum(map(len, column.texts)) / len(column.texts))
        roles.columns["description"] = [longest]
        roles.by_content.add("description")


def currency_in_names(roles: Roles) -> str:
    """The currency that the headings of the money columns name, where they name one."""
    found = set()
    for role in ("amount", "debit", "credit", "balance"):
        column = roles.first(role)
        if column and (match := CURRENCY_IN_NAME.search(column.heading)):
            found.add(match[1])
    return found.pop() if len(found) == 1 else ""
