"""The run's page in a real Chromium: by keyboard alone, with the running remainder, in the dark, on a phone's width."""

import re
from functools import partial

import pytest

from organizations.acts import perform
from reconciliation.admin.run_page import PANELS
from reconciliation.selectors.integrity import faults
from reconciliation.services.execution import pass_execute
from reconciliation.services.passes import pass_request
from tests.clock import NOW
from tests.reconciliation.admin.desk import Desk
from tests.reconciliation.counting import item_counts

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]
SECONDS = 15_000  # milliseconds, as the driver counts


@pytest.fixture
def opened(proposed: Desk, chromium, live_server):
    """The run's page, signed in, with every complaint of the browser kept."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    session = proposed.client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.complaints = []
    page.on("console", lambda line: page.complaints.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(live_server.url + proposed.url)
    yield page
    context.close()


def count_of(page, tab: str) -> str:
    return page.get_by_role("link", name=re.compile(rf"^{tab} \d")).locator(".desk-count").inner_text()


def test_proposals_are_decided_by_keyboard_alone(opened, proposed):
    opened.keyboard.press("Tab")
    opened.locator("[data-proposal]").first.focus()
    opened.keyboard.press("a")
    opened.wait_for_function("document.querySelectorAll('[data-proposal]').length === 4")
    assert count_of(opened, "Matched") == "1"
    focused = "document.activeElement.hasAttribute('data-proposal')"
    assert opened.evaluate(focused), "the next proposal has the focus"

    opened.keyboard.press("j")
    opened.keyboard.press("r")
    opened.wait_for_function("document.querySelectorAll('[data-proposal]').length === 3")
    opened.keyboard.press("x")
    assert opened.get_by_role("button", name="Accept ticked").is_enabled()
    opened.keyboard.press("Tab")
    opened.locator("[data-proposal] button[data-key=a]").last.focus()
    opened.keyboard.press("Enter")
    opened.wait_for_function("document.querySelectorAll('[data-proposal]').length === 2")

    counts = item_counts(proposed.books.run)
    assert (counts.suggested, counts.matched) == (2, 3)
    assert opened.complaints == []
    assert faults() == []


def by_hand(opened):
    opened.locator(".desk-tabs a", has_text="Unmatched and partial").click()
    opened.get_by_role("heading", name="Open statement lines").wait_for()


def test_the_remainder_runs_along_and_zero_is_matched_at_once(opened, proposed):
    proposed.books.upload("date,amount,direction,description\n2026-02-12,6.60,debit,S7\n", "more.csv")
    by_hand(opened)
    match = opened.locator("[data-match]")
    left = opened.locator('[data-sum="left"]')
    assert match.is_disabled()

    opened.locator('input[name="line"]').first.focus()
    opened.get_by_role("checkbox", name="S7").focus()
    opened.keyboard.press("Space")
    assert left.inner_text() == "\u22126.60\u00a0EUR"
    assert match.is_disabled()
    assert opened.locator("li.fits").count() == 1, "the entry that would close it is marked"

    opened.get_by_role("searchbox", name="Search the books").fill("CARD-12")
    opened.keyboard.press("Enter")
    opened.wait_for_url(re.compile("entries_q=CARD-12"))
    assert opened.get_by_role("checkbox", name="S7").is_checked(), (
        "ticks stay while a person looks for the rest"
    )
    opened.get_by_role("checkbox", name="CARD-12").focus()
    opened.keyboard.press("Space")
    assert left.inner_text() == "0.00\u00a0EUR"
    assert match.inner_text() == "Match ticked"
    assert match.is_enabled()

    match.focus()
    opened.keyboard.press("Enter")
    opened.get_by_text("Matched. You find it under Matched").first.wait_for()
    assert proposed.books.status("S7") == "matched"
    assert opened.complaints == []
    assert faults() == []


def test_a_match_in_part_is_foretold_asked_for_and_done_by_keyboard_alone(opened, proposed):
    proposed.books.reject("S5")
    proposed.books.post(("G8", "debit", 13_00, 12, "INV-799B"))
    by_hand(opened)
    opened.get_by_role("checkbox", name=re.compile("S5")).focus()
    opened.keyboard.press("Space")
    opened.get_by_role("checkbox", name=re.compile("77.00")).focus()
    opened.keyboard.press("Space")
    opened.get_by_text("13.00\u00a0EUR stays open").wait_for()
    match = opened.locator("[data-match]")
    assert match.inner_text() == "Match in part …"

    match.focus()
    opened.keyboard.press("Enter")
    opened.get_by_role("heading", name="Match in part?").wait_for()
    assert opened.evaluate("document.activeElement.id") == "confirm", "the question has the focus"
    assert proposed.books.status("S5") == "unmatched"
    opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    opened.get_by_text("Matched in part: 13.00\u00a0EUR stays open on line INV-799.").first.wait_for()
    assert proposed.books.status("S5") == "partial"

    opened.get_by_role("checkbox", name=re.compile("S5")).focus()
    opened.keyboard.press("Space")
    assert opened.locator('[data-sum="left"]').inner_text() == "13.00\u00a0EUR", "of the whole group"
    opened.get_by_role("checkbox", name="INV-799B").focus()
    opened.keyboard.press("Space")
    opened.get_by_text("It takes the place of this match").wait_for()
    match.focus()
    opened.keyboard.press("Enter")
    opened.get_by_role("heading", name="Match in place of what is there?").wait_for()
    opened.keyboard.press("Tab")  # the match that it takes the place of
    opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    opened.get_by_text("It took the place of Match").first.wait_for()
    assert proposed.books.status("S5") == "matched"
    assert opened.complaints == []
    assert faults() == []


def test_what_cannot_be_matched_says_why_before_the_click(opened, proposed):
    by_hand(opened)
    opened.get_by_role("checkbox", name="S6").focus()
    opened.keyboard.press("Space")
    opened.get_by_role("checkbox", name="CARD-12").focus()
    opened.keyboard.press("Space")
    opened.get_by_text("They cannot cover each other").wait_for()
    assert opened.locator("[data-match]").is_disabled()
    assert opened.complaints == []


def test_a_pass_under_way_is_followed_until_it_ends(opened, proposed):
    run, by = proposed.books.run, proposed.books.by
    proposed.books.upload("date,amount,direction,reference\n2026-02-12,6.60,debit,CARD-12\n", "more.csv")
    asked = perform(partial(pass_request, reconciliation=run.reconciliation, run=run, by=by, at=NOW))
    opened.reload()
    opened.get_by_text("Matching waits for its turn.").wait_for()
    pass_execute(pass_id=asked.pk, clock=lambda: NOW)
    opened.get_by_text("1 line matched, 1 proposal made").wait_for()
    assert opened.locator("[data-proposal]").count() == 6, "what it found is there without a reload"
    assert opened.complaints == []


def test_nothing_hangs_over_the_edge_of_a_phone(opened):
    opened.set_viewport_size({"width": 360, "height": 740})
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for show in PANELS:
        opened.goto(f"{opened.url.partition('?')[0]}?show={show}")
        assert opened.evaluate(wider) <= 0, show
    assert opened.complaints == []


def test_hostile_text_stays_text(opened, proposed):
    hostile = '"<script>document.title=1</script><img src=x onerror=alert(1)>"'
    line = (
        f"date,amount,direction,reference,description\n2026-02-12,1.00,debit,javascript:alert(1),{hostile}\n"
    )
    proposed.books.upload(line, "<b>x.csv")
    dialogs = []
    opened.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for show in ("by-hand", "files", "differences"):
        opened.goto(f"{opened.url.partition('?')[0]}?show={show}")
        assert opened.title() != "1"
        assert opened.locator("#desk img, #desk script, #desk b b").count() == 0
    assert dialogs == []
    assert opened.complaints == []
