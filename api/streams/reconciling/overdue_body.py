"""The body of marking a record overdue."""

from __future__ import annotations

from api.shared.fields import Body, Instant
from api.shared.schema import with_example


@with_example({"overdue_at": "2026-03-04T00:00:00Z"})
class MarkOverdueBody(Body):
    """Nothing, or since when it is overdue."""

    overdue_at = Instant(
        required=False,
        allow_null=True,
        help_text="Default: now. One to come: overdue from then on.",
    )

    class Meta:
        ref_name = "MarkOverdueBody"
