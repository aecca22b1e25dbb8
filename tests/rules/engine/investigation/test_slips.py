"""Each cause at its boundary: what an amount can become by a slip, and what is no longer one."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rules.engine.investigation import MATCHED, Cause, Outcome, investigate
from rules.engine.investigation import fees as schedules_of
from rules.engine.investigation.currencies import learnt_rates
from rules.engine.investigation.derived import shifted, swapped
from rules.engine.investigation.fees import after_fee, is_fee, learnt
from rules.engine.investigation.records import LARGEST
from tests.rules.engine.investigation.world import frame, record

PAYER = {"counterparty": "Kabado Logistics"}
NOBODY = frame([], MATCHED)


def by_row(derived) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for row, value in zip(derived.row.tolist(), derived.value.tolist(), strict=True):
        found.setdefault(row, set()).add(value)
    return found


def facing(
    own: dict, *others: dict, magnitude: bool = True, matched: pl.DataFrame = NOBODY, **given
) -> list[dict]:
    """What is said of a record among 60 others of other people."""
    rng = np.random.default_rng(1)
    noise = [
        record(
            1000 + place,
            "b",
            int(rng.integers(0, 120)),
            int(rng.integers(1_00, 9000_00)),
            description=f"Shop {place}",
        )
        for place in range(60)
    ]
    asked = frame([own])
    findings = investigate(asked, asked, frame([*others, *noise]), matched, magnitude=magnitude, **given)
    assert findings.outcomes["record"].to_list() == [own["id"]]
    return list(findings.findings.iter_rows(named=True))


def first(own: dict, *others: dict, **given) -> dict:
    return facing(own, *others, **given)[0]


# --- Swapped digits -------------------------------------------------------------------------------------------


def test_neighbouring_digits_are_swapped_at_every_place():
    assert by_row(swapped(np.array([1234]))) == {0: {2134, 1324, 1243}}


def test_equal_neighbours_and_a_leading_nought_are_no_swap():
    assert by_row(swapped(np.array([1123, 1050, 7, 11]))) == {0: {1213, 1132}, 1: {1500, 1005}}


def test_the_sign_stays_when_digits_are_swapped():
    assert by_row(swapped(np.array([-12]))) == {0: {-21}}


def test_each_of_many_swaps_says_less():
    found = swapped(np.array([12, 123456]))
    assert found.likely[found.row == 0].tolist() == [1.0]
    assert found.likely[found.row == 1].tolist() == [0.2] * 5


def test_swapped_neighbours_are_told_with_their_digits():
    said = first(record(1, "a", 50, 5_412_37, **PAYER), record(2, "b", 51, 5_142_37, **PAYER))
    assert (said["cause"], said["suggested"], said["outcome"]) == (
        Cause.SWAPPED_DIGITS,
        [2],
        Outcome.MATCH_FOUND,
    )
    facts = said["facts"]
    assert (facts["digits"], facts["other_digits"], facts["days"], facts["shared_by"]) == ("41", "14", 1, 1)
    assert said["difference"] == 5_412_37 - 5_142_37


def test_digits_that_are_not_neighbours_are_not_swapped():
    causes = {
        one["cause"]
        for one in facing(record(1, "a", 50, 5_412_37, **PAYER), record(2, "b", 51, 7_412_35, **PAYER))
    }
    assert Cause.SWAPPED_DIGITS not in causes


# --- The decimal point ----------------------------------------------------------------------------------------


def test_the_point_slips_by_up_to_three_places_either_way():
    assert by_row(shifted(np.array([4_000]))) == {0: {40_000, 400_000, 4_000_000, 400, 40, 4}}


def test_a_slip_that_would_lose_digits_is_none():
    assert by_row(shifted(np.array([1_230, -7]))) == {
        0: {12_300, 123_000, 1_230_000, 123},
        1: {-70, -700, -7000},
    }


def test_a_slip_beyond_what_is_looked_at_is_none():
    assert by_row(shifted(np.array([LARGEST]))) == {}


@pytest.mark.parametrize(
    ("currency", "places", "factor"), [("JPY", 0, 100), ("EUR", 2, 100), ("KWD", 3, 1000), ("EUR", 2, 10)]
)
def test_a_slip_is_told_with_its_factor(currency, places, factor):
    money = {"currency": currency, "decimal_places": places, **PAYER}
    said = first(record(1, "a", 50, 48_371, **money), record(2, "b", 51, 48_371 * factor, **money))
    assert (said["cause"], said["suggested"], said["facts"]["factor"]) == (Cause.DECIMAL_SLIP, [2], factor)
    back = first(record(1, "a", 50, 48_371 * factor, **money), record(2, "b", 51, 48_371, **money))
    assert (back["cause"], back["facts"]["factor"]) == (Cause.DECIMAL_SLIP, factor)


def test_other_factors_are_no_slip():
    for factor in (2, 20, 10_000):
        causes = {
            one["cause"]
            for one in facing(
                record(1, "a", 50, 48_371, **PAYER), record(2, "b", 51, 48_371 * factor, **PAYER)
            )
        }
        assert Cause.DECIMAL_SLIP not in causes


# --- The sign -------------------------------------------------------------------------------------------------


def test_a_refund_with_the_wrong_sign_is_a_sign_slip():
    own, other = record(1, "a", 50, -84_17, **PAYER), record(2, "b", 51, 84_17, **PAYER)
    for magnitude, left in ((True, 0), (False, -2 * 84_17)):
        said = first(own, other, magnitude=magnitude)
        assert (said["cause"], said["suggested"], said["difference"]) == (Cause.SIGN_SLIP, [2], left)


def matches(count: int, sign: int) -> pl.DataFrame:
    pairs = [
        (
            record(5000 + 2 * place, "a", 20, 70_00 + place),
            record(5001 + 2 * place, "b", 20, sign * (70_00 + place)),
        )
        for place in range(count)
    ]
    return frame([{"match": place, **one} for place, pair in enumerate(pairs) for one in pair], MATCHED)


def test_where_the_sides_have_opposite_signs_the_same_sign_is_the_slip():
    own, opposite, same = (
        record(1, "a", 50, 84_17, **PAYER),
        record(2, "b", 51, -84_17, **PAYER),
        record(3, "b", 51, 84_17, **PAYER),
    )
    assert first(own, opposite, matched=matches(30, -1))["cause"] == Cause.EQUAL_AMOUNT
    assert first(own, same, matched=matches(30, -1))["cause"] == Cause.SIGN_SLIP
    assert first(own, same, matched=matches(30, 1))["cause"] == Cause.EQUAL_AMOUNT


def test_where_signs_mean_nothing_there_is_no_sign_slip():
    either = pl.concat(
        [matches(30, 1), matches(30, -1).with_columns(pl.col("id") + 1000, pl.col("match") + 1000)]
    )
    own = record(1, "a", 50, 84_17, **PAYER)
    for amount in (84_17, -84_17):
        assert first(own, record(2, "b", 51, amount, **PAYER), matched=either)["cause"] == Cause.EQUAL_AMOUNT


# --- Fees -----------------------------------------------------------------------------------------------------


def gross_and_net(seed: int, *taken: tuple[float, int], size: int = 20) -> tuple[np.ndarray, np.ndarray]:
    gross = np.random.default_rng(seed).integers(20_00, 900_00, size * len(taken))
    parts = [
        np.floor(one * percent + 0.5).astype(np.int64) + fixed
        for (percent, fixed), one in zip(taken, np.split(gross, len(taken)), strict=True)
    ]
    return gross, gross - np.concatenate(parts)


@pytest.mark.parametrize(
    "taken",
    [[(0.029, 30)], [(0.0149, 0)], [(0.0, 12_50)], [(0.029, 30), (0.01, 0)], [(0.029, 30), (0.0, 15_00)]],
)
def test_fees_are_learnt_percent_and_fixed(taken):
    found = learnt(*gross_and_net(3, *taken), 2)
    seen = {
        (round(float(percent), 4), int(fixed))
        for percent, fixed, pairs in zip(found.percent, found.fixed, found.pairs, strict=True)
        if pairs
    }
    assert seen == set(taken)


def test_differences_that_follow_nothing_teach_no_fee():
    rng = np.random.default_rng(5)
    gross = rng.integers(20_00, 900_00, 60)
    found = learnt(gross, gross - (gross * rng.uniform(0.01, 0.08, 60)).astype(np.int64) - 1, 2)
    assert found.pairs.max() == 0


def test_the_same_price_again_and_again_teaches_no_fee():
    found = learnt(np.full(50, 10_00), np.full(50, 9_41), 2)
    assert found.pairs.max() == 0


def test_a_capped_fee_is_learnt_as_a_fixed_one():
    """1% and 10.00 at most: above 1,000.00 it is 10.00 always."""
    gross = np.random.default_rng(6).integers(50_00, 4000_00, 80)
    found = learnt(gross, gross - np.minimum(np.floor(gross * 0.01 + 0.5).astype(np.int64), 10_00), 2)
    seen = {
        (round(float(percent), 4), int(fixed))
        for percent, fixed, pairs in zip(found.percent, found.fixed, found.pairs, strict=True)
        if pairs
    }
    assert {(0.01, 0), (0.0, 10_00)} <= seen


def test_what_is_left_after_a_fee_and_what_was_there_before_it():
    schedule = schedules_of.Schedules(np.array([0.029]), np.array([30]), np.array([1.0]), np.array([9]))
    found = by_row(after_fee(np.array([100_00, -100_00]), schedule))
    assert found[0] == {96_79, 96_80, 96_81, 103_29, 103_30, 103_31}
    assert found[1] == {-value for value in found[0]}


def test_more_than_a_quarter_or_than_the_cap_is_no_fee():
    gross = np.array([100_00, 100_00, 300_00, 300_00, 10_000_00, 10_000_00, 100_00, 100_00])
    net = np.array([75_00, 74_99, 250_00, 249_99, 9_200_00, 9_199_99, 100_00, 0])
    assert is_fee(gross, net, np.full(8, 2)).tolist() == [True, False] * 3 + [False, False]


@pytest.mark.parametrize(("own", "other"), [(400_00, 388_10), (388_10, 400_00), (-400_00, -388_10)])
def test_a_fee_is_told_with_its_amount_whichever_side_has_it_taken_off(own, other):
    told = {"reference": "INV-71204"}
    said = first(record(1, "a", 50, own, **told), record(2, "b", 52, other, **told))
    assert (said["cause"], said["suggested"], said["facts"]["fee"]) == (Cause.FEE, [2], 11_90)
    assert (said["facts"]["percent"], said["facts"]["fixed"], said["facts"]["schedule_pairs"]) == (2.9, 30, 0)


# --- Currencies -----------------------------------------------------------------------------------------------


def test_a_rate_is_learnt_from_agreeing_pairs_and_by_way_of_a_third_currency():
    unit, other = np.array([0] * 6 + [1] * 6), np.array([1] * 6 + [2] * 6)
    rates = np.concatenate(
        (np.log(1.09) + np.linspace(-0.01, 0.01, 6), np.log(150) + np.linspace(-0.01, 0.01, 6))
    )
    found = {pair: float(np.exp(rate)) for pair, rate in learnt_rates(unit, other, rates).items()}
    expected = {(0, 1): 1.09, (1, 2): 150, (0, 2): 163.5}
    expected |= {(two, one): 1 / rate for (one, two), rate in expected.items()}
    assert found == {pair: pytest.approx(rate, rel=0.025) for pair, rate in expected.items()}


def test_pairs_that_disagree_teach_no_rate():
    rates = np.random.default_rng(2).normal(0, 2, 40)
    assert learnt_rates(np.zeros(40, np.int64), np.ones(40, np.int64), rates) == {}


@pytest.mark.parametrize(("amount", "rate"), [(436_00, 1.09), (400_00, 1.0)])
def test_another_currency_is_told_with_its_rate(amount, rate):
    told = {"reference": "INV-71204"}
    dollars = {"currency": "USD", **told}
    said = first(record(1, "a", 50, 400_00, **told), record(2, "b", 51, amount, **dollars))
    facts = said["facts"]
    assert (said["cause"], said["suggested"], said["difference"]) == (Cause.OTHER_CURRENCY, [2], None)
    assert (facts["currency"], facts["other_currency"], facts["rate"]) == ("EUR", "USD", pytest.approx(rate))


def test_the_rate_is_of_major_units():
    yen = {"currency": "JPY", "decimal_places": 0, "reference": "INV-71204"}
    said = first(record(1, "a", 50, 400_00, reference="INV-71204"), record(2, "b", 51, 65_200, **yen))
    assert (said["cause"], said["facts"]["rate"]) == (Cause.OTHER_CURRENCY, pytest.approx(163))


def test_equal_figures_of_another_currency_without_a_shared_word_explain_nothing():
    said = facing(record(1, "a", 50, 48_371, **PAYER), record(2, "b", 50, 48_371, currency="USD"))
    assert [one for one in said if 2 in one["suggested"]] == []


def test_the_same_code_with_other_decimal_places_is_another_unit():
    said = facing(record(1, "a", 50, 48_371, **PAYER), record(2, "b", 50, 48_371, decimal_places=3, **PAYER))
    assert {one["cause"] for one in said} <= {Cause.OTHER_CURRENCY}
