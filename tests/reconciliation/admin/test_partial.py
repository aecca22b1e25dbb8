"""Groups that don't add up on the page of a run: said before, confirmed, extended, written off, undone."""

import pytest
from django.urls import reverse

from reconciliation.models import Match, OpenItem
from reconciliation.selectors.integrity import faults
from tests.reconciliation.admin.desk import Desk, text_of
from tests.reconciliation.books import STATEMENT

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_broken():
    yield
    assert faults() == []


@pytest.fixture
def read(desk: Desk) -> Desk:
    """The example's statement is in; nothing is matched."""
    desk.books.upload(STATEMENT)
    return desk


def ticks(desk: Desk, lines: list[str], entries: list[str]) -> dict:
    return {
        "line": [str(desk.books.item(name)) for name in lines],
        "entry": [str(desk.books.entries[name]) for name in entries],
        "back": "show=by-hand",
    }


def planned(desk: Desk, lines: list[str], entries: list[str]) -> str:
    url = reverse("admin:reconciliation_run_plan", args=[desk.books.run.pk])
    return text_of(desk.client.post(url, ticks(desk, lines, entries)))


def matched(desk: Desk, lines: list[str], entries: list[str]) -> str:
    """Ask, read what it would do, confirm."""
    fields = ticks(desk, lines, entries)
    answer = desk.send("match", **fields)
    context = desk.client.get(answer["Location"]).context
    assert context["confirming"]
    return desk.post("match", sure=context["plan"].seal, **fields)


def test_the_rest_and_what_gets_nothing_is_said_before_the_click(read: Desk):
    said = planned(read, ["S5"], ["G6"])
    assert said == (
        "Line INV-799 of 2026-02-09 is matched with 77.00 EUR of 90.00 EUR: 13.00 EUR stays open on it."
    )
    said = planned(read, ["S6"], ["G6", "G5"])
    assert (
        "Entry INV-703 of 2026-02-07 is matched with 15.00 EUR of 200.00 EUR: 185.00 EUR stays open" in said
    )
    assert "Nothing is left for these, so they are not matched and stay open: INV-799 77.00 EUR." in said
    assert planned(read, ["S1"], ["G1"]) == ""
    assert planned(read, ["S1"], []) == ""
    assert Match.objects.count() == 0


def test_why_a_group_cannot_be_matched_in_part_is_said_before_the_click(read: Desk):
    assert "The lines are money of one direction and the entries of the other" in planned(
        read, ["S3"], ["G6"]
    )
    assert "one of them has money in and money out" in planned(read, ["S1", "S3"], ["G6"])


def test_a_group_that_does_not_add_up_is_matched_in_part_after_a_confirmation(read: Desk):
    fields = ticks(read, ["S5"], ["G6"])
    asked = read.client.get(read.send("match", **fields)["Location"])
    assert "Match in part? Line INV-799 of 2026-02-09 is matched with 77.00 EUR of 90.00 EUR" in text_of(
        asked
    )
    assert Match.objects.count() == 0, "asking matches nothing"

    page = read.post("match", sure=asked.context["plan"].seal, **fields)
    assert "Matched in part: 13.00 EUR stays open on line INV-799." in page
    match = read.books.match_with("S5")
    assert (match.status, match.difference) == ("accepted", 13_00)
    by_hand = read.page("by-hand", which="held")
    assert f"+13.00 of +90.00 rest of Match {match.pk} INV-799" in by_hand
    assert "77.00 EUR of 90.00 EUR matched · 13.00 EUR left on the line" in read.page("matched")


def test_what_changed_since_the_question_is_asked_again(read: Desk):
    fields = ticks(read, ["S5", "S6"], ["G6"])
    seal = read.client.get(read.send("match", **fields)["Location"]).context["plan"].seal
    read.books.post(("G8", "debit", 5_00, 2, "X-1"))
    read.as_somebody("operator").books.made(["S6"], ["G8"])  # 10.00 of S6 are left: another outcome
    page = read.post("match", sure=seal, **fields)
    assert "What is open has changed since you looked, so nothing was matched." in page
    assert "It takes the place of this match" in page, "what it would be now"
    assert read.books.status("S5") == "unmatched"


def test_a_held_line_that_is_ticked_extends_its_match(read: Desk):
    first = read.books.made(["S5"], ["G6"]).match
    read.books.post(("G8", "debit", 13_00, 12, "INV-799B"))
    said = planned(read, ["S5"], ["G8"])
    assert (
        f"It adds up. It takes the place of this match, with all its lines and entries: Match {first.pk} (accepted)"
        in said
    )
    page = matched(read, ["S5"], ["G8"])
    assert f"Matched. It took the place of Match {first.pk}." in page
    second = read.books.match_with("S5")
    assert (second.record_count, second.difference, read.status(first)) == (3, 0, "superseded")

    old = text_of(read.client.get(reverse("admin:reconciliation_match_change", args=[first.pk])))
    assert f"Match {second.pk} took the place of this one." in old
    new = text_of(read.client.get(reverse("admin:reconciliation_match_change", args=[second.pk])))
    assert f"In place of Match {first.pk}" in new

    undo = reverse("admin:reconciliation_match_act", args=[second.pk, "undo"])
    assert "The matches that it took the place of do not come back." in text_of(read.client.get(undo))
    read.client.post(undo)
    assert read.books.status("S5") == "unmatched"
    assert read.status(first) == "superseded"


