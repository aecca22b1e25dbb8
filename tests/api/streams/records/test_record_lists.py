"""Lists of records over HTTP: every filter alone and with others, pages, and what each reconciliation says."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import pytest

from api.streams.record_examples import ENTRY, RECORD
from ledgers.models import ImportBatch, Record
from reconciliation.models import Match, MatchMember, OpenItem
from reconciliation.selectors import record_walks
from tests.api.streams.records.conftest import RECORDS
from tests.clock import NOW
from tests.factories.ledgers import RecordFactory

pytestmark = pytest.mark.django_db


def ids(bench, **query) -> list[int]:
    """All pages of four, in order."""
    found, cursor = [], None
    while True:
        page = bench.get(RECORDS, {**query, "limit": 4, **({"cursor": cursor} if cursor else {})})
        assert len(page["data"]) <= 4
        found += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@pytest.fixture
def world(bench, send):
    """Records of both streams that came in every way and stand in every state, by a short name."""
    rows = {}
    rows["single"] = bench.add(external_id="x-1")["id"]
    bulk = send(
        bench.row(external_id="x-2"),
        bench.row(data_stream_key="house_bank", external_id="x-1"),
        bench.row(),
        bench.row(data_stream_key="house_bank"),
    )
    for name, result in zip(("bulk-a", "bulk-b", "bulk-c", "bulk-d"), bulk["results"]["data"], strict=True):
        rows[name] = result["record_id"]
    a, b = bench.matched()
    rows["accepted-a"], rows["accepted-b"] = a.pk, b.pk
    [c] = bench.feeds.add(bench.cards, ("R-2", 900))
    [d] = bench.feeds.add(bench.bank, ("R-2", 900))
    suggested = bench.feeds.match(bench.reconciliation, [c], [d])
    Match.objects.filter(pk=suggested.pk).update(status="suggested")
    rows["suggested-a"], rows["suggested-b"] = c.pk, d.pk
    [e] = bench.feeds.add(bench.cards, ("R-3", 100))
    OpenItem.objects.filter(record=e).update(
        closed_at=NOW, closed_by="user:1", close_reason="other", cleared_on=NOW.date()
    )
    rows["closed"] = e.pk
    elsewhere = bench.feeds.stream("elsewhere")
    [f] = bench.feeds.add(elsewhere, ("R-4", 100))
    rows["elsewhere"] = f.pk
    for number, pk in enumerate(sorted(rows.values())):
        Record.objects.filter(pk=pk).update(created_at=NOW + timedelta(hours=number))
    bench.rows, bench.bulk_id = rows, bulk["id"]
    return bench


def facts(bench) -> dict[int, dict]:
    """What each filter goes by, told without the lists."""
    batches = ImportBatch.objects.in_bulk()
    matched = {bench.rows["accepted-a"], bench.rows["accepted-b"]}
    found = {}
    for row in Record.objects.select_related("stream"):
        found[row.pk] = {
            "data_stream_key": row.stream.key,
            "external_id": row.external_id,
            "in": row.stream.key != "elsewhere",
            "bulk": row.import_batch_id is not None,
            "batch": row.import_batch_id,
            "created_at": row.created_at,
            "source": batches[row.import_batch_id].source if row.import_batch_id else None,
            "anywhere": row.pk in matched,
            "here": row.pk in matched or row.pk == bench.rows["closed"],
            "match": row.pk in matched,
        }
    return found


def filters(bench) -> dict[str, tuple[dict, object]]:
    """Each filter's query, and what a record must be to pass it (given the whole query)."""
    middle = NOW + timedelta(hours=4)
    match = Match.objects.get(status="accepted").pk
    batch = ImportBatch.objects.get(stream=bench.cards).pk
    return {
        "stream": (
            {"data_stream_key": "card_acquirer"},
            lambda f, q: f["data_stream_key"] == "card_acquirer",
        ),
        "reconciliation": ({"reconciliation_id": bench.reconciliation.pk}, lambda f, q: f["in"]),
        "match": ({"reconciliation_match_id": match}, lambda f, q: f["match"]),
        "external": ({"external_id": "x-1"}, lambda f, q: f["external_id"] == "x-1"),
        "batch": ({"import_batch_id": batch}, lambda f, q: f["batch"] == batch),
        "bulk": ({"bulk_request_id": bench.bulk_id}, lambda f, q: f["bulk"]),
        "after": ({"created_after": middle.isoformat()}, lambda f, q: f["created_at"] >= middle),
        "before": ({"created_before": middle.isoformat()}, lambda f, q: f["created_at"] <= middle),
        "source": ({"source": "bulk_api"}, lambda f, q: f["source"] == "bulk_api"),
        "no source": ({"source": "csv_upload"}, lambda f, q: False),
        "matched": (
            {"status": "matched"},
            lambda f, q: f["here" if "reconciliation_id" in q else "anywhere"],
        ),
        "unmatched": (
            {"status": "unmatched"},
            lambda f, q: not f["here" if "reconciliation_id" in q else "anywhere"],
        ),
    }


