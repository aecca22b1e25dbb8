"""What people do on the page of a run: every act through its form, and what each refusal says."""

import pytest
from django.urls import reverse

from ledgers.models import SourceFile
from organizations.models import AuditEvent
from reconciliation.models import Discrepancy, Match, Pass, Run
from reconciliation.selectors.integrity import faults
from tests.reconciliation.admin.desk import Desk, text_of
from tests.reconciliation.books import STATEMENT, books
from tests.reconciliation.counting import item_counts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_broken():
    yield
    assert faults() == []


def audited(action: str) -> int:
    return AuditEvent.objects.filter(action=action).count()


# --- Files ------------------------------------------------------------------------------------------------------


def test_a_file_is_uploaded_and_read(desk: Desk):
    page = desk.upload(STATEMENT)
    assert "march.csv was read: 6 new lines, 0 known already." in page
    assert item_counts(desk.books.run).items == 6


def test_an_overlapping_file_says_what_was_known(desk: Desk):
    desk.upload(STATEMENT)
    page = desk.upload(STATEMENT + "2026-02-11,1.00,credit,NEW,S7\n", "march-2.csv")
    assert "march-2.csv was read: 1 new lines, 6 known already." in page
    assert "New lines 1 Known already 6" in page


def test_a_broken_file_is_told_line_by_line_and_nothing_is_taken(desk: Desk):
    page = desk.upload("date,amount,direction\n2026-02-04,12.345,credit\n2026-13-01,x,sideways\n")
    assert "Line Field What is wrong" in page
    assert "2 amount" in page
    assert "3 direction" in page
    assert item_counts(desk.books.run).items == 0
    assert SourceFile.objects.get().status == "failed"


def test_the_same_file_twice_is_refused(desk: Desk):
    desk.upload(STATEMENT)
    assert "This file is in the run already, as march.csv." in desk.upload(STATEMENT)


def test_no_file_is_no_upload(desk: Desk):
    assert "Choose a file first" in desk.post("upload", back="show=files")


def test_a_file_over_the_limit_is_cut_off(desk: Desk, settings):
    settings.UPLOAD_MAX_BYTES = 2**20
    page = desk.upload(b"x" * (2**20 + 1))
    assert "The file is larger than 1 MB" in page
    assert not SourceFile.objects.exists()


def test_a_large_file_is_read_by_a_worker(desk: Desk, monkeypatch):
    monkeypatch.setattr("reconciliation.admin.run_acts.READ_AT_ONCE_BYTES", 10)
    page = desk.upload(STATEMENT)
    assert "it is read in the background" in page
    assert SourceFile.objects.get().status == "processing"


def test_deleting_a_file_says_first_what_it_undoes(proposed: Desk):
    proposed.decide("accept", "S1")
    file = SourceFile.objects.get()
    url = reverse("admin:ledgers_sourcefile_act", args=[file.pk, "delete"])
    assert (
        "6 of the 6 lines of statement.csv go with it; 0 stay, since another file states them too. "
        "5 matches are undone, 1 of them accepted." in text_of(proposed.client.get(url))
    )
    answer = proposed.client.post(url, follow=True)
    assert "The file is deleted: 6 lines went with it, 5 matches were undone." in text_of(answer)
    assert answer.redirect_chain[-1][0] == f"{proposed.url}?show=files"
    assert item_counts(proposed.books.run).items == 0


# --- Matching ----------------------------------------------------------------------------------------------------


def test_matching_is_asked_for_and_shown_as_waiting(desk: Desk):
    """No worker runs in this test, so the page shows the pass instead of waiting for ever."""
    desk.books.upload(STATEMENT)
    url = reverse("admin:reconciliation_run_act", args=[desk.books.run.pk, "auto-match"])
    page = text_of(desk.client.post(url, follow=True))
    assert "Matching waits for its turn." in page
    assert Pass.objects.get().requested_by == desk.books.by.ref

    again = text_of(desk.client.post(url, follow=True))
    assert "Matching is under way." in again
    assert Pass.objects.count() == 1

    stop = reverse("admin:reconciliation_run_act", args=[desk.books.run.pk, "stop-matching"])
    assert "Matching stops." in text_of(desk.client.post(stop, follow=True))
    assert Pass.objects.get().status == "cancelled"


