"""Which free items of one side add up to an amount. People ask for it; no pass does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from django.utils.translation import gettext as _

from ledgers.models import Record
from ledgers.services.rows import copy_out
from organizations.refusals import Invalid
from reconciliation.models import OpenItem
from rules.engine.combinations import SETS_SHOWN, Combinations, Verdict, combinations
from rules.models import Reconciliation
from rules.states import Side, SignMode

SIZE_MAX = 8
SIZE = 4
ITEMS_MAX = 20_000
AMOUNT_MAX = 2**59
"""Eight of these still fit into 64 bits."""

FREE = """
SELECT o.record_id, o.open_amount, r.date
FROM reconciliation_openitem o JOIN ledgers_record r ON r.id = o.record_id
WHERE o.reconciliation_id = %s AND o.side = %s AND o.held_by IS NULL AND o.closed_at IS NULL AND o.open_amount <> 0
AND r.currency = %s AND r.date BETWEEN %s AND %s AND abs(o.open_amount) <= %s
ORDER BY r.date, o.record_id
LIMIT %s
"""
SCHEMA: dict[str, Any] = {"id": pl.Int64, "amount": pl.Int64, "date": pl.Date}


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be met: minor units in what the reconciliation's sums are compared in; the day that is near, if any."""

    amount: int
    currency: str
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Set:
    record_ids: list[int]
    sum: int


@dataclass(frozen=True, slots=True)
class Found:
    """`items`: how many free items were looked at. The rest as in rules.engine.combinations."""

    target: Target
    items: int
    verdict: Verdict
    count: int
    count_exact: bool
    complete_to: int
    sets: list[Set]


def combinations_of(
    reconciliation: Reconciliation,
    *,
    side: str,
    record_id: int | None = None,
    amount: int | None = None,
    currency: str | None = None,
    max_size: int = SIZE,
    tolerance: int = 0,
    date_from: date | None = None,
    date_to: date | None = None,
) -> Found:
    """Sets of at most `max_size` free items of that side, of one currency, that meet an open record of the other side, or an
    amount. Nearest sums first, then nearest days.

    Refuses: neither or both named ("combinations.target"), no open record of the other side ("record.unknown"), more than
    20,000 items ("combinations.too_many").
    """
    if tolerance > AMOUNT_MAX:
        raise _refusal(["tolerance"], _("This tolerance is too large."), "combinations.target")
    target = _target(reconciliation, side, record_id, amount, currency)
    days = date_from or date.min, date_to or date.max
    params = [reconciliation.pk, side, target.currency, *days, AMOUNT_MAX, ITEMS_MAX + 1]
    items = copy_out(FREE, params, SCHEMA)
    if items.height > ITEMS_MAX:
        message = _("There are more than %(most)s free items. Name the days to look at.")
        raise _refusal(["date_from"], message % {"most": f"{ITEMS_MAX:,}"}, "combinations.too_many")
    costs = None
    if target.day is not None:
        costs = (items["date"] - target.day).dt.total_days().abs().to_list()
    # Where only magnitudes are compared, money out on one side may meet money in on the other.
    either_way = reconciliation.sign_mode == SignMode.MAGNITUDE
    found = [
        combinations(items["amount"].to_list(), wanted, tolerance=tolerance, largest=max_size, costs=costs)
        for wanted in ([target.amount, -target.amount] if either_way else [target.amount])
    ]
    return _joined(found, target, items)


def _joined(found: Sequence[Combinations], target: Target, items: pl.DataFrame) -> Found:
    ids, amounts = items["id"].to_list(), items["amount"].to_list()
    count = sum(one.count for one in found)
    exact = all(one.exact for one in found)
    shown = [places for one in found for places in one.sets] if count <= SETS_SHOWN else []
    verdict: Verdict = "ambiguous" if count > 1 else "unique" if count else "none"
    if count <= 1 and any(one.verdict == "exhausted" for one in found):
        verdict = "exhausted"
    return Found(
        target,
        len(ids),
        verdict,
        count,
        exact,
        min(one.complete_to for one in found),
        [Set([ids[place] for place in places], sum(amounts[place] for place in places)) for places in shown],
    )


def _target(
    reconciliation: Reconciliation, side: str, record_id: int | None, amount: int | None, currency: str | None
) -> Target:
    if (record_id is None) == (amount is None):
        raise _refusal(["record_id"], _("Name a record or an amount: one of them."), "combinations.target")
    if record_id is None:
        assert amount is not None
        if not currency:
            raise _refusal(["currency"], _("An amount needs its currency."), "combinations.target")
        if not amount:
            raise _refusal(["amount"], _("Write an amount other than 0."), "combinations.target")
        if abs(amount) > AMOUNT_MAX:
            raise _refusal(["amount"], _("This amount is too large."), "combinations.target")
        return Target(amount, currency)
    other = Side.B if side == Side.A else Side.A
    items = OpenItem.objects.filter(reconciliation=reconciliation, record_id=record_id, side=other)
    item = items.filter(closed_at__isnull=True).exclude(open_amount=0).first()
    if item is None:
        message = _("There is no open record of this id on side %(side)s of this reconciliation.")
        raise _refusal(["record_id"], message % {"side": other.upper()}, "record.unknown")
    if abs(item.open_amount) > AMOUNT_MAX:
        message = _("The record's amount is too large for this search.")
        raise _refusal(["record_id"], message, "combinations.target")
    record = Record.objects.get(pk=record_id)
    return Target(item.open_amount, record.currency, record.date)


def _refusal(path: list[str], message: str, code: str) -> Invalid:
    return Invalid(message, code=code, issues=[{"path": path, "message": message}])
