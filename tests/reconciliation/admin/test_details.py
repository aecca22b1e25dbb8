"""The pages of single rows: one sentence, both sides, history, and the acts that are possible or greyed with a reason."""

import io

import pytest
from django.urls import reverse

from ledgers.models import BankAccount, Journal, Ledger, Record, SourceFile, StatementLine
from reconciliation.models import Discrepancy, Match, Pass
from rules.models import Rule
from tests.factories.ledgers import LedgerFactory, RecordFactory, StatementLineFactory
from tests.reconciliation.admin.desk import Desk, text_of

pytestmark = pytest.mark.django_db

BOOKS = "date,amount,direction,reference,description\n2026-02-20,12.50,debit,INV-900,Late\n"


def url_of(row, name="change", *args):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk, *args])


def opened(desk: Desk, row) -> str:
    answer = desk.client.get(url_of(row))
    assert answer.status_code == 200
    return text_of(answer)


def acted(desk: Desk, row, act: str, **fields) -> str:
    return text_of(desk.client.post(url_of(row, "act", act), fields, follow=True))


# --- Matches ------------------------------------------------------------------------------------------------------


def test_a_proposal_shows_both_sides_and_what_can_be_done(proposed: Desk):
    match = proposed.books.match_with("S1")
    page = opened(proposed, match)
    assert "This is a proposal: its records are kept together until somebody decides." in page
    assert "Statement Date 2026-02-04 Reference INV-701 Amount +1,250.00 EUR credit" in page
    assert "Books Date 2026-02-04 Reference INV-701 Amount +1,250.00 EUR debit" in page
    assert "matching asked for" in page, "its history begins with the matching that proposed it"


def test_a_match_is_accepted_noted_and_undone_on_its_page(proposed: Desk):
    match = proposed.books.match_with("S1")
    assert "Accepted." in acted(proposed, match, "accept")
    page = acted(proposed, match, "note", note="by phone")
    assert "The note is kept." in page
    assert "by phone" in page
    assert "match accepted" in page, "the history"
    assert f"{proposed.membership.user.shown_name} on 2" in page
    assert "Accept It is accepted." in page
    assert "Undone. Its records are open again." in acted(proposed, match, "undo")
    assert "undone by a person" in opened(proposed, match)
    assert "Undo It is undone." in opened(proposed, match), "greyed, with why"


def test_a_button_of_a_page_that_is_no_longer_true_does_nothing_and_says_who_was_first(proposed: Desk):
    match, other = proposed.books.match_with("S1"), proposed.as_somebody("operator")
    other.decide("accept", "S1")
    for stale in ("reject", "undo-proposal"):
        page = acted(proposed, match, stale)
        assert f"It is accepted already, by {other.membership.user.shown_name} on 2" in page
        assert proposed.status(match) == "accepted"
    assert "exactly this group is never proposed again" in text_of(
        proposed.client.get(url_of(match, "act", "reject-accepted"))
    )
    assert "Rejected." in acted(proposed, match, "reject-accepted")
    assert "It is rejected already, by" in acted(proposed, match, "undo")


def test_a_proposal_is_rejected_on_its_page(proposed: Desk):
    match = proposed.books.match_with("S1")
    assert "Rejected. Its records are open again." in acted(proposed, match, "reject")
    assert proposed.status(match) == "rejected"


def test_a_viewer_sees_a_match_and_cannot_decide_it(proposed: Desk):
    viewer, match = proposed.as_somebody("viewer"), proposed.books.match_with("S1")
    assert "Your role does not allow this." in opened(viewer, match)
    assert viewer.client.post(url_of(match, "act", "accept")).status_code == 403
    assert proposed.status(match) == "suggested"


# --- Lines --------------------------------------------------------------------------------------------------------


def line_of(desk: Desk, name: str) -> StatementLine:
    return StatementLine.objects.get(record__uuid=desk.books.item(name))


def test_a_line_is_closed_noted_and_reopened_on_its_page(proposed: Desk):
    line = line_of(proposed, "S6")
    assert "no ledger entry is matched with it" in opened(proposed, line)
    page = acted(proposed, line, "close", reason="Bank fee", note="as always")
    assert "It is closed." in page
    assert ": Bank fee · “as always”" in page
    assert "closed: Bank fee" in page, "the history"
    assert "It is closed already." in page
    assert "The note is kept." in acted(proposed, line, "note", note="look here")
    assert "look here" in opened(proposed, line)
    assert "It is open again." in acted(proposed, line, "reopen")
    assert "It is not closed." in opened(proposed, line)


