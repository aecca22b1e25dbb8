"""The button that looks for rules: when it is offered, and what it does."""

from __future__ import annotations

from functools import partial

import pytest

from organizations.acts import perform
from reconciliation.admin.proposing import propose_act
from reconciliation.models import RuleJob
from tests.clock import NOW
from tests.reconciliation.proposing import clean, trade_of

pytestmark = pytest.mark.django_db


def test_it_asks_for_a_search():
    trade = trade_of()
    trade.feed(clean())
    act = propose_act(trade.reconciliation)
    assert (act.against, act.scope) == ("", "rules:write")
    job = perform(partial(act.run, by=trade.feeds.by, at=NOW))
    assert (job.kind, job.status) == ("proposal", "pending")
    assert RuleJob.objects.count() == 1
    assert "already" in propose_act(trade.reconciliation).against


def test_it_is_greyed_without_records_on_both_sides():
    trade = trade_of()
    assert "both sides" in propose_act(trade.reconciliation).against


def test_it_is_greyed_for_a_settlement():
    trade = trade_of()
    trade.reconciliation.kind = "settlement"
    assert "settlement" in propose_act(trade.reconciliation).against
