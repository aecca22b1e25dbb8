"""Every kind of act of the hammer with its weight, and what one attempt at one came to."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

import psycopg
from django.db import InterfaceError, OperationalError, connection

from organizations.refusals import Refusal
from tests.hammer import exception_acts, ledger_acts, stream_acts
from tests.hammer.hands import Hand, NothingToDo
from tests.hammer.world import World

Act = Callable[[Hand], object]

KINDS: dict[Act, int] = {
    ledger_acts.post: 8,
    ledger_acts.upload: 8,
    ledger_acts.open_run: 2,
    ledger_acts.request: 5,
    ledger_acts.cancel: 1,
    ledger_acts.undo_pass: 3,
    ledger_acts.undo_run: 1,
    ledger_acts.accept: 8,
    ledger_acts.reject: 6,
    ledger_acts.undo: 4,
    ledger_acts.note: 3,
    ledger_acts.manual: 6,
    ledger_acts.partly: 6,
    ledger_acts.extend: 4,
    ledger_acts.close: 6,
    ledger_acts.write_off: 4,
    ledger_acts.reopen: 6,
    ledger_acts.resolve: 2,
    ledger_acts.void_file: 4,
    ledger_acts.void_run: 2,
    stream_acts.add_records: 10,
    stream_acts.change_record: 8,
    stream_acts.void_record: 3,
    stream_acts.request_streams: 6,
    stream_acts.match_records: 6,
    stream_acts.match_by_numbers: 6,
    stream_acts.close_record: 4,
    stream_acts.rewire: 3,
    stream_acts.reset: 1,
    exception_acts.mark_overdue: 10,
    exception_acts.open_exception: 2,
    exception_acts.change_exception: 5,
    exception_acts.delete_exception: 1,
}
ACTS_IN_TWO = {"upload"}  # added first, read afterwards: the second may be refused alone

OK, IDLE, BROKEN, ERROR = "ok", "-", "broken", "ERROR"
CUT = ("08", "57P")  # SQLSTATE classes: connection exception, shutdown by the administrator


@dataclass(frozen=True, slots=True)
class Outcome:
    """`result`: ok, a refusal's code, - (nothing to do), broken (its connection was cut) or ERROR, told in `text`."""

    kind: str
    at: datetime
    result: str
    seconds: float
    text: str = ""


def attempt(world: World, chance: Random, at: datetime) -> Outcome:
    """One act by chance, and how it ended. A cut connection is given up, as between two requests."""
    act = chance.choices(list(KINDS), weights=list(KINDS.values()))[0]
    began, text = time.monotonic(), ""
    try:
        act(Hand(world, chance, at))
        result = OK
    except NothingToDo:
        result = IDLE
    except Refusal as refusal:
        result = refusal.code
    except Exception as error:  # noqa: BLE001 - told to the driver, which fails
        result = BROKEN if was_cut(error) else ERROR
        text = told(error) if result == ERROR else ""
        connection.close()
    return Outcome(act.__name__, at, result, time.monotonic() - began, text)


def was_cut(error: BaseException) -> bool:
    """The connection went away; a deadlock or a failure to serialise is none of that."""
    if not isinstance(error, (OperationalError, InterfaceError, psycopg.OperationalError)):
        return False
    cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
    state = getattr(cause, "sqlstate", None)
    return state is None or state.startswith(CUT)


def told(error: BaseException) -> str:
    """The way through our own files, and the error; the same words each time that it happens."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename
    ]
    way = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-6:])
    return f"{way}: {type(error).__name__}: {error}".strip()
