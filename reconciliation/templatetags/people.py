"""`{{ names|named:ref }}` and `{{ code|reason }}`: who an actor is, and why something was closed, in templates."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

from reconciliation.reasons import reason_words

register = template.Library()


@register.filter
def named(names: Mapping[str, str], ref: str) -> str:
    """The name of an actor from a table of names; the ref itself where there is none."""
    return names.get(ref, ref)


@register.filter
def reason(code: str) -> str:
    return reason_words(code)
