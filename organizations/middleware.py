"""What stands before the back office: addresses that the database can take, and the zone and language of whoever looks."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from organizations.backoffice.current import current_membership

ADMIN = "/admin/"  # the API speaks UTC and its own languages


class StorableAddressMiddleware:
    """Refuses an address with a NUL: PostgreSQL takes none in a text, so a search for one would end as a fault of ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(ADMIN) and (
            "\0" in request.path or "%00" in request.META.get("QUERY_STRING", "")
        ):
            return HttpResponseBadRequest(
                _("This address holds a NUL character. Go back and search without it.")
            )
        return self.get_response(request)


class PersonalTimeMiddleware:
    """The person's zone, else the organization's; the person's language, else what the browser asked for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        membership = current_membership(request) if request.path.startswith(ADMIN) else None
        if membership is None:
            return self.get_response(request)
        user = request.user
        language = getattr(user, "locale", "") or translation.get_language()
        zone = getattr(user, "time_zone", "") or membership.organization.time_zone
        with timezone.override(ZoneInfo(zone)), translation.override(language):
            return self.get_response(request)
