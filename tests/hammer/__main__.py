"""`./dev hammer`: random acts of all kinds over the same few records, from many processes, with kills. See --help."""

from __future__ import annotations

import argparse
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("LOG_LEVEL", "ERROR")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev hammer", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="how long to strike (default 120)")
    parser.add_argument("--acts", type=int, help="so many acts instead")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--switch-off", action="append", default=[], metavar="NAME")
    parser.add_argument("--kills", type=int, metavar="N", help="instead: kill a worker at N points of a pass")
    parser.add_argument(
        "--people", type=int, metavar="N", help="instead: N people match by hand beside a pass"
    )
    parser.add_argument("--lines", type=int, default=2_000, help="that they match")
    parser.add_argument("--records", type=int, default=200_000, help="that the pass is over")
    parser.add_argument(
        "--chunk", type=int, help="groups that it writes at once (default: as the settings say)"
    )
    chosen = parser.parse_args()
    django.setup()
    from tests.hammer import strike

    try:
        if chosen.people:
            return strike.people(chosen)
        return strike.kills(chosen) if chosen.kills else strike.strike(chosen)
    finally:
        strike.tidy()


if __name__ == "__main__":
    sys.exit(main())
