"""What the page of one exception shows beside its facts: figures, its records with their filters, comments, and what
investigations found. Read by the queue's page class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from exceptions_app.admin.cells import BAR_WIDTH, bars_of, days_words, investigation_chip, oldest_days
from exceptions_app.admin.findings import Facing, facings_of
from exceptions_app.admin.forms import comment_form, members_of
from exceptions_app.admin.links import record_urls
from exceptions_app.investigating.texts import cause_words, sureness
from exceptions_app.models import Finding, Investigation, ReconciliationException
from exceptions_app.selectors.aggregates import aggregates_of
from exceptions_app.selectors.exceptions import Attached, attached_to
from exceptions_app.selectors.filters import NAMES, ExceptionFilter, read_filter
from exceptions_app.selectors.investigations import investigations_of
from exceptions_app.selectors.records import Place, SliceRecord, exception_records
from exceptions_app.states import AgeBucket, InvestigationStatus, Outcome
from ledgers.amounts import MINUS, read
from ledgers.models import Record
from organizations.models import User
from organizations.refusals import Refusal

RECORDS_SHOWN = 25
AMOUNTS = ("amount_min", "amount_max")
EARLIER_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A record of the slice as the table shows it."""

    found: SliceRecord
    url: str
    days: str
    is_new: bool
    cause: str
    finding_id: int | None

    @property
    def finding_place(self) -> str:
        """Where the list of findings begins so that this one is first."""
        return f">{self.finding_id - 1}" if self.finding_id is not None else ""

    @property
    def record(self) -> Record:
        return self.found.record

    @property
    def is_part(self) -> bool:
        return abs(self.found.amount) != abs(self.record.signed_amount)


@dataclass(slots=True)
class Asked:
    """The filter as the address has it: amounts in whole units as people write them. `problems`: what could not be read,
    by name."""

    values: dict[str, str] = field(default_factory=dict)
    filters: ExceptionFilter = field(default_factory=ExceptionFilter)
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def query(self) -> str:
        """The same as an address has it, without a place in the list."""
        query = QueryDict(mutable=True)
        query.update({name: value for name, value in self.values.items() if value})
        return query.urlencode()

    @property
    def hidden(self) -> list[tuple[str, Any]]:
        """As the acts take it: in minor units."""
        return list(self.filters.as_json().items())


def page_context(request: HttpRequest, obj: ReconciliationException, *, at: datetime) -> dict[str, Any]:
    asked = asked_filter(request.GET, obj)
    whole = aggregates_of([obj], at=at, filters=asked.filters if asked.filters else None)[obj.pk]
    attached = attached_to([obj])[obj.pk]
    newest = _chosen(request, obj, attached)
    rows, after = _rows(request, obj, asked, newest, at=at)
    people = members_of(obj.reconciliation.organization_id)
    return {
        "found": whole,
        "filtered": whole.filtered,
        "oldest": days_words(oldest_days(whole, at)),
        "buckets": bars_of(whole),
        "width": BAR_WIDTH,
        "average": f"{whole.figures.avg_age_days:.1f}",
        "asked": asked,
        "asked_ages": [(bucket.value, bucket.label) for bucket in AgeBucket],
        "rows": rows,
        "after": after,
        "is_first": "after" not in request.GET,
        "comments": _with_mentions(obj, attached),
        "owners": [each.user for each in attached.assignees],
        "comment_form": comment_form(people)(auto_id="comment_%s"),
        **_investigation_context(request, newest),
        "earlier": _earlier(obj, newest),
    }


def _with_mentions(obj: ReconciliationException, attached: Attached) -> list[Any]:
    """Each comment with `mentioned`: the names of whom it is for."""
    named = {user.pk for comment in attached.comments for user in comment.mentions.all()}
    names = {user.pk: user.shown_name for user in User.objects.filter(pk__in=named)} if named else {}
    comments: list[Any] = list(attached.comments)
    for comment in comments:
        comment.mentioned = ", ".join(names[user.pk] for user in comment.mentions.all())
    return comments


# --- records ---------------------------------------------------------------------------------------------------------------


def asked_filter(query: Mapping[str, str], obj: ReconciliationException) -> Asked:
    """Each of the seven that can be read holds; of the others the page says why not."""
    asked = Asked({name: (query.get(name) or "").strip() for name in NAMES})
    given: dict[str, Any] = {}
    for name, text in asked.values.items():
        value: Any = text
        if text and name in AMOUNTS:
            value = _minor(text, _places(obj))
            if value is None:
                asked.problems[name] = _("Write an amount like 1250.00, or −1250.00 for a debit.")
                continue
        try:
            read_filter({name: value})
        except Refusal as refusal:
            asked.problems[name] = str(refusal.issues[0]["message"])
            continue
        given[name] = value
    asked.filters = read_filter(given)
    return asked


