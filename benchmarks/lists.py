"""Lists and pages with many rows behind them: queries, milliseconds on warm data, and the plan of the slowest query.
`./dev bench lists [ROWS] [--plans]`: ROWS lines and as many entries, asked before and after they are matched.

Nothing is asserted. Each request is made as a program or a browser makes it, in this process; the quickest of three.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from benchmarks.shared.books import NOW, Books, open_books
from benchmarks.shared.database import migrate, settle
from organizations.acts import perform
from organizations.models import User
from organizations.services.keys import api_key_create
from reconciliation.models import Run
from reconciliation.services.execution import pass_execute
from reconciliation.services.passes import pass_request

TARGET_MS = 50
STEPS_SHOWN = 5
PLAN_SECONDS = 20
ASKED = 3
DEEP = 10_000
TABLES = (
    "ledgers_record",
    "ledgers_statementline",
    "reconciliation_openitem",
    "reconciliation_match",
    "reconciliation_matchmember",
    "reconciliation_discrepancy",
    "ledgers_ledgerdelta",
)
DECIDE_HALF = """
UPDATE reconciliation_match SET status = 'accepted', decided_at = now(), decided_by = 'user:1' WHERE id % 2 = 0
"""


@dataclass
class Query:
    text: str
    params: Any
    ms: float

    def plan(self) -> str:
        """The steps that take the most of its time, with the indexes or tables that they read."""
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = '{PLAN_SECONDS}s'")
            try:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {self.text}", self.params)
                [[found]] = cursor.fetchall()
            except OperationalError:
                return f"planned anew it took more than {PLAN_SECONDS} s"
            finally:
                cursor.execute("RESET statement_timeout")
        plans = json.loads(found) if isinstance(found, str) else found
        steps = sorted(steps_of(plans[0]["Plan"]), reverse=True)[:STEPS_SHOWN]
        return ", ".join(f"{name} {ms:,.0f}" for ms, name in steps)


def steps_of(plan: dict[str, Any]) -> Iterator[tuple[float, str]]:
    """Each step with its own milliseconds, without those of the steps below it."""
    below = plan.get("Plans", [])
    own = whole(plan) - sum(map(whole, below))
    where = plan.get("Index Name") or plan.get("Relation Name") or ""
    rows = plan["Actual Rows"] * plan["Actual Loops"]
    yield own, f"{plan['Node Type']} {where} ({rows:,.0f} rows)".replace("  ", " ")
    for step in below:
        yield from steps_of(step)


def whole(plan: dict[str, Any]) -> float:
    return float(plan.get("Actual Total Time", 0)) * float(plan.get("Actual Loops", 0))


@dataclass
class Answer:
    ms: float
    queries: list[Query]
    body: Any

    @property
    def slowest(self) -> Query:
        return max(self.queries, key=lambda query: query.ms)


@dataclass
class Watch:
    queries: list[Query] = field(default_factory=list)

    def __call__(self, execute: Any, text: str, params: Any, many: bool, context: Any) -> Any:
        start = time.perf_counter()
        try:
            return execute(text, params, many, context)
        finally:
            self.queries.append(Query(text, params, (time.perf_counter() - start) * 1000))


@dataclass
class Asker:
    """Asks by the API with a key, and by the admin as a person who is signed in."""

    api: Client
    browser: Client

    def ask(self, url: str) -> Answer:
        answers = [self._once(url) for _ in range(ASKED + 1)]  # the first warms up
        return min(answers[1:], key=lambda answer: answer.ms)

    def _once(self, url: str) -> Answer:
        client = self.browser if url.startswith("/admin/") else self.api
        watch = Watch()
        start = time.perf_counter()
        with connection.execute_wrapper(watch):
            response = client.get(url)
        ms = (time.perf_counter() - start) * 1000
        if response.status_code != 200:
            raise SystemExit(f"{url} answered {response.status_code}: {response.content[:500]!r}")
        as_json = response["Content-Type"].startswith("application/json")
        return Answer(ms, watch.queries, response.json() if as_json else None)


def asker(books: Books) -> Asker:
    scopes = ["reconciliations:read", "ledgers:read"]
    make = partial(api_key_create, organization_id=books.by.organization_id, name="bench", scopes=scopes)
    _key, text = perform(partial(make, by=books.by, at=timezone.now()))
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
    return Asker(Client(SERVER_NAME="localhost", headers={"x-api-key": text}), browser)


def api_lists(run: Run) -> dict[str, str]:
    base = f"/v1/ledgers/reconciliation/runs/{run.uuid}"
    return {
        "items": f"{base}/items",
        "items, unmatched": f"{base}/items?match_status=unmatched",
        "items, matched": f"{base}/items?match_status=matched",
        "matches": f"{base}/matches",
        "matches, accepted": f"{base}/matches?status=accepted",
        "gl-only": f"{base}/gl-only",
        "gl-all": f"{base}/gl-all",
        "discrepancies": f"{base}/discrepancies",
        "discrepancies, open": f"{base}/discrepancies?status=open",
        "entries": "/v1/ledgers/entries",
    }


def pages(run: Run) -> dict[str, str]:
    desk = reverse("admin:reconciliation_run_change", args=[run.pk])
    panels = ["review", "by-hand", "matched", "closed", "differences", "files"]
    tables = ["ledgers_statementline", "ledgers_record", "reconciliation_match", "reconciliation_discrepancy"]
    return {
        "runs": "/v1/ledgers/reconciliation/runs",
        "the run, with its proof": f"/v1/ledgers/reconciliation/runs/{run.uuid}",
        "accounts, with their counts": "/v1/ledgers/accounts",
        **{f"run page, {name}": f"{desk}?show={name}" for name in panels},
        **{f"admin list, {name}": reverse(f"admin:{name}_changelist") for name in tables},
    }


@contextmanager
def table(title: str) -> Iterator[None]:
    print(f"\n{title}\n{'':<44}{'queries':>8}{'all ms':>9}{'slowest ms':>12}")
    yield


def show(name: str, asker: Asker, url: str, *, plans: bool) -> Answer:
    answer = asker.ask(url)
    slow = answer.slowest.ms > TARGET_MS
    mark = "  over the target" if slow else ""
    print(f"{name:<44}{len(answer.queries):>8}{answer.ms:>9.1f}{answer.slowest.ms:>12.1f}{mark}", flush=True)
    if slow or plans:
        over = [query for query in answer.queries if query.ms > TARGET_MS] or [answer.slowest]
        for query in over:
            print(f"    {query.ms:,.0f} ms, of which: {query.plan()}")
    return answer


def ask_all(title: str, asker: Asker, run: Run, *, plans: bool) -> None:
    with table(title):
        for name, url in api_lists(run).items():
            first = show(f"{name}, first 100", asker, url, plans=plans)
            join = "&" if "?" in url else "?"
            ten = asker.ask(f"{url}{join}limit=10")
            if len(ten.queries) != len(first.queries):
                print(f"    {len(ten.queries)} queries for ten rows")
            deep = asker.ask(f"{url}{join}limit=100&offset={DEEP}") if first.body["total"] > DEEP else None
            if deep is not None and deep.body["next_cursor"]:
                cursor = deep.body["next_cursor"]
                show(f"{name}, 100 behind a cursor", asker, f"{url}{join}cursor={cursor}", plans=plans)
        for name, url in pages(run).items():
            show(name, asker, url, plans=plans)


def main() -> None:
    asked = argparse.ArgumentParser(prog="./dev bench lists", description=__doc__)
    asked.add_argument("rows", nargs="?", type=int, default=1_000_000)
    asked.add_argument("--plans", action="store_true", help="show every slowest query's plan")
    chosen = asked.parse_args()
    migrate()
    books = open_books()
    run = books.import_lines(chosen.rows)
    books.post_entries(chosen.rows)
    settle(*TABLES)
    asker_ = asker(books)
    ask_all(f"{chosen.rows:,} lines and as many entries, all open", asker_, run, plans=chosen.plans)
    match(books, run)
    settle(*TABLES)
    ask_all("Nine tenths matched, half of those accepted", asker_, run, plans=chosen.plans)


def match(books: Books, run: Run) -> None:
    asked = perform(partial(pass_request, reconciliation=run.reconciliation, run=run, by=books.by, at=NOW))
    pass_execute(pass_id=asked.pk, clock=timezone.now)
    with connection.cursor() as cursor:
        cursor.execute(DECIDE_HALF)


if __name__ == "__main__":
    main()
