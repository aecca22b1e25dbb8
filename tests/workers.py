"""One real Celery worker for the tests marked `worker`: its own process, this process's database, its own queue."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import redis
from django.conf import settings
from django.db import connection

from config.celery import app
from devtools.processes import Watchdog

START_SECONDS = 60
POLL_SECONDS = 0.02


def wait_for(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    """For what another process does: look again until it holds, fail saying what did not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(POLL_SECONDS)


class Worker:
    """`kill` and `start` let a test lose its worker in the middle of a task."""

    def __init__(self) -> None:
        self.prefix = os.environ["TIEOUT_QUEUE_PREFIX"]
        self.broker = redis.Redis.from_url(settings.CELERY_BROKER_URL)
        self.process: subprocess.Popen[bytes] | None = None
        self.watchdog = Watchdog()
        self.log = Path(tempfile.mkstemp(prefix="tieout-test-worker-", suffix=".log")[1])

    def start(self) -> None:
        url = urlsplit(os.environ["DATABASE_URL"])
        database = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "celery", "-A", "config", "worker", "--concurrency", "2"),
                    *(
                        "--include",
                        "tests.tasks",
                        "--without-mingle",
                        "--without-gossip",
                        "--hostname",
                        f"{self.prefix.strip(':')}@test",
                    ),
                ],
                env={
                    **os.environ,
                    "DATABASE_URL": database,
                    "DJANGO_SETTINGS_MODULE": "tests.settings",
                    "TIEOUT_TEST_WORKER": "1",
                },
                cwd=settings.BASE_DIR,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        # Should this test process be killed, the watchdog ends the worker: nobody else knows of it.
        self.watchdog.tell(f"child {self.process.pid} {int(signal.SIGKILL)}")
        wait_for(self._answers, seconds=START_SECONDS, what="the worker is ready")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the worker ended:\n{self.log.read_text()}"
        return bool(app.control.ping(timeout=0.5))

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Like a machine that loses power: the worker and its pool, at once."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.watchdog.tell(f"gone {self.process.pid}")

    def is_idle(self) -> bool:
        """Nothing is waiting, and nothing is being worked on."""
        return not self.broker.llen(f"{self.prefix}celery") and not self.broker.hlen(f"{self.prefix}unacked")

    def wait_until_idle(self, seconds: float = 30) -> None:
        wait_for(
            self.is_idle,
            seconds=seconds,
            what=f"the worker has done all its tasks; its log: {self.log.read_text()[-3000:]}",
        )

    def forget(self) -> None:
        """Throw away messages that earlier tests, which had no worker, have left."""
        for key in self.broker.scan_iter(f"{self.prefix}*", count=1000):
            self.broker.delete(key)

    def stop(self) -> None:
        if self.is_alive():
            self.kill()
        self.watchdog.close()
        self.forget()
        self.broker.close()
        self.log.unlink()
