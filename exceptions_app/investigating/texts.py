"""Findings in sentences that a person can act on: what was found, how sure that is, and what to do. Made of the facts that
the engine stated and of the records themselves; read by the API, the back office and the recommendation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from exceptions_app.models import Finding
from ledgers.amounts import shown
from ledgers.models import Record
from rules.engine.investigation import Cause
from rules.states import ReconciliationKind

NAMED_MAX = 6
"""Suggested records that a sentence names one by one."""
LABEL_MAX = 40
Records = Mapping[int, Record]

CAUSE_WORDS: dict[str, Any] = {
    Cause.EQUAL_AMOUNT: gettext_lazy("equal amount that no rule took"),
    Cause.OUTSIDE_WINDOW: gettext_lazy("equal amount, too many days apart"),
    Cause.SWAPPED_DIGITS: gettext_lazy("swapped digits"),
    Cause.SIGN_SLIP: gettext_lazy("opposite sign"),
    Cause.DECIMAL_SLIP: gettext_lazy("misplaced decimal point"),
    Cause.FEE: gettext_lazy("fee taken off"),
    Cause.SPLIT_PAYMENT: gettext_lazy("paid in parts"),
    Cause.COMBINED_PAYMENT: gettext_lazy("paid together with others"),
    Cause.OTHER_CURRENCY: gettext_lazy("other currency"),
    Cause.DUPLICATE: gettext_lazy("duplicate of a matched record"),
    Cause.SAME_REFERENCE: gettext_lazy("same reference elsewhere"),
}
"""What people call a cause, in the middle of a sentence."""

SURENESS: tuple[tuple[float, Any], ...] = (
    (0.95, gettext_lazy("Very likely")),
    (0.75, gettext_lazy("Likely")),
    (0.4, gettext_lazy("Possible")),
    (0.0, gettext_lazy("A weak hint")),
)


def finding_text(finding: Finding, records: Records) -> str:
    """One finding in a few sentences. `records`: its record and the suggested ones by id. Reads the finding's investigation
    with its exception and reconciliation: have them selected."""
    facts = finding.facts
    say = SENTENCES.get(finding.cause)
    said = [say(_Told(finding, records)) if say is not None else str(cause_words(finding.cause))]
    if waits := facts.get("suggestion"):
        said.append(_("Suggestion %(id)s has one of them and waits for a decision.") % {"id": waits})
    if rivals := facts.get("rivals"):
        said.append(
            ngettext(
                "%(n)s other record fits about as well: compare first.",
                "%(n)s other records fit about as well: compare first.",
                rivals,
            )
            % {"n": f"{rivals:,}"}
        )
    said.append(f"{sureness(finding.confidence)}.")
    return " ".join(said)


def cause_words(cause: str) -> str:
    return str(CAUSE_WORDS.get(cause, cause.replace("_", " ")))


def sureness(confidence: float) -> str:
    """ "Very likely (97%)". Never 100%: it is an estimate."""
    word = next(word for least, word in SURENESS if confidence >= least)
    return f"{word} ({min(int(confidence * 100), 99)}%)"


def record_text(
    record_id: int, records: Records, *, measure: str = "signed_amount", part: int | None = None
) -> str:
    """ "record 902 (2026-03-01, 17.50 USD, Order 17)". `measure`: which of its amounts the reconciliation compares; `part`: what
    was open of it, told where it was not all ("7.50 USD of 17.50 USD")."""
    record = records.get(record_id)
    if record is None:
        return _("record %(id)s") % {"id": record_id}
    whole = getattr(record, measure)
    amount = shown(whole, record.decimal_places, record.currency)
    if part is not None and abs(part) < abs(whole):
        amount = _("%(part)s of %(amount)s") % {
            "part": shown(part, record.decimal_places, record.currency),
            "amount": amount,
        }
    label = record.counterparty or record.reference or record.description or record.external_id
    told = ", ".join(part for part in (record.date.isoformat(), amount, _short(label)) if part)
    return _("record %(id)s (%(told)s)") % {"id": record_id, "told": told}


def listed(parts: Iterable[str]) -> str:
    """ "a, b and c"."""
    *firsts, last = parts
    return _("%(firsts)s and %(last)s") % {"firsts": ", ".join(firsts), "last": last} if firsts else last


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LABEL_MAX else f"{text[: LABEL_MAX - 1]}…"


class _Told:
    """What the sentences are filled with."""

    def __init__(self, finding: Finding, records: Records) -> None:
        self.finding, self.facts, self.records = finding, finding.facts, records
        self.reconciliation = finding.investigation.exception.reconciliation

    @property
    def is_ledger(self) -> bool:
        return self.reconciliation.kind == ReconciliationKind.LEDGER

    @property
    def record(self) -> str:
        text = self.named(self.finding.record_id)
        return text[:1].upper() + text[1:]

    def named(self, record_id: int) -> str:
        measure, part = self.reconciliation.measure, self._parts.get(record_id)
        return record_text(record_id, self.records, measure=measure, part=part)

    @property
    def _parts(self) -> dict[int, int | None]:
        """What was open of the records, where the facts say it of each by itself."""
        suggested, facts = self.finding.suggested, self.facts
        parts = {suggested[0]: facts.get("other_amount")} if len(suggested) == 1 else {}
        return parts | (
            {self.finding.record_id: facts.get("amount")}
            if self.finding.cause != Cause.COMBINED_PAYMENT
            else {}
        )

    @property
    def others(self) -> str:
        named = self.finding.suggested[:NAMED_MAX]
        told = [self.named(each) for each in named]
        if more := len(self.finding.suggested) - len(named):
            told.append(ngettext("%(n)s other", "%(n)s others", more) % {"n": more})
        return listed(told) if told else _("another record")

    @property
    def when(self) -> str:
        days = self.facts.get("days") or 0
        if not days:
            return _("on the same day")
        later = ngettext("%(n)s day later", "%(n)s days later", abs(days))
        earlier = ngettext("%(n)s day earlier", "%(n)s days earlier", abs(days))
        return (later if days > 0 else earlier) % {"n": abs(days)}

    def money(self, minor: int | None) -> str:
        record = self.records.get(self.finding.record_id)
        if record is None or minor is None:
            return "–"
        return shown(minor, record.decimal_places, record.currency)

    @property
    def left(self) -> str:
        return self.money(abs(self.finding.difference))

    @property
    def match_them(self) -> str:
        """What to do with two that differ, or do not."""
        if not self.finding.difference:
            return _("Match them.")
        if self.is_ledger:
            return _(
                "Post an entry for the %(left)s between them, or correct what is wrong; then match them."
            ) % {"left": self.left}
        return _("Match them with an adjustment for the %(left)s between them.") % {"left": self.left}

    @property
    def correct_it(self) -> str:
        if not self.finding.difference:
            return _("Look which one is right, then match them.")
        return _("Look which one is right and correct the other; then they match.")


def _equal_amount(told: _Told) -> str:
    return _("%(record)s: %(others)s has the same amount, %(when)s, and no rule took the two. %(do)s") % {
        "record": told.record,
        "others": told.others,
        "when": told.when,
        "do": told.match_them,
    }


def _outside_window(told: _Told) -> str:
    return _(
        "%(record)s: %(others)s has the same amount, %(when)s: further apart than the rules look. %(do)s"
    ) % {"record": told.record, "others": told.others, "when": told.when, "do": told.match_them}


def _swapped_digits(told: _Told) -> str:
    return _(
        "%(record)s: %(others)s has the digits %(other_digits)s where this one has %(digits)s, %(when)s:"
        " somebody swapped them. %(do)s"
    ) % {
        "record": told.record,
        "others": told.others,
        "digits": told.facts.get("digits", ""),
        "other_digits": told.facts.get("other_digits", ""),
        "when": told.when,
        "do": told.correct_it,
    }


def _sign_slip(told: _Told) -> str:
    return _("%(record)s: %(others)s has the same figure the other way round, %(when)s. %(do)s") % {
        "record": told.record,
        "others": told.others,
        "when": told.when,
        "do": told.correct_it,
    }


def _decimal_slip(told: _Told) -> str:
    amount, other = abs(told.facts.get("amount") or 0), abs(told.facts.get("other_amount") or 0)
    factor = told.facts.get("factor") or 1
    if amount > other:
        parts = {10: _("a tenth"), 100: _("a hundredth"), 1000: _("a thousandth")}
        size = _("%(part)s of it") % {"part": parts.get(factor, f"1/{factor}")}
    else:
        size = _("%(factor)s times as much") % {"factor": f"{factor:,}"}
    return _("%(record)s: %(others)s is %(size)s, %(when)s: a decimal point slipped. %(do)s") % {
        "record": told.record,
        "others": told.others,
        "size": size,
        "when": told.when,
        "do": told.correct_it,
    }


def _fee(told: _Told) -> str:
    post = _("Post an entry for the fee, then match them together.")
    adjust = _("Match them and create an adjustment for the fee.")
    said = _("%(record)s: %(others)s differs by a fee of %(fee)s%(schedule)s, %(when)s. %(do)s") % {
        "record": told.record,
        "others": told.others,
        "fee": told.money(abs(told.facts.get("fee") or told.finding.difference)),
        "schedule": _schedule(told),
        "when": told.when,
        "do": post if told.is_ledger else adjust,
    }
    if pairs := told.facts.get("schedule_pairs"):
        said += " " + ngettext(
            "%(n)s pair of these records follows the same schedule.",
            "%(n)s pairs of these records follow the same schedule.",
            pairs,
        ) % {"n": f"{pairs:,}"}
    return said


def _schedule(told: _Told) -> str:
    percent, fixed = told.facts.get("percent"), told.facts.get("fixed")
    parts = [f"{percent:.2f}".rstrip("0").rstrip(".") + "%" if percent else ""]
    parts.append(told.money(fixed) if fixed else "")
    told_parts = " + ".join(part for part in parts if part)
    return f" ({told_parts})" if told_parts else ""


def _split_payment(told: _Told) -> str:
    return _("%(record)s: %(others)s add up to it: it was paid in parts. %(sets)s%(do)s") % {
        "record": told.record,
        "others": told.others,
        "sets": _sets(told),
        "do": told.match_them,
    }


def _combined_payment(told: _Told) -> str:
    whole, siblings = told.finding.suggested[:1], told.finding.suggested[1:]
    together = listed(told.named(each) for each in siblings[:NAMED_MAX]) if siblings else ""
    return _(
        "%(record)s: together with %(siblings)s it adds up to %(whole)s: paid at once. %(sets)s%(do)s"
    ) % {
        "record": told.record,
        "siblings": together or _("others"),
        "whole": listed(told.named(each) for each in whole) if whole else "",
        "sets": _sets(told),
        "do": told.match_them,
    }


def _sets(told: _Told) -> str:
    sets, pool = told.facts.get("sets") or 0, told.facts.get("pool") or 0
    if told.facts.get("verdict") == "exhausted":
        return _("There may be other sets: the search ended at its budget. ")
    if sets > 1:
        least = "" if told.facts.get("sets_exact", True) else _("at least ")
        return _("It is one of %(least)s%(n)s sets of %(pool)s records that add up: compare them first. ") % {
            "least": least,
            "n": f"{sets:,}",
            "pool": f"{pool:,}",
        }
    return ""


def _other_currency(told: _Told) -> str:
    facts = told.facts
    rate = facts.get("rate")
    at_rate = _(" at a rate of %(rate)s") % {"rate": f"{rate:.6g}"} if rate and abs(rate - 1) > 1e-9 else ""
    return _(
        "%(record)s: %(others)s looks like the same payment in %(currency)s%(at_rate)s, %(when)s. A match is in one currency:"
        " have it booked in the currency of the other, then match them."
    ) % {
        "record": told.record,
        "others": told.others,
        "currency": facts.get("other_currency", ""),
        "at_rate": at_rate,
        "when": told.when,
    }


def _duplicate(told: _Told) -> str:
    return _(
        "%(record)s looks like a second copy of %(others)s, which match %(match)s has already. There is nothing to match it"
        " with: if it was entered twice, %(do)s."
    ) % {
        "record": told.record,
        "others": told.others,
        "match": told.facts.get("match", "–"),
        "do": _("close it") if told.is_ledger else _("delete it, or close it"),
    }


def _same_reference(told: _Told) -> str:
    about = {"record": told.record, "others": told.others, "shared": told.facts.get("shared", "")}
    if match := told.facts.get("match"):
        return _(
            "%(record)s: “%(shared)s” stands on %(others)s too, which match %(match)s has already. Look whether that match is"
            " right; if it is not, undo it and match these."
        ) % {**about, "match": match}
    return _(
        "%(record)s: “%(shared)s” stands on %(others)s too, and the amounts differ by %(left)s. %(do)s"
    ) % {
        **about,
        "left": told.left,
        "do": _("Find out why. If they belong together: %(do)s") % {"do": told.match_them},
    }


SENTENCES: dict[str, Callable[[_Told], str]] = {
    Cause.EQUAL_AMOUNT: _equal_amount,
    Cause.OUTSIDE_WINDOW: _outside_window,
    Cause.SWAPPED_DIGITS: _swapped_digits,
    Cause.SIGN_SLIP: _sign_slip,
    Cause.DECIMAL_SLIP: _decimal_slip,
    Cause.FEE: _fee,
    Cause.SPLIT_PAYMENT: _split_payment,
    Cause.COMBINED_PAYMENT: _combined_payment,
    Cause.OTHER_CURRENCY: _other_currency,
    Cause.DUPLICATE: _duplicate,
    Cause.SAME_REFERENCE: _same_reference,
}
"""What is said of each cause."""
