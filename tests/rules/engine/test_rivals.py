"""What else the records of a pair could have been paired with, against looking at every candidate in turn."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import rivals
from rules.engine.line import Line, draw_line, pair_in_order
from rules.engine.line_solvers import Window
from rules.engine.rivals import on_line, weight

RECORDS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=12)
"""(key, day)"""


def line_of(a: list[tuple[int, int]], b: list[tuple[int, int]], window: Window) -> Line:
    keys = [
        (pl.Series([key for key, _ in a], dtype=pl.Int64), pl.Series([key for key, _ in b], dtype=pl.Int64))
    ]
    days = np.array([day for _, day in a], np.int64), np.array([day for _, day in b], np.int64)
    return draw_line(keys, days, window, (np.ones(len(a), bool), np.ones(len(b), bool)))


def slowly(a, b, window: Window, row_a: int, row_b: int) -> float:
    def apart(i: int, j: int) -> int:
        return abs(b[j][1] - a[i][1])

    def allowed(i: int, j: int) -> bool:
        return a[i][0] == b[j][0] and window.low <= b[j][1] - a[i][1] <= window.high

    def one(worse: int) -> float:
        return 1 / (1 + worse) if worse >= 0 else 1 - worse

    own = apart(row_a, row_b)
    of_a = sum(one(apart(row_a, j) - own) for j in range(len(b)) if j != row_b and allowed(row_a, j))
    of_b = sum(one(apart(i, row_b) - own) for i in range(len(a)) if i != row_a and allowed(i, row_b))
    return max(of_a, of_b)


@settings(max_examples=300)
@given(a=RECORDS, b=RECORDS, low=st.integers(-3, 0), high=st.integers(0, 4), bite=st.sampled_from([1, 1000]))
def test_rivals_are_counted_as_by_looking_at_each(a, b, low, high, bite):
    window = Window(low, high)
    line = line_of(a, b, window)
    at_a, at_b, _proven = pair_in_order(line, window)
    rows_a, rows_b = line.rows_a[at_a], line.rows_b[at_b]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rivals, "BITE", bite)
        found = on_line(line, rows_a, rows_b)
    expected = [slowly(a, b, window, *pair) for pair in zip(rows_a.tolist(), rows_b.tolist(), strict=True)]
    assert found == pytest.approx(expected)


def test_a_pair_without_other_candidates_has_no_rival():
    assert on_line(line_of([(1, 5)], [(1, 6)], Window(-3, 3)), np.array([0]), np.array([0])).tolist() == [0.0]


def test_twins_share_and_a_better_one_taken_elsewhere_counts_more():
    assert weight(np.array([0, 1, 3, -2])).tolist() == [1.0, 0.5, 0.25, 3.0]
