"""Questions about exceptions: one, lists, the live one of each stream, what hangs on them, and their history."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.db.models import F, Prefetch, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _

from exceptions_app.models import Assignee, Comment, Investigation, ReconciliationException
from exceptions_app.models.exceptions import ExceptionQuerySet
from organizations.models import AuditEvent, User
from organizations.refusals import NotFound

SESSIONS_SHOWN = 5
SUBJECT = "exceptions_app.reconciliationexception"
"""How audit events name an exception."""


def exception_of(*, organization_id: int, exception_id: int) -> ReconciliationException:
    """With its reconciliation and stream. NotFound "exception.not_found", also where it, its reconciliation or its stream was
    deleted."""
    found = shown_exceptions(organization_id).filter(pk=exception_id).first()
    if found is None:
        raise NotFound(_("There is no exception with this id."), code="exception.not_found")
    return found


def listed_exceptions(
    organization_id: int,
    *,
    reconciliation_id: int | None = None,
    stream_id: int | None = None,
    status: str | Collection[str] | None = None,
) -> ExceptionQuerySet:
    """Newest first, with reconciliation and stream."""
    rows = shown_exceptions(organization_id)
    if reconciliation_id is not None:
        rows = rows.filter(reconciliation_id=reconciliation_id)
    if stream_id is not None:
        rows = rows.filter(stream_id=stream_id)
    if status is not None:
        rows = rows.filter(status__in=[status] if isinstance(status, str) else list(status))
    return rows.newest_first()


def shown_exceptions(organization_id: int) -> ExceptionQuerySet:
    rows = ReconciliationException.objects.of(organization_id).live().with_side()
    return rows.select_related("reconciliation", "stream")


def active_ids(reconciliation_id: int, stream_ids: Iterable[int]) -> dict[int, int]:
    """The active exception of each of these streams in a reconciliation, by stream. One query, none for no stream."""
    asked = set(stream_ids)
    if not asked:
        return {}
    rows = ReconciliationException.objects.live().active().filter(reconciliation_id=reconciliation_id)
    return dict(rows.filter(stream_id__in=asked).values_list("stream_id", "pk"))


# --- what hangs on them ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attached:
    """Assignees (by when they were put), comments (oldest first, with author and mentions), and the newest investigations."""

    assignees: list[Assignee] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    investigations: list[Investigation] = field(default_factory=list)


def attached_to(exceptions: Iterable[ReconciliationException]) -> dict[int, Attached]:
    """By the exception's id, in a constant number of queries."""
    found = {row.pk: Attached() for row in exceptions}
    for assignee in Assignee.objects.filter(exception__in=found).select_related("user").order_by("pk"):
        found[assignee.exception_id].assignees.append(assignee)
    mentions = Prefetch("mentions", queryset=User.objects.only("pk").order_by("pk"))
    comments = Comment.objects.filter(exception__in=found).select_related("author").order_by("pk")
    for comment in comments.prefetch_related(mentions):
        found[comment.exception_id].comments.append(comment)
    for investigation in _newest_investigations(found):
        found[investigation.exception_id].investigations.append(investigation)
    return found


def _newest_investigations(exception_ids: Iterable[int]) -> Iterable[Investigation]:
    place = Window(RowNumber(), partition_by=F("exception_id"), order_by=F("id").desc())
    rows = Investigation.objects.filter(exception__in=list(exception_ids)).alias(place=place)
    return rows.filter(place__lte=SESSIONS_SHOWN).newest_first()


def exception_history(
    exception: ReconciliationException, *, before: int | None = None, limit: int | None = None
) -> list[AuditEvent]:
    """What the audit trail says of it, newest first; `before`: events older than the one of this number."""
    organization_id = exception.reconciliation.organization_id
    events = AuditEvent.objects.filter(organization_id=organization_id).about(SUBJECT, exception.pk)
    if before is not None:
        events = events.filter(pk__lt=before)
    return list(events.newest_first()[:limit])
