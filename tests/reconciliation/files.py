"""Statement files for tests, as short as banks would never send them: CSV and camt.053 from tuples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

HEADER = "date,amount,direction,reference,description"
CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"

Line = tuple[str, str, int, int, str]  # name, direction, minor units, day of February 2026, reference


def csv(*lines: Line, header: str = HEADER) -> str:
    """One row per (name, direction, minor units, day of February 2026, reference)."""
    rows = [
        f"2026-02-{day:02},{minor // 100}.{minor % 100:02},{direction},{reference},{name}"
        for name, direction, minor, day, reference in lines
    ]
    return "\n".join([header, *rows, ""])


@dataclass(frozen=True)
class Stmt:
    """One camt statement. Balances in minor units of its currency, credit +; None: not stated."""

    lines: tuple[Line, ...] = ()
    account: str | None = "DE02100100100006820101"
    currency: str = "EUR"
    opening: int | None = None
    closing: int | None = None
    first: date | None = None
    last: date | None = None


def camt(*statements: Stmt) -> str:
    parts = "".join(_statement(number, stmt) for number, stmt in enumerate(statements, start=1))
    head = "<GrpHdr><MsgId>m</MsgId><CreDtTm>2026-03-01T00:00:00</CreDtTm></GrpHdr>"
    return f'<Document xmlns="{CAMT}"><BkToCstmrStmt>{head}{parts}</BkToCstmrStmt></Document>'


def _statement(number: int, stmt: Stmt) -> str:
    account = f"<Id><IBAN>{stmt.account}</IBAN></Id>" if stmt.account else "<Id><Othr><Id></Id></Othr></Id>"
    period = ""
    if stmt.first and stmt.last:
        period = (
            f"<FrToDt><FrDtTm>{stmt.first}T00:00:00</FrDtTm><ToDtTm>{stmt.last}T23:59:59</ToDtTm></FrToDt>"
        )
    return (
        f"<Stmt><Id>S{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>2026-03-01T00:00:00</CreDtTm>"
        f"{period}<Acct>{account}<Ccy>{stmt.currency}</Ccy></Acct>"
        f"{_balance('OPBD', stmt.opening, stmt.first, stmt.currency)}"
        f"{_balance('CLBD', stmt.closing, stmt.last, stmt.currency)}"
        f"{''.join(_entries(stmt.lines, stmt.currency))}</Stmt>"
    )


def _balance(kind: str, minor: int | None, day: date | None, currency: str) -> str:
    if minor is None:
        return ""
    sign = "CRDT" if minor >= 0 else "DBIT"
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_amount(abs(minor), currency)}"
        f"<CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>{day or date(2026, 2, 28)}</Dt></Dt></Bal>"
    )


def _entries(lines: Iterable[Line], currency: str) -> Iterable[str]:
    for name, direction, minor, day, reference in lines:
        sign = "CRDT" if direction == "credit" else "DBIT"
        yield (
            f"<Ntry>{_amount(minor, currency)}<CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
            f"<BookgDt><Dt>2026-02-{day:02}</Dt></BookgDt><ValDt><Dt>2026-02-{day:02}</Dt></ValDt>"
            f"<NtryDtls><TxDtls><Refs><EndToEndId>{reference or 'NOTPROVIDED'}</EndToEndId></Refs>"
            f"<RmtInf><Ustrd>{name}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        )


def _amount(minor: int, currency: str) -> str:
    return f'<Amt Ccy="{currency}">{minor // 100}.{minor % 100:02}</Amt>'
