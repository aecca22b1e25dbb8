"""Idempotency-Key: the same request twice is done once and answered alike."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from organizations.models import IdempotencyKey, Organization
from tests.api.callers import client_with_key
from tests.factories.organizations import ApiKeyFactory

pytestmark = [pytest.mark.urls("tests.api.shared.probe"), pytest.mark.django_db]


def send(client, name, key="k1", path="/v1/who"):
    return client.post(path, {"name": name}, headers={"Idempotency-Key": key})


def test_a_repeat_gets_the_first_answer_and_does_nothing(client, organization):
    first = send(client, "one")
    Organization.objects.filter(pk=organization.pk).update(name="changed since")
    again = send(client, "one")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Organization.objects.get(pk=organization.pk).name == "changed since"


def test_another_body_under_the_same_key_is_409(client):
    send(client, "one")
    response = send(client, "two")
    assert (response.status_code, response.json()["reason"]) == (409, "idempotency.conflict")
    assert response.json()["code"] == "ledgers.idempotency_conflict"


def test_spacing_and_order_of_keys_are_the_same_body(client):
    bodies = ['{"name":"x","amount":5}', '{ "amount": 5, "name": "x" }']
    answers = [
        client.generic("POST", "/v1/who", body, "application/json", headers={"Idempotency-Key": "k"})
        for body in bodies
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[1].headers["Idempotency-Replayed"] == "true"


def test_a_refusal_is_not_remembered(client, organization):
    assert send(client, "refuse").status_code == 409
    assert not IdempotencyKey.objects.exists()
    assert Organization.objects.get(pk=organization.pk).name != "refuse"


def test_a_key_belongs_to_its_caller_and_path(client, organization):
    assert send(client, "one").status_code == 201
    assert send(client_with_key(ApiKeyFactory(organization=organization)), "two").status_code == 201
    assert send(client, "three", path="/v1/who?x=1").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, " x", "zwölf"])
def test_a_key_has_1_to_255_visible_characters(client, key):
    response = client.post("/v1/who", {"name": "x"}, headers={"Idempotency-Key": key})
    assert (response.status_code, response.json()["reason"]) == (400, "idempotency.malformed")


def test_an_answer_without_body_is_replayed_too(client):
    for _ in range(2):
        response = client.delete("/v1/who", headers={"Idempotency-Key": "d"})
        assert (response.status_code, response.content) == (204, b"")


def test_a_file_counts_by_its_bytes(client):
    def upload(content: bytes):
        file = SimpleUploadedFile("march.csv", content)
        return client.post("/v1/upload", {"file": file}, format="multipart", headers={"Idempotency-Key": "u"})

    first, again, other = upload(b"a"), upload(b"a"), upload(b"b")
    assert json.loads(again.content) == json.loads(first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.status_code == 409
