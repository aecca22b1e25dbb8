"""The OpenAPI document as tests walk it: its operations, their parameters and the ids in their bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

WRITES = {"post", "put", "patch"}
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    described: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def path_names(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    @property
    def query_names(self) -> list[str]:
        return [each["name"] for each in self.described.get("parameters", []) if each["in"] == "query"]

    @property
    def body_kind(self) -> str | None:
        """The content type that it takes, None where it has no body."""
        contents = self.described.get("requestBody", {}).get("content", {})
        return next(iter(contents), None)

    @property
    def body_example(self) -> Any:
        content = self.described["requestBody"]["content"][self.body_kind]
        example = next(iter(content.get("examples", {}).values()), None)
        return example["value"] if example else {}

    def body_fields(self) -> list[Place]:
        """Where each field of the body stands, the fields of fields too."""
        if self.body_kind is None:
            return []
        return list(places_in(self.described["requestBody"]["content"][self.body_kind]["schema"]))

    def shows_a_list(self) -> bool:
        if self.method != "get":
            return False
        schema = self.described["responses"].get("200", {}).get("content", {}).get("application/json", {})
        shape = resolved(schema.get("schema", {}))
        rows = [shape, *(shape.get("properties", {}).get(name, {}) for name in ("data", "items", "results"))]
        return any(resolved(each).get("type") == "array" for each in rows)


@cache
def document() -> dict[str, Any]:
    described: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return described


def operations() -> Iterator[Operation]:
    for path, methods in document()["paths"].items():
        for method, described in methods.items():
            yield Operation(method, path, described)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema or "allOf" in schema:
        ref = schema.get("$ref") or schema["allOf"][0]["$ref"]
        schema = document()["components"]["schemas"][ref.rpartition("/")[2]]
    return schema


def places_in(schema: dict[str, Any], before: Place = (), seen: tuple[str, ...] = ()) -> Iterator[Place]:
    """Names and, for places of lists, 0: all fields in this schema, each with what it stands in."""
    ref = schema.get("$ref", "")
    if ref and ref in seen:
        return  # a tree
    schema, seen = resolved(schema), (*seen, ref)
    for name, inner in schema.get("properties", {}).items():
        yield (*before, name)
        yield from places_in(inner, (*before, name), seen)
    for inner in [*schema.get("oneOf", []), *schema.get("anyOf", [])]:
        yield from places_in(inner, before, seen)
    if isinstance(schema.get("items"), dict):
        yield from places_in(schema["items"], (*before, 0), seen)


def is_list(one: Operation, place: Place) -> bool:
    """Whether the body's field holds several."""
    schema = resolved(one.described["requestBody"]["content"][one.body_kind]["schema"])
    for step in place:
        schema = resolved(schema["items"] if step == 0 else schema["properties"][step])
    return schema.get("type") == "array"


def put(body: Any, place: Place, value: Any) -> Any:
    """The body with that value at that place, made where it was not there."""
    if not place:
        return value
    step, *rest = place
    if step == 0:
        rows = body if isinstance(body, list) and body else [{}]
        return [put(rows[0], tuple(rest), value), *rows[1:]]
    known = body if isinstance(body, dict) else {}
    return {**known, step: put(known.get(step), tuple(rest), value)}
