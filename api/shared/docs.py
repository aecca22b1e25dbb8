"""The OpenAPI document and the pages that show it. Everything is served from here; nothing loads from outside hosts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

REDOC_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'"
)
"""Redoc searches in a worker of its own, and sets style attributes."""


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
