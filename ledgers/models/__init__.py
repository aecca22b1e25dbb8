"""What happened: ledgers and their journals, accounts, streams, files, statements and records."""

from ledgers.models.balances import BankAccountBalance
from ledgers.models.books import BankAccount, Journal, Ledger, LedgerDelta
from ledgers.models.bulk import BulkContent, BulkRequest, ImportBatch
from ledgers.models.definitions import PropertyDefinition
from ledgers.models.files import SourceFile, Statement, StatementLine
from ledgers.models.profiles import ImportProfile
from ledgers.models.records import DataStream, Record

__all__ = [
    "BankAccount",
    "BankAccountBalance",
    "BulkContent",
    "BulkRequest",
    "DataStream",
    "ImportBatch",
    "ImportProfile",
    "Journal",
    "Ledger",
    "LedgerDelta",
    "PropertyDefinition",
    "Record",
    "SourceFile",
    "Statement",
    "StatementLine",
]