def test_the_rest_of_a_line_is_written_off_with_a_reason_and_reopened(read: Desk):
    match = read.books.made(["S5"], ["G6"]).match
    line = str(read.books.item("S5"))
    assert "Its match has changed since you looked, so nothing was closed." in read.post(
        "close", line=line, reason="Bank fee", back="show=by-hand"
    ), "the page showed it as not matched at all"
    assert f'name="seen" value="{line}"' in read.client.get(read.url, {"show": "by-hand"}).content.decode()
    page = read.post("close", line=line, seen=line, reason="Bank fee", back="show=by-hand")
    assert f"INV-799 the rest of 13.00 EUR is written off; Match {match.pk} stays" in page
    assert f"rest of Match {match.pk}, written off" in read.page("closed")
    assert "13.00 EUR written off" in read.page("matched")
    assert "INV-799 open again" in read.post("reopen", one=f"line:{line}", back="show=closed")
    assert OpenItem.objects.get(record__uuid=line).held_by == match.pk


def test_entries_are_written_off_and_closed_as_lines_are(read: Desk):
    match = read.books.made(["S6"], ["G6"]).match
    entries = [str(read.books.entries[name]) for name in ("G6", "G7")]
    page = read.post("close", entry=entries, seen=entries[:1], reason="Rounding", back="show=by-hand")
    assert f"INV-799 the rest of 62.00 EUR is written off; Match {match.pk} stays" in page
    assert "CARD-12 closed" in page
    closed = read.page("closed")
    assert "Ledger entries" in closed
    assert "+62.00 EUR of +77.00" in closed
    page = read.post("reopen", entry=entries, back="show=closed")
    assert "2 done." in page


def test_a_line_under_a_proposal_in_part_is_closed_whole_and_said_so(proposed: Desk):
    match = proposed.books.match_with("S5")
    page = proposed.post("close", line=str(proposed.books.item("S5")), reason="Bank fee", back="")
    assert f"INV-799 closed; its proposal, Match {match.pk}, is taken back" in page
    assert proposed.status(match) == "undone"


def test_a_proposal_in_part_says_what_would_be_left(proposed: Desk):
    page = proposed.page("review")
    assert "Reference, amounts differ · 50% sure · 2 days apart · 13.00 EUR left on the line" in page
    assert "77.00 EUR of 90.00 EUR matched · 13.00 EUR left on the line" in page


def test_a_part_is_not_counted_as_done(read: Desk):
    read.books.made(["S5"], ["G6"])
    page = read.page()
    assert "Progress 0%" in page
    assert "1 matched in part" in page
    assert "Unmatched and partial 6" in page


def test_the_page_of_a_held_line_says_how_much_is_left_and_offers_the_write_off(read: Desk):
    match = read.books.made(["S5"], ["G6"]).match
    row = read.books.row("S5")
    page = text_of(read.client.get(reverse("admin:ledgers_statementline_change", args=[row.pk])))
    assert "Matched amount 77.00 EUR of 90.00 EUR, 13.00 EUR left" in page
    url = reverse("admin:ledgers_statementline_act", args=[row.pk, "write-off"])
    asked = text_of(read.client.get(url))
    assert f"Write off the rest: 13.00 EUR. Match {match.pk} stays" in asked
    page = text_of(read.client.post(url, {"reason": "Bank fee"}, follow=True))
    assert "partly matched, rest written off" in page
    assert "Reopen" in page
    entry = read.books.entries["G6"]
    from ledgers.models import Record

    page = text_of(
        read.client.get(reverse("admin:ledgers_record_change", args=[Record.objects.get(uuid=entry).pk]))
    )
    assert "Close It is matched. Undo its match first." in page


def test_a_write_off_of_a_match_that_ended_meanwhile_closes_nothing(read: Desk):
    match = read.books.made(["S5"], ["G6"]).match
    row = read.books.row("S5")
    read.as_somebody("operator").post("decide", one=f"undo:{match.pk}", back="")
    url = reverse("admin:ledgers_statementline_act", args=[row.pk, "write-off"])
    page = text_of(read.client.post(url, {"reason": "Rounding"}, follow=True))
    assert "Its match has changed since you looked, so nothing was closed." in page
    assert read.books.status("S5") == "unmatched"


def test_a_viewer_is_told_nothing_can_be_done_and_sees_the_plan(read: Desk):
    viewer = read.as_somebody("viewer")
    assert viewer.send("close", entry=[str(read.books.entries["G6"])], reason="x").status_code == 403
    assert "13.00 EUR stays open" in planned(viewer, ["S5"], ["G6"])
