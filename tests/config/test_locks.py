"""The locks: every package by hash, none by address, and every dependency with the reason why it is there."""

import re
import tomllib

import pytest

from tests.architecture.source import ROOT

PROJECT = (ROOT / "pyproject.toml").read_text()
TABLES = tomllib.loads(PROJECT)
RUN_TIME = TABLES["project"]["dependencies"]
DEVELOPMENT = TABLES["dependency-groups"]["dev"]
LOCKS = ["requirements.lock", "requirements-dev.lock", "benchmarks/requirements.lock"]
every_lock = pytest.mark.parametrize("name", LOCKS)


def package(requirement: str) -> str:
    return re.split(r"[<>=!;\[ ]", requirement)[0].lower().replace("_", "-")


def locked(name: str) -> list[str]:
    """The lock's entries: a pinned package with its continuation lines."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith(("#", " "))]


@every_lock
def test_every_package_is_pinned_by_hash(name):
    assert locked(name)
    assert not [entry for entry in locked(name) if "==" not in entry or "--hash=sha256:" not in entry]


@every_lock
def test_no_lock_names_an_address_or_a_path_of_a_machine(name):
    text = (ROOT / name).read_text()
    assert not re.findall(r"\w+://\S+|--(?:extra-)?index-url|--find-links|(?<![\w.])/\w+/\S+", text)


def test_the_run_time_lock_holds_what_the_project_needs():
    assert {package(each) for each in RUN_TIME} <= {package(entry) for entry in locked("requirements.lock")}


def test_the_development_lock_holds_the_run_time_lock_whole():
    """`./dev demo` after `./dev test` finds everything there, in the same versions."""
    pins = {name: {entry.split(" ")[0] for entry in locked(name)} for name in LOCKS}
    assert pins["requirements.lock"] <= pins["requirements-dev.lock"]
    assert {package(each) for each in DEVELOPMENT} <= {package(pin) for pin in pins["requirements-dev.lock"]}


@pytest.mark.parametrize("requirement", [*RUN_TIME, *DEVELOPMENT])
def test_every_dependency_says_what_it_is_for(requirement):
    line = next(line for line in PROJECT.splitlines() if line.strip().startswith(f'"{requirement}"'))
    assert re.search(r"#\s*\w{3}", line.split('",')[-1]), "write the reason beside it"
