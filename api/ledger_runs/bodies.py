"""What the surface takes in: one serializer per request body. They check form; rules are the services'."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from api.ledger_runs import examples
from api.shared.fields import Body, Instant, MinorUnits
from api.shared.schema import with_example
from api.shared.values import NUMBER_MAX
from ledgers.states import Direction, LedgerType
from reconciliation.states import RunMode

IDS_MAX = 10_000
BULK_MAX = 1_000
NOTE_MAX = 10_000
KEY_MAX = 255
REASON_MAX = 64


class Note(serializers.CharField):
    """null and "" clear."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, allow_blank=True, max_length=NOTE_MAX, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return str(super().to_internal_value(data))


class Ids(serializers.ListField):
    child = serializers.UUIDField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=1, max_length=kwargs.pop("at_most", IDS_MAX), **kwargs)


class Metadata(serializers.DictField):
    """A JSON object of the caller's own."""

    child = serializers.JSONField(allow_null=True)


# --- runs ----------------------------------------------------------------------------------------------------------------


@with_example(
    {
        "ledger_id": examples.LEDGER_ID,
        "mode": "automatic",
        "source_type": "upload",
        "idempotency_key": "march-1200",
        "note": "March, main account",
    }
)
class RunBody(Body):
    ledger_id = serializers.UUIDField()
    mode = serializers.ChoiceField(RunMode.choices, default=RunMode.MANUAL.value)
    source_type = serializers.ChoiceField(["upload"], default="upload")
    idempotency_key = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=KEY_MAX
    )
    note = Note(required=False)


@with_example({"note": "March, main account"})
class NoteBody(Body):
    note = Note(required=False, help_text="null and an empty text clear it; left out, it stays.")


@with_example({"file": "2026-03.xml", "idempotency_key": "march"}, media_type="multipart/form-data")
class UploadBody(Body):
    file = serializers.FileField(allow_empty_file=True)
    idempotency_key = serializers.CharField(required=False, allow_blank=True, max_length=KEY_MAX)


class ClearedOn(serializers.DateField):
    """The accounting date of a clearing."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            allow_null=True,
            help_text="Accounting date; the latest date of what is cleared, or later as given.",
        )


@with_example(
    {"source_entry_ids": [examples.ITEM_ID], "ledger_entry_ids": [examples.ENTRY_ID], "note": "Same payer"}
)
class ManualMatchBody(Body):
    source_entry_ids = Ids()
    ledger_entry_ids = Ids()
    note = Note(required=False)
    cleared_on = ClearedOn()


@with_example({"expected_status": "suggested"})
class DecisionBody(Body):
    expected_status = serializers.ChoiceField(
        ["suggested", "accepted", "rejected"],
        required=False,
        allow_null=True,
        help_text="If the match stands otherwise by now: 409 with who and when.",
    )


@with_example({"action": "accept", "ids": [examples.MATCH_ID]})
class BulkDecisionBody(Body):
    action = serializers.ChoiceField(["accept", "reject"])
    ids = Ids(at_most=BULK_MAX)
    expected_status = serializers.ChoiceField(
        ["suggested", "accepted", "rejected"], required=False, allow_null=True, default="suggested"
    )


@with_example(
    {"ledger_id": examples.LEDGER_ID, "reason": "manual_review", "note": "Bank fee, booked in April"}
)
class CloseItemBody(Body):
    ledger_id = serializers.UUIDField()
    reason = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=REASON_MAX)
    note = Note(required=False)
    cleared_on = ClearedOn()


@with_example({"reason": "discount", "note": "Agreed by phone", "cleared_on": "2026-03-31"})
class CloseEntryBody(Body):
    reason = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=REASON_MAX)
    note = Note(required=False)
    cleared_on = ClearedOn()


@with_example({"undo_accepted": False})
class UndoBody(Body):
    undo_accepted = serializers.BooleanField(
        default=False, help_text="Also what people accepted; without it, 409 where there is some."
    )


@with_example({"reason": "explained", "note": "Bank fee"})
class CloseDiscrepancyBody(Body):
    reason = serializers.CharField(max_length=REASON_MAX)
    note = Note(required=False)


@with_example({})
class NoBody(Body):
    """Nothing, or an empty object."""


# --- books ---------------------------------------------------------------------------------------------------------------


class BankAccountBody(Body):
    iban = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=64)
    name = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)


class Balance(MinorUnits):
    """May be negative."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(at_least=-NUMBER_MAX, **kwargs)


