"""Data streams over HTTP: list, make, show, rename; each refusal with its code."""

import pytest

from ledgers.models import DataStream
from tests.api.callers import without_correlation
from tests.api.streams.keys import STREAMS, at, create, paths, reason
from tests.clock import NOW
from tests.factories.ledgers import BankAccountFactory, DataStreamFactory

pytestmark = pytest.mark.django_db

VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "/")


# --- Making --------------------------------------------------------------------------------------------------------


def test_a_stream_is_made_as_asked(client, organization):
    answer = create(client)
    made = DataStream.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": made.pk,
        "key": "card_acquirer",
        "name": "Card acquirer",
        "description": None,
        "type": "api",
        "bank_account_id": None,
    }
    assert (made.organization, made.kind, made.created_by[:4]) == (organization, "api", "key:")


@pytest.mark.parametrize("as_text", [True, False])
def test_a_bank_feed_names_its_account(client, organization, as_text):
    account = BankAccountFactory(organization=organization)
    named = str(account.pk) if as_text else account.pk
    first = create(client, type="bank_feed", bank_account_id=named)
    second = create(client, key="second", type="bank_feed", bank_account_id=named)
    assert [(each.status_code, each.json()["bank_account_id"]) for each in (first, second)] == [
        (201, account.pk)
    ] * 2
    assert first.json()["type"] == "bank_feed"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"key": None}, "key"),
        ({"key": ""}, "key"),
        ({"key": "a/b"}, "key"),
        ({"key": "a b"}, "key"),
        ({"key": "ü"}, "key"),
        ({"key": "x" * 129}, "key"),
        ({"key": "."}, "key"),
        ({"key": ".."}, "key"),
        ({"key": ["x"]}, "key"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"type": "statement"}, "type"),
        ({"type": "csv"}, "type"),
        ({"type": None}, "type"),
        ({"type": "bank_feed"}, "bank_account_id"),
        ({"type": "bank_feed", "bank_account_id": None}, "bank_account_id"),
        ({"type": "bank_feed", "bank_account_id": "x"}, "bank_account_id"),
        ({"type": "bank_feed", "bank_account_id": 1.0}, "bank_account_id"),
        ({"type": "bank_feed", "bank_account_id": "9" * 30}, "bank_account_id"),
        ({"description": "x"}, "description"),
    ],
)
def test_what_cannot_be_a_stream_is_422_and_says_where(client, body, path):
    answer = create(client, **body)
    assert (answer.status_code, paths(answer)) == (422, [[path]])
    assert answer.json()["message"] == answer.json()["error"]
    assert not DataStream.objects.exists()


@pytest.mark.parametrize("field", ["key", "name"])
def test_a_missing_field_is_422(client, field):
    body = {"key": "a", "name": "A"}
    del body[field]
    assert paths(client.post(STREAMS, body, format="json")) == [[field]]


def test_an_account_needs_a_bank_feed(client, organization):
    answer = create(client, bank_account_id=BankAccountFactory(organization=organization).pk)
    assert (*reason(answer), paths(answer)) == (422, "stream.invalid", [["bank_account_id"]])


def test_another_organizations_account_is_as_unknown_as_none(client):
    theirs = BankAccountFactory().pk
    assert reason(create(client, type="bank_feed", bank_account_id=theirs)) == (422, "bank_account.not_found")
    assert without_correlation(create(client, type="bank_feed", bank_account_id=theirs)) == (
        without_correlation(create(client, type="bank_feed", bank_account_id=theirs + 999))
    )


def test_a_key_is_taken_once_per_organization(client, stranger):
    assert create(client).status_code == 201
    assert (*reason(create(client)), paths(create(client))) == (422, "stream.key_taken", [["key"]])
    assert create(client, key="Card_Acquirer").status_code == 201
    assert create(stranger).status_code == 201


def test_every_visible_sign_but_a_slash_may_be_in_a_key(client):
    for key in (VISIBLE, "a%2Fb", "?x=1#y", "..."):
        made = create(client, key=key)
        assert made.status_code == 201, key
        assert client.get(at(key)).json() == made.json()
        reset = client.post(at(key, "reset"))
        assert client.get(reset.headers["Location"]).json() == reset.json()


