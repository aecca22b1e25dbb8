"""Refusals: the ways in which the domain says no. Raised by services, turned to HTTP by `api` and to messages by admin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Refusal(Exception):
    """The domain said no. Expected: tell the caller what, where and what now; do not page anyone.

    `code` is dotted, stable and ours ("match.token_taken"); `word` is the word that a contract uses for it.
    `issues` is a list of {"path": [...], "message": str}; `details` holds facts that a program can read.
    """

    code = "refused"
    word = "refused"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        word: str | None = None,
        details: dict[str, Any] | None = None,
        issues: Sequence[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = str(message)
        self.code = code or type(self).code
        self.word = word or type(self).word
        self.details: dict[str, Any] = dict(details or {})
        self.issues: list[dict[str, Any]] = list(issues or [])

    def __str__(self) -> str:
        return self.message


class NotFound(Refusal):
    """No such thing, or it belongs to another organization: the two must look the same."""

    code = "request.not_found"
    word = "not_found"


class Invalid(Refusal):
    """The input cannot be used as it is."""

    code = "request.invalid"
    word = "validation_error"


class Malformed(Refusal):
    """The request is not in the form that was agreed on: 400 on every surface."""

    code = "request.malformed"
    word = "invalid_request"


class Conflict(Refusal):
    """The input is fine, but what is stored does not allow it now."""

    code = "request.conflict"
    word = "conflict"


class Unreadable(Refusal):
    """A file that cannot be read. `details` is {"rows": [{line, field, message}], "row_errors": total}."""

    code = "file.unreadable"
    word = "unreadable_file"


class Forbidden(Refusal):
    """The caller is known, and may not do this."""

    code = "auth.forbidden"
    word = "forbidden"


class TooLarge(Refusal):
    """More than a stated limit allows; the message names the limit."""

    code = "request.too_large"
    word = "too_large"
