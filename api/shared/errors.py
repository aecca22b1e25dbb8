"""Turns whatever was raised into the one error body. `handle` is REST framework's exception handler; the four functions
at the end are Django's own, for what never reaches a view of the API."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.authentication import organization_of
from api.shared.problems import (
    CONTENT_TYPE,
    SURFACES,
    Problem,
    Surface,
    body_of,
    correlation_id,
    surface_of_path,
)
from organizations import refusals
from organizations.actors import shown_names

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5
PERSON = re.compile(r"\buser:\d+\b")

REFUSAL_STATUS: tuple[tuple[type[refusals.Refusal], int | None], ...] = (
    (refusals.NotFound, 404),
    (refusals.Invalid, None),  # None: the surface's status for bad input
    (refusals.Malformed, 400),
    (refusals.Conflict, 409),
    (refusals.Unreadable, 422),
    (refusals.Forbidden, 403),
    (refusals.TooLarge, 413),
    (refusals.Refusal, 409),
)


def handle(exc: Exception, context: dict[str, Any]) -> Response:
    """REST framework's EXCEPTION_HANDLER: never returns None, so that even our own bugs answer with the body."""
    request = context["request"]
    surface = SURFACES[getattr(context.get("view"), "surface", "service")]
    problem = _with_names(problem_of(exc, surface), request)
    correlation = correlation_id(request._request)
    if problem.status >= 500:
        logger.error("unhandled error in %s %s", request.method, request.path, exc_info=exc)
        got_request_exception.send(sender=type(context.get("view")), request=request._request)
    body = body_of(problem, surface, correlation)
    return Response(body, status=problem.status, headers=problem.headers, content_type=CONTENT_TYPE)


def body_of_exception(exc: Exception, request: Request, surface: str) -> dict[str, Any]:
    """The body alone, for answers that report several outcomes."""
    words = SURFACES[surface]
    problem = _with_names(problem_of(exc, words), request)
    return body_of(problem, words, correlation_id(request._request))


def problem_of(exc: Exception, surface: Surface) -> Problem:
    if isinstance(exc, refusals.Refusal):
        return _refused(exc, surface)
    if isinstance(exc, exceptions.ValidationError):
        return _invalid(exc, surface)
    if isinstance(exc, exceptions.APIException):
        return _api_problem(exc)
    return _django_problem(exc)


def _refused(refusal: refusals.Refusal, surface: Surface) -> Problem:
    status = next(status for kind, status in REFUSAL_STATUS if isinstance(refusal, kind))
    return Problem(
        status=status or surface.bad_input,
        reason=refusal.code,
        message=refusal.message,
        word=refusal.word,
        issues=refusal.issues,
        details=refusal.details,
    )


def _with_names(problem: Problem, request: Request) -> Problem:
    """A refusal may say who: acts store "user:42", answers say "user:anna"."""
    refs = set(PERSON.findall(f"{problem.message} {problem.details}"))
    if not refs or getattr(request, "auth", None) is None:
        return problem
    names = shown_names(organization_of(request).pk, refs)

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: named(each) for key, each in value.items()}
        if isinstance(value, list):
            return [named(each) for each in value]
        return names.get(value, value) if isinstance(value, str) else value

    message = PERSON.sub(lambda found: names[found[0]], problem.message)
    return replace(problem, message=message, details=named(problem.details))


def _invalid(exc: exceptions.ValidationError, surface: Surface) -> Problem:
    issues = list(_issues(exc.detail, []))
    return Problem(surface.bad_input, "request.invalid", summary_of(issues), "validation_error", issues)


