"""MT940, MT942, BAI2, OFX and QIF files for tests, written from rows as banks and programs would write them."""

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from ledgers.money import format_minor

Row = dict[str, Any]
"""date, value_date (or None), amount (minor units), direction, reference, description, counterparty, external_id"""

ACCOUNT, CURRENCY = "DE02120300000000202051", "EUR"


def signed(row: Row) -> int:
    return row["amount"] if row["direction"] == "credit" else -row["amount"]


def comma(minor: int) -> str:
    return format_minor(abs(minor), CURRENCY).replace(".", ",")


# MT


def mt940(
    statements: Sequence[Sequence[Row]], *, opening: int = 10_000, page: int = 1_000, envelope: bool = False
) -> str:
    """A message for each statement, or one for each page of so many lines; a statement opens as the one before it closed."""
    messages = []
    for number, rows in enumerate(statements, start=1):
        cuts = list(range(0, len(rows), page)) or [0]
        for place, start in enumerate(cuts, start=1):
            part = rows[start : start + page]
            closing = opening + sum(map(signed, part))
            body = [
                *(":20:STARTUMS", f":25:{ACCOUNT}", f":28C:{number}/{place}"),
                mt_balance("60F" if place == 1 else "60M", opening),
                *(line for row in part for line in mt_line(row)),
                mt_balance("62F" if place == len(cuts) else "62M", closing),
            ]
            messages.append(mt_message(body, 940, envelope=envelope))
            opening = closing
    return "".join(messages)


def mt942(reports: Sequence[Sequence[Row]], *, envelope: bool = False) -> str:
    messages = []
    for number, rows in enumerate(reports, start=1):
        credits = [row["amount"] for row in rows if row["direction"] == "credit"]
        debits = [row["amount"] for row in rows if row["direction"] == "debit"]
        body = [
            *(":20:STARTDISP", f":25:{ACCOUNT}", f":28C:{number}/1", ":34F:EUR0,", ":13D:2603310900+0100"),
            *(line for row in rows for line in mt_line(row)),
            f":90D:{len(debits)}EUR{comma(sum(debits))}",
            f":90C:{len(credits)}EUR{comma(sum(credits))}",
        ]
        messages.append(mt_message(body, 942, envelope=envelope))
    return "".join(messages)


def mt_message(body: list[str], kind: int, *, envelope: bool) -> str:
    head = f"{{1:F01BANKDEFFAXXX0000000000}}{{2:I{kind}BANKDEFFXXXXN}}{{4:\r\n" if envelope else ""
    return head + "\r\n".join(body) + ("\r\n-}\r\n" if envelope else "\r\n-\r\n")


def mt_balance(tag: str, minor: int) -> str:
    return f":{tag}:{'C' if minor >= 0 else 'D'}260331EUR{comma(minor)}"


def mt_line(row: Row) -> list[str]:
    mark = "C" if row["direction"] == "credit" else "D"
    bank = f"//{row['external_id']}" if row["external_id"] else ""
    value = row["value_date"] or row["date"]
    first = f":61:{value:%y%m%d}{row['date']:%m%d}{mark}{comma(row['amount'])}NTRF{row['reference'] or 'NONREF'}{bank}"
    pieces = [row["description"][place : place + 27] for place in range(0, len(row["description"]), 27)]
    text = "166?00GUTSCHRIFT" + "".join(f"?{20 + place}{piece}" for place, piece in enumerate(pieces))
    text += f"?32{row['counterparty']}" if row["counterparty"] else ""
    return [first, *(f":86:{text}"[place : place + 65] for place in range(0, len(text) + 4, 65))]


# BAI2


