"""Prefer (RFC 7240): how long a caller waits."""

import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from api.shared.preferences import wait_seconds


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("", (20.0, "")),
        ("respond-async", (0.0, "respond-async")),
        ("Respond-Async", (0.0, "respond-async")),
        ("wait=5", (5.0, "wait=5")),
        ('wait="5"', (5.0, "wait=5")),
        ("return=minimal, wait=3; x=1", (3.0, "wait=3")),
        ("respond-async, wait=10", (0.0, "respond-async")),
        ("wait=100000", (60.0, "wait=60")),
        ("wait=-1", (20.0, "")),
        ("wait=soon", (20.0, "")),
    ],
)
def test_prefer(settings, header, wait):
    settings.MATCH_WAIT_SECONDS = 20
    request = Request(RequestFactory().get("/", headers={"Prefer": header}))
    assert wait_seconds(request) == wait
