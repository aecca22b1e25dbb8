"""The proof of a bank account in plain words: what breaks, where, and what to do. Told by the API and the account's page."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _

from ledgers.amounts import shown
from ledgers.selectors.account_chain import Break, Remark
from ledgers.selectors.account_proof import AccountProof, MissingDays
from ledgers.selectors.account_rows import Stated
from ledgers.states import BreakKind, ProofVerdict, RemarkKind


def break_words(found: Break, proof: AccountProof) -> str:
    amount = shown(abs(found.amount), proof.decimal_places, proof.currency)
    texts = {
        "amount": amount,
        "side": _("more") if found.amount > 0 else _("less"),
        "when": days_words(found.since, found.day),
        "name": _name(found.statement),
        "before": _name(found.before),
        "line": found.line_no or "",
        "likely": _likely(found, amount),
    }
    return _BREAKS[found.kind]() % texts


def _likely(found: Break, amount: str) -> str:
    if found.amount > 0:
        return _(
            "A credit of %(amount)s is missing or a debit of it is too much, or an amount is altered."
        ) % {"amount": amount}
    return _("A debit of %(amount)s is missing or a credit of it is too much, or an amount is altered.") % {
        "amount": amount
    }


# Called, not read: each text is in the reader's language.
_BREAKS = {
    BreakKind.SUM: lambda: _(
        "%(when)s: %(name)s closes with %(amount)s %(side)s than its opening balance and its lines give."
        " %(likely)s Ask the bank for the statement again."
    ),
    BreakKind.RUNNING: lambda: _(
        "%(when)s: the balance in line %(line)s of %(name)s is %(amount)s %(side)s than the balance before it and the"
        " lines between give. %(likely)s"
    ),
    BreakKind.OPENING: lambda: _(
        "%(when)s: %(name)s opens with %(amount)s %(side)s than %(before)s closed with. A statement between them is"
        " missing, or one of them is not as the bank made it."
    ),
    BreakKind.CLOSING: lambda: _(
        "%(when)s: %(name)s closes with %(amount)s %(side)s than the closing balance before it and the lines since give."
        " %(likely)s"
    ),
    BreakKind.SURPLUS: lambda: _(
        "%(when)s: lines that %(name)s, which adds up, does not state make the account hold %(amount)s %(side)s by its"
        " balances than by its lines. Perhaps another file has lines of it in other words: undo that import."
    ),
    BreakKind.OVERLAP: lambda: _(
        "%(when)s: statements of the same days state different lines; by %(name)s the account holds %(amount)s %(side)s"
        " than by all lines together. Perhaps lines came twice in other words: undo one of the imports."
    ),
}


def remark_words(found: Remark) -> str:
    first, last = found.numbers or (0, 0)
    texts = {
        "name": _name(found.statement),
        "other": _name(found.other),
        "numbers": str(first)
        if first == last
        else _("%(first)s to %(last)s") % {"first": first, "last": last},
        "lines": f"{found.statement.foreign_lines:,}",
    }
    return _REMARKS[found.kind]() % texts


_REMARKS = {
    RemarkKind.NUMBERS_MISSING: lambda: _(
        "Before %(name)s there is no statement with the number %(numbers)s."
    ),
    RemarkKind.NUMBER_TWICE: lambda: _("%(name)s has the number of %(other)s."),
    RemarkKind.DAYS_TWICE: lambda: _(
        "%(name)s and %(other)s are of the same days. Their lines are here once."
    ),
    RemarkKind.PART_OF: lambda: _(
        "%(name)s does not add up. It counts for nothing, since %(other)s is of the same days and does."
    ),
    RemarkKind.OTHER_CURRENCY: lambda: _(
        "%(lines)s lines of %(name)s are in another currency than the account; they are not in its proof."
    ),
    RemarkKind.RUNNING_UNCLEAR: lambda: _(
        "The balances in the lines of %(name)s follow neither from above nor from below, so they prove nothing."
    ),
}


def missing_words(found: MissingDays, proof: AccountProof) -> str:
    texts = {
        "when": days_words(found.since, found.until),
        "amount": shown(found.moved, proof.decimal_places, proof.currency),
    }
    if found.moved:
        return _("%(when)s: no statement, and the balance moved by %(amount)s meanwhile.") % texts
    return _("%(when)s: no statement. The balance did not move.") % texts


def verdict_words(proof: AccountProof) -> str:
    return {
        ProofVerdict.PROVED: _(
            "The statements of these days add up, and each opens as the one before closed."
        ),
        ProofVerdict.INCOMPLETE: _("What is stated adds up; some days lack a statement or a balance."),
        ProofVerdict.NOT_STATED: _("The statements of these days state no balances that could be compared."),
        ProofVerdict.BROKEN: _("The statements of these days do not add up. Look at the days below."),
    }[proof.verdict]


def days_words(first: date, last: date) -> str:
    return str(last) if first == last else _("%(first)s to %(last)s") % {"first": first, "last": last}


def _name(row: Stated | None) -> str:
    """Its number, its file, and its days where it has no number."""
    if row is None:
        return ""
    texts = {
        "number": row.number or row.sequence,
        "file": row.filename,
        "days": days_words(row.begins, row.ends),
    }
    if texts["number"] in ("", str(row.ends)):
        return _("the statement of %(days)s (%(file)s)") % texts
    return _("statement %(number)s of %(days)s (%(file)s)") % texts