SCOPES = {"stream", "reconciliation", "match", "external", "batch", "bulk"}


@pytest.mark.parametrize("few", [0, 5_000], ids=["many matches", "few matches"])
def test_every_combination_of_filters_gives_what_it_says(world, few, monkeypatch):
    monkeypatch.setattr(record_walks, "FEW_MATCHES", few)
    known, told = filters(world), facts(world)
    tried = 0
    for count in (1, 2, 3) if few else (1, 2):
        for names in combinations(known, count):
            if not SCOPES & set(names):
                continue
            query: dict[str, object] = {}
            for name in names:
                query |= known[name][0]
            if len(query) < count:
                continue  # the same parameter twice
            wanted = {pk for pk, row in told.items() if all(known[name][1](row, query) for name in names)}
            found = ids(world, **query)
            assert set(found) == wanted, names
            assert len(found) == len(wanted), names
            order = [told[pk]["created_at"] for pk in found]
            assert order == sorted(order, reverse=True), names
            tried += 1
    assert tried > 50


def test_a_page_has_records_as_they_are_and_a_reconciliation_as_it_sees_them(world):
    page = world.get(RECORDS, {"data_stream_key": "card_acquirer"})
    assert set(page) == {"data", "next_cursor", "limit"}
    assert (page["limit"], page["next_cursor"]) == (50, None)
    assert all(set(row) == set(RECORD) for row in page["data"])
    entries = world.get(RECORDS, {"reconciliation_id": str(world.reconciliation.pk)})["data"]
    assert all(set(row) == set(ENTRY) for row in entries)
    by_id = {row["id"]: row for row in entries}
    one = by_id[world.rows["accepted-a"]]
    assert (one["status"], one["matched_records_total"], one["days_unreconciled"]) == ("reconciled", 1, None)
    [partner] = one["matched_records"]
    assert set(partner) == set(ENTRY["matched_records"][0])
    assert (partner["id"], partner["reconciliation_id"]) == (
        world.rows["accepted-b"],
        world.reconciliation.pk,
    )
    undecided = by_id[world.rows["suggested-a"]]
    assert (undecided["status"], undecided["matched_records"]) == ("unreconciled", [])
    assert undecided["days_unreconciled"] > 0
    closed = by_id[world.rows["closed"]]
    assert (closed["status"], closed["close_reason"]) == ("reconciled", "other")
    assert all(row["exception_id"] is None for row in entries)


def test_overdue_records_are_escalated_until_they_are_reconciled(world):
    OpenItem.objects.filter(record=world.rows["single"]).update(overdue_at=NOW)
    OpenItem.objects.filter(record=world.rows["bulk-a"]).update(overdue_at=NOW + timedelta(days=36_500))
    OpenItem.objects.filter(record=world.rows["closed"]).update(overdue_at=NOW)
    entries = world.get(RECORDS, {"reconciliation_id": world.reconciliation.pk})["data"]
    assert [row["id"] for row in entries if row["escalated"]] == [world.rows["single"]]
    assert sum(row["overdue_at"] is not None for row in entries) == 3


def test_an_adjustment_is_listed_by_its_match_only_and_a_detail_never(world):
    match = Match.objects.get(status="accepted")
    adjustment = RecordFactory(stream=world.cards, kind="adjustment", external_id="adj")
    RecordFactory(stream=world.cards, kind="detail", parent=adjustment, external_id="adj")
    type(match).objects.filter(pk=match.pk).update(record_count=3)
    MatchMember.objects.create(
        match=match, reconciliation=world.reconciliation, record=adjustment, side="a", applied=1
    )
    assert adjustment.pk in ids(world, reconciliation_match_id=match.pk)
    for query in (
        {"data_stream_key": "card_acquirer"},
        {"data_stream_key": "card_acquirer", "status": "matched"},
        {"reconciliation_id": world.reconciliation.pk},
        {"reconciliation_id": world.reconciliation.pk, "status": "matched"},
        {"external_id": "adj"},
    ):
        assert adjustment.pk not in ids(world, **query)