def test_a_matched_line_shows_its_match_and_is_not_closed(proposed: Desk):
    proposed.decide("accept", "S4")
    line = line_of(proposed, "S4")
    page = opened(proposed, line)
    assert "This line is matched with the ledger's entries below." in page
    assert "Together +500.00 EUR" in page
    assert "It is matched. Undo its match first." in page
    assert "It is matched. Undo its match first." in acted(proposed, line, "close", reason="x")


def test_a_proposed_line_can_be_closed_and_its_proposal_is_taken_back(proposed: Desk):
    match = proposed.books.match_with("S1")
    acted(proposed, line_of(proposed, "S1"), "close", reason="x")
    assert proposed.status(match) == "undone"


def test_a_line_without_a_run_is_shown_without_acts(desk: Desk):
    stray = StatementLineFactory(
        statement__source_file__organization=desk.membership.organization, record__reference="STRAY"
    )
    page = opened(desk, stray)
    assert "This line's account belongs to no ledger" in page
    assert "STRAY" in page
    assert "Reopen" not in page


def test_a_batch_shows_the_payments_in_it(desk: Desk):
    line = StatementLineFactory(
        statement__source_file__organization=desk.membership.organization,
        record__metadata={"details_sum": "9.99"},
    )
    for name in ("E1", "E2"):
        RecordFactory(stream=line.record.stream, kind="detail", parent=line.record, reference=name)
    page = opened(desk, line)
    assert "The 2 payments in this line" in page
    assert page.index("E1") < page.index("E2")
    assert "they add up to 9.99" in page


# --- Books ---------------------------------------------------------------------------------------------------------


def test_an_entry_shows_the_statements_side(proposed: Desk):
    entry = Record.objects.get(uuid=proposed.books.entries["G4"])
    page = opened(proposed, entry)
    assert "A statement line is proposed for this entry" in page
    assert "Amount +500.00 EUR credit" in page
    assert "Debit 300.00 EUR" in page
    left = Record.objects.get(uuid=proposed.books.entries["G7"])
    assert "the bank has not stated it, or not yet" in opened(proposed, left)


def test_a_statement_line_has_no_page_among_the_entries(proposed: Desk):
    record = line_of(proposed, "S1").record
    assert proposed.client.get(url_of(record)).status_code == 302


def test_entries_and_journals_are_read_only(proposed: Desk):
    for row in (Record.objects.get(uuid=proposed.books.entries["G1"]), Journal.objects.first()):
        assert proposed.client.post(url_of(row), {"reference": "changed"}).status_code == 403
        add = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_add")
        assert proposed.client.get(add).status_code == 403


def test_a_journal_shows_its_entries(proposed: Desk):
    page = opened(proposed, Journal.objects.order_by("pk").first())
    assert "One entry, posted by itself." in page
    assert "INV-701" in page
    assert "1,250.00 EUR" in page


def test_a_ledger_says_how_it_stands(proposed: Desk):
    page = opened(proposed, proposed.books.ledger)
    assert "Asset account in EUR with 7 entries, 7 of them not reconciled." in page
    proposed.decide("accept", "S4")
    assert "7 entries, 5 of them not reconciled." in opened(proposed, proposed.books.ledger)


def test_a_ledger_names_its_newest_runs_and_counts_the_rest(desk: Desk):
    for name in ("April", "May", "June", "July"):
        acted(desk, desk.books.ledger, "start-run", note=name, mode="manual")
    assert "July , June , May +2" in opened(desk, desk.books.ledger)
    listed = text_of(desk.client.get(reverse("admin:ledgers_ledger_changelist")))
    assert "July , June , May +2" in listed


