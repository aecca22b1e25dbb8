"""Which explanation of a record is likeliest, and how sure that is: all its candidates against each other, against other
records that want the same one, and against accident. Used by `search`."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from rules.engine.investigation.findings import Cause
from rules.engine.investigation.odds import NUMBER
from rules.engine.sides import Bools, Floats, Ints

SURE = 0.9  # confidence from which a record counts as found
RIVAL = 0.5  # odds of a second explanation from which a person has to look
WORTH = 0.05  # odds below which an explanation is not mentioned
WORTH_EQUAL = 0.002  # the same where the amount is equal and the date near: several of a kind face several
MENTIONED = 5  # explanations of a record


@dataclass(frozen=True)
class Explanations:
    """Parallel arrays. `own`: the row of the record; `cause`: its number; `odds` against accident; `kind` and `place`: where it
    came from."""

    own: Ints
    cause: Ints
    odds: Floats
    kind: Ints
    place: Ints

    def only(self, chosen: Bools | Ints) -> Explanations:
        return Explanations(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True)
class Weighed:
    """Explanations worth mentioning, by record and rank. `sure`: whether this one is found. `rivals`: how many others, of the
    record or of the candidate, are at least a tenth as likely."""

    said: Explanations
    rank: Ints
    confidence: Floats
    sure: Bools
    rivals: Ints


def joined_explanations(parts: list[Explanations]) -> Explanations:
    names = [field.name for field in fields(Explanations)]
    return Explanations(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class Claims:
    """Which open records of the other side the explanations need: `explanation` (its place) needs `record` (a row). `party`: the
    number of who claims it: explanations of one record, or of one combined payment, are no rivals of each other."""

    explanation: Ints
    record: Ints
    party: Ints


def contested(found: Explanations, claims: Claims, own_size: int, other_size: int) -> tuple[Floats, Ints]:
    """The odds of each when others want the same candidates: less by as much as those stand to get them. And how many others
    want them at least a tenth as much as who wants them most."""
    total = np.bincount(found.own, found.odds, minlength=own_size)
    standing = (found.odds / (1 + total[found.own] - found.odds))[claims.explanation]
    parties = int(claims.party.max(initial=0)) + 1
    known, party = np.unique(claims.record * parties + claims.party, return_inverse=True)
    # A party wants a record as much as its best explanation does.
    wants = np.zeros(len(known))
    np.maximum.at(wants, party, standing)
    of_party = known // parties
    wanted = np.bincount(of_party, wants, minlength=other_size)
    others = (wanted[claims.record] - wants[party]).clip(0)
    most = np.zeros(other_size)
    np.maximum.at(most, of_party, wants)
    serious = np.bincount(of_party[wants >= most[of_party] / 10], minlength=other_size)
    rivals = serious[claims.record] - (wants[party] >= most[claims.record] / 10)
    worst, count = np.zeros(len(found.own)), np.zeros(len(found.own), np.int64)
    np.maximum.at(worst, claims.explanation, others)
    np.maximum.at(count, claims.explanation, rivals)
    return found.odds / (1 + worst), count


def weighed(found: Explanations, claims: Claims, asked: Bools, other_size: int) -> Weighed:
    odds, wanted = contested(found, claims, len(asked), other_size)
    total = np.bincount(found.own, odds, minlength=len(asked))
    confidence = odds / (1 + total[found.own])
    least = np.where(found.cause == NUMBER[Cause.EQUAL_AMOUNT], WORTH_EQUAL, WORTH)
    worth = np.flatnonzero(asked[found.own] & (odds >= least))
    order = np.lexsort(
        (found.place[worth], found.kind[worth], found.cause[worth], -odds[worth], found.own[worth])
    )
    worth = worth[order]
    rank = _rank(found.own[worth])
    first, second = _two_best(found.own[worth], odds[worth], rank, len(asked))
    sure = (rank == 0) & (confidence[worth] >= SURE) & (second[found.own[worth]] < RIVAL)
    close = odds[worth] >= first[found.own[worth]] / 10
    beside = np.bincount(found.own[worth][close], minlength=len(asked))[found.own[worth]] - close
    kept = rank < MENTIONED
    return Weighed(
        found.only(worth[kept]),
        rank[kept] + 1,
        confidence[worth][kept],
        sure[kept],
        (beside + wanted[worth])[kept],
    )


def _two_best(own: Ints, odds: Floats, rank: Ints, size: int) -> tuple[Floats, Floats]:
    """For each record the odds of its first and second explanation, 0 without."""
    best = np.zeros((2, size))
    for place in (0, 1):
        best[place, own[rank == place]] = odds[rank == place]
    return best[0], best[1]


def _rank(groups: Ints) -> Ints:
    new = np.concatenate(([True], groups[1:] != groups[:-1])) if len(groups) else np.zeros(0, bool)
    starts = np.flatnonzero(new)
    return np.arange(len(groups)) - np.repeat(starts, np.diff(np.append(starts, len(groups))))
