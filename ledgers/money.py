"""Money as whole minor units with a currency, and whole columns of amount texts turned into it; read by every floor.

Sources: ISO 4217 (codes and exponents as published by its maintenance agency, SIX).
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

MINOR_MAX = 2**63 - 1
"""The largest amount that a `bigint` column keeps, in minor units."""

UNREADABLE, TOO_PRECISE, OUT_OF_RANGE = "unreadable", "too_precise", "out_of_range"
"""Why an amount text was not taken; see `parse_major`."""

UNKNOWN_EXPONENT = 2

_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO_DECIMALS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY"
    " COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR"
    " IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD"
    " NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP"
    " SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
)
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"

EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
    **dict.fromkeys(_FOUR_DECIMALS.split(), 4),
}
"""Decimal places of every active ISO 4217 currency that has minor units."""

EXPONENT_MAX = max(EXPONENTS.values())

_AMOUNT = r"^(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?$"


class CurrencyMismatch(Exception):
    """Two currencies met in one sum: our own bug, never the user's."""


@dataclass(frozen=True, slots=True)
class Money:
    """Whole minor units of one currency: 12.50 EUR is `Money(1250, "EUR")`."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are whole: {self.minor!r} is a {type(self.minor).__name__}")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __str__(self) -> str:
        return f"{format_minor(self.minor, self.currency)} {self.currency}"

    def _same(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} met {other.currency}")
        return other


class ParsedAmounts(NamedTuple):
    """One row per text, in the order given."""

    minor: pl.Series
    """Int64, signed, in minor units; null where the text was not taken."""
    problem: pl.Series
    """String: null where the text was taken, else `UNREADABLE`, `TOO_PRECISE` or `OUT_OF_RANGE`."""


def exponent(currency: str) -> int:
    """Decimal places of a currency: 2 where the code is unknown, so that amounts of one currency always compare."""
    return EXPONENTS.get(currency, UNKNOWN_EXPONENT)


def exponents(currencies: pl.Series) -> pl.Series:
    """`exponent` of a whole column of codes, as Int16."""
    return currencies.replace_strict(EXPONENTS, default=UNKNOWN_EXPONENT, return_dtype=pl.Int16)


def parse_major(texts: pl.Series, places: int | pl.Series, *, spare_zeros: bool = False) -> ParsedAmounts:
    """Read amounts in major units ("-12.50") as whole minor units, a column at a time and never through a float.

    Taken: digits with at most one '.', an optional sign, blanks around. Not taken: exponents, NaN, thousands marks,
    other digits than 0 to 9. `places` are the currency's decimals (one for all, or a column). More decimals than that are
    an error, never rounded; with `spare_zeros` (XML, where banks pad) zeros at the end do not count as decimals.
    """
    frame = pl.DataFrame({"text": texts.cast(pl.String)}).with_columns(
        places=pl.lit(places, dtype=pl.Int64) if isinstance(places, int) else places.cast(pl.Int64),
        parts=pl.col("text").str.strip_chars(" \t").str.extract_groups(_AMOUNT),
    )
    frame = frame.drop("text").unnest("parts").with_columns(pl.col("fraction").fill_null(""))
    frame = frame.with_columns(digits=pl.concat_str("whole", "fraction"))
    if spare_zeros:
        frame = frame.with_columns(pl.col("fraction").str.strip_chars_end("0"))
    decimals = pl.col("fraction").str.len_bytes().cast(pl.Int64)
    frame = frame.with_columns(units=_units(decimals), decimals=decimals)
    problem = (
        pl.when(pl.col("digits").fill_null("") == "")
        .then(pl.lit(UNREADABLE))
        .when(pl.col("decimals") > pl.col("places"))
        .then(pl.lit(TOO_PRECISE))
        .when(pl.col("units").is_null())
        .then(pl.lit(OUT_OF_RANGE))
        .otherwise(pl.lit(None, dtype=pl.String))
    )
    frame = frame.with_columns(problem=problem)
    signed = pl.when(pl.col("sign") == "-").then(-pl.col("units")).otherwise(pl.col("units"))
    minor = frame.select(minor=pl.when(pl.col("problem").is_null()).then(signed))
    return ParsedAmounts(minor["minor"], frame["problem"])


def _units(decimals: pl.Expr) -> pl.Expr:
    """The digits of `whole` and `fraction`, filled up to the currency's places, as Int64: null where it is too small."""
    padding = pl.lit("0" * EXPONENT_MAX).str.slice(0, (pl.col("places") - decimals).clip(lower_bound=0))
    digits = pl.concat_str("whole", "fraction", padding).str.strip_chars_start("0")
    return pl.when(digits == "").then(pl.lit("0")).otherwise(digits).cast(pl.Int64, strict=False)


def parse_one(text: str, places: int, *, spare_zeros: bool = False) -> int | str:
    """`parse_major` for a single text: minor units, or why it was not taken."""
    match = re.fullmatch(_AMOUNT.strip("^$"), text.strip(" \t"))
    if not match or not (match["whole"] or match["fraction"]):
        return UNREADABLE
    fraction = (match["fraction"] or "").rstrip("0" if spare_zeros else "")
    if len(fraction) > places:
        return TOO_PRECISE
    digits = (match["whole"] + fraction + "0" * (places - len(fraction))).lstrip("0")
    if len(digits) > 19 or int(digits or "0") > MINOR_MAX:
        return OUT_OF_RANGE
    return int(digits or "0") * (-1 if match["sign"] == "-" else 1)


def format_minor(minor: int, currency: str) -> str:
    """Minor units as plain decimal text of the currency: 1250 EUR is "12.50", −5 JPY is "-5". No code, no thousands marks."""
    places = exponent(currency)
    sign, digits = "-" if minor < 0 else "", f"{abs(minor):0{places + 1}d}"
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"
