"""What the surface shows of the books: ledgers, entries, journals, entries beside a run, and account counts."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.ledger_runs import examples
from api.ledger_runs.shapes import MATCH_STATUSES, Audited, Shape, Text, Uuid, Whole
from api.shared.fields import ActorField, InstantField, MoneyField, TextOrNull, money
from api.shared.schema import get_all_of, with_example
from ledgers.states import Direction, LedgerType


class BankAccountShape(Shape):
    id = Uuid(source="uuid")
    name = Text()
    iban = TextOrNull(source="identifier")
    currency_code = TextOrNull(source="currency")

    class Meta:
        ref_name = "LedgerBankAccount"


@with_example(examples.LEDGER)
class LedgerShape(Audited):
    """Balances are + for money in for the account's owner: of an asset, debit − credit; with its subledgers."""

    id = Uuid(source="uuid")
    code = Text()
    num_id = Whole(source="pk")
    description = TextOrNull()
    type = serializers.ChoiceField(LedgerType.choices)
    currency_code = Text(source="currency")
    balance_posted = serializers.SerializerMethodField()
    last_activity_date = serializers.SerializerMethodField()
    opening_date = serializers.DateField(allow_null=True)
    closing_date = serializers.DateField(allow_null=True)
    opening_balance = MoneyField(allow_null=True)
    opening_balance_date = serializers.DateField(
        source="opening_balance_on", allow_null=True, help_text="The day at whose start it stands."
    )
    parent_ledger_id = Uuid(source="parent.uuid", allow_null=True, default=None)
    child_ledger_ids = serializers.SerializerMethodField()
    allows_direct_booking = serializers.BooleanField()
    bank_accounts = serializers.SerializerMethodField()

    class Meta:
        ref_name = "Ledger"

    @extend_schema_field(MoneyField())
    def get_balance_posted(self, row: Any) -> dict[str, Any] | None:
        balance = self.context["balances"].get(row.pk)
        return money(balance.posted(row) if balance else 0, row.currency, row.decimal_places)

    @extend_schema_field(serializers.DateField(allow_null=True))
    def get_last_activity_date(self, row: Any) -> str | None:
        balance = self.context["balances"].get(row.pk)
        return balance.last_date.isoformat() if balance and balance.last_date else None

    @extend_schema_field(serializers.ListField(child=Uuid()))
    def get_child_ledger_ids(self, row: Any) -> list[str]:
        return [str(each) for each in self.context["children"].get(row.pk, [])]

    @extend_schema_field(BankAccountShape(many=True))
    def get_bank_accounts(self, row: Any) -> list[Any]:
        return list(BankAccountShape(self.context["accounts"].get(row.pk, []), many=True).data)


@with_example(examples.ENTRY)
class EntryShape(Shape):
    """Rows are records of ledger streams, as `entry_rows` gives them."""

    id = Uuid(source="uuid")
    ledger_id = Uuid(source="stream.ledger.uuid")
    code = Text(source="stream.ledger.code", help_text="The ledger's code.")
    transaction_id = Uuid(source="journal_uuid", allow_null=True)
    amount = MoneyField()
    type = serializers.ChoiceField(Direction.choices, source="direction")
    event = TextOrNull()
    description = TextOrNull()
    reference_id = TextOrNull(source="reference")
    value_date = serializers.DateField(allow_null=True)
    timestamp = InstantField(source="occurred_at", allow_null=True)
    metadata = serializers.JSONField()
    created_at = InstantField()
    created_by = ActorField()

    class Meta:
        ref_name = "Entry"


@with_example(examples.POSTED_ENTRY)
class PostedEntryShape(EntryShape):
    balance = serializers.SerializerMethodField(help_text="The ledger's balance after this posting.")

    class Meta:
        ref_name = "PostedEntry"

    @extend_schema_field(MoneyField())
    def get_balance(self, row: Any) -> dict[str, Any] | None:
        ledger = row.stream.ledger
        return money(self.context["balances"][ledger.pk].posted(ledger), row.currency, row.decimal_places)


@with_example({"entries": [examples.POSTED_ENTRY]})
class PostedEntries(Shape):
    entries = PostedEntryShape(many=True)

    class Meta:
        ref_name = "PostedEntries"


