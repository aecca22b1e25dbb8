"""Throttles: how often one caller may ask for what is dear. Rates are settings; 429 says when to come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView


class CallerThrottle(SimpleRateThrottle):
    """Counts per caller and `throttle_scope` of the view; a view without one is not throttled."""

    def __init__(self) -> None:
        """The rate depends on the view, so it is read when the request is there."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        scope = _scope(request, view)
        if not scope:
            return True
        self.scope = scope
        self.rate = str(api_settings.DEFAULT_THROTTLE_RATES[scope])
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))

    def get_cache_key(self, request: Request, view: APIView) -> str:
        caller: Any = request.auth
        who = f"{caller.organization.pk}:{caller.actor.ref}" if caller else self.get_ident(request)
        return self.cache_format % {"scope": self.scope, "ident": who}


def _scope(request: Request, view: APIView) -> str:
    """A view names one scope for all methods, or one per method."""
    named: str | dict[str, str] = getattr(view, "throttle_scope", "")
    return named.get(request.method or "", "") if isinstance(named, dict) else named
