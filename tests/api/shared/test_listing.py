"""Lists by the getAll convention: what can be asked, and that everything else is refused with its place."""

import base64
import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.http import QueryDict

from api.shared import listing, pagination
from api.shared.listing import Field, Kind, Listing, find
from organizations.models import Organization, User
from organizations.refusals import Invalid
from tests.clock import NOW
from tests.factories.organizations import OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST = Listing(
    fields={
        "id": Field("uuid", Kind.UUID),
        "name": Field("name", searched=True),
        "slug": Field("slug", Kind.CHOICE, choices=("a", "b", "c", "d", "e")),
        "created_at": Field("created_at", Kind.INSTANT),
        "number": Field("pk", Kind.NUMBER, sortable=False),
    },
    named=("slug", "id"),
    others=("as_at",),
)


@pytest.fixture
def five():
    """a (oldest) to e."""
    return [
        OrganizationFactory(name=f"Bank {slug}", slug=slug, created_at=NOW + timedelta(days=n))
        for n, slug in enumerate("abcde")
    ]


def ask(query: str, **kwargs) -> pagination.Page:
    return find(LIST, QueryDict(query), Organization.objects.all(), **kwargs)


def slugs(query: str) -> str:
    return "".join(row.slug for row in ask(query).rows)


def filtered(condition: object) -> str:
    return slugs("sort=slug&filter=" + json.dumps(condition).replace("+", "%2B").replace("&", "%26"))


def refused(query: str, where: str) -> str:
    with pytest.raises(Invalid) as refusal:
        ask(query)
    assert refusal.value.issues[0]["path"] == [where]
    return refusal.value.message


@pytest.mark.parametrize(
    ("query", "rows", "more"),
    [
        ("", "edcba", False),
        ("limit=2", "ed", True),
        ("limit=2&offset=2", "cb", True),
        ("limit=2&offset=4", "a", False),
        ("limit=5", "edcba", False),
        ("offset=5", "", False),
        ("limit=1000", "edcba", False),
    ],
)
def test_a_page_says_whether_more_follow(five, query, rows, more):
    page = ask(query)
    assert ("".join(row.slug for row in page.rows), page.more, page.total) == (rows, more, 5)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=1001", "limit=x", "limit=", "limit=1.5", "limit=٣"]
)
def test_a_limit_is_1_to_1000(five, query):
    refused(query, "limit")


@pytest.mark.parametrize("query", ["offset=-1", "offset=x", "offset=1e3"])
def test_an_offset_is_a_whole_number(five, query):
    refused(query, "offset")


def test_a_deep_offset_says_to_use_the_cursor(five):
    assert "next_cursor" in refused("offset=100001", "offset")


def test_without_limit_a_page_has_100(db):
    Organization.objects.bulk_create(Organization(name=str(n), slug=str(n)) for n in range(101))
    page = ask("")
    assert (len(page.rows), page.more, page.total) == (100, True, 101)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("sort=slug", "abcde"),
        ("sort=-slug", "edcba"),
        ("sort=slug&order=desc", "edcba"),
        ("sort=-slug&order=asc", "edcba"),
        ("sort=-slug&order=desc", "edcba"),
        ("sort=-created_at,slug", "edcba"),
        ("sort=name, slug", "abcde"),
    ],
)
def test_sort_and_order(five, query, rows):
    assert slugs(query) == rows


@pytest.mark.parametrize(
    "query", ["sort=nothing", "sort=number", "sort=-", "sort=name;slug", "sort=organization__id"]
)
def test_an_unknown_sort_is_refused(five, query):
    refused(query, "sort")


def test_an_unknown_order_is_refused(five):
    refused("sort=slug&order=up", "order")


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ({"slug": "a"}, "a"),
        ({"slug": {"eq": "a"}}, "a"),
        ({"slug": {"ne": "a"}}, "bcde"),
        ({"slug": {"in": ["a", "b"]}}, "ab"),
        ({"slug": {"in": []}}, ""),
        ({"name": {"like": "BANK B"}}, "b"),
        ({"name": {"like": "%"}}, ""),
        ({"created_at": {"gte": "2026-04-02T09:00:00Z"}}, "cde"),
        ({"created_at": {"gt": "2026-04-02T09:00:00+00:00", "lt": "2026-04-04T09:00:00Z"}}, "d"),
        ({"created_at": {"lte": "2026-04-01T09:00:00Z"}}, "ab"),
        ({"slug": "a", "name": "Bank b"}, ""),
        ({"name": None}, ""),
        ({"number": {"gt": 0}}, "abcde"),
        ({"number": 2**63 - 1}, ""),
        ({}, "abcde"),
    ],
)
def test_filter_grammar(five, condition, rows):
    assert filtered(condition) == rows


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "5",
        '{"nothing": 1}',
        '{"slug": {"near": "a"}}',
        '{"slug": {"in": "a"}}',
        '{"slug": "z"}',
        '{"slug": ["a"]}',
        '{"slug": {"gt": {}}}',
        '{"created_at": "yesterday"}',
        '{"created_at": "2026-03-31T09:00:00"}',
        '{"created_at": 5}',
        '{"id": "odd"}',
        '{"number": "x"}',
        '{"number": 1.5}',
        '{"number": true}',
        '{"number": 9223372036854775808}',
        '{"name": "\\u0000"}',
        '{"name": {"like": "\\u0000"}}',
        '{"name": {"like": 5}}',
        '{"name": {"gt": null}}',
        "[" * 50_000,
    ],
)
def test_a_filter_that_cannot_be_understood_is_refused(five, text):
    with pytest.raises(Invalid) as refusal:
        find(LIST, query_of(filter=text), Organization.objects.all())
    assert refusal.value.issues[0]["path"] == ["filter"]


