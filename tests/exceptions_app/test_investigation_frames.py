"""What an investigation looks at: which records, with which amounts, how many at most, and in how many queries."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exceptions_app.investigating.frames import LIMITS, Frames, Limits, load, rule_window
from exceptions_app.models import Investigation
from reconciliation.models import OpenItem
from reconciliation.services.stream_records import RecordIn, records_add
from rules.models import Reconciliation
from rules.services.rules import revision_write
from tests.clock import NOW
from tests.exceptions_app.investigating import Account, Acquirer, Looked
from tests.factories.reconciliation import MatchFactory, MatchMemberFactory
from tests.factories.rules import RuleFactory

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 3, 2)


def asked_of(looked: Looked, **filters: object) -> Investigation:
    asked = looked.ask(filter_params=filters)
    Investigation.objects.filter(pk=asked.pk).update(status="failed", finished_at=NOW)
    return Investigation.objects.select_related("exception__reconciliation").get(pk=asked.pk)


def loaded(looked: Looked, limits: Limits = LIMITS, **filters: object) -> Frames:
    return load(asked_of(looked, **filters), at=NOW, limits=limits)


def ids(frame) -> list[int]:
    return sorted(frame["id"].to_list())


def test_the_slice_is_asked_about_and_what_is_open_on_either_side_is_looked_at():
    acquirer = Acquirer()
    late = acquirer.overdue(17_50, DAY, reference="R", description="D", counterparty="C", external_id="E")
    not_due = acquirer.add(acquirer.stream, 20_00, DAY)
    paid = acquirer.paid(-17_25, DAY, currency="USD")
    found = loaded(acquirer)
    assert ids(found.asked) == [late.pk]
    assert ids(found.own) == sorted([late.pk, not_due.pk])
    assert found.asked.row(0, named=True) == {
        "id": late.pk,
        "side": "a",
        "stream": acquirer.stream.pk,
        "date": DAY,
        "amount": 17_50,
        "currency": "EUR",
        "decimal_places": 2,
        "reference": "R",
        "description": "D",
        "counterparty": "C",
        "external_id": "E",
        "suggestion": None,
    }
    assert found.other.select("id", "side", "amount", "currency").rows() == [(paid.pk, "b", -17_25, "USD")]
    assert (found.in_slice, found.left_out, found.matched.height) == (1, {}, 0)


def test_what_is_closed_or_of_amount_0_is_not_looked_at():
    acquirer = Acquirer()
    acquirer.overdue(17_50, DAY)
    nothing, closed = acquirer.paid(0, DAY), acquirer.paid(17_50, DAY)
    OpenItem.objects.filter(record=closed).update(
        closed_at=NOW, closed_by="user:1", close_reason="other", cleared_on=DAY
    )
    found = loaded(acquirer)
    assert {nothing.pk, closed.pk} & set(ids(found.other)) == set()


def test_of_a_ledger_amounts_are_what_money_in_and_out_is_for_the_owner():
    account = Account()
    [line] = account.upload("2026-02-04,19.90,debit,FEE-02,S3")
    [entry] = account.books.post(("G3", "credit", 20_00, 5, "FEE-02"))
    found = loaded(account)
    assert found.asked.select("id", "amount").rows() == [(line.pk, -19_90)]
    assert found.other.select("id", "amount").rows() == [(entry.pk, -20_00)]


def test_of_a_ledgers_own_entries_too():
    """An asset's credit is money out: as a record it is above zero, for the owner below."""
    account = Account()
    account.upload("2026-02-04,19.90,debit,FEE-02,S3")
    [entry] = account.books.post(("G3", "credit", 20_00, 5, "FEE-02"))
    account.stream = entry.stream
    account.make_due(entry)
    found = loaded(account)
    assert found.asked.select("id", "side", "amount").rows() == [(entry.pk, "b", -20_00)]
    assert found.other["amount"].to_list() == [-19_90]


def test_of_what_is_held_the_rest_is_asked_about():
    account = Account()
    line, _other = account.upload("2026-02-08,500.00,credit,INV-703,S4", "2026-02-09,1.00,credit,X,S5")
    account.books.post(("G4", "debit", 300_00, 7, "INV-703"))
    account.books.manual(["S4"], ["G4"])
    found = loaded(account)
    assert dict(found.asked.select("id", "amount").iter_rows())[line.pk] == 200_00
    assert dict(found.own.select("id", "amount").iter_rows())[line.pk] == 200_00
    assert sorted(found.matched["amount"].to_list()) == [300_00, 500_00]


def test_members_of_undecided_suggestions_are_looked_at_and_say_which():
    acquirer = Acquirer()
    late, paid = (
        acquirer.add(acquirer.stream, 17_50, DAY, reference="R"),
        acquirer.paid(17_50, DAY, reference="R"),
    )
    suggested = MatchFactory(reconciliation=acquirer.reconciliation)
    OpenItem.objects.filter(record__in=[late, paid]).delete()
    for record, side in ((late, "a"), (paid, "b")):
        MatchMemberFactory(match=suggested, record=record, side=side)
    acquirer.make_due(late)
    found = loaded(acquirer)
    for frame, record in ((found.asked, late), (found.own, late), (found.other, paid)):
        assert frame.select("id", "suggestion").rows() == [(record.pk, suggested.pk)]


def test_accepted_matches_of_late_are_looked_at_whole():
    acquirer = Acquirer()
    acquirer.overdue(17_50, DAY)
    pairs = [
        (acquirer.add(acquirer.stream, 5_00, day), acquirer.paid(5_00, day))
        for day in (DAY, DAY - timedelta(days=180), DAY - timedelta(days=181))
    ]
    made = [acquirer.feeds.match(acquirer.reconciliation, [a], [b]).pk for a, b in pairs]
    found = loaded(acquirer).matched
    assert set(found["match"]) == set(made[:2])
    assert sorted(found.filter(match=made[0])["id"]) == sorted(each.pk for each in pairs[0])


