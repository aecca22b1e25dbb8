"""Comments on exceptions: added, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from exceptions_app.models import Comment
from exceptions_app.selectors.exceptions import exception_of
from exceptions_app.services.members import Issue, invalid, member_issues
from organizations import audit
from organizations.actors import Actor

BODY_MAX = 10_000


def comment_add(
    *,
    organization_id: int,
    exception_id: int,
    body: str,
    mentions: Sequence[int] = (),
    by: Actor,
    at: datetime,
) -> Comment:
    """What a person, or a key for its maker, says. NotFound "exception.not_found"; Invalid "comment.invalid"."""
    exception = exception_of(organization_id=organization_id, exception_id=exception_id)
    named = list(dict.fromkeys(mentions))
    issues: list[Issue] = []
    if not 0 < len(body.strip()) <= BODY_MAX:
        issues.append((["body"], _("Write 1 to %(most)s characters.") % {"most": f"{BODY_MAX:,}"}))
    issues += member_issues(organization_id, mentions, path="mentions")
    if issues:
        raise invalid(issues, "comment.invalid")
    comment = Comment.objects.create(
        exception=exception, body=body.strip(), author_id=by.user_id, created_at=at, created_by=by.ref
    )
    comment.mentions.set(named)
    audit.record(
        action="exception.commented",
        organization_id=organization_id,
        by=by,
        at=at,
        subject=exception,
        subjects=[("organizations.user", user_id) for user_id in named],
        comment_id=comment.pk,
        mentions=named,
    )
    return comment
