"""Open items as tokens: made at intake, taken whole by matches, given back when a match ends. Only this module writes them.

Callers hold the shared lock of the reconciliation. Tokens are locked in record order, before any other row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db import connection
from django.utils.translation import gettext as _

from ledgers.models import Record
from ledgers.money import MINOR_MAX
from ledgers.services.rows import array_text, copy_rows, draw_ids
from organizations.instants import utc_text
from organizations.refusals import Conflict
from reconciliation.models import MatchMember, OpenItem
from reconciliation.services.stamping import DUE, due_of_new, due_of_stream, tokens_stamp
from reconciliation.states import BEFORE_OPENING, ZERO_AMOUNT
from rules.models import Reconciliation
from rules.states import ReconciliationKind, Side

TICKETS = "reconciliation_ticket"
INTAKE = "system:intake"


@dataclass(frozen=True, slots=True)
class Token:
    """A locked open item. `open_amount` in minor units of the reconciliation's measure."""

    record_id: int
    side: str
    open_amount: int
    ticket: int
    held_by: int | None
    closed_at: datetime | None
    closed_by: str
    overdue_at: datetime | None
    overdue_by_hand: bool
    overdue_seen_at: datetime | None

    @property
    def is_free(self) -> bool:
        return self.held_by is None and self.closed_at is None


def tokens_issue(records: pl.DataFrame, *, reconciliation: Reconciliation, side: str, at: datetime) -> None:
    """Open items for new records: a frame with id, date and the measure. In ledger kinds a record of 0 is closed at once,
    so that it blocks no run. Of what is older than the confirmed opening balance, entries get none, and statement lines,
    which people see in their run, are closed."""
    rows, why = records, pl.lit("")
    opened_on = _opening_day(reconciliation)
    if opened_on is not None:
        old = pl.col("date") < opened_on
        rows = rows.filter(~old) if side == Side.B else rows
        why = pl.when(old).then(pl.lit(BEFORE_OPENING)).otherwise(why)
    if reconciliation.kind == ReconciliationKind.LEDGER:
        why = pl.when(pl.col(reconciliation.measure) == 0).then(pl.lit(ZERO_AMOUNT)).otherwise(why)
    closes = pl.col("why") != ""
    due = due_of_new(rows, reconciliation_id=reconciliation.pk)
    frame = rows.with_columns(why.alias("why")).select(
        pl.lit(reconciliation.pk).alias("reconciliation_id"),
        pl.col("id").alias("record_id"),
        pl.lit(side).alias("side"),
        pl.col(reconciliation.measure).alias("open_amount"),
        pl.Series("ticket", draw_ids(TICKETS, rows.height), dtype=pl.Int64),
        *([] if due is None else [due.alias("overdue_at")]),
        pl.lit(False).alias("overdue_by_hand"),
        pl.when(closes).then(pl.lit(at)).otherwise(None).alias("closed_at"),
        pl.when(closes).then(pl.lit(INTAKE)).otherwise(pl.lit("")).alias("closed_by"),
        pl.col("why").alias("close_reason"),
        pl.lit("").alias("close_note"),
        pl.when(closes).then(pl.col("date")).otherwise(None).alias("cleared_on"),
    )
    copy_rows(OpenItem, frame.sort("record_id"))


