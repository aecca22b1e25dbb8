"""Matching cases that other programs assert, as rules of ours: the same matches, or a stated reason why not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from rules.engine import match, parse_rule
from tests.clock import TODAY
from tests.ledgers.formats.samples import FOLDER, load, needs_samples
from tests.rules.engine.books import Record, frame, groups_of
from tests.rules.engine.cases_as_rules import BY_CASE, BY_MAGNITUDE, EXCHANGED, NOT_OPEN, NOT_SAID, rules_for

pytestmark = needs_samples
Case = dict[str, Any]
Match = tuple[tuple[str, ...], tuple[str, ...]]
CASES: list[Case] = load("matching_cases.json")["cases"] if (FOLDER / "matching_cases.json").exists() else []
OWN = {"id", "amount", "currency", "date", "reference", "description", "external_id"}
FIRST_TIER = [case for case in CASES if case["tier"] == 1 and case["name"] not in NOT_SAID]


def record(number: int, row: dict[str, Any]) -> Record:
    extra = {key: str(value) for key, value in row.items() if key not in OWN and value is not None}
    return Record(
        id=number,
        effect=int(Decimal(row["amount"]) * 100),
        day=(date.fromisoformat(row["date"][:10]) - TODAY).days,
        reference=row.get("reference") or "",
        description=row.get("description") or "",
        external_id=row.get("external_id") or "",
        currency=row.get("currency") or "XXX",
        metadata=tuple(sorted({**extra, "at": row["date"], "id": row["id"]}.items())),
    )


@dataclass(frozen=True)
class Found:
    """What the engine made of a case, in the case's own ids."""

    matches: Counter[Match]
    left_a: Counter[str]
    left_b: Counter[str]


def run(case: Case) -> Found:
    name = case["name"]
    sides = [
        [row for row in case[side] if row["id"] not in NOT_OPEN.get(name, ())]
        for side in ("side_a", "side_b")
    ]
    frames = [frame(record(number, row) for number, row in enumerate(rows)) for rows in sides]
    rules = [parse_rule(rule) for rule in rules_for(name)]
    sign_mode: Any = "magnitude" if name.split("_", 1)[0] in BY_MAGNITUDE else "effect"
    a, b = reversed(frames) if name in EXCHANGED else frames
    groups = groups_of(match(a, b, rules, sign_mode=sign_mode))
    groups = [(b, a) for a, b in groups] if name in EXCHANGED else groups
    names = [[row["id"] for row in rows] for rows in sides]
    matches = [(sorted(names[0][one] for one in a), sorted(names[1][one] for one in b)) for a, b in groups]
    return seen(case, matches, *names)


def seen(
    case: Case, matches: list[tuple[list[str], list[str]]], side_a: list[str], side_b: list[str]
) -> Found:
    """Interchangeable records under one name; without what the case does not judge."""
    unstated = {one for side in (case.get("unstated") or {}).values() for one in side}
    one_of = {
        one: f"one of {members[0]}"
        for tie in case.get("ties") or []
        for members in (tie.get("a", []), tie.get("b", []), tie.get("against", []))
        for one in members
    } | same_amount_and_day(case)

    def named(ids: list[str]) -> tuple[str, ...]:
        return tuple(sorted(one_of.get(one, one) for one in ids))

    judged = [(a, b) for a, b in matches if not {*a, *b} <= unstated]
    taken = {one for pair in matches for ids in pair for one in ids} | unstated
    gone = NOT_OPEN.get(case["name"], frozenset()) | outside(case)
    return Found(
        Counter((named(a), named(b)) for a, b in judged),
        Counter(named([one for one in side_a if one not in taken | gone])),
        Counter(named([one for one in side_b if one not in taken | gone])),
    )


def outside(case: Case) -> frozenset[str]:
    """Records that are not of the case's period: neither matched nor left."""
    first, last = (case["rule_or_options"] or {}).get("period") or ("0000", "9999")
    rows = [*case["side_a"], *case["side_b"]]
    return frozenset(row["id"] for row in rows if not first <= row["date"][:10] <= last)


def same_amount_and_day(case: Case) -> dict[str, str]:
    """Where a case says that records of equal amount and day may be exchanged."""
    if "may be exchanged" not in case["comment"]:
        return {}
    return {
        row["id"]: f"{row['amount']} {row['date']}" for side in ("side_a", "side_b") for row in case[side]
    }


def expected(case: Case) -> Found:
    matches = [(sorted(one["a"]), sorted(one["b"])) for one in case["expected_matches"]]
    left = case["expected_unmatched"]
    gone = NOT_OPEN.get(case["name"], frozenset())
    found = seen(case, matches, [], [])
    left_a, left_b = ([one for one in left[side] if one not in gone] for side in "ab")
    rest = seen(case, [], left_a, left_b)
    return Found(found.matches, rest.left_a, rest.left_b)


@pytest.mark.parametrize("case", FIRST_TIER, ids=lambda case: case["name"])
def test_the_matches_that_its_source_asserts(case: Case) -> None:
    found, wanted = run(case), expected(case)
    counts = case.get("expected_counts") or {}
    if "unmatched_a" in counts:
        assert sum(found.matches.values()) == counts["matched"]
        assert found.left_a.total() == counts["unmatched_a"]
        assert found.left_b.total() == counts["unmatched_b"]
    if case["expected_matches"] or not counts:
        assert found.matches == wanted.matches
    assert without_ties(found.left_a) == without_ties(wanted.left_a)
    assert without_ties(found.left_b) == without_ties(wanted.left_b)


def without_ties(left: Counter[str]) -> Counter[str]:
    """Which of them stays is open: the source lists one of them or none."""
    return Counter({one: count for one, count in left.items() if not one.startswith("one of")})


def test_every_case_is_said_or_has_its_reason() -> None:
    names = {case["name"] for case in CASES if case["tier"] == 1}
    assert set(NOT_SAID) <= names
    assert set(BY_CASE) <= {case["name"] for case in CASES}
    assert len(FIRST_TIER) == 59
    for name in names - set(NOT_SAID):
        assert rules_for(name) or name == "blnk_no_rules_never_match"


def test_what_cannot_be_said_is_still_not_found() -> None:
    """Else the reason is out of date."""
    for case in CASES:
        if case["name"] in NOT_SAID:
            assert run(case).matches != expected(case).matches


def test_the_second_tier_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """Cases that need scores of their own: no rule is written for them, their program's rules are tried."""
    cases = [case for case in CASES if case["tier"] == 2]
    differing = [case["name"] for case in cases if run(case).matches != expected(case).matches]
    with capsys.disabled():
        print(
            f"\nsecond tier: {len(cases) - len(differing)} of {len(cases)} alike; not {', '.join(differing)}"
        )
    assert len(cases) == 25
