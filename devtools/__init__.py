"""What `./dev` is made of: standard library only, since it runs before anything is installed."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Everything that a run leaves behind; not in git. The variable is for the tests of `./dev` itself.
STATE = Path(os.environ.get("TIEOUT_STATE_ROOT") or ROOT / ".tieout")


class Problem(Exception):
    """Something a person can mend; `./dev` prints the text and ends with 1."""


def say(text: str = "") -> None:
    print(text, flush=True)


def shown(path: Path) -> Path:
    """A path as a person in the checkout would write it."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
