"""camt documents for tests, written by hand as banks would send them."""

from xml.sax.saxutils import escape

VERSION_2 = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
VERSION_8 = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"

ACCOUNT = "<Acct><Id><IBAN>DE02 1203 0000 0000 2020 51</IBAN></Id><Ccy>EUR</Ccy></Acct>"


def document(*statements: str, namespace: str | None = VERSION_8, prolog: str = "") -> str:
    named = f' xmlns="{namespace}"' if namespace else ""
    header = "<GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-03-31T18:00:00</CreDtTm></GrpHdr>"
    body = "\n".join(statements)
    return f"{prolog}<Document{named}><BkToCstmrStmt>{header}\n{body}\n</BkToCstmrStmt></Document>"


def as_message(content: str, word: str) -> str:
    """The same document as a report (camt.052) or a notification (camt.054)."""
    element, part = {
        "camt.052": ("BkToCstmrAcctRpt", "Rpt"),
        "camt.053": ("BkToCstmrStmt", "Stmt"),
        "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    }[word]
    named = content.replace("camt.053.001", f"{word}.001").replace("BkToCstmrStmt>", f"{element}>")
    return named.replace("<Stmt>", f"<{part}>").replace("</Stmt>", f"</{part}>")


def statement(*content: str, account: str = ACCOUNT, number: str = "S-1", sequence: str = "7") -> str:
    return (
        f"<Stmt><Id>{number}</Id><ElctrncSeqNb>{sequence}</ElctrncSeqNb>{account}\n"
        + "\n".join(content)
        + "</Stmt>"
    )


def balance(
    kind: str,
    amount: str,
    day: str | None = "2026-03-31",
    *,
    indicator: str | None = "CRDT",
    currency: str = "EUR",
):
    sign = f"<CdtDbtInd>{indicator}</CdtDbtInd>" if indicator else ""
    date = f"<Dt><Dt>{day}</Dt></Dt>" if day else ""
    return f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{amount}</Amt>{sign}{date}</Bal>'


def entry(
    amount: str = "10.00",
    *,
    currency: str | None = "EUR",
    indicator: str = "CRDT",
    status: str | None = "<Sts><Cd>BOOK</Cd></Sts>",
    booked: str | None = "<Dt>2026-03-02</Dt>",
    value: str | None = None,
    before: str = "",
    after: str = "",
    details: str = "",
) -> str:
    """One Ntry. `before` stands before its amount (NtryRef), `after` behind its dates (AcctSvcrRef, BkTxCd)."""
    code = f' Ccy="{currency}"' if currency else ""
    return (
        f"<Ntry>{before}<Amt{code}>{amount}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>{status or ''}"
        + (f"<BookgDt>{booked}</BookgDt>" if booked else "")
        + (f"<ValDt>{value}</ValDt>" if value else "")
        + after
        + (f"<NtryDtls>{details}</NtryDtls>" if details else "")
        + "</Ntry>"
    )


def detail(
    *, refs: str = "", parties: str = "", texts: tuple[str, ...] = (), dates: str = "", more: str = ""
) -> str:
    remittance = "".join(f"<Ustrd>{escape(text)}</Ustrd>" for text in texts)
    return (
        "<TxDtls>"
        + (f"<Refs>{refs}</Refs>" if refs else "")
        + (f"<RltdPties>{parties}</RltdPties>" if parties else "")
        + (f"<RmtInf>{remittance}</RmtInf>" if remittance else "")
        + (f"<RltdDts>{dates}</RltdDts>" if dates else "")
        + f"{more}</TxDtls>"
    )


def one(content: str, **options) -> str:
    """A document of one statement with this content."""
    return document(statement(content), **options)
