"""What cold start says to people, from templates that state its figures. Pure; called by services.proposing."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from rules.conditions import NAME_MAX, Sides, name_for, words_of
from rules.engine.cold_start import Proposal, Step


def step_words(step: Step) -> str:
    """One step of the search as a sentence."""
    texts = {
        "read": _(
            "%(a)s open records of Side A and %(b)s of Side B, over %(weeks)s weeks; %(sampled)s of Side A are looked at closely."
        ),
        "too_short": _(
            "%(a)s open records of Side A and %(b)s of Side B: one side has none, or Side B's are all of one week, so that"
            " nothing tells what agrees by accident."
        ),
        "again": _("Proposed rule %(number)s, measured again, finds %(found)s."),
        "forms": _("Round %(round)s: %(forms)s ways of comparing texts join the two sides."),
        "tried": _("Round %(round)s: %(rules)s rules tried."),
        "found": _("Round %(round)s: a rule that finds %(found)s."),
        "nothing_more": _("Nothing more is worth proposing. Rules proposed: %(proposals)s."),
    }
    return texts[step.name] % {name: _count(figure) for name, figure in step.figures.items()}


def name_of(proposal: Proposal) -> str:
    """A name that tells proposals apart at a glance."""
    name = name_for(proposal.body["filters"])
    if not proposal.is_pairs:
        name = _("%(fields)s, added up") % {"fields": name}
    elif not proposal.is_equal:
        name = _("%(fields)s, amounts may differ") % {"fields": name}
    return name[:NAME_MAX]


def description_of(proposal: Proposal) -> str:
    """Why it is proposed: the figures that it hangs on."""
    figures = {
        "matched": _count(proposal.matched),
        "sampled": _count(proposal.sampled),
        "pairs": _count(proposal.pairs),
        "accident": f"{proposal.by_accident:,.1f}",
        "precision": _percent(proposal.precision),
        "low": _percent(proposal.lower_bound),
    }
    if proposal.is_pairs:
        found = _(
            "Finds a sole partner for %(matched)s of %(sampled)s open records of Side A that were looked at; %(accident)s are"
            " expected by accident."
        )
    else:
        found = _(
            "%(pairs)s groups add up, with %(matched)s of %(sampled)s open records of Side A that were looked at; %(accident)s"
            " groups are expected by accident."
        )
    right = _("Right in an estimated %(precision)s, and in at least %(low)s with a certainty of 95%%.")
    return f"{found} {right}" % figures


def reasoning_of(proposals: Sequence[Proposal], last: Step, sides: Sides) -> str:
    """What was found, rule by rule, or why nothing is proposed."""
    if not proposals:
        return step_words(last) if last.name == "too_short" else _nothing()
    return "\n".join(
        f"{number}. {_conditions(proposal, sides)}. {description_of(proposal)}"
        for number, proposal in enumerate(proposals, start=1)
    )


def _nothing() -> str:
    return _(
        "No rule is proposed: whatever was tried finds hardly more than what agrees by accident when Side B's records stand in"
        " other weeks, or less than what is needed to tell."
    )


def _conditions(proposal: Proposal, sides: Sides) -> str:
    return "; ".join(text for depth, text in words_of(proposal.body["filters"], sides) if depth)


def _count(number: int) -> str:
    return f"{number:,}"


def _percent(share: float) -> str:
    """Rounded down: never more than was measured."""
    return f"{int(share * 1000) / 10:.1f}%"
