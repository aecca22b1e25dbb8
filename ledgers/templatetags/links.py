"""`{{ urls|of:key }}`: one of several addresses, in templates."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

register = template.Library()


@register.filter
def of(urls: Mapping[int, str], key: int) -> str:
    """The address of this row; "#", which leads nowhere, where it has no page."""
    return urls.get(key) or "#"