@with_example(
    {
        "code": "1200",
        "description": "Bank, main account",
        "type": "asset",
        "currency_code": "EUR",
        "bank_accounts": [{"iban": "DE89370400440532013000", "name": "Main account"}],
        "opening_balance": 0,
        "opening_date": "2026-01-01",
    }
)
class LedgerBody(Body):
    code = serializers.CharField(max_length=64)
    description = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)
    type = serializers.ChoiceField(LedgerType.choices)
    currency_code = serializers.RegexField(r"^[A-Z]{3}$")
    parent_ledger_id = serializers.UUIDField(required=False, allow_null=True)
    allows_direct_booking = serializers.BooleanField(required=False, default=True)
    bank_accounts = serializers.ListField(
        child=BankAccountBody(), required=False, allow_null=True, max_length=100
    )
    opening_balance = Balance(required=False, allow_null=True, help_text="Minor units, + is money in.")
    opening_date = serializers.DateField(required=False, allow_null=True)
    metadata = Metadata(required=False)


@with_example({"description": "Bank, main account"})
class LedgerChangeBody(Body):
    description = serializers.CharField(required=False, allow_blank=True, max_length=255)
    type = serializers.ChoiceField(LedgerType.choices, required=False)
    allows_direct_booking = serializers.BooleanField(required=False)
    opening_balance = Balance(required=False, allow_null=True)
    opening_date = serializers.DateField(required=False, allow_null=True)
    closing_date = serializers.DateField(required=False, allow_null=True)
    metadata = Metadata(required=False)


@with_example({"balance": 12000000, "date": "2026-01-01"})
class OpeningBody(Body):
    balance = Balance(
        help_text="What the accounts held at the start of that day; minor units, + is money in."
    )
    date = serializers.DateField()


class LedgerRef(Body):
    """Names a ledger by exactly one of three."""

    ledger_id = serializers.UUIDField(required=False)
    ledger_code = serializers.CharField(required=False, max_length=64)
    ledger_num_id = serializers.IntegerField(required=False, min_value=1, max_value=NUMBER_MAX)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if sum(name in attrs for name in LEDGER_REFS) != 1:
            raise serializers.ValidationError(
                _("Name the ledger by one of ledger_id, ledger_code, ledger_num_id.")
            )
        return attrs


LEDGER_REFS = ("ledger_id", "ledger_code", "ledger_num_id")
ENTRY_EXAMPLE = {
    "ledger_code": "1200",
    "amount": 125000,
    "type": "debit",
    "description": "Invoice 701",
    "reference_id": "INV-701",
    "value_date": "2026-03-04",
}


class LineBody(LedgerRef):
    """One line of a journal."""

    amount = MinorUnits(help_text="Minor units of the ledger's currency.")
    type = serializers.ChoiceField(Direction.choices)
    description = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=NOTE_MAX
    )
    value_date = serializers.DateField(required=False, allow_null=True)
    event = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)


@with_example(ENTRY_EXAMPLE)
class EntryBody(LineBody):
    reference_id = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)
    timestamp = Instant(required=False, allow_null=True)
    metadata = Metadata(required=False)


@with_example({"entries": [ENTRY_EXAMPLE]})
class EntriesBody(Body):
    entries = serializers.ListField(child=EntryBody(), min_length=1, max_length=BULK_MAX)


class TransactionBody(Body):
    type = serializers.CharField(max_length=64)
    total_amount = MinorUnits(help_text="The sum of the debits, in minor units.")
    currency_code = serializers.RegexField(r"^[A-Z]{3}$")
    reference_id = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)
    description = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=NOTE_MAX
    )
    value_date = serializers.DateField(required=False, allow_null=True)
    timestamp = Instant(required=False, allow_null=True)
    metadata = Metadata(required=False)


@with_example(
    {
        "transaction": {
            "type": "invoice_payment",
            "total_amount": 125000,
            "currency_code": "EUR",
            "reference_id": "INV-701",
        },
        "entries": [
            {"ledger_code": "1200", "amount": 125000, "type": "debit"},
            {"ledger_code": "1400", "amount": 125000, "type": "credit"},
        ],
    }
)
class JournalBody(Body):
    transaction_id = serializers.UUIDField(required=False, allow_null=True)
    transaction = TransactionBody()
    entries = serializers.ListField(child=LineBody(), min_length=2, max_length=BULK_MAX)
