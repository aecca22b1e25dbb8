"""Balances of bank accounts over HTTP: one, many, the list."""

import pytest

from ledgers.models import BankAccount, BankAccountBalance
from ledgers.states import BalanceType
from organizations.models import AuditEvent
from tests.api.callers import without_correlation
from tests.api.streams.keys import paths, reason
from tests.factories.ledgers import BankAccountBalanceFactory, BankAccountFactory

pytestmark = pytest.mark.django_db

BALANCES = "/v1/bank_account_balances"
MOST = 2**63 - 1


@pytest.fixture
def account(organization) -> BankAccount:
    return BankAccountFactory(organization=organization)


def row(date: str = "2026-03-31", balance_type: str = "closing_ledger", amount_cents: object = 1_000_00):
    return {"date": date, "balance_type": balance_type, "amount_cents": amount_cents}


def state(client, account, **body):
    return client.post(BALANCES, {"bank_account_id": account.pk, **row(), **body}, format="json")


def state_many(client, account, balances: object, **body):
    asked = {"bank_account_id": account.pk, "balances": balances, **body}
    return client.post(f"{BALANCES}/bulk", asked, format="json")


def stored() -> dict[tuple[str, str], int]:
    rows = BankAccountBalance.objects.all()
    return {(each.date.isoformat(), each.balance_type): each.amount for each in rows}


@pytest.mark.parametrize("type", BalanceType.values)
@pytest.mark.parametrize("amount", [1_000_00, 0, -5, MOST, -MOST])
def test_a_balance_is_stated(client, account, type, amount):
    answer = state(client, account, balance_type=type, amount_cents=amount)
    body = answer.json()
    assert answer.status_code == 201
    assert {**body, "created_at": "", "updated_at": ""} == {
        "id": BankAccountBalance.objects.get().pk,
        "bank_account_id": account.pk,
        "date": "2026-03-31",
        "balance_type": type,
        "amount_cents": amount,
        "created_at": "",
        "updated_at": "",
    }
    assert body["created_at"] == body["updated_at"]


def test_there_are_nine_types():
    assert len(BalanceType.values) == 9


def test_a_balance_stated_again_is_replaced_and_201(client, account):
    first = state(client, account).json()
    again = state(client, account, bank_account_id=str(account.pk), amount_cents=5)
    assert (again.status_code, again.json()["id"], again.json()["amount_cents"]) == (201, first["id"], 5)
    assert again.json()["created_at"] == first["created_at"]
    assert again.json()["updated_at"] > first["updated_at"]
    assert stored() == {("2026-03-31", "closing_ledger"): 5}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"date": "31.03.2026"}, "date"),
        ({"date": None}, "date"),
        ({"date": "2026-02-30"}, "date"),
        ({"date": "20260331"}, "date"),
        ({"date": "2026-3-31"}, "date"),
        ({"date": "2026-W14-2"}, "date"),
        ({"balance_type": "closing"}, "balance_type"),
        ({"balance_type": None}, "balance_type"),
        ({"amount_cents": 1.5}, "amount_cents"),
        ({"amount_cents": 1.0}, "amount_cents"),
        ({"amount_cents": "1.00"}, "amount_cents"),
        ({"amount_cents": True}, "amount_cents"),
        ({"amount_cents": MOST + 1}, "amount_cents"),
        ({"amount_cents": -MOST - 1}, "amount_cents"),
        ({"bank_account_id": "x"}, "bank_account_id"),
        ({"bank_account_id": None}, "bank_account_id"),
        ({"currency": "EUR"}, "currency"),
    ],
)
def test_what_cannot_be_a_balance_is_422_and_says_where(client, account, body, path):
    answer = state(client, account, **body)
    assert (answer.status_code, paths(answer)) == (422, [[path]])
    assert stored() == {}


@pytest.mark.parametrize("field", ["bank_account_id", "date", "balance_type", "amount_cents"])
def test_a_missing_field_is_422(client, account, field):
    body = {"bank_account_id": account.pk, **row()}
    del body[field]
    assert paths(client.post(BALANCES, body, format="json")) == [[field]]


# --- Many ----------------------------------------------------------------------------------------------------------


def test_many_are_stated_and_the_last_of_twins_counts(client, account):
    state(client, account, amount_cents=1)
    rows = [
        row(amount_cents=2),
        row("2026-03-30", amount_cents=-3),
        row(amount_cents=4),
        row(balance_type="other"),
    ]
    answer = state_many(client, account, rows)
    assert (answer.status_code, answer.json()["count"]) == (201, 4)
    shown = answer.json()["balances"]
    assert [(each["date"], each["balance_type"], each["amount_cents"]) for each in shown] == [
        ("2026-03-31", "closing_ledger", 4),
        ("2026-03-30", "closing_ledger", -3),
        ("2026-03-31", "other", 1_000_00),
    ]
    assert stored() == {(each["date"], each["balance_type"]): each["amount_cents"] for each in shown}
    assert AuditEvent.objects.filter(action="bank_account.balances_stated").count() == 2


