"""The OpenAPI document and the pages that show it. Everything is served from here; nothing loads from outside hosts."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.cache import cache_control
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

REDOC_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'"
)
"""Redoc searches in a worker of its own, and sets style attributes."""
REDOC_FILE = "drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js"
REDOC_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
NO_IMAGE = b"data:,"


class Schema(SpectacularAPIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]


class Swagger(SpectacularSwaggerSplitView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]


class Redoc(SpectacularRedocView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    template_name = "api/redoc.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = REDOC_POLICY
        return response

    @staticmethod
    def _redoc_standalone() -> str:
        return reverse("redoc-script")


@cache_control(max_age=86_400)
def redoc_script(request: HttpRequest) -> HttpResponse:
    """Redoc without its maker's logo, the one thing that it would fetch from another host."""
    return HttpResponse(_redoc_script(), content_type="text/javascript")


@cache
def _redoc_script() -> bytes:
    found = finders.find(REDOC_FILE)
    assert isinstance(found, str), "drf-spectacular-sidecar is a dependency"
    return Path(found).read_bytes().replace(REDOC_LOGO, NO_IMAGE)
