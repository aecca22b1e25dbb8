"""One reading in a process of its own, so that its peak of memory is its own: what it was, its seconds, its megabytes
over the base. `python benchmarks/shared/reading.py WHAT FILE` prints them as JSON; `./dev bench import` calls it.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from pathlib import Path
from typing import BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from lxml import etree

from ledgers.formats import HEAD_BYTES, FileRefused, detect, read_statements
from ledgers.formats.events import Lines


def read(file: BinaryIO) -> str:
    """Through the reader of its format, every frame thrown away."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    try:
        count = sum(
            event.frame.height
            for event in read_statements(file, format=detect(head), currency="EUR")
            if isinstance(event, Lines)
        )
    except FileRefused as refused:
        return f"refused: {refused.code}"
    return f"{count:,} lines"


def every_element(file: BinaryIO) -> str:
    """A bare iterparse pass that clears as it goes, as everybody writes it."""
    count = 0
    for _event, element in etree.iterparse(file, events=("end",), huge_tree=True):
        count += 1
        if element.tag.endswith("}Ntry"):
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    return f"{count:,} elements"


def entries_alone(file: BinaryIO) -> str:
    """The same, asked for the entries only: the least that Python can be called."""
    count = 0
    for _event, element in etree.iterparse(file, events=("end",), tag="{*}Ntry", huge_tree=True):
        count += 1
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return f"{count:,} entries"


READINGS = {"read": read, "every_element": every_element, "entries_alone": entries_alone}


def peak_mb() -> float:
    """Linux says it of this very program; what getrusage says there begins with the peak of whoever started it."""
    status = Path("/proc/self/status")
    if status.exists():
        [peak] = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(peak) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    what, path = sys.argv[1:]
    base, start = peak_mb(), time.perf_counter()
    with Path(path).open("rb") as file:
        found = READINGS[what](file)
    seconds = time.perf_counter() - start
    print(json.dumps({"found": found, "seconds": seconds, "mb": peak_mb() - base}))


if __name__ == "__main__":
    main()