@with_example(examples.GL_ENTRY)
class GlEntryShape(EntryShape):
    """An entry as a run sees it, with the live match that it stands in, of this or another run."""

    linked = serializers.BooleanField()
    linked_run_id = Uuid(source="linked_run_uuid", allow_null=True)
    linked_match_id = Uuid(source="linked_match_uuid", allow_null=True)
    linked_match_status = serializers.ChoiceField(MATCH_STATUSES, allow_null=True)
    residual_amount = MoneyField(
        source="residual", allow_null=True, help_text="What no match covers; null before the opening balance."
    )
    close_reason = TextOrNull()
    close_note = TextOrNull()
    closed_at = InstantField(allow_null=True)
    closed_by = ActorField()
    cleared_on = serializers.DateField(allow_null=True)

    class Meta:
        ref_name = "GlEntry"


@with_example(examples.JOURNAL)
class JournalShape(Shape):
    id = Uuid(source="uuid")
    type = TextOrNull()
    status = serializers.SerializerMethodField()
    total_amount = MoneyField()
    currency_code = Text(source="currency")
    description = TextOrNull()
    reference_id = TextOrNull(source="reference")
    timestamp = InstantField(source="occurred_at")
    value_date = serializers.DateField(allow_null=True)
    completed_at = InstantField(source="created_at")
    reconciled_at = serializers.SerializerMethodField(help_text="When the last of its entries was cleared.")
    entries = serializers.SerializerMethodField()
    metadata = serializers.JSONField()
    created_at = InstantField()
    created_by = ActorField()

    class Meta:
        ref_name = "Journal"

    @extend_schema_field({"type": "string", "enum": ["posted"]})
    def get_status(self, row: Any) -> str:
        return "posted"

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
    def get_reconciled_at(self, row: Any) -> str | None:
        at = self.context.get("reconciled_at")
        return InstantField().to_representation(at) if at else None

    @extend_schema_field(EntryShape(many=True))
    def get_entries(self, row: Any) -> list[Any]:
        return list(self.context["entries"])


@with_example(examples.ACCOUNT)
class AccountShape(Shape):
    """A ledger with how many of its entries no accepted match covers."""

    ledger_id = Uuid(source="uuid")
    code = Text()
    description = TextOrNull()
    type = serializers.ChoiceField(LedgerType.choices)
    currency_code = Text(source="currency")
    total_count = Whole()
    unreconciled_count = Whole()

    class Meta:
        ref_name = "LedgerAccount"


@with_example(examples.LEDGER_PROOF)
class LedgerProofShape(Shape):
    """One day. difference = opening_difference + open_items + written_off + unexplained; + is money in.

    `source` is the statements' side, `ledger` the books'.
    """

    ledger_id = serializers.SerializerMethodField()
    date = serializers.DateField(source="day")
    closing = MoneyField(allow_null=True, help_text="As the statements state it; null where one states none.")
    stated = serializers.BooleanField(help_text="Whether statements of all accounts end on that day.")
    statement_balance = MoneyField()
    ledger_balance = MoneyField()
    difference = MoneyField()
    opening_difference = MoneyField()
    opening_confirmed = serializers.BooleanField()
    before_opening = serializers.BooleanField(
        help_text="Whether the day lies before the confirmed opening: such days are not proved, unexplained is 0."
    )
    open_source = MoneyField(source="open_a")
    open_ledger = MoneyField(source="open_b")
    open_items = MoneyField()
    written_off_source = MoneyField(source="written_off_a")
    written_off_ledger = MoneyField(source="written_off_b")
    written_off = MoneyField()
    unexplained = MoneyField()
    ties_out = serializers.BooleanField()

    class Meta:
        ref_name = "LedgerProof"

    @extend_schema_field(OpenApiTypes.UUID)
    def get_ledger_id(self, row: Any) -> str:
        return str(self.context["ledger"].uuid)


@with_example(examples.OPENING)
class OpeningShape(Shape):
    """Rows are ledgers."""

    ledger_id = Uuid(source="uuid")
    balance = MoneyField(source="opening_balance")
    date = serializers.DateField(source="opening_balance_on")
    confirmed_at = InstantField(source="opening_confirmed_at", allow_null=True)
    confirmed_by = ActorField(source="opening_confirmed_by")

    class Meta:
        ref_name = "LedgerOpening"


LedgerList = get_all_of(LedgerShape, "LedgerList", examples.LEDGER)
EntryList = get_all_of(
    EntryShape,
    "EntryList",
    examples.ENTRY,
    more={"keys": serializers.ListField(child=Text(), help_text="The names of a row's fields.")},
    more_example={"keys": list(EntryShape().fields)},
)
GlList = get_all_of(GlEntryShape, "GlList", examples.GL_ENTRY)
AccountList = get_all_of(AccountShape, "AccountList", examples.ACCOUNT)
