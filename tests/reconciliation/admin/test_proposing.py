"""The button that looks for rules: when it is offered, and what it does."""

from __future__ import annotations

from functools import partial

import pytest
from django.urls import reverse

from organizations.acts import perform
from reconciliation.admin.proposing import propose_act
from reconciliation.models import RuleJob
from reconciliation.tasks import execute_rule_job
from tests.clock import NOW
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.proposing import Trade, clean, trade_of

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


def test_it_is_pressed_on_the_reconciliations_page_and_the_search_tells_what_it_found():
    client, membership = signed_in("admin")
    trade = trade_of(membership.organization)
    trade.feed(clean())
    assert "Propose rules" in text_of(client.get(page_of(trade)))
    url = reverse("admin:rules_reconciliation_act", args=[trade.reconciliation.pk, "propose-rules"])
    assert "open records alone" in text_of(client.get(url))
    answer = client.post(url)
    job = RuleJob.objects.get()
    assert answer["Location"] == reverse("admin:reconciliation_rulejob_change", args=[job.pk])
    assert "It waits for a worker." in text_of(client.get(answer["Location"]))
    execute_rule_job(job_id=job.pk)
    text = text_of(client.get(answer["Location"]))
    assert "What it proposes stands among the rules." in text
    assert "Finds a sole partner for 120 of 126 open records" in text
    assert "Propose rules" in text_of(client.get(page_of(trade)))


def test_who_may_not_write_rules_cannot_press_it():
    client, membership = signed_in("operator")
    trade = trade_of(membership.organization)
    trade.feed(clean())
    client.post(reverse("admin:rules_reconciliation_act", args=[trade.reconciliation.pk, "propose-rules"]))
    assert not RuleJob.objects.exists()


def page_of(trade: Trade) -> str:
    return reverse("admin:rules_reconciliation_change", args=[trade.reconciliation.pk])
