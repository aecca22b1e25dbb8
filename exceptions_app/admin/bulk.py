"""Acts on the ticked exceptions of the queue: first what they are, then the act, then what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from exceptions_app.admin.cells import days_words, oldest_days, values_of
from exceptions_app.admin.forms import assign_fields, members_of, ticked_form
from exceptions_app.models import ReconciliationException
from exceptions_app.selectors.aggregates import aggregates_of
from exceptions_app.selectors.exceptions import shown_exceptions
from exceptions_app.services.assignees import exceptions_assign
from exceptions_app.services.exceptions import Result, exceptions_change_status
from exceptions_app.states import ExceptionStatus
from organizations.actors import Actor
from organizations.backoffice.acts import Act, sentence_of
from organizations.backoffice.current import current_organization
from organizations.models import User

SCOPE = "exceptions:write"
TICKED_MAX = 500
"""Their numbers stand in an address."""
NAMED_MAX = 10
RESULTS = "exceptions_results"
QUEUE = "admin:exceptions_app_reconciliationexception_changelist"
LIST_ACT = "admin:exceptions_app_reconciliationexception_list_act"
ASSIGN, RESOLVE, DISMISS = "assign-ticked", "resolve-ticked", "dismiss-ticked"


def ask_about(request: HttpRequest, queryset: QuerySet[Any], name: str) -> HttpResponse | None:
    """The action of the list: leads to the page that says what these exceptions are, and asks."""
    ids = list(queryset.order_by("pk").values_list("pk", flat=True)[: TICKED_MAX + 1])
    if len(ids) > TICKED_MAX:
        messages.error(request, _("Tick at most %(max)s exceptions.") % {"max": TICKED_MAX})
        return None
    if not ids:
        messages.warning(request, _("Nothing was ticked, so nothing was done."))
        return None
    return HttpResponseRedirect(f"{reverse(LIST_ACT, args=[name])}?exceptions={','.join(map(str, ids))}")


def bulk_act(request: HttpRequest, name: str) -> Act:
    """For the exceptions that the address, or the form, names."""
    organization_id = current_organization(request).pk
    rows = _named(request, organization_id)
    ids = ",".join(str(row.pk) for row in rows)
    against = "" if rows else _("None of these exceptions is here any more.")
    told = _told(rows, organization_id)
    if name == ASSIGN:
        return Act(
            name,
            _("Assign"),
            partial(_assign, organization_id),
            SCOPE,
            against=against,
            form=ticked_form(ids, **assign_fields(members_of(organization_id))),
            explain=told,
            after=_back,
        )
    is_resolve = name == RESOLVE
    ending = (
        _("Their records stay open; what becomes overdue later opens an exception again.")
        if is_resolve
        else _("Nobody is needed for them. Only what becomes overdue later opens them again.")
    )
    status = ExceptionStatus.RESOLVED if is_resolve else ExceptionStatus.DISMISSED
    return Act(
        name,
        _("Resolve") if is_resolve else _("Dismiss"),
        partial(_close, organization_id, status),
        SCOPE,
        against=against,
        form=ticked_form(ids),
        explain=f"{told}\n{ending}",
        after=_back,
    )


def _named(request: HttpRequest, organization_id: int) -> list[ReconciliationException]:
    text = request.POST.get("exceptions") or request.GET.get("exceptions") or ""
    return list(shown_exceptions(organization_id).filter(pk__in=_ids(text)).order_by("opened_at", "pk"))


def _ids(text: str) -> list[int]:
    return [
        int(part)
        for part in text.split(",")[:TICKED_MAX]
        if part.isascii() and part.isdigit() and len(part) < 19
    ]


def _told(rows: Sequence[ReconciliationException], organization_id: int) -> str:
    """ "3 exceptions with 41 records, +1,250.00 EUR; the oldest 12 days overdue." and their names."""
    if not rows:
        return ""
    at = timezone.now()
    found = aggregates_of(rows, at=at)
    days = [age for each in found.values() if (age := oldest_days(each, at)) is not None]
    head = ngettext("%(n)s exception", "%(n)s exceptions", len(rows)) % {"n": len(rows)}
    records = sum(each.record_count for each in found.values())
    counted = ngettext("%(n)s record", "%(n)s records", records) % {"n": f"{records:,}"}
    oldest = _("; the oldest %(days)s overdue") % {"days": days_words(max(days))} if days else ""
    lines = [
        _("%(exceptions)s with %(records)s%(oldest)s.")
        % {"exceptions": head, "records": counted, "oldest": oldest}
    ]
    for row in rows[:NAMED_MAX]:
        values = ", ".join(values_of(found[row.pk])) or _("nothing overdue")
        lines.append(
            f"{row.title} ({row.reconciliation.name}, {str(row.get_status_display()).lower()}): {values}"
        )
    if len(rows) > NAMED_MAX:
        lines.append(_("… and %(n)s more") % {"n": len(rows) - NAMED_MAX})
    return "\n".join(lines)


def _close(organization_id: int, status: str, *, exceptions: str, by: Actor, at: datetime) -> list[Result]:
    return exceptions_change_status(
        organization_id=organization_id, exception_ids=_ids(exceptions), status=status, by=by, at=at
    )


def _assign(
    organization_id: int,
    *,
    exceptions: str,
    owners: Sequence[User],
    replace: bool,
    by: Actor,
    at: datetime,
) -> list[Result]:
    return exceptions_assign(
        organization_id=organization_id,
        exception_ids=_ids(exceptions),
        assignee_ids=[user.pk for user in owners],
        replace=replace,
        by=by,
        at=at,
    )


def _back(request: HttpRequest, results: list[Result]) -> HttpResponse:
    """To the queue, which shows what became of each."""
    ids = [each.exception_id for each in results]
    titles = dict(
        shown_exceptions(current_organization(request).pk).filter(pk__in=ids).values_list("pk", "title")
    )
    request.session[RESULTS] = [
        (
            each.refusal is None,
            titles.get(each.exception_id, _("Exception %(id)s") % {"id": each.exception_id}),
            sentence_of(each.refusal) if each.refusal is not None else _("done"),
        )
        for each in results
    ]
    done = sum(1 for each in results if each.refusal is None)
    if done:
        messages.success(request, ngettext("%(n)s done.", "%(n)s done.", done) % {"n": done})
    if done < len(results):
        text = ngettext(
            "%(n)s could not be done: see why below.",
            "%(n)s could not be done: see why below.",
            len(results) - done,
        )
        messages.error(request, text % {"n": len(results) - done})
    return HttpResponseRedirect(reverse(QUEUE))