def tokens_issue_existing(
    *, reconciliation: Reconciliation, stream_id: int, side: str, after: int = 0, up_to: int = MINOR_MAX
) -> int:
    """The same for records that stood in the stream before it was wired, `after` one id and `up_to` another. They are
    locked against a change of their amount, which re-tickets only the tokens that it finds."""
    measure = connection.ops.quote_name(reconciliation.measure)
    due = due_of_stream(reconciliation.pk, stream_id=stream_id, after=after, up_to=up_to)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO reconciliation_openitem (reconciliation_id, record_id, side, open_amount, overdue_at,
                overdue_by_hand, closed_at, closed_by, close_reason, cleared_on)
            SELECT %(reconciliation)s, id, %(side)s, {measure}, due.instant, false,
                CASE WHEN why <> '' THEN created_at END, CASE WHEN why <> '' THEN %(intake)s ELSE '' END, why,
                CASE WHEN why <> '' THEN date END
            FROM (
                SELECT *, coalesce(date < %(opened_on)s, false) AS old,
                    CASE WHEN amount = 0 AND %(ledger)s THEN %(zero)s WHEN date < %(opened_on)s THEN %(before)s
                        ELSE '' END AS why
                FROM ledgers_record WHERE stream_id = %(stream)s AND voided_at IS NULL AND kind = 'entry'
                    AND id > %(after)s AND id <= %(up_to)s
                ORDER BY id FOR SHARE
            ) AS r LEFT JOIN {DUE} ON due.day = {due.counting}
            WHERE NOT (old AND %(side)s = 'b')
            ORDER BY id
            ON CONFLICT DO NOTHING
            """,  # noqa: S608 - a column name of ours
            {
                "reconciliation": reconciliation.pk,
                "stream": stream_id,
                "side": side,
                "after": after,
                "up_to": up_to,
                "intake": INTAKE,
                "opened_on": _opening_day(reconciliation),
                "ledger": reconciliation.kind == ReconciliationKind.LEDGER,
                "zero": ZERO_AMOUNT,
                "before": BEFORE_OPENING,
                **due.params,
            },
        )
        return int(cursor.rowcount)


FIT_OPENING = (
    """
    DELETE FROM reconciliation_openitem o USING ledgers_record r
    WHERE o.reconciliation_id = %(reconciliation)s AND o.side = 'b' AND r.id = o.record_id AND r.date < %(day)s
        AND o.closed_at IS NULL
    RETURNING o.record_id""",
    """
    UPDATE reconciliation_openitem o SET closed_at = %(at)s, closed_by = %(intake)s, close_reason = %(before)s,
        cleared_on = r.date, ticket = nextval('reconciliation_ticket')
    FROM ledgers_record r WHERE o.reconciliation_id = %(reconciliation)s AND o.side = 'a' AND r.id = o.record_id
        AND r.date < %(day)s AND o.closed_at IS NULL
    RETURNING o.record_id""",
    """
    UPDATE reconciliation_openitem o SET closed_at = NULL, closed_by = '', close_reason = '', cleared_on = NULL,
        overdue_seen_at = NULL, ticket = nextval('reconciliation_ticket')
    FROM ledgers_record r WHERE o.reconciliation_id = %(reconciliation)s AND o.side = 'a' AND r.id = o.record_id
        AND r.date >= %(day)s AND o.close_reason = %(before)s AND o.closed_by = %(intake)s
    RETURNING o.record_id""",
    """
    INSERT INTO reconciliation_openitem (reconciliation_id, record_id, side, open_amount, overdue_by_hand)
    SELECT w.reconciliation_id, r.id, 'b', r.effect, false FROM rules_reconciliationstream w
    JOIN ledgers_record r ON r.stream_id = w.stream_id AND r.voided_at IS NULL AND r.kind = 'entry'
    WHERE w.reconciliation_id = %(reconciliation)s AND w.side = 'b' AND r.date >= %(day)s AND NOT EXISTS (
            SELECT FROM reconciliation_openitem o WHERE o.reconciliation_id = w.reconciliation_id AND o.record_id = r.id)
        AND NOT EXISTS (SELECT FROM reconciliation_matchmember mm
            WHERE mm.reconciliation_id = w.reconciliation_id AND mm.record_id = r.id AND mm.live)
    ORDER BY r.id
    RETURNING record_id""",
)


def tokens_fit_opening(reconciliation: Reconciliation, *, at: datetime) -> list[int]:
    """After the opening day of a ledger changed: open entries before it lose their token, lines before it are closed by
    intake, and everything from it on is open unless matched. What a person closed stays as it was closed. The caller owns the locks exclusively and has
    made sure that no match has a record before the day. Gives the records whose tokens changed."""
    changed: list[int] = []
    params = {
        "reconciliation": reconciliation.pk,
        "day": _opening_day(reconciliation),
        "at": at,
        "intake": INTAKE,
        "before": BEFORE_OPENING,
    }
    with connection.cursor() as cursor:
        for statement in FIT_OPENING:
            cursor.execute(statement, params)
            changed += [row[0] for row in cursor.fetchall()]
    tokens_stamp(reconciliation_id=reconciliation.pk, record_ids=changed)
    return changed


def _opening_day(reconciliation: Reconciliation) -> date | None:
    ledger = reconciliation.ledger
    return ledger.opening_balance_on if ledger is not None and ledger.opening_balance is not None else None


def tokens_lock(*, reconciliation_id: int, record_ids: Iterable[int]) -> dict[int, Token]:
    """The tokens of these records in this reconciliation, locked in record order."""
    columns = Token.__dataclass_fields__
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {", ".join(columns)} FROM reconciliation_openitem
            WHERE reconciliation_id = %s AND record_id = ANY(%s) ORDER BY record_id FOR UPDATE
            """,  # noqa: S608 - our own column names
            [reconciliation_id, sorted(set(record_ids))],
        )
        return {row[0]: Token(*row) for row in cursor.fetchall()}


def tokens_lock_held(match_ids: Sequence[int]) -> None:
    """What these matches cover in part, locked in record order. One that has ended holds nothing: its records may be
    another act's by now, and whoever waits for its row must not keep them from that act."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM reconciliation_openitem WHERE held_by = ANY(%s) ORDER BY record_id FOR UPDATE",
            [list(match_ids)],
        )


def tokens_remove(*, reconciliation_id: int, record_ids: Sequence[int]) -> None:
    """Delete locked tokens: their records are wholly covered, or voided."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM reconciliation_openitem WHERE reconciliation_id = %s AND record_id = ANY(%s::bigint[])",
            [reconciliation_id, array_text(pl.Series(sorted(record_ids), dtype=pl.Int64))],
        )


