"""`{{ names|named:ref }}`: who an actor is, in templates."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

register = template.Library()


@register.filter
def named(names: Mapping[str, str], ref: str) -> str:
    """The name of an actor from a table of names; the ref itself where there is none."""
    return names.get(ref, ref)
