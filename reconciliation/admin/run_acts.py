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

from ledgers.amounts import shown
from ledgers.selectors import entry_rows
from organizations.acts import perform
from organizations.backoffice.current import may
from organizations.backoffice.uploads import too_large, was_cut
from organizations.refusals import Refusal
from reconciliation import tasks
from reconciliation.admin.accept_all import ALL_MAX, accept_all, summary_of
from reconciliation.admin.closings import close_as_shown
from reconciliation.admin.plan import Plan, match_as_shown, plan_of
from reconciliation.admin.run_page import ids_of, pass_context, proposals
from reconciliation.admin.telling import back_to, do_one, query_of, result_of, tell, who_when
from reconciliation.admin.words import told
from reconciliation.doorbell import ring
from reconciliation.models import Discrepancy, Match, OpenItem, Run
from reconciliation.selectors import desk
from reconciliation.selectors.discrepancies import discrepancies_of
from reconciliation.selectors.items import item_lines
from reconciliation.selectors.matches import matches_of
from reconciliation.services import discrepancies, items, matches, sources
from reconciliation.states import MatchStatus

ROWS_MAX = 1_000
READ_AT_ONCE_BYTES = 8 * 2**20
"""Smaller files are read while the person waits, larger ones by a worker."""

DECISIONS: dict[str, tuple[Callable[..., Any], str]] = {
    "accept": (matches.match_accept, MatchStatus.SUGGESTED),
    "reject": (matches.match_reject, MatchStatus.SUGGESTED),
    "undo": (matches.match_undo, MatchStatus.ACCEPTED),
    "reject-accepted": (matches.match_reject, MatchStatus.ACCEPTED),
}
"""What each button does, and to a match of which status."""


class RunActs(admin.ModelAdmin):
    """Mixed into RunAdmin, which gives `run_or_404`."""

    run_or_404: Callable[[HttpRequest, int], Run]

    def get_urls(self) -> list[URLPattern]:
        posts = [
            ("upload", "imports:write", upload),
            ("decide", "matches:decide", decide),
            ("match", "matches:decide", match_by_hand),
            ("close", "items:close", close_ticked),
            ("reopen", "items:close", reopen_ticked),
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
                "<int:run_id>/plan/",
                self.admin_site.admin_view(require_POST(self.plan_view)),
                name="reconciliation_run_plan",
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

    def plan_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """What matching the ticked ones would do. A POST, since hundreds of ids are too long for an address; it changes
        nothing."""
        run = self.run_or_404(request, run_id)
        plan = plan_of(run, ids_of(request.POST.getlist("line")), ids_of(request.POST.getlist("entry")))
        return render(request, "reconciliation/plan.html", {"run": run, "plan": plan})

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
    "undo": lambda: _("undone: its lines and entries are open again, and may be proposed again"),
    "reject-accepted": lambda: _(
        "rejected: its lines and entries are open again, and it is not offered again"
    ),
}


def match_by_hand(request: HttpRequest, run: Run) -> str:
    """The ticked lines with the ticked entries. What leaves something open, or takes the place of other matches, is asked
    for first. Refused: they stay ticked."""
    lines, entries = ids_of(request.POST.getlist("line")), ids_of(request.POST.getlist("entry"))
    ticks = [str(each) for each in (*lines, *entries)]
    plan = plan_of(run, lines, entries)
    if plan is None:
        messages.error(request, _("Tick at least one statement line and one ledger entry."))
        return query_of(request, tick=ticks)
    sure = request.POST.get("sure", "")
    if plan.against:
        messages.error(request, plan.against)
        return query_of(request, tick=ticks)
    if plan.asks and not sure:
        return query_of(request, tick=ticks, confirm="1")
    act = partial(
        match_as_shown,
        run=run,
        item_ids=lines,
        entry_ids=entries,
        note=request.POST.get("note", "").strip(),
        seal=sure or plan.seal,
        **who_when(request),
    )
    if do_one(request, run, done_words(plan), act):
        return query_of(request, tick=None)
    return query_of(request, tick=ticks, **({"confirm": "1"} if sure else {}))


def done_words(plan: Plan) -> str:
    """What was matched, and what is left open of what."""
    if plan.held is None and not plan.superseded:
        return _("Matched. You find it under Matched, where it can be undone.")
    said = [_("Matched.")] if plan.held is None else []
    if plan.held is not None:
        facts = {
            "rest": shown(plan.rest, plan.held.decimal_places, plan.held.currency),
            "name": desk.name_of(plan.held),
        }
        text = _("Matched in part: %(rest)s stays open on line %(name)s.")
        if not plan.held_is_line:
            text = _("Matched in part: %(rest)s stays open on entry %(name)s.")
        said.append(text % facts)
    if plan.not_covered:
        names = ", ".join(desk.name_of(record) for record in plan.not_covered)
        said.append(_("Nothing was left for %(names)s: still open as before.") % {"names": names})
    if plan.superseded:
        names = ", ".join(str(match) for match in plan.superseded)
        said.append(_("It took the place of %(names)s.") % {"names": names})
    return " ".join(said)


