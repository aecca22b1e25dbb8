"""One record over HTTP: added, shown, changed, deleted."""

import pytest

from api.streams.record_examples import RECORD, RECORD_SENT
from ledgers.models import Record
from organizations.models import AuditEvent
from reconciliation.models import Match, OpenItem, Pass
from reconciliation.selectors.integrity import faults
from rules.models import Reconciliation
from tests.api.callers import without_correlation
from tests.api.streams.records.conftest import RECORDS
from tests.factories.ledgers import DataStreamFactory, PropertyDefinitionFactory

pytestmark = pytest.mark.django_db
MOST = 2**63 - 1


def test_the_contracts_record_is_taken_as_it_says(bench):
    answer = bench.post(body=RECORD_SENT)
    body = answer.json()
    assert (answer.status_code, set(body)) == (201, set(RECORD))
    assert body == {**RECORD, "id": body["id"], "created_at": body["created_at"]}
    assert bench.get(f"{RECORDS}/{body['id']}") == body
    assert OpenItem.objects.get(record=body["id"]).open_amount == 4250
    assert AuditEvent.objects.filter(action="records.added").count() == 1


def test_what_is_left_out_has_its_default(bench):
    body = bench.add()
    assert (body["currency"], body["decimal_places"]) == ("USD", 2)
    assert [body[name] for name in ("description", "external_id", "reference", "value_date")] == [None] * 4
    assert body["metadata"] == {}


@pytest.mark.parametrize(("currency", "places"), [("jpy", 0), ("KWD", 3), ("xxq", 2)])
def test_decimals_are_those_of_the_currency(bench, currency, places):
    body = bench.add(currency=currency)
    assert (body["currency"], body["decimal_places"]) == (currency.upper(), places)


