"""What `./dev` is made of: standard library only, since it runs before anything is installed."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".tieout"  # everything that a run leaves behind; not in git


class Problem(Exception):
    """Something a person can mend; `./dev` prints the text and ends with 1."""


def say(text: str = "") -> None:
    print(text, flush=True)