@pytest.mark.worker
@pytest.mark.django_db(transaction=True)
def test_a_worker_matches_while_the_person_waits(desk: Desk, worker):
    desk.books.upload(STATEMENT)
    url = reverse("admin:reconciliation_run_act", args=[desk.books.run.pk, "auto-match"])
    desk.client.post(url)
    worker.wait_until_idle()
    page = desk.page()
    assert "4 lines matched, 5 proposals made" in page


def test_one_proposal_is_accepted(proposed: Desk):
    match = proposed.books.match_with("S1")
    page = proposed.decide("accept", "S1")
    assert "INV-701 accepted" in page
    assert proposed.status(match) == "accepted"
    assert Match.objects.get(pk=match.pk).decided_by == proposed.books.by.ref


def test_many_proposals_are_decided_with_a_result_each(proposed: Desk):
    page = proposed.decide("accept", "S1", "S3")
    assert "2 done." in page
    assert "INV-701 accepted" in page
    assert "FEE-02 accepted" in page
    assert "2 done." in proposed.decide("reject", "S2", "S4")
    assert item_counts(proposed.books.run).unmatched == 3


def test_the_list_goes_on_where_it_was_filtered(proposed: Desk):
    match = proposed.books.match_with("S1")
    answer = proposed.send("decide", one=f"accept:{match.pk}", back="show=review&q=INV&rule=3")
    assert answer["Location"] == f"{proposed.url}?show=review&q=INV&rule=3"


def test_where_to_go_back_to_is_never_another_address(proposed: Desk):
    answer = proposed.send("decide", action="accept", back="//evil.example/?x")
    assert answer["Location"].startswith(f"{proposed.url}?")


def test_what_somebody_else_decided_meanwhile_is_told_with_who_and_when(proposed: Desk):
    first, second = proposed.books.match_with("S1"), proposed.books.match_with("S3")
    other = proposed.as_somebody("operator")
    assert "rejected: it is not offered again" in other.decide("reject", "S1")
    page = proposed.post("decide", action="accept", match=[first.pk, second.pk], back="show=review")
    assert "1 done." in page
    assert "1 could not be done: see why below." in page
    assert f"INV-701 It is rejected already, by {other.membership.user.shown_name} on 2" in page
    assert "FEE-02 accepted" in page
    assert proposed.status(first) == "rejected"


def test_an_accepted_match_is_undone_but_not_by_a_stale_reject(proposed: Desk):
    match = proposed.books.match_with("S1")
    proposed.decide("accept", "S1")
    page = proposed.post("decide", one=f"reject:{match.pk}", back="show=review")
    assert "It is accepted already, by" in page, "the button said reject, not undo"
    assert proposed.status(match) == "accepted"
    assert "by " in proposed.page("matched")
    assert "undone: its lines and entries are open again, and may be proposed again" in proposed.post(
        "decide", one=f"undo:{match.pk}", back="show=matched"
    )
    assert proposed.status(match) == "undone"
    proposed.books.auto_match()
    assert proposed.books.match_with("S1").status == "suggested", "an undo is not remembered"


def test_an_accepted_match_is_rejected_and_not_offered_again(proposed: Desk):
    match = proposed.books.match_with("S1")
    proposed.decide("accept", "S1")
    page = proposed.post("decide", one=f"reject-accepted:{match.pk}", back="show=matched")
    assert "rejected: its lines and entries are open again, and it is not offered again" in page
    assert proposed.status(match) == "rejected"
    proposed.books.auto_match()
    assert proposed.books.status("S1") == "unmatched"
    assert "It is rejected already, by" in proposed.post("decide", one=f"undo:{match.pk}", back="")


def test_a_match_of_another_run_is_as_unknown_as_none(proposed: Desk):
    other = books(proposed.books.by, code="2000")
    other.upload(STATEMENT)
    other.auto_match()
    foreign = other.match_with("S1")
    for pk in (foreign.pk, 987_654_321):
        page = proposed.post("decide", one=f"accept:{pk}", back="show=review")
        assert f"{pk} There is no such match in this run." in page
    assert proposed.status(foreign) == "suggested"


@pytest.mark.parametrize("fields", [{"one": "eat:1"}, {}, {"action": "eat"}])
def test_a_decision_that_does_not_exist_is_not_found(proposed: Desk, fields):
    assert proposed.send("decide", **fields).status_code == 404


