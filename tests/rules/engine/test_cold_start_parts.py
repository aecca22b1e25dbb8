"""The parts of cold start against slow and obvious ways to the same: the calendar, windows, forms, counts and estimates."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import match, parse_rule
from rules.engine.cold_start import Estimate, Form, near, propose, wilson
from rules.engine.cold_start.bodies import likeness, pair_body, pair_of
from rules.engine.cold_start.calendar import Calendar, blocks
from rules.engine.cold_start.equal import Line, draw
from rules.engine.cold_start.estimate import in_the_way
from rules.engine.cold_start.exposure import EXPOSED_LEAST, exposure
from rules.engine.cold_start.forms import DIGITS, FIRST_WORDS, LETTERS_AND_DIGITS, SAME, Texts, worth_trying
from rules.engine.cold_start.groups import gathered
from rules.engine.cold_start.near import near_pairs
from rules.engine.cold_start.pool import Books, Pool
from rules.engine.cold_start.tolerances import EQUAL, TOLERANCES
from rules.engine.cold_start.trials import trial_of
from rules.engine.cold_start.windows import excess, windows
from rules.engine.sides import Side
from tests.clock import TODAY
from tests.rules.engine import planted
from tests.rules.engine.planted import side, with_amounts

DAYS = st.lists(st.integers(0, 400), min_size=1, max_size=60).map(lambda days: np.array(days, np.int64))


@given(days=DAYS, lag=st.integers(-40, 40))
def test_a_moved_calendar_keeps_weekdays_and_leaves_no_true_pair_within_reach(days, lag):
    calendar = Calendar.of(days)
    weeks = len(np.unique((days + 3) // 7))
    assert (calendar is None) == (weeks < 2)
    if calendar is None:
        return
    assert 3 <= calendar.reach <= 31
    assert calendar.trying
    assert calendar.checking
    for by in {*calendar.trying, *calendar.checking}:
        moved = calendar.moved(days, by)
        assert ((moved - days) % 7 == 0).all()
        assert (np.unique((moved + 3) // 7) == calendar.weeks).all()
        if abs(lag) <= calendar.reach:
            own = days - lag  # the days of the true partners on Side A
            assert (np.abs(moved - own) > calendar.reach).all()


def test_the_worlds_for_choosing_and_for_checking_are_different_ones():
    calendar = Calendar.of(np.arange(364))
    assert calendar.reach == 31
    assert len(calendar.trying) == 3
    assert len(calendar.checking) == 6
    assert not set(calendar.trying) & set(calendar.checking)


@given(days=st.lists(st.integers(0, 30), min_size=1, max_size=200), wanted=st.integers(3, 100))
def test_a_sample_is_of_whole_days(days, wanted):
    days = np.array(days, np.int64)
    chosen = blocks(days, wanted)
    assert chosen.any()
    assert not np.intersect1d(days[chosen], days[~chosen]).size
    if len(days) <= wanted:
        assert chosen.all()


def test_a_sample_is_taken_early_in_the_middle_and_late():
    days = np.repeat(np.arange(300), 10)
    chosen = np.unique(days[blocks(days, 300)])
    assert len(chosen) == pytest.approx(30, abs=3)
    assert [int(((chosen >= low) & (chosen < low + 100)).sum()) > 0 for low in (0, 100, 200)] == [True] * 3


HISTOGRAM = st.lists(st.integers(0, 30), min_size=9, max_size=9)


@given(more=HISTOGRAM)
def test_windows_are_the_shortest_that_hold_their_share(more):
    found = windows(np.array(more, float), 4)
    if not sum(more):
        assert found == []
        return
    every = [(low, high) for low in range(9) for high in range(low, 9)]
    for share in (0.5, 0.8, 0.9, 0.97, 0.995):
        holding = [
            (high - low, -sum(more[low : high + 1]), low)
            for low, high in every
            if sum(more[low : high + 1]) >= share * sum(more) - 1e-9
        ]
        width, _held, low = min(holding)
        assert (low - 4, low + width - 4) in found
    assert len(found) <= 5


def test_what_may_be_there_by_chance_is_no_excess():
    here, elsewhere = np.array([100, 120, 7, 0]), [np.array([100, 100, 0, 4]), np.array([104, 96, 0, 2])]
    assert excess(here, elsewhere).tolist() == [0.0, 0.0, 7.0, 0.0]
    assert excess(np.array([150]), [np.array([100])])[0] == 50


@given(right=st.floats(0, 1), size=st.integers(1, 10_000))
def test_the_lower_bound_solves_wilsons_equation(right, size):
    low = wilson(right, size)
    assert 0 <= low <= right + 1e-12
    assert (right - low) ** 2 == pytest.approx(1.6448536269514722**2 * low * (1 - low) / size, abs=1e-9)


@pytest.mark.parametrize(
    ("pairs", "wrong", "rating"),
    [
        (1000, 0, "high"),
        (1000, 13, "medium"),
        (100, 0, "medium"),
        (52, 0, "medium"),
        (51, 0, None),
        (1000, 45, None),
    ],
)
def test_a_proposal_is_rated_by_its_lower_bound(pairs, wrong, rating):
    estimate = Estimate(pairs, wrong)
    assert estimate.is_proposed == (rating is not None)
    if rating:
        assert estimate.rating == rating
    assert estimate.precision < 1 - wrong / pairs


def test_an_accident_counts_less_where_a_true_partner_stands_beside_it():
    assert [in_the_way(covered) for covered in (0, 1, 1.5, -0.1, 0.5)] == [1, 0.5, 0.5, 1, 0.75]


def texts_of(**texts: list[str]) -> Texts:
    size = len(next(iter(texts.values())))
    return Texts(Side.load(side(np.arange(size), np.arange(size) + 1, **texts)))


def forms_of(a: list[str], b: list[str]) -> list[Form]:
    return worth_trying(
        texts_of(reference=a), texts_of(reference=b), np.ones(len(a), bool), np.ones(len(b), bool)
    )


def chains_of(a: list[str], b: list[str]) -> list[tuple[str, ...]]:
    return [
        tuple(f"{one.name} {one.n}" if one.n else one.name for one in form.chain) for form in forms_of(a, b)
    ]


NUMBERS = [f"{number}" for number in range(1000, 1100)]


def test_a_form_that_joins_nothing_more_is_not_tried():
    assert chains_of(NUMBERS, NUMBERS) == [()]


def test_forms_that_join_are_tried_from_the_plainest():
    a = [f"INV-{number} paid" for number in NUMBERS]
    b = [f"inv {number}" for number in NUMBERS]
    assert chains_of(a, b) == [("first_words 2",), ("digits_only",)]


def test_what_everybody_has_is_no_form():
    """First words and first letters that more than a fifth of all pairs share."""
    a, b = [f"CARD {number}" for number in NUMBERS], [f"CARD {number} EUR" for number in NUMBERS]
    assert ("first_words 1",) not in chains_of(a, b)
    assert not any(chain and chain[0] == "first_n_chars 4" for chain in chains_of(a, b))


def test_what_hardly_anybody_has_is_no_form():
    other = [f"X{number}" for number in range(500, 599)]
    assert forms_of([*NUMBERS[:1], *other], NUMBERS) == [Form("reference", "reference", SAME)]
    assert forms_of([*NUMBERS[:1], *other, *other], NUMBERS) == []


def world(seed: int, size: int = 40) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Few names, days and amounts: much meets. Every record has a reference of its own, so that none are twins."""
    rng = np.random.default_rng(seed)

    def one(mark: str) -> pl.DataFrame:
        money = rng.choice([1000, 1000, 1005, 1040, 2000, -1000, 60, -60], size)
        name = rng.choice(["", "Ann 1", "Ann 2", "Bob"], size)
        own = [f"{mark}{place}" for place in range(size)]
        return side(rng.integers(0, 60, size), money, description=name, reference=own)

    return one("a"), one("b")