def bai2(accounts: Sequence[Sequence[Row]], *, day: str = "260331", opening: int = 10_000) -> str:
    """One group, an account for each list, with opening and closing ledger balance and all totals."""
    body, group_total, count = [], 0, 0
    for number, rows in enumerate(accounts, start=1):
        closing = opening + sum(map(signed, rows))
        lines = [
            f"03,{number:08},EUR,010,{opening},,,015,{closing},,/",
            *(line for row in rows for line in bai2_line(row)),
        ]
        total = opening + closing + sum(row["amount"] for row in rows)
        body += [*lines, f"49,{total},{len(lines) + 1}/"]
        group_total, count = group_total + total, count + len(lines) + 1
    return "\n".join(
        [
            "01,BANK,US,260401,0600,1,,,2/",
            f"02,US,BANK,1,{day},2359,EUR,2/",
            *body,
            f"98,{group_total},{len(accounts)},{count + 2}/",
            f"99,{group_total},1,{count + 4}/\n",
        ]
    )


def bai2_line(row: Row) -> list[str]:
    code = 195 if row["direction"] == "credit" else 495
    funds = f"V,{row['value_date']:%y%m%d}," if row["value_date"] else ""
    words = row["description"].split(" ")
    first = f"16,{code},{row['amount']},{funds},{row['external_id']},{row['reference']},{words[0]}"
    return [first, *(f"88,{word}" for word in words[1:])]


# OFX


def ofx(statements: Sequence[Sequence[Row]], *, version: int = 1, card: bool = False) -> str:
    """OFX 1 without closing tags of values, or OFX 2."""
    name, account = ("CCSTMT", "CCACCTFROM") if card else ("STMT", "BANKACCTFROM")
    responses = "".join(
        _ofx_statement(rows, name, account, number, version) for number, rows in enumerate(statements)
    )
    body = (
        f"<OFX><SIGNONMSGSRSV1><SONRS>{_ofx_value('LANGUAGE', 'ENG', version)}</SONRS></SIGNONMSGSRSV1>\n"
        f"<BANKMSGSRSV1>{responses}</BANKMSGSRSV1>\n</OFX>\n"
    )
    if version == 2:
        head = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE"?>\n'
        )
    else:
        head = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:UTF-8\nCHARSET:NONE\n\n"
    return head + body


def _ofx_statement(rows: Sequence[Row], name: str, account: str, number: int, version: int) -> str:
    total = format_minor(sum(map(signed, rows)), CURRENCY)
    balance = _ofx_value("BALAMT", total, version) + _ofx_value("DTASOF", "20260331", version)
    return (
        f"<{name}TRNRS><{name}RS>{_ofx_value('CURDEF', CURRENCY, version)}"
        f"<{account}>{_ofx_value('ACCTID', f'{number:06}', version)}</{account}>\n"
        f"<BANKTRANLIST>{''.join(_ofx_line(row, version) for row in rows)}</BANKTRANLIST>\n"
        f"<LEDGERBAL>{balance}</LEDGERBAL></{name}RS></{name}TRNRS>\n"
    )


def _ofx_line(row: Row, version: int) -> str:
    values = {
        "TRNTYPE": row["direction"].upper(),
        "DTPOSTED": f"{row['date']:%Y%m%d}120000.000[-5:EST]",
        "DTAVAIL": f"{row['value_date']:%Y%m%d}" if row["value_date"] else "",
        "TRNAMT": format_minor(signed(row), CURRENCY),
        "FITID": row["external_id"],
        "REFNUM": row["reference"],
        "NAME": row["counterparty"],
        "MEMO": row["description"],
    }
    return f"<STMTTRN>{''.join(_ofx_value(name, text, version) for name, text in values.items())}</STMTTRN>\n"


def _ofx_value(name: str, text: str, version: int) -> str:
    if not text and version == 2:
        return f"<{name}></{name}>"
    return f"<{name}>{escape(text)}" + (f"</{name}>" if version == 2 else "\n")


# QIF


def qif(registers: Sequence[Sequence[Row]], *, day: str = "%d/%m/%Y") -> str:
    lines = []
    for number, rows in enumerate(registers):
        lines += ["!Account", f"NAccount {number}", "TBank", "^", "!Type:Bank"]
        for row in rows:
            amount = format_minor(signed(row), CURRENCY)
            lines += [f"D{row['date'].strftime(day)}", f"T{amount}", f"N{row['reference']}"]
            lines += [f"P{row['counterparty']}", f"M{row['description']}", "^"]
    return "\n".join(lines) + "\n"