# --- Lines and entries ------------------------------------------------------------------------------------------


def close_ticked(request: HttpRequest, run: Run) -> str:
    """Close the ticked lines and entries with a reason; of what a match covers in part, write off the rest."""
    closing: dict[str, Any] = {
        "reason": request.POST.get("reason", ""),
        "note": request.POST.get("close_note", "").strip(),
    }
    lines, entries = ids_of(request.POST.getlist("line")), ids_of(request.POST.getlist("entry"))
    if (lines or entries) and not closing["reason"].strip():
        messages.error(request, _("Say why: a line or an entry is closed with a reason."))
        return query_of(request, tick=[str(each) for each in (*lines, *entries)])
    seen = set(
        ids_of(request.POST.getlist("seen"))
    )  # those that the page showed as the rest of an accepted match
    close: Any = (
        partial(items.item_close, ledger_id=run.ledger.uuid, **closing),
        partial(items.entry_close, **closing),
    )
    rests = rests_of(run, [*lines, *entries])
    told = {each: rests.get(each, _("closed")) for each in (*lines, *entries)}
    _each(request, run, lines, entries, partial(_closing, run, close, seen), told)
    return query_of(request, tick=None)


def reopen_ticked(request: HttpRequest, run: Run) -> str:
    """The one whose button was pressed ("line:…" or "entry:…"), else all ticked ones."""
    kind, _colon, uuid = request.POST.get("one", "").partition(":")
    wanted = {name: [uuid] if kind == name else [] for name in ("line", "entry")}
    if not kind:
        wanted = {name: request.POST.getlist(name) for name in wanted}
    lines, entries = ids_of(wanted["line"]), ids_of(wanted["entry"])
    told = {each: _("open again") for each in (*lines, *entries)}
    _each(request, run, lines, entries, _reopening, told)
    return query_of(request)


def rests_of(run: Run, ids: list[UUID]) -> dict[UUID, str]:
    """What closing would do to those that a match covers in part."""
    held = OpenItem.objects.filter(reconciliation_id=run.reconciliation_id, record__uuid__in=ids).held()
    rows = list(held.select_related("record"))
    found = Match.objects.in_bulk({row.held_by for row in rows if row.held_by is not None})
    words = {}
    for row in rows:
        facts = {
            "rest": shown(row.open_amount, row.record.decimal_places, row.record.currency),
            "match": str(found[row.held_by or 0]),
        }
        text = _("the rest of %(rest)s is written off; %(match)s stays")
        if found[row.held_by or 0].status == MatchStatus.SUGGESTED:
            text = _("closed; its proposal, %(match)s, is taken back")
        words[row.record.uuid] = text % facts
    return words


def _closing(
    run: Run, close: tuple[Callable[..., Any], Callable[..., Any]], seen: set[UUID], each: UUID, is_line: bool
) -> Callable[..., Any]:
    service = partial(close[0], item_id=each) if is_line else partial(close[1], entry_id=each)
    return partial(close_as_shown, service, run.reconciliation, rest_only=each in seen)


def _reopening(each: UUID, is_line: bool) -> Callable[..., Any]:
    return partial(items.item_reopen, item_id=each) if is_line else partial(items.entry_reopen, entry_id=each)


def _each(
    request: HttpRequest,
    run: Run,
    lines: list[UUID],
    entries: list[UUID],
    act_of: Callable[[UUID, bool], Callable[..., Any]],
    words: dict[UUID, str],
) -> None:
    """Each on its own, with a result each. Lines must be the run's, entries its ledger's."""
    of_run = item_lines(run).filter(record__uuid__in=lines).select_related("record")
    labels = {row.record.uuid: desk.name_of(row.record) for row in of_run}
    books = entry_rows(organization_id=run.organization_id, ledger_ids=[run.ledger_id])
    labels |= {row.uuid: desk.name_of(row) for row in books.filter(uuid__in=entries)}
    told_by = {"organization_id": run.organization_id, **who_when(request)}
    wanted = {**dict.fromkeys(lines, True), **dict.fromkeys(entries, False)}
    results = [
        result_of(run, labels[each], words[each], partial(act_of(each, is_line), **told_by))
        if each in labels
        else (False, _("One of the ticked ones"), _("It is not in this run and its ledger."))
        for each, is_line in wanted.items()
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