def test_nothing_ticked_does_nothing(proposed: Desk):
    assert "Nothing was ticked" in proposed.post("decide", action="accept", back="show=review")
    assert "Nothing was ticked" in proposed.post("decide", one="accept:x", back="show=review")


def test_all_proposals_are_accepted_after_a_dry_summary(proposed: Desk):
    url = reverse("admin:reconciliation_run_accept_all", args=[proposed.books.run.pk])
    page = text_of(proposed.client.get(url, {"q": ""}))
    assert "Accept 5 proposals?" in page
    assert "The least sure one 50%" in page
    assert "Their lines come to 2,300.60 EUR" in page
    assert Match.objects.filter(status="accepted").count() == 0, "looking accepts nothing"

    until = sorted(Match.objects.values_list("pk", flat=True))[2]
    proposed.client.post(url, {"until": until})
    assert Match.objects.filter(status="accepted").count() == 3, "what came later is not accepted unseen"
    proposed.client.post(url, {})
    assert Match.objects.filter(status="accepted").count() == 3


def test_all_of_a_search_are_accepted_and_no_others(proposed: Desk):
    url = reverse("admin:reconciliation_run_accept_all", args=[proposed.books.run.pk])
    last = Match.objects.order_by("-pk").first().pk
    answer = proposed.client.post(url, {"until": last, "q": "FEE-02"}, follow=True)
    assert "1 done." in text_of(answer)
    assert proposed.status(proposed.books.match_with("S3")) == "accepted"
    assert Match.objects.filter(status="suggested").count() == 4


# --- By hand ----------------------------------------------------------------------------------------------------


def test_lines_and_entries_that_add_up_are_matched_by_hand(desk: Desk):
    desk.books.upload(STATEMENT)
    entries = [desk.books.entries[name] for name in ("G4", "G5")]
    page = desk.post("match", line=desk.books.item("S4"), entry=entries, note="by phone", back="show=by-hand")
    assert "Matched. You find it under Matched, where it can be undone." in page
    match = desk.books.match_with("S4")
    assert (match.status, match.note, match.origin) == ("accepted", "by phone", "manual")


def test_an_entry_in_another_match_is_refused_with_who_made_it(proposed: Desk):
    line, entry = proposed.books.item("S1"), proposed.books.entries["G1"]
    page = proposed.post("match", line=line, entry=entry, back="show=by-hand")
    match = proposed.books.match_with("S1")
    assert (
        "INV-701 of 2026-02-04, 1,250.00 EUR, stands in a proposal: "
        f"Match {match.pk}, made by Tieout (auto match) on" in page
    )


def test_a_closed_line_is_refused(desk: Desk):
    desk.books.upload(STATEMENT)
    line, entry = desk.books.item("S1"), desk.books.entries["G1"]
    desk.post("close", line=line, reason="fee", back="")
    page = desk.post("match", line=line, entry=entry, back="show=by-hand")
    name = desk.membership.user.shown_name
    assert f"INV-701 of 2026-02-04, 1,250.00 EUR, was closed by {name} on" in page
    assert "Reopen it first, under Closed." in page


@pytest.mark.parametrize("fields", [{}, {"line": "x"}, {"entry": "00000000-0000-0000-0000-000000000000"}])
def test_a_match_needs_both_sides(proposed: Desk, fields):
    page = proposed.post("match", **fields, back="show=by-hand")
    assert "Tick at least one statement line and one ledger entry." in page


def test_another_organizations_lines_are_as_unknown_as_none(proposed: Desk):
    from organizations.actors import user_actor
    from tests.organizations.backoffice.people import signed_in

    _client, stranger = signed_in("operator")
    foreign = books(user_actor(stranger.user, stranger), code="9000")
    foreign.upload(STATEMENT)
    for line in (foreign.item("S1"), "00000000-0000-4000-8000-000000000000"):
        page = proposed.post("match", line=line, entry=proposed.books.entries["G7"], back="show=by-hand")
        assert "One of the ticked ones is not in this run and its ledger." in page
        page = proposed.post("close", line=line, reason="x", back="show=by-hand")
        assert "One of the ticked ones It is not in this run and its ledger." in page
        assert str(line) not in page
    assert foreign.status("S1") == "unmatched"


# --- Closing ----------------------------------------------------------------------------------------------------


