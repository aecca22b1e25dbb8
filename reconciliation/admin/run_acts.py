"""What can be posted from the page of a run: each act at its own address, through the same services as the API.

Every act ends by going back to the page, which then tells what happened to each row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from organizations.acts import perform
from organizations.backoffice.current import may
from organizations.backoffice.uploads import too_large, was_cut
from organizations.refusals import Refusal
from reconciliation import tasks
from reconciliation.admin.accept_all import ALL_MAX, accept_all, summary_of
from reconciliation.admin.run_page import ids_of, pass_context, proposals
from reconciliation.admin.telling import back_to, do_one, query_of, result_of, tell, who_when
from reconciliation.admin.words import told
from reconciliation.doorbell import ring
from reconciliation.models import Discrepancy, Run
from reconciliation.selectors import desk
from reconciliation.selectors.discrepancies import discrepancies_of
from reconciliation.selectors.items import item_lines
from reconciliation.selectors.matches import matches_of
from reconciliation.services import by_hand, discrepancies, items, matches, sources
from reconciliation.states import MatchStatus

ROWS_MAX = 1_000
READ_AT_ONCE_BYTES = 8 * 2**20
"""Smaller files are read while the person waits, larger ones by a worker."""

DECISIONS: dict[str, tuple[Callable[..., Any], str]] = {
    "accept": (matches.match_accept, MatchStatus.SUGGESTED),
    "reject": (matches.match_reject, MatchStatus.SUGGESTED),
    "undo": (matches.match_reject, MatchStatus.ACCEPTED),
}


class RunActs(admin.ModelAdmin):
    """Mixed into RunAdmin, which gives `run_or_404`."""

    run_or_404: Callable[[HttpRequest, int], Run]

    def get_urls(self) -> list[URLPattern]:
        posts = [
            ("upload", "imports:write", upload),
            ("decide", "matches:decide", decide),
            ("match", "matches:decide", match_by_hand),
            ("close", "items:close", close_lines),
            ("reopen", "items:close", reopen_lines),
            ("discrepancies", "items:close", resolve),
        ]
        return [
            *(
                path(
                    f"<int:run_id>/{name}/",
                    self._posted(scope, handler),
                    name=f"reconciliation_run_{name}",
                )
                for name, scope, handler in posts
            ),
            path(
                "<int:run_id>/accept-all/",
                self.admin_site.admin_view(require_http_methods(["GET", "POST"])(self.accept_all_view)),
                name="reconciliation_run_accept_all",
            ),
            path(
                "<int:run_id>/progress/",
                self.admin_site.admin_view(require_GET(self.progress_view)),
                name="reconciliation_run_progress",
            ),
            *super().get_urls(),
        ]

    def _posted(self, scope: str, handler: Callable[[HttpRequest, Run], str]) -> Callable[..., Any]:
        @require_POST
        def view(request: HttpRequest, run_id: int) -> HttpResponse:
            run = self.run_or_404(request, run_id)
            if not may(request, scope):
                raise PermissionDenied
            return HttpResponseRedirect(back_to(run, handler(request, run)))

        return self.admin_site.admin_view(view)

    def accept_all_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """First what would be accepted, then, on a POST, exactly that: nothing which came later."""
        run = self.run_or_404(request, run_id)
        if not may(request, "matches:decide"):
            raise PermissionDenied
        asked = request.POST if request.method == "POST" else request.GET
        rows = proposals(asked, run).order_by("pk")
        if request.method == "POST":
            until = request.POST.get("until", "")
            rows = rows.filter(pk__lte=int(until) if until.isdecimal() and len(until) < 19 else 0)
            accept_all(request, run, list(rows[:ALL_MAX]))
            return HttpResponseRedirect(back_to(run, "show=review"))
        chosen = list(rows[:ALL_MAX])
        context = {
            **self.admin_site.each_context(request),
            "title": _("Accept all"),
            "opts": self.opts,
            "run": run,
            "chosen": summary_of(chosen),
            "limit": ALL_MAX,
            "asked": [(name, asked[name]) for name in ("rule", "q") if asked.get(name)],
            "back": back_to(run, asked.urlencode()),
        }
        return render(request, "reconciliation/accept_all.html", context)

    def progress_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """The pass as it stands now: asked for again and again while one is under way."""
        run = self.run_or_404(request, run_id)
        return render(request, "reconciliation/run_pass.html", {"run": run, **pass_context(run)})


# --- Files ------------------------------------------------------------------------------------------------------


def upload(request: HttpRequest, run: Run) -> str:
    """Store the bytes, add the file to the run, and read it now or by a worker."""
    query = query_of(request, show="files", place=None)
    if was_cut(request):
        messages.error(request, too_large())
        return query
    file: Any = request.FILES.get("file")
    if file is None:
        messages.error(
            request, _("Choose a file first: camt, CSV or a ZIP of them, as your bank gave it to you.")
        )
        return query
    try:
        received = sources.receive(file)
        add = partial(
            sources.source_add, run=run, received=received, filename=file.name or "", **who_when(request)
        )
        source, _made = perform(add)
        if received.size > READ_AT_ONCE_BYTES:
            ring(tasks.import_source, source_file_id=source.source_file_id)
            messages.info(
                request,
                _("The file is large, so it is read in the background. This page shows its progress."),
            )
            return query
        read = sources.source_import(source_file_id=source.source_file_id, at=timezone.now())
    except Refusal as refusal:
        messages.error(request, told(refusal, run))
        return query
    counts = {"new": read.imported_count or 0, "known": read.already_known_count or 0, "name": read.filename}
    messages.success(request, _("%(name)s was read: %(new)s new lines, %(known)s known already.") % counts)
    return query


# --- Matches ----------------------------------------------------------------------------------------------------


def decide(request: HttpRequest, run: Run) -> str:
    """Accept, reject or undo the one whose button was pressed, else all ticked ones; never another state than shown."""
    verb, _colon, one = request.POST.get("one", "").partition(":")
    texts = [one] if one else request.POST.getlist("match")
    verb = verb or request.POST.get("action", "")
    if verb not in DECISIONS:
        raise Http404
    ids = [int(text) for text in dict.fromkeys(texts) if text.isdecimal() and len(text) < 19][:ROWS_MAX]
    service, expected = DECISIONS[verb]
    own = {each.match.pk: each for each in desk.facing_of(list(matches_of(run).filter(pk__in=ids)))}
    told_by = who_when(request)
    results = [(False, str(pk), _("There is no such match in this run.")) for pk in ids if pk not in own]
    for pk in (pk for pk in ids if pk in own):
        act = partial(service, match_id=pk, expected_status=expected, **told_by)
        results.append(result_of(run, own[pk].label, VERBS[verb](), act))
    tell(request, run, results)
    return query_of(request)


VERBS: dict[str, Callable[[], str]] = {
    "accept": lambda: _("accepted"),
    "reject": lambda: _("rejected: it is not offered again"),
    "undo": lambda: _("undone: its lines and entries are open again"),
}


def match_by_hand(request: HttpRequest, run: Run) -> str:
    """The ticked lines with the ticked entries. Refused: they stay ticked."""
    lines, entries = ids_of(request.POST.getlist("line")), ids_of(request.POST.getlist("entry"))
    act = partial(
        by_hand.match_manual,
        run=run,
        item_ids=lines,
        entry_ids=entries,
        note=request.POST.get("note", "").strip(),
        **who_when(request),
    )
    if not lines or not entries:
        messages.error(request, _("Tick at least one statement line and one ledger entry."))
    elif do_one(request, run, _("Matched. You find it under Matched, where it can be undone."), act):
        return query_of(request, tick=None)
    return query_of(request, tick=[str(each) for each in (*lines, *entries)])


# --- Lines ------------------------------------------------------------------------------------------------------


def close_lines(request: HttpRequest, run: Run) -> str:
    closing: dict[str, Any] = {
        "ledger_id": run.ledger.uuid,
        "reason": request.POST.get("reason", ""),
        "note": request.POST.get("close_note", "").strip(),
    }
    wanted = ids_of(request.POST.getlist("line"))
    if wanted and not closing["reason"].strip():
        messages.error(request, _("Say why: a line is closed with a reason."))
        return query_of(request, tick=[str(each) for each in wanted])
    _each_line(request, run, wanted, partial(items.item_close, **closing), _("closed"))
    return query_of(request, tick=None)


def reopen_lines(request: HttpRequest, run: Run) -> str:
    one = request.POST.get("one", "")
    wanted = ids_of([one] if one else request.POST.getlist("line"))
    _each_line(request, run, wanted, items.item_reopen, _("open again"))
    return query_of(request)


def _each_line(
    request: HttpRequest, run: Run, wanted: list[UUID], service: Callable[..., Any], verb: str
) -> None:
    rows = item_lines(run).filter(record__uuid__in=wanted).select_related("record")
    labels = {
        row.record.uuid: row.record.reference or row.record.description or str(row.record.date)
        for row in rows
    }
    told_by = who_when(request)
    results = [
        result_of(
            run,
            labels[each],
            verb,
            partial(service, organization_id=run.organization_id, item_id=each, **told_by),
        )
        if each in labels
        else (False, str(each), _("There is no such line in this run."))
        for each in dict.fromkeys(wanted)
    ]
    tell(request, run, results)


# --- Discrepancies ------------------------------------------------------------------------------------------------


def resolve(request: HttpRequest, run: Run) -> str:
    """Review, close or reopen one or the ticked ones."""
    verb, _colon, one = request.POST.get("one", "").partition(":")
    verb = verb or request.POST.get("action", "")
    if verb not in RESOLUTIONS:
        raise Http404
    texts = [one] if one else request.POST.getlist("discrepancy")
    ids = [int(text) for text in dict.fromkeys(texts) if text.isdecimal() and len(text) < 19][:ROWS_MAX]
    service, word = RESOLUTIONS[verb]
    extra = {}
    if verb == "close":
        extra = {
            "reason": request.POST.get("reason", ""),
            "note": request.POST.get("close_note", "").strip(),
        }
    own: dict[int, Discrepancy] = {row.pk: row for row in discrepancies_of(run).filter(pk__in=ids)}
    told_by = who_when(request)
    results = [
        result_of(run, subject_of(own[pk]), word(), partial(service, discrepancy=own[pk], **extra, **told_by))
        if pk in own
        else (False, str(pk), _("There is no such discrepancy in this run."))
        for pk in ids
    ]
    tell(request, run, results)
    return query_of(request)


def subject_of(row: Discrepancy) -> str:
    """What it is about, in a few words: the line's reference or text, else what the discrepancy says."""
    if row.record is not None and (row.record.reference or row.record.description):
        return f"{row.get_type_display()}, {row.record.reference or row.record.description}"
    return str(row)


RESOLUTIONS: dict[str, tuple[Callable[..., Any], Callable[[], str]]] = {
    "review": (discrepancies.discrepancy_review, lambda: _("in review")),
    "close": (discrepancies.discrepancy_close, lambda: _("closed")),
    "reopen": (discrepancies.discrepancy_reopen, lambda: _("open again")),
}
