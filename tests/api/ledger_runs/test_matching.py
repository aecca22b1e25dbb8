"""Passes, and what people decide on matches."""

from functools import partial
from uuid import uuid4

import pytest

from organizations.acts import perform
from organizations.models import User
from reconciliation.models import Match, Pass
from reconciliation.services.matches import match_reject
from reconciliation.tasks import execute_pass
from tests.api.ledger_runs.desk import HEADER, MATCHES, PASSES, ROOT, RUNS, STATEMENT, february
from tests.clock import NOW
from tests.factories.organizations import actor_with

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(desk):
    return february(desk)


@pytest.fixture
def ledger(books):
    return books[0]


@pytest.fixture
def entries(books):
    return books[1]


@pytest.fixture
def run(desk, ledger):
    run = desk.run(ledger)
    assert desk.upload(run, STATEMENT).status_code == 201
    return run


@pytest.fixture
def matched_run(desk, run, tasks_at_once):
    assert desk.auto_match(run).json() == {"matched": 4}
    return run


@pytest.fixture
def match(desk, matched_run):
    """S1's, suggested."""
    return desk.match_of(matched_run, desk.items(matched_run)["S1"])


class TestAutoMatch:
    def test_past_the_wait_it_is_202_with_the_pass(self, desk, run):
        response = desk.auto_match(run, Prefer="respond-async")
        link = response.json()["pass"]
        assert (response.status_code, link["status"]) == (202, "pending")
        assert response.headers["Location"] == link["url"] == f"{PASSES}/{link['id']}"
        assert response.headers["Preference-Applied"] == "respond-async"
        execute_pass(pass_id=Pass.objects.get().pk)
        done = desk.get(link["url"]).json()
        assert (done["status"], done["matched"], done["suggested"], done["run_id"]) == (
            "completed",
            4,
            5,
            run,
        )
        assert desk.show(run)["last_pass"]["id"] == link["id"]

    def test_the_wait_of_the_settings_holds_without_preference(self, desk, run, settings):
        settings.MATCH_WAIT_SECONDS = 0
        assert desk.auto_match(run).status_code == 202

    def test_a_second_one_while_the_first_is_under_way_is_409_with_its_progress(self, desk, run):
        desk.auto_match(run, Prefer="respond-async")
        response = desk.auto_match(run)
        assert (response.status_code, response.json()["code"]) == (409, "ledgers.run_state_conflict")
        assert response.json()["reason"] == "pass.running"
        assert response.json()["details"]["pass"]["status"] == "pending"

    def test_a_repeat_under_a_key_answers_from_the_same_pass(self, desk, run):
        key = {"Idempotency-Key": "a1", "Prefer": "respond-async"}
        first = desk.auto_match(run, **key)
        execute_pass(pass_id=Pass.objects.get().pk)
        again = desk.auto_match(run, **key)
        assert (first.status_code, again.status_code) == (202, 200)
        assert (again.json(), again.headers["Idempotency-Replayed"]) == ({"matched": 4}, "true")
        assert Pass.objects.count() == 1

    def test_an_unknown_run_is_404_and_a_body_with_keys_400(self, desk, run):
        assert desk.auto_match(str(uuid4())).status_code == 404
        assert desk.post(f"{RUNS}/{run}/auto-match", {"rules": []}).status_code == 400

    def test_people_go_on_working_while_it_waits(self, desk, run, entries):
        desk.auto_match(run, Prefer="respond-async")
        s1 = desk.items(run)["S1"]["id"]
        assert desk.manual(run, [s1], [entries["G1"]]).status_code == 201

    def test_a_waiting_pass_can_be_cancelled(self, desk, run):
        link = desk.auto_match(run, Prefer="respond-async").json()["pass"]
        response = desk.post(f"{link['url']}/cancel")
        assert (response.status_code, response.json()["status"]) == (200, "cancelled")
        assert desk.post(f"{link['url']}/cancel").json()["status"] == "cancelled"
        assert desk.get(f"{PASSES}/{uuid4()}").json()["reason"] == "pass.not_found"


