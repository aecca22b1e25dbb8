"""Reconciliations of streams: made, renamed, wired anew, deleted."""

from __future__ import annotations

import pytest

from organizations.models import AuditEvent
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Match, OpenItem, Pass, StreamOperation
from reconciliation.selectors.integrity import faults
from reconciliation.services.matches import match_accept
from reconciliation.services.passes import pass_request
from reconciliation.services.rules import rule_create
from reconciliation.services.stream_reconciliations import (
    reconciliation_change,
    reconciliation_create,
    reconciliation_void,
)
from reconciliation.services.stream_records import record_void
from rules.models import Reconciliation, Rule
from tests.factories.organizations import actor_with
from tests.factories.rules import ReconciliationFactory
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

REFERENCE = {"operand": "and", "rules": [{"key": "reference", "operand": "eq", "value": "reference"}]}


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(actor_with("admin"))


def create(feeds: Feeds, a=(), b=(), **more) -> Reconciliation:
    facts = {"name": "Cards", "side_a": list(a), "side_b": list(b), **more}
    return feeds.act(reconciliation_create, organization_id=feeds.by.organization_id, **facts)


def sides(reconciliation: Reconciliation) -> dict[str, str]:
    return {wire.stream.key: wire.side for wire in reconciliation.wiring.select_related("stream")}


def done(feeds: Feeds) -> None:
    for asked in StreamOperation.objects.under_way().order_by("pk"):
        feeds.done(asked)


def test_it_is_made_with_its_streams_and_what_they_hold(feeds: Feeds):
    a, b = feeds.stream("a"), feeds.stream("b")
    feeds.add(a, ("R1", 100))
    made = create(feeds, [a], [b])
    assert sides(made) == {"a": "a", "b": "b"}
    assert (made.kind, made.sign_mode, made.run_type) == ("streams", "magnitude", "continuous")
    assert (made.ready, made.auto_accept, made.own_rules) == (True, True, True)
    assert OpenItem.objects.get().reconciliation == made
    feeds.add(b, ("R1", 100))
    feeds.act(rule_create, reconciliation=made, facts={"filters": REFERENCE})
    feeds.auto_match(made)
    assert Match.objects.get().record_count == 2
    assert faults() == []


def test_much_is_done_by_a_worker_and_passes_wait_for_it(feeds: Feeds, settings):
    settings.CHUNK_GROUPS = 1
    a = feeds.stream("a")
    feeds.add(a, ("R1", 100), ("R2", 200))
    made = create(feeds, [a])
    made.refresh_from_db()
    assert not made.ready
    done(feeds)
    made.refresh_from_db()
    assert made.ready
    assert OpenItem.objects.count() == 2


@pytest.mark.parametrize(
    ("a", "b", "path"),
    [("xx", "", "side_a_stream_ids"), ("x", "x", "side_b_stream_ids"), ("", "yy", "side_b_stream_ids")],
)
def test_no_stream_stands_twice(feeds: Feeds, a, b, path):
    streams = {"x": feeds.stream("x"), "y": feeds.stream("y")}
    with pytest.raises(Invalid) as refused:
        create(feeds, [streams[key] for key in a], [streams[key] for key in b])
    assert refused.value.issues[0]["path"] == [path]
    assert not Reconciliation.objects.exists()


@pytest.mark.parametrize(
    ("more", "path"),
    [({"name": " "}, "name"), ({"name": "x" * 256}, "name"), ({"run_type": "daily"}, "run_type")],
)
def test_what_it_is_called_and_how_it_runs_is_checked(feeds: Feeds, more, path):
    with pytest.raises(Invalid) as refused:
        create(feeds, **more)
    assert refused.value.issues[0]["path"] == [path]


def test_streams_of_settlements_take_no_part(feeds: Feeds):
    with pytest.raises(Invalid):
        create(feeds, [feeds.stream("t", kind="transactions")])


def test_it_is_renamed_and_runs_otherwise(feeds: Feeds):
    made = create(feeds)
    changed = feeds.act(reconciliation_change, reconciliation=made, name="Payouts", run_type="batch")
    assert (changed.name, changed.run_type) == ("Payouts", "batch")
    feeds.act(reconciliation_change, reconciliation=made, name="Payouts")
    assert AuditEvent.objects.filter(action="reconciliation.changed").count() == 1


