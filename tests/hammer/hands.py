"""One person of the hammer at one act: their dice, the act's own instant, and how they choose what to act on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from random import Random
from typing import Any, TypeVar

from django.db.models import QuerySet

from organizations.acts import perform
from tests.hammer.world import World

T = TypeVar("T")
HOT = 12  # of these newest rows most acts choose one, so that they meet


class NothingToDo(Exception):
    """No row fits the act at this moment."""


@dataclass(frozen=True, slots=True)
class Hand:
    world: World
    chance: Random
    at: datetime

    def act(self, service: Callable[..., T], **arguments: Any) -> T:
        """One act, in its own transaction, at the act's own instant."""
        return perform(partial(service, **arguments, by=self.world.by, at=self.at))

    def newest(self, rows: QuerySet[Any]) -> Any:
        """One of the newest rows."""
        return self.one(list(rows.order_by("-pk")[:HOT]))

    def one(self, rows: Sequence[T]) -> T:
        if not rows:
            raise NothingToDo
        return self.chance.choice(rows)

    def some(self, rows: Sequence[T], most: int) -> list[T]:
        """One to `most` of them."""
        if not rows:
            raise NothingToDo
        return self.chance.sample(rows, min(len(rows), 1 + self.chance.randrange(most)))
