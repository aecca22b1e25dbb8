"""Where the page of a record is: an entry's, a statement line's, or a stream record's."""

from __future__ import annotations

from collections.abc import Mapping

from django.urls import reverse

from ledgers.models import DataStream, Record, StatementLine
from ledgers.states import StreamKind


def record_urls(records: Mapping[int, Record]) -> dict[int, str]:
    """By record; one of a statement that no file states any more has none. Two queries at most."""
    kinds = dict(
        DataStream.objects.filter(pk__in={record.stream_id for record in records.values()}).values_list(
            "pk", "kind"
        )
    )
    stated = [pk for pk, record in records.items() if kinds.get(record.stream_id) == StreamKind.STATEMENT]
    lines: dict[int, int] = {}
    if stated:
        live = StatementLine.objects.live().filter(record_id__in=stated).order_by("-pk")
        lines = dict(live.values_list("record_id", "pk"))
    found = {}
    for pk, record in records.items():
        kind = kinds.get(record.stream_id)
        if kind == StreamKind.LEDGER:
            found[pk] = reverse("admin:ledgers_record_change", args=[pk])
        elif kind == StreamKind.STATEMENT:
            if pk in lines:
                found[pk] = reverse("admin:ledgers_statementline_change", args=[lines[pk]])
        else:
            found[pk] = reverse("admin:reconciliation_streamrecord_change", args=[pk])
    return found
