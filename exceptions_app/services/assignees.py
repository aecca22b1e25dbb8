"""Gives exceptions to people, and takes them off, one exception or many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from exceptions_app.models import Assignee, ReconciliationException
from exceptions_app.services.exceptions import Result, exception_change, for_each
from organizations.actors import Actor


def assignees_set(
    *, organization_id: int, exception_id: int, assignee_ids: Sequence[int], by: Actor, at: datetime
) -> ReconciliationException:
    """These people and no others. Invalid "exception.invalid" names who is no member."""
    return exception_change(
        organization_id=organization_id,
        exception_id=exception_id,
        assignee_ids=assignee_ids,
        by=by,
        at=at,
    )


def exceptions_assign(
    *,
    organization_id: int,
    exception_ids: Sequence[int],
    assignee_ids: Sequence[int],
    replace: bool = False,
    by: Actor,
    at: datetime,
) -> list[Result]:
    """These people beside those who have it already, or in their place; each exception by itself, in the order asked."""

    def assign(exception_id: int) -> ReconciliationException:
        before = Assignee.objects.filter(exception_id=exception_id).order_by("pk")
        kept = [] if replace else list(before.values_list("user_id", flat=True))
        return assignees_set(
            organization_id=organization_id,
            exception_id=exception_id,
            assignee_ids=list(dict.fromkeys([*kept, *assignee_ids])),
            by=by,
            at=at,
        )

    return for_each(exception_ids, assign)
