"""Starting programs so that none outlives `./dev`: on Ctrl-C, SIGTERM, failure, and even when `./dev` itself is killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from devtools import Problem

STOP_SECONDS = 10


class Stopped(BaseException):
    """A signal asked `./dev` to end. Not an Exception, so that nothing swallows it on the way out."""

    def __init__(self, number: int) -> None:
        self.number = number


def raise_on_signals() -> None:
    """SIGTERM and SIGHUP unwind the stack like Ctrl-C does, so that every `finally` runs."""

    def stop(number: int, _frame: FrameType | None) -> None:
        for late in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(late, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the stopping
        raise Stopped(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


class Watchdog:
    """A small process that stops our children should `./dev` be killed without a chance to do it (SIGKILL)."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("watchdog.py"))],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def tell(self, line: str) -> None:
        with contextlib.suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()

    def close(self) -> None:
        self.tell("done")
        with contextlib.suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        self.process.wait()


class Child:
    """One started program, the leader of a process group of its own."""

    def __init__(
        self, name: str, process: "subprocess.Popen[bytes]", stop_signal: int, log: Path | None
    ) -> None:
        self.name, self.process, self.stop_signal, self.log = name, process, stop_signal, log

    def check_alive(self) -> None:
        code = self.process.poll()
        if code is not None:
            raise Problem(f"{self.name} ended by itself (exit {code}).{self.log_tail()}")

    def log_tail(self, lines: int = 20) -> str:
        if self.log is None or not self.log.exists():
            return ""
        tail = self.log.read_text(errors="replace").splitlines()[-lines:]
        return f" The end of {self.log}:\n" + "\n".join(f"    {line}" for line in tail)

    def stop(self) -> None:
        """Ask first, then insist; the whole group, so that pool processes go too."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Stage:
    """All that one `./dev` command has started; leaving the `with` stops it, last started first."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self.cleanups: list[Callable[[], object]] = []

    def __enter__(self) -> "Stage":
        self.watchdog = Watchdog()
        return self

    def __exit__(self, *_error: object) -> None:
        while self.children:
            child = self.children.pop()
            child.stop()
            self.watchdog.tell(f"gone {child.process.pid}")
        for cleanup in reversed(self.cleanups):
            cleanup()
        self.watchdog.close()

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        stop_signal: int = signal.SIGTERM,
        **popen: Any,
    ) -> Child:
        """Start a program in the background; its output goes to the log, or to our own streams where there is none."""
        with contextlib.ExitStack() as stack:
            if log is not None:
                log.parent.mkdir(parents=True, exist_ok=True)
                popen["stdout"] = stack.enter_context(log.open("ab"))
                popen["stderr"] = subprocess.STDOUT
                popen.setdefault("stdin", subprocess.DEVNULL)
            process = subprocess.Popen(
                [str(part) for part in command],
                env=dict(env) if env is not None else None,
                start_new_session=True,
                **popen,
            )
        child = Child(name, process, stop_signal, log)
        self.children.append(child)
        self.watchdog.tell(f"child {process.pid} {int(stop_signal)}")
        return child

    def run(
        self, name: str, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, **popen: Any
    ) -> int:
        """Run a program to its end, watching the ones in the background meanwhile; its exit code."""
        child = self.start(name, command, env=env, **popen)
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return child.process.wait(1)
                self.check_alive()
        finally:
            child.stop()
            self.children.remove(child)
            self.watchdog.tell(f"gone {child.process.pid}")

    def leave_running(self) -> None:
        """The children outlive us on purpose (`./dev services`)."""
        self.children.clear()
        self.cleanups.clear()

    def check_alive(self) -> None:
        for child in self.children:
            if child.process.poll() not in (None, 0):
                child.check_alive()

    def wait(self) -> None:
        """Until a child ends by itself (a Problem), or a signal ends us."""
        while True:
            for child in self.children:
                child.check_alive()
            time.sleep(0.5)


@contextlib.contextmanager
def exclusive(lock: Path, what: str) -> Iterator[None]:
    """One at a time per checkout. The lock goes with its process, however that ends."""
    import fcntl

    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Problem(
                f"{what} is already running in this checkout. Stop it first (Ctrl-C where it runs)."
            ) from None
        yield


def wait_until(ready: Callable[[], bool], *, child: Child, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        child.check_alive()
        if time.monotonic() > deadline:
            raise Problem(f"{what} was not ready after {seconds:.0f} s.{child.log_tail()}")
        time.sleep(0.05)
