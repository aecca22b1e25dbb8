"""The web server and the worker as they run in service, and clients that ask as fast as they are answered."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from devtools.services import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 60
WORKERS, THREADS = 2, 4  # as ./dev serve has them


@dataclass(frozen=True)
class Measured:
    """Seconds of each request, and how long all of them took together."""

    seconds: list[float]
    together: float

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.together

    def within_ms(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000


@contextmanager
def serving() -> Iterator[str]:
    """Host and port of a web server on this process's database, with a worker beside it."""
    address = f"127.0.0.1:{free_port()}"
    web = [
        *(sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", address, "--workers", str(WORKERS)),
        *("--threads", str(THREADS), "--no-control-socket", "--keep-alive", "30", "--log-level", "warning"),
    ]
    worker = [
        *(sys.executable, "-m", "celery", "--quiet", "-A", "config", "worker", "--concurrency", "2"),
        *("--loglevel", "WARNING", "--without-mingle", "--without-gossip"),
    ]
    started = [subprocess.Popen(command, cwd=ROOT, start_new_session=True) for command in (web, worker)]
    try:
        _wait_until_ready(address)
        yield address
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def _wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://{address}/ready", timeout=5) as reply:
                if reply.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The web server did not start.")


def asked_of(address: str, path: str, headers: dict[str, str], *, clients: int, seconds: float) -> Measured:
    """So many clients, each over a connection of its own, one request after the other."""
    found: list[list[float]] = [[] for _client in range(clients)]
    until = time.perf_counter() + seconds

    def work(into: list[float]) -> None:
        connection = http.client.HTTPConnection(address, timeout=60)
        while time.perf_counter() < until or not into:
            start = time.perf_counter()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            into.append(time.perf_counter() - start)
            if answer.status != 200:
                raise SystemExit(f"{path} answered {answer.status}: {body[:500]!r}")
        connection.close()

    start = time.perf_counter()
    threads = [Thread(target=work, args=(into,)) for into in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Measured([each for into in found for each in into], time.perf_counter() - start)