def test_a_ledger_is_added_with_its_opening_balance(desk: Desk):
    data = {
        "code": "1200",
        "description": "Savings",
        "type": "asset",
        "currency": "eur",
        "allows_direct_booking": "on",
        "opening": "1,250.50",
        "opening_day": "2026-01-01",
    }
    page = text_of(desk.client.post(reverse("admin:ledgers_ledger_add"), data, follow=True))
    assert "was added successfully" in page
    ledger = Ledger.objects.get(code="1200")
    assert (ledger.currency, ledger.opening_balance, str(ledger.opening_balance_on)) == (
        "EUR",
        1250_50,
        "2026-01-01",
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"opening": "12,5"}, "Write it like 1250.00"),
        ({"opening": "1.00", "opening_day": ""}, "An opening balance needs the day"),
        ({"code": "1000"}, "A ledger with code 1000 exists already."),
        ({"currency": "e1"}, "Three letters, such as EUR."),
    ],
)
def test_a_ledger_that_cannot_be_is_told_why(desk: Desk, changes, why):
    data = {"code": "1200", "type": "asset", "currency": "EUR", "opening_day": "2026-01-01", **changes}
    page = text_of(desk.client.post(reverse("admin:ledgers_ledger_add"), data))
    assert why in page
    assert not Ledger.objects.filter(code="1200").exists()


def test_only_what_may_change_of_a_ledger_changes(desk: Desk):
    data = {"description": "Renamed", "allows_direct_booking": "on", "type": "liability", "code": "X"}
    desk.client.post(url_of(desk.books.ledger), data)
    ledger = Ledger.objects.get(pk=desk.books.ledger.pk)
    assert (ledger.description, ledger.type, ledger.code) == ("Renamed", "asset", "1000")


def test_books_are_imported_on_a_ledgers_page(desk: Desk):
    file = io.BytesIO(BOOKS.encode())
    file.name = "books.csv"
    page = acted(desk, desk.books.ledger, "import-books", file=file)
    assert "1 entries are posted, 0 were known already." in page
    assert "8 entries" in page
    file.seek(0)
    assert "0 entries are posted, 1 were known already." in acted(
        desk, desk.books.ledger, "import-books", file=file
    )


def test_broken_books_are_told_line_by_line_and_nothing_is_posted(desk: Desk):
    file = io.BytesIO(b"date,amount,direction\n2026-02-20,12.505,debit\n2026-02-21,x,credit\n")
    file.name = "books.csv"
    page = acted(desk, desk.books.ledger, "import-books", file=file)
    assert "line 2.amount:" in page
    assert "line 3.amount:" in page
    assert Record.objects.count() == 7
    assert "Choose a file first." in acted(desk, desk.books.ledger, "import-books")


def test_a_ledger_gets_a_bank_account_and_a_run(desk: Desk):
    page = acted(desk, desk.books.ledger, "add-account", name="House bank", identifier="DE89 3704 0044")
    assert "The bank account belongs to this ledger." in page
    assert BankAccount.objects.get().identifier == "DE8937040044"
    page = acted(desk, desk.books.ledger, "start-run", note="April", mode="manual")
    assert "No file yet." in page
    assert "April" in page


def test_a_bank_account_is_added_and_put_to_a_ledger(desk: Desk):
    data = {"name": "Spare", "identifier": "DE1", "currency": "EUR", "ledger": ""}
    desk.client.post(reverse("admin:ledgers_bankaccount_add"), data)
    account = BankAccount.objects.get(name="Spare")
    assert "belongs to no ledger yet" in opened(desk, account)
    foreign = LedgerFactory()
    assert "valid choice" in acted(desk, account, "attach", ledger=foreign.pk)
    assert "The account belongs to the ledger now." in acted(
        desk, account, "attach", ledger=desk.books.ledger.pk
    )
    assert "It belongs to ledger 1000 already." in opened(desk, account)


# --- Files, discrepancies, passes, rules ------------------------------------------------------------------------------


def test_a_file_shows_its_statements_and_gives_its_bytes_back(proposed: Desk):
    file = SourceFile.objects.get()
    page = opened(proposed, file)
    assert "6 new lines were taken from this file, 0 were known already." in page
    assert "Download as it came" in page
    original = proposed.client.get(reverse("admin:ledgers_sourcefile_original", args=[file.pk]))
    assert b"".join(original.streaming_content).startswith(b"date,amount,direction")
    assert original["Content-Disposition"] == 'attachment; filename="statement.csv"'
    assert original["Content-Type"] == "application/octet-stream"
    assert original["X-Content-Type-Options"] == "nosniff"


