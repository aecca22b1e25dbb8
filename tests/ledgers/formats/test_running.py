"""Running balances of lines: their order, what they say of both ends, and where they break."""

from datetime import date, timedelta
from itertools import accumulate

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgers.formats.running import RunningBalance
from tests.clock import TODAY

AMOUNTS = st.integers(-(10**12), 10**12).filter(bool)


def frame_of(rows: list[tuple[date, int, int | None]]) -> pl.DataFrame:
    """Rows of (day, signed amount, balance)."""
    return pl.DataFrame(
        {
            "date": [day for day, _amount, _balance in rows],
            "amount": [abs(amount) for _day, amount, _balance in rows],
            "direction": ["credit" if amount > 0 else "debit" for _day, amount, _balance in rows],
            "balance": pl.Series([balance for _day, _amount, balance in rows], dtype=pl.Int64),
        }
    )


def running_of(rows: list[tuple[date, int, int | None]], *, batch: int = 1_000) -> RunningBalance:
    running = RunningBalance()
    for start in range(0, len(rows), batch):
        running.add(frame_of(rows[start : start + batch]))
    return running


def lines_of(opening: int, amounts: list[int], *, days: int = 1) -> list[tuple[date, int, int | None]]:
    balances = list(accumulate(amounts, initial=opening))[1:]
    return [
        (TODAY + timedelta(days=place * days), amount, balance)
        for place, (amount, balance) in enumerate(zip(amounts, balances, strict=True))
    ]


@given(st.integers(-(10**15), 10**15), st.lists(AMOUNTS, min_size=1, max_size=30), st.integers(1, 7))
def test_either_order_gives_what_the_account_held_before_and_behind_its_lines(opening, amounts, batch):
    rows = lines_of(opening, amounts)
    for order, given_rows in (("oldest", rows), ("newest", rows[::-1])):
        running = running_of(given_rows, batch=batch)
        assert (running.opening, running.closing) == (opening, opening + sum(amounts))
        assert running.order == order or len(rows) == 1


@given(st.lists(AMOUNTS, min_size=3, max_size=30), st.data())
def test_balances_that_only_some_lines_state_are_enough(amounts, data):
    kept = data.draw(st.sets(st.integers(0, len(amounts) - 1), min_size=2))
    rows = [
        (day, amount, balance if place in kept else None)
        for place, (day, amount, balance) in enumerate(lines_of(100, amounts))
    ]
    running = running_of(rows)
    assert (running.order, running.opening, running.closing) == ("oldest", 100, 100 + sum(amounts))


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_a_missing_line_changes_no_order(order):
    rows = lines_of(0, [100, -30, 7, 9], days=1)
    del rows[1]
    running = running_of(rows if order == "oldest" else rows[::-1])
    assert (running.order, running.opening, running.closing) == (order, 0, 86)


def test_lines_without_balances_say_nothing():
    running = running_of([(TODAY, 5, None)])
    assert (running.order, running.opening, running.closing) == ("unstated", None, None)


def test_balances_in_no_order_of_the_lines_are_not_believed():
    amounts = [100, -30, 7, 9, 1000, -2, 55, 61, -77, 3]
    rows = lines_of(0, amounts, days=0)
    shuffled = [rows[place] for place in (4, 9, 1, 7, 0, 6, 2, 8, 5, 3)]
    running = running_of(shuffled)
    assert (running.order, running.opening, running.closing) == ("unclear", None, None)


def test_no_sum_of_a_long_file_wraps_round():
    huge = 9 * 10**18
    running = running_of([(TODAY, huge, huge), (TODAY, -huge, 0), (TODAY, huge, huge)])
    assert (running.order, running.opening, running.closing) == ("oldest", 0, huge)
