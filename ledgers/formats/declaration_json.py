"""A stored or typed declaration to a `Declaration`, every fault with its path; called by the profile services and forms."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import polars as pl

from ledgers.formats import declaration as words
from ledgers.formats.csv_days import DateFormatError, date_pattern
from ledgers.formats.declaration import Declaration
from ledgers.formats.text_lines import can_be_declared

Path = tuple[str | int, ...]

PATTERN_MAX = 255
TEXT_MAX = 255
MAP_MAX = 200
ROWS_TO_SKIP_MAX = 1_000
COLUMNS_PER_ROLE_MAX = 30
DEPTH_MAX = 5
METADATA_KEYS_MAX, METADATA_KEY_MAX = 100, 128
UNKNOWN_SHOWN = 20
THOUSANDS = ".,'’ \u00a0\u202f\u2009\ufffd_"
"""Marks that banks write between thousands; U+FFFD is what is left of one that a program could not write."""

UNFOLDED_MAX = 300
"""Of a pattern whose counts are written out: an import of 100 MB takes minutes with such a one, and hours beyond."""
COUNT = re.compile(r"\{([0-9]*),?([0-9]*)\}")
FREE_SPACING = re.compile(r"\(\?[a-zA-Z-]*x")

CURRENCY = re.compile("[A-Z]{3}")
PLACE = re.compile("#[1-9][0-9]{0,3}")


class DeclarationError(Exception):
    """The declaration cannot be used; `issues` are (path, message), the path from the object's root."""

    def __init__(self, issues: list[tuple[Path, str]]):
        super().__init__(
            "; ".join(f"{'.'.join(map(str, path)) or 'declaration'}: {text}" for path, text in issues)
        )
        self.issues = issues


@dataclass(slots=True)
class _Reading:
    """Takes one key after the other and collects what is wrong."""

    data: Mapping[str, Any]
    issues: list[tuple[Path, str]] = field(default_factory=list)
    taken: dict[str, Any] = field(default_factory=dict)

    def fault(self, path: Path, message: str) -> None:
        self.issues.append((path, message))

    def take(self, name: str, right: Callable[[Any], bool], message: str) -> None:
        if name in self.data:
            if right(self.data[name]):
                self.taken[name] = self.data[name]
            else:
                self.fault((name,), message)


def declaration_from_json(data: object) -> Declaration:
    """Raises DeclarationError with every fault at once."""
    if not isinstance(data, Mapping):
        raise DeclarationError([((), "must be an object")])
    if not _can_be_kept(data):
        message = "holds a NUL or half a character, which cannot be kept, or is nested too deeply"
        raise DeclarationError([((), message)])
    reading = _Reading(data)
    known = {each.name for each in fields(Declaration)}
    for name in [name for name in data if name not in known][:UNKNOWN_SHOWN]:
        reading.fault((str(name)[:TEXT_MAX],), "is not a key of a declaration")
    _take_table(reading)
    _take_money(reading)
    _take_columns(reading)
    _take_maps(reading)
    if not reading.issues:
        _check_together(reading)
    if reading.issues:
        raise DeclarationError(reading.issues)
    return Declaration(**reading.taken)


def _take_table(reading: _Reading) -> None:
    take = reading.take
    take("version", lambda v: v is not True and v == words.LANGUAGE_VERSION, "must be 1")
    take("delimiter", _one_of(words.DELIMITERS), "must be , ; tab | ^ or the unit separator (U+001F)")
    take("encoding", _is_encoding, "is not read: name UTF-8, UTF-16, Windows-125x or ISO-8859-x")
    for name in (
        "quotes", "space_before_cells", "padding", "header", "short_rows",
        "other_signs", "zero_is_empty", "several_currencies", "metadata",
    ):  # fmt: skip
        take(name, lambda v: isinstance(v, bool), "must be true or false")
    take(
        "rows_to_skip",
        lambda v: type(v) is int and 0 <= v <= ROWS_TO_SKIP_MAX,
        f"must be a whole number from 0 to {ROWS_TO_SKIP_MAX:,}",
    )
    for name in ("skip_pattern", "footer_pattern"):
        take(
            name,
            _is_pattern,
            f"must be a regular expression of at most {PATTERN_MAX} characters and small counts",
        )
    take(
        "account_pattern",
        lambda v: v == "" or (_is_pattern(v) and _groups(v) == 1),
        f"must be a regular expression of at most {PATTERN_MAX} characters and small counts, with one group",
    )
    take("undated_rows", _one_of(words.UNDATED_ROWS), "must be refuse, skip or join")
    take("rows_without_amount", _one_of(words.ROWS_WITHOUT_AMOUNT), "must be refuse or skip")


