"""Reads the children's process ids on standard input; when that ends without "done", `./dev` was killed: stop them.

Started by devtools/processes.py. Runs alone, imports nothing of the project.
"""

import contextlib
import os
import signal
import sys
import time

GRACE_SECONDS = 5


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def stop(children: dict[int, int]) -> None:
    """Last started first. A process id cannot have been given to somebody else: each is in a group of its own."""
    for pid, number in reversed(children.items()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in children:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def main() -> None:
    children: dict[int, int] = {}
    for line in sys.stdin:
        word, *numbers = line.split()
        if word == "child":
            children[int(numbers[0])] = int(numbers[1])
        elif word == "gone":
            children.pop(int(numbers[0]), None)
        elif word == "done":
            return
    stop(children)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    main()
