"""Property definitions over HTTP."""

import pytest

from ledgers.models import PropertyDefinition
from tests.api.callers import without_correlation
from tests.api.streams.keys import paths, reason
from tests.clock import NOW
from tests.factories.ledgers import PropertyDefinitionFactory
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

DEFINITIONS = "/v1/data_stream_property_definitions"


@pytest.fixture
def feeds(feeds) -> Feeds:
    feeds.stream("cards")
    return feeds


def create(client, **body):
    facts = {"key": "batch_no", "name": "Batch number", "type": "string", "data_stream_key": "cards"}
    return client.post(DEFINITIONS, {**facts, **body}, format="json")


@pytest.mark.parametrize("type", ["number", "date", "datetime", "string", "boolean"])
@pytest.mark.parametrize("optional", [True, False, None])
def test_a_definition_is_made_as_asked(client, feeds, type, optional):
    answer = create(client, type=type, **({} if optional is None else {"optional": optional}))
    assert answer.status_code == 201
    assert answer.json() == {
        "id": PropertyDefinition.objects.get().pk,
        "key": "batch_no",
        "name": "Batch number",
        "type": type,
        "optional": bool(optional),
        "data_stream_key": "cards",
    }
    assert client.get(f"{DEFINITIONS}/{answer.json()['id']}").json() == answer.json()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"key": ""}, "key"),
        ({"key": " padded"}, "key"),
        ({"key": "x" * 101}, "key"),
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"type": "text"}, "type"),
        ({"type": None}, "type"),
        ({"optional": "perhaps"}, "optional"),
        ({"optional": None}, "optional"),
        ({"data_stream_key": "none"}, "data_stream_key"),
        ({"data_stream_key": None}, "data_stream_key"),
        ({"format": "x"}, "format"),
    ],
)
def test_what_cannot_be_defined_is_422_and_says_where(client, feeds, body, path):
    answer = create(client, **body)
    assert (answer.status_code, paths(answer)) == (422, [[path]])
    assert not PropertyDefinition.objects.exists()


@pytest.mark.parametrize("field", ["key", "name", "type", "data_stream_key"])
def test_a_missing_field_is_422(client, feeds, field):
    body = {"key": "batch_no", "name": "Batch number", "type": "string", "data_stream_key": "cards"}
    del body[field]
    assert paths(client.post(DEFINITIONS, body, format="json")) == [[field]]


def test_a_key_is_defined_once_until_it_is_deleted(client, feeds):
    first = create(client).json()
    assert (*reason(create(client)), paths(create(client))) == (422, "definition.key_taken", [["key"]])
    assert client.delete(f"{DEFINITIONS}/{first['id']}").status_code == 204
    assert create(client, type="number").status_code == 201


def test_the_list_is_bare_and_of_one_stream(client, feeds):
    create(client, key="b")
    create(client, key="a")
    PropertyDefinitionFactory(stream=feeds.stream("other"))
    PropertyDefinitionFactory(
        key="gone", stream_id=PropertyDefinition.objects.first().stream_id, voided_at=NOW
    )
    rows = client.get(DEFINITIONS, {"data_stream_key": "cards"}).json()
    assert [(row["key"], row["data_stream_key"]) for row in rows] == [("a", "cards"), ("b", "cards")]


@pytest.mark.parametrize("key", ["none", "x" * 500, "a b"])
def test_a_stream_that_does_not_exist_has_none(client, feeds, key):
    answer = client.get(DEFINITIONS, {"data_stream_key": key})
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("query", [{}, {"data_stream_key": ""}, {"data_stream_key": "cards", "x": "1"}])
def test_the_list_needs_its_stream_and_nothing_else(client, feeds, query):
    assert client.get(DEFINITIONS, query).status_code == 422


def test_the_list_asks_constantly_few_queries(client, feeds, django_assert_max_num_queries):
    create(client)
    client.get(DEFINITIONS, {"data_stream_key": "cards"})
    with django_assert_max_num_queries(7):
        client.get(DEFINITIONS, {"data_stream_key": "cards"})
    for number in range(5):
        create(client, key=f"k{number}")
    with django_assert_max_num_queries(7):
        assert len(client.get(DEFINITIONS, {"data_stream_key": "cards"}).json()) == 6


def test_name_and_optional_change_alone_or_together(client, feeds):
    path = f"{DEFINITIONS}/{create(client).json()['id']}"
    assert client.patch(path, {"name": "Batch"}, format="json").json()["name"] == "Batch"
    assert client.patch(path, {"optional": True}, format="json").json()["optional"] is True
    last = client.patch(path, {"name": "Lot", "optional": False}, format="json")
    assert (last.status_code, last.json()["name"], last.json()["optional"]) == (200, "Lot", False)
    assert client.patch(path, {}, format="json").json() == client.get(path).json() == last.json()


@pytest.mark.parametrize(
    "body", [{"key": "x"}, {"type": "number"}, {"data_stream_key": "x"}, {"name": ""}, {"optional": None}]
)
def test_nothing_else_changes(client, feeds, body):
    path = f"{DEFINITIONS}/{create(client).json()['id']}"
    assert paths(client.patch(path, body, format="json")) == [[next(iter(body))]]


def test_a_deleted_definition_is_gone(client, feeds):
    path = f"{DEFINITIONS}/{create(client).json()['id']}"
    assert client.delete(path).status_code == 204
    for answer in (client.get(path), client.patch(path, {"name": "x"}, format="json"), client.delete(path)):
        assert reason(answer) == (404, "definition.not_found")


def test_a_definition_that_a_rule_cannot_run_without_stays(client, feeds):
    a, b = feeds.stream("a"), feeds.stream("b")
    for stream in (a, b):
        create(client, data_stream_key=stream.key, key="fee", type="number")
    made = feeds.reconciliation(a, b)
    leaf = {"key": "metadata.fee", "operand": "eq", "value": "metadata.fee"}
    more = {"tolerance_amount": 2, "tolerance_unit": "dollar"}
    rule = {"reconciliation_id": made.pk, "filters": {"rules": [{**leaf, **more}]}}
    assert client.post("/v1/reconciliation_rules", rule, format="json").status_code == 201
    pk = PropertyDefinition.objects.get(stream=a).pk
    assert reason(client.delete(f"{DEFINITIONS}/{pk}")) == (409, "rule.would_not_run")


@pytest.mark.parametrize("id", ["0", "x", "9" * 30, "-1"])
def test_an_id_of_nothing_is_404(client, feeds, id):
    assert reason(client.get(f"{DEFINITIONS}/{id}")) == (404, "definition.not_found")


def test_another_organizations_definition_is_as_unknown_as_none(client, stranger, feeds):
    pk = create(client).json()["id"]
    for ask in (
        lambda pk: stranger.get(f"{DEFINITIONS}/{pk}"),
        lambda pk: stranger.patch(f"{DEFINITIONS}/{pk}", {"name": "x"}, format="json"),
        lambda pk: stranger.delete(f"{DEFINITIONS}/{pk}"),
    ):
        assert without_correlation(ask(pk)) == without_correlation(ask(pk + 999))
    theirs, none = create(stranger), create(stranger, data_stream_key="none")
    assert without_correlation(theirs) == without_correlation(none)
    assert stranger.get(DEFINITIONS, {"data_stream_key": "cards"}).json() == []
