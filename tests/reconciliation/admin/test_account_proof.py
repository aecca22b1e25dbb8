"""The proof on a bank account's page: in plain words, with the days that break in view."""

import pytest
from django.urls import reverse

from organizations.actors import user_actor
from tests.factories.organizations import CalendarFactory
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.statements import Proving, Said, camt, chain, of_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return signed_in("operator")


@pytest.fixture
def proving(person) -> Proving:
    _client, membership = person
    return Proving(user_actor(membership.user, membership))


def page_of(person, proving: Proving, **query) -> str:
    url = reverse("admin:ledgers_bankaccount_change", args=[proving.account.pk])
    answer = person[0].get(url, query)
    assert answer.status_code == 200
    return text_of(answer)


def test_an_account_whose_statements_follow_each_other_says_so(person, proving):
    for each in chain(of_day(2, 10_00), of_day(3, -1_00)):
        proving.upload(camt(each))
    page = page_of(person, proving)
    assert "The statements of these days add up, and each opens as the one before closed." in page
    assert "2026-03-03 Proved 1 0.00 EUR 1.00 EUR 109.00 EUR 109.00 EUR" in page


def test_a_day_that_breaks_is_named_with_its_amount(person, proving):
    said = chain(of_day(2, 10_00), of_day(3, 7_00, -1_00), of_day(5, 1_00))
    short = Said(said[1].lines[1:], said[1].opening, said[1].closing, said[1].first, said[1].last)
    for each in (said[0], short, said[2]):
        proving.upload(camt(each))
    page = page_of(person, proving)
    assert "The statements of these days do not add up." in page
    assert "2026-03-03 +7.00 EUR · 2026-03-03: statement S1 of 2026-03-03" in page
    assert "2026-03-04: no statement. The balance did not move." in page


def test_another_period_can_be_asked_for_and_nonsense_does_no_harm(person, proving):
    for each in chain(of_day(2, 10_00), of_day(3, -1_00)):
        proving.upload(camt(each))
    assert "2026-03-02 Proved" not in page_of(person, proving, **{"from": "2026-03-03", "to": "2026-03-03"})
    for query in (
        {"from": "2026-02-31"},
        {"from": "x", "to": "2026-03-03"},
        {"from": "2026-03-09"},
        {"to": "0001-01-01"},
    ):
        assert "Proof of the statements" in page_of(person, proving, **query)


def test_nothing_is_said_to_be_zero_where_nothing_is_stated(person, proving):
    proving.upload(camt(Said(of_day(2, 10_00).lines)))
    assert "2026-03-02 No balance stated 1 10.00 EUR 0.00 EUR not stated" in page_of(person, proving)


def test_the_calendar_is_chosen_on_the_page(person, proving):
    proving.upload(camt(*chain(of_day(2, 10_00), of_day(4, 1_00))))
    assert "2026-03-03: no statement." in page_of(person, proving)
    own = CalendarFactory(organization_id=proving.by.organization_id, name="Tuesdays off", weekend=[2, 6, 7])
    foreign = CalendarFactory()
    url = reverse("admin:ledgers_bankaccount_act", args=[proving.account.pk, "choose-calendar"])
    person[0].post(url, {"calendar": foreign.pk})
    assert proving.account.calendar is None
    assert "The calendar is chosen." in text_of(person[0].post(url, {"calendar": own.pk}, follow=True))
    page = page_of(person, proving)
    assert "Business days: Tuesdays off." in page
    assert "2026-03-03: no statement." not in page


def test_hostile_text_of_a_file_is_shown_as_text(person, proving):
    (said,) = chain(of_day(2, 10_00))
    proving.upload(
        camt(Said(said.lines, said.opening, 0, said.first, said.last)).replace(
            "<Id>S1</Id>", "<Id>&lt;script&gt;x</Id>"
        )
    )
    url = reverse("admin:ledgers_bankaccount_change", args=[proving.account.pk])
    answer = person[0].get(url).content.decode()
    assert "<script>x" not in answer
    assert "&lt;script&gt;x" in answer