def tokens_return(*, match_ids: Sequence[int], extended: bool = False) -> None:
    """Give back every token of live matches, whose status still says what they were: whole again, with a new ticket and the
    overdue fields it had.

    What an accepted match covered was overdue no longer: it is so anew (docs/adr/0018), and no sweep has seen it. What an
    undecided suggestion has never left, and stays seen; so does the rest of a record that a larger match takes over at once
    (`extended`). A held rest is freed, and its closing ends with the match (a write-off stands under its match only). An
    adjustment has no token to get back.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH freed AS (
                UPDATE reconciliation_matchmember SET live = false
                WHERE match_id = ANY(%(matches)s) AND live
                RETURNING match_id, reconciliation_id, record_id, side, applied, overdue_at, overdue_by_hand, overdue_seen_at
            )
            INSERT INTO reconciliation_openitem AS item (reconciliation_id, record_id, side, open_amount, overdue_at,
                overdue_by_hand, overdue_seen_at)
            SELECT freed.reconciliation_id, record_id, side, applied, overdue_at, overdue_by_hand,
                CASE WHEN ended.status = 'suggested' THEN overdue_seen_at END
            FROM freed JOIN reconciliation_match ended ON ended.id = freed.match_id
            WHERE record_id NOT IN (
                SELECT adjustment_id FROM reconciliation_match
                WHERE id = ANY(%(matches)s) AND adjustment_id IS NOT NULL)
            ORDER BY record_id
            ON CONFLICT (reconciliation_id, record_id) DO UPDATE SET
                open_amount = item.open_amount + excluded.open_amount,
                overdue_seen_at = CASE WHEN item.closed_at IS NULL AND (%(extended)s OR EXISTS (
                    SELECT FROM reconciliation_match held WHERE held.id = item.held_by AND held.status = 'suggested')
                    ) THEN item.overdue_seen_at END,
                ticket = nextval('reconciliation_ticket'), held_by = NULL, closed_at = NULL, closed_by = '',
                close_reason = '', close_note = '', cleared_on = NULL
            WHERE item.held_by = ANY(%(matches)s)
            """,
            {"matches": sorted(match_ids), "extended": extended},
        )


def members_write(
    match_id: int, *, reconciliation_id: int, tokens: Iterable[Token], applied: Mapping[int, int]
) -> None:
    """The members of a person's match over whole, locked tokens. `applied` by record, minor units."""
    MatchMember.objects.bulk_create(
        MatchMember(
            match_id=match_id,
            reconciliation_id=reconciliation_id,
            record_id=token.record_id,
            side=token.side,
            applied=applied[token.record_id],
            live=True,
            overdue_at=token.overdue_at,
            overdue_by_hand=token.overdue_by_hand,
            overdue_seen_at=token.overdue_seen_at,
        )
        for token in tokens
    )


def tokens_hold(rests: Mapping[int, int], *, reconciliation_id: int, match_ids: Mapping[int, int]) -> None:
    """These locked tokens are covered in part: `rests` is what is left of each record, `match_ids` what covers it."""
    record_ids = sorted(rests)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE reconciliation_openitem AS item SET open_amount = held.rest, held_by = held.match_id,
                ticket = nextval('reconciliation_ticket')
            FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS held(record_id, rest, match_id)
            WHERE item.reconciliation_id = %s AND item.record_id = held.record_id
            """,
            [
                record_ids,
                [rests[pk] for pk in record_ids],
                [match_ids[pk] for pk in record_ids],
                reconciliation_id,
            ],
        )


def token_taken(reconciliation_id: int, record_ids: Sequence[int], tokens: dict[int, Token]) -> Conflict:
    """Says which records cannot be taken, and by what, by whom and when."""
    uuids = dict(Record.objects.filter(pk__in=record_ids).values_list("pk", "uuid"))
    matched = {
        row["record_id"]: row
        for row in MatchMember.objects.filter(
            reconciliation_id=reconciliation_id, record_id__in=record_ids, live=True
        ).values("record_id", "match__uuid", "match__status", "match__created_by", "match__created_at")
    }
    details = []
    for pk in record_ids:
        row, token = matched.get(pk), tokens.get(pk)
        if row is not None:
            found = {"match_id": str(row["match__uuid"]), "status": row["match__status"]}
            found |= {"by": row["match__created_by"], "at": utc_text(row["match__created_at"])}
        elif token is not None and token.closed_at is not None:
            found = {"status": "closed", "by": token.closed_by, "at": utc_text(token.closed_at)}
        else:
            found = {"status": "gone"}
        details.append({"id": str(uuids.get(pk, "")), **found})
    first = details[0]
    if "match_id" in first:
        message = _(
            "Record %(id)s is in match %(match_id)s (%(status)s), made by %(by)s at %(at)s. Reject it first."
        )
    elif first["status"] == "closed":
        message = _("Record %(id)s was closed by %(by)s at %(at)s. Reopen it first.")
    else:
        message = _("Record %(id)s is not open in this reconciliation.")
    return Conflict(
        message % first, code="match.token_taken", word="match_state_conflict", details={"records": details}
    )
