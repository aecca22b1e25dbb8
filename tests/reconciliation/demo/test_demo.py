"""The demo finds what it planted, prints the same each time it is called, and says so when something is otherwise."""

import io
from functools import partial
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ledgers.models import Record
from organizations.acts import perform
from organizations.models import ApiKey, Organization, User
from organizations.services.keys import api_key_find
from reconciliation.demo import files, loading, months
from reconciliation.demo.loading import EMAIL, SLUG
from reconciliation.demo.play import play
from reconciliation.models import Discrepancy, Match, Pass
from reconciliation.services.matches import match_reject
from rules.models import Rule
from rules.services import setup
from rules.states import RuleStatus
from tests.clock import NOW

pytestmark = pytest.mark.django_db(transaction=True)

EXPECTED = Path(__file__).with_name("expected.txt").read_text().strip()
"""What people read. Changed on purpose only."""


def printed(*arguments: str) -> str:
    out = io.StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


def clock():
    return NOW


def quiet(_line: str) -> None:
    pass


def rows() -> dict[str, int]:
    return {
        model.__name__: model.objects.count() for model in (Record, Match, Pass, Discrepancy, ApiKey, User)
    }


@pytest.mark.worker
def test_the_demo_is_matched_by_the_worker_and_gives_a_login_and_a_key_that_work(worker):
    told = printed("--wait", "60")
    assert EXPECTED in told
    assert "lines matched by the worker" in told
    assert "No worker" not in told

    password = told.split("with the password ")[1].split()[0]
    assert User.objects.get(email=EMAIL).check_password(password)
    key = api_key_find(told.split("API key, shown only now: ")[1].split()[0], at=NOW)
    assert key is not None
    assert key.organization == Organization.objects.get(slug=SLUG)


def test_a_second_call_adds_nothing_and_prints_the_table_again():
    first = printed("--wait", "0")
    before = rows()
    again = printed("--wait", "0")

    assert EXPECTED in first
    assert EXPECTED in again
    assert rows() == before
    assert "is there already" in again
    assert "API key, shown" not in again


def test_a_call_that_was_broken_off_is_taken_up_by_the_next():
    tenant = loading.tenant(clock=clock)
    month = months.eur_month()
    ledger = loading.ledger_of(month.account, by=tenant.by, clock=clock)
    loading.fill_run(ledger, files.eur_files(month)[:2], by=tenant.by, clock=clock, say=quiet)

    told = printed("--wait", "0")
    assert EXPECTED in told
    assert "No worker took it within 0 s" in told


def test_it_fails_where_something_planted_is_not_found():
    """Without the rule that sums entries, the batches stay open."""
    tenant = loading.tenant(clock=clock)
    perform(partial(setup.default_rules, tenant.organization.pk, by=tenant.by, at=NOW))
    Rule.objects.filter(cardinality="one_to_many").update(status=RuleStatus.DISCARDED)

    with pytest.raises(CommandError, match="did not find what was planted"):
        printed("--wait", "0")


def test_what_people_did_since_is_told_and_is_no_failure():
    tenant = loading.tenant(clock=clock)
    play(by=tenant.by, wait=0, clock=clock, say=quiet)
    payroll = Match.objects.get(record_count=7)
    perform(partial(match_reject, match_id=payroll.pk, by=tenant.by, at=NOW))

    told = printed("--wait", "0")
    assert "batches: 4 planned, 3 found" in told
    assert "worked on since" in told
