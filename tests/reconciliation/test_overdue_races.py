"""A recompute beside people who match and undo: whatever comes first, nothing keeps the day of the old policy."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial

import pytest
from django.db import transaction

from organizations.refusals import Refusal
from reconciliation.models import MatchMember, OpenItem, OverdueRecompute
from reconciliation.selectors.integrity import faults
from reconciliation.services.groups import group_match
from reconciliation.services.locks import share_reconciliations
from reconciliation.services.matches import match_undo
from reconciliation.services.policies import policy_change
from reconciliation.services.recompute import recompute_execute
from reconciliation.services.stream_records import record_change
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.hammer.scenarios import beside
from tests.organizations.threads import run_together
from tests.reconciliation.races import performed
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db(transaction=True)

PAIRS = 24


def test_nothing_slips_between_tokens_and_members(settings):
    settings.CHUNK_GROUPS = 5
    feeds = Feeds(actor_with("admin"))
    a, b = feeds.stream("a"), feeds.stream("b")
    made = feeds.reconciliation(a, b)
    ours = feeds.add(a, *((f"R{n}", 100) for n in range(PAIRS)))
    theirs = feeds.add(b, *((f"R{n}", 100) for n in range(PAIRS)))
    matches = [feeds.match(made, [ours[n]], [theirs[n]]) for n in range(0, PAIRS, 2)]
    feeds.act(policy_change, reconciliation=made, after_days=3, overdue_from=date(2026, 1, 1))
    asked = OverdueRecompute.objects.get()

    def matched(n: int):
        def act(by, at):
            share_reconciliations([made.pk])
            group_match(reconciliation=made, run=None, side_a=[ours[n]], side_b=[theirs[n]], by=by, at=at)

        return performed(act, by=feeds.by, at=NOW)

    def people():
        for place, n in enumerate(range(1, PAIRS, 2)):
            matched(n)()
            performed(match_undo, match_id=matches[place].pk, by=feeds.by, at=NOW)()

    def changers():
        for n in range(PAIRS - 1, 0, -1):
            change = {"record": ours[n], "changes": {"date": date(2026, 3, 20)}}
            try:
                performed(record_change, **change, by=feeds.by, at=NOW)()
            except Refusal:
                continue  # matched by then

    def worker():
        recompute_execute(recompute_id=asked.pk, clock=lambda: NOW)

    for result in run_together(worker, people, changers):
        assert not isinstance(result, Exception), result
    asked.refresh_from_db()
    assert asked.status == "completed", asked.error
    expected = {date(2026, 3, 2): 5, date(2026, 3, 20): 23}
    for model, more in ((OpenItem, {}), (MatchMember, {"live": True})):
        for day, due in model.objects.filter(**more).values_list("record__date", "overdue_at"):
            assert due == datetime(2026, 3, expected[day], tzinfo=UTC)
    assert faults() == []


def test_a_match_that_is_being_undone_gives_back_a_token_that_is_stamped_after_all():
    """The chunk waits for the member's row; when it comes free the token is there, made of what the member said before."""
    feeds = Feeds(actor_with("admin"))
    a, b = feeds.stream("a"), feeds.stream("b")
    made = feeds.reconciliation(a, b)
    match = feeds.match(made, feeds.add(a, ("R1", 100)), feeds.add(b, ("R1", 100)))
    feeds.act(policy_change, reconciliation=made, after_days=3, overdue_from=date(2026, 1, 1))
    asked = OverdueRecompute.objects.get()
    with transaction.atomic():
        match_undo(match_id=match.pk, by=feeds.by, at=NOW)
        worker = beside(partial(recompute_execute, recompute_id=asked.pk, clock=lambda: NOW))
        worker.__enter__()
    worker.__exit__(None, None, None)
    asked.refresh_from_db()
    assert asked.status == "completed", asked.error
    assert set(OpenItem.objects.values_list("overdue_at", flat=True)) == {datetime(2026, 3, 5, tzinfo=UTC)}
