"""Cards against the bank with something overdue, and a caller whose clock stands still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledgers.models import DataStream, Record
from reconciliation.models import OpenItem
from tests.api.streams.reconciling.conftest import Cards, cards_of
from tests.clock import NOW

EXCEPTIONS = "/v1/reconciliation_exceptions"
SAID = "2026-03-31T09:00:00Z"
"""NOW as answers say it."""
STATUSES = ("open", "investigating", "dismissed", "resolved")
ACTIVE = {"open", "investigating"}
UNKNOWN = 987_654_321


@dataclass
class Desk(Cards):
    """Exceptions of the cards."""

    set_clock: Callable[[datetime], None] = lambda _at: None

    def open(self, stream: DataStream | None = None, *, expect: int = 201, **more: Any) -> Any:
        body = {"reconciliation_id": self.reconciliation.pk, "data_stream_id": (stream or self.a).pk}
        return self.post(EXCEPTIONS, body | more, expect=expect)

    def show(self, exception_id: int, **query: Any) -> Any:
        return self.get(f"{EXCEPTIONS}/{exception_id}", **query)

    def change(self, exception_id: int, expect: int = 200, **body: Any) -> Any:
        return self.patch(f"{EXCEPTIONS}/{exception_id}", body, expect=expect)

    def overdue(self, days: float, *named: tuple[str, int], side: str = "a", **seen: Any) -> list[Record]:
        """Records that are overdue for so many days."""
        records = self.add(side, *named)
        OpenItem.objects.filter(record__in=records).update(overdue_at=NOW - timedelta(days=days), **seen)
        return records


def listed(desk: Desk, **query) -> list[int]:
    return [row["id"] for row in desk.get(EXCEPTIONS, **query)["data"]]


@pytest.fixture
def set_clock(monkeypatch) -> Callable[[datetime], None]:
    """What the next requests take for now."""

    def set_(at: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: at)

    set_(NOW)
    return set_


@pytest.fixture
def desk(client, organization, set_clock) -> Desk:
    made = cards_of(client, organization)
    return Desk(**vars(made), set_clock=set_clock)
