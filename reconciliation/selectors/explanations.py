"""Why records match, and why not: what each rule says of them, who has them, whether they were refused, how sure it is.

Computed from the stored revision and the stored records, so a match's explanation is the same for ever. Reads only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from ledgers.models import Record
from organizations.refusals import Invalid
from reconciliation.matching import records_named, rule_spec, sign_mode
from reconciliation.models import Match, MatchMember, OpenItem, RejectedGroup
from reconciliation.selectors.confidence import Confidence, confidence_of
from rules.engine import RuleErrors, columns_needed
from rules.engine.explain import explain
from rules.engine.explained import Explained
from rules.models import Reconciliation, RuleRevision
from rules.selectors import current_revisions
from rules.states import Side

RECORDS_MAX = 1_000
"""Records per side that may be asked about."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one revision of a rule says. `error`: why it cannot be asked (a rule of an older language)."""

    revision: RuleRevision
    said: Explained | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`taken`: the live match that has a record, `closed`: its item that a person closed, both by record id. `match`: the
    match with exactly these records, if there is one; only it has a confidence."""

    reconciliation: Reconciliation
    side_a: list[int]
    side_b: list[int]
    rules: list[Said]
    match: Match | None = None
    taken: dict[int, Match] = field(default_factory=dict)
    closed: dict[int, OpenItem] = field(default_factory=dict)
    refused: bool = False
    confidence: Confidence | None = None

    @property
    def record_ids(self) -> list[int]:
        return [*self.side_a, *self.side_b]


def explain_match(match: Match) -> Explanation:
    """By the revision that made it. A match by a person has no rule to ask."""
    members = (
        MatchMember.objects.filter(match_id=match.pk).order_by("record_id").values_list("record_id", "side")
    )
    sides: dict[str, list[int]] = {Side.A: [], Side.B: []}
    for record, side in members:
        sides[side].append(record)
    revisions = [match.rule_revision] if match.rule_revision is not None else []
    reconciliation, side_a, side_b = match.reconciliation, sides[Side.A], sides[Side.B]
    return Explanation(
        reconciliation,
        side_a,
        side_b,
        _said(reconciliation, revisions, side_a, side_b),
        match=match,
        taken={} if match.is_live else _taken(reconciliation, [*side_a, *side_b]),
        closed=_closed(reconciliation, [*side_a, *side_b]),
        refused=_refused(reconciliation, side_a, side_b),
        confidence=confidence_of(match, side_a, side_b),
    )


def explain_records(
    reconciliation: Reconciliation, *, side_a: Sequence[int], side_b: Sequence[int]
) -> Explanation:
    """Whether these records would match as one group, by each active rule. Raises Invalid where one of them is no record
    of that side ("record.unknown")."""
    a, b = sorted(set(side_a)), sorted(set(side_b))
    _refuse_unknown(reconciliation, {"side_a": list(side_a), "side_b": list(side_b)})
    taken = _taken(reconciliation, [*a, *b])
    match = _exactly(taken, a, b)
    return Explanation(
        reconciliation,
        a,
        b,
        _said(reconciliation, current_revisions(reconciliation), a, b),
        match=match,
        taken=taken,
        closed=_closed(reconciliation, [*a, *b]),
        refused=_refused(reconciliation, a, b),
        confidence=confidence_of(match, a, b) if match is not None else None,
    )


def _refuse_unknown(reconciliation: Reconciliation, asked: dict[str, list[int]]) -> None:
    """Records of another organization, stream or side are as unknown as those that never were."""
    issues = []
    for name, side in (("side_a", Side.A), ("side_b", Side.B)):
        rows = Record.objects.filter(
            pk__in=asked[name],
            voided_at__isnull=True,
            stream__wiring__reconciliation=reconciliation,
            stream__wiring__side=side,
        )
        known = set(rows.values_list("pk", flat=True))
        message = _("There is no such record on side %(side)s of this reconciliation.") % {
            "side": side.upper()
        }
        issues += [
            {"path": [name, place], "message": message}
            for place, pk in enumerate(asked[name])
            if pk not in known
        ]
    if issues:
        raise Invalid(str(issues[0]["message"]), code="record.unknown", issues=issues)


def _said(
    reconciliation: Reconciliation, revisions: Sequence[RuleRevision], side_a: list[int], side_b: list[int]
) -> list[Said]:
    rules, errors = {}, {}
    for revision in revisions:
        try:
            rules[revision.pk] = rule_spec(revision)
        except RuleErrors as error:
            errors[revision.pk] = str(error)
    columns_a, columns_b = columns_needed(rules.values())
    a = records_named(reconciliation, side_a, columns_a)
    b = records_named(reconciliation, side_b, columns_b)
    mode = sign_mode(reconciliation)
    return [
        Said(revision, explain(rules[revision.pk], a, b, sign_mode=mode))
        if revision.pk in rules
        else Said(revision, None, errors[revision.pk])
        for revision in revisions
    ]


def _taken(reconciliation: Reconciliation, ids: list[int]) -> dict[int, Match]:
    members = MatchMember.objects.filter(reconciliation=reconciliation, record_id__in=ids, live=True)
    of = dict(members.values_list("record_id", "match_id"))
    rows = Match.objects.select_related("rule_revision__rule", "reconciliation")
    found = rows.in_bulk(set(of.values()))
    return {record: found[match] for record, match in sorted(of.items())}


def _exactly(taken: dict[int, Match], side_a: list[int], side_b: list[int]) -> Match | None:
    """The live match that has just these records."""
    ids = {*side_a, *side_b}
    matches = {match.pk: match for match in taken.values()}
    if len(matches) != 1 or set(taken) != ids:
        return None
    (match,) = matches.values()
    return match if match.record_count == len(ids) else None


def _closed(reconciliation: Reconciliation, ids: list[int]) -> dict[int, OpenItem]:
    items = OpenItem.objects.filter(reconciliation=reconciliation, record_id__in=ids).closed()
    return {item.record_id: item for item in items.order_by("record_id")}


def _refused(reconciliation: Reconciliation, side_a: list[int], side_b: list[int]) -> bool:
    """Whether a person judged that exactly these do not belong together."""
    rows = RejectedGroup.objects.filter(
        reconciliation=reconciliation, side_a__contains=side_a, side_b__contains=side_b
    )
    return (
        rows.filter(side_a__len=len(side_a), side_b__len=len(side_b)).exists() if side_a and side_b else False
    )
