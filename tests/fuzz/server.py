"""The real web server on this process's test database, for requests that come over a socket."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from devtools.processes import Watchdog
from devtools.services import free_port
from tests.workers import wait_for

START_SECONDS = 60
QUICK = {
    "TIEOUT_MATCH_WAIT_SECONDS": "1",
    "TIEOUT_REQUEST_MAX_MB": "2",
    "TIEOUT_UPLOAD_MAX_MB": "2",
    **{f"TIEOUT_THROTTLE_{name}": "1000000/min" for name in ("UPLOADS", "EXPLAIN", "COMBINATIONS", "TOKENS")},
}
"""Waits and limits, so that requests come back and are not turned away for their number."""


@contextmanager
def web_server(log: Path) -> Iterator[str]:
    """Its address; what it rings for is heard by the test's worker."""
    address = f"127.0.0.1:{free_port()}"
    url = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
    command = [
        *(sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", address, "--workers", "1"),
        *("--threads", "4", "--no-control-socket", "--timeout", "120", "--graceful-timeout", "1"),
    ]
    env = {
        **os.environ,
        **QUICK,
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TIEOUT_TEST_WORKER": "1",
    }
    watchdog = Watchdog()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=env, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    watchdog.tell(f"child {process.pid} 9")
    try:
        wait_for(lambda: ready(process, address, log), seconds=START_SECONDS, what="the web server answers")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()
        watchdog.close()


def ready(process: subprocess.Popen[bytes], address: str, log: Path) -> bool:
    assert process.poll() is None, f"the web server ended:\n{log.read_text()[-3000:]}"
    try:
        with urllib.request.urlopen(f"http://{address}/ready", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
