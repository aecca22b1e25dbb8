"""Which text of an XML element goes to which field, as a table of paths; read by the camt reader."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple


class Node(NamedTuple):
    """What is wanted of an element: its text (`field`), an attribute, and what is below."""

    field: str | None
    many: bool
    attribute: tuple[str, str] | None
    below: dict[str, "Node"]


Tree = dict[str, Node]
Found = dict[str, Any]
"""Field → the first text found, or for a field of many all of them as a list. Fields without a text are absent."""


def tree(paths: Mapping[str, str], namespace: str, *, many: Collection[str] = ()) -> Tree:
    """The table `{"Amt/@Ccy": "currency", "Sts/Cd": "status"}` as a tree of qualified names, for one walk per element."""
    prefix = f"{{{namespace}}}" if namespace else ""
    root: Tree = {}
    for path, field in paths.items():
        *parents, last = path.split("/")
        level = root
        if last.startswith("@"):
            *parents, last, attribute = *parents, last[1:]
        else:
            attribute = None
        for name in parents:
            level = level.setdefault(prefix + name, Node(None, False, None, {})).below
        old = level.get(prefix + last, Node(None, False, None, {}))
        level[prefix + last] = (
            old._replace(attribute=(attribute, field))
            if attribute
            else old._replace(field=field, many=field in many)
        )
    return root


def collect(element: Any, wanted: Tree, found: Found) -> Found:
    """Walk what is below an element as far as the tree reaches; texts without blanks around.

    Most of an import's time goes here. `getnext` is half again as fast as iterating over children.
    """
    child = element[0] if len(element) else None
    while child is not None:
        node = wanted.get(child.tag)
        if node is not None:
            field, many, attribute, below = node
            if below:
                collect(child, below, found)
            if field is not None and (text := child.text) and (text := text.strip()):
                if many:
                    found.setdefault(field, []).append(text)
                elif field not in found:
                    found[field] = text
            if attribute is not None and (value := child.get(attribute[0])):
                found.setdefault(attribute[1], value.strip())
        child = child.getnext()
    return found