def _issues(detail: Any, path: list[str | int]) -> Iterator[dict[str, Any]]:
    """REST framework's nested details, flattened to one issue per message with the path from the body's root."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            yield from _issues(inner, path if key == "non_field_errors" else [*path, key])
    elif isinstance(detail, list) and any(isinstance(inner, (dict, list)) for inner in detail):
        for place, inner in enumerate(detail):
            yield from _issues(inner, [*path, place])
    elif isinstance(detail, list):
        for message in detail:
            yield {"path": path, "message": str(message)}
    else:
        yield {"path": path, "message": str(detail)}


def summary_of(issues: list[dict[str, Any]]) -> str:
    """One sentence from the first issue, with where it is and how many more there are."""
    if not issues:
        return _("The request cannot be used as it is.")
    where = ".".join(str(step) for step in issues[0]["path"])
    first = f"{where}: {issues[0]['message']}" if where else str(issues[0]["message"])
    if len(issues) == 1:
        return first
    return _("%(first)s (and %(more)d more: see issues)") % {"first": first, "more": len(issues) - 1}


# --- REST framework's own exceptions -----------------------------------------------------------------------------------


def _api_problem(exc: exceptions.APIException) -> Problem:
    headers = {}
    challenge = getattr(exc, "auth_header", None)  # put there by REST framework, for 401
    if challenge:
        headers["WWW-Authenticate"] = challenge
    if isinstance(exc, exceptions.Throttled):
        wait = int(getattr(exc, "wait", None) or 0) + 1
        headers["Retry-After"] = str(wait)
        message = _("Too many requests. Try again in %(seconds)d seconds.") % {"seconds": wait}
        return Problem(429, "request.throttled", message, details={"retry_after": wait}, headers=headers)
    reason = API_REASONS.get(exc.status_code, "request.invalid")
    return Problem(exc.status_code, reason, str(exc.detail), headers=headers)


API_REASONS = {
    400: "request.malformed",
    401: "auth.unauthorized",
    403: "auth.forbidden",
    404: "request.not_found",
    405: "request.method_not_allowed",
    406: "request.not_acceptable",
    415: "request.media_type",
    500: "internal",
}


# --- Django's, and everything else -------------------------------------------------------------------------------------

UNREADABLE = (
    MultiPartParserError,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
    UnreadablePostError,
)


def _django_problem(exc: Exception) -> Problem:
    if isinstance(exc, Http404):
        return Problem(404, "request.not_found", _("There is nothing here."))
    if isinstance(exc, PermissionDenied):
        return Problem(403, "auth.forbidden", _("You may not do this."))
    if isinstance(exc, RequestDataTooBig):
        return Problem(413, "request.too_large", _("The request is larger than this service accepts."))
    if isinstance(exc, UNREADABLE):
        return Problem(400, "request.malformed", _("The request could not be read."))
    if isinstance(exc, (OperationalError, InterfaceError)):
        message = _("The database does not answer just now. Nothing was changed; try again shortly.")
        return Problem(503, "service.unavailable", message, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    message = _(
        "Something went wrong on our side; it is logged under the correlation id. Nothing was half done."
    )
    return Problem(500, "internal", message)


# --- Django's handlers: config.urls names these as handler400, 403, 404 and 500 ----------------------------------------

API_PREFIXES = ("/v1/", "/api/", "/health", "/ready", "/status")


def answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The body, outside REST framework; the surface follows from the path."""
    surface = SURFACES[surface_of_path(request.path)]
    body = body_of(problem, surface, correlation_id(request))
    return JsonResponse(body, status=problem.status, headers=problem.headers, content_type=CONTENT_TYPE)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(API_PREFIXES)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not _is_api(request):
        return defaults.bad_request(request, exception)
    return answer(request, _django_problem(exception))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not _is_api(request):
        return defaults.permission_denied(request, exception)
    return answer(request, _django_problem(exception))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not _is_api(request):
        return defaults.page_not_found(request, exception)
    return answer(request, no_such_route(request.path))


def server_error(request: HttpRequest) -> HttpResponse:
    if not _is_api(request):
        return defaults.server_error(request)
    return answer(request, _django_problem(Exception()))


def no_such_route(path: str) -> Problem:
    message = _("There is no operation at %(path)s. The list of operations is at /api/docs/.") % {
        "path": path
    }
    return Problem(404, "request.no_such_route", message)
