"""The tower: imports point down only, and every app has its floor."""

import subprocess
import sys
import tomllib
from pathlib import Path

from django.conf import settings

from tests.architecture.source import FLOORS, ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_imports_keep_their_contracts():
    """In a process of its own: import-linter switches off every logger there is."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_app_of_ours_stands_on_a_floor():
    ours = [name.split(".")[0] for name in settings.INSTALLED_APPS if (ROOT / name.split(".")[0]).is_dir()]
    layers = next(contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")
    assert set(ours) == set(FLOORS)
    assert layers == FLOORS[::-1]


def test_no_contract_makes_an_exception():
    assert not [contract["name"] for contract in CONTRACTS if "ignore_imports" in contract]
