"""The proof of the accounts that a file is of, over the days that it states; shown on the file's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ledgers.models import BankAccount
from ledgers.proof_words import break_words, missing_words, verdict_words
from ledgers.selectors.account_proof import DAYS_MAX, account_proof
from ledgers.states import ProofVerdict
from reconciliation.selectors.imports import Facts

ACCOUNTS_SHOWN = 5
SENTENCES_SHOWN = 5
TONES = {
    ProofVerdict.PROVED: "success",
    ProofVerdict.INCOMPLETE: "warning",
    ProofVerdict.BROKEN: "danger",
    ProofVerdict.NOT_STATED: "plain",
}


@dataclass(frozen=True, slots=True)
class Proved:
    account: BankAccount
    since: date
    until: date
    label: str
    tone: str
    words: str
    sentences: list[str]
    more: int


def proofs_of(facts: Facts) -> list[Proved]:
    """Of the first few accounts: whether their statements add up and follow on, over the file's days (the last year of
    them at most)."""
    spans: dict[int, tuple[BankAccount, date, date]] = {}
    for row in facts.statements:
        account = row.statement.bank_account
        first, last = row.statement.begins_on, row.statement.ends_on
        if account is None or first is None or last is None or row.statement.voided_at is not None:
            continue
        _account, since, until = spans.get(account.pk, (account, first, last))
        spans[account.pk] = (account, min(since, first), max(until, last))
    return [_proved(*span) for span in list(spans.values())[:ACCOUNTS_SHOWN]]


def _proved(account: BankAccount, since: date, until: date) -> Proved:
    proof = account_proof(account, since=max(since, until - timedelta(days=DAYS_MAX - 1)), until=until)
    texts: list[Any] = [break_words(found, proof) for found in proof.breaks]
    texts += [missing_words(found, proof) for found in proof.missing]
    return Proved(
        account=account,
        since=proof.since,
        until=until,
        label=str(proof.verdict.label),
        tone=TONES[proof.verdict],
        words=verdict_words(proof),
        sentences=texts[:SENTENCES_SHOWN],
        more=max(len(texts) - SENTENCES_SHOWN, 0),
    )
