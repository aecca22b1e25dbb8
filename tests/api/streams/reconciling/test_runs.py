"""Runs of a reconciliation over HTTP: started by hand, waited for, listed, cancelled, taken back."""

from __future__ import annotations

import pytest

from reconciliation.models import Match, Pass
from reconciliation.services.execution import pass_execute
from rules.services import setup
from tests.api.callers import without_correlation
from tests.api.streams.reconciling.conftest import Cards
from tests.clock import NOW
from tests.factories.ledgers import LedgerFactory
from tests.factories.reconciliation import PassFactory

pytestmark = pytest.mark.django_db

DOCUMENTED = {
    "id",
    "kind",
    "status",
    "trigger",
    "total_records",
    "processed_records",
    "matched_records",
    "rule_summary",
    "progress",
    "started_at",
    "completed_at",
}
SOON = {"Prefer": "respond-async"}


@pytest.fixture
def paired(cards: Cards) -> Cards:
    cards.add("a", ("R-1", 500), ("R-2", 900))
    cards.add("b", ("R-1", 500), ("R-3", 900))
    return cards


def executed(cards: Cards, **rule) -> dict:
    if rule:
        cards.reconciliation.rules.update(**rule)
    cards.feeds.auto_match(cards.reconciliation)
    (row,) = cards.get(f"{cards.path}/runs", limit=1)["data"]
    return row


def test_it_is_started_by_hand_and_answers_202_with_its_place(paired: Cards):
    answer = paired.client.post(f"{paired.path}/runs", {}, format="json", headers=SOON)
    body = answer.json()
    assert (answer.status_code, answer["Location"]) == (202, f"{paired.path}/runs/{body['id']}")
    assert answer["Preference-Applied"] == "respond-async"
    assert body.keys() >= DOCUMENTED
    assert (body["kind"], body["status"], body["trigger"]) == ("batch", "pending", "manual")
    assert (body["rule_summary"], body["progress"], body["url"]) == (None, 0, answer["Location"])
    assert paired.get(paired.path)["current_run"] == body
    pass_execute(pass_id=body["id"], clock=lambda: NOW)
    ended = paired.get(body["url"])
    assert (ended["status"], ended["progress"], ended["total_records"]) == ("completed", 100, 4)
    standing = paired.get(paired.path)
    assert (standing["current_run"], standing["last_run"]) == (None, ended)


@pytest.mark.worker
@pytest.mark.django_db(transaction=True)
def test_the_answer_waits_for_its_end(paired: Cards, worker):
    body = paired.post(f"{paired.path}/runs", expect=200, Prefer="wait=30")
    assert (body["status"], body["suggested_matches"]) == ("completed", 1)


def test_what_it_found_is_told_by_rule(paired: Cards):
    rule = paired.reconciliation.rules.get()
    body = executed(paired, auto_accept=True, score=1)
    said = body["rule_summary"]
    assert set(said) == {str(rule.pk)}
    assert (said[str(rule.pk)]["matches"], said[str(rule.pk)]["revision"]) == (1, 1)
    assert (body["suggested_matches"], body["lost_to_others"]) == (1, 0)


def test_records_of_suggestions_are_not_counted_as_matched(paired: Cards):
    body = executed(paired, auto_accept=False)
    assert Match.objects.get().status == "suggested"
    assert (body["matched_records"], body["accepted_matches"]) == (0, 0)


def test_while_one_waits_a_second_is_refused_with_its_progress(paired: Cards):
    first = paired.post(f"{paired.path}/runs", expect=202, **SOON)
    body = paired.post(f"{paired.path}/runs", expect=409, **SOON)
    assert body["reason"] == "pass.running"
    assert body["details"] == {"pass": {"id": first["id"], "status": "pending", "progress": 0}}


def test_behind_one_that_runs_it_waits(paired: Cards):
    PassFactory(reconciliation=paired.reconciliation, status="running")
    assert paired.post(f"{paired.path}/runs", expect=202, **SOON)["status"] == "pending"


def test_one_that_waits_by_itself_becomes_it(paired: Cards):
    waiting = PassFactory(reconciliation=paired.reconciliation, kind="continuous", trigger="record_created")
    body = paired.post(f"{paired.path}/runs", expect=202, **SOON)
    assert (body["id"], body["kind"], body["trigger"]) == (waiting.pk, "batch", "manual")


def test_a_repeat_under_its_key_starts_no_second(paired: Cards):
    headers = {"Idempotency-Key": "once", **SOON}
    first = paired.post(f"{paired.path}/runs", expect=202, **headers)
    assert paired.post(f"{paired.path}/runs", expect=202, **headers) == first
    assert Pass.objects.count() == 1