def pool_of(a: pl.DataFrame, b: pl.DataFrame, *, magnitude: bool = False) -> Pool:
    left, right = Side.load(a), Side.load(b)
    calendar = Calendar.of(right.days("date"))
    assert calendar is not None
    return Pool.whole(Books(left, right, magnitude, calendar, np.ones(len(left), bool)))


FORMS = [
    None,
    *(
        Form("description", "description", chain)
        for chain in (SAME, DIGITS, LETTERS_AND_DIGITS, FIRST_WORDS[2])
    ),
]
WINDOWS = [(-3, 3), (0, 0), (-1, 7)]


def by_engine(pool: Pool, form, tolerance, window, shift: int = 0) -> int:
    body = pair_body(form, tolerance, window, magnitude=pool.books.magnitude)
    moved = pl.Series(pool.books.calendar.moved(pool.day_b, shift).astype(np.int32)).cast(pl.Date)
    a, b = with_amounts(pool.books.a.frame), with_amounts(pool.books.b.frame.with_columns(date=moved))
    mode = "magnitude" if pool.books.magnitude else "effect"
    return match(a, b, [parse_rule({**body, "must_balance": False})], sign_mode=mode).groups.height


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("magnitude", [False, True])
def test_sole_pairs_are_counted_as_the_engine_finds_them(seed, magnitude):
    """In this world and in a moved one, without making a pair."""
    pool = pool_of(*world(seed), magnitude=magnitude)
    for form in FORMS:
        keys = pool.keys(form, of=pool.price)
        for shift in (0, pool.books.calendar.trying[0]):
            line = draw(pool, keys, shift)
            for window in WINDOWS:
                assert line.count(window).sole == by_engine(pool, form, EQUAL, window, shift), (form, window)