def test_original_files_are_for_those_who_may(proposed: Desk):
    file = SourceFile.objects.get()
    viewer = proposed.as_somebody("viewer")
    assert "Your role does not allow reading original files." in opened(viewer, file)
    url = reverse("admin:ledgers_sourcefile_original", args=[file.pk])
    assert viewer.client.get(url).status_code == 403
    from tests.organizations.backoffice.people import signed_in

    client, _membership = signed_in("admin")
    assert client.get(url).status_code == 404


def test_a_failed_file_keeps_all_its_faults(desk: Desk):
    lines = "".join(f"2026-02-04,{n}.123,credit\n" for n in range(30))
    desk.upload("date,amount,direction\n" + lines)
    file = SourceFile.objects.get()
    page = opened(desk, file)
    assert "This file could not be read" in page
    assert "31 amount" in page
    files = desk.page("files")
    assert "and 20 more" in files, "the run's page shows the first ten"


def test_a_discrepancy_is_resolved_on_its_page(proposed: Desk):
    row = Discrepancy.objects.get(type="unmatched_source")
    assert "This keeps its run from being finished until it is resolved." in opened(proposed, row)
    assert "It is in review." in acted(proposed, row, "review")
    assert "It is in review already." in opened(proposed, row)
    assert "This field is required." in acted(proposed, row, "close", reason="")
    page = acted(proposed, row, "close", reason="waived", note="small")
    assert ": waived · “small”" in page
    assert "discrepancy closed" in page
    assert "It is open again." in acted(proposed, row, "reopen")


def test_a_pass_shows_what_each_rule_found(proposed: Desk):
    page = opened(proposed, Pass.objects.get())
    assert "Reference and amount 2" in page
    assert "Amount within three days 1" in page
    assert "Stop It has ended." in page


def test_a_matching_is_undone_with_what_people_accepted_only_if_they_say_so(proposed: Desk):
    row = Pass.objects.get()
    proposed.decide("accept", "S1")
    asked = text_of(proposed.client.get(url_of(row, "act", "undo")))
    assert "4 proposals, 1 accepted matches." in asked
    page = acted(proposed, row, "undo")
    assert "1 of its 5 matches are accepted by now. Nothing was undone" in page
    assert Match.objects.live().count() == 5
    page = acted(proposed, row, "undo", undo_accepted="on")
    assert "Undone: 5 matches." in page
    assert "Undo this matching None of its matches stands any more." in page
    assert "matching undone" in page
    assert "Undone on" in proposed.page()
    proposed.books.auto_match()
    assert Match.objects.live().count() == 5, "it is not remembered"


def test_a_matching_under_way_is_told_with_its_progress_and_who_asked(proposed: Desk):
    run = proposed.books.run
    busy = proposed.books.request()
    Pass.objects.filter(pk=busy.pk).update(status="running", progress=40)
    page = text_of(
        proposed.client.post(
            reverse("admin:reconciliation_run_act", args=[run.pk, "delete"]), {}, follow=True
        )
    )
    assert "Matching is under way." in page
    assert "It is under way. Stop it first." in opened(proposed, busy)
    older = Pass.objects.exclude(pk=busy.pk).get()
    page = acted(proposed, older, "undo")
    assert "Undone: 5 matches." in page, "another pass of the run does not hinder it"


def test_a_rule_is_shown_in_words(proposed: Desk):
    page = opened(proposed, Rule.objects.order_by("priority").first())
    assert "all of statement's amount = books' amount any of statement's reference = books' reference" in page
    fourth = opened(proposed, Rule.objects.get(name="Amount within three days"))
    assert "statement's date = books' value date, give or take 3 day" in fourth


def test_hostile_text_stays_text_on_every_page(desk: Desk):
    hostile = "<script>alert(1)</script>"
    desk.books.upload(
        f"date,amount,direction,reference,description\n2026-02-04,1250.00,credit,javascript:alert(1),{hostile}\n",
        f"{hostile}.csv",
    )
    desk.books.auto_match()
    acted(desk, desk.books.ledger, "start-run", note=hostile, mode="manual")
    rows = [StatementLine.objects.get(), SourceFile.objects.get(), Match.objects.get(), desk.books.ledger]
    pages = [desk.client.get(url_of(row)) for row in rows]
    pages += [desk.client.get(url_of(row).rpartition(f"{row.pk}/")[0]) for row in rows]
    pages.append(desk.client.get(reverse("admin:reconciliation_run_changelist")))
    for page in pages:
        text = page.content.decode()
        assert "<script>alert" not in text
        assert 'href="javascript:' not in text