def query_of(**parameters: str) -> QueryDict:
    query = QueryDict(mutable=True)
    query.update(parameters)
    return query


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("search=bank c", "c"),
        ("search=BANK", "edcba"),
        ("search=nothing", ""),
        ("search.name=Bank c", "c"),
        ("search.name=bank c", ""),
        ("search.slug.in=a,c", "ca"),
        ("search.name.like=nk c", "c"),
        ("slug=a", "a"),
        ("slug=a,b", "ba"),
        ("slug=a&search=bank b", ""),
    ],
)
def test_search_and_named_fields(five, query, rows):
    assert slugs(query) == rows


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("search.nothing=1", "search.nothing"),
        ("search.name.near=1", "search.name.near"),
        ("search.slug.like=a", "search.slug.like"),
        ("slug=z", "slug"),
        ("id=odd", "id"),
        ("nothing=1", "nothing"),
    ],
)
def test_an_unknown_parameter_is_refused_by_name(five, query, where):
    refused(query, where)


def test_a_parameter_of_the_view_passes(five):
    assert slugs("as_at=2026-03-31") == "edcba"


def test_an_id_that_nothing_has_is_an_empty_list(five):
    assert slugs(f"id={uuid4()}") == ""


def test_totals_before_and_after_filters(five):
    page = ask("slug=a,b&limit=1")
    assert (page.total, page.total_unfiltered, page.more) == (2, 5, True)


def test_beyond_the_exact_count_a_total_is_from_a_counter_or_a_lower_bound(five, monkeypatch):
    monkeypatch.setattr(listing, "COUNT_MAX", 3)
    assert (ask("").total, ask("").total_is_lower_bound) == (3, True)
    assert (ask("", count_all=lambda: 5).total, ask("", count_all=lambda: 5).total_is_lower_bound) == (
        5,
        False,
    )
    assert ask("slug=a,b,c,d", count_all=lambda: 5).total_is_lower_bound


@pytest.mark.parametrize("sort", ["sort=slug", "sort=-slug", "sort=-created_at,name", ""])
def test_the_cursor_walks_the_whole_list_once(five, sort):
    seen, cursor = "", ""
    while True:
        page = ask(f"limit=2&{sort}" + (f"&cursor={cursor}" if cursor else ""))
        seen += "".join(row.slug for row in page.rows)
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert seen == slugs(sort)


def test_a_cursor_does_not_skip_or_repeat_rows_that_are_equal_in_the_sort_key(five):
    Organization.objects.update(created_at=NOW)
    first = ask("limit=3")
    second = ask(f"limit=3&cursor={first.next_cursor}")
    assert sorted(row.slug for row in first.rows + second.rows) == list("abcde")


@pytest.mark.parametrize("cursor", ["odd", "W10", "WyJ4Il0", "bnVsbA", "é"])
def test_a_cursor_that_we_did_not_make_is_refused(five, cursor):
    refused(f"cursor={cursor}", "cursor")


def test_a_cursor_without_end_is_refused(five):
    refused("cursor=" + base64.urlsafe_b64encode(b"[" * 2499).decode(), "cursor")


def test_an_instant_before_the_first_year_is_refused(five):
    refused("search.created_at=0001-01-01T00:00:00%2B14:00", "search.created_at")


def test_a_cursor_of_another_order_or_beside_an_offset_is_refused(five):
    cursor = ask("limit=1&sort=slug").next_cursor
    refused(f"cursor={cursor}&sort=-slug", "cursor")
    refused(f"cursor={cursor}&sort=slug&offset=1", "cursor")


def test_a_sort_by_what_may_be_empty_gives_no_cursor():
    by_login = Listing(
        {"id": Field("pk", Kind.NUMBER), "last_login": Field("last_login", Kind.INSTANT, nullable=True)},
        sort="last_login",
    )
    UserFactory.create_batch(2)
    page = find(by_login, QueryDict("limit=1"), User.objects.all())
    assert (page.more, page.next_cursor) == (True, None)


def test_a_word_may_stand_for_several_stored_ones(five):
    words = {"first": ("a", "b"), "last": ("e",)}
    fields = {**LIST.fields, "place": Field("slug", Kind.CHOICE, choices=("first", "last"), values=words)}
    grouped = Listing(fields, named=("place",))
    page = find(grouped, QueryDict("place=first"), Organization.objects.all())
    assert [row.slug for row in page.rows] == ["b", "a"]


def test_a_list_asks_four_queries_at_most(five, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):  # two counts, which rows, and what they show
        ask("search=bank&slug=a,b,c&limit=1")
