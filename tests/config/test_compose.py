"""compose.yaml and Dockerfile against the settings and the programs that they name: Docker itself is not needed."""

import json
import os
import re
import shlex
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import click
import pytest
import yaml
from celery.bin.celery import celery

from tests.architecture.source import FLOORS, ROOT
from tests.config.test_environment import variables_read

TEXT = (ROOT / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = ["web", "worker", "beat", "migrate"]
SECRETS = {"SECRET_KEY", "POSTGRES_PASSWORD", "VALKEY_PASSWORD"}
ours = pytest.mark.parametrize("name", OURS)


def environment(name: str) -> dict[str, str | None]:
    return SERVICES[name]["environment"]


def filled(name: str) -> dict[str, str]:
    """The service's environment as Compose makes it where only the secrets are set."""
    secrets = {secret: f"{secret.lower().replace('_', '')}0123456789" * 3 for secret in SECRETS}
    return {
        variable: re.sub(
            r"\$\{(\w+):([-?])([^}]*)\}",
            lambda found: found[3] if found[2] == "-" else secrets[found[1]],
            value,
        )
        for variable, value in environment(name).items()
        if value is not None
    }


def test_every_part_is_a_service_of_its_own():
    assert set(SERVICES) == {*OURS, "postgres", "valkey"}


@ours
def test_every_variable_passed_is_one_that_settings_read_and_none_is_forgotten(name: str):
    assert environment(name).keys() == variables_read()
    assert environment(name) == environment("web")


def test_settings_load_with_nothing_but_the_secrets_set():
    name = "web"
    code = (
        "import json; from config import settings as s; d = s.DATABASES['default'];"
        "print(json.dumps([d['HOST'], d['NAME'], d['USER'], d['PASSWORD'], s.CELERY_BROKER_URL, s.DEBUG,"
        " s.ALLOWED_HOSTS, s.STORAGES['default']['OPTIONS']['location']], default=str))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], **filled(name)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    host, database, user, password, broker, debug, hosts, files = json.loads(done.stdout)
    server = filled_of("postgres")
    assert (host, database, user) == ("postgres", server["POSTGRES_DB"], server["POSTGRES_USER"])
    assert password in filled(name)["DATABASE_URL"]
    assert broker.endswith("@valkey:6379/0")
    assert (debug, hosts) == (False, ["localhost", "127.0.0.1"])
    assert files in {volume.split(":")[1] for volume in SERVICES[name]["volumes"]}


def filled_of(name: str) -> dict[str, str]:
    return {key: str(value) for key, value in environment(name).items()}


def test_a_missing_secret_stops_compose_with_its_name():
    """`:?` makes Compose end with `required variable NAME is missing a value` and our words."""
    uses = re.findall(r"\$\{(\w+)(:?.)", TEXT)
    assert {name for name, sign in uses if sign == ":?"} == SECRETS
    assert {sign for name, sign in uses if name in SECRETS} == {":?"}
    assert not [name for name, sign in uses if name not in SECRETS and sign != ":-"]


def test_no_secret_is_written_down():
    for name in SERVICES:
        for key, value in environment(name).items():
            if re.search("KEY|PASSWORD|_URL", key):
                assert "${" in value, f"{name}: {key}"


def test_only_web_can_be_reached_and_only_from_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published.keys() == {"web"}
    assert all(port.startswith("127.0.0.1:") for port in published["web"])
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == SERVICES["valkey"]["networks"] == ["inside"]


def test_web_is_healthy_when_it_is_ready():
    assert "http://127.0.0.1:8000/ready" in SERVICES["web"]["healthcheck"]["test"][-1]
    assert "--bind=0.0.0.0:8000" in SERVICES["web"]["command"]
    assert environment("web")["ALLOWED_HOSTS"].endswith(",127.0.0.1")


def test_migrations_run_once_before_the_rest():
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["migrate"]["command"][:3] == ["python", "manage.py", "migrate"]
    for name in ("web", "worker", "beat"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    for name in OURS:
        assert SERVICES[name]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def parsed(command: str, words: list[str]) -> dict[str, object]:
    """Options and arguments by name; click refuses an option that the command does not have."""
    of = celery.commands[command]
    found, _left, _order = of.make_parser(click.Context(of)).parse_args(list(words))
    return found


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_celery_takes_the_command(name: str):
    program, _app, application, command, *options = SERVICES[name]["command"]
    assert (program, application, command) == ("celery", "config", name)
    parsed(name, options)


def test_the_workers_healthcheck_is_a_command_of_celery():
    kind, line = SERVICES["worker"]["healthcheck"]["test"]
    _celery, _app, _config, command, *rest = shlex.split(line.replace("$$", "$"))
    assert (kind, command, parsed(command, rest)["command"]) == ("CMD-SHELL", "inspect", "ping")


def test_gunicorn_takes_the_command_and_finds_the_application():
    program, *options = SERVICES["web"]["command"]
    done = subprocess.run(
        [sys.executable, "-m", program, "--check-config", *options],
        env={**os.environ, **filled("web")},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    image = json.loads(DOCKERFILE.split("CMD ")[-1])
    assert set(image) <= {program, *options}


def test_the_image_runs_as_nobody_in_particular_with_a_folder_for_files():
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    assert users == ["tieout"]
    assert DOCKERFILE.index("\nUSER ") < DOCKERFILE.rindex("\nCMD ")
    assert SERVICES["valkey"]["user"] == "valkey"
    for name in OURS:
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        folder = environment(name)["TIEOUT_STORAGE_ROOT"]
        assert f"--owner=tieout --group=tieout {folder}" in DOCKERFILE


def copied() -> set[str]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, flags=re.MULTILINE)
    return {source for line in lines for source in line.split()[:-1]}


def test_the_image_takes_the_application_whole_and_nothing_else():
    assert copied() == {*FLOORS, "manage.py", "LICENSE", "templates", "requirements.lock"}
    assert not [source for source in copied() if not (ROOT / source).exists()]


def test_what_the_builder_is_sent_is_what_the_image_takes():
    """Everything is left out (*) but what stands behind an exclamation mark: no .env, no .git, no data."""
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert lines[0] == "*"
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert kept == copied()
    assert not [name for name in (".env", ".git", ".tieout", ".venv") if any(fnmatch(name, k) for k in kept)]
    assert "**/__pycache__" in lines


def test_every_volume_named_is_declared():
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])
    assert not [volume for volume in used if Path(volume).is_absolute()]
