"""Downloads: answers that are files. CSV is streamed row by row, with formulas neutralised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api.shared.views import SurfaceView
from organizations.backoffice.exports import csv_rows

CSV_TYPE = "text/csv"
BATCH_ROWS = 1_000


class AsItIs(BaseContentNegotiation):
    """A download has one form, whatever Accept says; its errors are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next((each for each in parsers if each.media_type == request.content_type), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: Any = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class DownloadView(SurfaceView):
    content_negotiation_class = AsItIs


def csv_of(
    rows: QuerySet[Any],
    show: Callable[[Sequence[Any]], list[dict[str, Any]]],
    *,
    keys: Sequence[str],
    filename: str,
) -> StreamingHttpResponse:
    """The rows as `show` shows them, a column per key: money in major units, with its currency beside it."""
    columns = [(key, _cell_of(key)) for key in _columns(keys)]
    answer = StreamingHttpResponse(
        csv_rows(columns, _bodies(rows, show)), content_type=f"{CSV_TYPE}; charset=utf-8"
    )
    answer.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer


def _columns(keys: Sequence[str]) -> list[str]:
    return [*keys, "currency"]


def _bodies(
    rows: QuerySet[Any], show: Callable[[Sequence[Any]], list[dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    found = rows.iterator(chunk_size=BATCH_ROWS)
    while batch := list(islice(found, BATCH_ROWS)):
        yield from show(batch)


def _cell_of(key: str) -> Callable[[dict[str, Any]], Any]:
    return lambda body: _currency(body) if key == "currency" else _plain(body[key])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"amount", "currency", "precision"}:
            return Decimal(value["amount"]).scaleb(-value["precision"])
        return str(value) if value else None
    return value


def _currency(body: dict[str, Any]) -> str:
    return next(
        (each["currency"] for each in body.values() if isinstance(each, dict) and "currency" in each), ""
    )
