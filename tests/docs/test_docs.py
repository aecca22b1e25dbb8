"""The docs keep up with the code: every status, setting, comparison and reason has its place, and every link leads somewhere."""

import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import TextChoices
from django.urls import get_resolver

from reconciliation.selectors.items import ITEM_STATUSES
from rules.defaults import LEDGER_DEFAULTS
from rules.engine.fields import FIELDS, TRANSFORMS
from rules.engine.parse_tree import COMPARATORS, UNITS
from tests.architecture.source import FLOORS, floor_files, project_files, where

ROOT = Path(settings.BASE_DIR)
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
ADR_LINES_MAX = 40


@cache
def told() -> str:
    return "\n".join(page.read_text() for page in PAGES)


def without(words: list[str]) -> list[str]:
    """Those that no page names in code type."""
    return [word for word in words if f"`{word}`" not in told()]


def choices() -> list[type[TextChoices]]:
    """Every closed list of words of every floor."""
    modules = [import_module(f"{floor}.states") for floor in FLOORS if (ROOT / floor / "states.py").exists()]
    found = [value for module in modules for value in vars(module).values()]
    return [
        each for each in found if isinstance(each, type) and issubclass(each, TextChoices) and each.choices
    ]


@pytest.mark.parametrize("words", choices(), ids=lambda words: words.__qualname__)
def test_every_status_is_explained(words: type[TextChoices]):
    assert not without(list(words.values))


def test_every_status_of_an_item_is_explained():
    assert not without(list(ITEM_STATUSES))


def test_every_setting_is_explained():
    named = set(re.findall(r"\bTIEOUT_[A-Z_]+\b", (ROOT / ".env.example").read_text()))
    named |= set(re.findall(r"\"(TIEOUT_[A-Z_]+)\"", (ROOT / "config" / "settings.py").read_text()))
    assert len(named) > 10
    assert not without(sorted(named))


def test_every_word_of_the_rule_language_is_explained():
    assert not without([*COMPARATORS, *UNITS, *FIELDS, *TRANSFORMS])


def test_every_built_in_rule_is_explained():
    assert not [rule["name"] for rule in LEDGER_DEFAULTS if f"| {rule['name']} |" not in told()]


def test_every_reason_for_refusing_a_file_is_explained():
    texts = [path.read_text() for path in floor_files() if path.is_relative_to(ROOT / "ledgers" / "formats")]
    reasons = {reason for text in texts for reason in re.findall(r"\"(file\.[a-z_]+)\"", text)}
    assert len(reasons) > 5
    assert not without(sorted(reasons))


def test_every_operation_of_the_ledger_surface_is_listed():
    """By the last fixed word of its path."""
    page = (ROOT / "docs" / "ledger-runs.md").read_text()
    paths = [
        str(pattern) for pattern in flat(get_resolver().url_patterns) if pattern.startswith("v1/ledgers")
    ]
    assert len(paths) > 30
    missing = [path for path in paths if not path.endswith(">") and f"/{path.rsplit('/', 1)[1]}" not in page]
    assert not missing


def flat(patterns, before: str = "") -> list[str]:
    found = []
    for each in patterns:
        path = before + str(each.pattern)
        found += flat(each.url_patterns, path) if hasattr(each, "url_patterns") else [path]
    return found


def test_every_link_between_pages_leads_to_a_file():
    """The picture of the run page is made by hand from the running demo, so it may be absent in a working copy."""
    broken = [
        f"{where(page)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken


def test_every_page_that_the_code_names_exists():
    named = {
        (where(path), page)
        for path in project_files()
        for page in re.findall(r"(?<![\w/])docs/[\w./-]+\w", path.read_text())
    }
    names = {page.relative_to(ROOT).as_posix() for page in PAGES}
    broken = [
        each for each in named if each[1] not in names and not any(name.startswith(each[1]) for name in names)
    ]
    assert not broken


def test_decisions_are_short_and_have_their_three_parts():
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert len(records) >= 8
    for number, record in enumerate(records, start=1):
        text = record.read_text()
        assert record.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        assert all(part in text for part in ("## Context", "## Decision", "## Consequences")), record.name
        assert len(text.splitlines()) <= ADR_LINES_MAX, record.name


def test_the_readme_shows_what_the_demo_prints():
    expected = (ROOT / "tests" / "reconciliation" / "demo" / "expected.txt").read_text().splitlines()
    shown = (ROOT / "README.md").read_text().split("```")[1].splitlines()
    table = [
        line
        for line in shown
        if re.match(r" {2,}\S.*\d", line) and "CAMT053" not in line and "matched by" not in line
    ]
    assert len(table) >= 8
    assert not [line for line in table if line not in expected]


def test_the_project_speaks_of_itself_alone():
    """No numbers of tickets or decisions of elsewhere, no papers that are not in the project."""
    foreign = re.compile(
        r"\b(?:issue|ticket|decision|part) #?\d+\b|\bcontracts/|\bcontract [A-D]\.\d|\bdesign\.md\b",
        re.IGNORECASE,
    )
    texts = {where(path): path.read_text() for path in [*floor_files(), *PAGES]}
    found = {
        f"{name}:{number}: {line.strip()}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if foreign.search(line)
    }
    assert not found
