"""The demo's shop orders: what the shop says it sold against what the acquirer says it charged. Sent in bulk as a program
does it, matched by a rule that accepts by itself, and chained with the payouts to a story."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db.models import Sum

from ledgers.models import BulkRequest, DataStream
from ledgers.services.record_rows import RecordIn
from ledgers.services.streams import data_stream_create
from organizations.actors import Actor
from organizations.acts import perform
from reconciliation.demo import payouts
from reconciliation.demo.loading import Clock, Say
from reconciliation.demo.matching import RUNNING_WAIT_SECONDS, NotMatched, match_streams
from reconciliation.models import Match, OpenItem, Story
from reconciliation.services.bulk import bulk_request
from reconciliation.services.bulk_execution import bulk_execute
from reconciliation.services.rules import rule_create
from reconciliation.services.stories import LinkIn, story_create
from reconciliation.services.stream_reconciliations import reconciliation_create
from reconciliation.states import MatchStatus
from rules.models import Reconciliation
from rules.states import Side

SHOP = "web_shop"
NAME, STORY = "Orders to card sales", "Order to cash"
REQUEST_KEY = "demo-orders-{}"
ROWS_PER_REQUEST = 400
POLL_SECONDS = 0.05
NEVER_CHARGED, TIPPED, UNKNOWN_SALE = (57, 311), 204, 95
"""Places in the list of sales: orders without a sale, one that was charged for more, one sale without an order."""
TIP = 250
WIDTH = 100
RULE: dict[str, Any] = {
    "name": "Charge and amount",
    "description": "The order names the charge that paid for it.",
    "filters": {
        "operand": "and",
        "rules": [
            {"key": "metadata.charge", "operand": "eq", "value": "external_id"},
            {"key": "amount", "operand": "eq", "value": "amount"},
        ],
    },
}
PLANNED = {"matched": 500, "orders open": 3, "sales open": 2, "rows refused": 1, "rows skipped": 1}


def orders(sales: Sequence[RecordIn]) -> list[dict[str, Any]]:
    """An order for each card sale but one; two that were never charged, one charged with a tip, one sent twice, and one with
    a date that no calendar has."""
    rows = [
        _order(number, sale, amount=sale.amount - (TIP if number == TIPPED else 0))
        for number, sale in enumerate(sales)
        if number != UNKNOWN_SALE
    ]
    for place in NEVER_CHARGED:
        lost = _order(place, sales[place], amount=sales[place].amount + 100)
        rows.append(
            {**lost, "external_id": f"order-lost-{place}", "metadata": {"charge": f"declined-{place}"}}
        )
    rows.append(rows[0])
    rows.append({**_order(0, sales[0], amount=990), "external_id": "order-torn", "date": "2026-02-30"})
    return rows


def _order(number: int, sale: RecordIn, *, amount: int) -> dict[str, Any]:
    return {
        "data_stream_key": SHOP,
        "date": sale.date.isoformat(),
        "amount": amount,
        "direction": sale.direction,
        "currency": sale.currency,
        "description": f"Order {number + 1}",
        "external_id": f"order-{number + 1}",
        "metadata": {"charge": sale.external_id},
    }


def play(*, wait: float, by: Actor, clock: Clock, say: Say) -> None:
    """Stream, rule, orders in bulk, a pass, and the story; what is there already is left as it is. Raises NotMatched."""
    of: dict[str, Any] = {"organization_id": by.organization_id}
    known = Reconciliation.objects.of(by.organization_id).filter(name=NAME).first()
    books = known or _made(by=by, clock=clock)
    rows = orders(payouts.payouts().sales)
    parts = [rows[at : at + ROWS_PER_REQUEST] for at in range(0, len(rows), ROWS_PER_REQUEST)]
    say(f"Orders: {len(rows)} rows in {len(parts)} bulk requests.")
    for number, part in enumerate(parts):
        asked = perform(
            partial(
                bulk_request,
                **of,
                body={"records": part},
                idempotency_key=REQUEST_KEY.format(number),
                by=by,
                at=clock(),
            )
        )
        bulk_wait(asked, wait=wait, clock=clock)
    if known is None or not Match.objects.filter(reconciliation=books).exists():
        match_streams(books, wait=wait, by=by, clock=clock, say=say)
    _chain(books, by=by, clock=clock)


def bulk_wait(asked: BulkRequest, *, wait: float, clock: Clock) -> None:
    """Until its end; done in this process where no worker has begun in time. Raises NotMatched where one hangs."""
    until = time.monotonic() + wait
    while asked.is_under_way:
        if time.monotonic() >= until + RUNNING_WAIT_SECONDS:
            raise NotMatched(f"Bulk request {asked.pk} is {asked.status} still: look at the worker.")
        if time.monotonic() >= until:
            bulk_execute(bulk_request_id=asked.pk, clock=clock)  # does nothing where a worker is at it
        asked.refresh_from_db()
        if asked.is_under_way:
            time.sleep(POLL_SECONDS)


def _made(*, by: Actor, clock: Clock) -> Reconciliation:
    """The shop's stream, held against the acquirer's sales by a rule that reads the charge."""
    of: dict[str, Any] = {"organization_id": by.organization_id}
    shop = perform(partial(data_stream_create, **of, key=SHOP, name="Web shop orders", by=by, at=clock()))
    sales = DataStream.objects.of(by.organization_id).live().get(key=payouts.ACQUIRER)
    books: Reconciliation = perform(
        partial(reconciliation_create, **of, name=NAME, side_a=[shop], side_b=[sales], by=by, at=clock())
    )
    perform(partial(rule_create, reconciliation=books, facts=dict(RULE), by=by, at=clock()))
    return books


def _chain(books: Reconciliation, *, by: Actor, clock: Clock) -> None:
    """From the order to the money in the bank: the sales stand in both reconciliations."""
    if Story.objects.of(by.organization_id).live().filter(name=STORY).exists():
        return
    paid = Reconciliation.objects.of(by.organization_id).live().get(name=payouts.NAME)
    sales = DataStream.objects.of(by.organization_id).live().get(key=payouts.ACQUIRER)
    links = [LinkIn(books.pk, 1), LinkIn(paid.pk, 2, shared_stream_id=sales.pk)]
    perform(
        partial(story_create, organization_id=by.organization_id, name=STORY, links=links, by=by, at=clock())
    )


def found(by: Actor) -> dict[str, int]:
    """What became of the orders, as it stands now."""
    books = Reconciliation.objects.of(by.organization_id).live().get(name=NAME)
    asked = BulkRequest.objects.of(by.organization_id).filter(
        idempotency_key__startswith=REQUEST_KEY.format("")
    )
    rows = asked.aggregate(failed=Sum("failed_items"), skipped=Sum("skipped_items"))
    items = OpenItem.objects.filter(reconciliation=books, closed_at=None)
    return {
        "matched": Match.objects.filter(reconciliation=books, status=MatchStatus.ACCEPTED).count(),
        "orders open": items.filter(side=Side.A).count(),
        "sales open": items.filter(side=Side.B).count(),
        "rows refused": rows["failed"] or 0,
        "rows skipped": rows["skipped"] or 0,
    }


def table(by: Actor) -> list[str]:
    """What the shop sent, and what agreed."""
    now = found(by)
    story = Story.objects.of(by.organization_id).live().filter(name=STORY).first()
    lines = [f"── {NAME} · sent in bulk, accepted by the rule ".ljust(WIDTH, "─"), ""]
    lines.append(f"  {'Orders and their charges that agree':<58}{now['matched']:>12}")
    lines.append(f"  {'Orders that nobody charged, or not for that amount':<58}{now['orders open']:>12}")
    lines.append(f"  {'Charges without an order, or for another amount':<58}{now['sales open']:>12}")
    lines.append(f"  {'Rows refused, with the reason':<58}{now['rows refused']:>12}")
    lines.append(f"  {'Rows skipped, sent before':<58}{now['rows skipped']:>12}")
    if story is not None:
        lines.append(f"  Story “{story.name}”: {NAME}, then {payouts.NAME}.")
    return lines


def differences(by: Actor) -> list[str]:
    now = found(by)
    return [] if now == PLANNED else [f"orders: {now} instead of {PLANNED}"]
