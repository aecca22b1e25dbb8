"""Data streams over HTTP: list, make, show, rename, delete, health; each refusal with its code."""

from urllib.parse import quote

import pytest

from ledgers.models import BulkRequest, DataStream, Record
from reconciliation.models import StreamOperation
from reconciliation.services.stream_deletion import RECORDS_AT_ONCE
from tests.api.callers import signed_in, without_correlation
from tests.clock import NOW
from tests.factories.ledgers import (
    BankAccountFactory,
    BulkRequestFactory,
    DataStreamFactory,
    ImportBatchFactory,
    PropertyDefinitionFactory,
    RecordFactory,
)
from tests.factories.organizations import MembershipFactory, actor_with
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

STREAMS = "/v1/data_streams"
VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "/")


@pytest.fixture
def feeds(organization) -> Feeds:
    return Feeds(actor_with("admin", organization=organization))


def create(client, **body):
    return client.post(STREAMS, {"key": "card_acquirer", "name": "Card acquirer", **body}, format="json")


def at(key: str, *more: object) -> str:
    return "/".join([STREAMS, quote(key, safe=""), *(str(step) for step in more)])


def reason(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["reason"]


def paths(answer) -> list[list[str]]:
    return [issue["path"] for issue in answer.json()["issues"]]


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


# --- Deleting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?async=false"])
def test_a_stream_is_deleted_at_once(client, feeds, query):
    stream = feeds.stream("a")
    feeds.add(stream, ("R1", 100))
    PropertyDefinitionFactory(stream=stream)
    answer = client.delete(at("a") + query)
    assert (answer.status_code, answer.content) == (204, b"")
    assert reason(client.get(at("a"))) == (404, "stream.not_found")
    assert client.get(STREAMS).json() == []
    assert not Record.objects.live().exists()
    assert reason(client.delete(at("a"))) == (404, "stream.not_found")
    assert create(client, key="a").status_code == 201


@pytest.mark.parametrize("query", ["?async=yes", "?async=True", "?async=1", "?async=", "?sync=true"])
def test_async_is_true_or_false(client, feeds, query):
    feeds.stream("a")
    assert client.delete(at("a") + query).status_code == 422
    assert client.get(at("a")).status_code == 200


def test_a_worker_deletes_where_it_is_asked_to(client, feeds):
    stream = feeds.stream("a")
    feeds.add(stream, ("R1", 100))
    answer = client.delete(at("a") + "?async=true")
    asked = StreamOperation.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (
        202,
        f"/v1/data_streams/a/operations/{asked.pk}",
    )
    assert answer.json() | {"created_at": None, "requested_by_user_id": 0} == {
        "id": asked.pk,
        "data_stream_id": stream.pk,
        "data_stream_key": "a",
        "kind": "delete",
        "status": "pending",
        "progress": 0,
        "error_message": None,
        "started_at": None,
        "completed_at": None,
        "created_at": None,
        "requested_by_user_id": 0,
    }
    assert client.get(at("a")).status_code == 200
    feeds.done(asked)
    done = client.get(answer.headers["Location"]).json()
    assert (done["status"], done["progress"], done["completed_at"]) == (
        "completed",
        100,
        "2026-03-31T09:00:00Z",
    )
    assert client.get(at("a")).status_code == 404


def test_ten_thousand_records_go_at_once_and_one_more_does_not(client, feeds):
    stream = feeds.stream("a")
    rows = RecordFactory.build_batch(RECORDS_AT_ONCE + 1, stream=stream)
    for place, row in enumerate(rows, start=1):
        row.pk = place
    Record.objects.bulk_create(rows)
    refused = client.delete(at("a"))
    assert (*reason(refused), refused.json()["details"]) == (409, "stream.too_large", {"records_max": 10_000})
    assert refused.json()["message"]
    Record.objects.filter(pk=1).update(voided_at=NOW)
    assert client.delete(at("a")).status_code == 204


@pytest.mark.parametrize("query", ["", "?async=true"])
def test_a_stream_in_a_reconciliation_is_not_deleted(client, feeds, query):
    stream = feeds.stream("a")
    made = feeds.reconciliation(stream)
    refused = client.delete(at("a") + query)
    assert (*reason(refused), refused.json()["details"]) == (
        409,
        "stream.linked",
        {"reconciliation_ids": [made.pk]},
    )


def test_a_repeated_request_answers_as_the_first_did(client, feeds):
    feeds.stream("a")
    headers = {"Idempotency-Key": "k-1"}
    first = client.delete(at("a") + "?async=true", headers=headers)
    again = client.delete(at("a") + "?async=true", headers=headers)
    assert (again.status_code, again.json(), again.headers["Location"]) == (
        202,
        first.json(),
        first.headers["Location"],
    )
    assert StreamOperation.objects.count() == 1


# --- Emptying and operations -----------------------------------------------------------------------------------------


def test_a_reset_is_202_always_and_empties_the_stream(client, feeds):
    stream = feeds.stream("a")
    definition = PropertyDefinitionFactory(stream=stream)
    for records in ([("R1", 100)], []):
        feeds.add(stream, *records)
        answer = client.post(at("a", "reset"))
        assert (answer.status_code, answer.json()["kind"]) == (202, "reset")
        feeds.done(StreamOperation.objects.latest("pk"))
    assert not Record.objects.live().exists()
    definition.refresh_from_db()
    assert definition.voided_at is None
    assert client.get(at("a")).status_code == 200


def test_a_reset_takes_no_body_and_one_at_a_time(client, feeds):
    feeds.stream("a")
    assert client.post(at("a", "reset"), {"x": 1}, format="json").status_code == 422
    assert client.post(at("a", "reset"), {}, format="json").status_code == 202
    assert reason(client.post(at("a", "reset"))) == (409, "stream.operation_running")
    assert reason(client.delete(at("a"))) == (409, "stream.operation_running")


def test_who_asked_is_the_person_or_the_keys_maker(client, api_key, organization, feeds):
    member = MembershipFactory(organization=organization, role="operator")
    feeds.stream("a")
    feeds.stream("b")
    assert client.post(at("a", "reset")).json()["requested_by_user_id"] == api_key.made_by.user_id
    assert signed_in(member).post(at("b", "reset")).json()["requested_by_user_id"] == member.user_id


def test_a_failed_operation_says_why_and_is_not_completed(client, feeds):
    feeds.stream("a")
    answer = client.post(at("a", "reset"))
    StreamOperation.objects.update(status="failed", error="OSError: disk full", finished_at=NOW)
    body = client.get(answer.headers["Location"]).json()
    assert (body["status"], body["error_message"], body["completed_at"]) == (
        "failed",
        "OSError: disk full",
        None,
    )


def test_operations_of_a_key_that_was_used_again_are_all_found(client, feeds):
    feeds.stream("a")
    first = client.delete(at("a") + "?async=true")
    feeds.done(StreamOperation.objects.get())
    assert create(client, key="a").status_code == 201
    second = client.post(at("a", "reset"))
    assert [client.get(each.headers["Location"]).json()["kind"] for each in (first, second)] == [
        "delete",
        "reset",
    ]


def test_an_operation_is_its_streams_alone(client, stranger, feeds):
    feeds.stream("a")
    feeds.stream("b")
    pk = client.post(at("a", "reset")).json()["id"]
    for answer in (
        client.get(at("b", "operations", pk)),
        client.get(at("a", "operations", pk + 1)),
        client.get(at("a", "operations", "x")),
        client.get(at("a", "operations", "9" * 30)),
        stranger.get(at("a", "operations", pk)),
    ):
        assert reason(answer) == (404, "operation.not_found")


def test_wiring_is_no_operation_of_the_stream(client, feeds):
    stream = feeds.stream("a")
    feeds.reconciliation(stream)
    pk = StreamOperation.objects.get(kind="wire").pk
    assert reason(client.get(at("a", "operations", pk))) == (404, "operation.not_found")


# --- Health ----------------------------------------------------------------------------------------------------------


def test_health_counts_what_is_there(client, feeds):
    stream = feeds.stream("a")
    batch = ImportBatchFactory(stream=stream, record_count=5)
    ImportBatchFactory(stream=stream, record_count=2)
    ImportBatchFactory(stream=stream, record_count=7, voided_at=NOW)
    RecordFactory.create_batch(3, stream=stream, import_batch_id=batch.pk)
    RecordFactory(stream=stream)
    RecordFactory(stream=stream, voided_at=NOW)
    RecordFactory(stream=stream, kind="adjustment")
    RecordFactory(stream=feeds.stream("b"))
    assert client.get(at("a", "health")).json() == {
        "records_count": 4,
        "import_batches_count": 2,
        "import_batches_record_sum": 7,
        "orphan_records_count": 1,
        "bulk_requests": dict.fromkeys(
            ("pending", "processing", "completed", "failed", "cancelled", "stuck"), 0
        ),
        "last_ingestion_at": "2026-03-31T09:00:00Z",
    }


def test_health_of_an_empty_stream(client, feeds):
    feeds.stream("a")
    body = client.get(at("a", "health")).json()
    assert (body["records_count"], body["import_batches_record_sum"], body["last_ingestion_at"]) == (
        0,
        0,
        None,
    )


def test_health_counts_the_bulk_requests_that_name_the_stream(client, feeds):
    stream = feeds.stream("a")
    named = {"organization": feeds.organization, "stream_keys": ["b", "a"]}
    ended = {"finished_at": NOW}
    BulkRequestFactory(**named)
    BulkRequestFactory(**named, status="completed", **ended)
    BulkRequestFactory(**named, status="completed", **ended)
    BulkRequestFactory(**named, status="failed", **ended)
    BulkRequestFactory(**named, status="cancelled", **ended)
    BulkRequestFactory(**named, status="processing", heartbeat_at=NOW)
    BulkRequestFactory(organization=feeds.organization, stream_keys=["b"])
    BulkRequestFactory(stream_keys=["a"])
    assert client.get(at("a", "health")).json()["bulk_requests"] == {
        "pending": 1,
        "processing": 1,
        "completed": 2,
        "failed": 1,
        "cancelled": 1,
        "stuck": 1,
    }
    BulkRequest.objects.filter(status="processing").update(heartbeat_at="2999-01-01T00:00:00Z")
    assert client.get(at("a", "health")).json()["bulk_requests"]["stuck"] == 0
    DataStream.objects.filter(pk=stream.pk).update(created_at="2999-01-01T00:00:00Z")
    assert sum(client.get(at("a", "health")).json()["bulk_requests"].values()) == 0


def test_health_takes_constantly_few_queries(client, feeds, django_assert_max_num_queries):
    stream = feeds.stream("a")
    ImportBatchFactory.create_batch(3, stream=stream)
    client.get(at("a", "health"))
    with django_assert_max_num_queries(9):
        client.get(at("a", "health"))


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
