"""Partial matches over HTTP: what is left, extending, writing off, closing entries, undoing."""

from uuid import uuid4

import pytest

from tests.api.ledger_runs.desk import HEADER, MATCHES, PASSES, ROOT, RUNS, STATEMENT, Desk, euros, february

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tasks_at_once")]

ENTRIES = f"{ROOT}/reconciliation/entries"


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


def entry_of(desk: Desk, run: str, entry: str, **query: object) -> dict:
    return next(row for row in desk.rows(f"{RUNS}/{run}/gl-all", **query) if row["id"] == entry)


def by_hand(desk: Desk, run: str, items: list[str], entries: list[str], **more: object) -> dict:
    response = desk.manual(run, [desk.items(run)[name]["id"] for name in items], entries, **more)
    assert response.status_code == 201, response.content
    return response.json()


class TestByHand:
    def test_what_gets_nothing_is_named(self, desk, run, entries):
        match = by_hand(desk, run, ["S5", "S6"], [entries["G6"]])
        s6 = desk.items(run)["S6"]
        assert (match["not_covered"], match["difference"]) == ([s6["id"]], euros(1300))
        assert len(match["source_entry_ids"]) == 1
        assert s6["match_status"] == "unmatched"

    def test_a_larger_entry_is_held_and_its_row_says_what_is_left(self, desk, run, entries):
        match = by_hand(desk, run, ["S6"], [entries["G2"]])
        item = desk.items(run)["S6"]
        assert (item["match_status"], item["residual_amount"]) == ("matched", euros(0))
        row = entry_of(desk, run, entries["G2"])
        assert (row["linked_match_id"], row["residual_amount"]) == (match["id"], euros(46550))
        [said] = desk.rows(f"{RUNS}/{run}/discrepancies", type="amount_mismatch")
        assert (said["source_entry_id"], said["ledger_entry_id"]) == (None, entries["G2"])
        assert (said["match_id"], said["status"]) == (match["id"], "in_review")
        by_entry = desk.rows(f"{RUNS}/{run}/discrepancies", ledger_entry_id=entries["G2"])
        assert [row["id"] for row in by_entry] == [said["id"]]
        assert desk.rows(f"{RUNS}/{run}/discrepancies", source_entry_id=entries["G2"]) == []

    def test_an_item_named_again_extends_its_match(self, desk, ledger, run, entries):
        first = by_hand(desk, run, ["S5"], [entries["G6"]])
        more = desk.entry(ledger, "debit", "13.00", "2026-02-14")
        second = by_hand(desk, run, ["S5"], [more])
        assert (second["difference"], len(second["ledger_entry_ids"])) == (euros(0), 2)
        assert [row["id"] for row in desk.rows(f"{RUNS}/{run}/matches")] == [second["id"]]
        assert desk.get(f"{MATCHES}/{first['id']}").status_code == 404  # superseded
        assert desk.accept(first).status_code == 404
        assert desk.items(run)["S5"]["match_status"] == "matched"

    @pytest.mark.parametrize(("items", "names"), [(["S1"], ["G3"]), (["S1", "S3"], ["G2"])])
    def test_directions_that_cannot_cover_each_other_are_400_with_the_figures(
        self, desk, run, entries, items, names
    ):
        ids = [desk.items(run)[name]["id"] for name in items]
        response = desk.manual(run, ids, [entries[name] for name in names])
        body = response.json()
        assert (response.status_code, body["code"]) == (400, "ledgers.invalid_request")
        assert body["reason"] in ("match.mixed_signs", "match.sides_oppose")
        assert "EUR" in body["message"]
        assert isinstance(body["details"]["difference"], int)

    def test_it_has_an_accounting_date(self, desk, run, entries):
        s5 = desk.items(run)["S5"]["id"]
        early = desk.manual(run, [s5], [entries["G6"]], cleared_on="2026-02-10")
        assert (early.status_code, early.json()["issues"][0]["path"]) == (400, ["cleared_on"])
        assert desk.manual(run, [s5], [entries["G6"]], cleared_on="soon").status_code == 400
        match = by_hand(desk, run, ["S5"], [entries["G6"]], cleared_on="2026-03-31")
        assert match["cleared_on"] == "2026-03-31"


