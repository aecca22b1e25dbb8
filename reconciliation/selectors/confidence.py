"""How a match's confidence comes about, as lines with their numbers: the figure on screen is reckoned from the lines."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ledgers.models import Record
from ledgers.money import format_minor
from reconciliation.matching import records_named, rule_spec, sign_mode
from reconciliation.models import Match
from reconciliation.states import MatchOrigin
from rules.engine import RuleErrors, RuleSpec, columns_needed
from rules.engine.confidence import IN_PART, stated
from rules.engine.explain_rival import Lost, lost_by
from rules.states import OnDifference, Side

LineName = Literal["ceiling", "rivals", "chance", "in_part"]
PLACES = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Line:
    """One factor: its number, and a sentence with it."""

    name: LineName
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """The record that would have been taken next, the side it stands on, and on what it lost (None: not known any more)."""

    record: Record
    side: str
    lost: Lost | None


@dataclass(frozen=True, slots=True)
class Confidence:
    """`value`: as stored. `reckoned`: from the lines, to three decimals; None where they were not kept. `note`: what is to
    be said beside them, or instead of them."""

    value: Decimal | None
    reckoned: Decimal | None
    lines: tuple[Line, ...]
    runner_up: RunnerUp | None
    note: str


def confidence_of(match: Match, side_a: list[int], side_b: list[int]) -> Confidence:
    """Of a match with these members (record ids)."""
    if match.rule_revision is None or match.origin == MatchOrigin.MANUAL:
        note = _("A person made this match; nothing was estimated.")
        return Confidence(match.confidence, None, (), None, note)
    score = float(match.rule_revision.body.get("score", 1))
    ceiling = Line("ceiling", score, _("The rule's ceiling is %(score)s.") % {"score": f"{score:.3g}"})
    if match.rivals is None or match.chance is None or match.rival_count is None:
        note = _("What its confidence was reckoned from was not kept at the time.")
        return Confidence(match.confidence, None, (ceiling,), None, note)
    runner_up = _runner_up(match, side_a, side_b)
    lines = [ceiling, _rivals(match, runner_up), _chance(match.chance)]
    in_part = _is_in_part(match)
    if in_part:
        text = _("The two sides differ: at most %(most)s, and a person decides.") % {"most": IN_PART}
        lines.append(Line("in_part", IN_PART, text))
    reckoned = Decimal(str(float(stated(score, match.rivals, match.chance, in_part)))).quantize(PLACES)
    return Confidence(match.confidence, reckoned, tuple(lines), runner_up, "")


def _is_in_part(match: Match) -> bool:
    assert match.rule_revision is not None
    differs = match.rule_revision.body.get("on_difference") == OnDifference.SUGGEST_PARTIAL
    return bool(differs and match.difference)


def _rivals(match: Match, runner_up: RunnerUp | None) -> Line:
    assert match.rivals is not None
    assert match.rival_count is not None
    if not match.rival_count:
        return Line("rivals", match.rivals, _("No other candidate."))
    text = ngettext("%(n)s rival", "%(n)s rivals", match.rival_count) % {"n": match.rival_count}
    if runner_up is not None and runner_up.lost is not None:
        text += ", " + _("the nearest %(how)s") % {"how": how_it_lost(runner_up.lost, match)}
    share = 1 / (1 + match.rivals)
    weighed = _("weighed by how near they come: %(rivals)s, so a share of %(share)s")
    text += "; " + weighed % {"rivals": f"{match.rivals:.2f}", "share": f"{share:.3f}"}
    return Line("rivals", match.rivals, text + ".")


def _chance(chance: float) -> Line:
    shown = "0" if chance == 0 else f"{chance:.2g}"
    text = _("%(n)s such records expected by accident, among what was open then.") % {"n": shown}
    return Line("chance", chance, text)


def how_it_lost(lost: Lost, match: Match) -> str:
    """In words: "3 days further away"."""
    if lost.was_nearer:
        return _("nearer, but taken by another match")
    if lost.by == "amount":
        amount = format_minor(lost.amount, match.currency)
        return _("%(amount)s %(currency)s further away") % {"amount": amount, "currency": match.currency}
    if lost.by == "days":
        return ngettext("%(n)s day further away", "%(n)s days further away", lost.days) % {"n": lost.days}
    return _("as near, but younger") if lost.by == "age" else _("the same in all, but came later")


def _runner_up(match: Match, side_a: list[int], side_b: list[int]) -> RunnerUp | None:
    """With the side it stands on now; None where there was none, or it is no record of the reconciliation any more."""
    if match.runner_up is None:
        return None
    found = Record.objects.filter(
        pk=match.runner_up, voided_at__isnull=True, stream__wiring__reconciliation_id=match.reconciliation_id
    )
    record = found.select_related("stream").first()
    if record is None:
        return None
    wired = record.stream.wiring.filter(reconciliation_id=match.reconciliation_id).values_list(
        "side", flat=True
    )
    side = wired.first() or Side.A
    return RunnerUp(record, side, _lost(match, record.pk, side, side_a, side_b))


def _lost(match: Match, record: int, side: str, side_a: list[int], side_b: list[int]) -> Lost | None:
    if len(side_a) != 1 or len(side_b) != 1:
        return None
    rule = _rule(match)
    if rule is None:
        return None
    kept, partner = (side_a, side_b) if side == Side.A else (side_b, side_a)
    columns = set().union(*columns_needed([rule]))
    frames = [records_named(match.reconciliation, ids, columns) for ids in (kept, [record], partner)]
    return lost_by(
        rule,
        kept=frames[0],
        runner_up=frames[1],
        partner=frames[2],
        side="a" if side == Side.A else "b",
        sign_mode=sign_mode(match.reconciliation),
    )


def _rule(match: Match) -> RuleSpec | None:
    assert match.rule_revision is not None
    try:
        return rule_spec(match.rule_revision)
    except RuleErrors:
        return None  # a rule of an older language; it is shown as it was stored