def test_a_thousand_are_stated_and_one_more_is_not(client, account):
    rows = [row(f"{1900 + number // 12:04}-{number % 12 + 1:02}-01") for number in range(1_001)]
    assert state_many(client, account, rows[:1000]).json()["count"] == 1000
    assert BankAccountBalance.objects.count() == 1000
    refused = state_many(client, account, rows)
    assert (refused.status_code, paths(refused)) == (422, [["balances"]])
    assert refused.json()["message"] == refused.json()["error"]


@pytest.mark.parametrize("balances", [[], None, {}, "x", [1], [[]]])
def test_what_is_no_list_of_balances_is_422(client, account, balances):
    answer = state_many(client, account, balances)
    assert answer.status_code == 422
    assert answer.json()["message"]
    assert paths(answer)[0][0] == "balances"


def test_one_row_at_fault_and_nothing_is_stated(client, account):
    answer = state_many(
        client, account, [row(), row(date="2026-02-30"), row(balance_type="x", amount_cents=1.5)]
    )
    assert answer.status_code == 422
    assert paths(answer) == [
        ["balances", 1, "date"],
        ["balances", 2, "balance_type"],
        ["balances", 2, "amount_cents"],
    ]
    assert stored() == {}


def test_a_repeated_request_states_nothing_twice(client, account):
    headers = {"Idempotency-Key": "b-1"}
    asked = {"bank_account_id": account.pk, "balances": [row()]}
    first = client.post(f"{BALANCES}/bulk", asked, format="json", headers=headers)
    again = client.post(f"{BALANCES}/bulk", asked, format="json", headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert AuditEvent.objects.filter(action="bank_account.balances_stated").count() == 1


# --- The list --------------------------------------------------------------------------------------------------------


def test_the_list_is_bare_and_the_latest_day_first(client, account):
    for date in ("2026-03-30", "2026-04-01", "2026-03-31"):
        BankAccountBalanceFactory(bank_account=account, date=date)
    BankAccountBalanceFactory(bank_account=account, date="2026-03-31", balance_type="opening_ledger")
    BankAccountBalanceFactory(bank_account=BankAccountFactory(organization=account.organization))
    for named in (account.pk, str(account.pk)):
        rows = client.get(BALANCES, {"bank_account_id": named}).json()
        assert [(each["date"], each["balance_type"]) for each in rows] == [
            ("2026-04-01", "closing_ledger"),
            ("2026-03-31", "closing_ledger"),
            ("2026-03-31", "opening_ledger"),
            ("2026-03-30", "closing_ledger"),
        ]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({}, "bank_account_id"),
        ({"bank_account_id": ""}, "bank_account_id"),
        ({"bank_account_id": "x"}, "bank_account_id"),
        ({"bank_account_id": "9" * 40}, "bank_account_id"),
        ({"bank_account_id": "1", "limit": "5"}, "limit"),
    ],
)
def test_the_list_needs_its_account_and_nothing_else(client, query, path):
    answer = client.get(BALANCES, query)
    assert (answer.status_code, paths(answer)) == (422, [[path]])


def test_the_list_asks_constantly_few_queries(client, account, django_assert_max_num_queries):
    BankAccountBalanceFactory(bank_account=account)
    client.get(BALANCES, {"bank_account_id": account.pk})
    with django_assert_max_num_queries(6):
        client.get(BALANCES, {"bank_account_id": account.pk})
    state_many(client, account, [row(f"2026-01-{day:02}") for day in range(1, 29)])
    with django_assert_max_num_queries(6):
        assert len(client.get(BALANCES, {"bank_account_id": account.pk}).json()) == 29


def test_another_organizations_account_is_as_unknown_as_none(stranger, account):
    BankAccountBalanceFactory(bank_account=account)

    class Nothing:
        pk = account.pk + 999

    for ask in (state, lambda client, of: state_many(client, of, [row()])):
        theirs, none = ask(stranger, account), ask(stranger, Nothing)
        assert reason(theirs) == (422, "bank_account.not_found")
        assert without_correlation(theirs) == without_correlation(none)
    assert stranger.get(BALANCES, {"bank_account_id": account.pk}).json() == []
