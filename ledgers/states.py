"""Statuses and closed word lists of the ledgers floor, with every legal move."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class LedgerType(models.TextChoices):
    ASSET = "asset", _("Asset")
    LIABILITY = "liability", _("Liability")
    EQUITY = "equity", _("Equity")
    INCOME = "income", _("Income")
    EXPENSE = "expense", _("Expense")


MIRRORED = frozenset({LedgerType.ASSET, LedgerType.EXPENSE})
"""Types on which money in is a debit: their entries pair with the bank's opposite direction."""


class Direction(models.TextChoices):
    CREDIT = "credit", _("Credit")
    DEBIT = "debit", _("Debit")


class StreamKind(models.TextChoices):
    API = "api", _("API")
    BANK_FEED = "bank_feed", _("Bank feed")
    STATEMENT = "statement", _("Bank statement")
    LEDGER = "ledger", _("Ledger entries")
    TRANSACTIONS = "transactions", _("Transactions")
    BANK_LIST = "bank_list", _("Bank list")


WRITABLE_STREAMS = frozenset({StreamKind.API, StreamKind.BANK_FEED})
"""The stream surface writes to these only; the others are owned by a ledger, account or connector."""


class RecordKind(models.TextChoices):
    ENTRY = "entry", _("Entry")
    DETAIL = "detail", _("Detail of a batch")
    ADJUSTMENT = "adjustment", _("Adjustment")


class JournalKind(models.TextChoices):
    SINGLE = "single", _("Single entry")
    JOURNAL = "journal", _("Journal")


class ImportTarget(models.TextChoices):
    STATEMENT = "statement", _("Bank statement")
    LEDGER_ENTRIES = "ledger_entries", _("Ledger entries")
    RECORDS = "records", _("Records")
    TRANSACTIONS = "transactions", _("Transactions")
    BANK_LIST = "bank_list", _("Bank list")
    CLIENT_INTERNAL_LEDGER = "client_internal_ledger", _("Client's internal ledger")
    PSP_REPORT = "psp_report", _("Payment provider's report")
    ONCHAIN_REPORT = "onchain_report", _("On-chain report")
    BANK_STATEMENT = "bank_statement", _("Bank statement as evidence")


class RunningOrder(models.TextChoices):
    UNSTATED = "unstated", _("No running balances")
    OLDEST = "oldest", _("Oldest line first")
    NEWEST = "newest", _("Newest line first")
    UNCLEAR = "unclear", _("In no order of the lines")


class SourceFileStatus(models.TextChoices):
    UPLOADED = "uploaded", _("Uploaded")
    MAPPING_REQUIRED = "mapping_required", _("Mapping required")
    PARSING = "parsing", _("Parsing")
    VALIDATING = "validating", _("Validating")
    PROCESSING = "processing", _("Processing")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")


_UNDER_WAY = {
    SourceFileStatus.PARSING,
    SourceFileStatus.VALIDATING,
    SourceFileStatus.PROCESSING,
    SourceFileStatus.COMPLETED,
    SourceFileStatus.FAILED,
}

SOURCE_FILE_MOVES = {
    SourceFileStatus.UPLOADED: frozenset(_UNDER_WAY | {SourceFileStatus.MAPPING_REQUIRED}),
    SourceFileStatus.MAPPING_REQUIRED: frozenset(
        {SourceFileStatus.PARSING, SourceFileStatus.PROCESSING, SourceFileStatus.FAILED}
    ),
    SourceFileStatus.PARSING: frozenset(_UNDER_WAY - {SourceFileStatus.PARSING}),
    SourceFileStatus.VALIDATING: frozenset(
        {SourceFileStatus.PROCESSING, SourceFileStatus.COMPLETED, SourceFileStatus.FAILED}
    ),
    SourceFileStatus.PROCESSING: frozenset(
        {SourceFileStatus.COMPLETED, SourceFileStatus.FAILED, SourceFileStatus.MAPPING_REQUIRED}
    ),
    SourceFileStatus.COMPLETED: frozenset(),
    SourceFileStatus.FAILED: frozenset({SourceFileStatus.PROCESSING}),  # read again, with what it lacked
}


UNFINISHED = frozenset({SourceFileStatus.UPLOADED, SourceFileStatus.PROCESSING})
"""A worker is at the file, or will be."""

UNREAD = frozenset({SourceFileStatus.MAPPING_REQUIRED, SourceFileStatus.FAILED})
"""Nothing of the file was imported: it cannot be read, or nobody has declared how."""


class LineStatus(models.TextChoices):
    NEW = "new", _("New")
    KNOWN = "known", _("Already known")
