"""Bank accounts over HTTP."""

import pytest

from ledgers.models import BankAccount, BankAccountBalance, DataStream, Record
from organizations.models import AuditEvent
from reconciliation.services.wiring import bank_account_attach, bank_account_delete
from rules.models import ReconciliationStream
from rules.services import setup
from tests.api.callers import without_correlation
from tests.api.streams.keys import paths, reason
from tests.clock import NOW
from tests.factories.ledgers import (
    BankAccountBalanceFactory,
    BankAccountFactory,
    DataStreamFactory,
    LedgerFactory,
    RecordFactory,
    StatementFactory,
)

pytestmark = pytest.mark.django_db

ACCOUNTS = "/v1/bank_accounts"


@pytest.fixture
def account(organization) -> BankAccount:
    return BankAccountFactory(organization=organization, name="House bank", currency="EUR")


def create(client, **body):
    return client.post(ACCOUNTS, body, format="json")


def change(client, account, **body):
    return client.patch(f"{ACCOUNTS}/{account.pk}", body, format="json")


def delete(client, account):
    return client.delete(f"{ACCOUNTS}/{account.pk}")


def feed_of(account) -> DataStream:
    return DataStreamFactory(organization=account.organization, kind="bank_feed", bank_account=account)


@pytest.mark.parametrize(
    ("currency", "shown"), [({"currency": "EUR"}, "EUR"), ({}, None), ({"currency": None}, None)]
)
def test_an_account_is_made_as_asked(client, organization, currency, shown):
    answer = create(client, name="House bank", **currency)
    made = BankAccount.objects.get()
    body = answer.json()
    assert answer.status_code == 201
    assert (made.organization, made.name, made.currency) == (organization, "House bank", shown or "")
    assert {**body, "created_at": "", "updated_at": ""} == {
        "id": made.pk,
        "name": "House bank",
        "currency": shown,
        "created_at": "",
        "updated_at": "",
    }
    assert body["created_at"].endswith("Z")
    assert client.get(f"{ACCOUNTS}/{made.pk}").json() == body
    assert client.get(f"{ACCOUNTS}/{made.uuid}").json() == body


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "A", "currency": "eur"}, "currency"),
        ({"name": "A", "currency": "EURO"}, "currency"),
        ({"name": "A", "currency": "EU1"}, "currency"),
        ({"name": "A", "currency": ""}, "currency"),
        ({"name": "A", "currency": 978}, "currency"),
        ({"name": "A", "iban": "DE1"}, "iban"),
    ],
)
def test_what_cannot_be_an_account_is_422_and_says_where(client, body, path):
    answer = create(client, **body)
    assert (answer.status_code, paths(answer)) == (422, [[path]])
    assert not BankAccount.objects.exists()


def test_the_list_is_bare_and_by_name(client, organization):
    for name in ("b", "a", "c"):
        BankAccountFactory(organization=organization, name=name)
    BankAccountFactory(organization=organization, name="gone", voided_at=NOW)
    BankAccountFactory(name="theirs")
    assert [row["name"] for row in client.get(ACCOUNTS).json()] == ["a", "b", "c"]
    assert client.get(ACCOUNTS, {"limit": "1"}).status_code == 422


def test_the_list_asks_constantly_few_queries(client, organization, django_assert_max_num_queries):
    client.get(ACCOUNTS)
    with django_assert_max_num_queries(6):
        client.get(ACCOUNTS)
    BankAccountFactory.create_batch(5, organization=organization)
    with django_assert_max_num_queries(6):
        assert len(client.get(ACCOUNTS).json()) == 5


# --- Changing ------------------------------------------------------------------------------------------------------


def test_a_new_name_is_its_statement_streams_too_and_not_its_feeds(client, account, feeds):
    stream = setup.statement_stream(account, by=feeds.by, at=NOW)
    feed = feed_of(account)
    answer = change(client, account, name=" Main account ")
    assert (answer.status_code, answer.json()["name"]) == (200, "Main account")
    assert answer.json()["updated_at"] > answer.json()["created_at"]
    stream.refresh_from_db()
    assert stream.name == "Main account"
    assert DataStream.objects.get(pk=feed.pk).name == feed.name


def test_what_is_left_out_stays(client, account):
    before = client.get(f"{ACCOUNTS}/{account.pk}").json()
    assert change(client, account).json() == before
    assert change(client, account, name="House bank", currency="EUR").json() == before
    assert not AuditEvent.objects.filter(action="bank_account.changed").exists()


@pytest.mark.parametrize(
    "body", [{"name": ""}, {"name": None}, {"currency": "usd"}, {"currency": ""}, {"ledger_id": 1}]
)
def test_a_change_to_what_cannot_be_is_422(client, account, body):
    assert paths(change(client, account, **body)) == [[next(iter(body))]]


@pytest.mark.parametrize("currency", ["USD", None])
def test_the_currency_of_an_account_with_nothing_on_it_changes(client, account, currency):
    assert change(client, account, currency=currency).json()["currency"] == currency


def of_a_ledger(account, feeds):
    account.ledger = LedgerFactory(organization=account.organization)
    account.save()


def with_a_statement(account, feeds):
    StatementFactory(bank_account=account, currency="EUR")


def with_a_balance(account, feeds):
    BankAccountBalanceFactory(bank_account=account)


def with_a_fed_record(account, feeds):
    RecordFactory(stream=feed_of(account))


