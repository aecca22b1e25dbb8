"""Bulk requests as lists and pages show them, each organization its own."""

import pytest

from api.streams.bulk_examples import BULK
from ledgers.models import BulkRequest
from tests.api.callers import without_correlation
from tests.api.streams.records.conftest import REQUESTS
from tests.factories.ledgers import (
    DataStreamFactory,
)

pytestmark = pytest.mark.django_db


def test_results_come_in_pages(bench, send):
    body = send(*(bench.row(amount=n) for n in range(5)))
    path = f"{REQUESTS}/{body['id']}"
    page = bench.get(path, {"limit": 2, "offset": 2})["results"]
    assert ([row["index"] for row in page["data"]], page["has_more"], page["offset"]) == ([2, 3], True, 2)
    assert bench.get(path, {"limit": 2, "offset": 4})["results"]["has_more"] is False
    assert bench.get(path, {"offset": 9})["results"]["data"] == []
    for query in ({"limit": 0}, {"limit": 201}, {"offset": -1}, {"page": 1}):
        assert bench.client.get(path, query).status_code == 422


def test_pending_rows_are_left_out(bench, send):
    body = send(bench.row(), done=False)
    assert (body["results"]["data"], body["progress"], body["started_at"]) == ([], 0, None)


def test_lists_have_the_newest_first_and_go_on_by_cursor(bench, send):
    ids = [send(bench.row(), done=False)["id"] for _ in range(5)]
    first = bench.get(REQUESTS, {"limit": 2})
    assert ([row["id"] for row in first["data"]], first["limit"]) == (ids[:2:-1], 2)
    assert set(first["data"][0]) == set(BULK)
    seen, cursor = [], None
    while True:
        page = bench.get(REQUESTS, {"limit": 2, **({"cursor": cursor} if cursor else {})})
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ids[::-1]


def test_lists_are_filtered(bench, send):
    one = send(bench.row(), bench.row(data_stream_key="house_bank"))["id"]
    two = send(bench.row(), done=False)["id"]
    BulkRequest.objects.filter(pk=two).update(source="csv")
    instant = BulkRequest.objects.get(pk=two).created_at.isoformat()

    def listed(**query):
        return [row["id"] for row in bench.get(REQUESTS, query)["data"]]

    assert listed(data_stream_key="house_bank") == [one]
    assert listed(data_stream_key="card_acquirer") == [two, one]
    assert listed(data_stream_key="nobody") == []
    assert (listed(status="completed"), listed(status="pending")) == ([one], [two])
    assert (listed(source="csv"), listed(source="bulk_api", status="pending")) == ([two], [])
    assert listed(source="fax") == []
    assert (listed(created_after=instant), listed(created_before=instant)) == ([two], [two, one])


@pytest.mark.parametrize(
    "query",
    [
        {"status": "done"},
        {"created_after": "yesterday"},
        {"created_before": "2026-03-01"},
        {"cursor": "nonsense"},
        {"cursor": "WyJhIl0"},
        {"limit": "0"},
        {"limit": "201"},
        {"offset": "1"},
    ],
)
def test_a_query_that_cannot_be_used_is_refused(bench, query):
    assert bench.client.get(REQUESTS, query).status_code == 422


def test_the_list_costs_the_same_queries_however_long(bench, send, django_assert_num_queries):
    send(bench.row(), done=False)
    with django_assert_num_queries(2):
        bench.get(REQUESTS)
    for _ in range(5):
        send(bench.row(), done=False)
    with django_assert_num_queries(2):
        bench.get(REQUESTS)


def test_another_organizations_request_is_as_good_as_none(bench, stranger, send):
    made = send(bench.row())["id"]
    assert stranger.get(REQUESTS).json()["data"] == []
    for method, tail in (("get", ""), ("post", "/cancel"), ("post", "/retry")):
        theirs = getattr(stranger, method)(f"{REQUESTS}/{made}{tail}")
        none = getattr(stranger, method)(f"{REQUESTS}/987654321{tail}")
        assert theirs.status_code == 404
        assert without_correlation(theirs) == without_correlation(none)
    assert bench.client.get(f"{REQUESTS}/abc").status_code == 404


def test_a_row_cannot_name_another_organizations_stream(bench, stranger, send):
    other = DataStreamFactory(key="theirs")
    body = send(bench.row(data_stream_key=other.key))
    assert (body["failed_items"], body["data_stream_id"]) == (1, None)
