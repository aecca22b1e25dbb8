"""Who covers whom in a group whose sides need not add up. Pure: records in, amounts out. Called by services.groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from ledgers.amounts import shown
from organizations.refusals import Invalid


@dataclass(frozen=True, slots=True)
class Part:
    """A record of a group: its whole amount in the reconciliation's measure, minor units, signed."""

    record_id: int
    side: str
    date: date
    amount: int


@dataclass(frozen=True, slots=True)
class Cover:
    """What a match applies to each member, what is left of the one that it holds, and who got nothing."""

    applied: dict[int, int]
    held: int | None = None
    rest: int = 0
    not_covered: tuple[int, ...] = ()


def cover(a: Sequence[Part], b: Sequence[Part], *, places: int, currency: str) -> Cover:
    """The smaller side is covered wholly, the larger one in order of (date, id) until the smaller is used up.

    Sides that add up may mix signs. Others must be of one sign throughout, so that every part is a part of its record:
    else Invalid "match.mixed_signs" or "match.sides_oppose". At most one record is held; what gets nothing is no member.
    """
    total_a, total_b = sum(part.amount for part in a), sum(part.amount for part in b)
    if total_a == total_b:
        return Cover({part.record_id: part.amount for part in (*a, *b)})
    _check_signs(a, b, total_a - total_b, places, currency)
    smaller, larger = (a, b) if abs(total_a) < abs(total_b) else (b, a)
    applied = {part.record_id: part.amount for part in smaller}
    left = sum(applied.values())
    not_covered = []
    held, rest = None, 0
    for part in sorted(larger, key=lambda part: (part.date, part.record_id)):
        if left == 0:
            not_covered.append(part.record_id)
            continue
        given = part.amount if abs(part.amount) <= abs(left) else left
        applied[part.record_id] = given
        left -= given
        if given != part.amount:
            held, rest = part.record_id, part.amount - given
    return Cover(applied, held, rest, tuple(not_covered))


def _check_signs(a: Sequence[Part], b: Sequence[Part], difference: int, places: int, currency: str) -> None:
    signs_a, signs_b = ({part.amount > 0 for part in side if part.amount} for side in (a, b))
    differ = {"difference": shown(abs(difference), places, currency)}
    details = {"difference": difference}
    if len(signs_a) > 1 or len(signs_b) > 1:
        raise Invalid(
            _(
                "The two sides differ by %(difference)s, and one of them has money in and money out. Only a group of one"
                " direction can be matched in part: choose lines and entries that add up, or leave the others out."
            )
            % differ,
            code="match.mixed_signs",
            details=details,
        )
    if signs_a != signs_b:
        raise Invalid(
            _(
                "The lines are money of one direction and the entries of the other; they differ by %(difference)s."
                " They cannot cover each other: choose entries of the lines' direction."
            )
            % differ,
            code="match.sides_oppose",
            details=details,
        )
