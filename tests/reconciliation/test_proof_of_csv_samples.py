"""CSV samples with a running balance, declared and imported: drop or duplicate a line, and the proof names it."""

from __future__ import annotations

import pytest

from ledgers.formats import FileRefused
from ledgers.models import StatementLine
from organizations.actors import Actor
from tests.factories.organizations import actor_with
from tests.ledgers.formats.csv_declared import declared
from tests.ledgers.formats.samples import needs_samples, path
from tests.ledgers.formats.test_csv_samples import FACTS, JUDGED
from tests.reconciliation.accounts import Accounts
from tests.reconciliation.statements import told, whole_proof

pytestmark = [needs_samples, pytest.mark.django_db]

LINES_MAX = 2_000


def with_balances() -> list[str]:
    return [name for name in JUDGED if declared(name, FACTS[name]["facts"]).has("balance")]


def imported(name: str, content: bytes, by: Actor, apart: str) -> Accounts:
    declaration = declared(name, FACTS[name]["facts"])
    own = declaration.currency or declaration.has("currency")
    accounts = Accounts(by, apart=apart)
    accounts.upload(content, declaration=declaration, currency=None if own else "CHF")
    return accounts


def some_lines(accounts: Accounts) -> list[tuple[int, object, int]]:
    """(line in the file, day, amount) of lines that have a balance before and behind them."""
    rows = StatementLine.objects.live().filter(record__stream__in=accounts.streams.values())
    found = list(
        rows.filter(balance__isnull=False)
        .order_by("line_no")
        .values_list("line_no", "record__date", "record__signed_amount")
    )
    return (
        [each for each in (found[len(found) // 2], found[len(found) // 3]) if each[2]]
        if len(found) > 4
        else []
    )


def damaged(content: bytes, line_no: int, op: str) -> bytes:
    rows = content.split(b"\n")
    rows[line_no - 1 : line_no] = [] if op == "drop" else [rows[line_no - 1]] * 2
    return b"\n".join(rows)


def wrong(name: str, place: int, by: Actor) -> list[str] | None:
    """What the proof of the damaged file does not name; None where the whole file's balances prove nothing."""
    content = path(f"csv/{name}").read_bytes()
    whole = imported(name, content, by, f"C{place}")
    proofs = [whole_proof(account) for account in whole.stated()]
    if len(proofs) != 1 or proofs[0].breaks or proofs[0].verdict == "not_stated":
        return None
    faults = []
    for (line_no, day, amount), op in zip(some_lines(whole), ("drop", "duplicate"), strict=False):
        try:
            broken = imported(name, damaged(content, line_no, op), by, f"C{place}{op}")
        except FileRefused:
            continue  # rows of several lines
        proof = whole_proof(broken.stated()[0])
        missing = amount if op == "drop" else -amount
        if not any(each.since <= day <= each.day and each.amount == missing for each in proof.breaks):
            faults.append(f"{name}: {op} line {line_no} of {day} with {amount}, but {told(proof)}")
    return faults


def test_a_line_that_is_dropped_or_doubled_is_named():
    by = actor_with()
    found = [wrong(name, place, by) for place, name in enumerate(with_balances())]
    tried = [each for each in found if each is not None]
    assert [fault for faults in tried for fault in faults] == []
    print(f"{len(tried)} of {len(found)} samples with balances were damaged")
    assert len(tried) > 5
