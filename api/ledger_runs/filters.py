"""What each list of the surface can be asked: its fields, its default order, and parameters by name."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from api.ledger_runs.shapes import MATCH_STATUSES
from api.shared.listing import Field, Kind, Listing
from ledgers.models import Journal, Record
from ledgers.states import UNREAD, Direction, LedgerType, SourceFileStatus
from reconciliation.selectors.items import ITEM_STATUSES
from reconciliation.states import (
    DiscrepancySeverity,
    DiscrepancyStatus,
    DiscrepancyType,
    MatchOrigin,
    MatchStatus,
    RunMode,
    RunStatus,
)

NEWEST = "-created_at,id"
NEWEST_ROW = "-row_no"
"""Newest first by the rows' own numbers, which grow with time and have an index; created_at has none."""
ROW_NO = {"row_no": Field("pk", Kind.NUMBER)}


def words(choices: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in choices.values)


AUDIT = {
    "created_at": Field("created_at", Kind.INSTANT),
    "modified_at": Field("modified_at", Kind.INSTANT, nullable=True),
}

RUNS = Listing(
    fields={
        "id": Field("uuid", Kind.UUID),
        "ledger_id": Field("ledger__uuid", Kind.UUID),
        "mode": Field("mode", Kind.CHOICE, choices=words(RunMode)),
        "source_type": Field("source_type"),
        "status": Field("shown_status", Kind.CHOICE, choices=words(RunStatus)),
        "idempotency_key": Field("idempotency_key"),
        "note": Field("note", searched=True),
        "error_message": Field("error_message", searched=True),
        "source_count": Field("source_count", Kind.NUMBER),
        "item_count": Field("item_count", Kind.NUMBER),
        "matched_count": Field("matched_count", Kind.NUMBER),
        "partial_count": Field("partial_count", Kind.NUMBER),
        "unmatched_count": Field("unmatched_count", Kind.NUMBER),
        "closed_count": Field("closed_count", Kind.NUMBER),
        "started_at": Field("started_at", Kind.INSTANT, nullable=True),
        "completed_at": Field("completed_at", Kind.INSTANT, nullable=True),
        **AUDIT,
    },
    sort=NEWEST,
    named=("ledger_id", "status", "mode"),
)

FILE_STATUSES = {
    "processed": (SourceFileStatus.COMPLETED.value,),
    "failed": tuple(sorted(UNREAD)),
    "processing": tuple(set(words(SourceFileStatus)) - {"completed", *UNREAD}),
}
SOURCES = Listing(
    fields={
        "id": Field("source_file__uuid", Kind.UUID),
        "filename": Field("source_file__filename", searched=True),
        "format": Field("source_file__format"),
        "status": Field(
            "source_file__status", Kind.CHOICE, choices=tuple(FILE_STATUSES), values=FILE_STATUSES
        ),
        "size_bytes": Field("source_file__size_bytes", Kind.NUMBER),
        "checksum_sha256": Field("checksum_sha256"),
        "imported_count": Field("source_file__imported_count", Kind.NUMBER, nullable=True),
        "statement_from": Field("source_file__statement_from", Kind.DATE, nullable=True),
        "statement_to": Field("source_file__statement_to", Kind.DATE, nullable=True),
        "idempotency_key": Field("idempotency_key"),
        "created_at": Field("source_file__created_at", Kind.INSTANT),
    },
    sort=NEWEST,
    named=("status",),
)


def by_record_uuid(uuids: list[Any]) -> Q:
    return Q(record_id__in=Record.objects.filter(uuid__in=uuids).values("pk"))


ITEMS = Listing(
    fields={
        "id": Field("record__uuid", Kind.UUID, equal=by_record_uuid),
        "source_file_id": Field("source_file__uuid", Kind.UUID),
        "line_no": Field("line_no", Kind.NUMBER),
        "external_id": Field("record__external_id", searched=True),
        "booking_date": Field("record__date", Kind.DATE),
        "value_date": Field("record__value_date", Kind.DATE, nullable=True),
        "direction": Field("record__direction", Kind.CHOICE, choices=words(Direction)),
        "amount": Field("record__amount", Kind.NUMBER),
        "currency": Field("record__currency"),
        "reference": Field("record__reference", searched=True),
        "description": Field("record__description", searched=True),
        "counterparty": Field("record__counterparty", searched=True),
        "match_status": Field("match_status", Kind.CHOICE, choices=ITEM_STATUSES),
        "close_reason": Field("close_reason", nullable=True),
        "closed_at": Field("closed_at", Kind.INSTANT, nullable=True),
        "created_at": Field("record__created_at", Kind.INSTANT),
        "file_no": Field("source_file_id", Kind.NUMBER),
        **ROW_NO,
    },
    sort="file_no,line_no,row_no",  # as the statements say it, and as the index has it
    key="row_no",
    named=("match_status", "source_file_id", "direction"),
    others=("as_at",),
)

MATCHES = Listing(
    fields={
        "id": Field("uuid", Kind.UUID),
        "status": Field(
            "status",
            Kind.CHOICE,
            choices=MATCH_STATUSES,
            values={"rejected": (MatchStatus.REJECTED.value, MatchStatus.UNDONE.value)},
        ),
        "origin": Field("origin", Kind.CHOICE, choices=words(MatchOrigin)),
        "rule": Field("rule_revision__rule__name", searched=True, nullable=True),
        "source_total": Field("total_a", Kind.NUMBER),
        "ledger_total": Field("total_b", Kind.NUMBER),
        "difference": Field("difference", Kind.NUMBER),
        "note": Field("note", searched=True),
        "decided_at": Field("decided_at", Kind.INSTANT, nullable=True),
        "ended_at": Field("ended_at", Kind.INSTANT, nullable=True),
        "ended_reason": Field("ended_reason"),
        **AUDIT,
        **ROW_NO,
    },
    sort=NEWEST_ROW,
    key="row_no",
    named=("status", "origin"),
)


