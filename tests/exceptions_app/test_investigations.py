"""Investigations end to end: asked for, done by the task, and what is kept of them."""

from __future__ import annotations

from datetime import date

import pytest

from tests.exceptions_app.investigating import Account, Acquirer

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_overdue_is_nothing_found():
    acquirer = Acquirer()
    done = acquirer.investigate()
    assert (done.status, done.outcome, done.confidence, done.records_asked) == ("completed", "no_match", 0, 0)
    assert "Nothing is overdue" in done.recommendation_text


def test_a_record_without_a_cause_is_said_to_be_unexplained():
    acquirer = Acquirer()
    acquirer.overdue(17_50, date(2026, 3, 2))
    acquirer.paid(999_99, date(2026, 3, 2))
    done = acquirer.investigate()
    assert (done.status, done.outcome, done.records_asked) == ("completed", "no_match", 1)
    assert "nothing was found" in done.recommendation_text


def test_ledgers_are_looked_at_too():
    account = Account()
    account.upload("2026-02-04,1250.00,credit,INV-701,S1")
    done = account.investigate()
    assert (done.status, done.outcome, done.records_asked) == ("completed", "no_match", 1)
