"""A paginator whose total costs the same however many rows there are. Used by every list of the back office."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

COUNT_MAX = 100_000


class CappedPaginator(Paginator):
    """Counts exactly up to 100,000, and says "100,000 or more" beyond: nobody pages there, they filter."""

    @cached_property
    def counted(self) -> int:
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        # Without ordering and annotations that only the rows need: the planner then reads as little as it can.
        return rows.order_by()[: COUNT_MAX + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self.counted, COUNT_MAX)

    @property
    def is_capped(self) -> bool:
        return self.counted > COUNT_MAX