def _take_money(reading: _Reading) -> None:
    take = reading.take
    take("date_format", _is_date_format, "must name day, month and year once each, as in DD.MM.YYYY")
    take("decimal_mark", _one_of((".", ",")), "must be . or ,")
    take(
        "thousands",
        lambda v: isinstance(v, str) and set(v) <= set(THOUSANDS) and len(v) <= len(THOUSANDS),
        "must be marks such as ' or , or a blank",
    )
    take(
        "sign_convention",
        _one_of(words.SIGN_CONVENTIONS),
        f"must be one of {', '.join(words.SIGN_CONVENTIONS)}",
    )
    take("currency", lambda v: v == "" or _is_currency(v), "must be a code of three letters, as in EUR")
    take("account", lambda v: isinstance(v, str) and len(v) <= 64, "must be text of at most 64 characters")
    signs = reading.data.get("currency_signs", [])
    if not isinstance(signs, list | tuple) or len(signs) > 20 or not all(_is_sign(sign) for sign in signs):
        reading.fault(("currency_signs",), "must be a list of texts without digits and signs, as in $ or EUR")
    elif signs:
        reading.taken["currency_signs"] = tuple(signs)


def _take_columns(reading: _Reading) -> None:
    given = reading.data.get("columns")
    if not isinstance(given, Mapping):
        reading.fault(("columns",), "must be an object: role to column")
        return
    columns: dict[str, tuple[str, ...]] = {}
    meant = [role for role in given if role in words.ROLES or _is_metadata(role)]
    if len(meant) > len(words.ROLES) + METADATA_KEYS_MAX:
        reading.fault(("columns",), f"has more than {METADATA_KEYS_MAX} keys of the metadata")
    strange = [role for role in given if role not in meant][:UNKNOWN_SHOWN]
    for role in [*meant[: len(words.ROLES) + METADATA_KEYS_MAX], *strange]:
        names = given[role]
        path: Path = ("columns", str(role)[:TEXT_MAX])
        names = [names] if isinstance(names, str) else names
        if role not in words.ROLES and not _is_metadata(role):
            reading.fault(path, f"is not a role; roles are {', '.join(words.ROLES)} and metadata.<key>")
        elif not isinstance(names, list | tuple) or not names:
            reading.fault(path, "must name at least one column")
        elif len(names) > (COLUMNS_PER_ROLE_MAX if role in words.SEVERAL else 1):
            reading.fault(path, "names too many columns")
        else:
            for place, name in enumerate(names):
                if not isinstance(name, str) or not name.strip() or len(name) > TEXT_MAX:
                    reading.fault((*path, place), "must be a column's name, or its place as in #3")
            columns[role] = tuple(names)
    reading.taken["columns"] = columns


def _take_maps(reading: _Reading) -> None:
    given = reading.data.get("value_maps", {})
    if not isinstance(given, Mapping):
        reading.fault(("value_maps",), "must be an object")
        return
    maps: dict[str, dict[str, str]] = {}
    for name, pairs in list(given.items())[:UNKNOWN_SHOWN]:
        path: Path = ("value_maps", str(name)[:TEXT_MAX])
        if name not in _MAP_VALUES:
            reading.fault(path, "is not a mapped role; direction, status and currency are")
        elif not isinstance(pairs, Mapping) or not 0 < len(pairs) <= MAP_MAX:
            reading.fault(path, f"must be an object of 1 to {MAP_MAX} texts")
        else:
            right, message = _MAP_VALUES[name]
            for text, value in pairs.items():
                if not isinstance(text, str) or len(text) > TEXT_MAX or not right(value):
                    reading.fault((*path, str(text)[:TEXT_MAX]), message)
            folded = {str(text).strip().casefold() for text in pairs}
            if len(folded) < len(pairs):
                reading.fault(path, "holds a text twice; upper and lower case are the same")
            maps[name] = dict(pairs)
    if maps:
        reading.taken["value_maps"] = maps


