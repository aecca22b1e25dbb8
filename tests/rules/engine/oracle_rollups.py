"""What rollups mean, slow and obvious: every set of members is listed and added up. For a handful of records.

It reads the rule's JSON by itself and shares no code with the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import product
from typing import Any, NamedTuple

from tests.rules.engine.books import Group, Record
from tests.rules.engine.oracle import names
from tests.rules.engine.oracle_conditions import Types, day_of, holds, near, value_of

MONEY = ("amount", "effect", "signed_amount")
Leaf = dict[str, Any]


class Offer(NamedTuple):
    """A set of members that meets a single record."""

    single: Record
    members: tuple[Record, ...]
    difference: int
    last: date  # the members' last day

    def overlaps(self, other: Offer) -> bool:
        return bool({one.id for one in self.members} & {one.id for one in other.members})


def conjunctions(node: Leaf) -> list[list[Leaf]]:
    """The tree written out."""
    if "rules" not in node:
        return [[node]]
    parts = [conjunctions(rule) for rule in node["rules"]]
    if node.get("operand") == "or":
        return [one for part in parts for one in part]
    return [[leaf for part in chosen for leaf in part] for chosen in product(*parts)]


class Variant:
    """One way to meet: what is asked of the whole set, and the ways in which each member may meet the rest."""

    def __init__(self, whole: list[Leaf]) -> None:
        self.whole = whole
        self.each: list[list[Leaf]] = []


class RollUp:
    """A rule with a rollup over a handful of records."""

    def __init__(
        self,
        rule: dict[str, Any],
        side_a: Sequence[Record],
        side_b: Sequence[Record],
        refused: Sequence[Group] = (),
        sign_mode: str = "effect",
    ) -> None:
        self.types: Types = rule.get("metadata_types", {})
        self.rule, self.refused, self.magnitude = rule, refused, sign_mode == "magnitude"
        self.many_is_a = rule["cardinality"] == "many_to_one"
        many, singles = (side_a, side_b) if self.many_is_a else (side_b, side_a)
        self.many = [record for record in many if record.measure]
        self.singles = sorted(
            (record for record in singles if record.measure), key=lambda one: (one.date, one.id)
        )
        self.by_date = rule["rollup"].get("group_by_kind", "date") == "date"
        field = rule["rollup"].get("date_field", "date")
        self.group_by = list(rule.get("group_by") or ([field] if self.by_date else []))
        self.day_field = self.group_by[0] if self.by_date else field
        self.keys = self.group_by[1:] if self.by_date else self.group_by
        self.policy = rule.get("on_ambiguity", "best")
        self.found: set[Group] = set()
        self.ambiguous: set[int] = set()

    def run(self) -> set[Group]:
        for variant in self.variants():
            self.ambiguous |= self.rounds(variant)
        self.ambiguous &= {single.id for single in self.singles}
        return self.found

    # --- The tree -----------------------------------------------------------------------------------------------

    def variants(self) -> list[Variant]:
        found: list[Variant] = []
        for leaves in conjunctions(self.rule["filters"]):
            whole = [leaf for leaf in leaves if self.of_whole(leaf)]
            each = [leaf for leaf in leaves if leaf not in whole]
            variant = next((one for one in found if one.whole == whole), None)
            if variant is None:
                variant = Variant(whole)
                found.append(variant)
            variant.each.append(each)
        return found

    def of_whole(self, leaf: Leaf) -> bool:
        if "side" in leaf:
            return (leaf["side"] == "b") == self.many_is_a
        exact = leaf["operand"] == "eq" and not {"tolerance_amount", "tolerance_unit", "days"} & set(leaf)
        return self.is_sum(leaf) or (exact and self.end(leaf) in self.keys)

    def end(self, leaf: Leaf) -> str:
        return str(leaf["key" if self.many_is_a else "value"])

    @staticmethod
    def is_sum(leaf: Leaf) -> bool:
        return leaf.get("key") in MONEY and leaf["operand"] == "eq" and not leaf.get("transforms")

    def pair(self, member: Record, single: Record) -> tuple[Record, Record]:
        return (member, single) if self.many_is_a else (single, member)

    # --- Sets of members ------------------------------------------------------------------------------------------

    def cohorts(self, variant: Variant, single: Record) -> Iterator[list[Record]]:
        """The open members of each group that the single record means, the group with the oldest first record first."""
        groups: dict[tuple[Any, ...], list[Record]] = {}
        for record in self.all_members(variant):
            groups.setdefault(self.group_of(record), []).append(record)
        for members in sorted(
            groups.values(), key=lambda group: min((self.day(one), one.id) for one in group)
        ):
            still = [one for one in members if one in self.many]
            if still and still[0].currency == single.currency and self.means(variant, still[0], single):
                yield still

    def all_members(self, variant: Variant) -> list[Record]:
        """Also those that are taken by now: they say how old a group is."""
        inside = [leaf for each in variant.each for leaf in each if "side" in leaf]
        return [
            record
            for record in self.started
            if all(self.value(record, key) is not None for key in self.group_by)
            and self.value(record, self.day_field) is not None
            and (not inside or any(self.inside(each, record) for each in variant.each))
        ]

    def inside(self, each: list[Leaf], record: Record) -> bool:
        return all(holds(leaf, record, record, self.types) for leaf in each if "side" in leaf)

    def group_of(self, record: Record) -> tuple[Any, ...]:
        return (record.currency, *(self.value(record, key) for key in self.keys))

    def day(self, record: Record) -> date:
        return day_of(record, self.day_field, self.types)

    def value(self, record: Record, key: str) -> Any:
        return value_of(record, key, None, self.types)

    def means(self, variant: Variant, member: Record, single: Record) -> bool:
        said = [leaf for leaf in variant.whole if "key" in leaf and not self.is_sum(leaf)]
        if not all(holds(leaf, *self.pair(member, single), self.types) for leaf in said):
            return False
        unsaid = [key for key in self.keys if key not in {self.end(leaf) for leaf in said}]
        return not self.by_date or all(self.value(member, key) == self.value(single, key) for key in unsaid)

    def sets(self, variant: Variant, single: Record) -> Iterator[list[Record]]:
        lookback = self.rule["rollup"].get("lookback_days")
        for members in self.cohorts(variant, single):
            if lookback is not None:
                first = single.date - timedelta(days=lookback)
                members = [one for one in members if first <= self.day(one) <= single.date]
            yield from self.runs(variant, members) if self.by_date else [members]

    def runs(self, variant: Variant, members: list[Record]) -> Iterator[list[Record]]:
        """Every run of days with open members; a day that was taken breaks it, an empty day does not."""
        days = sorted({self.day(one) for one in members})
        taken = {
            self.day(one)
            for one in self.all_members(variant)
            if one not in self.many and members and self.group_of(one) == self.group_of(members[0])
        }
        for start, first in enumerate(days):
            for last in days[start:]:
                if not any(first < day < last for day in taken):
                    yield [one for one in members if first <= self.day(one) <= last]

    def offers(self, variant: Variant, single: Record) -> list[Offer]:
        if not all(holds(leaf, single, single, self.types) for leaf in variant.whole if "side" in leaf):
            return []
        return [
            Offer(single, tuple(members), self.difference(members, single), max(map(self.day, members)))
            for members in self.sets(variant, single)
            if members
            and self.meets(variant, members, single)
            and self.group(members, single) not in self.refused
        ]

    def group(self, members: Sequence[Record], single: Record) -> Group:
        many, one = frozenset(record.id for record in members), frozenset([single.id])
        return (many, one) if self.many_is_a else (one, many)

    def difference(self, members: Sequence[Record], single: Record) -> int:
        total = sum(one.measure for one in members)
        if self.magnitude:
            return abs(abs(total) - abs(single.measure))
        return abs(total - single.measure)

    def meets(self, variant: Variant, members: Sequence[Record], single: Record) -> bool:
        total = sum(record.measure for record in members)
        amounts = [leaf for leaf in variant.whole if self.is_sum(leaf)]
        if not all(self.sum_meets(leaf, members, single) for leaf in amounts):
            return False
        if not all(
            any(
                all(holds(leaf, *self.pair(one, single), self.types) for leaf in each)
                for each in variant.each
            )
            for one in members
        ):
            return False
        loose = any("tolerance_amount" in leaf for leaf in amounts)
        kind = self.rule.get("on_difference", "refuse")
        if not loose or (kind == "refuse" and self.rule.get("must_balance", True)):
            return self.difference(members, single) == 0
        return total != 0 if self.magnitude or kind == "allow" else total * single.measure > 0

    def sum_meets(self, leaf: Leaf, members: Sequence[Record], single: Record) -> bool:
        of_many, of_single = (leaf["key"], leaf["value"]) if self.many_is_a else (leaf["value"], leaf["key"])
        added = sum(one.measure if of_many == "amount" else one.value(of_many) for one in members)  # type: ignore[misc]
        added = abs(added) if of_many == "amount" else added
        left, right = (added, single.value(of_single)) if self.many_is_a else (single.value(of_single), added)
        return near(leaf, left, right, single.decimal_places) if "tolerance_amount" in leaf else left == right

    # --- Who takes what -------------------------------------------------------------------------------------------

    def rounds(self, variant: Variant) -> set[int]:
        """Until nothing is new; the single records that were left open though something meets them."""
        self.started = list(self.many)
        while True:
            offers = [offer for single in self.singles for offer in self.offers(variant, single)]
            if self.by_date and self.policy == "best":
                offers = offers and self.nearest(variant)
            taken = offers if self.policy == "best" else self.sure(offers)
            if not self.take(taken):
                return {offer.single.id for offer in offers}

    def nearest(self, variant: Variant) -> list[Offer]:
        """The oldest single record that has a run, with its best one."""
        for single in self.singles:
            if offers := self.offers(variant, single):
                return [
                    min(
                        offers,
                        key=lambda one: (one.difference, -one.last.toordinal(), self.days(one.members)),
                    )
                ]
        return []

    def days(self, members: Sequence[Record]) -> int:
        return len({self.day(one) for one in members})

    def sure(self, offers: list[Offer]) -> list[Offer]:
        found = []
        for offer in offers:
            own = [one for one in offers if one.single == offer.single and one != offer]
            rivals = [
                one
                for one in offers
                if self.twin(one.single) != self.twin(offer.single) and one.overlaps(offer)
            ]
            if self.policy == "abstain":
                own = [one for one in own if one.difference <= offer.difference]
                rivals = [one for one in rivals if one.difference <= offer.difference]
            if not own and not rivals:
                found.append(offer)
        return found

    def twin(self, single: Record) -> tuple[Any, ...]:
        named = {"currency", "decimal_places", "date", "measure", "reference", "counterparty"}
        named |= names(
            self.rule["filters"],
            "value" if self.many_is_a else "key",
            "b" if self.many_is_a else "a",
        )
        if self.by_date:
            named |= set(self.keys)
        return tuple(single.value(name) for name in sorted(named))

    def take(self, offers: list[Offer]) -> bool:
        """In order: each that needs nothing that is taken already."""
        any_taken = False
        for offer in offers:
            if offer.single in self.singles and all(one in self.many for one in offer.members):
                self.found.add(self.group(offer.members, offer.single))
                self.singles.remove(offer.single)
                self.many = [one for one in self.many if one not in offer.members]
                any_taken = True
        return any_taken


def rollups(
    rule: dict[str, Any],
    side_a: Sequence[Record],
    side_b: Sequence[Record],
    refused: Sequence[Group] = (),
    sign_mode: str = "effect",
) -> set[Group]:
    return RollUp(rule, side_a, side_b, refused, sign_mode).run()
