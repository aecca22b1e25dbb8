"""Other people's sample files, in the folder that TIEOUT_SAMPLES names. They are read there and never copied here."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledgers.money import exponent

FOLDER = Path(os.environ.get("TIEOUT_SAMPLES") or "/nowhere")
PRESENT = (FOLDER / "facts.json").is_file()

needs_samples = pytest.mark.skipif(
    not PRESENT,
    reason="TIEOUT_SAMPLES does not name a folder with facts.json: the sample files were not read",
)


def load(name: str) -> Any:
    """A JSON file of the folder; nothing where the folder is absent, so that tests can be collected and skipped."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8")) if PRESENT else {}


def path(name: str) -> Path:
    return FOLDER / name


def major(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-exponent(currency))
