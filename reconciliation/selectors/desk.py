"""What the review desk of a run asks: proposals with both sides facing each other, free lines and entries, tallies."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from ledgers.amounts import read
from ledgers.models import Record, StatementLine
from ledgers.selectors import entry_rows
from reconciliation.models import Match, MatchMember, OpenItem, Run, RunSource
from reconciliation.selectors.items import item_rows
from reconciliation.selectors.matches import Members, matches_of
from reconciliation.states import MatchStatus
from rules.states import Side


@dataclass(frozen=True, slots=True)
class Party:
    """A record in a match: which of its facts differ from the other side (date, amount, reference, description), and how
    much of it the match covers, in minor units with the record's sign. `token`: its open item, where a live match leaves
    a rest of it."""

    record: Record
    differs: frozenset[str]
    covered: int = 0
    token: OpenItem | None = None

    @property
    def day(self) -> date:
        return day_of(self.record)

    @property
    def rest(self) -> int:
        """What the match does not cover, with the record's sign."""
        return self.record.effect - self.covered


@dataclass(frozen=True, slots=True)
class Facing:
    """A match with the statement's lines and the ledger's entries facing each other."""

    match: Match
    lines: list[Party]
    entries: list[Party]
    days: int
    """The most days between a line and the entry next to it in time."""

    @property
    def percent(self) -> int:
        """The match's confidence; a person's own match is certain."""
        confidence = self.match.confidence
        return 100 if confidence is None else int(confidence * 100)

    @property
    def label(self) -> str:
        """What a person calls it: the first line's reference, else its text."""
        first = next(iter((*self.lines, *self.entries)), None)
        return name_of(first.record) if first is not None else str(self.match)

    @property
    def held(self) -> tuple[Party, bool] | None:
        """The one member that is covered in part, and whether it is a line."""
        for parties, is_line in ((self.lines, True), (self.entries, False)):
            for party in parties:
                if party.rest:
                    return party, is_line
        return None


def facing_of(matches: Sequence[Match]) -> list[Facing]:
    """These matches with their members; two queries."""
    ids = [match.pk for match in matches]
    rows: dict[int, list[MatchMember]] = defaultdict(list)
    members = MatchMember.objects.filter(match_id__in=ids).select_related("record")
    for row in members.order_by("record__date", "record_id"):
        rows[row.match_id].append(row)
    rests = {(row.held_by, row.record_id): row for row in OpenItem.objects.filter(held_by__in=ids)}
    return [_faced_rows(match, rows[match.pk], rests) for match in matches]


def _faced_rows(
    match: Match, rows: Sequence[MatchMember], rests: Mapping[tuple[int | None, int], OpenItem]
) -> Facing:
    sides = Members(
        [row.record for row in rows if row.side == Side.A],
        [row.record for row in rows if row.side == Side.B],
    )
    applied = {row.record_id: abs(row.applied) for row in rows}
    return faced(match, sides, applied, {row.record_id: rests.get((match.pk, row.record_id)) for row in rows})


def faced(
    match: Match,
    members: Members,
    applied: Mapping[int, int] | None = None,
    tokens: Mapping[int, OpenItem | None] | None = None,
) -> Facing:
    """`applied`: how much of each record the match covers, without its sign; not given: all of it."""
    applied, tokens = applied or {}, tokens or {}

    def party(record: Record, others: Sequence[Record]) -> Party:
        covered = applied.get(record.pk, record.amount) * (-1 if record.effect < 0 else 1)
        differs = differences(record, others, amounts_differ=match.difference != 0)
        return Party(record, differs, covered, tokens.get(record.pk))

    return Facing(
        match,
        [party(record, members.b) for record in members.a],
        [party(record, members.a) for record in members.b],
        max((_days_apart(record, members.b) for record in members.a), default=0),
    )


def name_of(record: Record) -> str:
    """What a person calls a record: its reference, else its text, else its day."""
    return record.reference or record.description or str(record.date)


def day_of(record: Record) -> date:
    """The day that rules compare: an entry's value date, a line's booking date."""
    return (record.value_date or record.date) if record.journal_id is not None else record.date


def _days_apart(record: Record, others: Iterable[Record]) -> int:
    return min((abs((day_of(record) - day_of(other)).days) for other in others), default=0)


def differences(record: Record, others: Sequence[Record], *, amounts_differ: bool) -> frozenset[str]:
    """Which of a record's facts (date, amount, reference, description) none of the other side's has."""
    found = {
        "date": day_of(record) not in {day_of(other) for other in others},
        "amount": amounts_differ,
        "reference": not any(_same_reference(record, other) for other in others),
        "description": not any(_words(record) & _words(other) for other in others),
    }
    return frozenset(name for name, different in found.items() if different)


def _same_reference(one: Record, other: Record) -> bool:
    """Equal, or one stands in the other's text as whole words."""
    if _plain(one.reference) == _plain(other.reference):
        return True
    return _in_text(one.reference, other.description) or _in_text(other.reference, one.description)


def _in_text(reference: str, text: str) -> bool:
    words = _plain(reference)
    return bool(words) and bool(re.search(rf"(?<![^\W_]){re.escape(words)}(?![^\W_])", _plain(text)))


def _words(record: Record) -> set[str]:
    """Words of three letters or more in what either side says of it: banks and books never use the same sentence."""
    text = _plain(f"{record.description} {record.counterparty}")
    return {word for word in re.split(r"[\W_]+", text) if len(word) > 2} or {""}


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


# --- Lists ----------------------------------------------------------------------------------------------------


