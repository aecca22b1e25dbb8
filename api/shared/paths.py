"""Numbers as ids in paths: digits, or anything else, which is then an id that nothing has."""

from __future__ import annotations

from django.urls import register_converter

from api.shared.values import Unfit, read_number

NOBODY = 0
"""We never give this id away, so that an ill-formed id answers just as an unknown one."""


class NumberConverter:
    regex = "[^/]+"

    def to_python(self, value: str) -> int:
        try:
            return max(read_number(value), NOBODY)
        except Unfit:
            return NOBODY

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(NumberConverter, "number")
