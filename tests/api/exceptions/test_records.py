"""The records of an exception and what they add up to, over HTTP: figures, the seven filters, pages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledgers.models import Record
from reconciliation.models import Match, OpenItem
from reconciliation.services.matches import match_accept
from tests.api.exceptions.conftest import EXCEPTIONS, Desk
from tests.clock import NOW

pytestmark = pytest.mark.django_db


def shown(desk: Desk, exception_id: int, **query):
    return desk.show(exception_id, **query)["filtered_aggregates"]


def names(desk: Desk, exception_id: int, **query) -> list[str]:
    return [row["reference"] for row in desk.get(f"{EXCEPTIONS}/{exception_id}/records", **query)["data"]]


@pytest.fixture
def five(desk) -> int:
    """An exception with five records, one in each age bucket and one of amount 0."""
    desk.overdue(1, ("young", 500))
    desk.overdue(7, ("week", -200))
    desk.overdue(30, ("month", 1000))
    desk.overdue(90, ("quarter", -50))
    desk.overdue(6.5, ("zero", 0))
    desk.overdue(-1, ("not yet", 77))
    days = {"young": "2026-03-30", "week": "2026-03-20", "month": "2026-02-01", "quarter": "2025-12-01"}
    for name, day in days.items():
        Record.objects.filter(reference=name).update(date=day)
    Record.objects.filter(reference="young").update(description="Order 771 at 100%")
    Record.objects.filter(reference="week").update(counterparty="ACME_Ltd")
    Record.objects.filter(reference="month").update(description="order 772")
    return desk.open()["id"]


def test_figures_of_the_whole_slice(desk, five):
    found = desk.show(five)
    assert {name: found["aggregates"][name] for name in found["aggregates"] if name != "by_currency"} == {
        "currency": "EUR",
        "decimal_places": 2,
        "record_count": 5,
        "total_amount": 1250,
        "debit_count": 2,
        "debit_sum": -250,
        "credit_count": 2,
        "credit_sum": 1500,
        "avg_age_days": 26.9,
        "oldest_at": "2025-12-01T00:00:00Z",
        "newest_at": "2026-03-30T00:00:00Z",
        "mixed_currencies": False,
        "age_buckets": {
            "lt_7d": {"count": 2, "total_amount": 500},
            "7_30d": {"count": 1, "total_amount": -200},
            "30_90d": {"count": 1, "total_amount": 1000},
            "gt_90d": {"count": 1, "total_amount": -50},
        },
    }
    assert found["filtered_aggregates"] == found["aggregates"]


FILTERS = [
    ({"amount_min": 0}, ["month", "zero", "young"]),
    ({"amount_min": "-50", "amount_max": "500"}, ["quarter", "zero", "young"]),
    ({"amount_max": "-51"}, ["week"]),
    ({"date_from": "2026-02-01", "date_to": "2026-03-20"}, ["month", "week", "zero"]),
    ({"direction": "debit"}, ["quarter", "week"]),
    ({"direction": "credit"}, ["month", "young"]),
    ({"counterparty": "ORDER 77"}, ["month", "young"]),
    ({"counterparty": "acme"}, ["week"]),
    ({"counterparty": "100%"}, ["young"]),
    ({"counterparty": "%"}, ["young"]),
    ({"counterparty": "_"}, ["week"]),
    ({"counterparty": "\\"}, []),
    ({"age_bucket": "lt_7d"}, ["zero", "young"]),
    ({"age_bucket": "7_30d"}, ["week"]),
    ({"age_bucket": "30_90d"}, ["month"]),
    ({"age_bucket": "gt_90d"}, ["quarter"]),
    ({"direction": "credit", "counterparty": "order", "age_bucket": "lt_7d"}, ["young"]),
    ({"direction": "debit", "counterparty": "order"}, []),
    ({"direction": "", "amount_min": "", "age_bucket": " ", "counterparty": ""}, None),
]


@pytest.mark.parametrize(("query", "expected"), FILTERS)
def test_filters_leave_the_same_records_in_figures_and_list(desk, five, query, expected):
    expected = ["quarter", "month", "week", "zero", "young"] if expected is None else expected
    assert names(desk, five, **query) == expected
    figures = shown(desk, five, **query)
    assert figures["record_count"] == len(expected)
    amounts = {"young": 500, "week": -200, "month": 1000, "quarter": -50, "zero": 0}
    assert figures["total_amount"] == sum(amounts[name] for name in expected)
    assert desk.show(five)["aggregates"]["record_count"] == 5


def test_an_empty_figure_is_zero_and_null(desk, five):
    figures = shown(desk, five, counterparty="nobody")
    assert (figures["record_count"], figures["total_amount"], figures["avg_age_days"]) == (0, 0, 0)
    assert (figures["oldest_at"], figures["newest_at"], figures["currency"]) == (None, None, None)
    assert (figures["decimal_places"], figures["by_currency"]) == (2, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount_min", "1.5"),
        ("amount_max", "ten"),
        ("amount_max", "9" * 20),
        ("date_from", "31.03.2026"),
        ("date_to", "2026-02-30"),
        ("date_to", "2026-W05-1"),
        ("direction", "in"),
        ("age_bucket", "lt_8d"),
        ("counterparty", "c" * 1_001),
        ("status", "open"),
    ],
)
@pytest.mark.parametrize("tail", ["", "/records"])
def test_a_filter_that_cannot_be_used_is_422_and_named(desk, five, tail, name, value):
    body = desk.get(f"{EXCEPTIONS}/{five}{tail}", expect=422, **{name: value})
    assert body["issues"][0]["path"] == [name]


def test_every_bad_filter_is_named(desk, five):
    body = desk.get(f"{EXCEPTIONS}/{five}", expect=422, amount_min="x", direction="y")
    assert [issue["path"] for issue in body["issues"]] == [["amount_min"], ["direction"]]
    assert body["reason"] == "filter.invalid"


# --- what is in it ---------------------------------------------------------------------------------------------------------


def test_only_what_is_past_due_open_and_of_its_stream(desk):
    made = desk.open()
    [late] = desk.overdue(1, ("late", 500))
    desk.overdue(-0.001, ("soon", 500))
    desk.overdue(0, ("now", 500))
    desk.overdue(1, ("other side", 500), side="b")
    desk.add("a", ("no date", 500))
    [closed] = desk.overdue(2, ("closed", 500))
    OpenItem.objects.filter(record=closed).update(
        closed_at=NOW, closed_by="user:1", close_reason="other", cleared_on=NOW.date()
    )
    assert names(desk, made["id"]) == ["late", "now"]
    row = desk.get(f"{EXCEPTIONS}/{made['id']}/records")["data"][0]
    assert (row["id"], row["amount_overdue"], row["exception_id"]) == (late.pk, 500, made["id"])
    assert (row["escalated"], row["overdue_at"]) == (True, "2026-03-30T09:00:00Z")


def test_an_undecided_suggestion_leaves_it_in_and_an_accepted_match_takes_it_out(desk):
    made = desk.open()
    desk.overdue(60, ("R1", 500))
    desk.add("b", ("R1", 500))
    desk.feeds.auto_match(desk.reconciliation)
    Match.objects.update(status="suggested", decided_at=None, decided_by="")
    assert not OpenItem.objects.exists()
    assert names(desk, made["id"]) == ["R1"]
    assert desk.show(made["id"])["aggregates"]["total_amount"] == 500
    desk.feeds.act(match_accept, match_id=Match.objects.get().pk)
    assert names(desk, made["id"]) == []
    assert desk.show(made["id"])["aggregates"]["record_count"] == 0


def test_of_several_currencies_sums_are_of_the_most_frequent_and_all_are_told(desk):
    desk.overdue(2, ("E1", 100), ("E2", -30))
    desk.overdue(4, ("U1", 900), ("U2", 100), ("U3", 0))
    desk.overdue(6, ("J1", 7000))
    Record.objects.filter(reference__startswith="U").update(currency="USD")
    Record.objects.filter(reference__startswith="J").update(currency="JPY", decimal_places=0)
    body = desk.open()
    found = body["aggregates"]
    assert (body["currency"], body["decimal_places"], found["mixed_currencies"]) == ("USD", 2, True)
    assert (found["record_count"], found["debit_count"], found["credit_count"]) == (6, 1, 4)
    assert (found["total_amount"], found["debit_sum"], found["credit_sum"]) == (1000, 0, 1000)
    assert found["avg_age_days"] == 3.67
    told = [(each["currency"], each["record_count"], each["total_amount"]) for each in found["by_currency"]]
    assert told == [("USD", 3, 1000), ("EUR", 2, 70), ("JPY", 1, 7000)]
    assert found["by_currency"][2]["decimal_places"] == 0
    left = shown(desk, body["id"], amount_min=5000)
    assert (left["currency"], left["decimal_places"], left["total_amount"]) == ("JPY", 0, 7000)


def test_of_currencies_alike_the_first_by_code_stands_above(desk):
    desk.overdue(2, ("E1", 100), ("C1", 5))
    Record.objects.filter(reference="C1").update(currency="CHF")
    assert desk.open()["currency"] == "CHF"


def test_new_since_closed_counts_what_no_sweep_had_seen_by_then(desk):
    desk.overdue(9, ("old", 100), overdue_seen_at=NOW - timedelta(days=8))
    made = desk.open()
    desk.overdue(1, ("seen", 100), overdue_seen_at=NOW)
    assert desk.show(made["id"])["new_since_closed"] == 0
    assert desk.change(made["id"], status="dismissed")["new_since_closed"] == 0
    later = NOW + timedelta(minutes=1)
    desk.overdue(1, ("unseen", 100))
    desk.overdue(1, ("seen later", 100), overdue_seen_at=later)
    desk.set_clock(later)
    assert desk.show(made["id"])["new_since_closed"] == 2
    assert desk.get(EXCEPTIONS)["data"][0]["new_since_closed"] == 2
    assert desk.change(made["id"], status="open")["new_since_closed"] == 0


# --- pages -----------------------------------------------------------------------------------------------------------------


def test_records_go_by_cursor_the_longest_overdue_first(desk):
    made = desk.open()
    desk.overdue(3, ("b", 1), ("c", 2), ("d", 3))
    desk.overdue(5, ("a", 4))
    desk.overdue(1, ("e", 5))
    path, seen, cursor = f"{EXCEPTIONS}/{made['id']}/records", [], {}
    while True:
        page = desk.get(path, limit=2, **cursor)
        seen += [row["reference"] for row in page["data"]]
        assert page["limit"] == 2
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"limit": 201}, ["limit"]),
        ({"limit": 0}, ["limit"]),
        ({"cursor": "%ff"}, ["cursor"]),
        ({"cursor": "WyI5MDEiXQ"}, ["cursor"]),
        ({"offset": 0}, ["offset"]),
    ],
)
def test_a_page_that_cannot_be_is_422(desk, five, query, path):
    body = desk.get(f"{EXCEPTIONS}/{five}/records", expect=422, **query)
    assert body["issues"][0]["path"] == path


def test_by_default_a_page_has_50(desk):
    made = desk.open()
    desk.overdue(1, *((f"R{place}", 1) for place in range(51)))
    page = desk.get(f"{EXCEPTIONS}/{made['id']}/records")
    assert (len(page["data"]), page["limit"], page["next_cursor"] is not None) == (50, 50, True)


def test_a_closed_exception_has_its_records_too(desk):
    desk.overdue(1, ("R1", 500))
    made = desk.open(status="resolved")
    assert names(desk, made["id"]) == ["R1"]
    assert desk.show(made["id"])["aggregates"]["record_count"] == 1


def test_what_is_shown_takes_as_many_queries_however_many_records(desk, django_assert_num_queries):
    made = desk.open()
    for count in (1, 40):
        desk.overdue(1, *((f"R{count}-{place}", 1) for place in range(count)))
        desk.show(made["id"])
        with django_assert_num_queries(6):
            desk.show(made["id"], counterparty="x")
        with django_assert_num_queries(8):
            desk.get(f"{EXCEPTIONS}/{made['id']}/records")


# --- where records are shown elsewhere -------------------------------------------------------------------------------------


def test_an_entry_names_the_active_exception_of_its_stream_while_it_is_escalated(desk):
    [late] = desk.overdue(1, ("late", 500))
    [fresh] = desk.overdue(-1, ("fresh", 500))
    [other] = desk.overdue(1, ("other side", 500), side="b")
    made = desk.open(status="investigating")

    def told() -> dict[int, int | None]:
        rows = desk.get("/v1/records", reconciliation_id=desk.reconciliation.pk)["data"]
        return {row["id"]: row["exception_id"] for row in rows}

    assert told() == {late.pk: made["id"], fresh.pk: None, other.pk: None}
    desk.change(made["id"], status="dismissed")
    assert set(told().values()) == {None}
    desk.change(made["id"], status="open")
    desk.delete(f"{EXCEPTIONS}/{made['id']}")
    assert set(told().values()) == {None}
