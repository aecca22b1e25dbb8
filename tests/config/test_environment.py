"""The variables that the settings read: all documented, typed, and refused loudly when they make no sense."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config import env

EXAMPLE = Path(settings.BASE_DIR, ".env.example").read_text()
SOURCE = Path(settings.BASE_DIR, "config", "settings.py").read_text()
COMPOSE = Path(settings.BASE_DIR, "compose.yaml").read_text()


def variables_read() -> set[str]:
    return set(re.findall(r'\benv_\w+\(\s*"(\w+)"', SOURCE))


def variables_documented() -> set[str]:
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", EXAMPLE, flags=re.MULTILINE))


def variables_of_compose() -> set[str]:
    return set(re.findall(r"\$\{(\w+)", COMPOSE))


def test_env_example_lists_exactly_the_variables_that_settings_and_compose_read():
    assert variables_documented() == variables_read() | variables_of_compose()


def test_every_call_in_settings_names_its_variable():
    calls = len(re.findall(r"\benv_\w+\(", SOURCE))
    assert calls == len(re.findall(r'\benv_\w+\(\s*"\w+"', SOURCE))


@pytest.mark.parametrize(
    ("name", "default"), re.findall(r"^#([A-Z][A-Z0-9_]+)=(.+)$", EXAMPLE, flags=re.MULTILINE)
)
def test_env_example_shows_the_real_default(name: str, default: str):
    if name not in variables_read():
        assert f"${{{name}:-{default}}}" in COMPOSE
        return
    read = re.search(rf'"{name}",\s*default=(?:"([^"]*)"|([^,)\s]+))', SOURCE)
    assert read, f"{name} has no default in config/settings.py"
    shown = read[1] or read[2].replace("_", "")
    assert shown == default or (name, shown) == ("TIEOUT_HTTPS", "not")


@pytest.mark.parametrize("value", ["true", "1", "yes", "FALSE"])
def test_a_switch_takes_true_or_false_and_nothing_else(monkeypatch, value):
    monkeypatch.setenv("SWITCH", value)
    with pytest.raises(ImproperlyConfigured, match="write True or False"):
        env.env_bool("SWITCH", default=False)


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_counts_as_not_set(monkeypatch, value):
    monkeypatch.setenv("THING", value)
    with pytest.raises(ImproperlyConfigured, match="THING is not set"):
        env.env_required("THING")
    assert env.env_int("THING", default=7) == 7
    assert env.env_bool("THING", default=True) is True


@pytest.mark.parametrize("value", ["1.5", "-1", "ten", "١"])
def test_a_number_is_whole_and_in_plain_digits(monkeypatch, value):
    monkeypatch.setenv("COUNT", value)
    with pytest.raises(ImproperlyConfigured, match="write a whole number"):
        env.env_int("COUNT", default=1)


def test_a_number_below_its_least_is_refused(monkeypatch):
    monkeypatch.setenv("COUNT", "0")
    with pytest.raises(ImproperlyConfigured, match="write 1 or more"):
        env.env_int("COUNT", default=1, at_least=1)


def test_a_relative_path_is_refused(monkeypatch):
    monkeypatch.setenv("FOLDER", "files")
    with pytest.raises(ImproperlyConfigured, match="absolute path"):
        env.env_path("FOLDER", default=Path("/srv"))


def test_a_choice_outside_its_list_is_refused(monkeypatch):
    monkeypatch.setenv("LEVEL", "LOUD")
    with pytest.raises(ImproperlyConfigured, match="DEBUG, INFO"):
        env.env_choice("LEVEL", default="INFO", choices=("DEBUG", "INFO"))


def test_an_address_of_the_wrong_kind_is_refused_without_repeating_its_password(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "mysql://tieout:secret@host/db")
    with pytest.raises(ImproperlyConfigured) as refused:
        env.env_url("DATABASE_URL", schemes=("postgresql",))
    assert "secret" not in str(refused.value)
    assert "postgresql://" in str(refused.value)


def test_a_list_drops_blanks_and_empty_parts(monkeypatch):
    monkeypatch.setenv("HOSTS", " a.example , ,b.example")
    assert env.env_list("HOSTS") == ["a.example", "b.example"]
