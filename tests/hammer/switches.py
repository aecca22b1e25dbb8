"""Fault injection: each switch takes one protection of the concurrency protocol away, in the hammer's processes only.

They prove that the hammer sees what the protection is for (docs/concurrency.md has what broke). Nothing in the product
knows them: a switch replaces our own code or the database's, here, and says so loudly where it no longer finds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection
from django.db.backends.signals import connection_created

from reconciliation.models import Pass
from reconciliation.services import chunks, locks, records, stream_records
from reconciliation.services.locks import LockKind

LOCK_IN_ORDER = re.compile(r"ORDER BY record_id FOR UPDATE")


@contextmanager
def lock_order(instead: str = "ORDER BY random() FOR UPDATE") -> Iterator[None]:
    """Tokens are locked in any order."""
    before = chunks.TOKENS
    assert LOCK_IN_ORDER.search(before), "a chunk locks its tokens in other words"
    chunks.TOKENS = LOCK_IN_ORDER.sub(instead, before)
    try:
        with rewritten(LOCK_IN_ORDER, instead):
            yield
    finally:
        chunks.TOKENS = before


def attempt_fencing() -> AbstractContextManager[None]:
    """A pass writes on, whatever became of its row."""

    def ours(row: Pass, *, at: datetime, **fields: object) -> None:
        Pass.objects.filter(pk=row.pk).update(heartbeat_at=at, **fields)

    return replaced(chunks, "_ours", ours)


@contextmanager
def all_reconciliations() -> Iterator[None]:
    """An act on a record, or on the file that brought it, looks at the first of its reconciliations only."""
    find = stream_records.reconciliations_with
    with (
        replaced(stream_records, "reconciliations_with", lambda stream_ids: find(stream_ids)[:1]),
        replaced(records, "reconciliations_with", lambda _stream_ids: []),
        replaced(records, "_refuse_matched_elsewhere", lambda *_arguments: None),
    ):
        yield


def advisory(kind: LockKind) -> AbstractContextManager[None]:
    """No advisory lock of this kind is taken."""
    take = locks._take

    def others_only(function: str, asked: LockKind, ids: Any) -> None:
        if asked != kind:
            take(function, asked, ids)

    return replaced(locks, "_take", others_only)


@contextmanager
def replaced(module: Any, name: str, instead: Any) -> Iterator[None]:
    """Loudly, where the module has it no longer."""
    before = getattr(module, name)
    setattr(module, name, instead)
    try:
        yield
    finally:
        setattr(module, name, before)


@contextmanager
def ticket() -> Iterator[None]:
    """A ticket that never changes: a pass takes the record, whatever became of its token meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(NO_TICKET)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION no_ticket CASCADE")


NO_TICKET = """
CREATE FUNCTION no_ticket() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.ticket := 0; RETURN NEW; END $$;
CREATE TRIGGER no_ticket BEFORE INSERT OR UPDATE ON reconciliation_openitem
    FOR EACH ROW EXECUTE FUNCTION no_ticket();
UPDATE reconciliation_openitem SET ticket = 0;
"""


@contextmanager
def rewritten(pattern: re.Pattern[str], instead: str) -> Iterator[None]:
    """Every statement that a connection of this process opens from now on sends passes here first."""

    def wrapper(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        return execute(pattern.sub(instead, sql) if isinstance(sql, str) else sql, *rest)

    def wrap(connection: Any, **_more: object) -> None:
        if wrapper not in connection.execute_wrappers:
            connection.execute_wrappers.append(wrapper)

    connection_created.connect(wrap, weak=False)
    try:
        yield
    finally:
        connection_created.disconnect(wrap)


SWITCHES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "lock-order": lock_order,
    "ticket": ticket,
    "attempt-fencing": attempt_fencing,
    "all-reconciliations": all_reconciliations,
    "stream-lock": partial(advisory, LockKind.STREAM),
    "reconciliation-lock": partial(advisory, LockKind.RECONCILIATION),
}
IN_DATABASE = frozenset({"ticket"})  # once, by the driver; the others in each process


@contextmanager
def off(names: Collection[str]) -> Iterator[None]:
    """Without these protections."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(SWITCHES[name]())
        yield