def _check_together(reading: _Reading) -> None:
    """What only several keys can say."""
    told = Declaration(**reading.taken)
    if not any(told.has(role) for role in words.DATE_ROLES):
        reading.fault(("columns",), "must name a booking_date, or a value_date that stands in for it")
    if told.has("amount") == (told.has("debit") or told.has("credit")):
        reading.fault(("columns",), "must name either an amount, or debit and credit")
    elif not told.has("amount") and not (told.has("debit") and told.has("credit")):
        reading.fault(("columns",), "must name both debit and credit")
    _check_signs(reading, told)
    if told.thousands and told.decimal_mark in told.thousands:
        reading.fault(("thousands",), "must not hold the decimal mark")
    if told.has("status") != ("status" in told.value_maps):
        reading.fault(("value_maps", "status"), "goes together with a status column")
    if "currency" in told.value_maps and not told.has("currency"):
        reading.fault(("value_maps", "currency"), "needs a currency column")
    if told.currency and told.has("currency"):
        reading.fault(("currency",), "is in a column already: declare one of the two")
    if sum(map(bool, (told.account, told.account_pattern, told.has("account")))) > 1:
        name = "account_pattern" if told.account_pattern else "account"
        reading.fault((name,), "is declared twice: name the account, a pattern for it, or its column")
    if told.account_pattern and not told.rows_to_skip:
        reading.fault(("account_pattern",), "needs lines above the table: rows_to_skip")
    if told.several_currencies and not told.has("currency"):
        reading.fault(("several_currencies",), "needs a currency column")
    if not told.header:
        for role, names in told.columns.items():
            if not all(PLACE.fullmatch(name) for name in names):
                reading.fault(("columns", role), "must be a place as in #3: the file has no header")
    used = [name for role, names in told.columns.items() if role not in words.TEXT_ROLES for name in names]
    for name in {name for name in used if used.count(name) > 1}:
        reading.fault(("columns",), f"gives two roles to {name}")


def _check_signs(reading: _Reading, told: Declaration) -> None:
    convention = told.sign_convention
    unsigned = convention in (words.UNSIGNED, words.UNSIGNED_REVERSALS)
    if told.has("amount") and told.has("direction") != unsigned:
        text = "an amount with a direction is unsigned or unsigned_reversals, one without is credit_positive or debit_positive"
        reading.fault(("sign_convention",), text)
    if told.has("debit") and convention == words.DEBIT_POSITIVE:
        reading.fault(("sign_convention",), "of debit and credit columns cannot be debit_positive")
    if told.has("debit") and told.has("direction"):
        reading.fault(("columns", "direction"), "does not go together with debit and credit columns")
    if "direction" in told.value_maps and not told.has("direction"):
        reading.fault(("value_maps", "direction"), "needs a direction column")
    if told.zero_is_empty and not told.has("debit"):
        reading.fault(("zero_is_empty",), "is for debit and credit columns")


def _can_be_kept(value: object, depth: int = 0) -> bool:
    """Whether the database takes every text in it: PostgreSQL's JSON has neither NUL nor lone surrogates."""
    if isinstance(value, str):
        return not re.search("[\0\ud800-\udfff]", value)
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        return depth < DEPTH_MAX and all(_can_be_kept(each, depth + 1) for each in value)
    return True


def _one_of(choices: tuple[str, ...]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in choices


def _is_metadata(role: object) -> bool:
    """A role such as metadata.store."""
    return (
        isinstance(role, str)
        and role.startswith(words.METADATA)
        and 0 < len(role.removeprefix(words.METADATA).strip()) <= METADATA_KEY_MAX
    )


def _is_encoding(value: object) -> bool:
    return isinstance(value, str) and (value.casefold() in ("utf-16", "utf16") or can_be_declared(value))


def _is_currency(value: object) -> bool:
    return isinstance(value, str) and bool(CURRENCY.fullmatch(value))


def _is_sign(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[^\d\s+\-−().,][^\d+\-−().,]{0,9}", value))


def _is_pattern(value: object) -> bool:
    """Rust's expressions: linear in the text, times the size that counts such as {40} unfold to. An empty one means none."""
    if not isinstance(value, str) or len(value) > PATTERN_MAX or _unfolded(value) > UNFOLDED_MAX:
        return False
    try:
        pl.Series([""]).str.contains(value)
    except pl.exceptions.PolarsError:
        return False
    return True


def _unfolded(pattern: str) -> int:
    """At most so many characters when every count is written out; counts of groups and of counts multiply."""
    if FREE_SPACING.search(pattern):  # blanks and comments would stand between a group and its count
        return UNFOLDED_MAX + 1
    size, times = len(pattern), 1
    for found in COUNT.finditer(pattern):
        count = min(max(int(text or 1) for text in found.groups()), UNFOLDED_MAX + 1)
        if pattern[: found.start()].endswith((")", "}", "?", "*", "+")):
            times *= count
        else:
            size += count
    return size * times


def _groups(pattern: str) -> int:
    return len(pl.Series([""]).str.extract_groups(pattern).struct.fields)


def _is_date_format(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(date_pattern(value))
    except DateFormatError:
        return False


_MAP_VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "direction": (_one_of(("credit", "debit")), "must become credit or debit"),
    "status": (_one_of(words.STATUSES), "must become booked, pending or void"),
    "currency": (_is_currency, "must become a code of three letters"),
}
