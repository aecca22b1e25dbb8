"""What can be done to one exception: taken, given to others, worked on, closed, reopened, renamed, investigated, deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from exceptions_app.admin.forms import WordsForm, comment_form, members_of, owners_form
from exceptions_app.models import Comment, Investigation, ReconciliationException
from exceptions_app.selectors.filters import NAMES, read_filter
from exceptions_app.services.comments import comment_add
from exceptions_app.services.exceptions import exception_change, exception_delete
from exceptions_app.services.investigations import investigation_request
from exceptions_app.states import ExceptionStatus
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from organizations.models import User
from reconciliation.admin.base import asked_act
from reconciliation.admin.words import plainly

SCOPE = "exceptions:write"


def exception_acts(request: HttpRequest, obj: ReconciliationException) -> list[Act]:
    asked = asked_act(request)
    user: Any = request.user
    owners = [assignment.user_id for assignment in obj.assignments.order_by("pk")]
    of_its_own = {"comment": _comment, "investigate-filtered": _investigate_filtered}
    return [
        # Those have their form on the page itself.
        *([of_its_own[asked](obj)] if asked in of_its_own else []),
        _mine(obj, owners, user.pk),
        _assign(obj, owners),
        _move(
            obj,
            "investigating",
            _("Investigating"),
            ExceptionStatus.INVESTIGATING,
            against="" if obj.status == ExceptionStatus.OPEN else _not_open(obj),
            success=_("It is marked as being investigated."),
        ),
        _investigate(obj),
        *_endings(obj),
        _words(obj),
        Act(
            "delete",
            _("Delete"),
            partial(plainly(exception_delete, obj.reconciliation), **_of(obj)),
            SCOPE,
            danger=True,
            explain=_(
                "It is gone with its comments, as if it had never been. While records are overdue the next sweep opens another"
                " one. To have it out of the way, dismiss it."
            ),
            success=_("It is deleted."),
            after=_to_queue,
        ),
    ]


def _endings(obj: ReconciliationException) -> list[Act]:
    closed = "" if obj.is_active else _("It is %(status)s already.") % {"status": _status(obj)}
    active = _("It is %(status)s.") % {"status": _status(obj)} if obj.is_active else ""
    return [
        _move(
            obj,
            "resolve",
            _("Resolve"),
            ExceptionStatus.RESOLVED,
            against=closed,
            explain=_(
                "You judge that nothing is left to do. Its records stay open; a record that becomes overdue later opens it again."
                " It is resolved by itself once nothing in it is overdue."
            ),
            success=_("It is resolved."),
        ),
        _move(
            obj,
            "dismiss",
            _("Dismiss"),
            ExceptionStatus.DISMISSED,
            against=closed,
            explain=_(
                "You judge that this needs nobody. Its records stay open; only a record that becomes overdue later opens it again."
            ),
            success=_("It is dismissed."),
        ),
        _move(
            obj,
            "reopen",
            _("Reopen"),
            ExceptionStatus.OPEN,
            against=active,
            success=_("It is open again."),
        ),
    ]


def _move(obj: ReconciliationException, name: str, label: str, status: ExceptionStatus, **more: Any) -> Act:
    service = plainly(exception_change, obj.reconciliation)
    return Act(name, label, partial(service, **_of(obj), status=status), SCOPE, **more)


def _mine(obj: ReconciliationException, owners: list[int], user_id: int) -> Act:
    """Taken and given back by the same button."""
    service = plainly(exception_change, obj.reconciliation)
    if user_id in owners:
        others = [pk for pk in owners if pk != user_id]
        act = partial(service, **_of(obj), assignee_ids=others)
        return Act("give-back", _("Give it back"), act, SCOPE, success=_("It is not yours any more."))
    act = partial(service, **_of(obj), assignee_ids=[*owners, user_id])
    return Act("take", _("Take it"), act, SCOPE, success=_("It is yours now."))


def _assign(obj: ReconciliationException, owners: list[int]) -> Act:
    kept = User.objects.filter(pk__in=owners)
    people = members_of(obj.reconciliation.organization_id, kept=kept)
    return Act(
        "assign",
        _("Assign"),
        partial(_assigned, plainly(exception_change, obj.reconciliation), obj),
        SCOPE,
        form=owners_form(people),
        initial={"owners": owners},
        explain=_("Whose work it is. Hold Ctrl (⌘ on a Mac) to choose several, or none."),
        success=_("It is assigned."),
    )


def _words(obj: ReconciliationException) -> Act:
    return Act(
        "rename",
        _("Edit"),
        partial(plainly(exception_change, obj.reconciliation), **_of(obj)),
        SCOPE,
        form=WordsForm,
        initial={"title": obj.title, "description": obj.description},
        explain=_("What it is called, and what whoever works on it should know."),
        success=_("It is saved."),
    )


def _comment(obj: ReconciliationException) -> Act:
    people = members_of(obj.reconciliation.organization_id)
    return Act(
        "comment",
        _("Comment"),
        partial(_commented, plainly(comment_add, obj.reconciliation), obj),
        SCOPE,
        form=comment_form(people),
        explain=_("Comments are kept as they are written."),
        success=_("Your comment is kept."),
        after=_to_comments,
    )


def _investigate(obj: ReconciliationException) -> Act:
    busy = Investigation.objects.filter(exception=obj).under_way().exists()
    return Act(
        "investigate",
        _("Investigate now"),
        partial(plainly(investigation_request, obj.reconciliation), exception=obj),
        SCOPE,
        against=_("An investigation is under way.") if busy else "",
        success=_("An investigation is asked for. What it finds appears on this page."),
    )


def _investigate_filtered(obj: ReconciliationException) -> Act:
    fields = {name: forms.CharField(required=False, widget=forms.HiddenInput) for name in NAMES}
    return Act(
        "investigate-filtered",
        _("Investigate these"),
        partial(_investigated, plainly(investigation_request, obj.reconciliation), obj),
        SCOPE,
        form=type("FilterForm", (forms.Form,), fields),
        success=_("An investigation of these records is asked for. What it finds appears on this page."),
    )


# --- what the forms give to the services ---------------------------------------------------------------------------------


def _assigned(
    change: Callable[..., Any],
    obj: ReconciliationException,
    *,
    owners: Iterable[User],
    by: Actor,
    at: datetime,
) -> Any:
    return change(**_of(obj), assignee_ids=[user.pk for user in owners], by=by, at=at)


def _commented(
    add: Callable[..., Comment],
    obj: ReconciliationException,
    *,
    mentions: Iterable[User],
    **given: Any,
) -> Comment:
    return add(**_of(obj), mentions=[user.pk for user in mentions], **given)


def _investigated(
    ask: Callable[..., Investigation],
    obj: ReconciliationException,
    *,
    by: Actor,
    at: datetime,
    **given: Any,
) -> Investigation:
    return ask(exception=obj, filter_params=read_filter(given).as_json() or None, by=by, at=at)


def _of(obj: ReconciliationException) -> dict[str, int]:
    return {"organization_id": obj.reconciliation.organization_id, "exception_id": obj.pk}


def _status(obj: ReconciliationException) -> str:
    return str(obj.get_status_display()).lower()


def _not_open(obj: ReconciliationException) -> str:
    if obj.status == ExceptionStatus.INVESTIGATING:
        return _("It is marked so already.")
    return _("It is %(status)s. Reopen it first.") % {"status": _status(obj)}


def _to_queue(request: HttpRequest, _nothing: Any) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:exceptions_app_reconciliationexception_changelist"))


def _to_comments(request: HttpRequest, comment: Comment) -> HttpResponse:
    url = reverse("admin:exceptions_app_reconciliationexception_change", args=[comment.exception_id])
    return HttpResponseRedirect(f"{url}#comment-{comment.pk}")