@pytest.mark.parametrize("seed", range(4))
def test_close_pairs_are_counted_as_the_engine_finds_them(seed):
    pool = pool_of(*world(seed))
    for form in FORMS[1:]:
        keys = pool.keys(form, of=pool.unit)
        for shift in (0, pool.books.calendar.trying[0]):
            worlds = near_pairs(pool, keys, shift)
            assert worlds is not None
            for tolerance in TOLERANCES[1::4]:
                within = worlds.only(worlds.within(tolerance))
                for window in WINDOWS:
                    expected = by_engine(pool, form, tolerance, window, shift)
                    assert within.count(window).sole == expected, (form, tolerance, window)


def lines_of(book: planted.Planted) -> list[Line]:
    pool = pool_of(book.a, book.b)
    keys = pool.keys(Form("description", "description", FIRST_WORDS[1]), of=pool.price)
    return [draw(pool, keys, shift) for shift in (0, *pool.books.calendar.trying)]


def test_accidents_cannot_be_wrong_pairs_where_everybody_has_a_partner():
    rng = np.random.default_rng(1)
    texts = planted.trade(rng, 1_500, customers=100)
    prices = planted.list_prices(rng, 3_000, 20)
    book = planted.pairs(rng, 1_500, prices, rng.integers(0, 4, 3_000), texts, orphans=0.0)
    here, *elsewhere = lines_of(book)
    assert exposure(here, elsewhere, (0, 3)) == EXPOSED_LEAST


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_accident_may_be_a_wrong_pair_where_nobody_has_a_partner(seed):
    here, *elsewhere = lines_of(planted.noise(1_500, seed))
    assert exposure(here, elsewhere, (0, 3)) == 1.0


def test_of_one_moved_world_nothing_can_be_told():
    here, *elsewhere = lines_of(planted.amount_and_text(300))
    assert exposure(here, elsewhere[:1], (0, 3)) == 1.0


