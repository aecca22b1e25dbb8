"""Decisions on matches: accept, reject (remembered), undo, note, and the match that a person makes by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from ledgers.models import Record
from ledgers.money import MINOR_MAX
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Match, MatchMember, RejectedGroup, Run
from reconciliation.selectors.items import run_record_ids
from reconciliation.selectors.runs import refuse_if_voided
from reconciliation.services import discrepancies
from reconciliation.services.locks import share_reconciliations
from reconciliation.services.tokens import members_write, tokens_lock, tokens_return, tokens_take
from reconciliation.states import MATCH_MOVES, MatchOrigin, MatchStatus, RunStatus
from rules.states import Side

IDS_MAX = 10_000


def match_accept(*, match_id: int, expected_status: str | None = None, by: Actor, at: datetime) -> Match:
    """Accept a suggested match. Accepted already: nothing happens. Ended: Conflict "match.state" with who and when."""
    match = match_lock(match_id, by=by)
    _check_expected(match, expected_status)
    if match.status == MatchStatus.ACCEPTED:
        return match
    _check_move(match, MatchStatus.ACCEPTED)
    _decide(match, MatchStatus.ACCEPTED, by=by, at=at)
    discrepancies.follow(
        reconciliation_id=match.reconciliation_id, record_ids=record_ids_of(match), by=by, at=at
    )
    discrepancies.close_of_accepted(match, by=by, at=at)
    _audit("match.accepted", match, by=by, at=at)
    return match


def match_reject(*, match_id: int, expected_status: str | None = None, by: Actor, at: datetime) -> Match:
    """Judge that these records do not belong together; of an accepted match: its undo. Exactly this group isn't offered
    again, and its records are open again. Rejected already: nothing happens."""
    match = match_lock(match_id, by=by)
    _check_expected(match, expected_status)
    if match.status == MatchStatus.REJECTED:
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


def match_manual(
    *,
    run: Run,
    item_ids: Sequence[UUID],
    entry_ids: Sequence[UUID],
    note: str = "",
    by: Actor,
    at: datetime,
) -> Match:
    """Match these items of the run with these entries of its ledger, as one group that adds up; accepted at once.

    Refuses: empty or repeated ids and a group that does not add up (Invalid), unknown ids (NotFound), an item or entry
    that is closed or in a live match (Conflict "match.token_taken", naming the match, by whom and when).
    """
    share_reconciliations([run.reconciliation_id])  # first: nothing of the group can be voided from here on
    refuse_if_voided(run)
    group = _group(run, item_ids, entry_ids)
    total_a, total_b = sum(r.effect for r in group.items), sum(r.effect for r in group.entries)
    if total_a != total_b:
        raise Invalid(
            _(
                "The lines add up to %(a)s and the entries to %(b)s minor units; they differ by %(difference)s."
            )
            % {"a": total_a, "b": total_b, "difference": total_a - total_b},
            code="match.does_not_add_up",
            details={"total_a": total_a, "total_b": total_b, "difference": total_a - total_b},
        )
    if abs(total_a) > MINOR_MAX:
        raise Invalid(
            _("Together these amounts are larger than any sum can be. Match fewer lines at a time."),
            code="match.too_large",
        )
    tokens = tokens_take(reconciliation_id=run.reconciliation_id, record_ids=group.record_ids)
    match = _manual_row(run, group, total_a, total_b, note=note, by=by, at=at)
    members_write(match.pk, reconciliation_id=run.reconciliation_id, tokens=tokens.values())
    if run.status == RunStatus.PENDING:
        Run.objects.filter(pk=run.pk, status=RunStatus.PENDING).moved(RunStatus.COMPLETED, completed_at=at)
    discrepancies.follow(reconciliation_id=run.reconciliation_id, record_ids=group.record_ids, by=by, at=at)
    _audit("match.made_by_hand", match, by=by, at=at, records=group.record_ids)
    return match


def match_lock(match_id: int, *, by: Actor) -> Match:
    """The match's row, locked last of all: reconciliation, tokens of its members, row. Another organization's match is
    not found."""
    match = Match.objects.filter(pk=match_id, reconciliation__organization_id=by.organization_id).first()
    if match is None:
        raise NotFound(_("There is no such match."), code="match.not_found", word="match_not_found")
    share_reconciliations([match.reconciliation_id])
    tokens_lock(reconciliation_id=match.reconciliation_id, record_ids=record_ids_of(match))
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
    tokens_return(match_ids=match_ids)
    ended.update(
        status=status, ended_at=at, ended_by=by.ref, ended_reason=reason, superseded_by=superseded_by
    )
    discrepancies.close_of_ended(match_ids, by=by, at=at)
    discrepancies.follow(
        reconciliation_id=reconciliation_id,
        record_ids=members.values_list("record_id", flat=True),
        run_ids=ended.exclude(run=None).order_by("run_id").values_list("run_id", flat=True).distinct(),
        by=by,
        at=at,
    )


def record_ids_of(match: Match) -> list[int]:
    """Members never change once written, so this needs no lock."""
    return list(
        MatchMember.objects.filter(match=match).order_by("record_id").values_list("record_id", flat=True)
    )


@dataclass(frozen=True, slots=True)
class _Group:
    items: list[Record]
    entries: list[Record]

    @property
    def record_ids(self) -> list[int]:
        return sorted(record.pk for record in (*self.items, *self.entries))


def _group(run: Run, item_ids: Sequence[UUID], entry_ids: Sequence[UUID]) -> _Group:
    for name, ids in (("source_entry_ids", item_ids), ("ledger_entry_ids", entry_ids)):
        _check_ids(name, ids)
    items = _found(item_ids, run.organization_id, word="item_not_found", what=_("statement line"))
    entries = _found(entry_ids, run.organization_id, word="ledger_entry_not_found", what=_("ledger entry"))
    of_run = run_record_ids(run, [record.pk for record in items])
    strange = [str(record.uuid) for record in items if record.pk not in of_run]
    strange += [str(record.uuid) for record in entries if record.stream.ledger_id != run.ledger_id]
    if strange:
        raise Invalid(
            _("%(id)s is not of this run and its ledger.") % {"id": strange[0]},
            code="match.not_in_run",
            details={"ids": strange},
        )
    currencies = sorted({record.currency for record in (*items, *entries)})
    if len(currencies) > 1:
        raise Invalid(
            _("A match is in one currency; these are in %(list)s.") % {"list": ", ".join(currencies)},
            code="match.currencies_differ",
        )
    return _Group(items, entries)


def _check_ids(name: str, ids: Sequence[UUID]) -> None:
    problem = ""
    if not ids:
        problem = _("Name at least one.")
    elif len(set(ids)) != len(ids):
        problem = _("An id stands here twice.")
    elif len(ids) > IDS_MAX:
        problem = _("At most %(max)s ids in one act.") % {"max": IDS_MAX}
    if problem:
        raise Invalid(f"{name}: {problem}", code="match.ids", issues=[{"path": [name], "message": problem}])


def _found(ids: Sequence[UUID], organization_id: int, *, word: str, what: str) -> list[Record]:
    records = list(
        Record.objects.of(organization_id)
        .live()
        .filter(uuid__in=ids)
        .select_related("stream")
        .order_by("date", "pk")
    )
    missing = set(ids) - {record.uuid for record in records}
    if missing:
        raise NotFound(
            _("There is no %(what)s %(id)s.") % {"what": what, "id": sorted(map(str, missing))[0]},
            code=f"record.{word}",
            word=word,
            details={"ids": sorted(map(str, missing))},
        )
    return records


def _manual_row(
    run: Run, group: _Group, total_a: int, total_b: int, *, note: str, by: Actor, at: datetime
) -> Match:
    first = group.items[0]
    return Match.objects.create(
        reconciliation_id=run.reconciliation_id,
        run=run,
        status=MatchStatus.ACCEPTED,
        origin=MatchOrigin.MANUAL,
        currency=first.currency,
        decimal_places=first.decimal_places,
        total_a=total_a,
        total_b=total_b,
        difference=total_a - total_b,
        record_count=len(group.record_ids),
        cleared_on=max(record.date for record in (*group.items, *group.entries)),
        note=note,
        created_at=at,
        created_by=by.ref,
        decided_at=at,
        decided_by=by.ref,
    )


def _sides(match: Match) -> dict[str, list[int]]:
    sides: dict[str, list[int]] = {Side.A: [], Side.B: []}
    for side, record_id in (
        MatchMember.objects.filter(match=match).order_by("record_id").values_list("side", "record_id")
    ):
        sides[side].append(record_id)
    return sides


def _decide(match: Match, status: str, *, by: Actor, at: datetime) -> None:
    match.status, match.decided_at, match.decided_by = status, at, by.ref
    match.save(update_fields=["status", "decided_at", "decided_by"])


def _check_expected(match: Match, expected: str | None) -> None:
    if expected is not None and match.status != expected:
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
    moment = (when or match.created_at).isoformat(timespec="seconds")
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
