"""Reads settings from the environment, typed, and fails loudly. Called by config/settings.py only."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


def env_text(name: str, *, default: str) -> str:
    return os.environ.get(name, "").strip() or default


def env_required(name: str) -> str:
    """The value of a variable that has no safe default."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is not set; see .env.example")
    return value


def env_bool(name: str, *, default: bool) -> bool:
    value = env_text(name, default=str(default))
    if value not in {"True", "False"}:
        raise ImproperlyConfigured(f"{name}={value!r}: write True or False")
    return value == "True"


def env_int(name: str, *, default: int, at_least: int = 0) -> int:
    value = env_text(name, default=str(default))
    if not value.isascii() or not value.isdigit():
        raise ImproperlyConfigured(f"{name}={value!r}: write a whole number")
    if int(value) < at_least:
        raise ImproperlyConfigured(f"{name}={value!r}: write {at_least} or more")
    return int(value)


def env_list(name: str, *, default: str = "") -> list[str]:
    """Comma-separated values without blanks around them."""
    return [part.strip() for part in env_text(name, default=default).split(",") if part.strip()]


def env_choice(name: str, *, default: str, choices: tuple[str, ...]) -> str:
    value = env_text(name, default=default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r}: write one of {', '.join(choices)}")
    return value


def env_path(name: str, *, default: Path) -> Path:
    """An absolute path: the working directory of web and worker may differ."""
    path = Path(env_text(name, default=str(default))).expanduser()
    if not path.is_absolute():
        raise ImproperlyConfigured(f"{name}={str(path)!r}: write an absolute path")
    return path


def env_url(name: str, *, schemes: tuple[str, ...]) -> str:
    value = env_required(name)
    if urlsplit(value).scheme not in schemes:
        # The value may hold a password, so it is not repeated here.
        raise ImproperlyConfigured(f"{name} must begin with {' or '.join(s + '://' for s in schemes)}")
    return value
