"""The demo's card payouts: an acquirer's sales against the bank's payouts, two streams that programs fill. Nobody has
written a rule for them; the cold start finds the one that was planted, and leaves it for a person to take into use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from random import Random

from ledgers.models import DataStream
from ledgers.services.streams import data_stream_create
from organizations.actors import Actor
from organizations.acts import perform
from reconciliation.demo.loading import Clock, Say
from reconciliation.services.definitions import definition_create
from reconciliation.services.stream_reconciliations import reconciliation_create
from reconciliation.services.stream_records import RecordIn, records_add
from rules.models import Reconciliation

ACQUIRER, BANK = "card_acquirer", "house_bank_payouts"
NAME = "Card sales to payouts"
FIRST_DAY, DAYS = date(2026, 3, 2), 40
SEED = 20_260_302
SHOPS = ("Berlin", "Leipzig", "Web shop")
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Payouts:
    """What the two sides know."""

    sales: tuple[RecordIn, ...]
    payouts: tuple[RecordIn, ...]


def payouts() -> Payouts:
    """A batch of sales per shop and business day; the bank pays each out in one sum a few days later. One payout is
    missing, and of one a fee was taken off."""
    rng = Random(SEED)
    sales: list[RecordIn] = []
    paid: list[RecordIn] = []
    days = [day for day in map(_day, range(DAYS)) if day.weekday() < SATURDAY]
    for day in days:
        for shop in SHOPS:
            batch = f"{shop[0]}{day:%m%d}{rng.randint(10, 99)}"
            amounts = [rng.randint(350, 24_900) for _ in range(rng.randint(3, 9))]
            sales += [_sale(day, shop, batch, number, amount) for number, amount in enumerate(amounts)]
            paid.append(_payout(day + timedelta(days=rng.randint(1, 4)), batch, sum(amounts)))
    missing, short = 11, 29
    paid[short] = _payout(paid[short].date, paid[short].reference.split()[-1], paid[short].amount - 125)
    del paid[missing]
    return Payouts(tuple(sales), tuple(sorted(paid, key=lambda payout: (payout.date, payout.external_id))))


def _day(number: int) -> date:
    return FIRST_DAY + timedelta(days=number)


def _sale(day: date, shop: str, batch: str, number: int, amount: int) -> RecordIn:
    return RecordIn(
        date=day,
        amount=amount,
        direction="credit",
        currency="EUR",
        description=f"Card sale {shop}",
        external_id=f"sale-{batch}-{number}",
        metadata={"batch_no": batch, "shop": shop},
    )


def _payout(day: date, batch: str, amount: int) -> RecordIn:
    return RecordIn(
        date=day,
        amount=amount,
        direction="credit",
        currency="EUR",
        description="ACQUIRER PAYOUT",
        reference=batch,
        external_id=f"payout-{batch}",
    )


def load(*, by: Actor, clock: Clock, say: Say) -> Reconciliation | None:
    """The streams with their records, and their reconciliation; None where they are there already."""
    known = DataStream.objects.of(by.organization_id).live().filter(key=ACQUIRER)
    if known.exists():
        return None
    wanted = payouts()
    sales = _stream(ACQUIRER, "Card acquirer", wanted.sales, by=by, clock=clock)
    paid = _stream(BANK, "House bank, payouts", wanted.payouts, by=by, clock=clock)
    perform(
        partial(
            definition_create,
            stream=sales,
            key="batch_no",
            name="Batch number",
            type="string",
            by=by,
            at=clock(),
        )
    )
    made = perform(
        partial(
            reconciliation_create,
            organization_id=by.organization_id,
            name=NAME,
            side_a=[sales],
            side_b=[paid],
            by=by,
            at=clock(),
        )
    )
    say(f"Streams: {len(wanted.sales)} card sales, {len(wanted.payouts)} payouts, and no rule for them.")
    return made


def _stream(key: str, name: str, records: Sequence[RecordIn], *, by: Actor, clock: Clock) -> DataStream:
    stream = perform(
        partial(data_stream_create, organization_id=by.organization_id, key=key, name=name, by=by, at=clock())
    )
    perform(partial(records_add, stream=stream, records=records, by=by, at=clock()))
    return stream
