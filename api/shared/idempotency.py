"""Joins a view's one service call to `perform`: with the request's Idempotency-Key where it has one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.authentication import caller_of
from organizations.acts import ActKey, Answer, perform
from organizations.refusals import Invalid

T = TypeVar("T")

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY_FORM = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


def act(
    request: Request,
    service: Callable[[], T],
    *,
    render: Callable[[T], Any],
    status: int | Callable[[T], int] = 200,
    headers: Callable[[T], dict[str, str]] | None = None,
) -> Response:
    """Perform one act and answer with it; a repeat under the same Idempotency-Key gets the stored answer.

    `render` makes the body inside the act's transaction, so that what is answered is what was written. `status` and
    `headers` may depend on the result.
    """

    def whole() -> Answer:
        result = service()
        code = status(result) if callable(status) else status
        return Answer(code, render(result), headers(result) if headers else {})

    return response_of(answer_of(request, whole))


def answer_of(request: Request, whole: Callable[[], Answer]) -> Answer:
    """As `act`, for views whose answer is finished after the transaction (jobs that they wait for)."""
    answer = perform(whole, key=key_of(request))
    assert isinstance(answer, Answer)
    return answer


def response_of(answer: Answer) -> Response:
    return Response(answer.body, status=answer.status, headers={**answer.headers, **replay_headers(answer)})


def replay_headers(answer: Answer) -> dict[str, str]:
    return {REPLAYED: "true"} if answer.replayed else {}


def key_text(request: Request) -> str | None:
    """The header itself, for acts that keep their keys by rules of their own; None where it is not there."""
    text = request.headers.get(HEADER)
    if text is not None and not KEY_FORM.fullmatch(text):
        message = _("An Idempotency-Key has 1 to 255 visible ASCII characters.")
        raise Invalid(message, code="idempotency.malformed", issues=[{"path": [HEADER], "message": message}])
    return text


def key_of(request: Request) -> ActKey | None:
    text = key_text(request)
    if text is None:
        return None
    caller = caller_of(request)
    return ActKey(
        organization_id=caller.organization.pk,
        caller=caller.actor.ref,
        method=request.method or "",
        path=request.get_full_path(),
        key=text,
        digest=digest_of(request.data),
    )


def digest_of(data: Any) -> str:
    """SHA-256 over the parsed body, so that spacing and the order of keys don't matter; of a file, its own SHA-256."""
    if hasattr(data, "lists"):
        data = {name: [_part(each) for each in values] for name, values in data.lists()}
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


def _part(part: Any) -> Any:
    """A form field as it is; a file by its name and hash (which `uploads.HashingHandler` made as it came in)."""
    return [part.name, part.sha256] if hasattr(part, "sha256") else part
