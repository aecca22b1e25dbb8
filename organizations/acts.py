"""`perform`: the one outermost boundary of acts. Views, admin actions and tasks call it around one service call."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast, overload

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils.translation import gettext as _

from organizations.models import IdempotencyKey
from organizations.refusals import Conflict

T = TypeVar("T")

RETRIES_MAX = 3
PAUSE_SECONDS = 0.02  # before the first retry, doubled for each next, times a random 0.5 to 1.5
DEADLOCK, SERIALIZATION_FAILURE, LOCK_TIMEOUT = "40P01", "40001", "55P03"
PASSING = frozenset({DEADLOCK, SERIALIZATION_FAILURE})
CONNECTION_GONE = ("08", "57P")  # SQLSTATE classes: connection exception, shutdown by the administrator


@dataclass(frozen=True, slots=True)
class ActKey:
    """What makes two requests the same one: who asked whom for what, under which Idempotency-Key.

    `path` is the full path with its query; `digest` is made by the caller over the parsed body (files by their hash).
    """

    organization_id: int
    caller: str
    method: str
    path: str
    key: str
    digest: str

    @property
    def identity(self) -> str:
        parts = [str(self.organization_id), self.caller, self.method, self.path, self.key]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def lock(self) -> int:
        """The 64 bits, signed, that the advisory lock takes."""
        return int.from_bytes(bytes.fromhex(self.identity)[:8], signed=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an act under a key gives back, to be sent now and again: JSON-able body and extra headers."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    replayed: bool = False


@overload
def perform(act: Callable[[], Answer], *, key: ActKey | None) -> Answer: ...


@overload
def perform(act: Callable[[], T], *, key: None = None) -> T: ...


def perform(act: Callable[[], T], *, key: ActKey | None = None) -> T | Answer:
    """Run one act in its own transaction, whole or not at all; again on deadlock or serialisation failure.

    With a key the act returns an Answer. A 2xx answer is stored in the act's own transaction, and a repeat gets it back
    with `replayed=True`; another body under the same key, or one still in flight, is a Conflict
    ("idempotency.conflict", "idempotency.in_flight"). A lock not had in time is a Conflict "lock.timeout".
    Runs only outside any transaction: the act may be run again, and only the whole can be.
    """
    for retries_left in reversed(range(RETRIES_MAX + 1)):
        try:
            with transaction.atomic(durable=True):
                return _once(act, key)
        except OperationalError as error:
            state = getattr(error.__cause__, "sqlstate", None)
            if state == LOCK_TIMEOUT:
                raise _lock_timeout() from error
            if state not in PASSING or not retries_left:
                raise
            pause = PAUSE_SECONDS * 2 ** (RETRIES_MAX - retries_left)
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads rivals, no secret
    raise AssertionError("the last try returns or raises")


def connection_lost(error: BaseException) -> bool:
    """The database went away, whatever became of the act: a fault of the moment, not of what was asked for."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(CONNECTION_GONE)


def crossed_others(error: BaseException) -> bool:
    """Others were in the way each time that `perform` tried the act (deadlock, serialisation failure): a fault of the moment
    too, and nothing of the act was kept."""
    return isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", None) in PASSING


def _once(act: Callable[[], T], key: ActKey | None) -> T | Answer:
    with connection.cursor() as cursor:
        timeout = f"{int(settings.LOCK_TIMEOUT_SECONDS * 1000)}ms"
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [timeout])
    if key is None:
        return act()
    _claim(key)
    stored = IdempotencyKey.objects.filter(identity=key.identity).first()
    if stored is not None:
        return _replay(stored, key)
    return _keep(cast(Answer, act()), key)


def _claim(key: ActKey) -> None:
    """Refuse while the same request is in flight. A try-lock, since a second insert of the row would wait instead."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key.lock])
        if not cursor.fetchone()[0]:
            message = _("The same request is still being worked on. Ask again in a moment with the same key.")
            raise Conflict(message, code="idempotency.in_flight", word="idempotency_in_flight")


def _replay(stored: IdempotencyKey, key: ActKey) -> Answer:
    if stored.digest != key.digest:
        message = _("This Idempotency-Key was used with another body. Use a new key for a new request.")
        raise Conflict(message, code="idempotency.conflict", word="idempotency_conflict")
    return Answer(stored.answer_code, json.loads(stored.answer_body), stored.answer_headers, replayed=True)


def _keep(answer: Answer, key: ActKey) -> Answer:
    """Store a 2xx answer beside its effect, and give back exactly what was stored, so that a replay is the same."""
    text = json.dumps(answer.body, cls=DjangoJSONEncoder, ensure_ascii=False)
    if 200 <= answer.status < 300:
        IdempotencyKey.objects.create(
            identity=key.identity,
            organization_id=key.organization_id,
            caller=key.caller,
            method=key.method,
            path=key.path,
            key=key.key,
            digest=key.digest,
            answer_code=answer.status,
            answer_body=text,
            answer_headers=answer.headers,
        )
    return replace(answer, body=json.loads(text))


def _lock_timeout() -> Conflict:
    message = _("Somebody else is working on the same records. Nothing was changed; try again in a moment.")
    return Conflict(message, code="lock.timeout", word="conflict")