def test_a_side_that_is_given_replaces_that_side_alone(feeds: Feeds):
    a, b, c = (feeds.stream(key) for key in "abc")
    made = create(feeds, [a], [b])
    feeds.add(a, ("R1", 100))
    feeds.act(reconciliation_change, reconciliation=made, side_a=[c])
    assert sides(made) == {"c": "a", "b": "b"}
    assert not Reconciliation.objects.get(pk=made.pk).ready
    done(feeds)
    assert Reconciliation.objects.get(pk=made.pk).ready
    assert not OpenItem.objects.exists()
    assert faults() == []


def test_a_stream_with_accepted_matches_leaves_only_with_them(feeds: Feeds):
    a, b = feeds.stream("a"), feeds.stream("b")
    made = create(feeds, [a], [b])
    match = feeds.match(made, feeds.add(a, ("R1", 100)), feeds.add(b, ("R1", 100)))
    assert match.status == "accepted"
    with pytest.raises(Conflict) as refused:
        feeds.act(reconciliation_change, reconciliation=made, side_a=[])
    assert (refused.value.code, refused.value.details) == ("reconciliation.has_matches", {"matches": 1})
    feeds.act(reconciliation_change, reconciliation=made, side_a=[], undo_matches=True)
    done(feeds)
    match.refresh_from_db()
    assert match.status == "undone"
    assert faults() == []


def test_a_stream_changes_sides_in_two_acts(feeds: Feeds):
    a = feeds.stream("a")
    made = create(feeds, [a])
    with pytest.raises(Invalid):
        feeds.act(reconciliation_change, reconciliation=made, side_a=[], side_b=[a])
    feeds.act(reconciliation_change, reconciliation=made, side_a=[])
    with pytest.raises(Conflict) as refused:
        feeds.act(reconciliation_change, reconciliation=made, side_b=[a])
    assert refused.value.code == "stream.operation_running"
    done(feeds)
    feeds.act(reconciliation_change, reconciliation=made, side_b=[a])
    assert sides(made) == {"a": "b"}


def test_deleted_it_gives_its_records_back_and_they_stay(feeds: Feeds):
    a, b = feeds.stream("a"), feeds.stream("b")
    made = create(feeds, [a], [b])
    rule = feeds.act(rule_create, reconciliation=made, facts={"filters": REFERENCE})
    (record,) = feeds.add(a, ("R1", 100))
    match = feeds.match(made, [record], feeds.add(b, ("R1", 100)))
    feeds.act(reconciliation_void, reconciliation=made)
    done(feeds)
    match.refresh_from_db()
    rule.refresh_from_db()
    assert match.status == "undone"
    assert rule.voided_at is not None
    assert not made.wiring.exists()
    assert not OpenItem.objects.exists()
    assert not Pass.objects.under_way().exists()
    assert faults() == []
    feeds.act(record_void, record=record)
    with pytest.raises(NotFound):
        feeds.act(reconciliation_void, reconciliation=made)
    with pytest.raises(NotFound):
        feeds.act(rule_create, reconciliation=made, facts={"filters": REFERENCE})


def test_an_accepted_suggestion_of_a_deleted_one_is_undone_too(feeds: Feeds):
    a, b = feeds.stream("a"), feeds.stream("b")
    made = create(feeds, [a], [b])
    feeds.act(rule_create, reconciliation=made, facts={"filters": REFERENCE, "auto_accept": False})
    feeds.add(a, ("R1", 100))
    feeds.add(b, ("R1", 100))
    feeds.auto_match(made)
    feeds.act(match_accept, match_id=Match.objects.get().pk)
    feeds.act(reconciliation_void, reconciliation=made)
    done(feeds)
    assert Match.objects.get().status == "undone"


@pytest.mark.parametrize("act", [reconciliation_change, reconciliation_void])
def test_a_ledgers_own_is_changed_with_its_ledger(feeds: Feeds, act):
    own = ReconciliationFactory(ledger__organization=feeds.organization)
    with pytest.raises(Conflict) as refused:
        feeds.act(act, reconciliation=own)
    assert refused.value.code == "reconciliation.owned"


@pytest.mark.parametrize("act", [reconciliation_change, reconciliation_void])
def test_anothers_is_unknown(feeds: Feeds, act):
    other = Feeds(actor_with("admin"))
    with pytest.raises(NotFound):
        feeds.act(act, reconciliation=create(other))


def test_a_pass_of_a_deleted_one_is_cancelled(feeds: Feeds):
    made = create(feeds, [feeds.stream("a")], [feeds.stream("b")])
    asked = feeds.act(pass_request, reconciliation=made, run=None)
    feeds.act(reconciliation_void, reconciliation=made)
    asked.refresh_from_db()
    assert asked.status == "cancelled"
    assert not Rule.objects.filter(reconciliation=made).exists()
