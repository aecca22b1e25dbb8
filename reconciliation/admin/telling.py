"""Back to a run's page after an act, and what the act did: row by row, with the refusals in plain words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from organizations.actors import Actor
from organizations.acts import perform
from organizations.backoffice.current import actor_of
from organizations.refusals import Refusal
from reconciliation.admin.run_page import RESULTS
from reconciliation.admin.words import told
from reconciliation.models import Run

Result = tuple[bool, str, str]
"""Whether it was done, what the row is called, and what was done or why not."""


def back_to(run: Run, query: str) -> str:
    """The run's page, as it was filtered. Only a query is taken from the form, never an address."""
    url = reverse("admin:reconciliation_run_change", args=[run.pk])
    return f"{url}?{query}" if query else url


def query_of(request: HttpRequest, **changes: Any) -> str:
    """The query of the page that the form stood on; None takes a part away."""
    query = QueryDict(request.POST.get("back", "")[:4_000], mutable=True)
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query.setlist(name, value if isinstance(value, list) else [value])
    return query.urlencode()


def result_of(run: Run, label: str, verb: str, act: Callable[[], Any]) -> Result:
    try:
        perform(act)
    except Refusal as refusal:
        return False, label, told(refusal, run)
    return True, label, verb


def tell(request: HttpRequest, run: Run, results: list[Result], *, rows: str = "all") -> None:
    """Each row's result stands on the page that comes next; of several, a message counts them. `rows`: "all" or only
    the "refused" ones."""
    if not results:
        messages.warning(request, _("Nothing was ticked, so nothing was done."))
        return
    request.session[f"{RESULTS}:{run.pk}"] = [row for row in results if rows == "all" or not row[0]]
    if len(results) == 1 and rows == "all":
        return
    done = sum(1 for ok, _label, _text in results if ok)
    refused = len(results) - done
    if done:
        messages.success(request, ngettext("%(n)s done.", "%(n)s done.", done) % {"n": done})
    if refused:
        text = ngettext(
            "%(n)s could not be done: see why below.", "%(n)s could not be done: see why below.", refused
        )
        messages.error(request, text % {"n": refused})


def do_one(request: HttpRequest, run: Run, success: str, act: Callable[[], Any]) -> bool:
    try:
        perform(act)
    except Refusal as refusal:
        messages.error(request, told(refusal, run))
        return False
    messages.success(request, success)
    return True


def who_when(request: HttpRequest) -> dict[str, Any]:
    by: Actor = actor_of(request)
    return {"by": by, "at": timezone.now()}
