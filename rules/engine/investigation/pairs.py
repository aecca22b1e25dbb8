"""Single records that could explain a record: pairs with their cause and their odds against accident. Used by `search`.

Candidates come from two sides: figures that an amount could have become (looked up near its date), and rare words that two
records share. The same pair by several ways counts once, as what is likeliest.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import polars as pl

from rules.engine.investigation import derived, fees, odds
from rules.engine.investigation.currencies import SAME_FIGURE, TELLING, learnt_rates, likelier_by_rate
from rules.engine.investigation.density import Density
from rules.engine.investigation.findings import Cause
from rules.engine.investigation.lines import Line, line_of_amounts, priced
from rules.engine.investigation.records import Books, Records
from rules.engine.investigation.vocabulary import COMMON, UNKNOWN, Vocabulary
from rules.engine.sides import Bools, Floats, Ints

NEAREST = 6  # records with one figure, or one word, on either side of the date
KINDS = 4096  # more than currencies times signs
CURRENCIES = 8
WORDS = 3  # of a record, the most telling, are looked up
FEW = 5  # records that have a reference which is worth following by itself
LEARN_WITHIN = 20  # days
LEARN_FROM = 10_000  # own records besides those asked about, or up to twice as many


@dataclass(frozen=True)
class Pairs:
    """Parallel arrays. `own`: the row of the record to be explained; `found`: the row of the candidate, in the frame that was
    searched; `odds` against accident; `word`: what they share; `detail`: digits, factor or schedule, by cause."""

    own: Ints
    found: Ints
    cause: Ints
    odds: Floats
    word: Ints
    detail: Ints

    def __len__(self) -> int:
        return len(self.own)

    def only(self, chosen: Bools | Ints) -> Pairs:
        return Pairs(*(getattr(self, field.name)[chosen] for field in fields(self)))


def joined_pairs(parts: list[Pairs]) -> Pairs:
    return Pairs(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Pairs)))


def likeliest(pairs: Pairs) -> Pairs:
    """Each pair of records once, in order."""
    order = np.lexsort((pairs.detail, pairs.cause, -pairs.odds, pairs.found, pairs.own))
    pairs = pairs.only(order)
    again = (pairs.own[1:] == pairs.own[:-1]) & (pairs.found[1:] == pairs.found[:-1])
    return pairs.only(np.concatenate((np.ones(min(len(pairs), 1), bool), ~again)))


class Search:
    """Pairs of own records and those of one other frame (open or matched ones), with what is learnt from them."""

    def __init__(self, books: Books, found: Records) -> None:
        self.books, self.own, self.found = books, books.own, found
        self.vocabulary = Vocabulary(books.own, found)
        self.density = Density(found, books.window)
        self.line = line_of_amounts(found)

    def by_amount(self, rows: Ints, cause: Cause, what: derived.Derived, reach: int | None = None) -> Pairs:
        """Records that have a figure that an own record's amount could have become. `what`: by place among `rows`."""
        reach = self.books.reach if reach is None else reach
        own = rows[what.row]
        figure = priced(self.own.unit[own], what.value)
        number, found = self.line.nearest(figure, self.own.day[own], reach, NEAREST)
        return self.rated(own[number], found, cause, what.likely[number], what.detail[number])

    def by_word(
        self, rows: Ints, most: int = NEAREST, kinds: tuple[Ints, Ints] | None = None
    ) -> tuple[Ints, Ints]:
        """Pairs that share one of the own record's most telling words, the `most` nearest in time on either side of the date.
        `kinds`: small numbers of the rows and of all records searched, which must be equal as well."""
        number, word = self.vocabulary.asked.of(rows)
        first = np.searchsorted(number, np.arange(len(rows)))
        some = (np.arange(len(number)) - first[number] < WORDS) & self.vocabulary.joins[word]
        number, word = number[some], word[some]
        holder, held = self.vocabulary.found.of(np.arange(len(self.found)))
        if kinds is not None:
            word, held = word * KINDS + kinds[0][number], held * KINDS + kinds[1][holder]
        line = Line(held, holder, self.found.day[holder])
        place, found = line.nearest(word, self.own.day[rows[number]], self.books.reach, most)
        code = np.unique(rows[number[place]] * max(len(self.found), 1) + found)
        return code // max(len(self.found), 1), code % max(len(self.found), 1)

    def by_word_alike(self, rows: Ints, most: int) -> tuple[Ints, Ints]:
        """The same among records of the same currency and sign."""
        own, found = (2 * one.unit + (one.value > 0) for one in (self.own, self.found))
        return self.by_word(rows, most, (own[rows], found))

    def by_word_abroad(self, rows: Ints, most: int = NEAREST) -> tuple[Ints, Ints]:
        """The same in each of the other currencies that occur most."""
        known, times = np.unique(self.found.unit, return_counts=True)
        often = known[np.lexsort((known, -times))][:CURRENCIES]
        parts = [
            self.by_word(abroad, most, (np.full(len(abroad), unit), self.found.unit))
            for unit in often.tolist()
            for abroad in (rows[self.own.unit[rows] != unit],)
        ]
        nothing = np.zeros(0, np.int64)
        return tuple(np.concatenate([nothing, *(part[end] for part in parts)]) for end in (0, 1))  # type: ignore[return-value]

    def days(self, own: Ints, found: Ints) -> Ints:
        return self.found.day[found] - self.own.day[own]

    def rated(self, own: Ints, found: Ints, cause: Cause, likely: Floats, detail: Ints) -> Pairs:
        """With their odds: as likely as the figure is if this is the cause, against how common it is among the records."""
        days, window, reach = self.days(own, found), self.books.window, self.books.reach
        causes = np.full(len(own), odds.NUMBER[cause])
        timely = odds.near(days, window, reach)
        if cause in (Cause.EQUAL_AMOUNT, Cause.OUTSIDE_WINDOW):
            outside = np.abs(days) > window
            causes = np.where(outside, odds.NUMBER[Cause.OUTSIDE_WINDOW], odds.NUMBER[Cause.EQUAL_AMOUNT])
            timely = np.where(outside, odds.late(days, window, reach), timely)
        shared = self.vocabulary.shared(own, found)
        expected = self.density.per_day(
            self.found.unit[found], self.found.value[found], self.found.day[found]
        )
        rating = odds.before(causes) * likely * timely * shared.likelier / expected
        return Pairs(own, found, causes, rating, shared.word, detail)

    def related(self, own: Ints, found: Ints, cause: Cause, likelier: Floats) -> Pairs:
        """With their odds where the amounts do not meet: `likelier` by all but word and days."""
        shared = self.vocabulary.shared(own, found)
        law = odds.slow if cause == Cause.SAME_REFERENCE else odds.near
        timely = law(self.days(own, found), self.books.window, self.books.reach)
        timely = timely / self.density.share_of(self.found.day[found])
        causes = np.full(len(own), odds.NUMBER[cause])
        rating = odds.before(causes) * likelier * timely * shared.likelier / max(len(self.found), 1)
        return Pairs(own, found, causes, rating, shared.word, np.zeros(len(own), np.int64))

    def follows_reference(self, word: Ints) -> Bools:
        """Whether a word is a reference that few records have."""
        known = np.maximum(word, 0)
        if not len(self.vocabulary.is_reference):
            return np.zeros(len(word), bool)
        return (word != UNKNOWN) & self.vocabulary.is_reference[known] & (self.vocabulary.held[known] <= FEW)


