"""Plays the overdue part of the demo: payments come in and are matched, a policy makes the rest overdue, a sweep opens
exceptions, investigations say why; and a person has taken one up. What is there already is left as it is."""

from __future__ import annotations

import time
from collections import Counter
from datetime import date, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from exceptions_app.demo.payments import payments
from exceptions_app.investigating.texts import cause_words
from exceptions_app.models import Finding, Investigation, ReconciliationException
from exceptions_app.selectors.aggregates import aggregates_of
from exceptions_app.selectors.exceptions import shown_exceptions
from exceptions_app.services.comments import comment_add
from exceptions_app.services.exceptions import exception_change
from exceptions_app.services.investigation_execution import investigation_execute
from exceptions_app.services.sweeping import organization_sweep
from exceptions_app.states import ExceptionStatus, InvestigationStatus
from ledgers.amounts import shown
from ledgers.models import DataStream
from ledgers.services.streams import data_stream_create
from organizations.actors import Actor
from organizations.acts import perform
from organizations.models import Organization, User
from organizations.services.members import member_add, user_create, user_find
from organizations.states import Role
from reconciliation.demo.loading import TASK, Clock, Say
from reconciliation.demo.matching import RUNNING_WAIT_SECONDS, NotMatched, match_streams
from reconciliation.models import Match, OpenItem, OverdueRecompute
from reconciliation.services.policies import policy_change
from reconciliation.services.recompute import recompute_execute
from reconciliation.services.rules import rule_create
from reconciliation.services.stream_reconciliations import reconciliation_create
from reconciliation.services.stream_records import records_add
from reconciliation.states import MatchStatus, OperationStatus
from rules.models import Reconciliation

SHOP, BANK = "shop_payments", "bank_receipts"
NAME = "Shop payments to bank"
AFTER_DAYS = 5
COLLEAGUE, COLLEAGUE_NAME = "olu@example.com", "Olu Operator"
COMMENT = "The provider keeps 2.9% and 0.30 of card payments: see the contract. Please post the fees."
POLL_SECONDS = 0.1
WIDTH = 100
RULE: dict[str, Any] = {
    "name": "Reference and amount",
    "description": "The bank states the reference of the payment.",
    "filters": {
        "operand": "and",
        "rules": [
            {"key": "reference", "operand": "eq", "value": "reference"},
            {"key": "amount", "operand": "eq", "value": "amount"},
        ],
    },
}
SAME_ON_BOTH_SIDES = {"fee": 3, "outside_window": 1, "swapped_digits": 1}
PLANNED: dict[str, Any] = {
    "matched": 60,
    "not yet due": 11,
    "exceptions": {
        SHOP: (9, [("EUR", 4913_78), ("USD", 149_00)]),
        BANK: (8, [("EUR", 4128_37)]),
    },
    "causes": {
        SHOP: {"duplicate": 1, "split_payment": 1, **SAME_ON_BOTH_SIDES},
        BANK: {"combined_payment": 2, **SAME_ON_BOTH_SIDES},
    },
}


def part(*, wait: float, by: Actor, clock: Clock, say: Say) -> tuple[list[str], list[str]]:
    """Play it; its table, and what is not as planned."""
    play(wait=wait, by=by, clock=clock, say=say)
    return table(by, clock=clock), differences(by, clock=clock)


def play(*, wait: float, by: Actor, clock: Clock, say: Say) -> None:
    """Raises NotMatched where a worker has begun something and does not end it."""
    books = Reconciliation.objects.of(by.organization_id).live().filter(name=NAME).first()
    if books is None:
        books = _made(by=by, clock=clock)
    if not Match.objects.filter(reconciliation=books).exists():
        match_streams(books, wait=wait, by=by, clock=clock, say=say)
        _sent_again(books, by=by, clock=clock)
    books.refresh_from_db()
    if books.overdue_after_days is None:
        _due(books, by=by, clock=clock)
    found = _swept(books, clock=clock)
    say(f"Overdue: {len(found)} exceptions opened by a sweep.")
    for exception in found:
        _investigated(exception, wait=wait, clock=clock)
    _taken_up(books, by=by, clock=clock)