def batches(seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Few identifiers and amounts over three weeks, and sums of two or three: much adds up."""
    rng = np.random.default_rng(seed)
    label = rng.choice(["", "B-1", "B-2", "B 2", "C-3"], 25)
    many = side(rng.integers(0, 21, 25), rng.choice([10, 20, -10], 25), reference=label)
    other = rng.choice(["b-1", "B-1", "B-2", "C-3", ""], 25)
    return many, side(rng.integers(0, 21, 25), rng.choice([10, 20, 30, 40, -20], 25), reference=other)


def groups_slowly(
    many: pl.DataFrame, single: pl.DataFrame, cut, lookback: int | None, magnitude: bool
) -> int:
    found = 0
    for one in single.rows(named=True):
        sums = []
        for label in set(many["reference"]):
            if not cut(label) or cut(label) != cut(one["reference"]):
                continue
            days = [(one["date"] - each["date"]).days for each in many.rows(named=True)]
            members = [
                each["measure"]
                for each, ago in zip(many.rows(named=True), days, strict=True)
                if each["reference"] == label and (lookback is None or 0 <= ago <= lookback)
            ]
            total = sum(members)
            same = abs(total) == abs(one["measure"]) if magnitude else total == one["measure"]
            sums.append(len(members) > 1 and same)
        found += any(sums)
    return found


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), many_is_a=st.booleans(), magnitude=st.booleans())
def test_groups_are_counted_as_by_looking_at_each(seed, many_is_a, magnitude):
    many, single = batches(seed)
    pool = pool_of(*((many, single) if many_is_a else (single, many)), magnitude=magnitude)
    for chain, cut in [(SAME, str), (DIGITS, lambda text: "".join(filter(str.isdigit, text)))]:
        cohorts = gathered(pool, Form("reference", "reference", chain), many_is_a)
        for lookback in (None, 1, 4, 10):
            slowly = groups_slowly(many, single, cut, lookback, magnitude)
            assert (cohorts.found(lookback)[0] if cohorts is not None else 0) == slowly


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_histograms_count_every_pair(seed):
    a, b = world(seed, 25)
    pool = pool_of(a, b)
    reach = pool.books.calendar.reach
    slowly = np.zeros(2 * reach + 1, int)
    for left in a.rows(named=True):
        for right in b.rows(named=True):
            apart = (right["date"] - left["date"]) // timedelta(days=1)
            if left["measure"] == right["measure"] and abs(apart) <= reach:
                slowly[apart + reach] += 1
    assert draw(pool, pool.keys(None, of=pool.price)).histogram().tolist() == slowly.tolist()


def test_a_form_with_too_many_close_pairs_is_tried_with_equal_amounts_only(monkeypatch):
    book = planted.busy_books(1_500, 11, prices=3_000, customers=150, fees=0.3, orphans=0.15)
    assert not all(proposal.is_equal for proposal in propose(book.a, book.b).proposals)
    monkeypatch.setattr(near, "PAIRS_MOST", 100)
    found = propose(book.a, book.b).proposals
    assert found
    assert all(proposal.is_equal for proposal in found)


def test_days_count_from_the_tests_own_today():
    assert side(np.array([0]), np.array([1]))["date"].to_list() == [TODAY]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("tolerance", [EQUAL, *TOLERANCES])
@pytest.mark.parametrize("magnitude", [False, True])
def test_a_body_tells_what_it_was_made_of(form, tolerance, magnitude):
    body = pair_body(form, tolerance, (-2, 5), magnitude=magnitude)
    assert pair_of(body) == (form, tolerance, (-2, 5))
    assert pair_of({**body, "on_ambiguity": "best"}) is None
    assert pair_of({**body, "group_by": ["reference"]}) is None
    assert likeness(body) == likeness(pair_body(form, tolerance, (0, 1), magnitude=magnitude))
    assert likeness(body) != likeness(pair_body(form, tolerance, (-2, 5), magnitude=not magnitude))
    assert (likeness(body) == likeness(pair_body(form, EQUAL, (-2, 5), magnitude=magnitude))) == (
        tolerance == EQUAL
    )


@pytest.mark.parametrize(
    "filters", [{}, {"rules": []}, {"rules": [1, 2]}, {"rules": [{"rules": []}, {"days": [0, 1]}]}]
)
def test_any_other_body_is_none_of_ours(filters):
    assert pair_of({"cardinality": "one_to_one", "filters": filters}) is None
    assert likeness({"cardinality": "one_to_one", "filters": filters})


def test_a_later_rule_is_no_stricter_than_the_ones_before():
    """In days and in amounts: a record that they left open since it had several candidates keeps them."""
    nothing = np.zeros(0, np.int64)
    wide, narrow = TOLERANCES[-1], TOLERANCES[-3]
    pool = pool_of(*world(1)).without(nothing, nothing, (0, 4), narrow)
    assert (pool.looked_at, pool.room) == ((0, 4), narrow)
    later = (
        pool.without(nothing, nothing, (-1, 2), wide)
        .without(nothing, nothing)
        .without(nothing, nothing, (1, 1))
    )
    assert (later.looked_at, later.room) == ((-1, 4), wide)
    assert [later.widened(window) for window in [(0, 0), (-2, 9)]] == [(-1, 4), (-2, 9)]
    assert wide.holds(narrow)
    assert not narrow.holds(wide)
    assert not TOLERANCES[0].holds(narrow)
    assert not narrow.holds(TOLERANCES[0])


def test_what_is_left_by_a_rule_is_judged_without_that_discount():
    rng = np.random.default_rng(1)
    texts = planted.trade(rng, 1_500, customers=100)
    prices = planted.list_prices(rng, 3_000, 20)
    book = planted.pairs(rng, 1_500, prices, rng.integers(0, 4, 3_000), texts, orphans=0.0)
    fresh = pool_of(book.a, book.b)
    left = fresh.without(np.array([0]), np.array([0]))
    exposed = [
        trial_of(pool, Form("description", "description", FIRST_WORDS[1]), EQUAL, (0, 3))
        for pool in (fresh, left)
    ]
    assert (fresh.is_fresh, left.is_fresh) == (True, False)
    assert exposed[0] is not None
    assert exposed[1] is not None
    assert exposed[0].exposed == EXPOSED_LEAST
    assert exposed[1].exposed >= 0.5
