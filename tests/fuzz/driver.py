"""Runs schemathesis over the whole OpenAPI document against a live server. Used by the test beside it and by `./dev fuzz`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from organizations.models import ApiKey
from tests.factories.organizations import secret_of
from tests.fuzz import world
from tests.fuzz.server import web_server

NOT_HELD = ("positive_data_acceptance", "use_after_free", "ensure_resource_availability")
"""That whatever fits the schema is accepted (ids must exist, books must foot), and what follows from that."""
READ_ROW_BY_ROW = ("/v1/records/bulk",)
"""Take rows that are wrong, and say so in each row's result."""
KNOWN_SHARE = 0.7  # of ids in paths; the rest are unknown or ill formed
KNOWN_SHARE_IN_BODIES = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, and where. Several `phases` with commas between, as schemathesis names them."""

    examples: int
    seed: int
    phases: str
    mode: str = "all"
    learning: bool = True
    options: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    said: str


def fuzz(plan: Plan, *, shown: bool = False) -> Outcome:
    """On an empty test database: the world, a web server over it, and generated requests for every operation."""
    key = world.build()
    with tempfile.TemporaryDirectory(prefix="tieout-fuzz-") as name:
        folder = Path(name)
        config = folder / "schemathesis.toml"
        with web_server(folder / "web.log") as url:
            config.write_text(settings_of(plan, key))
            (folder / "openapi.json").write_text(json.dumps(strict(document(url))))
            done = subprocess.run(
                command(plan, url),
                stdout=None if shown else subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=folder,
                check=False,
            )
        log = (folder / "web.log").read_text(errors="replace")
    return Outcome(done.returncode, f"{done.stdout or ''}\n{faults(log)}")


def document(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/api/schema/?format=json", timeout=60) as reply:
        described: dict[str, Any] = json.load(reply)
    return described


def strict(described: dict[str, Any]) -> dict[str, Any]:
    """The document as a careful reader takes it: an object has the keys that are listed, and no others."""
    for shape in described["components"]["schemas"].values():
        if shape.get("properties"):
            shape.setdefault("additionalProperties", False)
    return described


def command(plan: Plan, url: str) -> list[str]:
    return [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "--no-color"),
        *("run", "openapi.json", "--url", url, "--phases", plan.phases, "--mode", plan.mode),
        *("--max-examples", str(plan.examples), "--seed", str(plan.seed)),
        *("--suppress-health-check", "all", "--generation-database", "none", "--output-sanitize", "false"),
        *("--warnings", "off", "--request-timeout", "60", "--continue-on-failure"),
        *plan.options,
    ]


def faults(log: str) -> str:
    """The server's own words about what it did not expect."""
    return "\n".join(line for line in log.splitlines() if "unhandled error" in line or "Traceback" in line)[
        -20_000:
    ]


def settings_of(plan: Plan, key: ApiKey) -> str:
    """A schemathesis.toml: the credential, and the ids that requests should name often."""
    lines = [f"headers = {{ X-API-Key = {json.dumps(secret_of(key))} }}"]
    known = world.known_values(key.organization_id)
    for name in NOT_HELD:
        lines += [f"[checks.{name}]", "enabled = false"]
    lines += [
        "[phases.fuzzing.extra-data-sources]",
        f"responses = {str(plan.learning).lower()}",
        "[phases.fuzzing.error-feedback]",
        f"enabled = {str(plan.learning).lower()}",
    ]
    for number, values in enumerate(known.values()):
        for name, texts in values.items():
            if texts:
                lines += [f"[dictionaries.{name}_{number}]", f"values = {json.dumps(texts)}"]
    for number, (paths, values) in enumerate(known.items()):
        named = {name: f"{name}_{number}" for name, texts in values.items() if texts}
        lines += ["[[operations]]", f"include-path-regex = {json.dumps(paths)}", "[operations.parameters]"]
        lines += bindings(named)
    for path in READ_ROW_BY_ROW:
        lines += ["[[operations]]", f"include-path = {json.dumps(path)}"]
        lines += ["[operations.checks.negative_data_rejection]", "enabled = false"]
    return "\n".join(lines) + "\n"


def bindings(named: dict[str, str]) -> Iterator[str]:
    for name, dictionary in named.items():
        yield _bound(f"path.{name}", dictionary, KNOWN_SHARE)
        yield _bound(f"query.{name}", dictionary, KNOWN_SHARE)
        yield _bound(f"body.{name}", dictionary, KNOWN_SHARE_IN_BODIES)
    for field_name, name in world.IN_LISTS.items():
        if name in named:
            yield _bound(f"body.{field_name}[*]", named[name], KNOWN_SHARE_IN_BODIES)


def _bound(parameter: str, dictionary: str, share: float) -> str:
    return f'"{parameter}" = {{ dictionary = "{dictionary}", probability = {share} }}'
