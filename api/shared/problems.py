"""The one error body of all surfaces (RFC 9457), and how each surface names things in it. Built by `errors`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from django.http import HttpRequest

from organizations.ids import uuid7

CONTENT_TYPE = "application/problem+json"
CORRELATION_FORM = re.compile(r"[A-Za-z0-9._:-]{1,100}")


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, before a surface gives it its words. `reason` is dotted, stable and ours."""

    status: int
    reason: str
    message: str
    word: str = ""
    issues: list[dict[str, Any]] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surface:
    """How one surface fills the body: its status for bad input, and its words for `code` and `error`."""

    tag: str
    bad_input: int
    code: Callable[[Problem], str]
    error: Callable[[Problem], str]
    camel_case: bool = False


# --- words of the ledger-run contract (A.1 and C.7) ------------------------------------------------------------------

FIXED_LEDGER_CODES = {
    401: "auth.unauthorized",
    403: "auth.forbidden",
    413: "request.too_large",
    429: "request.throttled",
}
GENERIC_WORDS = frozenset(
    {"", "refused", "not_found", "validation_error", "conflict", "unreadable_file", "forbidden", "too_large"}
)
"""What refusals say by default; the contract has better words for these."""
LEDGER_WORDS = frozenset(
    {
        "run_not_found",
        "file_not_found",
        "match_not_found",
        "item_not_found",
        "ledger_not_found",
        "invalid_request",
        "invalid_file",
        "duplicate_file",
        "idempotency_conflict",
        "match_state_conflict",
        "item_state_conflict",
        "run_state_conflict",
    }
)
LEDGER_WORD_BY_STATUS = {
    404: "not_found",
    409: "conflict",
    422: "invalid_file",
    500: "internal_error",
    503: "unavailable",
}
CONFLICT_WORDS = {
    "idempotency": "idempotency_conflict",
    "match": "match_state_conflict",
    "item": "item_state_conflict",
    "run": "run_state_conflict",
    "pass": "run_state_conflict",
}


def ledger_code(problem: Problem) -> str:
    return FIXED_LEDGER_CODES.get(problem.status) or f"ledgers.{_ledger_word(problem)}"


def _ledger_word(problem: Problem) -> str:
    """The contract's word: as the refusal says, else from its reason ("run.not_found"), else from the status."""
    from_reason = problem.reason.replace(".", "_")
    if problem.word not in GENERIC_WORDS:
        return problem.word
    if from_reason in LEDGER_WORDS:
        return from_reason
    if problem.status == 409:
        return CONFLICT_WORDS.get(problem.reason.partition(".")[0], "conflict")
    return LEDGER_WORD_BY_STATUS.get(problem.status, "invalid_request")


# --- words of the other surfaces -------------------------------------------------------------------------------------

CASE_WORDS = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "payload_too_large",
    429: "rate_limited",
    500: "internal_error",
}
SETTLEMENT_WORDS = {**CASE_WORDS, 400: "bad_request"}


def our_reason(problem: Problem) -> str:
    return problem.reason


def sentence(problem: Problem) -> str:
    return problem.message


def case_word(problem: Problem) -> str:
    return CASE_WORDS.get(problem.status, "invalid_request")


def settlement_word(problem: Problem) -> str:
    if problem.reason.startswith("idempotency."):
        return "idempotency_conflict"
    return SETTLEMENT_WORDS.get(problem.status, "bad_request")


SURFACES: Mapping[str, Surface] = {
    "ledger_runs": Surface("Ledger runs", 400, ledger_code, ledger_code),
    "streams": Surface("Data streams", 422, our_reason, sentence),
    "rules": Surface("Rules", 422, our_reason, sentence),
    "exceptions": Surface("Exceptions", 422, our_reason, sentence),
    "cases": Surface("Cases", 400, case_word, case_word, camel_case=True),
    "settlements": Surface("Settlement", 400, settlement_word, settlement_word),
    "service": Surface("Service", 400, our_reason, our_reason),
}


def surface_of_path(path: str) -> str:
    """Which surface a path that no view answers belongs to."""
    if path.startswith("/v1/ledgers"):
        return "ledger_runs"
    if path.startswith("/v1/reconciliation_exceptions"):
        return "exceptions"
    if path.startswith("/v1/reconciliation"):
        return "rules"
    if path.startswith("/v1/"):
        return "streams"
    return "settlements" if path.startswith("/api/v1/") else "service"


# --- the body --------------------------------------------------------------------------------------------------------


def correlation_id(request: HttpRequest) -> str:
    """One per request: the caller's X-Correlation-ID or X-Request-ID where its form is harmless, else the id that our
    logs use, else a new one. From here on the log lines of this request carry it too."""
    known = request.META.get("tieout.correlation_id")
    if known:
        return str(known)
    asked = request.headers.get("X-Correlation-ID") or request.headers.get("X-Request-ID") or ""
    logged = structlog.contextvars.get_contextvars().get("request_id")
    chosen = asked if CORRELATION_FORM.fullmatch(asked) else str(logged or uuid7())
    request.META["tieout.correlation_id"] = chosen
    structlog.contextvars.bind_contextvars(correlation_id=chosen)
    return chosen


def body_of(problem: Problem, surface: Surface, correlation: str) -> dict[str, Any]:
    """The keys are the same everywhere; their values are the surface's."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.message,
        "code": surface.code(problem),
        "message": problem.message,
        "error": surface.error(problem),
        "reason": problem.reason,
        "issues": problem.issues,
        "details": problem.details,
        "correlationId" if surface.camel_case else "correlation_id": correlation,
    }
