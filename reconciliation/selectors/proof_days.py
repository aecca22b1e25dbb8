"""The proof of a ledger day by day as pages show it: which days tie out, which do not and by how much. For the page of a
run and the dashboard.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Max, Min
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from ledgers.amounts import shown
from ledgers.models import Ledger, Record, SourceFile
from reconciliation.models import Run
from reconciliation.selectors.items import item_lines, source_file_ids
from reconciliation.selectors.ledger_proof import Break, LedgerProof, breaks_of, proof_days

DAYS_MAX = 62
BREAKS_SHOWN = 5

TIES, BROKEN, UNCONFIRMED = "ties", "broken", "unconfirmed"
MARKS = {TIES: "✓", BROKEN: "≠", UNCONFIRMED: "?"}


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the strip. `broke`: what its unexplained amount changed by, where it did."""

    proof: LedgerProof
    broke: int = 0
    current: bool = False

    @property
    def state(self) -> str:
        if self.proof.unexplained:
            return BROKEN
        return TIES if self.proof.ties_out else UNCONFIRMED

    @property
    def mark(self) -> str:
        return MARKS[self.state]

    @property
    def words(self) -> str:
        """The day in a sentence, for those who don't see colours."""
        proof = self.proof
        text = {
            TIES: _("it ties out"),
            BROKEN: _("%(amount)s unexplained")
            % {"amount": shown(proof.unexplained, proof.decimal_places, proof.currency)},
            UNCONFIRMED: _("explained, but the opening balance is not confirmed"),
        }[self.state]
        if proof.closing is None:
            return _("%(what)s; the bank states no balance") % {"what": text}
        return text if proof.stated else _("%(what)s; no statement ends on this day") % {"what": text}


@dataclass(frozen=True, slots=True)
class Strip:
    """Days of a ledger's proof with the one that is looked at."""

    ledger: Ledger
    days: list[Day]
    chosen: Day
    breaks: list[Break]
    asked: bool
    """Whether a person chose that day."""
    shortened: bool

    @property
    def worst(self) -> Day:
        """The newest day, which carries what broke before."""
        return self.days[-1]

    @property
    def since(self) -> date:
        return self.days[0].proof.day

    @property
    def until(self) -> date:
        return self.days[-1].proof.day


def run_strip(run: Run, chosen: str) -> Strip | None:
    """The days of the run, the last ones of a long period; None before there is a line."""
    since, until = run_span(run)
    return strip_of(run.ledger, since, until, chosen=chosen) if since and until else None


def run_span(run: Run) -> tuple[date | None, date | None]:
    """The first and the last day that the run's files state; files that name no period: of their lines."""
    files = SourceFile.objects.filter(pk__in=source_file_ids(run))
    named = files.aggregate(since=Min("statement_from"), until=Max("statement_to"))
    if named["since"] is not None and named["until"] is not None:
        return named["since"], named["until"]
    lines = Record.objects.filter(pk__in=item_lines(run).order_by().values("record_id"))
    span = lines.aggregate(since=Min("date"), until=Max("date"))
    return span["since"], span["until"]


def strip_of(
    ledger: Ledger, since: date, until: date, *, chosen: str = "", days_max: int = DAYS_MAX
) -> Strip:
    first = max(since, until - timedelta(days=days_max - 1))
    if ledger.opening_balance_on is not None:  # days before it are not proved
        first = min(max(first, ledger.opening_balance_on), until)
    proofs = proof_days(ledger, since=first, until=until)
    breaks = breaks_of(proofs)
    broke = {found.day: found.amount for found in breaks}
    wanted = _day(chosen)
    shown_day = wanted if any(proof.day == wanted for proof in proofs) else until
    days = [Day(proof, broke.get(proof.day, 0), proof.day == shown_day) for proof in proofs]
    return Strip(
        ledger=ledger,
        days=days,
        chosen=next(day for day in days if day.current),
        breaks=breaks[:BREAKS_SHOWN],
        asked=bool(wanted),
        shortened=first > since,
    )


def newest_strips(organization_id: int, *, ledgers_max: int, days: int) -> list[tuple[Run, Strip]]:
    """The last days of the ledgers that were worked on last, each with its newest run."""
    runs = Run.objects.live().filter(organization_id=organization_id, sources__live=True)
    newest = runs.order_by("ledger_id", "-created_at", "-pk").distinct("ledger_id").values("pk")
    rows = Run.objects.filter(pk__in=newest).select_related("ledger").order_by("-created_at", "-pk")
    found = []
    for run in rows[:ledgers_max]:
        _since, until = run_span(run)
        if until is not None:
            found.append((run, strip_of(run.ledger, until - timedelta(days=days - 1), until)))
    return found


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:  # well formed, but no day: 2026-02-31
        return None
