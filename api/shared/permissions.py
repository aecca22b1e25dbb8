"""What a caller may do: each view names the scope that each of its methods needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from organizations.refusals import Forbidden

if TYPE_CHECKING:  # REST framework imports this module while it makes APIView
    from rest_framework.views import APIView


class HasScope(BasePermission):
    """Reads `scopes` of the view: {"GET": "reconciliations:read", ...}. A method without one is closed to everybody."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller: Any = request.auth
        if caller is None:
            return False  # REST framework makes this a 401: nobody was authenticated
        if request.method not in view.allowed_methods:
            return True  # 405 says more than 403 would
        scope = scope_for(view, request.method or "")
        if scope is None:
            return False
        if scope not in caller.actor.scopes:
            message = _("This needs the permission %(scope)s, which you do not have. Ask an admin.")
            raise Forbidden(message % {"scope": scope}, code="auth.missing_scope", details={"scope": scope})
        return True


def scope_for(view: Any, method: str) -> str | None:
    scopes: dict[str, str] = getattr(view, "scopes", {})
    return scopes.get("GET" if method == "HEAD" else method)
