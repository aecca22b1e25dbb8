"""The proof of a bank account's statements on its page: days at a glance, what breaks in words, and every day in figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Max
from django.http import QueryDict
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from ledgers.models import BankAccount, Statement
from ledgers.proof_words import break_words, missing_words, remark_words, verdict_words
from ledgers.selectors.account_proof import DAYS_MAX, AccountProof, ProofDay, account_proof
from ledgers.states import ProofDayState, ProofVerdict

DAYS_SHOWN = 62
STATEMENTS_SHOWN = 100

MARKS = {
    ProofDayState.PROVED: ("ties", "✓"),
    ProofDayState.BROKEN: ("broken", "≠"),
    ProofDayState.IN_DOUBT: ("unconfirmed", "?"),
    ProofDayState.MISSING: ("unconfirmed", "!"),
    ProofDayState.NOT_STATED: ("silent", "·"),
    ProofDayState.AWAITED: ("silent", "…"),
    ProofDayState.FREE: ("silent", "–"),
    ProofDayState.BEFORE: ("silent", "–"),
}
"""State → the look of its square, and its mark: colour alone says nothing to some."""


@dataclass(frozen=True, slots=True)
class DayShown:
    row: ProofDay
    look: str
    mark: str
    words: str


def proof_context(account: BankAccount, query: QueryDict) -> dict[str, Any]:
    """For `reconciliation/account_proof.html`. Without a period asked for: the days up to the last statement."""
    last = Statement.objects.filter(bank_account=account, voided_at=None).aggregate(last=Max("ends_on"))[
        "last"
    ]
    if last is None:
        return {"proof": None}
    since, until = _period(query, last)
    proof = account_proof(account, since=since, until=until)
    return {
        "proof": proof,
        "proof_days": [_shown(each) for each in proof.days],
        "proof_good": proof.verdict == ProofVerdict.PROVED,
        "proof_bad": proof.verdict == ProofVerdict.BROKEN,
        "proof_words": verdict_words(proof),
        "proof_calendar": account.calendar.name if account.calendar else _("Monday to Friday"),
        "break_lines": [(each, break_words(each, proof)) for each in proof.breaks],
        "missing_lines": [missing_words(each, proof) for each in proof.missing],
        "remark_lines": [remark_words(each) for each in proof.remarks],
        "statement_rows": _newest(proof),
        "statements_left_out": max(0, len(proof.statements) - STATEMENTS_SHOWN),
    }


def _newest(proof: AccountProof) -> list[Any]:
    return proof.statements[::-1][:STATEMENTS_SHOWN]


def _period(query: QueryDict, last: date) -> tuple[date, date]:
    """What was asked for, as far as a proof can be of it."""
    until = _day(query.get("to", "")) or last
    since = _day(query.get("from", "")) or _before(until, DAYS_SHOWN)
    return max(min(since, until), _before(until, DAYS_MAX)), until


def _before(until: date, days: int) -> date:
    return date.fromordinal(max(until.toordinal() - days + 1, 1))


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _shown(row: ProofDay) -> DayShown:
    look, mark = MARKS[row.state]
    return DayShown(row, look, mark, str(row.state.label))
