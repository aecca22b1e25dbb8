"""What the page of a run shows: standing, proof, proposals with both sides, and only to whom it may."""

import io

import pytest
from django.urls import reverse

from reconciliation.admin.run_page import PANELS
from reconciliation.models import Match
from reconciliation.services.passes import pass_request
from reconciliation.services.runs import run_create
from tests.clock import NOW
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import Desk, text_of
from tests.reconciliation.books import STATEMENT

pytestmark = pytest.mark.django_db

YEN = "date,amount,direction,reference,description\n2026-02-04,125000,credit,JP-1,S1\n"
QUERIES_MAX = 45


def test_an_empty_run_asks_for_a_file(desk: Desk):
    page = desk.page()
    assert "No file yet. Upload the statement" in page
    assert "Not matched yet." in page
    assert "Upload a statement file first." in page, "why matching is greyed"


def test_the_proof_shows_sums_in_the_ledgers_currency(proposed: Desk):
    page = proposed.page()
    assert "Statement movements 2,315.60 EUR" in page
    assert "Ledger movements 2,281.00 EUR" in page
    assert "Difference 34.60 EUR" in page
    assert "Open lines and entries 34.60 EUR" in page
    assert "Unexplained 0.00 EUR" in page
    assert "it ties out" in page


def test_a_statement_that_does_not_add_up_is_named(desk: Desk):
    desk.books.upload(STATEMENT)
    statement = desk.books.run.sources.get().source_file.statements.get()
    statement.opening_amount, statement.closing_amount = 0, 2315_60 + 12_00
    statement.save()
    page = desk.page()
    assert "it does not tie out" in page
    assert "The statements' own balances miss 12.00 EUR" in page


def test_yen_has_no_decimals(desk: Desk):
    from tests.reconciliation.books import books

    yen = books(desk.books.by, code="2000", entries=[])
    type(yen.ledger).objects.filter(pk=yen.ledger.pk).update(currency="JPY", decimal_places=0)
    yen.run.refresh_from_db()
    yen.upload(YEN)
    page = Desk(desk.client, desk.membership, yen).page("by-hand")
    assert "Movements 125,000 JPY" in page
    assert "+125,000 JP-1" in page


def test_proposals_face_each_other_with_what_differs(proposed: Desk):
    page = proposed.page("review")
    assert "Reference and amount · 100% sure" in page
    assert "Amount within three days · 80% sure · 1 day apart" in page
    assert "Date 2026-02-06 ≠ differs Reference – ≠ differs Amount +480.50 EUR credit" in page
    assert "Books Date 2026-02-05 ≠ differs Reference INV-702 ≠ differs Amount +480.50 EUR debit" in page
    assert "Date 2026-02-04 Reference INV-701 Amount +1,250.00 EUR credit" in page
    assert "Together +500.00 EUR" in page, "two entries of one line are added up"


def test_proposals_are_searched_by_words_and_by_amount(proposed: Desk):
    for words in ("INV-701", "1,250.00", "1250"):
        page = proposed.page("review", q=words)
        assert "INV-701" in page
        assert "FEE-02" not in page
    assert "No proposal fits this search." in proposed.page("review", q="nobody")


def test_the_panels_say_what_there_is_and_what_next(proposed: Desk):
    assert "No line is closed." in proposed.page("closed")
    assert "Nothing is matched for good yet." in proposed.page("matched")
    by_hand = proposed.page("by-hand")
    assert "S6" in by_hand
    assert "6.60 CARD-12" in by_hand
    assert "Warning 15.00 EUR Statement line without entry" in proposed.page("differences")
    assert "New lines 6 Known already 0" in proposed.page("files")


@pytest.mark.parametrize("show", PANELS)
def test_a_panel_takes_a_constant_number_of_queries(proposed: Desk, show, django_assert_max_num_queries):
    """Twenty times the lines, matches, discrepancies and files: not a query more."""
    lines = "".join(f"2026-02-1{n % 10},{n + 3}.0{n % 10},credit,MANY-{n},Line {n}\n" for n in range(120))
    proposed.books.upload("date,amount,direction,reference,description\n" + lines, "many.csv")
    proposed.books.auto_match()
    proposed.client.get(proposed.url, {"show": show})
    with django_assert_max_num_queries(QUERIES_MAX):
        answer = proposed.client.get(proposed.url, {"show": show})
    assert answer.status_code == 200


