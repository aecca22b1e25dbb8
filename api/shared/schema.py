"""The OpenAPI: what every operation has (tag, headers, errors), credentials, lists, and the words at its top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_serializer,
)
from rest_framework import serializers
from rest_framework.settings import api_settings

from api.shared.idempotency import HEADER, REPLAYED
from api.shared.listing import Field, Kind, Listing
from api.shared.pagination import OFFSET_MAX
from api.shared.parsing import JSON_DEPTH_MAX
from api.shared.problems import CONTENT_TYPE, SURFACES, Problem, body_of

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
EXAMPLE_CORRELATION = "0195f0a1-7c3e-7d42-9a55-1f2e3d4c5b6a"


class IssueShape(serializers.Serializer[Any]):
    path = serializers.ListField(
        child=serializers.JSONField(), help_text="Keys and list places from the body's root."
    )
    message = serializers.CharField()

    class Meta:
        ref_name = "Issue"


class ProblemShape(serializers.Serializer[Any]):
    """The one error body (RFC 9457). `reason` is stable and ours; `code` and `error` are the surface's words."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    error = serializers.CharField()
    reason = serializers.CharField()
    issues = IssueShape(many=True)
    details = serializers.DictField()
    correlation_id = serializers.CharField()

    class Meta:
        ref_name = "Problem"


EXAMPLES: Mapping[int, Problem] = {
    400: Problem(
        400,
        "request.invalid",
        "ledger_id: This field is required.",
        issues=[{"path": ["ledger_id"], "message": "This field is required."}],
    ),
    401: Problem(
        401,
        "auth.unauthorized",
        "This API key is not valid: it is unknown, expired or revoked. Make a new one.",
    ),
    403: Problem(
        403,
        "auth.missing_scope",
        "This needs the permission matches:decide, which you do not have. Ask an admin.",
        details={"scope": "matches:decide"},
    ),
    404: Problem(404, "run.not_found", "There is no run with this id."),
    409: Problem(
        409, "idempotency.conflict", "This Idempotency-Key was used with another body. Use a new key."
    ),
    413: Problem(
        413,
        "request.too_large",
        "The file is larger than 104857600 bytes.",
        details={"limit_bytes": 104857600},
    ),
    415: Problem(415, "request.media_type", 'Unsupported media type "text/plain" in request.'),
    422: Problem(
        422,
        "file.rows",
        "1 of 12 lines cannot be read; nothing was imported.",
        details={
            "rows": [{"line": 3, "field": "amount", "message": "12.345 has more decimals than EUR has."}]
        },
    ),
    429: Problem(
        429, "request.throttled", "Too many requests. Try again in 12 seconds.", details={"retry_after": 12}
    ),
    503: Problem(503, "service.unavailable", "The database does not answer just now. Nothing was changed."),
}
DESCRIPTIONS: Mapping[int, str] = {
    400: "The request cannot be used as it is; `issues` says where.",
    401: "No valid credential; see WWW-Authenticate.",
    403: "The credential lacks the scope, or names an organization that it does not belong to.",
    404: "There is no such thing in this organization.",
    409: "What is stored does not allow it now; `reason` says why.",
    413: "Larger than the stated limit.",
    415: "A body in a form that this operation does not read.",
    422: "The file cannot be read; `details.rows` names lines and fields.",
    429: "Too often; see Retry-After.",
    503: "Just now not possible; see Retry-After.",
}


