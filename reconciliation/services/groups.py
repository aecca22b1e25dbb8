"""A person's group as one match: tokens taken all or none, covered wholly or in part, earlier matches extended.

The core under every match by hand, whatever the surface. Callers hold the shared lock of the reconciliation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from ledgers.amounts import shown
from ledgers.models import Record
from ledgers.money import MINOR_MAX
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Invalid
from reconciliation.cover import Cover, Part, cover
from reconciliation.models import Match, MatchMember, OpenItem, Run
from reconciliation.selectors.items import runs_showing
from reconciliation.services import discrepancies
from reconciliation.services.adjustments import Adjustment, adjustment_plan, adjustment_write
from reconciliation.services.automatic import passes_ring
from reconciliation.services.matches import matches_release
from reconciliation.services.operations import refuse_while_taken_out
from reconciliation.services.raising import raise_many
from reconciliation.services.tokens import (
    Token,
    members_write,
    token_taken,
    tokens_hold,
    tokens_lock,
    tokens_remove,
)
from reconciliation.states import DiscrepancyType, MatchOrigin, MatchStatus
from rules.models import Reconciliation, ReconciliationStream
from rules.states import ReconciliationKind, Side, SignMode

IDS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Made:
    """A match made by hand. `not_covered`: records that were named and got nothing, so that they are still open."""

    match: Match
    not_covered: list[Record]


@dataclass(frozen=True, slots=True)
class _Group:
    """Every record that the match is to cover, by side, the named ones first; `extended`: the matches that it takes the
    place of with all their members, `overruled`: suggestions that it ends, whose other records are free again."""

    records: dict[int, Record]
    sides: dict[int, str]
    extended: list[int]
    overruled: list[int]

    def of(self, side: str) -> list[Record]:
        return [record for pk, record in self.records.items() if self.sides[pk] == side]


def group_match(
    *,
    reconciliation: Reconciliation,
    run: Run | None,
    side_a: Sequence[Record],
    side_b: Sequence[Record],
    note: str = "",
    cleared_on: date | None = None,
    over_suggestions: bool = False,
    adjust: str | None = None,
    by: Actor,
    at: datetime,
) -> Made:
    """Match these records as one group, accepted at once.

    A ledger's or settlement's group that does not add up is matched in part (`cover`); a stream's is taken whole with
    its difference. Naming a held record extends: the live matches of all those named are superseded by this one, which
    has their members too, in any run. With `over_suggestions` undecided suggestions on the named records are superseded
    without their other members. With `adjust`, a text, an adjustment record of that description makes a group of streams
    add up; the caller shares the locks of the reconciliation's streams. Refused whole: Conflict "match.token_taken" where a record is closed or wholly in
    a live match (who and when), Invalid "match.mixed_signs", "match.sides_oppose", "match.currencies_differ",
    "match.one_sided", "match.too_large", "match.too_few", "match.no_stream_for_adjustment".
    """
    refuse_while_taken_out(reconciliation.pk)
    _check_wired(reconciliation, side_a, side_b)
    named = {record.pk: Side.A.value for record in side_a} | {record.pk: Side.B.value for record in side_b}
    group = _locked_group(reconciliation, named, over_suggestions=over_suggestions)
    _check_currency(group.records.values())
    covered, adjustment = _covered(reconciliation, group, adjust)
    match = _match_row(
        reconciliation, run, group, covered, adjustment, note=note, cleared_on=cleared_on, by=by, at=at
    )
    _take(reconciliation, match, group, covered, by=by, at=at)
    if adjustment is not None:
        adjustment_write(adjustment, match, by=by, at=at)
    _say(reconciliation, run, match, group, covered, by=by, at=at)
    match.refresh_from_db()
    return Made(match, [group.records[pk] for pk in covered.not_covered])


def _check_wired(reconciliation: Reconciliation, side_a: Sequence[Record], side_b: Sequence[Record]) -> None:
    wired = dict(
        ReconciliationStream.objects.filter(reconciliation=reconciliation).values_list("stream_id", "side")
    )
    for side, records in ((Side.A, side_a), (Side.B, side_b)):
        strange = [record for record in records if wired.get(record.stream_id) != side]
        if strange:
            raise Invalid(
                _("%(id)s is no record of this side of the reconciliation.") % {"id": strange[0].uuid},
                code="match.not_wired",
                details={"ids": [str(record.uuid) for record in strange]},
            )


def _locked_group(
    reconciliation: Reconciliation, named: Mapping[int, str], *, over_suggestions: bool
) -> _Group:
    """Lock the tokens of the named records and of all members of the matches that hold one of them, in one order."""
    tokens = OpenItem.objects.filter(reconciliation=reconciliation, record_id__in=named).held()
    before = {pk for pk in tokens.values_list("held_by", flat=True) if pk is not None}
    suggested = _suggestions(reconciliation, named) if over_suggestions else {}
    overruled = set(suggested.values())
    members = MatchMember.objects.filter(match_id__in=before | overruled, live=True)
    together = members.values_list("record_id", flat=True)
    locked = tokens_lock(reconciliation_id=reconciliation.pk, record_ids={*named, *together})
    taken = [
        pk
        for pk in named
        if (pk not in locked and pk not in suggested) or (pk in locked and locked[pk].closed_at is not None)
    ]
    if taken:
        raise token_taken(reconciliation.pk, sorted(taken), locked)
    extended = {token.held_by for pk, token in locked.items() if pk in named and token.held_by is not None}
    extended -= overruled
    if not extended <= before:  # matched in part since we looked: its other members aren't locked
        moved = sorted(pk for pk in named if pk in locked and locked[pk].held_by not in (None, *before))
        raise token_taken(reconciliation.pk, moved, locked)
    # Locked last, in one order: deciding a match locks its row behind the tokens of its members.
    rows = Match.objects.select_for_update(of=("self",)).filter(pk__in=extended | overruled).order_by("pk")
    decided = {match.pk for match in rows if match.pk in overruled and match.status != MatchStatus.SUGGESTED}
    if decided:  # while we waited for the row
        gone = sorted(pk for pk, match_id in suggested.items() if match_id in decided)
        raise token_taken(reconciliation.pk, gone, locked)
    return _whole_group(named, sorted(extended - {None}), sorted(overruled))


def _suggestions(reconciliation: Reconciliation, named: Iterable[int]) -> dict[int, int]:
    """The undecided suggestion that each of these records is in, where it is in one."""
    members = MatchMember.objects.filter(
        reconciliation=reconciliation, record_id__in=named, live=True, match__status=MatchStatus.SUGGESTED
    )
    return dict(members.values_list("record_id", "match_id"))


def _whole_group(named: Mapping[int, str], extended: list[int], overruled: list[int]) -> _Group:
    sides = dict(named)
    for pk, side in MatchMember.objects.filter(match_id__in=extended, live=True).values_list(
        "record_id", "side"
    ):
        sides.setdefault(pk, side)
    if len(sides) > IDS_MAX:
        raise Invalid(
            _("Together with the matches that it extends the group has more than %(max)s records.")
            % {"max": IDS_MAX},
            code="match.too_many",
        )
    records = Record.objects.in_bulk(list(sides))  # as they are behind the locks, not as the caller read them
    return _Group({pk: records[pk] for pk in sides}, sides, extended, overruled)


def _check_currency(records: Iterable[Record]) -> None:
    currencies = sorted({record.currency for record in records})
    if len(currencies) > 1:
        raise Invalid(
            _("A match is in one currency; these are in %(list)s.") % {"list": ", ".join(currencies)},
            code="match.currencies_differ",
        )


def _covered(
    reconciliation: Reconciliation, group: _Group, adjust: str | None
) -> tuple[Cover, Adjustment | None]:
    parts = {
        side: [Part(r.pk, side, r.date, getattr(r, reconciliation.measure)) for r in group.of(side)]
        for side in (Side.A, Side.B)
    }
    sums = {side: sum(part.amount for part in found) for side, found in parts.items()}
    if max(abs(total) for total in sums.values()) > MINOR_MAX:
        raise Invalid(
            _("Together these amounts are larger than any sum can be. Match fewer lines at a time."),
            code="match.too_large",
        )
    records = list(group.records.values())
    if reconciliation.kind != ReconciliationKind.STREAMS:
        first = records[0]
        places, currency = first.decimal_places, first.currency
        return cover(parts[Side.A], parts[Side.B], places=places, currency=currency), None
    adjustment = None
    if adjust is not None:
        adjustment = adjustment_plan(reconciliation, records, group.sides, reason=adjust)
    if adjustment is None:
        _check_one_sided(parts[Side.A], parts[Side.B], sum(sums.values()))
        _check_several(records)
    return Cover({part.record_id: part.amount for found in parts.values() for part in found}), adjustment


def _check_several(records: Sequence[Record]) -> None:
    if len(records) < 2:
        raise Invalid(_("One record alone is no match; name at least two."), code="match.too_few")


def _check_one_sided(a: Sequence[Part], b: Sequence[Part], total: int) -> None:
    if (not a or not b) and total != 0:
        raise Invalid(
            _("Records of one side alone match only where they add up to zero (a booking and its reversal)."),
            code="match.one_sided",
            details={"sum": total},
        )


def _take(
    reconciliation: Reconciliation, match: Match, group: _Group, covered: Cover, *, by: Actor, at: datetime
) -> None:
    """What it takes the place of ends; then its tokens, and its members."""
    ends: dict[str, Any] = {
        "status": MatchStatus.SUPERSEDED,
        "superseded_by": match.pk,
        "by": by,
        "at": at,
    }
    if group.extended:
        matches_release(group.extended, reason="extended", extended=True, **ends)
    if group.overruled:
        matches_release(group.overruled, reason="matched_by_hand", **ends)
    tokens = tokens_lock(reconciliation_id=reconciliation.pk, record_ids=covered.applied)
    _check_whole(tokens, covered)
    whole = [pk for pk in covered.applied if pk != covered.held]
    tokens_remove(reconciliation_id=reconciliation.pk, record_ids=whole)
    if covered.held is not None:
        tokens_hold(
            {covered.held: covered.rest},
            reconciliation_id=reconciliation.pk,
            match_ids={covered.held: match.pk},
        )
    members_write(
        match.pk, reconciliation_id=reconciliation.pk, tokens=tokens.values(), applied=covered.applied
    )


def _check_whole(tokens: Mapping[int, Token], covered: Cover) -> None:
    """Ours to hold: every member is free by now, and all of it open."""
    for pk, amount in covered.applied.items():
        whole = amount + (covered.rest if pk == covered.held else 0)
        assert tokens[pk].is_free, f"record {pk} is not free"
        assert tokens[pk].open_amount == whole, f"record {pk} is not whole"


def _match_row(
    reconciliation: Reconciliation,
    run: Run | None,
    group: _Group,
    covered: Cover,
    adjustment: Adjustment | None,
    *,
    note: str,
    cleared_on: date | None,
    by: Actor,
    at: datetime,
) -> Match:
    members = [group.records[pk] for pk in covered.applied]
    totals = {
        side: sum(getattr(r, reconciliation.measure) for r in members if group.sides[r.pk] == side)
        for side in (Side.A, Side.B)
    }
    if adjustment is not None:
        totals[Side(adjustment.side)] += adjustment.signed_amount
    if reconciliation.sign_mode == SignMode.MAGNITUDE:
        totals = {side: abs(total) for side, total in totals.items()}
    latest = max(record.date for record in members)
    return Match.objects.create(
        reconciliation=reconciliation,
        run=run,
        status=MatchStatus.ACCEPTED,
        origin=MatchOrigin.MANUAL,
        currency=members[0].currency,
        decimal_places=members[0].decimal_places,
        total_a=totals[Side.A],
        total_b=totals[Side.B],
        difference=totals[Side.A] - totals[Side.B],
        record_count=len(members) + (adjustment is not None),
        cleared_on=checked_cleared_on(cleared_on, latest),
        note=note,
        created_at=at,
        created_by=by.ref,
        decided_at=at,
        decided_by=by.ref,
    )


def checked_cleared_on(given: date | None, latest: date) -> date:
    """The accounting date of a clearing: the latest date of what it clears, or later as given. Invalid when earlier."""
    if given is not None and given < latest:
        raise Invalid(
            _("The accounting date %(given)s is before %(latest)s, the latest date of what is cleared.")
            % {"given": given, "latest": latest},
            code="match.cleared_on",
            issues=[{"path": ["cleared_on"], "message": _("Too early.")}],
        )
    return given or latest


def _say(
    reconciliation: Reconciliation,
    run: Run | None,
    match: Match,
    group: _Group,
    covered: Cover,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Its discrepancy where it does not add up, those of all its records in step, one line of audit."""
    if match.difference:
        raise_many(
            type_=DiscrepancyType.AMOUNT_MISMATCH,
            reconciliation_id=reconciliation.pk,
            run_id=_run_of_rest(run, covered.held),
            rows=[
                amount_mismatch(
                    match.pk, covered.held, match.difference, match.decimal_places, match.currency
                )
            ],
            by=by,
            at=at,
        )
    ended = [*group.extended, *group.overruled]
    superseded = Match.objects.filter(pk__in=ended).select_related("run").order_by("pk")
    concerned = _concerned(group)
    discrepancies.follow(
        reconciliation_id=reconciliation.pk,
        record_ids=concerned,
        run_ids=runs_showing(concerned, reconciliation_id=reconciliation.pk),
        by=by,
        at=at,
    )
    audit.record(
        action="match.extended" if group.extended else "match.made_by_hand",
        organization_id=by.organization_id,
        by=by,
        at=at,
        subject=match,
        subjects=[*([run] if run is not None else []), *superseded],
        difference=match.difference,
        currency=match.currency,
        records=sorted(covered.applied),
        not_covered=list(covered.not_covered),
        superseded=ended,
        adjustment=match.adjustment_id,
    )
    if group.overruled:
        passes_ring([reconciliation.pk], but_runs=[run.pk if run is not None else None], at=at)


def _concerned(group: _Group) -> list[int]:
    """Its records, and those that are free again by it."""
    freed = MatchMember.objects.filter(match_id__in=group.overruled) if group.overruled else None
    return sorted({*group.records, *(freed.values_list("record_id", flat=True) if freed is not None else ())})


def _run_of_rest(run: Run | None, held: int | None) -> int | None:
    """Where people see what is left: this run, unless the record came in with an extended match and is an item of others
    only."""
    if run is None or held is None:
        return run.pk if run is not None else None
    showing = runs_showing([held], reconciliation_id=run.reconciliation_id)
    return run.pk if not showing or run.pk in showing else showing[-1]


def amount_mismatch(
    match_id: int, held: int | None, difference: int, places: int, currency: str
) -> dict[str, object]:
    """What is said of a match that does not add up: about the record that it covers in part, where there is one."""
    return {
        "record_id": held,
        "match_id": match_id,
        "amount": abs(difference),
        "currency": currency,
        "decimal_places": places,
        "description": _("The two sides differ by %(difference)s.")
        % {"difference": shown(abs(difference), places, currency)},
    }