def test_a_long_list_is_paged_both_ways(desk: Desk):
    lines = "".join(f"2026-02-{n % 28 + 1:02},{n + 1}.00,credit,R-{n:03},\n" for n in range(60))
    desk.books.upload("date,amount,direction,reference,description\n" + lines)
    first = desk.client.get(desk.url, {"show": "by-hand"})
    seen, places = set(), []
    place = ""
    for _page in range(3):
        answer = desk.client.get(desk.url, {"show": "by-hand", "lines": place})
        rows = [row.record.reference for row in answer.context["line_page"].rows]
        assert not seen & set(rows)
        seen |= set(rows)
        places.append(answer.context["line_page"])
        place = answer.context["line_page"].after
    assert len(seen) == 60
    assert place == ""
    back = desk.client.get(desk.url, {"show": "by-hand", "lines": places[1].before})
    assert back.context["line_page"].rows == first.context["line_page"].rows


def test_ticked_rows_stay_on_top(desk: Desk):
    desk.books.upload(STATEMENT)
    ticked = desk.books.item("S6")
    answer = desk.client.get(desk.url, {"show": "by-hand", "tick": str(ticked), "lines_q": "S1"})
    rows = [row.record for row in answer.context["line_page"].rows]
    assert [record.description for record in rows] == ["S6", "S1"]
    assert f'value="{ticked}" data-minor="1500"  checked' in answer.content.decode()


@pytest.mark.parametrize("query", ["place=>x", "place=<2026-99-99_1", "rule=9", "tick=no", "show=?"])
def test_a_query_that_makes_no_sense_shows_the_page_anyway(proposed: Desk, query):
    assert proposed.client.get(f"{proposed.url}?{query}").status_code == 200


def test_a_pass_under_way_shows_its_progress_and_is_asked_for_again(proposed: Desk):
    run = proposed.books.run
    asked = pass_request(reconciliation=run.reconciliation, run=run, by=proposed.books.by, at=NOW)
    page = proposed.client.get(proposed.url)
    progress = reverse("admin:reconciliation_run_progress", args=[run.pk])
    assert f'data-poll="{progress}"' in page.content.decode()
    assert "Matching waits for its turn." in text_of(page)
    assert "Matching is under way." in text_of(page), "why a second one is greyed"
    assert "Stop matching" in text_of(page)

    type(asked).objects.filter(pk=asked.pk).update(status="running", progress=40, current_rule="Some rule")
    part = proposed.client.get(progress)
    assert text_of(part) == "Matching: 40% Some rule. 40%"
    assert "<html" not in part.content.decode()


def test_a_failed_pass_says_why(proposed: Desk):
    from reconciliation.selectors.runs import last_pass

    newest = last_pass(proposed.books.run)
    type(newest).objects.filter(pk=newest.pk).update(status="failed", error="The disk is full.")
    page = proposed.page()
    assert "The last matching failed." in page
    assert "The disk is full." in page


def test_the_part_that_changes_is_sent_alone_when_asked_for(proposed: Desk):
    answer = proposed.client.get(proposed.url, headers={"X-Tieout-Fragment": "1"})
    text = answer.content.decode()
    assert text.lstrip().startswith('<div id="desk"')
    assert "<html" not in text


def test_text_from_outside_never_becomes_markup(desk: Desk):
    hostile = "<script>alert(1)</script>"
    line = f"date,amount,direction,reference,description,counterparty\n2026-02-04,1250.00,credit,INV-701,{hostile},javascript:alert(2)\n"
    desk.books.upload(line, f"{hostile}.csv")
    desk.books.auto_match()
    for show in PANELS:
        page = desk.client.get(desk.url, {"show": show, "q": hostile, "lines_q": hostile}).content.decode()
        assert "<script>alert" not in page
        assert 'href="javascript:' not in page
    assert "script-src 'self'" in desk.client.get(desk.url)["Content-Security-Policy"]
    assert "unsafe-inline" not in desk.client.get(desk.url)["Content-Security-Policy"].split("style-src")[0]


# --- Who may ----------------------------------------------------------------------------------------------------