@pytest.mark.parametrize(
    "key", ["none", "x" * 129, "a b", "ü", "\x00", "%", "\ud800x".encode("utf-8", "replace").decode()]
)
@pytest.mark.parametrize("more", [[], ["health"], ["operations", 1], ["operations", "x"]])
def test_a_key_of_no_stream_is_404(client, key, more):
    answer = client.get(at(key, *more))
    expected = "operation.not_found" if "operations" in more else "stream.not_found"
    assert reason(answer) == (404, expected)


# --- Lists ---------------------------------------------------------------------------------------------------------


def test_the_list_is_bare_by_key_and_leaves_owned_ones_out(client, organization, feeds):
    feeds.stream("b")
    feeds.stream("A")
    feeds.stream("statements", kind="bank_list")
    DataStreamFactory(organization=organization, key="gone", voided_at=NOW)
    DataStreamFactory(key="theirs")
    assert [row["key"] for row in client.get(STREAMS).json()] == ["A", "b"]
    owned = client.get(STREAMS, {"include": "owned"}).json()
    assert [(row["key"], row["type"]) for row in owned] == [
        ("A", "api"),
        ("b", "api"),
        ("statements", "bank_list"),
    ]


@pytest.mark.parametrize("query", [{"include": "all"}, {"include": ""}, {"limit": "5"}, {"x": "1"}])
def test_the_list_takes_nothing_else(client, query):
    answer = client.get(STREAMS, query)
    assert (answer.status_code, paths(answer)) == (422, [[next(iter(query))]])


def test_the_list_asks_constantly_few_queries(client, feeds, django_assert_max_num_queries):
    feeds.stream("a")
    client.get(STREAMS)
    with django_assert_max_num_queries(6):
        client.get(STREAMS)
    DataStreamFactory.create_batch(
        5, organization=feeds.organization, kind="bank_feed", bank_account=BankAccountFactory()
    )
    with django_assert_max_num_queries(6):
        assert len(client.get(STREAMS).json()) == 6


# --- Renaming ------------------------------------------------------------------------------------------------------


def test_only_the_name_changes(client, feeds):
    feeds.stream("a")
    answer = client.patch(at("a"), {"name": " Acquirer, Europe "}, format="json")
    assert (answer.status_code, answer.json()["name"]) == (200, "Acquirer, Europe")
    assert client.get(at("a")).json() == answer.json()
    assert client.patch(at("a"), {}, format="json").json() == answer.json()


@pytest.mark.parametrize(
    "body", [{"name": ""}, {"name": None}, {"key": "b"}, {"type": "api"}, {"description": "x"}]
)
def test_a_change_of_anything_else_is_422(client, feeds, body):
    feeds.stream("a")
    answer = client.patch(at("a"), body, format="json")
    assert (answer.status_code, paths(answer)) == (422, [[next(iter(body))]])


def test_an_owned_stream_is_not_renamed_deleted_or_emptied(client, feeds):
    feeds.stream("own", kind="bank_list")
    acts = (
        client.patch(at("own"), {"name": "Mine"}, format="json"),
        client.delete(at("own")),
        client.delete(at("own") + "?async=true"),
        client.post(at("own", "reset")),
    )
    assert [reason(answer) for answer in acts] == [(409, "stream.owned")] * 4


# --- Tenants ---------------------------------------------------------------------------------------------------------


def test_another_organizations_stream_is_as_unknown_as_none(stranger, feeds):
    stream = feeds.stream("theirs")
    feeds.add(stream, ("R1", 100))
    asks = [
        lambda key: stranger.get(at(key)),
        lambda key: stranger.patch(at(key), {"name": "x"}, format="json"),
        lambda key: stranger.delete(at(key)),
        lambda key: stranger.delete(at(key) + "?async=true"),
        lambda key: stranger.post(at(key, "reset")),
        lambda key: stranger.get(at(key, "health")),
    ]
    for ask in asks:
        assert without_correlation(ask("theirs")) == without_correlation(ask("no_such"))
    assert stranger.get(STREAMS, {"include": "owned"}).json() == []