def _made(*, by: Actor, clock: Clock) -> Reconciliation:
    of: dict[str, Any] = {"organization_id": by.organization_id}
    wanted = payments(_today(by, clock))
    sides = []
    for key, name, records in (
        (SHOP, "Shop payments", wanted.paid),
        (BANK, "Bank receipts", wanted.received),
    ):
        stream = perform(partial(data_stream_create, **of, key=key, name=name, by=by, at=clock()))
        perform(partial(records_add, stream=stream, records=records, by=by, at=clock()))
        sides.append(stream)
    paid, received = sides
    books: Reconciliation = perform(
        partial(reconciliation_create, **of, name=NAME, side_a=[paid], side_b=[received], by=by, at=clock())
    )
    perform(partial(rule_create, reconciliation=books, facts=dict(RULE), by=by, at=clock()))
    return books


def _sent_again(books: Reconciliation, *, by: Actor, clock: Clock) -> None:
    shop = DataStream.objects.of(books.organization_id).live().get(key=SHOP)
    again = payments(_today(by, clock)).again
    perform(partial(records_add, stream=shop, records=[again], by=by, at=clock()))


def _today(by: Actor, clock: Clock) -> date:
    zone = Organization.objects.get(pk=by.organization_id).time_zone
    return clock().astimezone(ZoneInfo(zone)).date()


def _due(books: Reconciliation, *, by: Actor, clock: Clock) -> None:
    """The policy comes after the matching, so that no sweep meanwhile sees what is about to be matched."""
    since = _today(by, clock) - timedelta(days=365)
    policy: dict[str, Any] = {"after_days": AFTER_DAYS, "overdue_from": since}
    perform(partial(policy_change, reconciliation=books, **policy, by=by, at=clock()))
    for asked in OverdueRecompute.objects.filter(reconciliation=books):
        recompute_execute(recompute_id=asked.pk, clock=clock)  # does nothing where a worker is at it
    waiting = OverdueRecompute.objects.filter(reconciliation=books).exclude(status=OperationStatus.COMPLETED)
    _until(lambda: not waiting.exists(), "The overdue days are not counted")


def _swept(books: Reconciliation, *, clock: Clock) -> list[ReconciliationException]:
    """The exceptions of both streams: by a sweep of ours, or by the one that is at it."""
    rows = shown_exceptions(books.organization_id).filter(reconciliation=books).order_by("pk")
    if not rows.exists():
        organization_sweep(organization_id=books.organization_id, clock=clock)
        _until(rows.exists, "The sweep has not opened an exception")
    return list(rows)


def _investigated(exception: ReconciliationException, *, wait: float, clock: Clock) -> None:
    """A sweep has asked for it. Done in this process where no worker has begun in time."""
    asked = Investigation.objects.filter(exception=exception).newest_first().first()
    if asked is None:
        return
    until = time.monotonic() + wait
    while asked.status == InvestigationStatus.PENDING and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
        asked.refresh_from_db()
    if asked.status == InvestigationStatus.PENDING:
        investigation_execute(investigation_id=asked.pk, clock=clock)
    under_way = Investigation.objects.filter(pk=asked.pk).under_way()
    _until(lambda: not under_way.exists(), f"Investigation {asked.pk} has not ended")


def _until(condition: Any, what: str) -> None:
    until = time.monotonic() + RUNNING_WAIT_SECONDS
    while not condition():
        if time.monotonic() >= until:
            raise NotMatched(f"{what}: look at the worker.")
        time.sleep(POLL_SECONDS)