def test_a_body_is_not_taken(paired: Cards):
    assert paired.post(f"{paired.path}/runs", {"kind": "batch"}, expect=422)["issues"][0]["path"] == ["kind"]


def test_the_list_is_newest_first_by_pages(cards: Cards):
    made = [
        PassFactory(reconciliation=cards.reconciliation, status="completed", kind=kind, finished_at=NOW).pk
        for kind in ("batch", "continuous", "batch")
    ]
    assert [row["id"] for row in cards.get(f"{cards.path}/runs")["data"]] == made[::-1]
    page = cards.get(f"{cards.path}/runs", limit=2)
    assert (page["limit"], len(page["data"])) == (2, 2)
    rest = cards.get(f"{cards.path}/runs", limit=2, cursor=page["next_cursor"])
    assert ([row["id"] for row in rest["data"]], rest["next_cursor"]) == ([made[0]], None)
    assert cards.get(f"{cards.path}/runs", 422, offset=1)["issues"][0]["path"] == ["offset"]


def test_a_page_takes_the_same_number_of_queries_however_long(paired: Cards, django_assert_num_queries):
    executed(paired)
    paired.get(f"{paired.path}/runs")
    with django_assert_num_queries(5):
        paired.get(f"{paired.path}/runs")
    for _each in range(4):
        executed(paired)
    paired.get(f"{paired.path}/runs")
    with django_assert_num_queries(5):
        assert len(paired.get(f"{paired.path}/runs")["data"]) == 5


def test_it_is_cancelled_while_it_waits(paired: Cards):
    body = paired.post(f"{paired.path}/runs", expect=202, **SOON)
    ended = paired.post(f"{body['url']}/cancel", expect=200)
    assert (ended["status"], ended["id"]) == ("cancelled", body["id"])
    assert paired.post(f"{body['url']}/cancel", expect=200)["status"] == "cancelled"


def test_it_is_taken_back_with_what_it_accepted_only_where_that_is_said(paired: Cards):
    body = executed(paired, auto_accept=True)
    match = Match.objects.get()
    Match.objects.update(status="accepted")
    refused = paired.post(f"{body['url']}/undo", expect=409)
    assert (refused["reason"], refused["details"]) == ("pass.has_accepted", {"accepted": 1, "live": 1})
    assert paired.post(f"{body['url']}/undo", {"undo_accepted": True}, expect=200) == {"undone": 1}
    match.refresh_from_db()
    assert match.status == "undone"
    assert paired.get(body["url"])["undone_at"] is not None


def test_of_a_ledger_they_are_readable_but_not_started(cards: Cards):
    ledger = LedgerFactory(organization=cards.feeds.organization)
    own = setup.ledger_reconciliation(ledger, by=cards.feeds.by, at=NOW)
    done = PassFactory(reconciliation=own, status="completed", finished_at=NOW)
    path = f"/v1/reconciliations/{own.pk}/runs"
    assert [row["id"] for row in cards.get(path)["data"]] == [done.pk]
    assert cards.get(f"{path}/{done.pk}")["id"] == done.pk
    for refused in (path, f"{path}/{done.pk}/cancel", f"{path}/{done.pk}/undo"):
        assert cards.post(refused, expect=409)["reason"] == "reconciliation.owned"


def test_of_a_deleted_reconciliation_and_of_another_there_is_none(cards: Cards):
    done = PassFactory(reconciliation=cards.feeds.reconciliation(), status="completed", finished_at=NOW)
    assert cards.get(f"{cards.path}/runs/{done.pk}", 404)["reason"] == "pass.not_found"
    cards.delete(cards.path)
    for path in ("runs", f"runs/{done.pk}"):
        assert cards.get(f"{cards.path}/{path}", 404)["reason"] == "reconciliation.not_found"
    assert cards.post(f"{cards.path}/runs", expect=404)["reason"] == "reconciliation.not_found"


@pytest.mark.parametrize(
    ("method", "end"), [("get", ""), ("post", ""), ("get", "/1"), ("post", "/1/cancel"), ("post", "/1/undo")]
)
def test_anothers_are_as_unknown_as_those_that_do_not_exist(cards: Cards, stranger, method, end):
    answers = [
        getattr(stranger, method)(f"/v1/reconciliations/{pk}/runs{end}", format="json")
        for pk in (cards.reconciliation.pk, 99999999, "cards")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({str(without_correlation(answer)) for answer in answers}) == 1