def _minor(text: str, places: int) -> int | None:
    minor = read(text, places)
    if minor is None:
        return None
    return -minor if text[:1] in ("-", MINUS) else minor


def _places(obj: ReconciliationException) -> int:
    """The decimals in which amounts of this stream are written."""
    found = (
        Record.objects.filter(stream=obj.stream_id).order_by("-pk").values_list("decimal_places", flat=True)
    )
    return found[:1][0] if found[:1] else 2


def _rows(
    request: HttpRequest,
    obj: ReconciliationException,
    asked: Asked,
    investigation: Investigation | None,
    *,
    at: datetime,
) -> tuple[list[Row], str]:
    """A page of the slice, the longest overdue first, and the place behind it. Five queries."""
    found = exception_records(
        obj,
        filters=asked.filters,
        behind=read_place(request.GET.get("after", "")),
        limit=RECORDS_SHOWN + 1,
        at=at,
    )
    shown = found[:RECORDS_SHOWN]
    urls = record_urls({each.record.pk: each.record for each in shown})
    firsts: dict[int, Finding] = {}
    if investigation is not None:
        ids = [each.record.pk for each in shown]
        best = Finding.objects.filter(investigation=investigation, record_id__in=ids, rank=1)
        firsts = {each.record_id: each for each in best}
    rows = [
        Row(
            each,
            urls.get(each.record.pk, ""),
            days_words((at - each.overdue_at).days),
            obj.closed_at is not None
            and (each.overdue_seen_at is None or each.overdue_seen_at > obj.closed_at),
            cause_words(firsts[each.record.pk].cause) if each.record.pk in firsts else "",
            firsts[each.record.pk].pk if each.record.pk in firsts else None,
        )
        for each in shown
    ]
    return rows, write_place(shown[-1].place) if len(found) > RECORDS_SHOWN else ""


def write_place(place: Place) -> str:
    return f"{place.overdue_at.isoformat()}_{place.record_id}"


def read_place(text: str) -> Place | None:
    """None for what no page of ours has written: the first page."""
    instant, _sign, number = text.rpartition("_")
    try:
        found = Place(datetime.fromisoformat(instant), int(number))
    except ValueError:
        return None
    return found if found.overdue_at.tzinfo is not None and 0 <= found.record_id < 2**63 else None


# --- investigations --------------------------------------------------------------------------------------------------------


def _chosen(request: HttpRequest, obj: ReconciliationException, attached: Attached) -> Investigation | None:
    """The one that the address names, else the newest."""
    asked = request.GET.get("investigation", "")
    if asked.isascii() and asked.isdigit() and len(asked) < 19:
        named = investigations_of(obj).filter(pk=int(asked)).first()
        if named is not None:
            return named
    return attached.investigations[0] if attached.investigations else None


def _investigation_context(request: HttpRequest, found: Investigation | None) -> dict[str, Any]:
    if found is None:
        return {"investigation": None}
    facings: list[Facing] = []
    before = after = ""
    if found.status == InvestigationStatus.COMPLETED:
        facings, before, after = facings_of(found, request.GET.get("finding", ""))
    return {
        "investigation": found,
        "outcome": investigation_chip(found),
        "recommended": _recommended(found),
        "sure": sureness(found.confidence) if found.confidence else "",
        "counted": _counted(found),
        "facings": facings,
        "finding_page": {"before": before, "after": after},
        "finding_base": f"investigation={found.pk}",
    }


def _recommended(found: Investigation) -> tuple[str, list[str]]:
    """The text's first line, which sums it up, and the others."""
    first, *others = found.recommendation_text.splitlines() or [""]
    return first, others


def _counted(found: Investigation) -> list[tuple[str, int]]:
    """Records by outcome."""
    outcomes = found.summary.get("outcomes", {}) if isinstance(found.summary, dict) else {}
    counts = ((name, outcomes.get(name, {}).get("records", 0)) for name in Outcome.values)
    return [(str(Outcome(name).label), count) for name, count in counts]


def _earlier(obj: ReconciliationException, shown: Investigation | None) -> list[tuple[Investigation, str]]:
    rows = investigations_of(obj)[:EARLIER_SHOWN]
    return [(row, investigation_chip(row)) for row in rows if shown is None or row.pk != shown.pk]
