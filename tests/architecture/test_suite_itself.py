"""The tests' own habits: every file is collected, nothing waits by the clock, nothing of ours is replaced by a mock."""

import ast
from pathlib import Path

from tests.architecture.source import calls_of, files_of_tests, tree_of, where
from tests.clock import NOW, TODAY

CLOCKS = {"timezone.now", "datetime.now", "datetime.utcnow", "date.today", "timezone.localdate"}
CLOCK_READERS = {
    "tests/api/shared/test_health.py": "signs of life are compared with the clock by a view",
    "tests/exceptions_app/admin/office.py": "pages tell ages from the clock",
    "tests/organizations/test_ids.py": "version 7 ids carry the clock's milliseconds",
}
WAITING = {"tests/workers.py": "looks again at what another process does, until a deadline"}


def names_of_tests(path: Path) -> list[str]:
    """What pytest looks for: test functions, also those grouped in a class."""
    groups = [
        node for node in tree_of(path).body if isinstance(node, ast.ClassDef) and node.name.startswith("Test")
    ]
    places = [("", tree_of(path).body), *((f"{group.name}.", group.body) for group in groups)]
    return [
        prefix + node.name
        for prefix, body in places
        for node in body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def test_every_file_with_tests_is_collected():
    """pytest finds test_*.py in packages; a test anywhere else would never run."""
    hidden = [where(p) for p in files_of_tests() if bool(names_of_tests(p)) != p.name.startswith("test_")]
    assert not hidden, "tests stand in test_*.py, and only there"
    loose = [where(p) for p in files_of_tests() if not (p.parent / "__init__.py").exists()]
    assert not loose, "two files of one name need packages around them"


def test_no_two_tests_of_a_file_share_a_name():
    doubles = [where(p) for p in files_of_tests() if len(names_of_tests(p)) != len(set(names_of_tests(p)))]
    assert not doubles, "the earlier one never runs"


def test_nothing_sleeps():
    sleeps = {
        where(p): line for p in files_of_tests() for name, line in calls_of(p) if name.endswith("sleep")
    }
    assert sleeps.keys() == WAITING.keys(), f"wait for what you mean (tests/workers.py: wait_for): {sleeps}"


def test_nothing_reads_the_clock_of_today():
    reads = {where(p): line for p in files_of_tests() for name, line in calls_of(p) if name in CLOCKS}
    assert reads.keys() <= CLOCK_READERS.keys(), f"tests live at tests/clock.py: {reads}"


def test_nothing_is_mocked():
    mocks = [where(p) for p in files_of_tests() if imported(p) & {"mock", "unittest.mock", "pytest_mock"}]
    assert not mocks


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(tree_of(path)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {
        (node.module or "", alias.name)
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return plain | {module for module, _name in froms} | {f"{module}.{name}" for module, name in froms}


def test_the_clock_of_the_tests_stands_still():
    assert NOW.date() == TODAY
