"""A rule's row as data to a rule that can run, with every mistake named by its path. Called by rules' services and
the API. Whatever is sent, the answer is a rule or a list of mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from rules.engine.parse_rollup import check_difference, check_rollup_tree, parse_group_by, parse_rollup
from rules.engine.parse_tree import parse_filters
from rules.engine.parse_values import Reading, parse_number, shown
from rules.engine.plan import MAX_ALTERNATIVES, NOT_SELECTIVE, Alternative, TooManyAlternatives, alternatives
from rules.engine.tree import (
    Cardinality,
    Group,
    MetadataType,
    OnAmbiguity,
    OnDifference,
    RuleError,
    RuleErrors,
    RuleSpec,
)

Word = TypeVar("Word")


def parse_rule(data: Mapping[str, Any]) -> RuleSpec:
    """A rule that can run. Raises RuleErrors with everything that is wrong.

    Keys read: ref, filters, cardinality, group_by, rollup, score, on_ambiguity, on_difference, must_balance,
    metadata_types ({key: number, date, datetime, string or boolean}; other metadata is text); any other key belongs to
    the caller.
    """
    reading = Reading()
    if not isinstance(data, Mapping):
        reading.wrong((), "A rule is an object with filters.")
        raise RuleErrors(reading.errors)
    reading.types = _metadata_types(data.get("metadata_types"), reading)
    filters = parse_filters(data.get("filters"), reading)
    cardinality = _choice(data, "cardinality", get_args(Cardinality), "one_to_one", reading)
    on_difference = _choice(data, "on_difference", get_args(OnDifference), "refuse", reading)
    on_ambiguity = _choice(data, "on_ambiguity", get_args(OnAmbiguity), "best", reading)
    group_by = parse_group_by(data.get("group_by"), reading)
    rollup, group_by = parse_rollup(data.get("rollup"), cardinality, group_by, reading)
    score = _score(data.get("score"), reading)
    must_balance = data.get("must_balance", True)
    if not isinstance(must_balance, bool):
        reading.wrong(("must_balance",), "must_balance is true or false.")
    check_difference(cardinality, on_difference, reading)
    if filters is not None:
        found = _alternatives(filters, reading)
        if rollup is not None:
            check_rollup_tree(found, cardinality, rollup.kind, group_by, reading)
        elif cardinality == "one_to_one":
            _check_selective(found, group_by, reading)
    if reading.errors or filters is None:
        raise RuleErrors(reading.errors)
    return RuleSpec(
        data.get("ref"),
        filters,
        cardinality,
        group_by,
        rollup,
        score,
        on_ambiguity,
        on_difference,
        must_balance and on_difference == "refuse",
        tuple(sorted(reading.types.items())),
    )


def validate_filters(
    filters: Any, metadata_types: Mapping[str, MetadataType] | None = None
) -> list[RuleError]:
    """What is wrong with the conditions of a one-to-one rule; empty if it can run."""
    reading = Reading()
    reading.types = _metadata_types(metadata_types, reading)
    tree = parse_filters(filters, reading)
    if tree is not None:
        _check_selective(_alternatives(tree, reading), (), reading)
    return reading.errors


def _metadata_types(data: Any, reading: Reading) -> dict[str, MetadataType]:
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        reading.wrong(("metadata_types",), 'metadata_types is {"<key>": "<type>"}.')
        return {}
    words = get_args(MetadataType)
    found: dict[str, MetadataType] = {}
    for key, word in data.items():
        if not isinstance(key, str) or word not in words:
            reading.wrong(
                ("metadata_types", str(key)), f"A type is one of {', '.join(words)}, not {shown(word)}."
            )
        else:
            found[key] = word
    return found


def _choice(
    data: Mapping[str, Any], name: str, words: tuple[Word, ...], default: Word, reading: Reading
) -> Word:
    given = data.get(name, default)
    for word in words:
        if given == word:
            return word
    reading.wrong((name,), f"{name} is one of {', '.join(map(str, words))}, not {shown(given)}.")
    return default


def _score(data: Any, reading: Reading) -> float:
    score = parse_number(1 if data is None else data)
    if score is None or not 0 <= score <= 1:
        reading.wrong(("score",), "score is a number from 0 to 1.")
        return 0.0
    return float(score)


def _alternatives(filters: Group, reading: Reading) -> tuple[Alternative, ...]:
    """The tree written out; none, with an error, where it has too many."""
    try:
        return alternatives(filters)
    except TooManyAlternatives:
        reading.wrong(
            ("filters",),
            f"Written out, the or-groups make more than {MAX_ALTERNATIVES} alternatives. Use fewer, or several rules.",
        )
        return ()


def _check_selective(found: tuple[Alternative, ...], group_by: tuple[str, ...], reading: Reading) -> None:
    """What only the whole tree can say: whether each alternative narrows the search."""
    narrowed = bool(set(group_by) - NOT_SELECTIVE)
    if not narrowed and not all(alternative.is_selective for alternative in found):
        reading.wrong(
            ("filters",),
            "Too broad: every alternative needs a field that must be equal on both sides (other than currency and "
            "direction), or an amount or date within a tolerance. Else every record would meet every other.",
        )
