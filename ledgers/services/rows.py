"""Bulk rows: ids in blocks and COPY from frames. Every high-volume write of any floor goes through here.

A frame's columns are the table's columns by name; text columns that are "" stay "", nulls become NULL. Django wraps the
errors of execute() only: here each COPY does it, so that a deadlock is retried and a taken key is an IntegrityError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
import polars as pl
from django.db import connection, models
from psycopg import sql

ID_BLOCK = 1_000  # what one nextval of these sequences owns (migrations 0002_id_blocks)
COPY_BYTES = 1 << 20


def draw_ids(sequence: str, count: int) -> np.ndarray:
    """`count` ascending ids from a sequence that steps by ID_BLOCK: ⌈count / 1,000⌉ nextvals in one statement."""
    if not count:
        return np.empty(0, dtype=np.int64)
    blocks = -(-count // ID_BLOCK)
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s::regclass) FROM generate_series(1, %s)", [sequence, blocks])
        starts = np.fromiter((row[0] for row in cursor.fetchall()), dtype=np.int64, count=blocks)
    ids: np.ndarray = (np.sort(starts)[:, None] + np.arange(ID_BLOCK)).reshape(-1)[:count]
    return ids


def id_sequence(model: type[models.Model]) -> str:
    """The identity sequence that Django gives a BigAutoField named id."""
    return f"{model._meta.db_table}_id_seq"


def copy_rows(model: type[models.Model], frame: pl.DataFrame) -> None:
    """COPY a frame into the model's table, in the current transaction. Polars writes the CSV: no Python object per row."""
    copy_into(model._meta.db_table, frame)


def copy_into(table: str, frame: pl.DataFrame) -> None:
    """The same by table name, for tables without a model."""
    if frame.is_empty():
        return
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    )
    written = BytesIO()
    # "non_numeric" quotes every text, so that "" and NULL (nothing between commas) stay different.
    frame.write_csv(
        written, include_header=False, quote_style="non_numeric", datetime_format="%Y-%m-%dT%H:%M:%S%.6f%:z"
    )
    data = written.getbuffer()
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for start in range(0, len(data), COPY_BYTES):
            copy.write(data[start : start + COPY_BYTES])


def copy_out(
    query: str,
    params: Sequence[object] | Mapping[str, object],
    schema: dict[str, pl.DataType | type[pl.DataType]],
) -> pl.DataFrame:
    """The rows of a SELECT as a frame, by COPY … TO STDOUT through Django's own connection. `schema` names the columns."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")  # Django opens the connection lazily; mogrify below needs it
        bound = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(sql.SQL(_bind(query, params)))
        # Of one piece: there is a part for each row, and many small objects cost more than they hold.
        data = bytearray()
        with connection.wrap_database_errors, cursor.copy(bound) as copy:
            for part in copy:
                data += part
    if not data:
        return pl.DataFrame(schema=schema)
    return pl.read_csv(bytes(data), has_header=False, schema=schema)


def array_text(values: pl.Series) -> str:
    """Whole numbers or uuids as PostgreSQL writes an array, for a parameter with a cast (`%s::bigint[]`): a list of a
    hundred thousand costs the driver a tenth of a second."""
    return "{" + values.cast(pl.String).str.join(",").item() + "}"


def _bind(query: str, params: Sequence[object] | Mapping[str, object]) -> str:
    """COPY takes no parameters: bind them on the client, by psycopg's own quoting."""
    from psycopg import ClientCursor

    raw = connection.connection
    return ClientCursor(raw).mogrify(query, params)
