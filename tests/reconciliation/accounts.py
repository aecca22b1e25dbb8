"""Files into accounts, without a run: as they are read, statement by statement, each into the stream of its account."""

from __future__ import annotations

import io
from functools import partial

from ledgers.formats import HEAD_BYTES, Declaration, detect
from ledgers.models import BankAccount, DataStream, Ledger
from ledgers.services.parsing import ParsedFile, ParsedStatement
from ledgers.services.statements import ImportCounts
from organizations.actors import Actor
from organizations.acts import perform
from reconciliation.services.intake import lock_for_intake, statement_import
from rules.services import setup
from tests.clock import NOW
from tests.factories.ledgers import BankAccountFactory, SourceFileFactory

Account = tuple[str, str]  # its number, and the currency that its lines are in


class Accounts:
    """One stream for each account that the files name; it belongs to a ledger where `ledgers` has one for it."""

    def __init__(self, by: Actor, ledgers: dict[Account, Ledger] | None = None, *, apart: str = ""):
        """`apart` tells the accounts of one set from those of another in the same organization."""
        self.by, self._apart = by, apart
        self.streams: dict[Account, DataStream] = {}
        self._ledgers = ledgers or {}

    def upload(
        self, content: bytes, *, declaration: Declaration | None = None, currency: str | None = None
    ) -> ImportCounts:
        """Read whole, then written in one act. CSV may be declared; `currency` is for files that name none."""
        with ParsedFile() as parsed:
            format_ = "csv" if declaration else detect(content[:HEAD_BYTES])
            file = io.BytesIO(content)
            parsed.read(file, format=format_, currency=currency, declaration=declaration)
            return perform(partial(self._write, parsed.statements))

    def stated(self) -> list[BankAccount]:
        """The accounts whose statements are of known days, as they came."""
        ids = [stream.bank_account_id for stream in self.streams.values()]
        rows = BankAccount.objects.select_related("ledger", "calendar").filter(pk__in=ids)
        return list(rows.filter(statements__ends_on__isnull=False).distinct().order_by("pk"))

    def _write(self, statements: list[ParsedStatement]) -> ImportCounts:
        counts, source = ImportCounts(), SourceFileFactory(organization_id=self.by.organization_id)
        named = [(statement, self._account(statement)) for statement in statements]
        lock_for_intake([self._stream(account) for _statement, account in named])
        for position, (statement, account) in enumerate(named):
            _row, more = statement_import(
                statement,
                source_file=source,
                stream=self._stream(account),
                position=position,
                currency=account[1],
                run=None,
                by=self.by,
                at=NOW,
            )
            counts.add(more)
        return counts

    def _account(self, statement: ParsedStatement) -> Account:
        sums = statement.booked.sums
        currency = statement.start.currency or (sums[0].currency if sums else "XXX")
        return statement.start.account or "", currency

    def _stream(self, account: Account) -> DataStream:
        if account not in self.streams:
            self.streams[account] = self._made(account)
        return self.streams[account]

    def _made(self, account: Account) -> DataStream:
        number, currency = account
        kept: BankAccount = BankAccountFactory(
            organization_id=self.by.organization_id,
            identifier=f"{number}{self._apart}",
            currency=currency,
            ledger=self._ledgers.get(account),
        )
        return setup.statement_stream(kept, by=self.by, at=NOW)
