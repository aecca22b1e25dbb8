"""The base of every view of the API, and the one that answers paths without an operation."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from api.shared import errors
from api.shared.authentication import (
    KeyAuthentication,
    SessionAuthentication,
    actor_of,
    organization_of,
)
from api.shared.parsing import JsonParser, check_query
from api.shared.permissions import HasScope
from api.shared.throttling import CallerThrottle
from organizations.actors import Actor


class SurfaceView(APIView):
    """A view of one surface. It names its surface and, per method, the scope that a caller needs."""

    surface: ClassVar[str]
    scopes: ClassVar[dict[str, str]] = {}
    throttle_scope: ClassVar[str | dict[str, str]] = ""

    authentication_classes = [KeyAuthentication, SessionAuthentication]
    permission_classes = [HasScope]
    throttle_classes = [CallerThrottle]
    parser_classes: list[type[BaseParser]] = [JsonParser]
    renderer_classes = [JSONRenderer]
    http_method_names = [
        "get",
        "head",
        "post",
        "put",
        "patch",
        "delete",
    ]  # no OPTIONS: the OpenAPI says it all

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_query(request.query_params)
        self.at = timezone.now()
        """The one clock value of this request."""

    @property
    def by(self) -> Actor:
        """Who asks."""
        return actor_of(self.request)

    @property
    def organization_id(self) -> int:
        """Where."""
        return organization_of(self.request).pk


class PublicView(SurfaceView):
    """A view that anyone may call. The list of these is short and explicit: tests/api/test_every_route.py."""

    surface = "service"
    authentication_classes = []
    permission_classes = [AllowAny]


@csrf_exempt
def no_such_route(request: HttpRequest) -> HttpResponse:
    """Answers every path under the API's prefixes that has no operation, in DEBUG mode too."""
    return errors.answer(request, errors.no_such_route(request.path))