class TestAsAt:
    def test_items_stand_as_they_stood_that_day(self, desk, ledger, run, entries):
        by_hand(desk, run, ["S5"], [entries["G6"]])  # cleared on the 11th
        desk.close(desk.items(run)["S5"], ledger, cleared_on="2026-03-05")

        def s5(day: str) -> tuple:
            [row] = desk.rows(f"{RUNS}/{run}/items", as_at=day, search="INV-799")
            return row["match_status"], row["residual_amount"], row["cleared_on"]

        assert s5("2026-02-10") == ("unmatched", euros(9000), None)
        assert s5("2026-02-11") == ("partial", euros(1300), None)
        assert s5("2026-03-05") == ("closed", euros(1300), "2026-03-05")
        assert len(desk.rows(f"{RUNS}/{run}/items", as_at="2026-02-05")) == 2
        assert desk.client.get(f"{RUNS}/{run}/items?as_at=then").status_code == 400

    def test_entries_stand_as_they_stood_that_day(self, desk, run, entries):
        by_hand(desk, run, ["S6"], [entries["G2"]])  # cleared on the 10th
        assert entry_of(desk, run, entries["G2"], as_at="2026-02-09")["residual_amount"] == euros(48050)
        row = entry_of(desk, run, entries["G2"], as_at="2026-02-10")
        assert (row["linked"], row["residual_amount"]) == (True, euros(46550))


class TestWriteOff:
    def test_closing_a_partial_item_keeps_its_match(self, desk, ledger, run, entries):
        match = by_hand(desk, run, ["S5"], [entries["G6"]])
        s5 = desk.items(run)["S5"]
        done = desk.close(s5, ledger, reason="bank_fee", cleared_on="2026-03-01").json()
        assert (done["match_status"], done["match_id"]) == ("closed", match["id"])
        assert (done["matched_amount"], done["residual_amount"]) == (euros(7700), euros(1300))
        assert (done["close_reason"], done["cleared_on"]) == ("bank_fee", "2026-03-01")
        assert desk.reopen(s5).json()["match_status"] == "partial"
        early = desk.close(s5, ledger, cleared_on="2026-02-09")
        assert (early.status_code, early.json()["reason"]) == (400, "match.cleared_on")
        desk.close(s5, ledger)
        desk.reject(match)
        freed = desk.items(run)["S5"]
        assert (freed["match_status"], freed["residual_amount"]) == ("unmatched", euros(9000))
        assert (freed["close_reason"], freed["closed_at"], freed["cleared_on"]) == (None, None, None)

    def test_an_entrys_rest_is_written_off_and_reopened(self, desk, run, entries, api_key):
        by_hand(desk, run, ["S6"], [entries["G2"]])
        path = f"{ENTRIES}/{entries['G2']}"
        done = desk.post(f"{path}/close", {"reason": "discount", "note": "agreed"})
        row = done.json()
        assert (done.status_code, row["id"], row["linked"]) == (200, entries["G2"], True)
        assert (row["close_reason"], row["close_note"], row["cleared_on"]) == (
            "discount",
            "agreed",
            "2026-02-10",
        )
        assert (row["closed_by"], row["residual_amount"]) == (f"key:{api_key.prefix}", euros(46550))
        assert entry_of(desk, run, entries["G2"]) == row
        assert desk.post(f"{path}/close").json() == row  # twice is once
        again = desk.post(f"{path}/reopen").json()
        assert (again["close_reason"], again["closed_at"], again["linked"]) == (None, None, True)
        refused = desk.post(f"{path}/reopen")
        assert (refused.status_code, refused.json()["code"]) == (409, "ledgers.item_state_conflict")

    def test_a_free_entry_is_closed_and_stays_in_gl_only(self, desk, run, entries):
        assert desk.post(f"{ENTRIES}/{entries['G7']}/close", {}).json()["close_reason"] == "manual_review"
        [row] = [row for row in desk.rows(f"{RUNS}/{run}/gl-only") if row["id"] == entries["G7"]]
        assert (row["linked"], row["residual_amount"]) == (False, euros(660))
        taken = desk.manual(run, [desk.items(run)["S3"]["id"]], [entries["G7"]])
        assert (taken.status_code, taken.json()["reason"]) == (409, "match.token_taken")

    def test_a_matched_entry_is_409(self, desk, run, entries):
        by_hand(desk, run, ["S5"], [entries["G6"]])
        response = desk.post(f"{ENTRIES}/{entries['G6']}/close", {})
        assert (response.status_code, response.json()["code"]) == (409, "ledgers.item_state_conflict")

    @pytest.mark.parametrize("body", [{"reason": "x" * 65}, {"cleared_on": "soon"}, {"ledger_id": "x"}])
    def test_a_body_that_cannot_be_used_is_400(self, desk, entries, body):
        assert desk.post(f"{ENTRIES}/{entries['G7']}/close", body).status_code == 400

    @pytest.mark.parametrize("act", ["close", "reopen"])
    def test_an_unknown_entry_and_a_foreign_one_are_404(self, desk, other_desk, entries, act):
        unknown = desk.post(f"{ENTRIES}/{uuid4()}/{act}")
        foreign = other_desk.post(f"{ENTRIES}/{entries['G1']}/{act}")
        for response in (unknown, foreign):
            assert (response.status_code, response.json()["code"]) == (404, "ledgers.ledger_entry_not_found")