def _taken_up(books: Reconciliation, *, by: Actor, clock: Clock) -> None:
    """The shop's exception has an owner, and somebody has said something; once."""
    found = shown_exceptions(books.organization_id).filter(reconciliation=books, stream__key=SHOP).first()
    if found is None or found.comments.exists() or by.user_id is None:
        return
    of: dict[str, Any] = {"organization_id": books.organization_id, "exception_id": found.pk}
    colleague = _colleague(by, clock=clock)
    change: dict[str, Any] = {"status": ExceptionStatus.INVESTIGATING, "assignee_ids": [by.user_id]}
    perform(partial(exception_change, **of, **change, by=by, at=clock()))
    perform(partial(comment_add, **of, body=COMMENT, mentions=[colleague.pk], by=by, at=clock()))


def _colleague(by: Actor, *, clock: Clock) -> User:
    known = user_find(COLLEAGUE)
    if known is not None:
        return known
    organization = Organization.objects.get(pk=by.organization_id)

    def made() -> User:
        user = user_create(
            email=COLLEAGUE, name=COLLEAGUE_NAME, organization_id=organization.pk, by=TASK, at=clock()
        )
        member_add(organization=organization, user=user, role=Role.OPERATOR, by=TASK, at=clock())
        return user

    return perform(made)


# --- what came of it -------------------------------------------------------------------------------------------------------


def found(by: Actor, *, clock: Clock) -> dict[str, Any]:
    """Matches, what is overdue per stream, what is not due yet, and the first cause named of each record."""
    books = Reconciliation.objects.of(by.organization_id).live().get(name=NAME)
    at = clock()
    rows = list(shown_exceptions(by.organization_id).filter(reconciliation=books).order_by("stream__pk"))
    figures = aggregates_of(rows, at=at)
    items = OpenItem.objects.filter(reconciliation=books, closed_at=None)
    return {
        "matched": Match.objects.filter(reconciliation=books, status=MatchStatus.ACCEPTED).count(),
        "not yet due": items.filter(overdue_at__gt=at).count(),
        "exceptions": {
            row.stream.key: (
                figures[row.pk].record_count,
                [(each.currency, each.total_amount) for each in figures[row.pk].by_currency],
            )
            for row in rows
        },
        "causes": {row.stream.key: _causes(row) for row in rows},
    }


def _causes(exception: ReconciliationException) -> dict[str, int]:
    newest = Investigation.objects.filter(exception=exception, status=InvestigationStatus.COMPLETED)
    looked = newest.newest_first().first()
    firsts = Finding.objects.filter(investigation=looked, rank=1).values_list("cause", flat=True)
    return dict(sorted(Counter(firsts).items()))


def table(by: Actor, *, clock: Clock) -> list[str]:
    """The exceptions with what is overdue in them, and what investigations found."""
    now = found(by, clock=clock)
    lines = [f"── {NAME} · overdue after {AFTER_DAYS} days, swept and investigated ".ljust(WIDTH, "─"), ""]
    lines.append(f"  {'Payments and receipts that agree':<58}{now['matched']:>12}")
    lines.append(f"  {'Open, and not yet due':<58}{now['not yet due']:>12}")
    names = dict(DataStream.objects.of(by.organization_id).live().values_list("key", "name"))
    for key, (count, sums) in now["exceptions"].items():
        told = ", ".join(shown(amount, 2, currency or "").replace("\u00a0", " ") for currency, amount in sums)
        lines += ["", f"  {f'Exception: {names[key]}, overdue records':<58}{count:>12}   {told}"]
        lines += [
            f"    {cause_words(cause):<56}{records:>12}" for cause, records in now["causes"][key].items()
        ]
        unexplained = count - sum(now["causes"][key].values())
        lines.append(f"    {'nothing explains it':<56}{unexplained:>12}")
    return lines


def differences(by: Actor, *, clock: Clock) -> list[str]:
    now = found(by, clock=clock)
    return [] if now == PLANNED else [f"overdue: {now} instead of {PLANNED}"]
