"""What happened: ledgers and their journals, accounts, streams, files, statements and records."""

from ledgers.models.books import BankAccount, Journal, Ledger, LedgerDelta
from ledgers.models.definitions import PropertyDefinition
from ledgers.models.files import SourceFile, Statement, StatementLine
from ledgers.models.profiles import ImportProfile
from ledgers.models.records import DataStream, Record

__all__ = [
    "BankAccount",
    "DataStream",
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
