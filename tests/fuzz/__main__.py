"""`./dev fuzz`: generated requests for every operation of the API, held against its OpenAPI document. See --help."""

from __future__ import annotations

import argparse
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("LOG_LEVEL", "ERROR")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./dev fuzz", description=__doc__, epilog="Everything else goes to `schemathesis run`."
    )
    parser.add_argument("--examples", type=int, default=100, help="per operation (default 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--mode", default="all", choices=["all", "positive", "negative"])
    chosen, options = parser.parse_known_args()
    django.setup()
    from tests import databases
    from tests.fuzz.driver import Plan, fuzz
    from tests.hammer.strike import tidy
    from tests.workers import Worker

    plan = Plan(chosen.examples, chosen.seed, chosen.phases, chosen.mode, options=tuple(options))
    try:
        with databases.cloned_database("fuzz"):
            worker = Worker()
            worker.start()
            try:
                outcome = fuzz(plan, shown=True)
            finally:
                worker.stop()
    finally:
        tidy()
    print(outcome.said)
    return outcome.code


if __name__ == "__main__":
    sys.exit(main())
