"""Who may change rules in the back office, whose rules these are, and what strangers' texts do there: nothing."""

from __future__ import annotations

import pytest
from django.urls import reverse

from organizations.actors import user_actor
from tests.organizations.backoffice.people import browser_of, signed_in
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.admin.office import REFERENCE, Office, edit, new, new_office, order
from tests.reconciliation.books import books

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Office:
    return new_office()


@pytest.mark.parametrize("role", ["viewer", "operator", "approver"])
def test_who_may_not_write_rules_sees_them_without_a_way_to_change_them(office: Office, role):
    rule = office.rule(name="First")
    other, _membership = signed_in(role, office.membership.organization)
    page = other.get(order(office.cards.pk))
    assert "First" in text_of(page)
    assert b'value="up"' not in page.content
    assert other.post(order(office.cards.pk), {"do": "up", "rule": rule.pk}).status_code == 403
    assert other.get(edit(rule)).status_code == 403
    assert other.post(new(office.cards.pk), {}).status_code == 403


def test_anothers_rules_are_unknown(office: Office):
    rule = office.rule()
    stranger, _membership = signed_in("admin")
    for url in (
        order(office.cards.pk),
        new(office.cards.pk),
        edit(rule),
        order("0"),
        order("x"),
        edit(rule, of=1),
    ):
        assert stranger.get(url).status_code == 404
    mine = books(user_actor(_membership.user, _membership)).run.reconciliation_id
    answer = stranger.post(order(mine), {"do": "up", "rule": rule.pk}, follow=True)
    assert "Nothing was changed" in text_of(answer)


def test_a_change_needs_the_csrf_token(office: Office):
    rule = office.rule()
    careful = browser_of(office.membership)
    careful.handler.enforce_csrf_checks = True
    assert careful.post(order(office.cards.pk), {"do": "up", "rule": rule.pk}).status_code == 403
    assert careful.post(edit(rule), {"do": "save"}).status_code == 403


def test_texts_of_strangers_do_not_run(office: Office):
    mark = "<script>alert(1)</script>"
    rule = office.rule(
        name=mark,
        description=mark,
        filters={
            "rules": [
                *REFERENCE["rules"],
                {"side": "a", "field": "reference", "operand": "eq", "literal": mark},
            ]
        },
    )
    for url in (order(office.cards.pk), edit(rule), reverse("admin:rules_rule_change", args=[rule.pk])):
        assert mark not in office.client.get(url).content.decode()


def test_the_order_page_takes_the_same_number_of_queries_however_many_rules(
    office: Office, django_assert_max_num_queries
):
    office.rule()
    office.text(order(office.cards.pk))
    with django_assert_max_num_queries(12):
        office.text(order(office.cards.pk))
    for _each in range(8):
        office.rule()
    with django_assert_max_num_queries(12):
        office.text(order(office.cards.pk))
