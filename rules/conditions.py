"""A rule in words, for people: its tree of conditions, and how it gathers several records. Pure; read by the back office
and by what gives a nameless rule its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rules.engine.parse_values import UNUSABLE

METADATA = "metadata."
NAME_MAX = 128


@dataclass(frozen=True, slots=True)
class Sides:
    """What people call the two sides, and how they say what belongs to them."""

    a: str
    b: str
    of_a: str
    of_b: str
    many_a: str
    many_b: str
    one_a: str
    one_b: str

    def of(self, side: Any) -> str:
        return self.a if side == "a" else self.b


def statement_and_books() -> Sides:
    """Of a ledger's reconciliation."""
    return Sides(
        _("statement"),
        _("books"),
        _("statement's"),
        _("books'"),
        _("statement lines"),
        _("entries of the books"),
        _("one statement line"),
        _("one entry"),
    )


def side_a_and_b() -> Sides:
    """Of a reconciliation of streams."""
    return Sides(
        _("Side A"),
        _("Side B"),
        _("Side A's"),
        _("Side B's"),
        _("records of Side A"),
        _("records of Side B"),
        _("one record of Side A"),
        _("one record of Side B"),
    )


def words_of(tree: Any, sides: Sides | None = None) -> list[tuple[int, str]]:
    """Lines with their depth: "all of", and beneath it each condition. What is not understood is shown as it is stored."""
    return list(_lines(tree, 0, sides or statement_and_books()))


def _lines(node: Any, depth: int, sides: Sides) -> Iterator[tuple[int, str]]:
    if not isinstance(node, dict):
        yield depth, str(node)
    elif isinstance(node.get("rules"), list):
        yield depth, {"and": _("all of"), "or": _("any of")}.get(str(node.get("operand", "and")), "?")
        for child in node["rules"]:
            yield from _lines(child, depth + 1, sides)
    else:
        yield depth, leaf_words(node, sides)


def leaf_words(leaf: Mapping[str, Any], sides: Sides) -> str:
    """One condition as a sentence."""
    operand = operand_words(leaf.get("operand", "eq"))
    if "literal" in leaf or "side" in leaf:
        return _("%(side)s: %(field)s %(operand)s “%(literal)s”") % {
            "side": sides.of(leaf.get("side")),
            "field": field_words(leaf.get("field")),
            "operand": operand,
            "literal": _literal(leaf.get("literal")),
        }
    transforms = leaf.get("transforms")
    chains = transforms if isinstance(transforms, dict) else {}
    key = field_words(leaf.get("key")) + _changed(chains.get("key"))
    value = field_words(leaf.get("value")) + _changed(chains.get("value"))
    return f"{sides.of_a} {key} {operand} {sides.of_b} {value}" + _room(leaf, sides)


def _literal(literal: Any) -> str:
    return ", ".join(map(str, literal)) if isinstance(literal, list) else str(literal)


def _room(leaf: Mapping[str, Any], sides: Sides) -> str:
    """How far apart the two may be."""
    unit = leaf.get("tolerance_unit")
    if unit == "month":
        return _(", in the same calendar month")
    if leaf.get("tolerance_amount"):
        return _tolerance(leaf["tolerance_amount"], unit, leaf.get("key"))
    days = leaf.get("days")
    if isinstance(days, list) and len(days) == 2:
        return _window(days[0], days[1], sides)
    if leaf.get("operand") == "similar" and leaf.get("min_score") is not None:
        return _(", at least %(score)s of 100") % {"score": leaf["min_score"]}
    return ""


def _tolerance(amount: Any, unit: Any, key: Any) -> str:
    if unit == "percent":
        return _(", give or take %(n)s%%") % {"n": amount}
    if unit == "day" or (unit is None and key in ("date", "value_date")):
        count = amount if isinstance(amount, int) else 2
        return ngettext(", give or take %(n)s day", ", give or take %(n)s days", count) % {"n": amount}
    return _(", give or take %(n)s") % {"n": amount}


def _window(low: Any, high: Any, sides: Sides) -> str:
    facts = {"b": sides.b, "low": low, "high": high}
    if isinstance(low, int) and low < 0:
        facts["low"] = -low
        return _(", %(b)s from %(low)s days earlier to %(high)s days later") % facts
    return _(", %(b)s %(low)s to %(high)s days later") % facts


def _changed(chain: Any) -> str:
    """The transforms of one side, in the order in which they are applied."""
    steps = chain if isinstance(chain, list) else [chain] if chain else []
    return " (" + ", ".join(map(_step, steps)) + ")" if steps else ""