@pytest.mark.parametrize("given", [of_a_ledger, with_a_statement, with_a_balance, with_a_fed_record])
@pytest.mark.parametrize("currency", ["USD", None])
def test_a_currency_on_which_amounts_hang_stays(client, account, feeds, given, currency):
    given(account, feeds)
    refused = change(client, account, name="Renamed", currency=currency)
    assert reason(refused) == (409, "bank_account.currency_fixed")
    assert "Open another account instead" in refused.json()["message"]
    account.refresh_from_db()
    assert (account.name, account.currency) == ("House bank", "EUR")
    assert change(client, account, name="Renamed", currency="EUR").status_code == 200


def test_an_account_without_a_currency_gets_that_of_its_statements(client, organization):
    account = BankAccountFactory(organization=organization, currency="")
    StatementFactory(bank_account=account, currency="EUR")
    BankAccountBalanceFactory(bank_account=account)
    refused = change(client, account, currency="USD")
    assert (*reason(refused), "statements in EUR" in refused.json()["message"]) == (
        409,
        "bank_account.currency_fixed",
        True,
    )
    assert change(client, account, currency="EUR").json()["currency"] == "EUR"


def test_a_currency_that_another_account_of_the_number_has_is_taken(client, account):
    other = BankAccountFactory(
        organization=account.organization, identifier=account.identifier, currency="USD"
    )
    assert reason(change(client, other, currency="EUR")) == (409, "bank_account.taken")


# --- Deleting ------------------------------------------------------------------------------------------------------


def test_an_account_goes_with_its_balances(client, account):
    BankAccountBalanceFactory(bank_account=account)
    assert delete(client, account).status_code == 204
    assert client.get(ACCOUNTS).json() == []
    for answer in (
        client.get(f"{ACCOUNTS}/{account.pk}"),
        client.get(f"{ACCOUNTS}/{account.uuid}"),
        change(client, account, name="x"),
        delete(client, account),
    ):
        assert reason(answer) == (404, "bank_account.not_found")
    balances = "/v1/bank_account_balances"
    assert client.get(balances, {"bank_account_id": account.pk}).json() == []
    body = {"bank_account_id": account.pk, "date": "2026-03-31", "balance_type": "other", "amount_cents": 1}
    assert reason(client.post(balances, body, format="json")) == (422, "bank_account.not_found")


def test_an_account_with_a_bank_feed_stays_until_that_is_deleted(client, account):
    feed = feed_of(account)
    refused = delete(client, account)
    assert (*reason(refused), refused.json()["details"]) == (
        409,
        "bank_account.linked",
        {"data_stream_keys": [feed.key]},
    )
    assert client.delete(f"/v1/data_streams/{feed.key}").status_code == 204
    assert delete(client, account).status_code == 204


def test_an_account_with_statement_lines_stays(client, account, feeds):
    stream = setup.statement_stream(account, by=feeds.by, at=NOW)
    record = RecordFactory(stream=stream)
    assert reason(delete(client, account)) == (409, "bank_account.linked")
    Record.objects.filter(pk=record.pk).update(voided_at=NOW)
    assert delete(client, account).status_code == 204


def test_a_ledgers_account_without_lines_leaves_its_ledger(client, account, feeds):
    ledger = LedgerFactory(organization=account.organization)
    feeds.act(bank_account_attach, bank_account=account, ledger=ledger)
    stream = DataStream.objects.get(bank_account=account)
    assert ReconciliationStream.objects.filter(stream=stream).exists()
    assert delete(client, account).status_code == 204
    stream.refresh_from_db()
    assert stream.voided_at is not None
    assert not ReconciliationStream.objects.filter(stream=stream).exists()
    assert client.get(f"/v1/ledgers/{ledger.uuid}").json()["bank_accounts"] == []


def test_an_account_that_is_gone_gets_no_feed_and_no_ledger(client, account, feeds):
    feeds.act(bank_account_delete, bank_account=account)
    body = {"key": "a", "name": "A", "type": "bank_feed", "bank_account_id": account.pk}
    assert reason(client.post("/v1/data_streams", body, format="json")) == (422, "bank_account.not_found")
    ledger = LedgerFactory(organization=account.organization)
    with pytest.raises(Exception, match="no bank account"):
        feeds.act(bank_account_attach, bank_account=account, ledger=ledger)


def test_nothing_of_the_balances_is_lost_to_the_books(client, account):
    """Nothing is deleted: what was stated stays in the database, and is shown nowhere."""
    BankAccountBalanceFactory(bank_account=account)
    delete(client, account)
    assert BankAccountBalance.objects.filter(bank_account=account).count() == 1


# --- Tenants -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["0", "x", "9" * 40, "-1", "01900000-0000-7000-8000-000000000000", "%00"])
def test_an_id_of_nothing_is_404(client, id):
    assert reason(client.get(f"{ACCOUNTS}/{id}")) == (404, "bank_account.not_found")


def test_another_organizations_account_is_as_unknown_as_none(stranger, account):
    for named in (account.pk, account.uuid):
        for ask in (
            lambda id: stranger.get(f"{ACCOUNTS}/{id}"),
            lambda id: stranger.patch(f"{ACCOUNTS}/{id}", {"name": "x"}, format="json"),
            lambda id: stranger.delete(f"{ACCOUNTS}/{id}"),
        ):
            assert without_correlation(ask(named)) == without_correlation(ask(account.pk + 999))