def matches_with(run: Run, *statuses: str) -> QuerySet[Match]:
    return matches_of(run).filter(status__in=statuses)


def searched_matches(matches: QuerySet[Match], text: str, places: int) -> QuerySet[Match]:
    """Those with a member that has the words in its texts, or the amount."""
    if not text.strip():
        return matches
    members = MatchMember.objects.filter(match_id=OuterRef("pk")).filter(_says(text, places, "record__"))
    return matches.filter(Exists(members))


ALL, FREE, HELD = "all", "free", "held"
"""Which open records: all, those in no match, those that a match covers in part."""


def open_lines(run: Run, text: str = "", *, which: str = ALL, places: int = 2) -> QuerySet[StatementLine]:
    """The run's statement lines that are not wholly matched, and that nobody closed."""
    tokens = _open_tokens(run, "record_id", which)
    return _searched(item_rows(run).filter(Exists(tokens)), text, places, "record__")


def closed_lines(run: Run, text: str = "", *, places: int = 2) -> QuerySet[StatementLine]:
    """With `held_by` where the closing wrote off what that match left."""
    return _searched(
        item_rows(run).filter(Exists(_tokens(run, "record_id").closed())), text, places, "record__"
    )


def free_entries(run: Run, text: str = "", *, places: int = 2) -> QuerySet[Record]:
    """The ledger's entries that no match of any run has, and that nobody closed."""
    return _searched(_entries(run).filter(Exists(_tokens(run, "pk").free())), text, places, "")


def open_entries(run: Run, text: str = "", *, which: str = ALL, places: int = 2) -> QuerySet[Record]:
    """The ledger's entries that no match of any run covers wholly, and that nobody closed, with what is left of each."""
    tokens = _open_tokens(run, "pk", which)
    rows = _with_token(_entries(run).filter(Exists(tokens)), run, "open_amount", "held_by")
    return _searched(rows, text, places, "")


def closed_entries(run: Run, text: str = "", *, places: int = 2) -> QuerySet[Record]:
    rows = _entries(run).filter(Exists(_tokens(run, "pk").closed()))
    closing = ("open_amount", "held_by", "closed_at", "closed_by", "close_reason", "close_note")
    return _searched(_with_token(rows, run, *closing), text, places, "")


def picked_lines(run: Run, ids: Iterable[UUID]) -> list[StatementLine]:
    """Of these lines, by their records' uuids, those still open."""
    return list(open_lines(run).filter(record__uuid__in=list(ids)).order_by("record__date", "record_id"))


def picked_entries(run: Run, ids: Iterable[UUID]) -> list[Record]:
    return list(open_entries(run).filter(uuid__in=list(ids)).order_by("date", "pk"))


def _entries(run: Run) -> QuerySet[Record]:
    return entry_rows(organization_id=run.organization_id, ledger_ids=[run.ledger_id])


def _open_tokens(run: Run, record: str, which: str) -> Any:
    tokens = _tokens(run, record)
    if which == ALL:
        return tokens.filter(closed_at__isnull=True)
    return tokens.held() if which == HELD else tokens.free()


def _with_token(rows: QuerySet[Record], run: Run, *columns: str) -> QuerySet[Record]:
    token = _tokens(run, "pk")
    return rows.annotate(**{name: Subquery(token.values(name)[:1]) for name in columns})


def _tokens(run: Run, record: str) -> Any:
    return OpenItem.objects.filter(reconciliation_id=run.reconciliation_id, record_id=OuterRef(record))


def _searched(rows: QuerySet[Any], text: str, places: int, beside: str) -> QuerySet[Any]:
    return rows.filter(_says(text, places, beside)) if text.strip() else rows


def _says(text: str, places: int, beside: str) -> Q:
    words, amount = text.strip(), read(text, places)
    texts = Q()
    for column in ("reference", "description", "counterparty"):
        texts |= Q(**{f"{beside}{column}__icontains": words})
    return texts if amount is None else texts | Q(**{f"{beside}amount": amount})


def sources_of(run: Run) -> QuerySet[RunSource]:
    """The run's files, failed ones too, without those that were deleted; newest first."""
    rows = RunSource.objects.filter(run=run, source_file__voided_at__isnull=True)
    return rows.select_related("source_file").order_by("-pk")


# --- What deleting a file would undo ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VoidPreview:
    lines: int
    matches: int
    accepted: int
    shared: int
    """Lines that another file states too: they stay, with their matches."""


def void_preview(run: Run, source_file_id: int) -> VoidPreview:
    lines = StatementLine.objects.live().filter(source_file_id=source_file_id)
    others = (
        StatementLine.objects.live()
        .filter(record_id=OuterRef("record_id"))
        .exclude(source_file_id=source_file_id)
    )
    counted = lines.aggregate(n=Count("record_id", distinct=True))["n"]
    shared = lines.filter(Exists(others)).aggregate(n=Count("record_id", distinct=True))["n"]
    members = MatchMember.objects.filter(
        reconciliation_id=run.reconciliation_id,
        side=Side.A,
        live=True,
        record_id__in=lines.filter(~Exists(others)).values("record_id"),
    )
    rows = Match.objects.live().filter(pk__in=members.values("match_id")).values("status")
    by_status = {row["status"]: row["n"] for row in rows.annotate(n=Count("pk"))}
    return VoidPreview(
        lines=counted,
        matches=sum(by_status.values()),
        accepted=by_status.get(MatchStatus.ACCEPTED, 0),
        shared=shared,
    )
