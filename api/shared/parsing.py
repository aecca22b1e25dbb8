"""Reads request bodies and query strings, and refuses what could harm what comes after: too big, too deep, not text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from api.shared.values import is_storable
from organizations.refusals import Invalid, TooLarge

JSON_DEPTH_MAX = 32
"""How many arrays and objects may stand in each other."""


class JsonParser(BaseParser):
    """RFC 8259 and no more: UTF-8, no NaN, nothing nested deeper than JSON_DEPTH_MAX, no text the database can't keep."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        data = _decoded(_read(stream))
        problem = next(_unusable(data), None)
        if problem:
            raise ParseError(problem)
        return data


def _read(stream: IO[bytes]) -> bytes:
    """At most the limit: REST framework reads past Django's own check of the body's size."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    content = stream.read(limit + 1)
    if len(content) > limit:
        message = _("The request is larger than %(limit)d bytes; send it in parts.") % {"limit": limit}
        raise TooLarge(message, details={"limit_bytes": limit})
    return content


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """RFC 8259 leaves open what a repeated name means; taking the last one would drop what the caller said first."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ParseError(
            _("The name %(name)s stands twice in one object of the body.") % {"name": twice[:64]}
        )
    return found


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(
            content.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_each_key_once
        )
    except UnicodeDecodeError as error:
        raise ParseError(_("The body is not UTF-8 (byte %(place)d).") % {"place": error.start}) from None
    except RecursionError:
        raise ParseError(_too_deep()) from None
    except ValueError as error:
        raise ParseError(_("The body is not JSON: %(error)s.") % {"error": error}) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _too_deep() -> str:
    return _("The body is nested deeper than %(limit)d levels.") % {"limit": JSON_DEPTH_MAX}


def _unusable(data: Any) -> Iterator[str]:
    """Walks without recursion, so that depth costs no stack."""
    waiting: list[tuple[Any, int]] = [(data, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            if not is_storable(value):
                yield _("The body has a text with a NUL or half a surrogate pair, which cannot be stored.")
        elif isinstance(value, float):
            if not math.isfinite(value):
                yield _("The body has a number too large to be read.")
        elif isinstance(value, (dict, list)):
            if depth > JSON_DEPTH_MAX:
                yield _too_deep()
            inner = [*value.keys(), *value.values()] if isinstance(value, dict) else value
            waiting.extend((each, depth + 1) for each in inner)


def check_query(query: QueryDict) -> None:
    """Refuse query parameters that no database can compare with."""
    for name, values in query.lists():
        if not all(is_storable(text) for text in [name, *values]):
            message = _("A query parameter has a NUL or half a surrogate pair.")
            raise Invalid(message, issues=[{"path": [name.replace("\x00", "")], "message": message}])
