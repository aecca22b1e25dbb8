"""Amounts of 64 bits, which add up to more than that."""

from __future__ import annotations

import pytest

from ledgers.money import MINOR_MAX
from reconciliation.selectors.integrity import faults, open_sums
from reconciliation.selectors.open_sides import open_sides
from tests.clock import NOW
from tests.reconciliation.by_hand import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.add("a", *[(f"A{number}", MINOR_MAX) for number in range(3)])
    desk.add("b", *[(f"B{number}", -MINOR_MAX) for number in range(2)])
    return desk


def test_the_open_sides_of_a_reconciliation_are_summed(desk: Desk):
    sides = open_sides(desk.reconciliation, at=NOW).sides
    assert [each.amount for side in sides for each in side.sums] == [3 * MINOR_MAX, -2 * MINOR_MAX]
    assert {type(each.amount) for side in sides for each in side.sums} == {int}


def test_the_check_of_integrity_sums_them(desk: Desk):
    assert faults() == []
    assert [row[5] for row in open_sums()] == [3 * MINOR_MAX, -2 * MINOR_MAX]