class TestExplanation:
    def test_names_the_rule_and_the_records_by_their_uuids(self, desk, matched_run, match):
        body = desk.get(f"{MATCHES}/{match['id']}/explanation").json()
        assert body["match"]["id"] == match["id"]
        [rule] = body["rules"]
        assert (rule["rule"], rule["holds"]) == ("Reference and amount", True)
        ways = [group for group in rule["groups"] if group["operand"] == "or"]
        assert [(group["path"], group["holds"]) for group in ways] == [(["filters", "rules", 1], True)]
        assert body["confidence"]["value"] == 1.0

    def test_of_a_group_it_names_each_record_by_its_uuid(self, desk, matched_run):
        many = next(
            row for row in desk.rows(f"{RUNS}/{matched_run}/matches") if len(row["ledger_entry_ids"]) > 1
        )
        [rule] = desk.get(f"{MATCHES}/{many['id']}/explanation").json()["rules"]
        sums = [one for one in rule["conditions"] if one["key"] == "effect" and one["path"][0] == "filters"]
        assert {seen["record_id_b"] for seen in sums[0]["records"]} == set(many["ledger_entry_ids"])
        assert str(sums[0]["value_a"]) == many["source_total"]["amount"]

    def test_of_a_match_by_hand_it_says_so(self, desk, run, entries):
        made = desk.manual(run, [desk.items(run)["S1"]["id"]], [entries["G1"]]).json()
        body = desk.get(f"{MATCHES}/{made['id']}/explanation").json()
        assert (body["rules"], body["match"]["origin"]) == ([], "manual")
        assert "person" in body["confidence"]["note"]


class TestLedgerTrigger:
    def test_counts_over_all_open_runs(self, desk, ledger, run, tasks_at_once):
        second = desk.run(ledger)
        desk.upload(second, HEADER + "2026-02-12,6.60,debit,CARD-12,S7\n")
        response = desk.post(f"{ROOT}/{ledger['id']}/reconcile")
        assert (response.status_code, response.json()) == (200, {"matched": 5})

    def test_without_runs_it_is_0(self, desk):
        assert desk.post(f"{ROOT}/{desk.ledger()['id']}/reconcile").json() == {"matched": 0}

    def test_past_the_wait_it_is_202_with_the_passes(self, desk, ledger, run):
        response = desk.post(f"{ROOT}/{ledger['id']}/reconcile", Prefer="respond-async")
        assert response.status_code == 202
        assert [each["status"] for each in response.json()["passes"]] == ["pending"]

    def test_an_unknown_ledger_is_404(self, desk):
        response = desk.post(f"{ROOT}/{uuid4()}/reconcile")
        assert (response.status_code, response.json()["code"]) == (404, "ledgers.ledger_not_found")