class SurfaceSchema(AutoSchema):
    """Adds to each operation what its view says about itself."""

    def get_tags(self) -> list[str]:
        surface = getattr(self.view, "surface", "service")
        return [SURFACES[surface].tag]

    def get_override_parameters(self) -> list[Any]:
        if not getattr(self.view, "authentication_classes", None):
            return []
        own = getattr(self.view, "idempotency", IDEMPOTENCY)
        return [ORGANIZATION, *([own] if self.method in WRITES else [])]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if direction != "response":
            return bodies
        surface = SURFACES[getattr(self.view, "surface", "service")]
        shape = self.resolve_serializer(ProblemShape, "response").ref
        for status in sorted(self._errors()):
            example = body_of(self._problem(status), surface, EXAMPLE_CORRELATION)
            content = {"schema": shape, "examples": {"Problem": {"value": example}}}
            words = DESCRIPTIONS[400 if status == surface.bad_input else status]
            bodies.setdefault(str(status), {"content": {CONTENT_TYPE: content}, "description": words})
        return bodies

    def _problem(self, status: int) -> Problem:
        """An example of that failure, of the view's own surface where it has one."""
        return getattr(self.view, "problems", {}).get(status, EXAMPLES[status])

    def _errors(self) -> set[int]:
        """What may go wrong: by method, path and credentials, and what the view adds."""
        if not getattr(self.view, "authentication_classes", None):
            return {400}
        surface = SURFACES[getattr(self.view, "surface", "service")]
        found = {400, surface.bad_input, 401, 403, 503}
        if "{" in self.path:
            found.add(404)
        if self.method in WRITES:
            found |= {409, 413, 415} if self.method != "DELETE" else {409}
        throttled = getattr(self.view, "throttle_scope", "")
        if throttled if isinstance(throttled, str) else throttled.get(self.method):
            found.add(429)
        handler = getattr(self.view, self.method.lower(), None)
        return found | set(getattr(handler, "also", ()))


ORGANIZATION = OpenApiParameter(
    "x-organization-id",
    OpenApiTypes.UUID,
    OpenApiParameter.HEADER,
    description="Which of your organizations. An API key fixes its own; another one is refused.",
)
IDEMPOTENCY = OpenApiParameter(
    HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description=(
        "Sent again with the same body, the first answer comes back (with "
        f"`{REPLAYED}: true`) and nothing is done twice; with another body: 409. Kept for at least 24 hours."
    ),
)
PREFER = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="RFC 7240: `wait=N` seconds for the result, or `respond-async` for a 202 at once.",
)


def operation(
    name: str,
    summary: str,
    *,
    answers: Mapping[Any, Any],
    body: Any = None,
    query: Listing | None = None,
    parameters: Sequence[OpenApiParameter] = (),
    also: Sequence[int] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Documents one method of a view. `also` are error statuses beyond those that follow from the view."""

    def document(method: Callable[..., Any]) -> Callable[..., Any]:
        method.also = tuple(also)  # type: ignore[attr-defined]
        listed = [*parameters, *(parameters_of(query) if query else [])]
        described = extend_schema(
            operation_id=name,
            summary=summary,
            description=method.__doc__ or summary,
            request=body,
            parameters=listed,
            responses={
                status: answer or OpenApiResponse(description="No content.")
                for status, answer in answers.items()
            },
        )
        documented: Callable[..., Any] = described(method)
        return documented

    return document


# --- lists -------------------------------------------------------------------------------------------------------------

TYPES = {
    Kind.TEXT: OpenApiTypes.STR,
    Kind.NUMBER: OpenApiTypes.INT64,
    Kind.UUID: OpenApiTypes.UUID,
    Kind.DATE: OpenApiTypes.DATE,
    Kind.INSTANT: OpenApiTypes.DATETIME,
    Kind.FLAG: OpenApiTypes.BOOL,
    Kind.CHOICE: OpenApiTypes.STR,
}
FILTER_HELP = (
    'A JSON object, all of which must hold: {"field": value}, or {"field": {"eq"|"ne"|"gt"|"gte"|"lt"|"lte"|"in"|"like": '
    "value}}. Fields: "
)


def parameters_of(listing: Listing) -> list[OpenApiParameter]:
    """The query parameters of a list, from its declaration."""
    sortable = ", ".join(name for name, one in listing.fields.items() if one.sortable)
    limit = {"type": "integer", "minimum": 1, "maximum": listing.style.cap, "default": listing.style.default}
    known = [
        _query("limit", limit, "Rows asked for."),
        _query("offset", {"type": "integer", "minimum": 0, "maximum": OFFSET_MAX}, "Rows skipped."),
        _query("cursor", OpenApiTypes.STR, "`next_cursor` of the page before, in place of `offset`."),
        _query(
            "sort", OpenApiTypes.STR, f"Fields with commas, `-` descends: {sortable}. Default {listing.sort}."
        ),
        _query("order", {"type": "string", "enum": ["asc", "desc"]}, "For fields of `sort` without `-`."),
        _query("filter", OpenApiTypes.STR, FILTER_HELP + ", ".join(listing.fields)),
    ]
    if any(one.searched for one in listing.fields.values()):
        where = ", ".join(name for name, one in listing.fields.items() if one.searched)
        known.append(_query("search", OpenApiTypes.STR, f"A text that occurs in one of: {where}."))
    several = "Equal; several with commas between."
    known += [_query(name, _kind(listing.fields[name]), several) for name in listing.named]
    for name, (of, _operator) in listing.comparisons.items():
        known += [_query(name, _kind(listing.fields[of]), f"Compares {of}.")]
    return known + _searches(listing)


def _searches(listing: Listing) -> list[OpenApiParameter]:
    help_text = "Equal. With `.in` after the name: a list with commas; with `.like`: a part of the text."
    return [_query(f"search.{name}", _kind(one), help_text) for name, one in listing.fields.items()]


def _kind(known: Field) -> Any:
    return {"type": "string", "enum": list(known.choices)} if known.choices else TYPES[known.kind]


def _query(name: str, kind: Any, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description)


def get_all_of(
    row: type[serializers.Serializer[Any]],
    name: str,
    example: Mapping[str, Any],
    *,
    more: Mapping[str, serializers.Field[Any, Any, Any, Any]] | None = None,
    more_example: Mapping[str, Any] | None = None,
) -> Any:
    """The getAll envelope around rows of one shape; `more` are fields that one list adds."""
    fields: dict[str, Any] = {
        "data": row(many=True),
        "total": serializers.IntegerField(help_text="Rows after filters."),
        "total_unfiltered": serializers.IntegerField(help_text="Rows before filters."),
        "has_more": serializers.BooleanField(),
        "next_cursor": serializers.CharField(allow_null=True, help_text="For `cursor`; null at the end."),
        **(more or {}),
    }
    envelope = type(name, (serializers.Serializer,), fields)
    value = {"data": [example], "total": 1, "total_unfiltered": 1, "has_more": False, "next_cursor": None}
    value |= more_example or {}
    return with_example(value)(envelope)


def with_example(value: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """A serializer that shows `value` wherever it is a body or an answer."""
    statuses = ["200", "201", "202", "503"]  # 503: /ready answers with its own body
    return extend_schema_serializer(
        examples=[OpenApiExample("Example", value=value, status_codes=statuses, **kwargs)]
    )


class BodyScheme(OpenApiSerializerExtension):
    """Bodies refuse keys that they don't know, and say so."""

    target_class = "api.shared.fields.Body"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        mapped = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**mapped, "additionalProperties": False}


