"""Questions about ledgers, their entries, journals and balances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import Max, OuterRef, QuerySet, Subquery, Sum
from django.utils.translation import gettext as _

from ledgers.models import BankAccount, BankAccountBalance, DataStream, Journal, Ledger, LedgerDelta, Record
from ledgers.states import RecordKind, StreamKind
from organizations.refusals import Invalid, NotFound

ID_DIGITS = 18
"""Numbers of so many digits fit the key whatever they are."""


def find_ledger(
    *,
    organization_id: int,
    ledger_id: UUID | str | None = None,
    ledger_code: str | None = None,
    ledger_num_id: int | None = None,
) -> Ledger:
    """A ledger by exactly one of its names. NotFound "ledger.not_found"; Invalid when none or several are given."""
    named = {"uuid": ledger_id, "code": ledger_code, "pk": ledger_num_id}
    given = {name: value for name, value in named.items() if value not in (None, "")}
    if len(given) != 1:
        raise Invalid(
            _("Name the ledger by exactly one of ledger_id, ledger_code and ledger_num_id."),
            code="ledger.named_once",
            issues=[{"path": ["ledger_id"], "message": _("Give exactly one name of the ledger.")}],
        )
    ledger = Ledger.objects.of(organization_id).filter(**given).first()
    if ledger is None:
        raise NotFound(
            _("There is no such ledger. Look its id or code up in the list of ledgers."),
            code="ledger.not_found",
            word="ledger_not_found",
        )
    return ledger


def find_bank_account(*, organization_id: int, account_id: str) -> BankAccount:
    """A live account by its number, or by its uuid. NotFound "bank_account.not_found"."""
    rows = BankAccount.objects.of(organization_id).live().select_related("ledger", "calendar")
    number = account_id.isascii() and account_id.isdigit() and len(account_id) <= ID_DIGITS
    try:
        found = rows.filter(pk=int(account_id)) if number else rows.filter(uuid=UUID(account_id))
    except ValueError:
        found = rows.none()
    account = found.first()
    if account is None:
        raise NotFound(
            _("There is no such bank account. Look its id up in the list of bank accounts."),
            code="bank_account.not_found",
        )
    return account


def listed_accounts(*, organization_id: int) -> QuerySet[BankAccount]:
    """Live accounts by name."""
    return BankAccount.objects.of(organization_id).live().order_by("name", "pk")


def listed_balances(*, organization_id: int, account_id: int) -> QuerySet[BankAccountBalance]:
    """What is stated of a live account, the latest day first; nothing of one that does not exist."""
    account = BankAccount.objects.of(organization_id).live().filter(pk=account_id)
    rows = BankAccountBalance.objects.filter(bank_account__in=account)
    return rows.order_by("-date", "balance_type", "pk")


@dataclass(frozen=True, slots=True)
class LedgerBalance:
    """Sums of a ledger's entries in minor units."""

    debit: int = 0
    credit: int = 0
    entries: int = 0
    last_date: date | None = None

    def posted(self, ledger: Ledger) -> int:
        """The balance as the ledger's type reads it: debit − credit for assets and expenses, else credit − debit."""
        return (self.credit - self.debit) * ledger.effect_sign


def balances(ledger_ids: Iterable[int], *, until: date | None = None) -> dict[int, LedgerBalance]:
    """Balances of the ledgers themselves, without subledgers; `until` inclusive. One query."""
    deltas = LedgerDelta.objects.filter(ledger_id__in=list(ledger_ids))
    if until is not None:
        deltas = deltas.filter(date__lte=until)
    rows = deltas.values("ledger_id").annotate(
        d=Sum("debit"), c=Sum("credit"), n=Sum("entries"), last=Max("date")
    )
    return {
        row["ledger_id"]: LedgerBalance(int(row["d"]), int(row["c"]), int(row["n"]), row["last"])
        for row in rows
    }


SUBTREES = """
WITH RECURSIVE tree AS (
    SELECT id AS root, id FROM ledgers_ledger WHERE id = ANY(%s)
    UNION ALL
    SELECT tree.root, child.id FROM tree JOIN ledgers_ledger child ON child.parent_id = tree.id
)
SELECT tree.root, coalesce(sum(d.debit), 0), coalesce(sum(d.credit), 0), coalesce(sum(d.entries), 0), max(d.date)
FROM tree LEFT JOIN ledgers_ledgerdelta d ON d.ledger_id = tree.id
GROUP BY tree.root
"""


def subtree_balances(ledger_ids: Iterable[int]) -> dict[int, LedgerBalance]:
    """Balances with all subledgers below, so that no posting ever locks a parent. One query."""
    with connection.cursor() as cursor:
        cursor.execute(SUBTREES, [list(ledger_ids)])
        return {
            root: LedgerBalance(int(debit), int(credit), int(entries), last)
            for root, debit, credit, entries, last in cursor.fetchall()
        }  # sums of bigints are numeric: many acts together may well be more than a bigint holds


def entry_rows(*, organization_id: int, ledger_ids: Iterable[int] | None = None) -> QuerySet[Record]:
    """Live entries of ledgers with their ledger, and the uuid of their journal as journal_uuid. Of named ledgers the
    streams are looked up at once: their entries then come in the order of an index, by day or by number."""
    if ledger_ids is not None:
        streams = DataStream.objects.of(organization_id).filter(ledger_id__in=list(ledger_ids))
        rows = Record.objects.live().filter(stream_id__in=list(streams.values_list("pk", flat=True)))
    else:
        rows = Record.objects.live().filter(
            stream__organization_id=organization_id, stream__kind=StreamKind.LEDGER
        )
    return rows.select_related("stream__ledger").annotate(
        journal_uuid=Subquery(Journal.objects.filter(pk=OuterRef("journal_id")).values("uuid")[:1])
    )


def details_of(record: Record) -> QuerySet[Record]:
    """The movements that a bank booked as this one line, in the file's order."""
    return Record.objects.live().filter(parent_id=record.pk, kind=RecordKind.DETAIL).order_by("pk")


def journal_of(*, organization_id: int, journal_id: UUID) -> Journal:
    """NotFound "journal.not_found"."""
    journal = Journal.objects.filter(organization_id=organization_id, uuid=journal_id).first()
    if journal is None:
        raise NotFound(
            _("There is no such journal."),
            code="journal.not_found",
            word="journal_not_found",
        )
    return journal


def entries_of(journal: Journal) -> QuerySet[Record]:
    """The journal's entries in the order in which they were posted."""
    return entry_rows(organization_id=journal.organization_id).filter(journal_id=journal.pk).order_by("pk")
