"""The tower: imports point down only, and every app has its floor."""

import tomllib

from django.conf import settings
from importlinter.cli import lint_imports

from tests.architecture.source import FLOORS, ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_imports_keep_their_contracts(capfd):
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert code == 0, capfd.readouterr().out


def test_every_app_of_ours_stands_on_a_floor():
    ours = [name.split(".")[0] for name in settings.INSTALLED_APPS if (ROOT / name.split(".")[0]).is_dir()]
    layers = next(contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")
    assert set(ours) == set(FLOORS)
    assert layers == FLOORS[::-1]


def test_no_contract_makes_an_exception():
    assert not [contract["name"] for contract in CONTRACTS if "ignore_imports" in contract]
