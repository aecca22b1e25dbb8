"""Ratchets on form: short files and functions, no hidden behaviour. An exception is named here with its reason."""

import ast
import statistics
from pathlib import Path

from tests.architecture.source import (
    ROOT,
    calls_of,
    classes_of,
    floor_files,
    functions,
    project_files,
    tree_of,
    where,
)

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
FUNCTION_LINES_P90 = 25
LONGER_FILES: dict[str, str] = {}  # path: reason
LONGER_FUNCTIONS: dict[str, str] = {}  # path:qualified name: reason
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "core"}
CLOCKS = {"timezone.now", "datetime.now", "datetime.utcnow", "date.today", "timezone.localdate"}


def test_a_file_stays_under_400_lines():
    sizes = {where(path): len(path.read_text().splitlines()) for path in project_files()}
    long = {name: lines for name, lines in sizes.items() if lines >= FILE_LINES_MAX}
    assert long.keys() == LONGER_FILES.keys(), f"split by meaning: {long}"


def test_no_function_is_longer_than_50_lines_without_a_named_reason():
    sizes = {name: lines for path in project_files() for name, lines in functions(path)}
    long = {name: lines for name, lines in sizes.items() if lines > FUNCTION_LINES_MAX}
    assert long.keys() == LONGER_FUNCTIONS.keys(), long


def test_nine_of_ten_functions_have_at_most_25_lines():
    sizes = [lines for path in project_files() for _name, lines in functions(path)]
    assert statistics.quantiles(sizes, n=10)[-1] <= FUNCTION_LINES_P90


def test_nothing_listens_to_signals():
    """What happens on a write stands in the service that writes."""
    found = [where(path, line) for path in floor_files() for line in _signal_lines(path)]
    assert not found


def _signal_lines(path: Path) -> list[int]:
    imports = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ImportFrom)]
    listening = [node.lineno for node in imports if node.module == "django.db.models.signals"]
    listening += [node.lineno for node in imports if "receiver" in {alias.name for alias in node.names}]
    return listening + [
        line for name, line in calls_of(path) if name.endswith(".connect") and name != "psycopg.connect"
    ]


def test_no_model_hides_rules_in_save_or_delete():
    """Only models: a form's or a storage's `save` is its contract."""
    hidden = [
        where(path, method.lineno)
        for path in floor_files()
        for model in classes_of(path)
        if _is_model(model)
        for method in model.body
        if isinstance(method, ast.FunctionDef) and method.name in {"save", "delete", "__init__"}
    ]
    assert not hidden


def _is_model(node: ast.ClassDef) -> bool:
    bases = {ast.unparse(base) for base in node.bases}
    return any(
        name in {"Model", "AbstractUser", "AbstractBaseUser"} or name.endswith("models.Model")
        for name in bases
    )


def test_a_module_is_named_after_what_lives_in_it():
    assert not [where(p) for p in project_files() if NO_NAMES & {p.stem, *p.relative_to(ROOT).parts}]


def test_a_module_says_what_lives_in_it():
    silent = [
        where(p) for p in project_files() if p.read_text().strip() and not ast.get_docstring(tree_of(p))
    ]
    assert not silent, "write one or two sentences: what lives here, who calls it"


def test_a_service_is_told_the_time():
    """Acts take `at`: what reads the clock cannot be tested, replayed or retried the same."""
    services = [path for path in floor_files() if "services" in {path.stem, path.parent.name}]
    assert services
    assert not [where(path, line) for path in services for name, line in calls_of(path) if name in CLOCKS]


def test_nothing_prints():
    """Programs log, commands write to their stdout."""
    assert not [
        where(path, line) for path in floor_files() for name, line in calls_of(path) if name == "print"
    ]
