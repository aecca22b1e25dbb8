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
from reconciliation.demo.matching import RUNNING_WAIT_SECONDS, NotMatched
from reconciliation.services.definitions import definition_create
from reconciliation.services.proposing import proposals_request, propose_rules
from reconciliation.services.rule_job_execution import rule_job_execute
from reconciliation.services.rule_jobs import rule_job_wait
from reconciliation.services.stream_reconciliations import reconciliation_create
from reconciliation.services.stream_records import RecordIn, records_add
from reconciliation.states import RuleJobKind, RuleJobStatus
from rules.models import Reconciliation, Rule
from rules.states import RuleSource

ACQUIRER, BANK = "card_acquirer", "house_bank_payouts"
NAME = "Card sales to payouts"
FIRST_DAY, DAYS = date(2026, 3, 2), 40
SEED = 20_260_302
SHOPS = ("Berlin", "Leipzig", "Web shop")
SATURDAY = 5
PLANNED_RATE = "486/502"
WIDTH = 100


@dataclass(frozen=True, slots=True)
class Payouts:
    """What the two sides know."""

    sales: tuple[RecordIn, ...]
    payouts: tuple[RecordIn, ...]


def payouts() -> Payouts:
    """A batch of sales per shop and business day; the bank pays each out in one sum a few days later. One payout is
    missing, and of one a fee was taken off."""
    rng = Random(SEED)  # noqa: S311 - the same payouts each time
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
    """The streams with their records, and their reconciliation; None where rules were sought for it already."""
    known = Reconciliation.objects.of(by.organization_id).filter(name=NAME).first()
    if known is not None:
        return None if known.rules.exists() else known
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


def propose(made: Reconciliation, *, wait: float, by: Actor, clock: Clock, say: Say) -> None:
    """Seek rules for it, by a worker or where none answers in this process. Raises NotMatched."""
    job = perform(partial(proposals_request, reconciliation=made, by=by, at=clock()))
    done = rule_job_wait(job.pk, seconds=wait)
    if done.status == RuleJobStatus.PENDING:
        rule_job_execute(job_id=job.pk, work={RuleJobKind.PROPOSAL: propose_rules}, clock=clock)
    done = rule_job_wait(job.pk, seconds=RUNNING_WAIT_SECONDS)
    if done.status != RuleJobStatus.COMPLETED:
        raise NotMatched(f"The search for rules is {done.status}: {done.error or 'look at the worker'}.")
    say(f"  {NAME}: {len(_proposed(by))} rule proposed from the records alone")


def table(by: Actor) -> list[str]:
    """What was proposed, as it stands now."""
    lines = [f"── {NAME} · two streams, no rule ".ljust(WIDTH, "─"), ""]
    lines.append(f"  {'Proposed from the records alone':<58}{'confidence':>12}{'records':>12}{'is':>14}")
    proposed = (
        f"  {rule.name:<58}{rule.rating:>12}{rule.sample_match_rate:>12}{rule.status:>14}"
        for rule in _proposed(by)
    )
    return [*lines, *proposed, "  A person takes it into use, or puts it aside: Rules, in the back office."]


def differences(by: Actor) -> list[str]:
    """What is not as planned: exactly the planted rule was to be found."""
    found = [(rule.cardinality, rule.group_by, rule.sample_match_rate) for rule in _proposed(by)]
    planned = [("many_to_one", ["metadata.batch_no"], PLANNED_RATE)]
    return [] if found == planned else [f"rules proposed: {found} instead of {planned}"]


def _proposed(by: Actor) -> list[Rule]:
    rules = Rule.objects.filter(
        organization_id=by.organization_id, reconciliation__name=NAME, source=RuleSource.AI
    )
    return list(rules.in_order())