class TestManualMatch:
    def test_many_to_many(self, desk, run, entries):
        items = desk.items(run)
        response = desk.manual(
            run,
            [items["S1"]["id"], items["S4"]["id"]],
            [entries["G1"], entries["G4"], entries["G5"]],
            note="one remittance",
        )
        match = response.json()
        assert (response.status_code, match["status"], match["origin"]) == (201, "accepted", "manual")
        assert len(match["source_entry_ids"]) == 2
        assert len(match["ledger_entry_ids"]) == 3
        assert (match["source_total"]["amount"], match["difference"]["amount"]) == ("175000", "0")
        assert (match["note"], match["rule"], match["run_id"]) == ("one remittance", None, run)
        assert match.pop("not_covered") == []
        assert desk.get(f"{MATCHES}/{match['id']}").json() == match
        assert desk.show(run)["status"] == "completed"

    @pytest.mark.parametrize(
        "change",
        [
            {"source_entry_ids": []},
            {"ledger_entry_ids": []},
            {"source_entry_ids": None},
            {"source_entry_ids": ["odd"]},
            {"source_entry_ids": "all"},
            {"amount": 5},
        ],
    )
    def test_a_body_that_cannot_be_used_is_400(self, desk, run, entries, change):
        body = {
            "source_entry_ids": [desk.items(run)["S1"]["id"]],
            "ledger_entry_ids": [entries["G1"]],
            **change,
        }
        response = desk.post(f"{RUNS}/{run}/manual-match", body)
        assert (response.status_code, response.json()["code"]) == (400, "ledgers.invalid_request")

    def test_repeated_ids_are_400(self, desk, run, entries):
        s1 = desk.items(run)["S1"]["id"]
        assert desk.manual(run, [s1, s1], [entries["G1"]]).status_code == 400

    def test_unknown_ids_are_404(self, desk, run, entries):
        s1 = desk.items(run)["S1"]["id"]
        item = desk.manual(run, [str(uuid4())], [entries["G1"]])
        assert (item.status_code, item.json()["code"]) == (404, "ledgers.item_not_found")
        assert desk.manual(run, [s1], [str(uuid4())]).status_code == 404

    def test_an_item_of_another_run_does_not_belong(self, desk, ledger, run, entries):
        other = desk.run(ledger)
        s1 = desk.items(run)["S1"]["id"]
        assert desk.manual(other, [s1], [entries["G1"]]).status_code in (400, 404)

    def test_an_entry_of_another_ledger_does_not_belong(self, desk, run):
        other = desk.ledger(code="1300")
        entry = desk.entry(other, "debit", "1250.00", "2026-02-04")
        assert desk.manual(run, [desk.items(run)["S1"]["id"]], [entry]).status_code in (400, 404)

    def test_what_a_live_match_has_is_409_and_says_which(self, desk, match, matched_run, entries):
        s1 = desk.items(matched_run)["S1"]["id"]
        response = desk.manual(matched_run, [s1], [entries["G1"]])
        assert (response.status_code, response.json()["reason"]) == (409, "match.token_taken")
        assert match["id"] in str(response.json()["details"])

    def test_a_closed_item_is_409(self, desk, ledger, run, entries):
        s1 = desk.items(run)["S1"]
        desk.close(s1, ledger)
        assert desk.manual(run, [s1["id"]], [entries["G1"]]).status_code == 409


class TestDecisions:
    def test_accept_says_who_and_when(self, desk, match, api_key):
        done = desk.accept(match).json()
        assert (done["status"], done["decided_by"]) == ("accepted", f"key:{api_key.prefix}")
        assert done["decided_at"].endswith("Z")

    def test_accept_twice_is_one_decision(self, desk, match):
        first, again = desk.accept(match), desk.accept(match)
        assert again.status_code == 200
        assert again.json() == first.json()

    def test_accept_of_a_rejected_one_is_409_with_who_and_when(self, desk, match, api_key):
        desk.reject(match)
        response = desk.accept(match)
        body = response.json()
        assert (response.status_code, body["code"]) == (409, "ledgers.match_state_conflict")
        assert body["details"]["status"] == "rejected"
        assert body["details"]["by"]

    def test_a_refusal_names_the_person_who_decided(self, desk, match, organization):
        anna = actor_with(organization=organization)
        perform(partial(match_reject, match_id=Match.objects.get(uuid=match["id"]).pk, by=anna, at=NOW))
        body = desk.accept(match).json()
        name = f"user:{User.objects.get(pk=anna.user_id).shown_name}"
        assert name != anna.ref
        assert body["details"]["by"] == name
        assert f"decided by {name} at" in body["message"]
        bulk = desk.post(f"{MATCHES}/bulk", {"action": "accept", "ids": [match["id"]]}).json()
        assert bulk["results"][0]["problem"]["details"]["by"] == name

    def test_reject_twice_is_a_no_op(self, desk, match):
        assert [desk.reject(match).status_code for _ in range(2)] == [200, 200]

    def test_reject_of_an_accepted_one_is_its_undo(self, desk, ledger, match):
        desk.accept(match)
        assert desk.unreconciled(ledger) == 6
        assert desk.reject(match).json()["status"] == "rejected"
        assert desk.unreconciled(ledger) == 7

    def test_a_rejected_group_is_not_suggested_again(self, desk, match, matched_run):
        desk.reject(match)
        assert desk.auto_match(matched_run).json() == {"matched": 0}

    def test_expected_status_lets_the_second_of_two_people_know(self, desk, match):
        assert desk.accept(match, expected_status="suggested").status_code == 200
        late = desk.reject(match, expected_status="suggested")
        assert (late.status_code, late.json()["details"]["status"]) == (409, "accepted")

    def test_a_status_that_nobody_knows_is_400(self, desk, match):
        assert desk.accept(match, expected_status="maybe").status_code == 400

    @pytest.mark.parametrize("act", ["accept", "reject"])
    def test_an_unknown_match_is_404(self, desk, act):
        response = desk.post(f"{MATCHES}/{uuid4()}/{act}")
        assert (response.status_code, response.json()["code"]) == (404, "ledgers.match_not_found")

    @pytest.mark.parametrize(("body", "note"), [({"note": "why"}, "why"), ({"note": None}, None), ({}, None)])
    def test_note(self, desk, match, body, note):
        response = desk.client.patch(f"{MATCHES}/{match['id']}/note", body)
        assert (response.status_code, response.json()["note"]) == (200, note)

    def test_a_note_with_other_keys_is_400(self, desk, match):
        assert desk.client.patch(f"{MATCHES}/{match['id']}/note", {"status": "accepted"}).status_code == 400


