"""A bank account's proof over HTTP: what it names, whom it answers, and what it refuses."""

import pytest

from tests.api.callers import client_with_key
from tests.factories.organizations import ApiKeyFactory, CalendarFactory, actor_with
from tests.reconciliation.statements import Proving, Said, camt, chain, of_day

pytestmark = pytest.mark.django_db

PERIOD = {"from": "2026-03-02", "to": "2026-03-05"}


@pytest.fixture
def proving(organization) -> Proving:
    found = Proving(actor_with(organization=organization))
    said = chain(of_day(2, 10_00), of_day(3, 5_00, -1_00), of_day(5, 2_00))
    short = Said(said[1].lines[:1], said[1].opening, said[1].closing, said[1].first, said[1].last)
    for each in (said[0], short, said[2]):
        found.upload(camt(each))
    return found


def ask(client, account: object, **query: str):
    return client.get(f"/v1/bank_accounts/{account}/proof", query)


@pytest.mark.parametrize("named", ["pk", "uuid"])
def test_it_names_the_day_and_the_amount(client, proving, named):
    body = ask(client, getattr(proving.account, named), **PERIOD).json()
    (found,) = body["breaks"]
    assert (found["kind"], found["from"], found["date"], found["amount"]) == (
        "sum",
        "2026-03-03",
        "2026-03-03",
        -1_00,
    )
    assert found["statement"]["from"] == "2026-03-03"
    assert "1.00\xa0EUR less" in found["message"]
    assert [each["state"] for each in body["days"]] == ["proved", "broken", "missing", "proved"]
    assert [each["balance"] for each in body["days"]] == [110_00, 114_00, 114_00, 116_00]
    assert (body["verdict"], body["missing"][0]["from"], body["missing"][0]["days"]) == (
        "broken",
        "2026-03-04",
        1,
    )
    assert [each["state"] for each in body["statements"]] == ["adds_up", "broken", "adds_up"]


def test_what_is_not_stated_is_null_never_zero(client, organization):
    proving = Proving(actor_with(organization=organization))
    proving.upload(camt(Said(of_day(2, 10_00).lines)))
    body = ask(client, proving.account.pk, **PERIOD).json()
    (statement,) = body["statements"]
    assert (statement["opening"], statement["closing"], statement["gap"]) == (None, None, None)
    assert (statement["state"], body["verdict"]) == ("not_stated", "not_stated")
    assert body["days"][0]["balance"] is None


def test_it_says_whose_business_days_count(client, proving):
    assert ask(client, proving.account.pk, **PERIOD).json()["calendar"] is None
    account = proving.account
    account.calendar = CalendarFactory(organization_id=account.organization_id, name="Bavaria")
    account.save()
    assert ask(client, account.pk, **PERIOD).json()["calendar"] == "Bavaria"


def test_the_number_of_queries_is_constant(client, proving, django_assert_max_num_queries):
    ask(client, proving.account.pk, **PERIOD)
    with django_assert_max_num_queries(10):
        ask(client, proving.account.pk, **PERIOD)
    for each in chain(*[of_day(number, 1_00) for number in range(9, 14)], opening=116_00):
        proving.upload(camt(each))
    with django_assert_max_num_queries(10):
        ask(client, proving.account.pk, **{**PERIOD, "to": "2026-03-20"})


@pytest.mark.parametrize(
    "account", ["0", "99999999999999999", "9" * 40, "x", "01900000-0000-7000-8000-000000000000"]
)
def test_an_unknown_account_is_404(client, proving, account):
    answer = ask(client, account, **PERIOD)
    assert (answer.status_code, answer.json()["reason"]) == (404, "bank_account.not_found")


def test_another_organizations_account_is_unknown(proving):
    stranger = client_with_key(ApiKeyFactory())
    assert ask(stranger, proving.account.pk, **PERIOD).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"from": "2026-03-02"},
        {"from": "2026-03-02", "to": "soon"},
        {"from": "2026-03-03", "to": "2026-03-02"},
        {"from": "2025-01-01", "to": "2026-03-02"},
        {**PERIOD, "day": "2026-03-02"},
    ],
)
def test_a_period_that_cannot_be_proved_is_422(client, proving, query):
    assert ask(client, proving.account.pk, **query).status_code == 422


def test_days_at_the_ends_of_time_are_answered(client, proving):
    for first, last in (("0001-01-01", "0001-01-02"), ("9999-12-30", "9999-12-31")):
        assert ask(client, proving.account.pk, **{"from": first, "to": last}).status_code == 200
