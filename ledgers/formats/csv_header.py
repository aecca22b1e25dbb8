"""The header row of a CSV table: which column plays which role, by built-in names or as declared; used by the CSV readers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from ledgers.formats.declaration import Declaration
from ledgers.formats.events import FileRefused
from ledgers.formats.typed import shown

ACCOUNT_MAX = 64
NAMES_SHOWN = 20

ColumnNames = Mapping[str, tuple[str, ...]]
"""What a reader looks for: role → the names of its column, its own name first."""


@dataclass(frozen=True, slots=True)
class Header:
    """The header row: its names as written, and which of them plays which role."""

    names: tuple[str, ...]
    roles: Mapping[str, int]
    further: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Where several columns play a role: the places after its first."""

    def name(self, role: str) -> str:
        """The column's name as the file writes it: what its owner looks for."""
        return self.names[self.roles[role]] if role in self.roles else role

    def without(self, role: str) -> "Header":
        """The same header where a column does not play that role after all."""
        kept = {known: place for known, place in self.roles.items() if known != role}
        return Header(self.names, kept, self.further)

    def others(self) -> dict[str, int]:
        """Columns without a role, by a name of their own."""
        taken = {*self.roles.values(), *(place for places in self.further.values() for place in places)}
        found: dict[str, int] = {}
        for place, name in enumerate(self.names):
            if place not in taken:
                own = name or f"column_{place + 1}"
                found[own if own not in found else f"{own}_{place + 1}"] = place
        return found


def named_header(names: tuple[str, ...], columns: ColumnNames) -> Header:
    """The header by built-in names. Raises FileRefused `file.columns` where a role is named twice."""
    return Header(names, _roles(names, columns))


def declared_header(names: tuple[str, ...], declaration: Declaration) -> Header:
    """The header as declared. Raises FileRefused `file.columns` where it lacks a column that is declared."""
    roles, further, lacking = {}, {}, []
    for role, wanted in declaration.columns.items():
        places = [_place(names, name) for name in wanted]
        lacking += [name for name, place in zip(wanted, places, strict=True) if place is None]
        found = tuple(place for place in places if place is not None)
        if found:
            roles[role], further[role] = found[0], found[1:]
    if lacking:
        raise _not_as_declared(names, lacking, declaration)
    return Header(names, roles, {role: places for role, places in further.items() if places})


def stated_account(declaration: Declaration, above: Sequence[str]) -> str:
    """The account that the declaration names, or that a line above the table does where that is declared.

    Raises FileRefused `file.columns` where no line names it: whose lines these are is not ours to guess.
    """
    if not declaration.account_pattern:
        return declaration.account
    found = pl.Series(above, dtype=pl.String).str.extract(declaration.account_pattern, 1).drop_nulls()
    numbers = {re.sub(r"\s", "", text) for text in found} - {""}
    if len(numbers) != 1:
        said = "name several accounts" if numbers else "name no account"
        message = (
            f"The lines above the table {said} where the declaration looks for one (account_pattern). Upload a file of the"
            " declared layout, or declare this one."
        )
        raise FileRefused("file.columns", message)
    return numbers.pop()[:ACCOUNT_MAX]


def _place(names: tuple[str, ...], wanted: str) -> int | None:
    wanted = wanted.strip()
    if names.count(wanted) == 1:
        return names.index(wanted)
    if re.fullmatch("#[1-9][0-9]{0,3}", wanted) and int(wanted[1:]) <= len(names):
        return int(wanted[1:]) - 1
    return None


def _not_as_declared(names: tuple[str, ...], lacking: list[str], declaration: Declaration) -> FileRefused:
    where = f"Line {declaration.rows_to_skip + 1:,}" if declaration.header else "The first row"
    twice = [name for name in lacking if names.count(name.strip()) > 1]
    if twice:
        message = (
            f"{where} names {shown(twice[0])} more than once. Declare that column by its place, as in #3, and upload"
            " the file again."
        )
    else:
        message = (
            f"{where} should hold the declared columns, and lacks {', '.join(map(shown, lacking[:NAMES_SHOWN]))}."
            f" It holds: {_told(names)}. Upload a file of the declared layout, or declare this one."
        )
    return FileRefused("file.columns", message)


def missing_columns(header: Header, missing: str) -> FileRefused:
    """The refusal for a table that lacks columns; `missing` names them."""
    message = (
        f"The header lacks {missing}. It names: {_told(header.names)}."
        " Name the columns so in the first row, separated by comma, semicolon or tab, and upload the file again;"
        " or declare what its columns mean in an import profile."
    )
    return FileRefused("file.columns", message)


def unclear_header(what: str) -> FileRefused:
    """The refusal for a header that cannot be understood; `what` goes on from "The header row"."""
    message = (
        f"The header row {what}. Correct it and upload the file again, or declare it in an import profile."
    )
    return FileRefused("file.columns", message)


def _told(names: tuple[str, ...]) -> str:
    return ", ".join(shown(name) for name in names[:NAMES_SHOWN])


def _roles(names: tuple[str, ...], columns: ColumnNames) -> dict[str, int]:
    """Which column plays which role. Its own name outranks the others; two of equal rank are refused, never guessed."""
    written = [plain(name) for name in names]
    roles: dict[str, int] = {}
    for role, accepted in columns.items():
        wanted = accepted[:1] if accepted[0] in written else accepted
        places = [place for place, name in enumerate(written) if name in wanted]
        if len(places) > 1:
            named = " and ".join(shown(names[place]) for place in places)
            raise unclear_header(
                f"has {named}, which could each be the {role}: call only one of them {role!r}"
            )
        if places:
            roles[role] = places[0]
    return roles


def plain(name: str) -> str:
    """Upper and lower case, blank and underscore are the same in a header."""
    return re.sub(r"[_\s]+", "_", name.strip()).casefold()
