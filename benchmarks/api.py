"""The API of data streams over HTTP: a thousand rows in bulk, and the lists that programs ask for most.
`./dev bench api [ROWS]`: ROWS records, nine tenths of them matched, behind the lists; a real web server and worker.

Nothing is asserted. Queries are counted in this process, for the same request; everything else is timed over a socket.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import benchmarks.shared  # noqa: F401  (sets Django up)
from benchmarks.shared.database import migrate
from benchmarks.shared.feeds import BATCH, Feeds, load, new_rows, open_feeds
from benchmarks.shared.serving import THREADS, WORKERS, Measured, asked_of, serving
from ledgers.models import BulkRequest, ImportBatch, Record

POLL_SECONDS = 0.02
BULK = "/v1/records/bulk"
UNDER_WAY = {"pending", "processing"}


def lists(feeds: Feeds) -> dict[str, str]:
    of = f"reconciliation_id={feeds.reconciliation.pk}"
    batch = ImportBatch.objects.filter(stream=feeds.a).order_by("pk")[ImportBatch.objects.count() // 4]
    external = Record.objects.filter(stream=feeds.a).order_by("pk").values_list("external_id", flat=True)[0]
    return {
        "records of a stream": f"/v1/records?data_stream_key={feeds.a.key}",
        "records of a stream, 200": f"/v1/records?data_stream_key={feeds.a.key}&limit=200",
        "records, unmatched in a reconciliation": f"/v1/records?{of}&status=unmatched",
        "records, matched in a reconciliation": f"/v1/records?{of}&status=matched",
        "records by external_id": f"/v1/records?external_id={external}",
        "records of an import batch": f"/v1/records?import_batch_id={batch.pk}",
        "matches of a reconciliation": f"/v1/reconciliation_matches?{of}",
        "bulk requests": "/v1/bulk_requests",
        "reconciliations": "/v1/reconciliations",
    }


def main() -> None:
    asked = argparse.ArgumentParser(prog="./dev bench api", description=__doc__)
    asked.add_argument("rows", nargs="?", type=int, default=1_000_000)
    asked.add_argument("--clients", type=int, default=4, help="that ask at once (default 4)")
    asked.add_argument("--seconds", type=float, default=5, help="for each list (default 5)")
    asked.add_argument("--requests", type=int, default=20, help="of a thousand rows (default 20)")
    chosen = asked.parse_args()
    migrate()
    feeds = open_feeds()
    start = time.perf_counter()
    load(feeds, chosen.rows)
    print(f"{chosen.rows:,} records loaded in {time.perf_counter() - start:.0f} s")
    with serving() as address:
        print(
            f"{WORKERS} web workers of {THREADS} threads, {chosen.clients} clients, {chosen.seconds:g} s a list"
        )
        ask_lists(feeds, address, chosen)
        send_bulk(feeds, address, chosen.requests)
        print(f"\nAgain, after {chosen.requests * BATCH:,} more")
        ask_lists(feeds, address, chosen)


def ask_lists(feeds: Feeds, address: str, chosen: argparse.Namespace) -> None:
    print(f"\n{'':<42}{'queries':>8}{'a second':>10}{'p50 ms':>9}{'p95 ms':>9}{'rows':>7}")
    for name, path in lists(feeds).items():
        queries, rows = counted(feeds, path)
        found = asked_of(
            address, path, {"X-API-Key": feeds.key}, clients=chosen.clients, seconds=chosen.seconds
        )
        print(
            f"{name:<42}{queries:>8}{found.per_second:>10,.0f}{found.within_ms(0.5):>9.1f}"
            f"{found.within_ms(0.95):>9.1f}{rows:>7}",
            flush=True,
        )


def counted(feeds: Feeds, path: str) -> tuple[int, int]:
    """Queries and rows of one request, in this process."""
    client = Client(SERVER_NAME="localhost", headers={"x-api-key": feeds.key})
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}: {answer.content[:500]!r}")
    return len(queries), len(answer.json()["data"])


def send_bulk(feeds: Feeds, address: str, requests: int) -> None:
    """One request after the other: until it is answered, and until a worker has written its records."""
    web = http.client.HTTPConnection(address, timeout=60)
    headers = {"X-API-Key": feeds.key, "Content-Type": "application/json"}
    answered, done = [], []
    began = time.perf_counter()
    for number in range(requests):
        body = json.dumps({"records": new_rows(feeds.a, number=number)})
        start = time.perf_counter()
        summary = said(web, "POST", BULK, headers, body)
        answered.append(time.perf_counter() - start)
        while said(web, "GET", summary["url"], headers)["status"] in UNDER_WAY:
            time.sleep(POLL_SECONDS)
        done.append(time.perf_counter() - start)
    together = time.perf_counter() - began
    failed = BulkRequest.objects.exclude(status="completed").count()
    print(f"\n{requests} x POST {BULK} of {BATCH:,} rows{f', {failed} not completed' if failed else ''}")
    for name, seconds in (("answered", answered), ("all written", done)):
        found = Measured(seconds, together)
        print(
            f"{name:<42}{'p50':>8}{found.within_ms(0.5):>9.0f} ms{'p95':>8}{found.within_ms(0.95):>9.0f} ms"
        )
    print(f"{requests * BATCH / together:,.0f} rows a second, one request at a time")


def said(
    web: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> Any:
    web.request(method, path, body, headers)
    answer = web.getresponse()
    content = answer.read()
    if answer.status not in {200, 202}:
        raise SystemExit(f"{method} {path} answered {answer.status}: {content[:500]!r}")
    return json.loads(content)


if __name__ == "__main__":
    main()