# --- Open records of the other side ---------------------------------------------------------------------------


class OpenSearch(Search):
    """Against the open records of the other side."""

    def __init__(self, books: Books) -> None:
        super().__init__(books, books.other)
        others = np.flatnonzero(~books.asked)
        others = others[:: max(len(others) // LEARN_FROM, 1)]
        self.linked = self.by_word(np.union1d(np.flatnonzero(books.asked), others))
        self.abroad = self.by_word_abroad(np.flatnonzero(books.asked))
        self.schedules = {unit: self._learnt(unit) for unit in np.unique(books.own.unit).tolist()}
        self.rates = self._rates()

    def pairs(self) -> Pairs:
        """Of the records asked about by every relation; of the other own records, which may want the same candidates, by
        equal amounts only."""
        asked, others = np.flatnonzero(self.books.asked), np.flatnonzero(~self.books.asked)
        value = self.own.value[asked]
        parts = [
            self.by_amount(asked, Cause.EQUAL_AMOUNT, derived.same(value)),
            self.by_amount(others, Cause.EQUAL_AMOUNT, derived.same(self.own.value[others])),
            self.by_amount(asked, Cause.SWAPPED_DIGITS, derived.swapped(value)),
            self.by_amount(asked, Cause.DECIMAL_SLIP, derived.shifted(value)),
            *self._after_fees(asked),
            *self._linked_pairs(),
        ]
        if self.books.sign:
            parts.append(self.by_amount(asked, Cause.SIGN_SLIP, derived.opposite(value)))
        return likeliest(joined_pairs(parts))

    def _after_fees(self, asked: Ints) -> list[Pairs]:
        parts = []
        for unit, schedules in self.schedules.items():
            rows = asked[self.own.unit[asked] == unit]
            if len(rows) and len(schedules.percent):
                what = fees.after_fee(self.own.value[rows], schedules)
                parts.append(self.by_amount(rows, Cause.FEE, what, 2 * LEARN_WITHIN))
        return parts

    def _linked_pairs(self) -> list[Pairs]:
        own, found = self.linked
        same_unit = self.own.unit[own] == self.found.unit[found]
        equal = same_unit & (self.own.value[own] == self.found.value[found])
        gross, net = self._gross_and_net(own, found)
        asked = self.books.asked[own]
        feed = asked & same_unit & self._same_sign(own, found) & fees.is_fee(gross, net, self._places(own))
        ones = np.ones(len(own))
        parts = [
            self.rated(
                own[equal], found[equal], Cause.EQUAL_AMOUNT, ones[equal], np.zeros(equal.sum(), np.int64)
            )
        ]
        for unit, schedules in self.schedules.items():
            some = np.flatnonzero(feed & (self.own.unit[own] == unit))
            likely, which = fees.explained(gross[some], net[some], self._places(own[some]), schedules)
            parts.append(self.rated(own[some], found[some], Cause.FEE, likely, which))
        rest = asked & ~equal & ~feed
        return [
            *parts,
            *self._by_currency(*self.abroad),
            self._by_reference(own, found, rest & same_unit),
        ]

    def _by_reference(self, own: Ints, found: Ints, some: Bools) -> Pairs:
        own, found = own[some], found[some]
        pairs = self.related(own, found, Cause.SAME_REFERENCE, np.ones(len(own)))
        return pairs.only(self.follows_reference(pairs.word))

    def _by_currency(self, own: Ints, found: Ints) -> list[Pairs]:
        unit, other = self.own.unit[own], self.found.unit[found]
        pairs = self.related(own, found, Cause.OTHER_CURRENCY, np.ones(len(own)))
        likelier = likelier_by_rate(unit, other, self.log_rate(own, found), self.rates)
        same_figure = np.abs(self.own.value[own]) == np.abs(self.found.value[found])
        common = self.density.of_amount(other, self.found.value[found])
        share = np.maximum(common / max(len(self.found), 1), 1e-6)
        likelier = np.where(same_figure, np.maximum(likelier, SAME_FIGURE / share), likelier)
        pairs = replace(pairs, odds=pairs.odds * likelier)
        telling = self.vocabulary.telling
        return (
            [pairs.only((pairs.word != UNKNOWN) & (telling[np.maximum(pairs.word, 0)] >= TELLING))]
            if len(telling)
            else []
        )

    # --- What is learnt -----------------------------------------------------------------------------------------

    def _learnt(self, unit: int) -> fees.Schedules:
        """From linked open pairs near in time, and from matched ones."""
        own, found = self.linked
        some = (self.own.unit[own] == unit) & (self.found.unit[found] == unit) & self._same_sign(own, found)
        some &= np.abs(self.days(own, found)) <= LEARN_WITHIN
        own, found = own[some], found[some]
        shared = self.vocabulary.shared(own, found)
        rare = shared.likelier >= len(self.found) / 20
        gross, net = self._gross_and_net(own[rare], found[rare])
        known = _matched_amounts(self.books, unit)
        gross, net = np.concatenate((gross, known[0])), np.concatenate((net, known[1]))
        places = int(self._places(np.flatnonzero(self.own.unit == unit)[:1])[0])
        fee = fees.is_fee(gross, net, np.full(len(gross), places))
        return fees.learnt(gross[fee], net[fee], places)

    def _rates(self) -> dict[tuple[int, int], float]:
        own, found = self.abroad
        rare = self.vocabulary.shared(own, found).likelier >= len(self.found) / 50
        some = rare & (np.abs(self.days(own, found)) <= self.books.window + 2)
        own, found = own[some], found[some]
        return learnt_rates(self.own.unit[own], self.found.unit[found], self.log_rate(own, found))

    def log_rate(self, own: Ints, found: Ints) -> Floats:
        """Of major units."""
        ours, theirs = (
            self._places(own),
            self.found.frame["decimal_places"].to_numpy()[found].astype(np.int64),
        )
        size, other = np.abs(self.own.value[own]), np.abs(self.found.value[found])
        return np.log(other) - np.log(size) - (theirs - ours) * np.log(10)

    def _places(self, own: Ints) -> Ints:
        return self.own.frame["decimal_places"].to_numpy()[own].astype(np.int64)

    def _same_sign(self, own: Ints, found: Ints) -> Bools:
        return np.sign(self.own.value[own]) == np.sign(self.found.value[found])

    def _gross_and_net(self, own: Ints, found: Ints) -> tuple[Ints, Ints]:
        sizes = np.abs(self.own.value[own]), np.abs(self.found.value[found])
        return np.maximum(*sizes), np.minimum(*sizes)


def _matched_amounts(books: Books, unit: int) -> tuple[Ints, Ints]:
    """The larger and the smaller amount of matches of one record with one."""
    sides = []
    for records in (books.matched_own, books.matched_other):
        match = records.frame["match"].to_numpy()[records.unit == unit]
        known, first, times = np.unique(match, return_index=True, return_counts=True)
        value = np.abs(records.value[records.unit == unit])
        sides.append((known[times == 1], value[first[times == 1]]))
    _, one, other = np.intersect1d(sides[0][0], sides[1][0], return_indices=True)
    sizes = sides[0][1][one], sides[1][1][other]
    return np.maximum(*sizes), np.minimum(*sizes)


# --- Matched records ------------------------------------------------------------------------------------------


def twins_that_are_matched(books: Books) -> tuple[Pairs, Search]:
    """Matched records of the own side with the same amount: the record may be there twice. Where the business itself repeats
    amounts for the same people, a twin says little."""
    search = Search(books, books.matched_own)
    asked = np.flatnonzero(books.asked)
    pairs = search.by_amount(asked, Cause.DUPLICATE, derived.same(books.own.value[asked]))
    fair = pairs.odds / (1 + _repeats(books) * pairs.odds / odds.BEFORE[Cause.DUPLICATE])
    return likeliest(replace(pairs, odds=fair)), search


def _repeats(books: Books) -> float:
    """How many of the matched records have another one with the same amount and a shared word within the rules' window."""
    if not len(books.matched_own):
        return 0.0
    search = Search(replace(books, own=books.matched_own), books.matched_own)
    rows = np.arange(len(books.matched_own))
    pairs = search.by_amount(rows, Cause.DUPLICATE, derived.same(books.matched_own.value), books.window)
    telling = search.vocabulary.telling[np.maximum(pairs.word, 0)] > COMMON
    again = (pairs.own != pairs.found) & (pairs.word != UNKNOWN) & telling
    return len(np.unique(pairs.own[again])) / len(rows)


def references_that_are_matched(books: Books, twins: Pairs) -> tuple[Pairs, Search]:
    """Matched records of the other side that have the record's reference, but for partners of its own twin."""
    search = Search(books, books.matched_other)
    own, found = search.by_word(np.flatnonzero(books.asked))
    pairs = search.related(own, found, Cause.SAME_REFERENCE, np.ones(len(own)))
    matches = [records.frame["match"].to_numpy() for records in (books.matched_own, books.matched_other)]
    of_twins = pl.DataFrame({"own": twins.own, "match": matches[0][twins.found]})
    partners = pl.DataFrame({"own": pairs.own, "match": matches[1][pairs.found]})
    known = partners.join(
        of_twins.unique(), on=["own", "match"], how="left", maintain_order="left", coalesce=False
    )
    apart = known["own_right"].is_null().to_numpy()
    return likeliest(pairs.only(search.follows_reference(pairs.word) & apart)), search
