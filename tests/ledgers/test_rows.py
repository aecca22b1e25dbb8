"""Rows in bulk: texts come back as they went in, and blocks of ids never meet."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from ledgers.models import Journal, Record
from ledgers.services.rows import ID_BLOCK, copy_into, copy_out, copy_rows, draw_ids, id_sequence
from tests.factories.ledgers import JournalFactory, RecordFactory
from tests.organizations.threads import run_together

pytestmark = pytest.mark.django_db

NASTY = [
    "",
    " ",
    '"',
    '""',
    "it's",
    "a,b;c|d\te",
    "\\.",
    "\\N",
    "NULL",
    "\\",
    "line\nline",
    "line\r\nline\rline",
    "\n",
    '"\n\\.\n"',
    "żółć 日本語 🧾 \u200f\u202e\ufeff",
    "%s %(x)s {} $1",
    "x" * 100_000,
    "0012",
    "1e5",
    "true",
    "2026-02-03",
]


@pytest.fixture
def table() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE nasty (id bigint, text text, number bigint, day date, moment timestamptz, flag bool)"
            " ON COMMIT DROP"
        )
    return "nasty"


SCHEMA = {"id": pl.Int64, "text": pl.String, "number": pl.Int64, "day": pl.Date, "flag": pl.String}


def test_texts_and_nulls_come_back_as_they_went_in(table: str):
    texts: list[str | None] = [*NASTY, None]
    frame = pl.DataFrame({"id": range(len(texts)), "text": texts})
    copy_into(table, frame)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT text FROM {table} ORDER BY id")
        assert [row[0] for row in cursor.fetchall()] == texts
    back = copy_out(f"SELECT id, text FROM {table} ORDER BY id", [], {"id": pl.Int64, "text": pl.String})
    assert back["text"].to_list() == texts


def test_a_lone_column_of_empty_texts_and_nulls_keeps_its_rows(table: str):
    copy_into(table, pl.DataFrame({"text": ["", None, "x", None, ""]}))
    back = copy_out(f"SELECT text FROM {table}", [], {"text": pl.String})
    assert back["text"].to_list() == ["", None, "x", None, ""]


def test_many_rows_with_line_breaks_are_read_back_whole(table: str):
    """Enough bytes for the reader to cut them into parts of its own."""
    texts = [f'row {n}\n"quoted, {n}"\n\n' * (n % 7) for n in range(30_000)]
    copy_into(table, pl.DataFrame({"id": range(len(texts)), "text": texts}))
    back = copy_out(f"SELECT id, text FROM {table} ORDER BY id", [], {"id": pl.Int64, "text": pl.String})
    assert back["id"].to_list() == list(range(len(texts)))
    assert back["text"].to_list() == texts


def test_numbers_days_instants_and_truths_come_back(table: str):
    moment = datetime(2026, 2, 3, 4, 5, 6, 789_012, tzinfo=UTC)
    rows = [
        (2**63 - 1, date(2026, 2, 3), moment, True),
        (-(2**63), date(1, 1, 1), moment, False),
        (None, None, None, None),
    ]
    schema = {"number": pl.Int64, "day": pl.Date, "moment": pl.Datetime("us", "UTC"), "flag": pl.Boolean}
    copy_into(table, pl.DataFrame(rows, schema=schema, orient="row"))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT number, day, moment, flag FROM {table} ORDER BY number DESC NULLS LAST")
        assert cursor.fetchall() == rows


def test_parameters_of_a_query_are_bound_not_pasted(table: str):
    copy_into(table, pl.DataFrame({"text": NASTY}))
    for text in NASTY:
        back = copy_out(f"SELECT text FROM {table} WHERE text = %s", [text], {"text": pl.String})
        assert back["text"].to_list() == [text]
    query = f"SELECT text FROM {table} WHERE text = ANY(%s) AND text LIKE 'a,%%'"
    assert copy_out(query, [NASTY], {"text": pl.String}).height == 1


def test_no_rows_are_an_empty_frame_of_the_schema(table: str):
    copy_into(table, pl.DataFrame(schema={"id": pl.Int64}))
    back = copy_out(f"SELECT id, text FROM {table}", [], {"id": pl.Int64, "text": pl.String})
    assert (back.height, back.columns) == (0, ["id", "text"])


def test_errors_inside_a_copy_are_djangos_errors():
    """Else nobody retries a deadlock, and nobody looks again at a taken key."""
    journal = JournalFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_rows(Journal, pl.DataFrame({"id": [journal.pk]}))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 1")
    with pytest.raises(OperationalError), transaction.atomic():
        copy_out("SELECT pg_sleep(1)::text", [], {"text": pl.String})


def test_ids_are_drawn_in_blocks_and_ascend():
    sequence = id_sequence(Record)
    ids = np.concatenate(
        [draw_ids(sequence, count) for count in (0, 1, ID_BLOCK, ID_BLOCK + 1, 5 * ID_BLOCK)]
    )
    assert len(ids) == len(set(ids.tolist())) == 7 * ID_BLOCK + 2
    assert (np.diff(ids) > 0).all()


def test_a_single_insert_takes_no_id_of_a_block():
    ids = set(draw_ids(id_sequence(Record), 2 * ID_BLOCK).tolist())
    made = {RecordFactory().pk for _n in range(3)}
    assert not made & ids
    assert not made & set(draw_ids(id_sequence(Record), 2 * ID_BLOCK).tolist())


@pytest.mark.django_db(transaction=True)
def test_ids_drawn_on_many_connections_never_collide():
    def draw() -> list[int]:
        sequence = id_sequence(Record)
        return [pk for count in (1, 999, 1_000, 2_500, 1) * 4 for pk in draw_ids(sequence, count).tolist()]

    drawn = [pk for ids in run_together(*[draw] * 8) for pk in ids]
    assert len(drawn) == len(set(drawn)) == 8 * 4 * 4_501
