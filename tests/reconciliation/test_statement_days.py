"""The days that a statement is of: as stated, else as its lines show; old rows get the same by their migration."""

from importlib import import_module

import pytest
from django.db import connection

from ledgers.models import Statement
from tests.factories.organizations import actor_with
from tests.ledgers.formats.other_files import mt940
from tests.reconciliation.statements import Proving, Said, camt, chain, csv, day, lines, row

pytestmark = pytest.mark.django_db

FILL = import_module("ledgers.migrations.0005_statement_days").FILL


@pytest.fixture
def proving() -> Proving:
    return Proving(actor_with())


def days() -> list[tuple]:
    return list(Statement.objects.order_by("pk").values_list("begins_on", "ends_on"))


def test_what_the_file_says_comes_first(proving):
    proving.upload(camt(*chain(Said(lines(1, 2, on=day(3), days=1), first=day(2), last=day(6)))))
    assert days() == [(day(2), day(6))]


def test_without_a_period_the_lines_say_it(proving):
    proving.upload(csv(lines(1, 2, 3, on=day(3), days=2), [1, 3, 6]))
    assert days() == [(day(3), day(7))]


def test_a_line_booked_before_the_opening_balance_makes_no_longer_statement(proving):
    proving.upload(mt940([[row(line) for line in lines(5, on=day(2))]]))
    assert days() == [(day(31), day(31))]


def test_a_statement_without_days_and_lines_is_of_none(proving):
    proving.upload(camt(Said()))
    assert days() == [(None, None)]


def test_old_statements_get_the_same_days_and_running_it_again_changes_nothing(proving):
    proving.upload(camt(*chain(Said(lines(1, 2, on=day(3), days=1), first=day(2), last=day(6)))))
    Proving(actor_with()).upload(csv(lines(1, 2, 3, on=day(3), days=2), [1, 3, 6]))
    Proving(actor_with()).upload(mt940([[row(line) for line in lines(5, on=day(2))]]))
    Proving(actor_with()).upload(camt(Said()))
    known = days()
    Statement.objects.update(begins_on=None, ends_on=None)
    for _again in range(2):
        with connection.cursor() as cursor:
            cursor.execute(FILL)
        assert days() == known
