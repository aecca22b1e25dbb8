"""The rule editor in a real Chromium: rows added and saved by keyboard, JSON in their place, nothing blocked by the policy."""

import pytest
from django.urls import reverse

from rules.models import Rule
from tests.factories.rules import RuleFactory, RuleRevisionFactory
from tests.reconciliation.admin.office import REFERENCE, new, new_office, order

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SECONDS = 15_000  # milliseconds, as the driver counts


@pytest.fixture
def office():
    return new_office()


@pytest.fixture
def opened(office, chromium, live_server):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    session = office.client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.complaints = []
    page.on("console", lambda line: page.complaints.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(live_server.url + new(office.cards.pk))
    yield page
    context.close()


def test_rows_are_added_here_and_saved_by_keyboard(opened, office):
    rows = opened.locator('[data-rows="row"] .rule-row')
    before = rows.count()
    opened.get_by_role("button", name="More rows").focus()
    opened.keyboard.press("Enter")
    assert rows.count() == before + 1
    added = opened.locator(f'input[name="row{before}-key"]')
    assert added.evaluate("element => element === document.activeElement"), "the new row has the focus"
    opened.keyboard.type("reference")
    opened.locator(f'input[name="row{before}-value"]').fill("external_id")
    opened.keyboard.press("Enter")
    opened.wait_for_url(f"**{order(office.cards.pk)}")
    assert Rule.objects.get().filters["rules"][-1] == {
        "key": "reference",
        "operand": "eq",
        "value": "external_id",
    }
    assert opened.complaints == []


def test_only_the_chosen_way_to_say_the_conditions_is_shown(opened, office):
    json = opened.locator('textarea[name="json"]')
    assert json.is_hidden()
    opened.get_by_role("radio", name="as JSON").check()
    assert json.is_visible()
    assert opened.locator('[data-rows="row"]').is_hidden()
    json.fill('{"rules": [{"key": "colour", "value": "amount"}]}')
    opened.get_by_role("button", name="Save", exact=True).last.click()
    opened.get_by_text("There is no field").first.wait_for()
    assert json.input_value().startswith('{"rules"')
    assert opened.complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(opened, width):
    opened.set_viewport_size({"width": width, "height": 900})
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_a_proposal_is_activated_from_its_reconciliations_page(opened, office, live_server):
    rule = RuleFactory(reconciliation=office.cards, filters=REFERENCE, source="ai", status="proposed")
    RuleRevisionFactory(rule=rule, body={"filters": REFERENCE})
    opened.goto(live_server.url + reverse("admin:rules_reconciliation_change", args=[office.cards.pk]))
    opened.get_by_role("button", name=f"Activate {rule.name}").click()
    opened.wait_for_url(f"**{order(office.cards.pk)}")
    rule.refresh_from_db()
    assert rule.status == "active"
    assert opened.complaints == []


def test_a_rule_is_edited_where_scripts_do_not_run(office, chromium, live_server):
    context = chromium.new_context(java_script_enabled=False)
    session = office.client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.goto(live_server.url + new(office.cards.pk))
    assert page.locator('[data-rows="row"]').is_visible()
    page.get_by_role("radio", name="as JSON").check()
    page.locator('textarea[name="json"]').fill('{"key": "reference", "value": "reference"}')
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.wait_for_url(f"**{order(office.cards.pk)}")
    assert Rule.objects.get().filters["rules"][0]["key"] == "reference"
    context.close()
