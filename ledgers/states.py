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


class PropertyType(models.TextChoices):
    """What a key of a stream's metadata holds."""

    NUMBER = "number", _("Number")
    DATE = "date", _("Date")
    DATETIME = "datetime", _("Date and time")
    STRING = "string", _("Text")
    BOOLEAN = "boolean", _("Yes or no")


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


class BreakKind(models.TextChoices):
    """Where the proof of an account breaks: the kinds of `Break`."""

    SUM = "sum", _("A statement does not add up")
    RUNNING = "running", _("A running balance breaks")
    OPENING = "opening", _("A statement does not open as the one before closed")
    CLOSING = "closing", _("A closing balance differs from the one before and the lines since")
    SURPLUS = "surplus", _("Lines that the statement of their day does not state")
    OVERLAP = "overlap", _("Statements of the same days state different lines")


class RemarkKind(models.TextChoices):
    """What is worth a look in the statements of an account, though no amount is at fault."""

    NUMBERS_MISSING = "numbers_missing", _("Statement numbers are missing")
    NUMBER_TWICE = "number_twice", _("A statement number comes twice")
    DAYS_TWICE = "days_twice", _("Days are stated twice")
    PART_OF = "part_of", _("Part of a statement that is here as a whole")
    OTHER_CURRENCY = "other_currency", _("Lines in another currency")
    RUNNING_UNCLEAR = "running_unclear", _("Running balances in no order of the lines")


class StatementState(models.TextChoices):
    """Whether a statement by itself adds up."""

    ADDS_UP = "adds_up", _("Adds up")
    BROKEN = "broken", _("Does not add up")
    NOT_STATED = "not_stated", _("No balance stated")


class ProofVerdict(models.TextChoices):
    """What the proof of an account says of all days together."""

    PROVED = "proved", _("Proved")
    INCOMPLETE = "incomplete", _("Incomplete")
    NOT_STATED = "not_stated", _("No balance stated")
    BROKEN = "broken", _("Broken")


class ProofDayState(models.TextChoices):
    """What the proof of an account says of one day."""

    PROVED = "proved", _("Proved")
    BROKEN = "broken", _("Broken")
    IN_DOUBT = "in_doubt", _("In doubt")
    NOT_STATED = "not_stated", _("No balance stated")
    MISSING = "missing", _("No statement")
    AWAITED = "awaited", _("Awaited")
    FREE = "free", _("No business day")
    BEFORE = "before", _("Before the first statement")


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


class BalanceType(models.TextChoices):
    """Which balance of an account is stated (contract of the stream surface, row 59)."""

    OPENING_LEDGER = "opening_ledger", _("Opening, booked")
    CLOSING_LEDGER = "closing_ledger", _("Closing, booked")
    CURRENT_LEDGER = "current_ledger", _("Current, booked")
    OPENING_AVAILABLE = "opening_available", _("Opening, available")
    OPENING_AVAILABLE_NEXT = (
        "opening_available_next_business_day",
        _("Opening, available on the next business day"),
    )
    CLOSING_AVAILABLE = "closing_available", _("Closing, available")
    CURRENT_AVAILABLE = "current_available", _("Current, available")
    PREVIOUSLY_CLOSED_BOOK = "previously_closed_book", _("Previously closed, booked")
    OTHER = "other", _("Other")


class OnConflict(models.TextChoices):
    """What becomes of a row whose external id the stream has already."""

    SKIP = "skip", _("Skip the row")
    ERROR = "error", _("Fail the row")


class BulkSource(models.TextChoices):
    BULK_API = "bulk_api", _("API")
    CSV = "csv", _("CSV file")
    NACHA = "nacha", _("NACHA file")


class BatchSource(models.TextChoices):
    CSV_UPLOAD = "csv_upload", _("Uploaded file")
    NACHA_UPLOAD = "nacha_upload", _("Uploaded NACHA file")
    BULK_API = "bulk_api", _("API")


class BulkStatus(models.TextChoices):
    PENDING = "pending", _("Pending")
    PROCESSING = "processing", _("Processing")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


BULK_UNDER_WAY = frozenset({BulkStatus.PENDING, BulkStatus.PROCESSING})
BULK_MOVES = {
    BulkStatus.PENDING: frozenset({BulkStatus.PROCESSING, BulkStatus.FAILED, BulkStatus.CANCELLED}),
    BulkStatus.PROCESSING: frozenset(
        {BulkStatus.PROCESSING, BulkStatus.COMPLETED, BulkStatus.FAILED, BulkStatus.CANCELLED}
    ),  # processing again: its worker is lost, and the next one goes on behind the last chunk
    BulkStatus.COMPLETED: frozenset[str](),
    BulkStatus.FAILED: frozenset[str](),
    BulkStatus.CANCELLED: frozenset[str](),
}


class BulkRowStatus(models.TextChoices):
    SUCCESSFUL = "successful", _("Successful")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Skipped")
