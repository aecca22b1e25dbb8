"""Explanations of matches and of what did not match, from the stored revision and the stored records."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledgers.models import Record
from organizations.acts import perform
from organizations.refusals import Invalid
from reconciliation.models import Match, OpenItem, RejectedGroup
from reconciliation.selectors.explanations import Explanation, explain_match, explain_records
from reconciliation.services.matches import match_reject
from reconciliation.services.stream_records import RecordIn, records_add
from rules.engine.confidence import stated
from rules.models import Reconciliation, Rule
from rules.services.rules import revision_write
from tests.clock import NOW, TODAY
from tests.factories.organizations import actor_with
from tests.factories.rules import RuleFactory
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(actor_with("admin"))


@pytest.fixture
def streams(feeds: Feeds) -> tuple[Any, Any]:
    return feeds.stream("shop"), feeds.stream("bank")


@pytest.fixture
def reconciliation(feeds: Feeds, streams: tuple[Any, Any]) -> Reconciliation:
    return feeds.reconciliation(*streams)


@pytest.fixture
def match(feeds: Feeds, streams: tuple[Any, Any], reconciliation: Reconciliation) -> Match:
    """R-1, made by a pass."""
    feeds.add(streams[0], ("R-1", 500), ("R-2", 900))
    feeds.add(streams[1], ("R-1", 500), ("R-3", 900))
    feeds.auto_match(reconciliation)
    return Match.objects.select_related("reconciliation", "rule_revision__rule").get()


def named(stream: Any, reference: str) -> int:
    return Record.objects.get(stream=stream, reference=reference).pk


def failed(found: Explanation) -> list[Any]:
    return [one.said.first_failed for one in found.rules if one.said is not None]


def test_a_match_is_explained_by_the_revision_that_made_it(feeds: Feeds, match: Match):
    rule = Rule.objects.get()
    rule.filters = {"operand": "and", "rules": [{"key": "date", "operand": "neq", "value": "date"}]}
    rule.save()
    revision_write(rule, by="system:test", at=NOW)
    found = explain_match(match)
    [one] = found.rules
    assert (one.revision.number, one.said and one.said.holds) == (1, True)
    assert one.said is not None
    [condition] = [each for each in one.said.conditions if each.path[0] == "filters"]
    assert (condition.key, condition.seen[0].value_a, condition.seen[0].value_b) == (
        "reference",
        "R-1",
        "R-1",
    )
    assert not found.taken
    assert not found.refused


def test_the_confidence_is_reckoned_from_its_lines(streams: tuple[Any, Any], match: Match):
    other = named(streams[1], "R-3")
    figure = Decimal(str(float(stated(1.0, 1.25, 0.02)))).quantize(Decimal("0.001"))
    known = {"rivals": 1.25, "rival_count": 2, "chance": 0.02, "runner_up": other, "confidence": figure}
    Match.objects.filter(pk=match.pk).update(**known)
    match.refresh_from_db()
    found = explain_match(match).confidence
    assert found is not None
    assert found.value == found.reckoned == figure
    values = {line.name: line.value for line in found.lines}
    assert values == {"ceiling": 1.0, "rivals": 1.25, "chance": 0.02}
    assert "2 rivals, the nearest 4.00 EUR further away" in found.lines[1].text
    assert "0.02 such records expected by accident" in found.lines[2].text
    assert found.runner_up is not None
    assert (found.runner_up.record.pk, found.runner_up.side) == (other, "b")
    assert found.runner_up.lost is not None
    assert (found.runner_up.lost.by, found.runner_up.lost.amount) == ("amount", 400)


def test_a_match_in_part_says_that_it_is_at_most_half_sure(match: Match):
    body = {**match.rule_revision.body, "on_difference": "suggest_partial"}
    revision = RuleFactory(reconciliation=match.reconciliation).revisions.create(
        number=1, body=body, created_at=NOW, created_by="system:test"
    )
    known = {"rivals": 0.0, "rival_count": 0, "chance": 0.0, "total_a": 600, "difference": 100}
    Match.objects.filter(pk=match.pk).update(**known, confidence=Decimal("0.5"), rule_revision=revision)
    found = explain_match(Match.objects.get(pk=match.pk)).confidence
    assert found is not None
    assert found.reckoned == found.value == Decimal("0.500")
    assert found.lines[-1].name == "in_part"


def test_where_the_numbers_were_not_kept_it_says_so(match: Match):
    Match.objects.filter(pk=match.pk).update(rivals=None, rival_count=None, chance=None, runner_up=None)
    found = explain_match(Match.objects.get(pk=match.pk)).confidence
    assert found is not None
    assert (found.reckoned, found.runner_up) == (None, None)
    assert "not kept" in found.note
    assert [line.name for line in found.lines] == ["ceiling"]


def test_a_match_by_a_person_says_so(feeds: Feeds, streams: tuple[Any, Any], reconciliation: Reconciliation):
    a, b = feeds.add(streams[0], ("x", 5)), feeds.add(streams[1], ("y", 7))
    found = explain_match(feeds.match(reconciliation, a, b))
    assert found.rules == []
    assert found.confidence is not None
    assert "person" in found.confidence.note


def test_why_not_names_the_first_condition_that_failed(
    streams: tuple[Any, Any], reconciliation: Reconciliation, match: Match
):
    found = explain_records(
        reconciliation, side_a=[named(streams[0], "R-2")], side_b=[named(streams[1], "R-3")]
    )
    assert failed(found) == [("filters", "rules", 0)]
    assert (found.match, found.confidence, found.taken, found.refused) == (None, None, {}, False)


def test_why_not_names_who_has_the_record(
    feeds: Feeds, streams: tuple[Any, Any], reconciliation: Reconciliation, match: Match
):
    [late] = feeds.add(streams[0], ("R-1", 500))
    taken = named(streams[1], "R-1")
    found = explain_records(reconciliation, side_a=[late.pk], side_b=[taken])
    assert failed(found) == [None]
    assert {record: one.pk for record, one in found.taken.items()} == {taken: match.pk}
    assert found.match is None


def test_why_not_says_that_it_was_refused(feeds: Feeds, reconciliation: Reconciliation, match: Match):
    feeds.act(match_reject, match_id=match.pk)
    refused = RejectedGroup.objects.get()
    found = explain_records(reconciliation, side_a=refused.side_a, side_b=refused.side_b)
    assert found.refused
    assert failed(found) == [None]
    assert explain_match(Match.objects.get()).refused
    more = Record.objects.get(reference="R-2").pk
    assert not explain_records(reconciliation, side_a=[*refused.side_a, more], side_b=refused.side_b).refused


def test_why_not_says_that_a_person_closed_it(
    reconciliation: Reconciliation, streams: tuple[Any, Any], match: Match
):
    closed = named(streams[0], "R-2")
    OpenItem.objects.filter(record_id=closed).update(
        closed_at=NOW, closed_by="user:1", close_reason="fee", cleared_on=TODAY
    )
    found = explain_records(reconciliation, side_a=[closed], side_b=[named(streams[1], "R-3")])
    assert {record: item.close_reason for record, item in found.closed.items()} == {closed: "fee"}


def test_records_that_match_are_explained_with_the_confidence_of_their_match(
    reconciliation: Reconciliation, streams: tuple[Any, Any], match: Match
):
    ids = {"side_a": [named(streams[0], "R-1")], "side_b": [named(streams[1], "R-1")]}
    found = explain_records(reconciliation, **ids)
    assert found.match == match
    assert found.confidence is not None
    assert found.confidence.value == match.confidence


def test_each_active_rule_is_asked_in_order(
    reconciliation: Reconciliation, streams: tuple[Any, Any], match: Match
):
    same_day = {"operand": "and", "rules": [{"key": "date", "operand": "eq", "value": "date"}]}
    for priority, status in ((1, "active"), (2, "proposed")):
        rule = RuleFactory(reconciliation=reconciliation, priority=priority, status=status, filters=same_day)
        revision_write(rule, by="system:test", at=NOW)
    found = explain_records(
        reconciliation, side_a=[named(streams[0], "R-2")], side_b=[named(streams[1], "R-3")]
    )
    assert [one.revision.rule.priority for one in found.rules] == [1, 10]
    assert failed(found) == [None, ("filters", "rules", 0)]


def test_records_of_other_sides_streams_and_organizations_are_unknown(
    feeds: Feeds, streams: tuple[Any, Any], reconciliation: Reconciliation, match: Match
):
    stray = feeds.add(feeds.stream("stray"), ("R-1", 500))[0].pk
    other = Feeds(actor_with("admin"))
    foreign = other.add(other.stream("theirs"), ("R-1", 500))[0].pk
    a, b = named(streams[0], "R-1"), named(streams[1], "R-1")
    for wrong in (stray, foreign, b, 10**15):
        with pytest.raises(Invalid) as refusal:
            explain_records(reconciliation, side_a=[a, wrong], side_b=[b])
        assert [issue["path"] for issue in refusal.value.issues] == [["side_a", 1]]


def test_a_rule_of_an_older_language_is_named_with_its_error(match: Match):
    body = {**match.rule_revision.body, "filters": {"key": "colour", "operand": "eq", "value": "colour"}}
    revision = RuleFactory(reconciliation=match.reconciliation).revisions.create(
        number=1, body=body, created_at=NOW, created_by="system:test"
    )
    Match.objects.filter(pk=match.pk).update(
        rule_revision=revision, rivals=0.0, rival_count=0, chance=0.0, runner_up=match.runner_up
    )
    [one] = explain_match(Match.objects.get(pk=match.pk)).rules
    assert one.said is None
    assert "colour" in one.error


def test_many_rules_and_records_cost_no_more_queries(
    feeds: Feeds, streams: tuple[Any, Any], reconciliation: Reconciliation, match: Match
):
    b = [named(streams[1], "R-3")]
    with CaptureQueriesContext(connection) as few:
        explain_records(reconciliation, side_a=[named(streams[0], "R-2")], side_b=b)
    for number in range(5):
        revision_write(RuleFactory(reconciliation=reconciliation, priority=number), by="system:test", at=NOW)
    rows = [RecordIn(date(2026, 3, 2), 5, "credit", "EUR", reference=f"N{n}") for n in range(30)]
    many = perform(partial(records_add, stream=streams[0], records=rows, by=feeds.by, at=NOW))
    with CaptureQueriesContext(connection) as more:
        explain_records(reconciliation, side_a=[one.pk for one in many], side_b=b)
    assert len(more) <= len(few) < 13


def test_what_a_pass_wrote_is_reckoned_again_to_the_same_figure(
    feeds: Feeds, streams: tuple[Any, Any], reconciliation: Reconciliation
):
    """Twins, rivals some days and cents away, and a sum: whatever the engine stated follows from the lines shown."""
    near = {
        "operand": "and",
        "rules": [
            {
                "key": "amount",
                "operand": "eq",
                "value": "amount",
                "tolerance_amount": 1,
                "tolerance_unit": "dollar",
            },
            {"key": "date", "operand": "eq", "value": "date", "tolerance_amount": 3, "tolerance_unit": "day"},
        ],
    }
    Rule.objects.update(filters=near, score=Decimal("0.970"))
    revision_write(Rule.objects.get(), by="system:test", at=NOW)
    for stream in streams:
        rows = [
            RecordIn(
                TODAY - timedelta(days=n % 4),
                500 + 7 * (n % 5),
                "credit",
                "EUR",
                reference=f"{stream.key} {n}",
            )
            for n in range(12)
        ]
        feeds.act(records_add, stream=stream, records=rows)
    feeds.auto_match(reconciliation)
    found = [explain_match(match).confidence for match in Match.objects.select_related("reconciliation")]
    assert len(found) == 12
    assert all(one is not None and one.value == one.reckoned for one in found)
    told = [one.runner_up.lost for one in found if one is not None and one.runner_up is not None]
    assert told
    assert all(lost is not None for lost in told)


def test_a_part_of_a_group_is_neither_that_match_nor_that_refusal(
    feeds: Feeds, streams: tuple[Any, Any], reconciliation: Reconciliation
):
    a, b = feeds.add(streams[0], ("x", 5), ("y", 6)), feeds.add(streams[1], ("z", 11))
    match = feeds.match(reconciliation, a, b)
    part = {"side_a": [a[0].pk], "side_b": [b[0].pk]}
    whole = {"side_a": [record.pk for record in a], "side_b": [b[0].pk]}
    assert explain_records(reconciliation, **part).match is None
    assert explain_records(reconciliation, **whole).match == match
    feeds.act(match_reject, match_id=match.pk)
    assert not explain_records(reconciliation, **part).refused
    assert explain_records(reconciliation, **whole).refused
