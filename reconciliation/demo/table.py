"""The report as the text that the demo prints: the same for the same data, without times, ids or secrets."""

from __future__ import annotations

from collections.abc import Iterable

from reconciliation.demo.amounts import grouped
from reconciliation.demo.expectation import Check
from reconciliation.demo.loading import FileResult, accounts_of
from reconciliation.demo.report import OpenRows, RunReport
from reconciliation.selectors.ledger_proof import breaks_of

WIDTH = 100
GAPS_SHOWN = 20


def run_table(report: RunReport) -> list[str]:
    """Everything about one run: its files, what agreed, what did not, what was pointed out, the proof."""
    ledger = report.run.ledger
    account = ", ".join(filter(None, accounts_of(ledger))) or "not named by its files"
    return [
        _rule(f"{ledger.code} {ledger.description} · {ledger.currency} · account {account}"),
        "",
        *_files(report),
        "",
        *_agreed(report),
        "",
        *_open("Lines without an entry", report.lines, ledger.currency),
        *_open("Entries without a line", report.entries, ledger.currency),
        *_rests(report),
        "",
        *_pointed_out(report),
        "",
        *_proof(report),
        "",
        *_days(report),
    ]


def planted_table(checks: Iterable[Check]) -> list[str]:
    rows = [f"  {check.title:<22}{check.planted:>8}{check.found:>7}   {check.outcome}" for check in checks]
    return [_rule("Planted, and found"), "", f"  {'':<22}{'planted':>8}{'found':>7}", *rows]


def _rule(title: str) -> str:
    return f"── {title} ".ljust(WIDTH, "─")


def _files(report: RunReport) -> list[str]:
    rows = [f"  {'Files':<46}{'format':<10}{'imported':>9}{'already known':>15}"]
    for result in report.filled.files:
        rows += _file(result)
    sources = [result.source for result in report.filled.files if result.source is not None]
    imported = sum(source.imported_count or 0 for source in sources)
    known = sum(source.already_known_count or 0 for source in sources)
    refused = len(report.filled.files) - len(sources)
    return [*rows, f"  {'':<46}{f'{refused} refused':<10}{imported:>9}{known:>15}"]


def _file(result: FileResult) -> list[str]:
    if result.source is not None:
        source = result.source
        name = result.name if len(result.name) < 46 else f"{result.name[:44]}…"
        row = f"  {name:<46}{source.format:<10}{source.imported_count:>9}{source.already_known_count:>15}"
        homeless = [part for part in source.skipped_statements if part["ledger_id"] is None]
        return [row, *(f"    belongs to no ledger: {_skipped(part)}" for part in homeless)]
    assert result.refusal is not None
    return [f"  {result.name:<46}refused", *_wrapped(result.refusal.message, indent="    ")]


def _skipped(part: dict[str, object]) -> str:
    return f"account {part['account'] or 'without a name'}, {part['lines']} lines"


def _agreed(report: RunReport) -> list[str]:
    currency = report.run.ledger.currency
    rows = [
        f"  {'Agreed, by rule':<38}{'matches':>8}{'lines':>7}{'entries':>9}{'money in':>18}{'money out':>18}"
    ]
    rows += [
        f"  {row.rule:<38}{row.matches:>8}{row.lines:>7}{row.entries:>9}"
        f"{grouped(row.money_in, currency):>18}{grouped(row.money_out, currency):>18}"
        for row in report.rules
    ]
    totals = [sum(getattr(row, name) for row in report.rules) for name in ("matches", "lines", "entries")]
    sums = [sum(getattr(row, name) for row in report.rules) for name in ("money_in", "money_out")]
    rows.append(
        f"  {'':<38}{totals[0]:>8}{totals[1]:>7}{totals[2]:>9}"
        f"{grouped(sums[0], currency):>18}{grouped(sums[1], currency):>18}"
    )
    waiting = sum(row.suggested for row in report.rules)
    return [*rows, f"  {waiting} of these matches wait for a person to accept or reject them."]


