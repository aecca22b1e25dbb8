"""Rows of a CSV table to lines, by a declaration: days, money, texts, states; called by the CSV statement reader."""

from dataclasses import dataclass, field
from functools import partial

import polars as pl

from ledgers.formats.csv_days import bad_day_in, day_in
from ledgers.formats.csv_header import ACCOUNT_MAX, Header
from ledgers.formats.csv_money import MoneyStyle, with_money
from ledgers.formats.csv_rows import Tally
from ledgers.formats.declaration import BOOKED, JOIN, METADATA, PENDING, SKIP, TEXT_ROLES, VOID, Declaration
from ledgers.formats.events import BALANCE_COLUMN, LINE_SCHEMA, FileRefused, RowErrors
from ledgers.formats.typed import DIRECTIONS, Check, Row, filled, json_of, report, shown

TRIMMED = ("reference", "external_id", "end_to_end_id", "counterparty")
JOINED_MAX = 1_000
"""Rows that may belong to one line; more mean that the declaration does not fit."""


@dataclass(slots=True)
class LineReader:
    """Types batch after batch of one file. Where `errors` grew, what it gives is not to be used."""

    declaration: Declaration
    header: Header
    currency: str | None  # the ledger's, else the file's own once a row has named it
    errors: RowErrors
    tally: Tally = field(default_factory=Tally)
    own_layout: bool = False
    account: str = ""  # of all lines, where no column names it
    _held: pl.DataFrame | None = None  # the last row, while rows below may still belong to it

    def typed(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Lines of the batch in LINE_SCHEMA, with `balance` where it is declared, and `account`.

        A line that rows of the next batch may belong to is held back: `rest` gives it.
        """
        return self._typed(self._told_apart(self._by_role(batch)))

    def rest(self) -> pl.DataFrame | None:
        """What is still held back at the end of the file, as `typed` gives it."""
        held, self._held = self._held, None
        return None if held is None else self._typed(held)

    def _typed(self, frame: pl.DataFrame) -> pl.DataFrame:
        frame, checks = self._with_currency(frame)
        frame, money = with_money(frame, self.header, self._style())
        frame = frame.with_columns(
            written=day_in("date_text", self.declaration.date_format),
            value_date=day_in("value_date_text", self.declaration.date_format),
        ).with_columns(date=pl.when(filled("date_text")).then(pl.col("written")).otherwise("value_date"))
        frame, balance = self._with_balance(frame)
        frame, states = self._with_status(frame)
        above = [*self._day_checks(), *money, *checks, *balance, *self._account_checks()]
        if "state" in frame.columns:  # what is not booked may lack what it has not got yet
            counts = pl.col("state").is_null() | (pl.col("state") == BOOKED)
            above = [Check(check.field, check.failed & counts, check.message) for check in above]
        above += states
        if "below" not in frame.columns:
            report(frame, above, self.errors)
            return self._lines(self._booked(frame))
        checked = [Check(check.field, check.failed & ~pl.col("below"), check.message) for check in above]
        report(frame, [*checked, _BELOW], self.errors)
        return self._lines(self._booked(frame.filter(~pl.col("below"))))

    def _by_role(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Text columns by role, `extra …` for the others; empty ones for roles that no column plays."""
        roles = {
            "booking_date": "date_text", "value_date": "value_date_text", "currency": "currency_text",
            "balance": "balance_text", "status": "status_text",
        }  # fmt: skip
        header = self.header
        chosen = [
            pl.col(str(place)).alias(roles.get(role, role))
            for role, place in header.roles.items()
            if role not in header.further and not role.startswith(METADATA)
        ]
        for role, further in header.further.items():
            texts = [pl.col(str(place)).str.strip_chars() for place in (header.roles[role], *further)]
            chosen.append(_together(role, texts).alias(role))
        extra = [pl.col(str(place)).alias(f"extra {name}") for name, place in self._extra().items()]
        marks = [name for name in ("line_no", "below") if name in batch.columns]
        frame = batch.select(*marks, *chosen, *extra)
        empty = ("date_text", "value_date_text", "currency_text", *TEXT_ROLES)
        return frame.with_columns(pl.lit("").alias(name) for name in empty if name not in frame.columns)

    def _extra(self) -> dict[str, int]:
        """What goes into the metadata: columns without a role, and those that the declaration gives a key there."""
        others = self.header.others() if self.declaration.metadata else {}
        roles = self.header.roles.items()
        named = {role.removeprefix(METADATA): place for role, place in roles if role.startswith(METADATA)}
        return {**others, **named}

    def _told_apart(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows that are lines; blank rows, continuations and rows without an amount as declared."""
        dated = filled("date_text") | filled("value_date_text")
        paid = pl.any_horizontal(
            filled(role) for role in ("amount", "debit", "credit") if role in self.header.roles
        )
        kinds = frame.select(dated=dated, paid=paid)
        if kinds["dated"].all() and kinds["paid"].all():
            return self._after_held(frame)
        others = [name for name in frame.columns if name not in ("line_no", "below")]
        blank = pl.all_horizontal(pl.col(name).str.strip_chars() == "" for name in others)
        frame = (
            frame.with_columns(kinds["dated"], kinds["paid"], blank=blank)
            .filter(~pl.col("blank"))
            .drop("blank")
        )
        bare = frame["dated"] & ~frame["paid"]
        if self.declaration.rows_without_amount == SKIP:
            self.tally.without_amount += int((bare & _above(frame)).sum())
            frame = frame.filter(~bare)
        undated = ~frame["dated"] & ~frame["paid"]
        if self.declaration.undated_rows in (SKIP, JOIN):
            self.tally.undated += int((undated & _above(frame)).sum())
        if self.declaration.undated_rows == SKIP:
            frame = frame.filter(~undated)
        undated = ~frame["dated"] & ~frame["paid"] & _above(frame)  # the footer's texts belong to no line
        frame = frame.drop("dated", "paid")
        return self._after_held(frame, undated if self.declaration.undated_rows == JOIN else None)

    def _after_held(self, frame: pl.DataFrame, undated: pl.Series | None = None) -> pl.DataFrame:
        """Joins texts of undated rows to the description above; holds the last line back for the next batch."""
        if self.declaration.undated_rows != JOIN:
            return frame
        undated = undated if undated is not None else pl.Series([False] * frame.height, dtype=pl.Boolean)
        if self._held is not None:
            frame = pl.concat([self._held, frame], how="vertical")
            undated = pl.concat([pl.Series([False] * self._held.height, dtype=pl.Boolean), undated])
        frame = frame.with_columns(undated.alias("undated"))
        group = (~pl.col("undated")).cum_sum()
        joined = frame.with_columns(group.alias("group"))
        if joined.height and joined.group_by("group").len()["len"].max() > JOINED_MAX:  # type: ignore[operator]
            message = (
                f"More than {JOINED_MAX:,} rows in a row have no date. Correct the declaration, or the file."
            )
            raise FileRefused("file.columns", message)
        texts = joined.filter(pl.col("undated") & (pl.col("group") > 0))
        texts = texts.with_columns(pl.col("description").str.strip_chars()).filter(
            pl.col("description") != ""
        )
        texts = texts.group_by("group", maintain_order=True).agg(
            pl.col("description").str.join(" ").alias("joined")
        )
        joined = joined.join(texts, on="group", how="left", maintain_order="left")
        told = pl.concat_str("description", "joined", separator=" ", ignore_nulls=True).str.strip_chars()
        kept = joined.filter(~pl.col("undated") | (pl.col("group") == 0)).with_columns(description=told)
        kept = kept.drop("undated", "group", "joined")
        self._held = kept.tail(1)
        return kept.head(-1)

    def _with_currency(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Check]]:
        told, name = self.declaration, self.header.name("currency")
        code = pl.col("currency_text").str.strip_chars()
        if words := told.value_maps.get("currency"):
            folded = {text.strip().casefold(): value for text, value in words.items()}
            code = code.str.to_lowercase().replace(folded)
        frame = frame.with_columns(code.str.to_uppercase().alias("code"))
        if told.several_currencies:
            bad = Check(name, ~pl.col("code").str.contains("^[A-Z]{3}$"), _bad_currency)
            return frame.with_columns(currency="code"), [bad]
        self.currency = told.currency or self.currency or self._currency_of_file(frame)
        other = (pl.col("code") != "") & (pl.col("code") != self.currency)
        check = Check(name, other, partial(_other_currency, currency=self.currency))
        return frame.with_columns(currency=pl.lit(self.currency)), [check]

    def _currency_of_file(self, frame: pl.DataFrame) -> str:
        """The first currency that the file names: the others must agree with it."""
        if "currency" not in self.header.roles:
            message = (
                "The file names no currency, and belongs to no ledger yet that would say it. Upload it to a ledger,"
                " add a column `currency`, or declare its currency in an import profile."
            )
            raise FileRefused("file.columns", message)
        codes = frame.filter(pl.col("code").str.contains("^[A-Z]{3}$"))["code"]
        if codes.is_empty():
            name = self.header.name("currency")
            raise FileRefused(
                "file.columns", f"The column {name!r} names no currency. Write codes such as EUR in it."
            )
        return str(codes[0])

    def _style(self) -> MoneyStyle:
        told = self.declaration
        if self.own_layout:
            return MoneyStyle()
        words = told.value_maps.get("direction")
        return MoneyStyle(
            told.decimal_mark,
            told.thousands,
            told.currency_signs,
            told.other_signs,
            told.sign_convention,
            told.zero_is_empty,
            spare_zeros=True,
            directions={text.strip().lower(): value for text, value in words.items()}
            if words
            else DIRECTIONS,
        )

    def _day_checks(self) -> list[Check]:
        bad = partial(bad_day_in, date_format=self.declaration.date_format)
        late = filled("value_date_text") & pl.col("value_date").is_null()
        stated = filled("date_text") | ~filled("value_date_text")
        return [
            Check(
                self.header.name("booking_date" if "booking_date" in self.header.roles else "value_date"),
                stated & pl.col("date").is_null(),
                partial(bad, column="date_text"),
            ),
            Check(self.header.name("value_date"), late, partial(bad, column="value_date_text")),
        ]

    def _account_checks(self) -> list[Check]:
        if "account" not in self.header.roles:
            return []
        return [Check(self.header.name("account"), ~filled("account"), lambda row: "the account is missing")]

    def _with_balance(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Check]]:
        """`balance` in minor units, null where the row states none."""
        if "balance" not in self.header.roles:
            return frame, []
        style = self._style()
        one = Header(("balance",), {"amount": 0})
        style = MoneyStyle(
            style.decimal_mark, style.thousands, style.currency_signs, style.other_signs, spare_zeros=True
        )
        read, _checks = with_money(frame.select("currency", amount="balance_text"), one, style)
        frame = frame.with_columns(read["minor"].alias(BALANCE_COLUMN))
        bad = filled("balance_text") & pl.col(BALANCE_COLUMN).is_null()
        return frame, [
            Check(
                self.header.name("balance"), bad, lambda row: f"{shown(row['balance_text'])} is not an amount"
            )
        ]

    def _with_status(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Check]]:
        if "status" not in self.header.roles:
            return frame, []
        words = {text.strip().lower(): value for text, value in self.declaration.value_maps["status"].items()}
        word = pl.col("status_text").str.strip_chars().str.to_lowercase()
        frame = frame.with_columns(state=word.replace_strict(words, default=None, return_dtype=pl.String))
        unknown = Check(
            self.header.name("status"),
            pl.col("state").is_null(),
            lambda row: (
                f"{shown(row['status_text'])} is not declared; say whether it means booked, pending or void"
            ),
        )
        return frame, [unknown]

    def _booked(self, frame: pl.DataFrame) -> pl.DataFrame:
        if "state" not in frame.columns:
            return frame
        self.tally.pending += int((frame["state"] == PENDING).sum())
        self.tally.void += int((frame["state"] == VOID).sum())
        return frame.filter(pl.col("state") == BOOKED)

    def _lines(self, frame: pl.DataFrame) -> pl.DataFrame:
        metadata = {name: f"extra {name}" for name in self._extra()}
        if "direction" in self.header.roles and "amount" not in self.header.roles:
            metadata[self.header.name("direction")] = "direction"
        reference = "reference" if "reference" in self.header.roles else "end_to_end_id"
        account = pl.lit(self.account)
        if "account" in self.header.roles:
            account = pl.col("account").str.replace_all(r"\s", "").str.slice(0, ACCOUNT_MAX)
        frame = frame.with_columns(
            pl.lit(False).alias("date_inferred"), reference=reference, metadata=json_of(metadata)
        )
        frame = frame.with_columns(
            pl.col(name).str.strip_chars() for name in TRIMMED if name != "counterparty"
        )
        return frame.select(
            *(pl.col(name).cast(kind) for name, kind in LINE_SCHEMA.items()),
            *([BALANCE_COLUMN] if BALANCE_COLUMN in frame.columns else []),
            account.alias("account"),
        )


_BELOW = Check(
    "",
    pl.col("below") & pl.col("date").is_not_null() & pl.col("problem").is_null(),
    lambda row: (
        "the row is the declared footer or stands below it, and could be a line; correct the footer pattern"
    ),
)


def _above(frame: pl.DataFrame) -> pl.Series:
    """Which rows stand above the footer."""
    return ~frame["below"] if "below" in frame.columns else pl.repeat(True, frame.height, eager=True)


def _together(role: str, texts: list[pl.Expr]) -> pl.Expr:
    """The description joins its columns; of the others the first that is filled counts."""
    if role == "description":
        parts = [pl.when(text != "").then(text) for text in texts]
        return pl.concat_str(parts, separator=" ", ignore_nulls=True).fill_null("")
    return pl.coalesce([pl.when(text != "").then(text) for text in texts]).fill_null("")


def _bad_currency(row: Row) -> str:
    if not row["code"]:
        return "the currency is missing"
    return f"{shown(row['currency_text'])} is not a currency code; write three letters, as in EUR"


def _other_currency(row: Row, currency: str) -> str:
    return f"{shown(row['currency_text'])} is another currency than {currency}, in which this account is kept"
