"""Runs `./dev` as a person would, with a state folder of its own, and finds every process it has started."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.architecture.source import ROOT
from tests.workers import wait_for

# What this test run itself has set for its own processes.
OURS = {"DATABASE_URL", "BROKER_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE", "LOG_LEVEL"}


class Run:
    def __init__(self, *arguments: str, state: Path, command: tuple[str, ...] = ("dev",), **env: str) -> None:
        self.state = state
        self.mark = f"TIEOUT_MARK={uuid.uuid4()}"
        clean = {
            k: v for k, v in os.environ.items() if k not in OURS and not k.startswith(("TIEOUT_", "PYTEST_"))
        }
        name, _sign, value = self.mark.partition("=")
        self.process = subprocess.Popen(
            [sys.executable, *command, *arguments],
            cwd=ROOT,
            env={**clean, "TIEOUT_STATE_ROOT": str(state), name: value, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def read_until(self, text: str) -> str:
        """What it has printed so far, once that contains the text; fails if it ends first."""
        assert self.process.stdout is not None
        seen = ""
        for line in self.process.stdout:
            seen += line
            if text in line:
                return seen
        raise AssertionError(f"ended before it said {text!r}:\n{seen}")

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=120)
        return self.process.returncode, output

    def left_running(self) -> dict[int, str]:
        """Every process that it has started, by id: its command line."""
        return {pid: line for pid, line in processes() if self._is_ours(pid)}

    def _is_ours(self, pid: int) -> bool:
        """By our mark in its environment, or by its folder: the servers write their titles over the former."""
        try:
            marked = self.mark.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            return marked or Path(f"/proc/{pid}/cwd").readlink().is_relative_to(self.state)
        except OSError:
            return False  # ended meanwhile, or somebody else's

    def wait_until_nothing_is_left(self, seconds: float) -> None:
        wait_for(
            lambda: not self.left_running(),
            seconds=seconds,
            what=f"nothing of it runs: {self.left_running()}",
        )


def processes() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield (
                int(folder.name),
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"),
            )


@contextmanager
def running(*arguments: str, state: Path, **more) -> Iterator[Run]:
    """`./dev ...` for the duration; whatever is left of it at the end is ended."""
    run = Run(*arguments, state=state, **more)
    try:
        yield run
    finally:
        for pid in [run.process.pid, *run.left_running()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        run.process.wait()
        assert run.process.stdout is not None
        run.process.stdout.close()
