"""What the surface answers with: one serializer per object of the contract, each with an example.

Rows come from selectors with their annotations; what a row doesn't know by itself (members of a match, the last pass of
a run) is looked up for the whole batch by `lookups` and handed over as context.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.ledger_runs import examples
from api.shared.fields import ActorField, DayOrNull, InstantField, MoneyField, TextOrNull, money
from api.shared.schema import get_all_of, with_example
from ledgers.states import UNREAD, Direction, SourceFileStatus
from reconciliation.selectors.items import ITEM_STATUSES, item_amounts
from reconciliation.states import (
    DiscrepancySeverity,
    DiscrepancyStatus,
    DiscrepancyType,
    MatchOrigin,
    MatchStatus,
    PassStatus,
    PassTrigger,
    RunMode,
    RunStatus,
)

Shape = serializers.Serializer[Any]
Uuid = serializers.UUIDField
Text = serializers.CharField
Whole = serializers.IntegerField


class Audited(Shape):
    """The audit fields that every resource of the house has."""

    created_at = InstantField()
    created_by = ActorField()
    modified_at = InstantField(get=lambda row: last_touch(row)[0])
    modified_by = ActorField(get=lambda row: last_touch(row)[1])
    metadata = serializers.SerializerMethodField()
    active = serializers.SerializerMethodField()

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_metadata(self, row: Any) -> dict[str, Any]:
        return getattr(row, "metadata", None) or {}

    def get_active(self, row: Any) -> bool:
        return getattr(row, "voided_at", None) is None


TOUCHES = ("created", "decided", "closed", "ended", "modified")


def last_touch(row: Any) -> tuple[datetime, str]:
    """When a row was changed last, and by whom, from the columns that it has."""
    touched = [(getattr(row, f"{each}_at", None), getattr(row, f"{each}_by", "")) for each in TOUCHES]
    return max((at, by) for at, by in touched if at is not None)


# --- runs and passes ---------------------------------------------------------------------------------------------------


@with_example(examples.PASS)
class PassShape(Shape):
    id = Uuid(source="uuid")
    run_id = Uuid(source="run.uuid", allow_null=True)
    trigger = serializers.ChoiceField(PassTrigger.choices)
    status = serializers.ChoiceField(PassStatus.choices)
    progress = Whole(help_text="Percent.")
    current_rule = TextOrNull()
    matched = Whole(help_text="Items of matches that add up.")
    suggested = Whole()
    ambiguous = Whole()
    lost_to_others = Whole(help_text="Groups dropped since somebody took a member first.")
    rule_summary = serializers.JSONField()
    error = TextOrNull()
    requested_at = InstantField()
    requested_by = ActorField()
    started_at = InstantField(allow_null=True)
    finished_at = InstantField(allow_null=True)

    class Meta:
        ref_name = "Pass"


class PassBrief(Shape):
    """The pass as a run shows it."""

    id = Uuid(source="uuid")
    trigger = serializers.ChoiceField(PassTrigger.choices)
    status = serializers.ChoiceField(PassStatus.choices)
    progress = Whole(help_text="Percent.")
    matched = Whole()
    suggested = Whole()
    ambiguous = Whole()
    lost_to_others = Whole()

    class Meta:
        ref_name = "PassBrief"


class RunShape(Audited):
    id = Uuid(source="uuid")
    ledger_id = Uuid(source="ledger.uuid")
    mode = serializers.ChoiceField(RunMode.choices)
    source_type = Text()
    status = serializers.ChoiceField(RunStatus.choices, source="shown_status")
    idempotency_key = TextOrNull()
    note = TextOrNull(help_text="The run's display name.")
    error_message = TextOrNull()
    source_count = Whole()
    item_count = Whole()
    matched_count = Whole()
    partial_count = Whole()
    unmatched_count = Whole()
    closed_count = Whole()
    started_at = InstantField(allow_null=True)
    completed_at = InstantField(allow_null=True)
    last_pass = serializers.SerializerMethodField()

    class Meta:
        ref_name = "RunRow"

    @extend_schema_field(PassBrief(allow_null=True))
    def get_last_pass(self, row: Any) -> dict[str, Any] | None:
        last = self.context["last_passes"].get(row.pk)
        return dict(PassBrief(last).data) if last else None


class ProofShape(Shape):
    """Whether it adds up, in the ledger's currency, + is money in for the account's owner.

    difference = open_items + closed_items + elsewhere (matched with what is no item of this run) + unexplained.
    """

    statement_sum = MoneyField()
    ledger_sum = MoneyField()
    difference = MoneyField()
    opening = MoneyField(allow_null=True)
    closing = MoneyField(allow_null=True)
    open_items = MoneyField()
    closed_items = MoneyField()
    elsewhere = MoneyField()
    unexplained = MoneyField()

    class Meta:
        ref_name = "Proof"


@with_example(examples.RUN)
class RunDetailShape(RunShape):
    proof = serializers.SerializerMethodField()

    class Meta:
        ref_name = "Run"

    @extend_schema_field(ProofShape(allow_null=True))
    def get_proof(self, row: Any) -> dict[str, Any] | None:
        proof = self.context.get("proof")
        return dict(ProofShape(proof).data) if proof else None


# --- source files --------------------------------------------------------------------------------------------------------

FILE_STATUS = {SourceFileStatus.COMPLETED: "processed", **dict.fromkeys(UNREAD, "failed")}
FILE_STATUSES = ("processing", "processed", "failed")


class SkippedStatement(Shape):
    account = Text(allow_null=True)
    lines = Whole()
    ledger_id = Uuid(allow_null=True)

    class Meta:
        ref_name = "SkippedStatement"


@with_example(examples.SOURCE_FILE)
class SourceFileShape(Audited):
    """Rows are run sources; the file itself is one step away."""

    id = Uuid(source="source_file.uuid")
    run_id = Uuid(source="run.uuid")
    filename = Text(source="source_file.filename")
    format = TextOrNull(
        source="source_file.format", help_text="csv, camt.052, camt.053, camt.054, or zip: as its bytes show."
    )
    status = serializers.SerializerMethodField()
    size_bytes = Whole(source="source_file.size_bytes")
    checksum_sha256 = Text(source="source_file.checksum_sha256")
    imported_count = Whole(source="source_file.imported_count", allow_null=True)
    already_known = Whole(source="source_file.already_known_count", allow_null=True)
    suspect = Whole(source="source_file.suspect_count", allow_null=True)
    pending = Whole(source="source_file.pending_count", allow_null=True, help_text="Not booked yet: skipped.")
    skipped_statements = SkippedStatement(source="source_file.skipped_statements", many=True)
    error_message = TextOrNull(source="source_file.error_message")
    idempotency_key = TextOrNull()
    statement_from = serializers.DateField(source="source_file.statement_from", allow_null=True)
    statement_to = serializers.DateField(source="source_file.statement_to", allow_null=True)
    opening_balance = serializers.SerializerMethodField()
    closing_balance = serializers.SerializerMethodField()
    created_at = InstantField(source="source_file.created_at")
    created_by = ActorField(source="source_file.created_by")
    modified_at = InstantField(get=lambda row: row.source_file.finished_at or row.source_file.created_at)
    modified_by = ActorField(source="source_file.created_by")

    class Meta:
        ref_name = "SourceFile"

    @extend_schema_field({"type": "string", "enum": list(FILE_STATUSES)})
    def get_status(self, row: Any) -> str:
        return FILE_STATUS.get(row.source_file.status, "processing")

    @extend_schema_field(MoneyField(allow_null=True))
    def get_opening_balance(self, row: Any) -> dict[str, Any] | None:
        first = self.context["statements"].get(row.source_file_id, [None])[0]
        return money(first.opening_amount, first.currency, first.decimal_places) if first else None

    @extend_schema_field(MoneyField(allow_null=True))
    def get_closing_balance(self, row: Any) -> dict[str, Any] | None:
        last = self.context["statements"].get(row.source_file_id, [None])[-1]
        return money(last.closing_amount, last.currency, last.decimal_places) if last else None

    def get_active(self, row: Any) -> bool:
        return bool(row.live)


# --- items ---------------------------------------------------------------------------------------------------------------


@with_example(examples.ITEM)
class ItemShape(Audited):
    """A statement line in a run. Rows are of `item_rows`."""

    id = Uuid(source="record.uuid")
    run_id = serializers.SerializerMethodField()
    source_file_id = Uuid(source="source_file.uuid")
    line_no = Whole()
    external_id = TextOrNull(source="record.external_id")
    booking_date = serializers.DateField(source="record.date")
    value_date = serializers.DateField(source="record.value_date", allow_null=True)
    direction = serializers.ChoiceField(Direction.choices, source="record.direction")
    amount = MoneyField(source="record.amount", of="record")
    reference = TextOrNull(source="record.reference")
    description = TextOrNull(source="record.description")
    counterparty = TextOrNull(source="record.counterparty")
    match_status = serializers.ChoiceField(ITEM_STATUSES)
    match_id = Uuid(source="match_uuid", allow_null=True)
    matched_amount = serializers.SerializerMethodField()
    residual_amount = serializers.SerializerMethodField()
    note = TextOrNull()
    close_reason = TextOrNull()
    close_note = TextOrNull()
    closed_at = InstantField(allow_null=True)
    closed_by = ActorField()
    cleared_on = DayOrNull(get=lambda row: row.cleared_on if row.closed_at else None)
    created_at = InstantField(source="record.created_at")
    created_by = ActorField(source="record.created_by")
    modified_at = InstantField(get=lambda row: row.closed_at or row.record.created_at)
    modified_by = ActorField(get=lambda row: row.closed_by or row.record.created_by)

    class Meta:
        ref_name = "Item"

    @extend_schema_field(OpenApiTypes.UUID)
    def get_run_id(self, row: Any) -> str:
        return str(self.context["run"].uuid)

    @extend_schema_field(MoneyField())
    def get_matched_amount(self, row: Any) -> dict[str, Any] | None:
        return money(item_amounts(row).matched, row.record.currency, row.record.decimal_places)

    @extend_schema_field(MoneyField())
    def get_residual_amount(self, row: Any) -> dict[str, Any] | None:
        return money(item_amounts(row).residual, row.record.currency, row.record.decimal_places)

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_metadata(self, row: Any) -> dict[str, Any]:
        return dict(row.record.metadata)


# --- matches -------------------------------------------------------------------------------------------------------------

MATCH_SHOWN = {MatchStatus.UNDONE: MatchStatus.REJECTED}
MATCH_STATUSES = ("suggested", "accepted", "rejected")


@with_example(examples.MATCH)
class MatchShape(Audited):
    """Totals are + for money in for the account's owner."""

    id = Uuid(source="uuid")
    run_id = Uuid(source="run.uuid", allow_null=True)
    status = serializers.SerializerMethodField()
    origin = serializers.ChoiceField(MatchOrigin.choices)
    rule = TextOrNull(source="rule_revision.rule.name")
    confidence = serializers.FloatField(allow_null=True)
    source_entry_ids = serializers.SerializerMethodField()
    ledger_entry_ids = serializers.SerializerMethodField()
    source_total = MoneyField(source="total_a")
    ledger_total = MoneyField(source="total_b")
    difference = MoneyField(help_text="What one side leaves of the other: 0 where the match adds up.")
    cleared_on = serializers.DateField(help_text="Accounting date of the clearing.")
    note = TextOrNull()
    decided_at = InstantField(allow_null=True)
    decided_by = ActorField()
    ended_at = InstantField(allow_null=True)
    ended_by = ActorField()
    ended_reason = TextOrNull()

    class Meta:
        ref_name = "Match"

    @extend_schema_field({"type": "string", "enum": list(MATCH_STATUSES)})
    def get_status(self, row: Any) -> str:
        return str(MATCH_SHOWN.get(row.status, row.status))

    @extend_schema_field(serializers.ListField(child=Uuid()))
    def get_source_entry_ids(self, row: Any) -> list[str]:
        return [str(each.uuid) for each in self.context["members"][row.pk].a]

    @extend_schema_field(serializers.ListField(child=Uuid()))
    def get_ledger_entry_ids(self, row: Any) -> list[str]:
        return [str(each.uuid) for each in self.context["members"][row.pk].b]

    def get_active(self, row: Any) -> bool:
        return bool(row.is_live)