def test_voided_records_are_in_no_list(world):
    world.client.delete(f"{RECORDS}/{world.rows['bulk-a']}")
    for name, (query, _passes) in filters(world).items():
        if name in SCOPES:
            assert world.rows["bulk-a"] not in ids(world, **query), name


def test_what_was_undone_or_superseded_has_no_records(world):
    match = Match.objects.get(status="suggested")
    Match.objects.filter(pk=match.pk).update(status="undone", ended_at=NOW)
    assert ids(world, reconciliation_match_id=match.pk) == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"status": "matched"},
        {"created_after": "2026-03-01T00:00:00Z", "source": "bulk_api"},
        {"external_id": ""},
        {"data_stream_key": "card_acquirer", "status": "reconciled"},
        {"data_stream_key": "card_acquirer", "source": "fax"},
        {"data_stream_key": "card_acquirer", "created_after": "soon"},
        {"data_stream_key": "card_acquirer", "created_before": "2026-03-01"},
        {"data_stream_key": "card_acquirer", "limit": "0"},
        {"data_stream_key": "card_acquirer", "limit": "201"},
        {"data_stream_key": "card_acquirer", "limit": "x"},
        {"data_stream_key": "card_acquirer", "cursor": "x"},
        {"data_stream_key": "card_acquirer", "cursor": "WyJhIl0"},
        {"data_stream_key": "card_acquirer", "cursor": "WyIxIiwiMiJd"},
        {"data_stream_key": "card_acquirer", "offset": "5"},
        {"reconciliation_id": "abc"},
        {"reconciliation_match_id": "1.5"},
        {"import_batch_id": "x"},
        {"bulk_request_id": "99999999999999999999"},
    ],
)
def test_a_query_that_cannot_be_used_is_refused(bench, query):
    assert bench.client.get(RECORDS, query).status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        {"data_stream_key": "nobody"},
        {"reconciliation_id": 987654321},
        {"reconciliation_match_id": 987654321},
        {"import_batch_id": 987654321},
        {"bulk_request_id": 987654321},
        {"external_id": "nobody"},
        {"reconciliation_id": -1},
    ],
)
def test_what_is_not_there_has_no_records(bench, query):
    assert bench.get(RECORDS, query) == {"data": [], "next_cursor": None, "limit": 50}


def test_another_organization_sees_none_of_them(world, stranger):
    for name, (query, _passes) in filters(world).items():
        if name in SCOPES:
            assert stranger.get(RECORDS, query).json()["data"] == [], name


def test_a_list_costs_the_same_queries_whatever_its_length(world, send, django_assert_max_num_queries):
    queries = {
        name: query if name in SCOPES else {**query, "reconciliation_id": world.reconciliation.pk}
        for name, (query, _passes) in filters(world).items()
    }
    most = 0
    for query in queries.values():
        with django_assert_max_num_queries(13) as taken:
            world.get(RECORDS, {**query, "limit": 200})
        most = max(most, len(taken))
    send(*(world.row(data_stream_key=key) for key in ("card_acquirer", "house_bank") for _ in range(10)))
    for number in range(3):
        pair = [world.feeds.add(side, (f"N-{number}", 5))[0] for side in (world.cards, world.bank)]
        world.feeds.match(world.reconciliation, pair[:1], pair[1:])
    for query in queries.values():
        with django_assert_max_num_queries(most):
            world.get(RECORDS, {**query, "limit": 200})


def test_batches_in_rounds_give_what_one_round_gives(world, send, monkeypatch):
    for _ in range(5):
        send(world.row(), world.row())
    wanted = ids(world, data_stream_key="card_acquirer", source="bulk_api")
    monkeypatch.setattr(record_walks, "BATCHES_AT_ONCE", 2)
    assert ids(world, data_stream_key="card_acquirer", source="bulk_api") == wanted
    assert len(wanted) == 12
