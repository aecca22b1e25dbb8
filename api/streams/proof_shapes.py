"""What the proof of a bank account answers with, with an example. Amounts are whole minor units, credit +."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.shared.fields import TextOrNull
from api.shared.schema import with_example
from api.streams import proof_examples as examples
from ledgers.proof_words import break_words, missing_words, remark_words, verdict_words
from ledgers.selectors.account_chain import Break, Remark
from ledgers.selectors.account_proof import AccountProof, MissingDays
from ledgers.states import BreakKind, ProofDayState, ProofVerdict, RemarkKind, StatementState

Text = serializers.CharField
Whole = serializers.IntegerField
Day = serializers.DateField
Words = serializers.SerializerMethodField


class Shape(serializers.Serializer[Any]):
    """Python has `from` for itself: a field `from_` is shown as `from`."""

    def get_fields(self) -> dict[str, Any]:
        return {name.removesuffix("_"): field for name, field in super().get_fields().items()}

    @property
    def proof(self) -> AccountProof:
        found: AccountProof = self.context["proof"]
        return found


class StatementBrief(Shape):
    source_file_id = serializers.UUIDField(source="file_uuid")
    filename = Text()
    number = TextOrNull(help_text="How the bank names it.")
    sequence = TextOrNull(help_text="The count that shows gaps.")
    from_ = Day(source="begins")
    to = Day(source="ends")

    class Meta:
        ref_name = "BankStatementBrief"


class StatementShape(StatementBrief):
    opening = Whole(allow_null=True, help_text="As the file states it; null where it does not.")
    closing = Whole(allow_null=True, help_text="As the file states it; null where it does not.")
    movement = Whole(help_text="What its lines sum to.")
    lines = Whole()
    gap = Whole(allow_null=True, help_text="Closing less opening and movement; null where one is not stated.")
    state = serializers.ChoiceField(StatementState.choices, help_text="Whether it adds up by itself.")

    class Meta:
        ref_name = "BankStatement"


class BreakShape(Shape):
    """`amount` is stated less lines: + where a credit of it is missing, or a debit too much."""

    kind = serializers.ChoiceField(BreakKind.choices)
    from_ = Day(source="since", help_text="The fault lies between this day and `date`, both included.")
    date = Day(source="day", help_text="The day on which it shows.")
    amount = Whole()
    line = Whole(source="line_no", allow_null=True, help_text="The line whose running balance shows it.")
    statement = StatementBrief(allow_null=True)
    before = StatementBrief(allow_null=True, help_text="The statement that it does not follow from.")
    message = Words()

    class Meta:
        ref_name = "BankAccountBreak"

    def get_message(self, row: Break) -> str:
        return break_words(row, self.proof)


class MissingShape(Shape):
    """Business days that no statement is of, though there are statements before and behind."""

    from_ = Day(source="since")
    to = Day(source="until")
    days = Whole()
    moved = Whole(help_text="What the balance moved by meanwhile.")
    message = Words()

    class Meta:
        ref_name = "BankAccountMissingDays"

    def get_message(self, row: MissingDays) -> str:
        return missing_words(row, self.proof)


class RemarkShape(Shape):
    kind = serializers.ChoiceField(RemarkKind.choices)
    date = Day(source="day")
    statement = StatementBrief()
    message = Words()

    class Meta:
        ref_name = "BankAccountRemark"

    def get_message(self, row: Remark) -> str:
        return remark_words(row)


class DayShape(Shape):
    date = Day(source="day")
    state = serializers.ChoiceField(ProofDayState.choices)
    business_day = serializers.BooleanField()
    lines = Whole()
    credits = Whole()
    debits = Whole()
    closing = Whole(allow_null=True, help_text="As a statement states it for that day.")
    balance = Whole(
        allow_null=True,
        help_text="At the end of the day: as stated last, and the lines since. Null before the first stated one.",
    )
    difference = Whole(help_text="What breaks show on this day, in all.")

    class Meta:
        ref_name = "BankAccountDay"


@with_example(examples.PROOF)
class BankAccountProofShape(Shape):
    bank_account_id = Whole(source="account.pk")
    bank_account_uuid = serializers.UUIDField(source="account.uuid")
    currency = Text()
    decimal_places = Whole()
    from_ = Day(source="since")
    to = Day(source="until")
    calendar = serializers.SerializerMethodField(
        help_text="Whose business days count; null: Monday to Friday."
    )
    verdict = serializers.ChoiceField(ProofVerdict.choices)
    message = Words()
    breaks = BreakShape(many=True)
    missing = MissingShape(many=True)
    remarks = RemarkShape(many=True, help_text="Worth a look, though no amount is at fault.")
    statements = StatementShape(many=True)
    days = DayShape(many=True)

    class Meta:
        ref_name = "BankAccountProof"

    def get_calendar(self, row: AccountProof) -> str | None:
        return row.account.calendar.name if row.account.calendar else None

    def get_message(self, row: AccountProof) -> str:
        return verdict_words(row)