def _step(step: Any) -> str:
    name = step.get("name") if isinstance(step, dict) else step
    args = step.get("args") if isinstance(step, dict) else None
    n = args.get("n") if isinstance(args, dict) else None
    texts = {
        "lowercase": _("in lower case"),
        "uppercase": _("in upper case"),
        "alphanumeric_only": _("letters and digits only"),
        "digits_only": _("digits only"),
        "first_n_chars": _("first %(n)s characters") % {"n": n},
        "first_words": _("first %(n)s words") % {"n": n},
    }
    return texts.get(str(name), str(name))


def field_words(field: Any) -> str:
    text = str(field)
    if text in ("effect", "signed_amount"):
        return _("amount") if text == "effect" else _("signed amount")
    return text.removeprefix(METADATA).replace("_", " ")


def operand_words(operand: Any) -> str:
    texts = {
        "eq": "=",
        "neq": "≠",
        "gt": ">",
        "gte": "≥",
        "lt": "<",
        "lte": "≤",
        "contains": _("contains"),
        "in": _("is one of"),
        "not_in": _("is none of"),
        "token_in": _("is a word of"),
        "has_token": _("has as a word"),
        "similar": _("is similar to"),
    }
    return texts.get(str(operand), str(operand))


# --- several records together -----------------------------------------------------------------------------------------


def gathering_words(
    cardinality: str, group_by: list[str], rollup: Mapping[str, Any] | None, sides: Sides
) -> str:
    """How many records meet how many, in a sentence."""
    keys = ", ".join(field_words(key) for key in group_by)
    if cardinality == "one_to_one":
        one = _("%(a)s meets %(b)s.") % {"a": sides.one_a[:1].upper() + sides.one_a[1:], "b": sides.one_b}
        return one + " " + _("Both have the same %(keys)s.") % {"keys": keys} if keys else one
    forwards = cardinality == "many_to_one"
    many, single = (sides.many_a, sides.one_b) if forwards else (sides.many_b, sides.one_a)
    facts = dict(rollup or {})
    if facts.get("group_by_kind", "date") == "identifier":
        text = _("All open %(many)s with the same %(keys)s together meet %(single)s.")
    elif len(group_by) > 1:
        keys = ", ".join(field_words(key) for key in group_by[1:])
        text = _("Days in a row of %(many)s with the same %(keys)s together meet %(single)s.")
    else:
        text = _("Days in a row of %(many)s together meet %(single)s.")
    said = text % {"many": many, "single": single, "keys": keys}
    days, field = facts.get("lookback_days"), facts.get("date_field")
    if days is None:
        return said
    reach = ngettext(
        "Only those at most %(n)s day before it, by their %(field)s.",
        "Only those at most %(n)s days before it, by their %(field)s.",
        days if isinstance(days, int) else 2,
    )
    return said + " " + reach % {"n": days, "field": field_words(field)}


# --- what a rule names --------------------------------------------------------------------------------------------------


def leaves_of(tree: Any) -> Iterator[Mapping[str, Any]]:
    """Every condition of a tree, scopes among them, from the top. Without recursion, and whatever the tree is: it may not
    have been checked yet."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict) and isinstance(node.get("rules"), list):
            waiting.extend(reversed(node["rules"]))
        elif isinstance(node, dict):
            yield node


def metadata_keys(body: Mapping[str, Any]) -> dict[str, set[str]]:
    """The metadata keys that a rule names on each side."""
    found: dict[str, set[str]] = {"a": set(), "b": set()}
    for leaf in leaves_of(body.get("filters")):
        scoped = leaf.get("side")
        named = [("a", leaf.get("key")), ("b", leaf.get("value"))]
        named += [(scoped, leaf.get("field"))] if scoped in ("a", "b") else []
        for side, field in named:
            if isinstance(field, str):
                found[side].add(field)
    cardinality, grouped = body.get("cardinality", "one_to_one"), body.get("group_by")
    for side, rolled in (("a", "many_to_one"), ("b", "one_to_many")):
        if cardinality in ("one_to_one", rolled) and isinstance(grouped, list):
            found[side].update(field for field in grouped if isinstance(field, str))
    return {
        side: {
            field.removeprefix(METADATA)
            for field in fields
            if field.startswith(METADATA) and not UNUSABLE.search(field)  # such a key is in no row
        }
        for side, fields in found.items()
    }


def name_for(filters: Any) -> str:
    """A name for a rule that was given none: what it compares."""
    fields = [
        field_words(leaf.get("key") or leaf.get("field"))
        for leaf in leaves_of(filters)
        if leaf.get("key") or leaf.get("field")
    ]
    text = ", ".join(dict.fromkeys(fields)) or _("rule")
    text = text[:1].upper() + text[1:]
    return text if len(text) <= NAME_MAX else text[: NAME_MAX - 1] + "…"
