"""Import batches over HTTP: of bulk requests and of files, with their sums as they came in."""

import pytest

from api.streams.bulk_examples import BATCH
from ledgers.models import ImportBatch
from tests.api.callers import without_correlation
from tests.api.streams.records.conftest import RECORDS
from tests.factories.ledgers import ImportBatchFactory

pytestmark = pytest.mark.django_db
BATCHES, OF_CARDS = "/v1/import_batches", "/v1/data_streams/card_acquirer/import_batches"
MOST = 2**63 - 1


def test_a_bulk_request_makes_one_batch_for_each_stream(bench, send):
    send(
        bench.row(amount=100, currency="EUR", date="2026-03-03"),
        bench.row(amount=30, currency="EUR", direction="debit", date="2026-03-01"),
        bench.row(amount=-10, currency="EUR"),
        bench.row(amount=5, currency="JPY"),
        bench.row(data_stream_key="house_bank", amount=7),
    )
    [body] = bench.get(OF_CARDS)["data"]
    assert set(body) == set(BATCH)
    assert (body["data_stream_key"], body["source"], body["filename"]) == ("card_acquirer", "bulk_api", None)
    assert (body["record_count"], body["decimal_places"], body["currency"]) == (4, 2, "EUR")
    assert (body["total_credits"], body["total_debits"], body["net_amount"]) == (90, 30, 60)
    assert (body["date_range_start"], body["date_range_end"]) == ("2026-03-01", "2026-03-03")
    assert body["mixed_currencies"] is True
    assert [(row["currency"], row["record_count"]) for row in body["by_currency"]] == [("EUR", 3), ("JPY", 1)]
    assert body["by_currency"][1]["total_credits"] == 5
    assert bench.get(f"{BATCHES}/{body['id']}") == body
    assert ImportBatch.objects.count() == 2


def test_sums_beyond_64_bits_are_exact(bench, send):
    send(*(bench.row(amount=MOST) for _ in range(3)))
    [body] = bench.get(OF_CARDS)["data"]
    assert (body["total_credits"], body["net_amount"]) == (3 * MOST, 3 * MOST)


def test_the_records_of_a_batch_come_in_pages_the_newest_first(bench, send):
    bench.add()
    send(*(bench.row(amount=n) for n in range(4)))
    bench.add()
    [body] = bench.get(OF_CARDS)["data"]
    first = bench.get(body["records_url"], {"limit": 3})
    assert ([row["amount"] for row in first["data"]], first["has_more"]) == ([3, 2, 1], True)
    last = bench.get(body["records_url"], {"limit": 3, "offset": 3})
    assert ([row["amount"] for row in last["data"]], last["has_more"], last["offset"]) == ([0], False, 3)


def test_a_batch_says_what_came_in_though_a_record_is_deleted(bench, send):
    send(bench.row(), bench.row())
    [body] = bench.get(OF_CARDS)["data"]
    record = bench.get(body["records_url"])["data"][0]["id"]
    bench.client.delete(f"{RECORDS}/{record}")
    assert bench.get(OF_CARDS)["data"][0]["record_count"] == 2
    assert len(bench.get(body["records_url"])["data"]) == 1


def test_a_request_without_a_good_row_makes_no_batch(bench, send):
    send(bench.row(amount="x"))
    assert bench.get(OF_CARDS) == {"data": [], "has_more": False, "offset": 0}


def test_batches_come_in_pages_the_newest_first(bench, send, django_assert_num_queries):
    for _ in range(3):
        send(bench.row())
    ids = list(ImportBatch.objects.order_by("-pk").values_list("pk", flat=True))
    page = bench.get(OF_CARDS, {"limit": 2})
    assert ([row["id"] for row in page["data"]], page["has_more"]) == (ids[:2], True)
    assert [row["id"] for row in bench.get(OF_CARDS, {"offset": 2})["data"]] == ids[2:]
    with django_assert_num_queries(3):
        bench.get(OF_CARDS)
    for _ in range(3):
        send(bench.row())
    with django_assert_num_queries(3):
        bench.get(OF_CARDS)


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"offset": -1}, {"cursor": "x"}])
def test_a_page_that_is_none_is_refused(bench, send, query):
    send(bench.row())
    [body] = bench.get(OF_CARDS)["data"]
    for path in (OF_CARDS, body["records_url"]):
        assert bench.client.get(path, query).status_code == 422


def test_a_voided_batch_is_gone(bench, send):
    send(bench.row())
    batch = ImportBatch.objects.get()
    ImportBatch.objects.update(voided_at=batch.created_at, voided_by="system:test")
    assert bench.get(OF_CARDS)["data"] == []
    for path in (f"{BATCHES}/{batch.pk}", f"{BATCHES}/{batch.pk}/records"):
        assert bench.client.get(path).status_code == 404


def test_another_organizations_batch_is_as_good_as_none(bench, stranger, send):
    send(bench.row())
    pk = ImportBatch.objects.get().pk
    for tail in ("", "/records"):
        theirs = stranger.get(f"{BATCHES}/{pk}{tail}")
        none = stranger.get(f"{BATCHES}/987654321{tail}")
        assert theirs.status_code == 404
        assert without_correlation(theirs) == without_correlation(none)
    assert stranger.get(OF_CARDS).status_code == 404
    assert bench.client.get(f"{BATCHES}/abc").status_code == 404


def test_an_empty_batch_has_no_records(bench):
    batch = ImportBatchFactory(stream=bench.cards)
    assert bench.get(f"{BATCHES}/{batch.pk}/records")["data"] == []
    assert bench.get(f"{BATCHES}/{batch.pk}")["net_amount"] == 0
