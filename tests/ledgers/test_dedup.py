"""Dedup keys: the same for the same line however it came, another one for each twin and each differing fact."""

from __future__ import annotations

import io
from datetime import date
from uuid import UUID

import polars as pl
import pytest

from ledgers.formats.events import LINE_SCHEMA
from ledgers.services.dedup import base_keys, external_key, later_keys, numbered_keys
from ledgers.services.parsing import FRAMES_IN_MEMORY, ParsedFile

LINE = {
    "line_no": 1,
    "date": date(2026, 2, 3),
    "value_date": date(2026, 2, 4),
    "date_inferred": False,
    "amount": 10_00,
    "direction": "credit",
    "currency": "EUR",
    "decimal_places": 2,
    "reference": "R1",
    "description": "a payment",
    "counterparty": "Anna",
    "external_id": "X1",
    "end_to_end_id": "E1",
    "metadata": "{}",
}


def keys(*changes: dict[str, object]) -> list[str]:
    frame = pl.DataFrame([{**LINE, **change} for change in changes], schema=LINE_SCHEMA)
    return numbered_keys(base_keys(frame))["key"].to_list()


@pytest.mark.parametrize(
    "change",
    [
        {"date": date(2026, 2, 5)},
        {"value_date": None},
        {"amount": 10_01},
        {"direction": "debit"},
        {"currency": "USD"},
        {"reference": "R2"},
        {"description": "b payment"},
        {"external_id": ""},
        {"end_to_end_id": "E2"},
        {"reference": "", "external_id": "R1"},
    ],
)
def test_a_differing_fact_makes_another_key(change):
    first, other = keys({}, change)
    assert first != other


@pytest.mark.parametrize(
    "change",
    [
        {"line_no": 99},
        {"metadata": '{"reader": "better"}'},
        {"counterparty": "A. Smith"},
        {"date_inferred": True},
        {"description": " a\n  payment "},
    ],
)
def test_what_is_no_fact_of_the_line_changes_nothing(change):
    assert keys({}) == keys(change)


def test_twins_have_keys_of_their_own_in_any_company():
    twins = keys({}, {}, {})
    assert len(set(twins)) == 3
    assert keys({"amount": 1}, {}, {"amount": 2}, {}, {})[1::2] == twins[:2]
    assert all(str(UUID(key)) == key for key in twins)


def test_facts_do_not_run_into_each_other():
    one, other = keys(
        {"external_id": "AB", "end_to_end_id": "C"}, {"external_id": "A", "end_to_end_id": "BC"}
    )
    assert one != other


def test_a_later_statements_line_has_a_key_that_is_always_the_same():
    first = pl.Series(keys({}))
    later = later_keys(first, date(2026, 3, 1))
    assert later.to_list() == later_keys(first, date(2026, 3, 1)).to_list()
    assert set(later) & set(first) == set()
    assert set(later) & set(later_keys(first, date(2026, 3, 2))) == set()


def test_an_external_ids_key_is_always_the_same():
    assert external_key("A-1") == external_key("A-1") != external_key("A-2")


def test_a_statement_has_the_same_keys_however_it_is_cut_into_batches(monkeypatch):
    rows = [f"2026-02-{1 + n % 28:02},{1 + n % 3}.00,,text {n % 5}" for n in range(200)]
    text = "\n".join(["date,amount,reference,description", *rows, ""]).encode()

    def keys_in_batches_of(rows_max: int) -> tuple[int, list[str], pl.DataFrame]:
        monkeypatch.setattr("ledgers.formats.csv_table.BATCH_ROWS", rows_max)
        with ParsedFile() as parsed:
            (statement,) = parsed.read(io.BytesIO(text), format="csv", currency="EUR").statements
            frames = list(statement.frames())
            found = numbered_keys(pl.concat(statement.bases))["key"].to_list()
            return len(frames), found, pl.concat(frames)

    whole = keys_in_batches_of(1_000)
    pieces = keys_in_batches_of(7)
    assert (whole[0], pieces[0]) == (1, 29)
    assert pieces[0] > FRAMES_IN_MEMORY  # some of them were spooled to disk
    assert whole[1] == pieces[1]
    assert len(set(whole[1])) == 200
    assert whole[2].equals(pieces[2])
