"""Which line is which: keys over a fixed list of facts, so that a better reader, another file or an overlapping cut of
the same account says the same line again, and two true twins stay two.

A key is the first 16 bytes of a SHA-256 over date, value date, signed amount, currency, the bank's own id, end-to-end
id, reference and description with white space folded; then the occurrence number within its statement (banks reuse
their own ids). Metadata, balances and file facts are left out. Unique per stream, so the account needs no place in it.
"""

from __future__ import annotations

import hashlib
from datetime import date

import polars as pl

from ledgers.states import Direction

VERSION = 1
KEY_BYTES = 16
SEPARATOR = "\x1f"


def base_keys(lines: pl.DataFrame) -> pl.Series:
    """The key of each line before its occurrence number, as Binary of 16 bytes."""
    signed = (
        pl.when(pl.col("direction") == Direction.CREDIT).then(pl.col("amount")).otherwise(-pl.col("amount"))
    )
    texts = [pl.col(name) for name in ("external_id", "end_to_end_id", "reference", "description")]
    joined = lines.select(
        pl.concat_str(
            pl.col("date").cast(pl.String),
            pl.col("value_date").cast(pl.String).fill_null(""),
            signed.cast(pl.String),
            pl.col("currency"),
            *(text.str.replace_all(r"\s+", " ").str.strip_chars() for text in texts),
            separator=SEPARATOR,
        )
    ).to_series()
    return pl.Series("base", [_digest(text.encode()) for text in joined.to_list()], dtype=pl.Binary)


def numbered_keys(bases: pl.Series) -> pl.DataFrame:
    """`base` and `key` (uuid text) of every line of one statement: the n-th of equal lines has a key of its own."""
    frame = (
        bases.alias("base").to_frame().with_columns(pl.int_range(1, pl.len() + 1).over("base").alias("nth"))
    )
    repeated = frame["nth"] > 1
    if not repeated.any():
        return frame.with_columns(as_uuid(frame["base"]).alias("key")).drop("nth")
    pairs = zip(frame["base"].to_list(), frame["nth"].to_list(), strict=True)
    keys = [base if nth == 1 else _digest(base + b"#%d" % nth) for base, nth in pairs]
    return frame.with_columns(as_uuid(pl.Series(keys, dtype=pl.Binary)).alias("key")).drop("nth")


def later_keys(keys: pl.Series, from_date: date) -> pl.Series:
    """The keys of lines of a statement that says it begins after an earlier one's end: new, however alike they look."""
    stamp = b"from:" + from_date.isoformat().encode()
    made = [_digest(bytes.fromhex(key.replace("-", "")) + stamp) for key in keys.to_list()]
    return as_uuid(pl.Series(made, dtype=pl.Binary))


def as_uuid(raw: pl.Series) -> pl.Series:
    """16 bytes as the 36 characters of a uuid, the form that COPY takes."""
    text = pl.col("hex")
    parts = [text.str.slice(start, length) for start, length in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return (
        raw.bin.encode("hex").alias("hex").to_frame().select(pl.concat_str(*parts, separator="-")).to_series()
    )


def external_key(external_id: str) -> str:
    """The key of a record that a program sent with an id of its own."""
    raw = _digest(b"external_id" + SEPARATOR.encode() + external_id.encode())
    return str(as_uuid(pl.Series([raw], dtype=pl.Binary))[0])


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:KEY_BYTES]
