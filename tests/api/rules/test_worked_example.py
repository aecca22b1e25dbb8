"""The contract's own payloads from end to end: the acquirer's batch meets the bank's payout, by a rule that was posted."""

from datetime import date
from functools import partial

import pytest

from api.rules.examples import BATCHES, NESTED
from organizations.acts import perform
from reconciliation.models import Match, MatchMember, Pass
from reconciliation.selectors.integrity import faults
from reconciliation.services.execution import pass_execute
from reconciliation.services.stream_records import RecordIn, records_add
from tests.api.rules.conftest import Bench
from tests.clock import NOW

pytestmark = pytest.mark.django_db

FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)
ORDERS = [
    RecordIn(
        FIRST,
        4250,
        "credit",
        "USD",
        description="Order 771",
        external_id="tx-771",
        metadata={"batch_no": "B-19", "invoice": "INV-0771"},
    ),
    RecordIn(FIRST, 1750, "credit", "USD", external_id="tx-772", metadata={"batch_no": "B-19"}),
]
PAYOUT = RecordIn(
    SECOND,
    6000,
    "credit",
    "USD",
    description="ACQ PAYOUT B-19",
    external_id="stmt-40",
    metadata={"reference": "b19"},
)


def add(bench: Bench, stream: str, *records: RecordIn) -> None:
    act = partial(records_add, stream=bench.streams[stream], records=records, by=bench.by, at=NOW)
    perform(act)


def work() -> Pass:
    """What a worker does with the pass that waits."""
    (waiting,) = Pass.objects.filter(status="pending")
    pass_execute(pass_id=waiting.pk, clock=lambda: NOW)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.error) == ("completed", "")
    return waiting


def members() -> set[str]:
    match = Match.objects.get()
    return {
        member.record.external_id
        for member in MatchMember.objects.filter(match=match).select_related("record")
    }


def test_a_batch_of_orders_meets_its_payout(bench: Bench):
    add(bench, "card_acquirer", *ORDERS)
    add(bench, "house_bank", PAYOUT)
    rule = bench.rule(**BATCHES | {"reconciliation_id": bench.cards.pk})
    done = work()
    assert (done.trigger, done.kind) == ("rule_activated", "batch")
    match = Match.objects.get()
    assert (match.group_key, match.record_count, match.difference) == ("B-19", 3, 0)
    assert members() == {"tx-771", "tx-772", "stmt-40"}
    assert match.rule_revision is not None
    assert match.rule_revision.rule_id == rule["id"]
    assert faults() == []


def test_an_order_meets_a_line_that_names_its_invoice(bench: Bench):
    add(bench, "card_acquirer", ORDERS[0])
    line = RecordIn(SECOND, 4240, "credit", "USD", external_id="inv0771")
    other = RecordIn(SECOND, 4250, "credit", "USD", external_id="something-else")
    add(bench, "house_bank", line, other)
    bench.rule(**NESTED | {"reconciliation_id": bench.cards.pk})
    work()
    assert members() == {"tx-771", "inv0771"}
    assert abs(Match.objects.get().difference) == 10


def test_a_changed_rule_finds_what_the_first_one_missed(bench: Bench):
    add(bench, "card_acquirer", ORDERS[0])
    add(bench, "house_bank", RecordIn(SECOND, 4250, "credit", "USD", external_id="INV-0771"))
    filters = {"rules": [{"key": "external_id", "value": "external_id"}]}
    rule = bench.rule(filters=filters)
    work()
    assert not Match.objects.exists()
    better = {"rules": [{"key": "metadata.invoice", "value": "external_id"}]}
    assert bench.patch(f"/v1/reconciliation_rules/{rule['id']}", {"filters": better}).status_code == 200
    work()
    assert members() == {"tx-771", "INV-0771"}
    match = Match.objects.get()
    assert match.rule_revision is not None
    assert match.rule_revision.number == 2
