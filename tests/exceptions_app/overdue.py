"""Overdue records of two streams, swept at instants that the tests say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial

from django.db import connection

from exceptions_app.models import ReconciliationException, Sweep
from exceptions_app.selectors.slices import slice_params, slice_sql
from exceptions_app.services.overdue import record_mark_overdue
from exceptions_app.services.sweeping import organization_sweep
from ledgers.models import DataStream, Record
from organizations.acts import perform
from reconciliation.models import OverdueRecompute
from reconciliation.services.policies import policy_change
from reconciliation.services.recompute import recompute_execute
from rules.models import Reconciliation
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.streams import Feeds

DUE = datetime(2026, 3, 5, tzinfo=UTC)
"""When what Feeds adds is overdue here: three days after 2 March."""


class Overdue(Feeds):
    """Streams a and b in one reconciliation, whose items are overdue after three days."""

    a: DataStream
    b: DataStream
    made: Reconciliation

    @classmethod
    def of_two_streams(cls) -> Overdue:
        feeds = cls(actor_with("admin"))
        feeds.a, feeds.b = feeds.stream("a"), feeds.stream("b")
        feeds.made = feeds.reconciliation(feeds.a, feeds.b)
        feeds.policy(3)
        return feeds

    def policy(self, days: int | None, **more) -> None:
        more.setdefault("overdue_from", date(2026, 1, 1))
        self.act(policy_change, reconciliation=self.made, after_days=days, **more)
        for asked in OverdueRecompute.objects.filter(reconciliation=self.made).exclude(status="completed"):
            recompute_execute(recompute_id=asked.pk, clock=lambda: NOW)

    def sweep(self, at: datetime = NOW) -> Sweep:
        swept = organization_sweep(organization_id=self.by.organization_id, clock=lambda: at)
        assert swept is not None
        assert (swept.status, swept.error) == ("completed", "")
        return swept

    def mark(self, record: Record, overdue_at: datetime | None = None, *, at: datetime = NOW) -> Record:
        mark = partial(
            record_mark_overdue,
            organization_id=self.by.organization_id,
            reconciliation_id=self.made.pk,
            record_id=record.pk,
            overdue_at=overdue_at,
        )
        return perform(partial(mark, by=self.by, at=at))

    def exception(self, stream: DataStream | None = None) -> ReconciliationException:
        """The only one of the stream that is not deleted."""
        return ReconciliationException.objects.get(
            reconciliation=self.made, stream=stream or self.a, voided_at=None
        )

    def close(
        self, exception: ReconciliationException, status: str = "dismissed", *, at: datetime = NOW
    ) -> None:
        """What a person's PATCH does to the row."""
        ReconciliationException.objects.filter(pk=exception.pk).update(
            status=status, closed_at=at, closed_by=self.by.ref, modified_at=at
        )

    def slice(self, stream: DataStream | None = None, *, at: datetime = NOW) -> dict[int, int]:
        """Amounts of the records in it, minor units, by record."""
        pair = (
            "(SELECT 0 AS exception_id, %(reconciliation)s AS reconciliation_id,"
            " %(stream)s AS stream_id, NULL::text AS side)"
        )
        about = {"reconciliation": self.made.pk, "stream": (stream or self.a).pk}
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT record_id, amount FROM ({slice_sql(pair)}) AS slice", slice_params(at) | about
            )
            return dict(cursor.fetchall())