def test_a_viewer_sees_everything_and_can_do_nothing(proposed: Desk):
    viewer = proposed.as_somebody("viewer")
    match = Match.objects.first()
    assert "Your role does not allow deciding." in viewer.page("review")
    assert "Your role does not allow uploading." in viewer.page("files")
    assert "Your role does not allow this." in viewer.page(), "the greyed acts on top"
    posts = {
        "decide": {"one": f"accept:{match.pk}"},
        "match": {"line": [proposed.books.item("S5")], "entry": [proposed.books.entries["G6"]]},
        "close": {"line": [proposed.books.item("S5")], "reason": "x"},
        "reopen": {"one": proposed.books.item("S5")},
        "discrepancies": {"one": "review:1"},
        "upload": {"file": io.BytesIO(b"x")},
        "accept_all": {},
    }
    for act, fields in posts.items():
        assert viewer.send(act, **fields).status_code == 403, act
    assert proposed.status(match) == "suggested"


def test_another_organizations_run_is_as_unknown_as_none(proposed: Desk):
    client, _membership = signed_in("admin")
    stranger = Desk(client, _membership, proposed.books)
    assert client.get(proposed.url).status_code == 404
    assert client.get(reverse("admin:reconciliation_run_change", args=[987_654_321])).status_code == 404
    assert client.get(reverse("admin:reconciliation_run_change", args=["x"])).status_code == 404
    for act in ("decide", "match", "close", "reopen", "discrepancies", "upload", "accept_all"):
        assert stranger.send(act, one="accept:1").status_code == 404, act
    progress = reverse("admin:reconciliation_run_progress", args=[proposed.books.run.pk])
    assert client.get(progress).status_code == 404


def test_acts_are_posts_only(proposed: Desk):
    for act in ("decide", "match", "close", "reopen", "discrepancies", "upload"):
        url = reverse(f"admin:reconciliation_run_{act}", args=[proposed.books.run.pk])
        assert proposed.client.get(url).status_code == 405, act
    assert proposed.client.post(proposed.url, {}).status_code == 405


def test_acts_ask_for_the_csrf_token(proposed: Desk):
    from django.test import Client

    from tests.organizations.backoffice.people import MODEL_BACKEND

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(proposed.membership.user, backend=MODEL_BACKEND)
    url = reverse("admin:reconciliation_run_decide", args=[proposed.books.run.pk])
    assert strict.post(url, {"one": "accept:1"}).status_code == 403


# --- The list and a new run -------------------------------------------------------------------------------------


def test_the_list_counts_lines_and_names_people(proposed: Desk):
    page = text_of(proposed.client.get(reverse("admin:reconciliation_run_changelist")))
    assert "1000 Bank to review 6 4 2 0 2" in page
    assert proposed.membership.user.shown_name in page


def test_the_list_takes_a_constant_number_of_queries(proposed: Desk, django_assert_max_num_queries):
    by, ledger = proposed.books.by, proposed.books.ledger
    url = reverse("admin:reconciliation_run_changelist")
    for number in range(30):
        run_create(organization_id=by.organization_id, ledger=ledger, note=f"Run no {number}", by=by, at=NOW)
    proposed.client.get(url)
    with django_assert_max_num_queries(20):
        answer = proposed.client.get(url)
    assert len(answer.context["cl"].result_list) == 25


@pytest.mark.parametrize(("standing", "shown"), [("open", True), ("completed", True), ("closed", False)])
def test_the_list_is_filtered_by_the_status_that_people_see(proposed: Desk, standing, shown):
    answer = proposed.client.get(reverse("admin:reconciliation_run_changelist"), {"standing": standing})
    assert bool(answer.context["cl"].result_count) is shown


def test_a_run_is_started_for_a_ledger_and_opens(desk: Desk):
    answer = desk.client.post(
        reverse("admin:reconciliation_run_add"),
        {"ledger": desk.books.ledger.pk, "note": "April", "mode": "automatic"},
        follow=True,
    )
    assert "The run is open. Upload the bank's statement file to it." in text_of(answer)
    assert answer.redirect_chain[-1][0] == reverse(
        "admin:reconciliation_run_change", args=[type(desk.books.run).objects.get(note="April").pk]
    )


def test_a_run_for_another_organizations_ledger_is_refused(desk: Desk):
    client, _membership = signed_in("operator")
    answer = client.post(
        reverse("admin:reconciliation_run_add"),
        {"ledger": desk.books.ledger.pk, "note": "Stolen", "mode": "manual"},
    )
    assert answer.status_code == 200
    assert "valid choice" in text_of(answer)
    assert not type(desk.books.run).objects.filter(note="Stolen").exists()