class TestUndo:
    @pytest.fixture
    def matched_run(self, desk, run):
        assert desk.auto_match(run).json() == {"matched": 4}
        return run

    def test_a_match_is_undone_without_a_judgement(self, desk, matched_run):
        match = desk.match_of(matched_run, desk.items(matched_run)["S1"])
        done = desk.post(f"{MATCHES}/{match['id']}/undo").json()
        assert (done["status"], done["ended_reason"], done["active"]) == ("rejected", "undone", False)
        assert desk.post(f"{MATCHES}/{match['id']}/undo").json() == done
        assert desk.auto_match(matched_run).json() == {"matched": 1}
        assert desk.post(f"{MATCHES}/{uuid4()}/undo").status_code == 404

    def test_undo_may_expect_a_status(self, desk, matched_run):
        match = desk.match_of(matched_run, desk.items(matched_run)["S1"])
        desk.accept(match)
        late = desk.post(f"{MATCHES}/{match['id']}/undo", {"expected_status": "suggested"})
        assert (late.status_code, late.json()["details"]["status"]) == (409, "accepted")

    def test_a_pass_is_undone_whole(self, desk, ledger, matched_run):
        last = desk.show(matched_run)["last_pass"]["id"]
        assert desk.post(f"{PASSES}/{last}/undo").json() == {"undone": 5}
        assert {item["match_status"] for item in desk.items(matched_run).values()} == {"unmatched"}
        assert desk.auto_match(matched_run).json() == {"matched": 4}
        assert desk.post(f"{PASSES}/{uuid4()}/undo").json()["reason"] == "pass.not_found"

    def test_what_people_accepted_is_undone_only_when_they_say_so(self, desk, matched_run):
        desk.accept(desk.match_of(matched_run, desk.items(matched_run)["S1"]))
        last = desk.show(matched_run)["last_pass"]["id"]
        refused = desk.post(f"{PASSES}/{last}/undo")
        assert (refused.status_code, refused.json()["details"]["accepted"]) == (409, 1)
        assert desk.post(f"{PASSES}/{last}/undo", {"undo_accepted": True}).json() == {"undone": 5}

    def test_a_runs_passes_are_undone_and_what_people_matched_stays(self, desk, matched_run, entries):
        desk.reject(desk.match_of(matched_run, desk.items(matched_run)["S5"]))
        by_hand(desk, matched_run, ["S5"], [entries["G6"]])
        assert desk.post(f"{RUNS}/{matched_run}/undo").json() == {"undone": 4}
        assert desk.items(matched_run)["S5"]["match_status"] == "partial"
        assert desk.post(f"{RUNS}/{uuid4()}/undo").status_code == 404


def test_discrepancies_name_amounts_and_lines_not_ids(desk, ledger):
    run = desk.run(ledger)
    desk.upload(run, HEADER + "2026-02-04,1250.00,credit,INV-701,A\n" * 1)
    desk.upload(run, HEADER + "2026-02-05,9.00,credit,R9,B\n2026-02-05,9.00,credit,R9,C\n", name="second.csv")
    [said] = desk.rows(f"{RUNS}/{run}/discrepancies", type="duplicate_source")
    assert said["description"] == (
        "Has date, amount and reference of line 2 of second.csv. Both were kept: compare them."
    )
