"""Uploads come in as a stream: hashed on the way, cut off at the limit, throttled per caller."""

import hashlib
import io

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

from tests.api.callers import client_with_key, signed_in
from tests.factories.organizations import ApiKeyFactory, MembershipFactory

pytestmark = [pytest.mark.urls("tests.api.shared.probe"), pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _fresh_throttles():
    cache.clear()


def upload(client, content: bytes, **headers):
    file = SimpleUploadedFile("march.csv", content)
    return client.post("/v1/upload", {"file": file}, format="multipart", headers=headers)


def test_a_file_is_hashed_as_it_is_read(client):
    content = b"date,amount\n" * 10_000
    assert upload(client, content).json() == {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }


def test_a_file_over_the_limit_is_413(client, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    assert upload(client, b"x" * 1000).status_code == 200
    response = upload(client, b"x" * 1001)
    assert (response.status_code, response.json()["code"]) == (413, "request.too_large")
    assert response.json()["details"] == {"limit_bytes": 1000}


class Endless(io.RawIOBase):
    """A body that never ends, and how much of it was read."""

    taken = 0

    def read(self, size=-1):
        self.taken += size
        return b"x" * size

    readline = read


def announce(client, body: Endless, size: int):
    extra = {"CONTENT_LENGTH": str(size), "wsgi.input": body}
    return client.generic("POST", "/v1/upload", b"", "multipart/form-data; boundary=x", **extra)


def test_what_announces_itself_as_too_large_is_refused_and_heard_out_within_bounds(client, settings):
    settings.UPLOAD_MAX_BYTES = 4 << 20
    body = Endless()
    assert announce(client, body, 200 << 20).status_code == 413
    assert body.taken == 12 << 20


def test_of_a_stranger_nothing_is_read(db, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    body = Endless()
    assert announce(APIClient(), body, 200 << 20).status_code == 401
    assert body.taken == 0


def test_with_a_session_the_csrf_check_reads_the_form_and_the_limit_holds_all_the_same(
    organization, settings
):
    settings.UPLOAD_MAX_BYTES = 1000
    person = signed_in(MembershipFactory(organization=organization), enforce_csrf=True)
    person.cookies["csrftoken"] = "a" * 32
    token = {"X-CSRFToken": "a" * 32}
    assert upload(person, b"x" * 10, **token).json()["sha256"] == hashlib.sha256(b"x" * 10).hexdigest()
    assert upload(person, b"x" * 1001, **token).status_code == 413


def test_with_the_csrf_token_in_the_form_it_is_413_too(organization, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    person = signed_in(MembershipFactory(organization=organization), enforce_csrf=True)
    person.raise_request_exception = False
    person.cookies["csrftoken"] = "a" * 32
    form = {"file": SimpleUploadedFile("march.csv", b"x" * 1001), "csrfmiddlewaretoken": "a" * 32}
    assert person.post("/v1/upload", form, format="multipart").status_code == 413


def test_a_form_that_is_cut_off_is_400(client):
    response = client.generic("POST", "/v1/upload", b"--x", "multipart/form-data")
    assert response.status_code == 400


def test_the_sixty_first_upload_in_a_minute_is_429(client, organization, monkeypatch):
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "uploads", "2/min")
    assert [upload(client, b"x").status_code for _ in range(3)] == [200, 200, 429]
    assert upload(client_with_key(ApiKeyFactory(organization=organization)), b"x").status_code == 200