@with_example({**examples.MATCH, "status": "accepted", "origin": "manual", "not_covered": []})
class MadeMatchShape(MatchShape):
    not_covered = serializers.ListField(
        child=Uuid(), help_text="What was named, or was in an extended match, and got nothing: it is open."
    )

    class Meta:
        ref_name = "MadeMatch"


# --- discrepancies ---------------------------------------------------------------------------------------------------------


@with_example(examples.DISCREPANCY)
class DiscrepancyShape(Audited):
    id = Uuid(source="uuid")
    run_id = Uuid(source="run.uuid", allow_null=True)
    source_entry_id = serializers.SerializerMethodField(help_text="The item that it is about.")
    ledger_entry_id = serializers.SerializerMethodField(help_text="The entry that a match covers in part.")
    match_id = Uuid(source="match.uuid", allow_null=True)
    type = serializers.ChoiceField(DiscrepancyType.choices)
    severity = serializers.ChoiceField(DiscrepancySeverity.choices)
    status = serializers.ChoiceField(DiscrepancyStatus.choices)
    amount = MoneyField()
    description = Text()
    close_reason = TextOrNull()
    close_note = TextOrNull()
    closed_at = InstantField(allow_null=True)
    closed_by = ActorField()

    class Meta:
        ref_name = "Discrepancy"

    @extend_schema_field(Uuid(allow_null=True))
    def get_source_entry_id(self, row: Any) -> str | None:
        return str(row.record.uuid) if row.record is not None and row.record.journal_id is None else None

    @extend_schema_field(Uuid(allow_null=True))
    def get_ledger_entry_id(self, row: Any) -> str | None:
        return str(row.record.uuid) if row.record is not None and row.record.journal_id is not None else None


@with_example({"undone": 5})
class Undone(Shape):
    undone = Whole(help_text="Matches that were taken back.")

    class Meta:
        ref_name = "Undone"


RunList = get_all_of(RunShape, "RunList", examples.RUN_ROW)
SourceList = get_all_of(SourceFileShape, "SourceFileList", examples.SOURCE_FILE)
ItemList = get_all_of(ItemShape, "ItemList", examples.ITEM)
MatchList = get_all_of(MatchShape, "MatchList", examples.MATCH)
DiscrepancyList = get_all_of(DiscrepancyShape, "DiscrepancyList", examples.DISCREPANCY)
