"""What slices add up to, against Python that adds up the same records one by one."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from exceptions_app.models import ReconciliationException
from exceptions_app.selectors.aggregates import Aggregates, Figures, aggregates_of
from exceptions_app.selectors.filters import ExceptionFilter, read_filter
from exceptions_app.states import AgeBucket
from ledgers.models import DataStream, Record
from reconciliation.models import MatchMember, OpenItem
from rules.models import Reconciliation
from tests.clock import NOW, TODAY
from tests.factories.exceptions_app import ReconciliationExceptionFactory
from tests.factories.ledgers import DataStreamFactory, RecordFactory
from tests.factories.reconciliation import MatchFactory
from tests.factories.rules import ReconciliationFactory

pytestmark = pytest.mark.django_db

CURRENCIES = ("EUR", "USD", "JPY")
TEXTS = ("Order 771", "acquirer payout", "100% of it", "under_score", "Ä ß", "")


@dataclass(frozen=True)
class Known:
    """What a record is, for Python."""

    exception_id: int
    amount: int
    currency: str
    date: date
    overdue_at: datetime
    seen_at: datetime | None
    text: str
    counterparty: str


def some_reconciliation(rng: random.Random) -> Reconciliation:
    return ReconciliationFactory(ledger=None, organization=DataStreamFactory().organization, kind="streams")


def planted(rng: random.Random, row: ReconciliationException, other: DataStream) -> Known | None:
    """One record somewhere: in the slice, or not for one of the reasons there are."""
    where = rng.choice(
        ["open"] * 5 + ["held", "suggested", "partly", "to come", "closed", "undated", "else", "taken"]
    )
    amount = rng.choice([0, 1, -1, rng.randint(-(10**12), 10**12)])
    currency = rng.choices(CURRENCIES, [3, 3, 1])[0]
    record = RecordFactory(
        stream=other if where == "else" else row.stream,
        amount=abs(amount),
        direction="debit" if amount < 0 else "credit",
        signed_amount=amount,
        effect=-amount if row.pk % 2 else amount,
        currency=currency,
        decimal_places=0 if currency == "JPY" else 2,
        date=TODAY - timedelta(days=rng.randint(0, 200)),
        description=rng.choice(TEXTS),
        counterparty=rng.choice(TEXTS),
    )
    days = rng.choice([0, 7, 30, 90, rng.random() * 200])
    overdue_at = NOW + timedelta(seconds=1) if where == "to come" else NOW - timedelta(days=days)
    seen_at = (
        None if where == "to come" or rng.random() < 0.3 else overdue_at + timedelta(days=rng.random() * 20)
    )
    rest = placed(rng, where, row, record, overdue_at, seen_at)
    if rest is None:
        return None
    return Known(
        row.pk, rest, currency, record.date, overdue_at, seen_at, record.description, record.counterparty
    )


def placed(
    rng: random.Random,
    where: str,
    row: ReconciliationException,
    record: Record,
    overdue_at: datetime,
    seen_at: datetime | None,
) -> int | None:
    """Its rows of the clearing; what of it belongs to the slice, None where nothing does."""
    rows = {"reconciliation": row.reconciliation, "record": record, "side": "a"}
    due = {"overdue_at": overdue_at, "overdue_seen_at": seen_at}
    if where in ("suggested", "taken"):
        match = MatchFactory(
            reconciliation=row.reconciliation,
            status="suggested" if where == "suggested" else "accepted",
            decided_at=None if where == "suggested" else NOW,
        )
        MatchMember.objects.create(match=match, **rows, **due, applied=record.effect)
        return record.signed_amount if where == "suggested" else None
    left = record.effect
    if where in ("held", "partly") and record.effect:
        left = record.effect // 2 or record.effect
        match = MatchFactory(
            reconciliation=row.reconciliation,
            status="accepted" if where == "held" else "suggested",
            decided_at=NOW if where == "held" else None,
        )
        MatchMember.objects.create(match=match, **rows, **due, applied=record.effect - left)
        rows["held_by"] = match.pk
    if where == "closed":
        rows |= {"closed_at": NOW, "closed_by": "user:1", "close_reason": "other", "cleared_on": TODAY}
    if where == "undated":
        due = {}
    OpenItem.objects.create(**rows, **due, open_amount=left)
    if where in ("to come", "closed", "undated", "else"):
        return None
    if where == "held":
        return abs(left) if record.signed_amount > 0 else -abs(left)
    return record.signed_amount


def world(seed: int, count: int) -> tuple[list[ReconciliationException], list[Known]]:
    rng = random.Random(seed)
    made = some_reconciliation(rng)
    streams = DataStreamFactory.create_batch(3, organization=made.organization)
    rows = [ReconciliationExceptionFactory(reconciliation=made, stream=stream) for stream in streams[:2]]
    other = ReconciliationFactory(ledger=None, organization=made.organization, kind="streams")
    closed_at = NOW - timedelta(days=10)
    rows += [
        ReconciliationExceptionFactory(reconciliation=other, stream=streams[0]),
        ReconciliationExceptionFactory(
            reconciliation=made, stream=streams[0], status="dismissed", closed_at=closed_at
        ),
    ]
    known = [planted(rng, rng.choice(rows[:3]), streams[2]) for _place in range(count)]
    found = [each for each in known if each is not None]
    # The closed one stands on the same pair as the first.
    twins = [
        Known(rows[3].pk, *list(vars(each).values())[1:]) for each in found if each.exception_id == rows[0].pk
    ]
    return rows, found + twins


def passes(known: Known, asked: ExceptionFilter) -> bool:
    age = NOW - known.overdue_at
    bounds = {"lt_7d": (0, 7), "7_30d": (7, 30), "30_90d": (30, 90), "gt_90d": (90, 10**6)}
    low, high = bounds[asked.age_bucket] if asked.age_bucket else (0, 10**6)
    text = (asked.counterparty or "").casefold()
    return (
        (asked.amount_min is None or known.amount >= asked.amount_min)
        and (asked.amount_max is None or known.amount <= asked.amount_max)
        and (asked.date_from is None or known.date >= asked.date_from)
        and (asked.date_to is None or known.date <= asked.date_to)
        and (
            asked.direction is None or (known.amount < 0 if asked.direction == "debit" else known.amount > 0)
        )
        and (text in known.text.casefold() or text in known.counterparty.casefold())
        and timedelta(days=low) <= age < timedelta(days=high)
    )


def check(found: Aggregates, known: list[Known]) -> None:
    names = {each.currency for each in known}
    counts = {name: len([each for each in known if each.currency == name]) for name in names}
    order = sorted(names, key=lambda name: (-counts[name], name))
    assert [each.currency for each in found.by_currency] == order
    assert found.mixed_currencies == (len(order) > 1)
    main = [each for each in known if order and each.currency == order[0]]
    check_figures(found.figures, known, main)
    for name, figures in zip(order, found.by_currency, strict=True):
        own = [each for each in known if each.currency == name]
        check_figures(figures, own, own)
    for bucket in AgeBucket:
        asked = ExceptionFilter(age_bucket=bucket)
        assert found.age_buckets[bucket].count == len([each for each in known if passes(each, asked)])
        assert found.age_buckets[bucket].total_amount == sum(
            each.amount for each in main if passes(each, asked)
        )


def check_figures(found: Figures, known: list[Known], main: list[Known]) -> None:
    assert found.record_count == len(known)
    assert found.total_amount == sum(each.amount for each in main) == found.debit_sum + found.credit_sum
    assert found.debit_count == len([each for each in known if each.amount < 0])
    assert found.debit_sum == sum(each.amount for each in main if each.amount < 0)
    assert found.credit_count == len([each for each in known if each.amount > 0])
    assert found.credit_sum == sum(each.amount for each in main if each.amount > 0)
    ages = [(NOW - each.overdue_at) / timedelta(days=1) for each in known]
    assert found.avg_age_days == pytest.approx(sum(ages) / len(ages) if ages else 0, rel=1e-9)
    assert found.oldest_at == min((each.date for each in known), default=None)
    assert found.newest_at == max((each.date for each in known), default=None)
    assert found.longest_overdue_at == min((each.overdue_at for each in known), default=None)
    assert found.decimal_places == (0 if found.currency == "JPY" else 2)


FILTERS = (
    {"amount_min": "1"},
    {"amount_max": "-1", "age_bucket": "30_90d"},
    {"amount_min": -(10**11), "amount_max": 10**11, "date_from": "2026-01-01"},
    {"date_to": "2026-02-01", "direction": "credit"},
    {"direction": "debit", "counterparty": "ORDER"},
    {"counterparty": "%"},
    {"counterparty": "_"},
    {"counterparty": "ä"},
    {"age_bucket": "lt_7d"},
    {"age_bucket": "7_30d"},
    {"age_bucket": "gt_90d", "amount_min": "0"},
    {},
)


@pytest.mark.parametrize("seed", range(4))
def test_aggregates_are_what_adding_up_one_by_one_gives(seed, django_assert_num_queries):
    rows, known = world(seed, 150)
    for given in FILTERS:
        asked = read_filter(given)
        with django_assert_num_queries(1):
            found = aggregates_of(rows, at=NOW, filters=asked)
        for row in rows:
            own = [each for each in known if each.exception_id == row.pk]
            check(found[row.pk], own)
            left = found[row.pk].filtered
            assert left is not None
            check(left, [each for each in own if passes(each, asked)])
            new = [
                each
                for each in own
                if row.closed_at and (each.seen_at is None or each.seen_at > row.closed_at)
            ]
            assert found[row.pk].new_since_closed == len(new)
            alone = aggregates_of([row], at=NOW)[row.pk]
            assert alone.figures.record_count == len(own)


def test_nothing_overdue_adds_up_to_nothing():
    row = ReconciliationExceptionFactory()
    found = aggregates_of([row], at=NOW, filters=ExceptionFilter())[row.pk]
    assert found.figures == Figures()
    assert found.filtered == Aggregates()
    assert aggregates_of([], at=NOW) == {}
