"""The project's own source files, parsed; what the tests of this folder walk."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
# From the ground up: each may import, and point to, only itself and what stands before it.
FLOORS = ["organizations", "ledgers", "rules", "reconciliation", "exceptions_app", "exports", "api", "config"]


@cache
def project_files() -> list[Path]:
    """Every Python file we wrote, migrations left out: those are records of the past."""
    folders = [*FLOORS, "devtools", "tests", "benchmarks"]
    found = [
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts
    ]
    return sorted([*found, ROOT / "manage.py", ROOT / "dev"])


def floor_files() -> list[Path]:
    return [path for path in project_files() if path.relative_to(ROOT).parts[0] in FLOORS]


def files_of_tests() -> list[Path]:
    return [path for path in project_files() if path.is_relative_to(ROOT / "tests")]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def where(path: Path, line: int | None = None) -> str:
    return path.relative_to(ROOT).as_posix() + (f":{line}" if line else "")


def classes_of(path: Path) -> list[ast.ClassDef]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)]


@cache
def calls_of(path: Path) -> list[tuple[str, int]]:
    """(dotted name of what is called, its line) of each call in the file."""
    return [(dotted(n.func), n.lineno) for n in ast.walk(tree_of(path)) if isinstance(n, ast.Call)]


def dotted(node: ast.AST) -> str:
    """`a.b.c` as written; what is no name, such as another call's result, is left out: `.c`."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """(qualified name, lines from `def` to its last line) of each function and method in the file."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{prefix}{child.name}"
                if not isinstance(child, ast.ClassDef):
                    assert child.end_lineno is not None
                    yield f"{where(path)}:{name}", child.end_lineno - child.lineno + 1
                yield from walk(child, f"{name}.")
            else:
                yield from walk(child, prefix)

    yield from walk(tree_of(path), "")