def _open(title: str, rows: OpenRows, currency: str) -> list[str]:
    found = [f"  {f'{title}: {rows.count}':<78}{grouped(rows.total, currency):>20}"]
    for row in rows.shown:
        text = f"{row.reference or '–':<14} {row.text}"
        found.append(f"    {row.day}  {text[:62]:<64}{grouped(row.amount, currency):>20}")
    more = rows.count - len(rows.shown)
    return found + ([f"    and {more} more"] if more else [])


def _rests(report: RunReport) -> list[str]:
    if not report.rests:
        return []
    currency = report.run.ledger.currency
    title = f"Matched in part, and left of it: {len(report.rests)}"
    found = [f"  {title:<78}{grouped(sum(row.rest for row in report.rests), currency):>20}"]
    for row in report.rests:
        text = f"{row.reference or '–':<14} {row.side} of {grouped(row.amount, currency)}: {row.text}"
        found.append(f"    {row.day}  {text[:62]:<64}{grouped(row.rest, currency):>20}")
    return found


def _pointed_out(report: RunReport) -> list[str]:
    if not report.pointed_out:
        return ["  Pointed out: nothing"]
    rows = [
        f"    {row.type:<30}{row.severity:<10}{row.status:<10}{row.count:>5}" for row in report.pointed_out
    ]
    return ["  Pointed out", *rows]


def _proof(report: RunReport) -> list[str]:
    proof, currency = report.proof, report.run.ledger.currency
    rows: list[tuple[str, int | None]] = [
        ("opening, as the bank states it", proof.opening),
        ("statement lines", proof.statement_sum),
        ("closing, as the bank states it", proof.closing),
        ("missing in the statements", proof.statement_gap),
        ("ledger entries", proof.ledger_sum),
        ("difference: lines less entries", proof.difference),
        ("  explained by open items", proof.open_items),
    ]
    rows += [("  explained by closed items", proof.closed_items)] if proof.closed_items else []
    rows += [("  explained by matches elsewhere", proof.elsewhere)] if proof.elsewhere else []
    rows.append(("unexplained", proof.unexplained))
    gaps = report.gaps[:GAPS_SHOWN]
    more = len(report.gaps) - len(gaps)
    return [
        f"  {'Proof':<38}{currency:>18}",
        *(f"    {title:<36}{_stated(amount, currency):>18}" for title, amount in rows),
        *(f"      {grouped(gap.amount, currency)} on {gap.day}: {gap.where}" for gap in gaps),
        *([f"      and {more} more"] if more else []),
    ]


def _days(report: RunReport) -> list[str]:
    """The account's proof on its last day, how many days tie out, and the days on which it broke."""
    if not report.days:
        return []
    last, currency = report.days[-1], report.run.ledger.currency
    rows: list[tuple[str, int]] = [
        ("balance of the bank", last.statement_balance),
        ("balance of the books", last.ledger_balance),
        ("difference", last.difference),
        (
            f"  opening difference{'' if last.opening_confirmed else ', not confirmed'}",
            last.opening_difference,
        ),
        ("  lines, open or only proposed", last.open_a),
        ("  less entries, open or proposed", -last.open_b),
    ]
    if last.written_off_a or last.written_off_b:
        rows += [
            ("  written off lines", last.written_off_a),
            ("  less written off entries", -last.written_off_b),
        ]
    rows.append(("unexplained", last.unexplained))
    whole = sum(day.unexplained == 0 for day in report.days)
    return [
        f"  {f'Proof of the account on {last.day}':<38}{currency:>18}",
        *(f"    {title:<36}{grouped(amount, currency):>18}" for title, amount in rows),
        f"    {whole} of {len(report.days)} days are explained to the cent",
        *(f"      {grouped(found.amount, currency)} on {found.day}" for found in breaks_of(report.days)),
    ]


def _stated(amount: int | None, currency: str) -> str:
    return "not stated" if amount is None else grouped(amount, currency)


def _wrapped(text: str, *, indent: str) -> list[str]:
    lines, line = [], indent
    for word in text.split():
        if len(line) + len(word) + 1 > WIDTH and line.strip():
            lines.append(line)
            line = indent
        line = f"{line} {word}" if line.strip() else f"{indent}{word}"
    return [*lines, line]
