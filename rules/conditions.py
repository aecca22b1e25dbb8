"""A rule's tree of conditions in words, for people. Pure; read by the back office."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

SIDES = {"a": "statement", "b": "books"}


def words_of(tree: Any) -> list[tuple[int, str]]:
    """Lines with their depth: "all of", and beneath it each condition. What is not understood is shown as it is stored."""
    return list(_lines(tree, 0))


def _lines(node: Any, depth: int) -> list[tuple[int, str]]:
    if not isinstance(node, dict):
        return [(depth, str(node))]
    if isinstance(node.get("rules"), list):
        title = {"and": _("all of"), "or": _("any of"), "not": _("none of")}.get(
            str(node.get("operand")), "?"
        )
        return [(depth, title), *(line for child in node["rules"] for line in _lines(child, depth + 1))]
    return [(depth, _leaf(node))]


def _leaf(leaf: dict[str, Any]) -> str:
    operand = OPERANDS.get(str(leaf.get("operand")), str(leaf.get("operand")))
    if "literal" in leaf:
        return _("%(side)s: %(field)s %(operand)s “%(literal)s”") % {
            "side": _("statement") if leaf.get("side") == "a" else _("books"),
            "field": _name(leaf.get("field")),
            "operand": operand,
            "literal": leaf["literal"],
        }
    text = _("statement's %(key)s %(operand)s books' %(value)s") % {
        "key": _name(leaf.get("key")),
        "operand": operand,
        "value": _name(leaf.get("value")),
    }
    return text + _tolerance(leaf)


def _tolerance(leaf: dict[str, Any]) -> str:
    if leaf.get("tolerance_amount"):
        return _(", give or take %(n)s %(unit)s") % {
            "n": leaf["tolerance_amount"],
            "unit": leaf.get("tolerance_unit", ""),
        }
    if leaf.get("days"):
        return _(", between %(low)s and %(high)s days") % {"low": leaf["days"][0], "high": leaf["days"][1]}
    return ""


def _name(field: Any) -> str:
    text = str(field)
    return {"effect": _("amount"), "signed_amount": _("amount")}.get(
        text, text.removeprefix("metadata.").replace("_", " ")
    )


OPERANDS = {
    "eq": "=",
    "neq": "≠",
    "contains": "contains",
    "token_in": "is a word of",
    "has_token": "has as a word",
    "similar": "is similar to",
}
