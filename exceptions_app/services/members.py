"""People who are named on exceptions: are they members, and the rows of those whose work one is; and how a mistake is told.
Called by the acts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from exceptions_app.models import Assignee, ReconciliationException
from organizations.actors import Actor
from organizations.models import Membership
from organizations.refusals import Invalid

PEOPLE_MAX = 100
Issue = tuple[list[str | int], str]


def assignees_write(
    row: ReconciliationException, user_ids: Sequence[int], *, by: Actor, at: datetime
) -> dict[str, list[Any]]:
    """These and no others; who stays keeps when and by whom. What changed, as the act's event tells it. The caller has
    looked whether they are members."""
    before = {assignee.user_id: assignee for assignee in row.assignments.order_by("pk")}
    wanted = list(dict.fromkeys(user_ids))
    gone = [assignee.pk for user_id, assignee in before.items() if user_id not in wanted]
    if set(before) == set(wanted):
        return {}
    row.assignments.filter(pk__in=gone).delete()
    Assignee.objects.bulk_create(
        Assignee(exception=row, user_id=user_id, assigned_at=at, assigned_by=by.ref)
        for user_id in wanted
        if user_id not in before
    )
    return {"assignees": [list(before), wanted]}


def member_issues(
    organization_id: int, user_ids: Sequence[int], *, path: str, kept: Collection[int] = ()
) -> list[Issue]:
    """Those who are no members now, each at its place; `kept` were there before and may stay."""
    if len(user_ids) > PEOPLE_MAX:
        return [([path], _("Name at most %(most)s people.") % {"most": PEOPLE_MAX})]
    members = Membership.objects.active().filter(organization_id=organization_id, user__is_active=True)
    known = set(members.filter(user__in=set(user_ids)).values_list("user_id", flat=True))
    message = _("Nobody in your organization has this id.")
    return [
        ([path, place], message)
        for place, user_id in enumerate(user_ids)
        if user_id not in known and user_id not in kept
    ]


def invalid(issues: Sequence[Issue], code: str) -> Invalid:
    """Every mistake with its place; the sentence is of the first."""
    path, message = issues[0]
    return Invalid(
        f"{'.'.join(str(step) for step in path)}: {message}",
        code=code,
        issues=[{"path": list(path), "message": message} for path, message in issues],
    )
