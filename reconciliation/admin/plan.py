"""What matching the ticked lines and entries would do, said before it is done, and held to when it is. Used by run_acts.

Computed by the same pure function as the match itself (`reconciliation.cover`), from what is open at this moment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from ledgers.models import Record
from organizations.actors import Actor
from organizations.refusals import Conflict, Refusal
from reconciliation.admin.words import told
from reconciliation.cover import Cover, Part, cover
from reconciliation.models import Match, MatchMember, OpenItem, Run
from reconciliation.selectors.items import run_record_ids
from reconciliation.services.by_hand import match_manual
from reconciliation.services.groups import Made
from reconciliation.services.tokens import token_taken
from rules.states import Side


@dataclass(frozen=True, slots=True)
class Plan:
    """Sums are those of the whole group, the members of the matches that it takes the place of among them. Minor units."""

    lines: int = 0
    entries: int = 0
    held: Record | None = None
    held_is_line: bool = False
    rest: int = 0
    not_covered: list[Record] = field(default_factory=list)
    superseded: list[Match] = field(default_factory=list)
    joining: int = 0
    """Records that come along from those matches without having been ticked."""
    against: str = ""
    """Why it cannot be done."""
    seal: str = ""
    """Stands for exactly this outcome."""

    @property
    def difference(self) -> int:
        return self.lines - self.entries

    @property
    def covered(self) -> int:
        """How much of the held record is matched, with its sign."""
        return self.held.effect - self.rest if self.held is not None else 0

    @property
    def asks(self) -> bool:
        """Whether a person has to confirm it: it leaves something open, or takes the place of other matches."""
        return bool(self.difference or self.superseded)


def plan_of(run: Run, line_ids: Iterable[UUID], entry_ids: Iterable[UUID]) -> Plan | None:
    """None while one side is empty. Five queries."""
    lines, entries = set(line_ids), set(entry_ids)
    if not lines or not entries:
        return None
    rows = Record.objects.of(run.organization_id).live().filter(uuid__in=lines | entries)
    named = {record.pk: record for record in rows.select_related("stream")}
    if _strange(run, named.values(), lines) or len(named) < len(lines | entries):
        return Plan(
            against=_("One of the ticked ones is not in this run and its ledger. Look at the page again.")
        )
    found = OpenItem.objects.filter(reconciliation_id=run.reconciliation_id, record_id__in=list(named))
    tokens = {token.record_id: token for token in found}
    taken = [pk for pk in sorted(named) if pk not in tokens or tokens[pk].closed_at is not None]
    if taken:
        closed = {pk: token for pk, token in tokens.items() if token.closed_at is not None}
        return Plan(against=told(token_taken(run.reconciliation_id, taken, closed), run))  # type: ignore[arg-type]
    matches = sorted({token.held_by for token in tokens.values() if token.held_by is not None})
    members = MatchMember.objects.filter(match_id__in=matches, live=True).select_related("record")
    sides = {member.record_id: member.side for member in members}
    sides |= {pk: Side.A.value if record.uuid in lines else Side.B.value for pk, record in named.items()}
    records = {member.record_id: member.record for member in members} | named
    superseded = list(Match.objects.filter(pk__in=matches).order_by("pk")) if matches else []
    return _planned(run, records, sides, superseded, joining=len(records) - len(named))


def _strange(run: Run, records: Iterable[Record], lines: set[UUID]) -> bool:
    """Whether one of them is not an item of the run, or not an entry of its ledger."""
    items = [record.pk for record in records if record.uuid in lines]
    others = (record for record in records if record.uuid not in lines)
    return run_record_ids(run, items) != set(items) or any(
        r.stream.ledger_id != run.ledger_id for r in others
    )


def _planned(
    run: Run,
    records: Mapping[int, Record],
    sides: Mapping[int, str],
    superseded: list[Match],
    *,
    joining: int,
) -> Plan:
    parts = {
        side: [Part(pk, side, r.date, r.effect) for pk, r in records.items() if sides[pk] == side]
        for side in (Side.A.value, Side.B.value)
    }
    lines, entries = (sum(part.amount for part in parts[side]) for side in (Side.A.value, Side.B.value))
    try:
        covered: Cover = cover(
            parts[Side.A.value],
            parts[Side.B.value],
            places=run.ledger.decimal_places,
            currency=run.ledger.currency,
        )
    except Refusal as refusal:
        return Plan(lines, entries, superseded=superseded, joining=joining, against=told(refusal, run))
    held = covered.held
    return Plan(
        lines,
        entries,
        held=records[held] if held is not None else None,
        held_is_line=held is not None and sides[held] == Side.A,
        rest=covered.rest,
        not_covered=[records[pk] for pk in covered.not_covered],
        superseded=superseded,
        joining=joining,
        seal=seal_of(covered.applied, [match.pk for match in superseded]),
    )


def seal_of(applied: Mapping[int, int], superseded: Sequence[int]) -> str:
    facts = json.dumps([sorted(applied.items()), sorted(superseded)])
    return hashlib.sha256(facts.encode()).hexdigest()[:24]


def match_as_shown(
    *,
    run: Run,
    item_ids: Sequence[UUID],
    entry_ids: Sequence[UUID],
    note: str,
    seal: str,
    by: Actor,
    at: datetime,
) -> Made:
    """Match by hand, but only with the outcome that the person saw: Conflict "match.changed" takes it all back."""
    made = match_manual(run=run, item_ids=item_ids, entry_ids=entry_ids, note=note, by=by, at=at)
    applied = dict(MatchMember.objects.filter(match=made.match).values_list("record_id", "applied"))
    superseded = list(Match.objects.filter(superseded_by=made.match.pk).values_list("pk", flat=True))
    if seal_of(applied, superseded) != seal:
        raise Conflict(
            _(
                "What is open has changed since you looked, so nothing was matched. See below what it would be now."
            ),
            code="match.changed",
        )
    return made