# --- credentials and the top -------------------------------------------------------------------------------------------


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = "api.shared.authentication.KeyAuthentication"
    name = ["ApiKey", "Bearer"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return [
            {
                "type": "apiKey",
                "in": "header",
                "name": "X-API-Key",
                "description": "An API key of your organization.",
            },
            {"type": "http", "scheme": "bearer", "description": "The same API key as a bearer token."},
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        return [{"ApiKey": []}, {"Bearer": []}]


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "api.shared.authentication.SessionAuthentication"
    name = "Session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        name = settings.SESSION_COOKIE_NAME
        description = "The admin's session; writes also need the CSRF token in X-CSRFToken."
        return {"type": "apiKey", "in": "cookie", "name": name, "description": description}


def describe(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """A postprocessing hook: limits and conventions, as this installation has them, at the top of the document."""
    rates = api_settings.DEFAULT_THROTTLE_RATES
    limits = [
        f"requests {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes",
        f"uploads {settings.UPLOAD_MAX_BYTES:,} bytes",
        f"JSON {JSON_DEPTH_MAX} levels deep",
        *(f"{scope} {rate}" for scope, rate in sorted(rates.items())),
    ]
    result["info"]["description"] += "\n\n" + _(
        "Errors have one body everywhere, `application/problem+json` (RFC 9457). Money is whole minor units. Instants are "
        "UTC with `Z`, dates are business days of the organization."
    )
    result["info"]["description"] += "\n\n" + _("Limits: %(limits)s.") % {"limits": "; ".join(limits)}
    _tidy(result)
    return result


def _tidy(node: Any) -> None:
    """Take out the marks by which drf-spectacular would name enumerations apart; ours stand where they are used."""
    if isinstance(node, dict):
        node.pop("x-spec-enum-id", None)
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _tidy(inner)
