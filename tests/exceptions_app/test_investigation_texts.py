"""How sure a finding is in words, and what its sentences name."""

from __future__ import annotations

from datetime import date

import pytest

from exceptions_app.investigating.texts import (
    CAUSE_WORDS,
    SENTENCES,
    cause_words,
    finding_text,
    listed,
    sureness,
)
from exceptions_app.models import Finding
from ledgers.models import Record
from rules.engine.investigation import CAUSES
from tests.exceptions_app.investigating import Acquirer
from tests.exceptions_app.test_finding_taking import finding_of

DAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("confidence", "words"),
    [
        (1.0, "Very likely (99%)"),
        (0.95, "Very likely (95%)"),
        (0.949, "Likely (94%)"),
        (0.75, "Likely (75%)"),
        (0.4, "Possible (40%)"),
        (0.399, "A weak hint (39%)"),
        (0.0, "A weak hint (0%)"),
    ],
)
def test_it_is_never_said_to_be_certain(confidence, words):
    assert sureness(confidence) == words


def test_every_cause_has_its_words_and_its_sentence():
    assert set(CAUSE_WORDS) == set(SENTENCES) == set(CAUSES)
    assert cause_words("fee") == "fee taken off"


def test_lists_are_told_as_people_do():
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def told(finding: Finding, *records: Record) -> str:
    return finding_text(finding, {record.pk: record for record in records})


@pytest.mark.django_db
def test_one_of_several_sets_is_not_called_an_answer():
    acquirer = Acquirer()
    late, one, two = acquirer.overdue(50_00, DAY), acquirer.paid(20_00, DAY), acquirer.paid(30_00, DAY)
    facts = {"sets": 4, "sets_exact": False, "verdict": "ambiguous", "pool": 40, "rivals": 1}
    text = told(finding_of(acquirer, late, one, two, cause="split_payment", facts=facts), late, one, two)
    assert "It is one of at least 4 sets of 40 records that add up: compare them first." in text
    assert "1 other record fits about as well: compare first." in text
    exhausted = finding_of(acquirer, late, one, two, cause="split_payment", facts={"verdict": "exhausted"})
    assert "the search ended at its budget" in told(exhausted, late, one, two)


@pytest.mark.django_db
def test_a_fee_is_told_with_its_schedule_and_how_many_follow_it():
    acquirer = Acquirer()
    late, paid = acquirer.overdue(43_10, DAY), acquirer.paid(41_55, DAY)
    facts = {"days": 2, "fee": 1_55, "percent": 2.9, "fixed": 30, "schedule_pairs": 12}
    text = told(finding_of(acquirer, late, paid, cause="fee", difference=1_55, facts=facts), late, paid)
    assert "differs by a fee of 1.55\u00a0EUR (2.9% + 0.30\u00a0EUR), 2 days later." in text
    assert "12 pairs of these records follow the same schedule." in text


@pytest.mark.django_db
def test_hostile_and_long_texts_are_cut_and_stay_one_line():
    acquirer = Acquirer()
    late = acquirer.overdue(43_10, DAY, counterparty="<b>a\n\n" + "long " * 40)
    text = told(finding_of(acquirer, late, late, cause="equal_amount"), late)
    assert "\n" not in text
    assert "<b>a long long long long long long long…" in text


@pytest.mark.django_db
def test_a_record_that_is_not_at_hand_is_named_by_its_number():
    acquirer = Acquirer()
    late, paid = acquirer.overdue(43_10, DAY), acquirer.paid(43_10, DAY)
    assert told(finding_of(acquirer, late, paid), late).startswith(f"Record {late.pk} (")
    assert f"record {paid.pk} has the same amount" in told(finding_of(acquirer, late, paid), late)