def test_candidates_further_away_than_the_reach_are_left_alone():
    acquirer = Acquirer()
    acquirer.overdue(17_50, DAY)
    days = [DAY + timedelta(days=away) for away in (-91, -90, 90, 91)]
    paid = [acquirer.paid(17_50, day) for day in days]
    assert ids(loaded(acquirer).other) == [paid[1].pk, paid[2].pk]


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"amount_min": 20_00}, ["large"]),
        ({"amount_max": 19_99}, ["small", "out"]),
        ({"date_from": "2026-03-05"}, ["out"]),
        ({"date_to": "2026-03-04"}, ["small", "large"]),
        ({"direction": "debit"}, ["out"]),
        ({"counterparty": "coffee"}, ["large"]),
        ({"age_bucket": "7_30d"}, ["small"]),
        ({"direction": "credit", "amount_min": 18_00}, ["large"]),
        ({"counterparty": " "}, ["small", "large", "out"]),
    ],
)
def test_filters_say_which_part_of_the_slice_is_asked_about(filters, left):
    acquirer = Acquirer()
    made = {
        "small": acquirer.overdue(17_50, DAY),
        "large": acquirer.overdue(20_00, DAY, counterparty="Green Coffee"),
        "out": acquirer.overdue(-5_00, date(2026, 3, 5)),
    }
    acquirer.make_due(made["small"], at=NOW - timedelta(days=10))
    found = loaded(acquirer, **filters)
    assert ids(found.asked) == sorted(made[name].pk for name in left)
    assert found.in_slice == len(left)
    assert found.own.height == 3  # siblings may explain, whatever the filters


def many(acquirer: Acquirer, count: int) -> None:
    for stream in (acquirer.stream, acquirer.bank):
        rows = [RecordIn(DAY, 100 + place, "credit", "EUR", reference=f"{place}") for place in range(count)]
        for start in range(0, count, 1000):
            made = acquirer.feeds.act(records_add, stream=stream, records=rows[start : start + 1000])
            if stream == acquirer.stream:
                acquirer.make_due(*made)


@pytest.mark.parametrize("count", [10, 2_000])
def test_the_number_of_queries_does_not_depend_on_the_number_of_records(count):
    acquirer = Acquirer()
    many(acquirer, count)
    row = asked_of(acquirer)
    with CaptureQueriesContext(connection) as queries:
        found = load(row, at=NOW)
    assert (found.asked.height, found.other.height) == (count, count)
    assert len(queries) == QUERIES, [str(query["sql"])[:80] for query in queries]


QUERIES = 11
"""The stream's side, four copies (each after a word that opens the connection), the rules and their revisions."""


def test_of_too_many_the_longest_overdue_and_the_nearest_days_are_looked_at():
    acquirer = Acquirer()
    late = [acquirer.overdue(17_50, DAY) for _place in range(3)]
    acquirer.make_due(late[2], at=NOW - timedelta(days=30))
    days = [DAY + timedelta(days=away) for away in (-40, -3, 0, 2, 50)]
    paid = [acquirer.paid(17_50, day) for day in days]
    found = loaded(acquirer, Limits(asked=2, candidates=3))
    assert ids(found.asked) == [late[0].pk, late[2].pk]
    assert ids(found.other) == [paid[1].pk, paid[2].pk, paid[3].pk]
    assert (found.in_slice, found.left_out) == (3, {"asked": 1, "other": 2})


def test_of_one_day_with_too_many_some_are_looked_at():
    acquirer = Acquirer()
    acquirer.overdue(17_50, DAY)
    paid = [acquirer.paid(17_50, DAY) for _place in range(5)]
    found = loaded(acquirer, Limits(candidates=3))
    assert ids(found.other) == [each.pk for each in paid[:3]]
    assert found.left_out == {"other": 2}


# --- how far the rules look -------------------------------------------------------------------------------------------------


def with_rule(reconciliation: Reconciliation, *conditions: dict, operand: str = "and") -> None:
    rule = RuleFactory(
        organization=reconciliation.organization,
        reconciliation=reconciliation,
        filters={"operand": operand, "rules": list(conditions)},
    )
    revision_write(rule, by="system:test", at=NOW)


AMOUNT = {"key": "amount", "operand": "eq", "value": "amount"}


def dated(**more: object) -> dict:
    return {"key": "date", "operand": "eq", "value": "date", **more}


def days(count: int) -> dict:
    return dated(tolerance_amount=count, tolerance_unit="day")


@pytest.mark.parametrize(
    ("conditions", "window"),
    [
        ([], 5),  # no rule says it: as is usual
        ([AMOUNT, days(3)], 3),
        ([AMOUNT, dated(days=[-1, 12])], 12),
        ([AMOUNT, dated()], 0),
        ([AMOUNT, days(9), {"operand": "and", "rules": [days(2)]}], 2),
        ([AMOUNT, {"operand": "or", "rules": [days(9), days(2)]}], 9),
    ],
)
def test_the_window_is_that_of_the_rules(conditions, window):
    reconciliation = Acquirer().reconciliation
    if conditions:
        with_rule(reconciliation, *conditions)
    assert rule_window(reconciliation) == window


def test_of_several_rules_the_widest_window_counts():
    reconciliation = Acquirer().reconciliation
    with_rule(reconciliation, AMOUNT, days(3))
    with_rule(reconciliation, AMOUNT, days(7))
    assert rule_window(reconciliation) == 7