def by_item(uuids: list[Any]) -> Q:
    return Q(record__uuid__in=uuids, record__journal_id__isnull=True)


def by_entry(uuids: list[Any]) -> Q:
    return Q(record__uuid__in=uuids, record__journal_id__isnull=False)


DISCREPANCIES = Listing(
    fields={
        "id": Field("uuid", Kind.UUID),
        "source_entry_id": Field("record__uuid", Kind.UUID, nullable=True, equal=by_item),
        "ledger_entry_id": Field("record__uuid", Kind.UUID, nullable=True, equal=by_entry),
        "match_id": Field("match__uuid", Kind.UUID, nullable=True),
        "type": Field("type", Kind.CHOICE, choices=words(DiscrepancyType)),
        "severity": Field("severity", Kind.CHOICE, choices=words(DiscrepancySeverity)),
        "status": Field("status", Kind.CHOICE, choices=words(DiscrepancyStatus)),
        "amount": Field("amount", Kind.NUMBER),
        "description": Field("description", searched=True),
        "closed_at": Field("closed_at", Kind.INSTANT, nullable=True),
        "created_at": Field("created_at", Kind.INSTANT),
        **ROW_NO,
    },
    sort=NEWEST_ROW,
    key="row_no",
    named=("status", "type", "severity", "source_entry_id", "ledger_entry_id", "match_id"),
)


def by_journal(uuids: list[Any]) -> Q:
    return Q(journal_id__in=Journal.objects.filter(uuid__in=uuids).values("pk"))


ENTRY_FIELDS = {
    "id": Field("uuid", Kind.UUID),
    "ledger_id": Field("stream__ledger__uuid", Kind.UUID),
    "code": Field("stream__ledger__code"),
    "transaction_id": Field("journal_uuid", Kind.UUID, sortable=False, equal=by_journal),
    "amount": Field("amount", Kind.NUMBER),
    "type": Field("direction", Kind.CHOICE, choices=words(Direction)),
    "event": Field("event"),
    "description": Field("description", searched=True),
    "reference_id": Field("reference", searched=True),
    "date": Field("date", Kind.DATE),
    "value_date": Field("value_date", Kind.DATE, nullable=True),
    "timestamp": Field("occurred_at", Kind.INSTANT, nullable=True),
    "created_at": Field("created_at", Kind.INSTANT),
    **ROW_NO,
}
ENTRY_COMPARISONS = {
    "min_amount": ("amount", "gte"),
    "max_amount": ("amount", "lte"),
    "from_timestamp": ("timestamp", "gte"),
    "to_timestamp": ("timestamp", "lte"),
    "from_value_date": ("value_date", "gte"),
    "to_value_date": ("value_date", "lte"),
    "description": ("description", "like"),
}
ENTRIES = Listing(
    fields=ENTRY_FIELDS,
    sort=NEWEST_ROW,
    key="row_no",
    named=("ledger_id", "transaction_id", "type", "event"),
    comparisons=ENTRY_COMPARISONS,
)
GL = Listing(
    fields={
        **ENTRY_FIELDS,
        "linked": Field("linked", Kind.FLAG),
        "linked_run_id": Field("linked_run_uuid", Kind.UUID, sortable=False),
        "linked_match_id": Field("linked_match_uuid", Kind.UUID, sortable=False),
        "linked_match_status": Field(
            "linked_match_status", Kind.CHOICE, choices=MATCH_STATUSES, sortable=False
        ),
    },
    sort=NEWEST_ROW,
    key="row_no",
    named=("transaction_id", "type", "event", "linked"),
    comparisons=ENTRY_COMPARISONS,
    others=("as_at",),
)

LEDGER_FIELDS = {
    "id": Field("uuid", Kind.UUID),
    "code": Field("code", searched=True),
    "num_id": Field("pk", Kind.NUMBER),
    "description": Field("description", searched=True),
    "type": Field("type", Kind.CHOICE, choices=words(LedgerType)),
    "currency_code": Field("currency"),
    "opening_date": Field("opening_date", Kind.DATE, nullable=True),
    "closing_date": Field("closing_date", Kind.DATE, nullable=True),
    "parent_ledger_id": Field("parent__uuid", Kind.UUID, nullable=True),
    "allows_direct_booking": Field("allows_direct_booking", Kind.FLAG),
    **AUDIT,
}
LEDGERS = Listing(
    fields=LEDGER_FIELDS,
    sort=NEWEST,
    named=("type", "currency_code", "parent_ledger_id"),
    others=("only_subledgers", "exclude_subledgers", "include_subledgers"),
)
ACCOUNTS = Listing(
    fields={
        "ledger_id": Field("uuid", Kind.UUID),
        "code": Field("code", searched=True),
        "description": Field("description", searched=True),
        "type": Field("type", Kind.CHOICE, choices=words(LedgerType)),
        "currency_code": Field("currency"),
        "total_count": Field("total_count", Kind.NUMBER),
        "unreconciled_count": Field("unreconciled_count", Kind.NUMBER),
        "created_at": Field("created_at", Kind.INSTANT),
    },
    sort="-created_at,ledger_id",
    key="ledger_id",
    named=("ledger_id",),
)
