"""Decisions on matches: accept, reject (remembered), undo (not remembered), note; and how a match ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from organizations import audit
from organizations.actors import Actor
from organizations.instants import utc_text
from organizations.refusals import Conflict, NotFound
from reconciliation.models import Match, MatchMember, RejectedGroup
from reconciliation.selectors.items import runs_showing
from reconciliation.services import discrepancies
from reconciliation.services.adjustments import adjustments_void
from reconciliation.services.automatic import passes_ring
from reconciliation.services.locks import share_reconciliations
from reconciliation.services.operations import refuse_while_taken_out
from reconciliation.services.tokens import tokens_lock_held, tokens_return
from reconciliation.states import MATCH_MOVES, MatchStatus
from rules.states import Side


def match_accept(*, match_id: int, expected_status: str | None = None, by: Actor, at: datetime) -> Match:
    """Accept a suggested match. Accepted already: nothing happens. Ended: Conflict "match.state" with who and when."""
    match = match_lock(match_id, by=by)
    _check_expected(match, expected_status)
    if match.status == MatchStatus.ACCEPTED:
        return match
    _check_move(match, MatchStatus.ACCEPTED)
    refuse_while_taken_out(match.reconciliation_id)
    _decide(match, MatchStatus.ACCEPTED, by=by, at=at)
    discrepancies.follow(
        reconciliation_id=match.reconciliation_id, record_ids=record_ids_of(match), by=by, at=at
    )
    discrepancies.close_of_accepted([match.pk], by=by, at=at)
    _audit("match.accepted", match, by=by, at=at)
    return match


def matches_accept(*, reconciliation_id: int, match_ids: Sequence[int], by: Actor, at: datetime) -> list[int]:
    """Accept those of these matches of one reconciliation that are still suggested, in one act; gives their ids. What
    somebody decided meanwhile is left as it is."""
    share_reconciliations([reconciliation_id])
    refuse_while_taken_out(reconciliation_id)
    tokens_lock_held(match_ids)
    own = Match.objects.filter(
        reconciliation_id=reconciliation_id, reconciliation__organization_id=by.organization_id
    )
    asked = own.filter(pk__in=match_ids).order_by("pk").select_for_update(of=("self",))
    accepted = list(asked.select_related("run"))
    accepted = [match for match in accepted if match.status == MatchStatus.SUGGESTED]
    ids = [match.pk for match in accepted]
    if not ids:
        return []
    decided = Match.objects.filter(pk__in=ids)
    decided.update(status=MatchStatus.ACCEPTED, decided_at=at, decided_by=by.ref)
    members = MatchMember.objects.filter(match_id__in=ids).order_by("record_id")
    discrepancies.follow(
        reconciliation_id=reconciliation_id,
        record_ids=members.values_list("record_id", flat=True),
        by=by,
        at=at,
    )
    discrepancies.close_of_accepted(ids, by=by, at=at)
    runs = {match.run_id: match.run for match in accepted if match.run is not None}
    audit.record(
        action="matches.accepted",
        organization_id=by.organization_id,
        by=by,
        at=at,
        subject=("rules.reconciliation", reconciliation_id),
        subjects=[*runs.values(), *accepted],
        matches=len(ids),
    )
    return ids


def match_reject(*, match_id: int, expected_status: str | None = None, by: Actor, at: datetime) -> Match:
    """Judge that these records do not belong together; of an accepted match: its undo. Exactly this group isn't offered
    again, and its records are open again. Rejected or undone already: nothing happens."""
    match = match_lock(match_id, by=by)
    _check_expected(match, expected_status)
    if match.status in (MatchStatus.REJECTED, MatchStatus.UNDONE):
        return match
    _check_move(match, MatchStatus.REJECTED)
    sides = _sides(match)
    match_end(match, status=MatchStatus.REJECTED, reason="rejected", by=by, at=at)
    match.decided_at, match.decided_by = at, by.ref
    match.save(update_fields=["decided_at", "decided_by"])
    RejectedGroup.objects.create(
        reconciliation_id=match.reconciliation_id,
        match_id=match.pk,
        side_a=sides[Side.A],
        side_b=sides[Side.B],
        created_at=at,
        created_by=by.ref,
    )
    _audit("match.rejected", match, by=by, at=at)
    return match


def match_note(*, match_id: int, note: str, by: Actor, at: datetime) -> Match:
    """Set or clear ("") the note of a match, whatever its status."""
    match = match_lock(match_id, by=by)
    if match.note != note:
        match.note, match.modified_at, match.modified_by = note, at, by.ref
        match.save(update_fields=["note", "modified_at", "modified_by"])
        _audit("match.noted", match, by=by, at=at)
    return match


def match_undo(
    *, match_id: int, reason: str = "undone", expected_status: str | None = None, by: Actor, at: datetime
) -> Match:
    """Take a live match back without judging it: its records are open again, and a pass may offer the group again.
    Ended already: nothing happens."""
    match = match_lock(match_id, by=by)
    _check_expected(match, expected_status)
    if match.is_live:
        match_end(match, status=MatchStatus.UNDONE, reason=reason, by=by, at=at)
        _audit("match.undone", match, by=by, at=at, reason=reason, records=record_ids_of(match))
    return match


def match_lock(match_id: int, *, by: Actor) -> Match:
    """The match's row, locked last of all: reconciliation, the tokens that it holds, row. Another organization's match is
    not found."""
    match = Match.objects.filter(pk=match_id, reconciliation__organization_id=by.organization_id).first()
    if match is None:
        raise NotFound(_("There is no such match."), code="match.not_found", word="match_not_found")
    share_reconciliations([match.reconciliation_id])
    tokens_lock_held([match_id])
    return Match.objects.select_for_update(of=("self",)).get(pk=match_id)


def match_end(match: Match, *, status: str, reason: str, by: Actor, at: datetime) -> None:
    """End a live match that the caller has locked: its tokens go back, its discrepancies follow. No audit line here."""
    _check_move(match, status)
    matches_end(
        [match.pk], reconciliation_id=match.reconciliation_id, status=status, reason=reason, by=by, at=at
    )
    match.refresh_from_db()


def matches_end(
    match_ids: Sequence[int],
    *,
    reconciliation_id: int,
    status: str,
    reason: str,
    by: Actor,
    at: datetime,
    superseded_by: int | None = None,
) -> None:
    """The same for many live matches of one reconciliation, in a handful of statements however many they are."""
    if not match_ids:
        return
    ended = Match.objects.filter(pk__in=match_ids)
    members = MatchMember.objects.filter(match_id__in=match_ids).order_by("record_id")
    runs = list(ended.exclude(run=None).order_by("run_id").values_list("run_id", flat=True).distinct())
    matches_release(match_ids, status=status, reason=reason, by=by, at=at, superseded_by=superseded_by)
    discrepancies.follow(
        reconciliation_id=reconciliation_id,
        record_ids=members.values_list("record_id", flat=True),
        run_ids=runs_showing(members.values("record_id"), reconciliation_id=reconciliation_id),
        by=by,
        at=at,
    )
    passes_ring([reconciliation_id], but_runs=runs, at=at)


def matches_release(
    match_ids: Sequence[int],
    *,
    status: str,
    reason: str,
    by: Actor,
    at: datetime,
    superseded_by: int | None = None,
    extended: bool = False,
) -> None:
    """End these live matches and give their tokens back whole; their adjustments are voided. `extended`: the match that
    supersedes them takes all of it at once. The discrepancies of their records are the caller's to bring in step
    (`matches_end` does)."""
    tokens_return(match_ids=match_ids, extended=extended)
    adjustments_void(match_ids, by=by, at=at)
    Match.objects.filter(pk__in=match_ids).update(
        status=status, ended_at=at, ended_by=by.ref, ended_reason=reason, superseded_by=superseded_by
    )
    discrepancies.close_of_ended(match_ids, by=by, at=at)


def record_ids_of(match: Match) -> list[int]:
    """Members never change once written, so this needs no lock."""
    return list(
        MatchMember.objects.filter(match=match).order_by("record_id").values_list("record_id", flat=True)
    )


def _sides(match: Match) -> dict[str, list[int]]:
    """Without its adjustment: no pass could offer a group with that again."""
    sides: dict[str, list[int]] = {Side.A: [], Side.B: []}
    members = MatchMember.objects.filter(match=match).order_by("record_id")
    for side, record_id in members.values_list("side", "record_id"):
        if record_id != match.adjustment_id:
            sides[side].append(record_id)
    return sides


def _decide(match: Match, status: str, *, by: Actor, at: datetime) -> None:
    match.status, match.decided_at, match.decided_by = status, at, by.ref
    match.save(update_fields=["status", "decided_at", "decided_by"])


def _check_expected(match: Match, expected: str | None) -> None:
    # An undone match shows as rejected on the ledger surface: whoever saw that may say so.
    shown = {match.status, MatchStatus.REJECTED} if match.status == MatchStatus.UNDONE else {match.status}
    if expected is not None and expected not in shown:
        raise _state_conflict(
            match,
            _("You acted on a %(expected)s match, but it is %(status)s now")
            % {"expected": expected, "status": match.status},
        )


def _check_move(match: Match, to: str) -> None:
    if to not in MATCH_MOVES[MatchStatus(match.status)]:
        raise _state_conflict(
            match, _("A %(status)s match cannot become %(to)s") % {"status": match.status, "to": to}
        )


def _state_conflict(match: Match, sentence: str) -> Conflict:
    who, when = match.ended_by or match.decided_by or match.created_by, match.ended_at or match.decided_at
    moment = utc_text(when or match.created_at, timespec="seconds")
    return Conflict(
        _("%(sentence)s: decided by %(who)s at %(when)s.")
        % {"sentence": sentence, "who": who, "when": moment},
        code="match.state",
        word="match_state_conflict",
        details={"status": match.status, "by": who, "at": moment},
    )


def _audit(action: str, match: Match, *, by: Actor, at: datetime, **data: object) -> None:
    audit.record(
        action=action,
        organization_id=by.organization_id,
        by=by,
        at=at,
        subject=match,
        subjects=[match.run] if match.run is not None else [],
        difference=match.difference,
        currency=match.currency,
        **data,
    )