def test_lines_are_closed_with_a_reason_and_reopened(proposed: Desk):
    lines = [proposed.books.item("S5"), proposed.books.item("S6")]
    page = proposed.post("close", line=lines, reason="Bank fee", close_note="asked them", back="show=by-hand")
    assert "2 done." in page
    closed = proposed.page("closed")
    assert f"Closed by {proposed.membership.user.shown_name} on" in closed
    assert ": Bank fee · “asked them”" in closed

    assert "INV-799 open again" in proposed.post("reopen", one=f"line:{lines[0]}", back="show=closed")
    assert "S6 open again" in proposed.post("reopen", line=lines[1:], back="show=closed")
    assert item_counts(proposed.books.run).closed == 0


def test_a_line_is_not_closed_without_a_reason(proposed: Desk):
    page = proposed.post("close", line=proposed.books.item("S6"), reason=" ", back="show=by-hand")
    assert "Say why: a line or an entry is closed with a reason." in page
    assert proposed.books.status("S6") == "unmatched"


def test_a_matched_line_is_not_closed(proposed: Desk):
    proposed.decide("accept", "S1")
    page = proposed.post("close", line=proposed.books.item("S1"), reason="fee", back="show=by-hand")
    assert "It is matched. Reject its match first, then close it." in page


def test_an_open_line_is_not_reopened(proposed: Desk):
    page = proposed.post("reopen", one=f"line:{proposed.books.item('S6')}", back="show=closed")
    assert "It is not closed, so there is nothing to reopen." in page


def test_a_run_is_finished_when_every_line_is_explained(proposed: Desk):
    proposed.decide("accept", "S1", "S2", "S3", "S4")
    lines = [proposed.books.item("S5"), proposed.books.item("S6")]
    page = proposed.post("close", line=lines, reason="Bank fee", back="")
    assert "finished" in page
    assert "100%" in page
    assert "It is finished. Reopen one of its lines first." in page, "why it cannot be deleted"


# --- Discrepancies ------------------------------------------------------------------------------------------------


def test_discrepancies_are_reviewed_closed_and_reopened(proposed: Desk):
    one = Discrepancy.objects.get(type="unmatched_source").pk
    two = Discrepancy.objects.get(type="amount_mismatch").pk
    back = "show=differences"
    assert "Statement line without entry, S6 in review" in proposed.post(
        "discrepancies", one=f"review:{one}", back=back
    )
    assert "Statement line without entry In review" in proposed.page("differences")
    page = proposed.post("discrepancies", action="close", discrepancy=[one, two], reason="", back=back)
    assert "2 could not be done" in page
    assert "Say why: a reason is required to close a discrepancy." in page
    page = proposed.post("discrepancies", action="close", discrepancy=[one, two], reason="waived", back=back)
    assert "2 done." in page
    assert "No discrepancy is open." in proposed.page("differences")
    assert "waived" in proposed.page("differences", all="1")
    assert "Amounts differ, INV-799 open again" in proposed.post(
        "discrepancies", action="reopen", discrepancy=[two], back=back
    )
    page = proposed.post("discrepancies", action="reopen", discrepancy=[two], back=back)
    assert "A discrepancy that is open cannot become open." in page
    assert "There is no such discrepancy in this run." in proposed.post(
        "discrepancies", one="review:987654321", back=back
    )


# --- The run itself ------------------------------------------------------------------------------------------------


def test_a_run_is_renamed_and_deleted_by_its_own_acts(proposed: Desk):
    run = proposed.books.run
    rename = reverse("admin:reconciliation_run_act", args=[run.pk, "rename"])
    assert "The run has its new name." in text_of(
        proposed.client.post(rename, {"note": "February"}, follow=True)
    )
    delete = reverse("admin:reconciliation_run_act", args=[run.pk, "delete"])
    assert "The ledger's entries stay and are open again." in text_of(proposed.client.get(delete))
    assert Run.objects.live().filter(pk=run.pk).exists(), "looking deletes nothing"
    answer = proposed.client.post(delete, follow=True)
    assert "The run is deleted." in text_of(answer)
    assert proposed.client.get(proposed.url).status_code == 404


def test_each_act_leaves_one_line_in_the_history(proposed: Desk):
    before = audited("match.accepted")
    proposed.decide("accept", "S1")
    assert audited("match.accepted") == before + 1
    assert "match accepted" in proposed.page()
