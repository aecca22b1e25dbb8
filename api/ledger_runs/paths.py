"""Ids in paths: a UUID, or anything else, which is then an id that nothing has."""

from uuid import UUID

from django.urls import register_converter

NOBODY = UUID(int=0)
"""We never give this id away, so that an ill-formed id answers just as an unknown one."""


class IdConverter:
    regex = "[^/]+"

    def to_python(self, value: str) -> UUID:
        try:
            return UUID(value)
        except ValueError:
            return NOBODY

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(IdConverter, "id")
