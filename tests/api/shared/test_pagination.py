"""The envelopes of the page styles."""

import pytest
from django.http import QueryDict

from api.shared.pagination import Bare, Cursor, GetAll, HasMore, ItemsTotal, Page, PageNumber, Window
from organizations.refusals import Invalid

PAGE = Page(rows=[1, 2], window=Window(2, 2), more=True, total=5, total_unfiltered=9, next_cursor="c")


@pytest.mark.parametrize(
    ("style", "envelope"),
    [
        (GetAll, {"data": ["x"], "total": 5, "total_unfiltered": 9, "has_more": True, "next_cursor": "c"}),
        (Cursor, {"data": ["x"], "next_cursor": "c", "limit": 2}),
        (HasMore, {"data": ["x"], "has_more": True, "offset": 2}),
        (ItemsTotal, {"items": ["x"], "total": 5, "limit": 2, "offset": 2}),
        (Bare, ["x"]),
    ],
)
def test_envelopes(style, envelope):
    assert style(default=25, cap=100).envelope(PAGE, ["x"]) == envelope


@pytest.mark.parametrize(
    ("number", "rows", "before", "after"),
    [(1, 20, False, True), (2, 20, True, True), (3, 5, True, False), (4, 0, True, False)],
)
def test_45_rows_by_20_are_three_pages(number, rows, before, after):
    style = PageNumber(default=20, cap=100)
    window = style.window(QueryDict(f"page={number}"))
    page = Page(rows=[0] * rows, window=window, more=after, total=45)
    assert style.envelope(page, [0] * rows) == {
        "items": [0] * rows,
        "page": number,
        "total_pages": 3,
        "total_count": 45,
        "has_previous_page": before,
        "has_next_page": after,
    }


@pytest.mark.parametrize(
    "query", ["page=0", "page_size=0", "page_size=101", "page=x", "page=1000000&page_size=100"]
)
def test_pages_are_numbered_from_1_and_end(query):
    with pytest.raises(Invalid):
        PageNumber(default=20, cap=100).window(QueryDict(query))


def test_a_total_that_is_a_lower_bound_says_so():
    page = Page([], Window(1), True, 3, total_is_lower_bound=True)
    assert GetAll(1, 1).envelope(page, [])["total_is_lower_bound"] is True