class TestBulk:
    def bulk(self, desk, ids, action="accept", **headers):
        return desk.post(f"{MATCHES}/bulk", {"action": action, "ids": ids}, **headers)

    def test_each_has_a_result_of_its_own(self, desk, matched_run):
        ids = [row["id"] for row in desk.rows(f"{RUNS}/{matched_run}/matches")]
        desk.post(f"{MATCHES}/{ids[0]}/reject")
        unknown = str(uuid4())
        body = self.bulk(desk, [*ids, unknown]).json()
        assert (body["done"], body["refused"]) == (4, 2)
        results = {each["id"]: each for each in body["results"]}
        assert results[ids[0]]["problem"]["reason"] == "match.state"
        assert results[unknown]["problem"]["status"] == 404
        assert results[ids[1]]["match"]["status"] == "accepted"

    def test_a_repeat_under_a_key_repeats_none(self, desk, matched_run):
        ids = [row["id"] for row in desk.rows(f"{RUNS}/{matched_run}/matches")]
        first = self.bulk(desk, ids, **{"Idempotency-Key": "b1"}).json()
        desk.post(f"{MATCHES}/{ids[0]}/reject")
        assert self.bulk(desk, ids, **{"Idempotency-Key": "b1"}).json() == first

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"action": "accept"},
            {"action": "undo", "ids": [str(uuid4())]},
            {"action": "accept", "ids": []},
        ],
    )
    def test_a_body_that_cannot_be_used_is_400(self, desk, body):
        assert desk.post(f"{MATCHES}/bulk", body).status_code == 400

    def test_more_than_a_thousand_are_400(self, desk):
        assert self.bulk(desk, [str(uuid4()) for _ in range(1001)]).status_code == 400


class TestList:
    def test_by_status_and_rule(self, desk, match, matched_run):
        desk.reject(match)
        assert [row["id"] for row in desk.rows(f"{RUNS}/{matched_run}/matches", status="rejected")] == [
            match["id"]
        ]
        assert len(desk.rows(f"{RUNS}/{matched_run}/matches", status="suggested,accepted")) == 4
        named = desk.rows(f"{RUNS}/{matched_run}/matches", **{"search.rule": match["rule"]})
        assert match["id"] in {row["id"] for row in named}

    def test_of_an_unknown_run_is_404(self, desk):
        for name in ("matches", "items", "gl-only", "gl-all", "discrepancies", "sources"):
            response = desk.get(f"{RUNS}/{uuid4()}/{name}")
            assert (response.status_code, response.json()["code"]) == (404, "ledgers.run_not_found")