@pytest.mark.parametrize("amount", [0, -4250, MOST, -MOST])
def test_an_amount_is_kept_as_sent_with_its_sign(bench, amount):
    body = bench.add(amount=amount, direction="debit")
    row = Record.objects.get(pk=body["id"])
    assert (body["amount"], body["direction"]) == (amount, "debit")
    assert (row.signed_amount, row.effect) == (-amount, -amount)
    assert faults() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", 42.5),
        ("amount", 4250.0),
        ("amount", "4250"),
        ("amount", True),
        ("amount", MOST + 1),
        ("amount", -MOST - 1),
        ("amount", None),
        ("date", "2026-02-30"),
        ("date", "20260301"),
        ("date", 20260301),
        ("date", "2026-03-01T00:00:00Z"),
        ("direction", "CREDIT"),
        ("direction", ["credit"]),
        ("currency", "US"),
        ("currency", "EURO"),
        ("currency", "€€€"),
        ("currency", 5),
        ("description", 7),
        ("description", "x" * 10_001),
        ("external_id", "x" * 1_001),
        ("external_id", 771),
        ("metadata", []),
        ("metadata", "batch"),
        ("value_date", "tomorrow"),
        ("decimal_places", 2),
        ("status", "reconciled"),
        ("data_stream_key", 11),
        ("data_stream_key", None),
        ("data_stream_key", "nobody"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(bench, field, value):
    [(named, message)] = bench.refused(**{field: value})
    assert named == field
    assert message
    assert not Record.objects.exists()


def test_every_mistake_is_told_at_once(bench):
    found = bench.refused(amount=1.5, direction="up", date=None, currency="E")
    assert {name for name, _message in found} == {"amount", "direction", "date", "currency"}


@pytest.mark.parametrize("body", [[], "x", None])
def test_a_body_that_is_no_object_is_refused(bench, body):
    answer = bench.client.post(RECORDS, body, format="json")
    assert answer.status_code in (400, 422)


def test_metadata_is_held_against_the_definitions(bench):
    PropertyDefinitionFactory(stream=bench.cards, key="fee", type="number")
    PropertyDefinitionFactory(stream=bench.cards, key="note", type="string", optional=True)
    assert [name for name, _text in bench.refused(metadata={"note": 5})] == ["metadata.fee", "metadata.note"]
    made = bench.add(metadata={"fee": 1.5, "whatever": [1]})
    answer = bench.patch(made["id"], {"metadata": {"fee": "abc"}})
    assert (answer.status_code, answer.json()["issues"][0]["path"]) == (422, ["metadata", "fee"])
    assert bench.patch(made["id"], {"description": "x"}).status_code == 200


def test_an_external_id_comes_once_in_a_stream(bench):
    first = bench.add(external_id="tx-1")
    answer = bench.post(body=bench.row(external_id="tx-1"))
    assert (answer.status_code, answer.json()["reason"]) == (422, "record.duplicate")
    assert bench.add(external_id="tx-1", data_stream_key="house_bank")["id"] != first["id"]
    other = bench.add(external_id="tx-2")
    answer = bench.patch(other["id"], {"external_id": "tx-1"})
    assert (answer.status_code, answer.json()["reason"]) == (422, "record.duplicate")
    assert bench.client.delete(f"{RECORDS}/{first['id']}").status_code == 204
    assert bench.patch(other["id"], {"external_id": "tx-1"}).status_code == 200


@pytest.mark.parametrize("kind", ["statement", "ledger", "transactions", "bank_list"])
def test_streams_that_something_owns_take_no_records_here(bench, kind, owned_stream):
    stream = owned_stream(kind)
    answer = bench.post(body=bench.row(data_stream_key=stream.key))
    assert (answer.status_code, answer.json()["reason"]) == (422, "stream.owned")


@pytest.mark.parametrize("kind", ["statement", "ledger", "transactions", "bank_list"])
def test_records_of_owned_streams_are_shown_and_never_changed(bench, kind, owned_record):
    row = owned_record(kind)
    path = f"{RECORDS}/{row.pk}"
    assert bench.get(path)["amount"] == row.amount
    for answer in (bench.patch(row.pk, {"amount": 1}), bench.client.delete(path)):
        assert (answer.status_code, answer.json()["reason"]) == (409, "stream.owned")


def test_a_stream_in_reset_takes_no_records(bench):
    row = bench.add()
    type(bench.cards).objects.filter(pk=bench.cards.pk).update(resetting=True)
    path = f"{RECORDS}/{row['id']}"
    for answer in (
        bench.post(body=bench.row()),
        bench.patch(row["id"], {"amount": 1}),
        bench.client.delete(path),
    ):
        assert (answer.status_code, answer.json()["reason"]) == (409, "stream.resetting")


def test_every_field_but_stream_and_currency_is_changed(bench):
    made = bench.add(external_id="tx-1", metadata={"a": 1})
    said = {
        "amount": -77,
        "direction": "debit",
        "date": "2026-02-28",
        "value_date": "2026-03-01",
        "description": "new",
        "reference": "R-9",
        "counterparty": "Shop",
        "external_id": "tx-9",
        "metadata": {"b": [2]},
    }
    answer = bench.patch(made["id"], said)
    assert (answer.status_code, answer.json()) == (200, {**made, **said})
    assert bench.get(f"{RECORDS}/{made['id']}") == answer.json()
    assert OpenItem.objects.get(record=made["id"]).open_amount == 77
    assert faults() == []


def test_null_empties_what_may_be_empty(bench):
    made = bench.add(external_id="tx-1", description="x", metadata={"a": 1}, value_date="2026-03-01")
    body = bench.patch(
        made["id"], {"external_id": None, "description": None, "metadata": None, "value_date": None}
    ).json()
    assert (body["external_id"], body["description"], body["metadata"], body["value_date"]) == (
        None,
        None,
        {},
        None,
    )
    bench.add(external_id="tx-1")


@pytest.mark.parametrize(
    ("field", "value"),
    [("currency", "EUR"), ("data_stream_key", "house_bank"), ("amount", None), ("amount", 1.5), ("id", 5)],
)
def test_a_change_that_cannot_be_is_named(bench, field, value):
    made = bench.add()
    answer = bench.patch(made["id"], {field: value})
    assert (answer.status_code, answer.json()["reason"]) == (422, "record.invalid")
    assert answer.json()["issues"][0]["path"] == [field]
    assert bench.get(f"{RECORDS}/{made['id']}") == made


def test_saying_what_it_says_already_changes_nothing(bench):
    a, _b = bench.matched(status="suggested")
    before = AuditEvent.objects.count()
    assert bench.patch(a.pk, {"amount": 500}).status_code == 200
    assert bench.patch(a.pk, {}).status_code == 200
    assert AuditEvent.objects.count() == before
    assert Match.objects.get().status == "suggested"


def test_what_an_accepted_match_has_is_neither_changed_nor_deleted(bench):
    a, _b = bench.matched()
    for answer in (bench.patch(a.pk, {"amount": 1}), bench.client.delete(f"{RECORDS}/{a.pk}")):
        assert (answer.status_code, answer.json()["reason"]) == (409, "record.matched")
        assert answer.json()["details"] == {"match_id": Match.objects.get().pk, "status": "accepted"}
    assert bench.get(f"{RECORDS}/{a.pk}")["amount"] == 500


def test_a_suggestion_gives_way_to_a_change(bench):
    a, _b = bench.matched(status="suggested")
    assert bench.patch(a.pk, {"amount": 700}).json()["amount"] == 700
    assert Match.objects.get().status == "undone"
    assert faults() == []


def test_a_deleted_record_is_gone(bench):
    made = bench.add()
    path = f"{RECORDS}/{made['id']}"
    answer = bench.client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert not OpenItem.objects.exists()
    for again in (bench.client.get(path), bench.client.delete(path), bench.patch(made["id"], {"amount": 1})):
        assert (again.status_code, again.json()["reason"]) == (404, "record.not_found")


def test_another_organizations_record_is_as_good_as_none(bench, stranger):
    made = bench.add()
    for method in ("get", "patch", "delete"):
        theirs = getattr(stranger, method)(f"{RECORDS}/{made['id']}", {}, format="json")
        none = getattr(stranger, method)(f"{RECORDS}/987654321", {}, format="json")
        assert without_correlation(theirs) == without_correlation(none)
        assert theirs.status_code == 404
    unknown = stranger.post(RECORDS, bench.row(data_stream_key="nothing"), format="json")
    foreign = stranger.post(RECORDS, bench.row(), format="json")
    assert without_correlation(unknown) == without_correlation(foreign)


@pytest.mark.parametrize("record_id", ["abc", "0", "-1", "1.5", "99999999999999999999"])
def test_an_id_that_is_no_number_is_404(bench, record_id):
    assert bench.client.get(f"{RECORDS}/{record_id}").status_code == 404


def test_an_unknown_query_parameter_is_refused(bench):
    made = bench.add()
    assert bench.client.get(f"{RECORDS}/{made['id']}?expand=1").status_code == 422


def test_a_record_sent_twice_under_one_key_is_one(bench):
    first = bench.post(body=bench.row(), **{"Idempotency-Key": "k-1"})
    again = bench.post(body=bench.row(), **{"Idempotency-Key": "k-1"})
    assert (first.json(), again.headers["Idempotency-Replayed"]) == (again.json(), "true")
    assert Record.objects.count() == 1


def test_a_new_record_rings_for_a_pass_where_matching_is_continuous(bench):
    Reconciliation.objects.update(run_type="continuous")
    bench.add()
    assert Pass.objects.get().trigger == "record_created"


def test_two_organizations_have_streams_of_one_key(bench):
    DataStreamFactory(key="card_acquirer")
    assert Record.objects.get(pk=bench.add()["id"]).stream_id == bench.cards.pk
