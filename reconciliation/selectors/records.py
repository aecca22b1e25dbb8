"""Lists of records over all streams of an organization, by every combination of filters, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledgers.models import BulkRequest, ImportBatch, Record
from ledgers.selectors.streams import stream_by_key
from reconciliation.models import Match
from reconciliation.selectors import record_walks as walks
from reconciliation.selectors.record_walks import Condition
from reconciliation.states import MatchStatus
from rules.models import Reconciliation

TOP = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """What is asked for; all of it must hold. Bounds are inclusive. `matched` in the named reconciliation, else anywhere."""

    data_stream_key: str | None = None
    match_id: int | None = None
    reconciliation_id: int | None = None
    external_id: str | None = None
    import_batch_id: int | None = None
    bulk_request_id: int | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    source: str | None = None
    matched: bool | None = None

    @property
    def is_scoped(self) -> bool:
        """Without one of these it would be a list of everything."""
        scopes = (self.data_stream_key, self.match_id, self.reconciliation_id, self.external_id)
        return any(one is not None for one in (*scopes, self.import_batch_id, self.bulk_request_id))

    @property
    def by_arrival(self) -> bool:
        """Whether records come in the order of their arrival, and not of their ids."""
        narrow = (self.match_id, self.external_id, self.import_batch_id, self.bulk_request_id)
        timed = self.created_after is not None or self.created_before is not None
        return timed and self.source is None and all(one is None for one in narrow)


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which record a page begins; `created_at` where the list is by arrival."""

    id: int
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What the filters name, found in the organization."""

    organization_id: int
    streams: Sequence[int] | None
    reconciliation: Reconciliation | None
    match: Match | None
    batches: Sequence[ImportBatch] | None


def records_page(
    organization_id: int, asked: RecordFilter, *, behind: Place | None, limit: int
) -> list[Record]:
    """At most `limit` records with their streams. What is named and not there has none.

    By id, the newest first; between instants by created_at and id. Details of a batch are never among them, an adjustment
    only among the members of its match.
    """
    scope = _scope(organization_id, asked)
    if scope is None:
        return []
    condition = _condition(scope, asked)
    if asked.by_arrival:
        ids = _arrived(scope, asked, condition, behind=behind, limit=limit)
    else:
        ids = _walk(scope, asked, condition, below=behind.id if behind is not None else TOP, limit=limit)
    rows = Record.objects.select_related("stream").in_bulk(ids)
    return [rows[pk] for pk in ids]


def named_reconciliation(organization_id: int, reconciliation_id: int) -> Reconciliation | None:
    rows = Reconciliation.objects.of(organization_id).live().select_related("ledger")
    return rows.filter(pk=reconciliation_id).first()


def _scope(organization_id: int, asked: RecordFilter) -> Scope | None:
    """None where something that is named is not there."""
    streams: set[int] | None = None
    if asked.data_stream_key is not None:
        stream = stream_by_key(organization_id=organization_id, key=asked.data_stream_key)
        if stream is None:
            return None
        streams = {stream.pk}
    reconciliation = None
    if asked.reconciliation_id is not None:
        reconciliation = named_reconciliation(organization_id, asked.reconciliation_id)
        if reconciliation is None:
            return None
        wired = set(reconciliation.wiring.values_list("stream_id", flat=True))
        streams = wired if streams is None else streams & wired
    match = None
    if asked.match_id is not None:
        live = Match.objects.live().filter(reconciliation__organization_id=organization_id)
        match = live.filter(pk=asked.match_id, reconciliation__voided_at__isnull=True).first()
        if match is None:
            return None
    batches = _batches(organization_id, asked)
    if batches is not None and not batches:
        return None
    return Scope(
        organization_id, None if streams is None else sorted(streams), reconciliation, match, batches
    )


def _batches(organization_id: int, asked: RecordFilter) -> list[ImportBatch] | None:
    if asked.import_batch_id is None and asked.bulk_request_id is None:
        return None
    rows = ImportBatch.objects.of(organization_id).live()
    if asked.import_batch_id is not None:
        rows = rows.filter(pk=asked.import_batch_id)
    if asked.bulk_request_id is not None:
        own = BulkRequest.objects.of(organization_id).filter(pk=asked.bulk_request_id)
        rows = rows.filter(bulk_request__in=own)
    if asked.source is not None:
        rows = rows.filter(source=asked.source)
    return list(rows.order_by("-last_record"))


def _condition(scope: Scope, asked: RecordFilter) -> Condition:
    """What is looked at row by row, whatever way the walk goes."""
    condition = Condition()
    condition.add("r.voided_at IS NULL")
    condition.add("r.kind = 'entry'" if scope.match is None else "r.kind <> 'detail'")
    if asked.created_after is not None:
        condition.add("r.created_at >= %s", asked.created_after)
    if asked.created_before is not None:
        condition.add("r.created_at <= %s", asked.created_before)
    return condition


def _arrived(
    scope: Scope, asked: RecordFilter, condition: Condition, *, behind: Place | None, limit: int
) -> list[int]:
    place = (behind.created_at, behind.id) if behind is not None and behind.created_at is not None else None
    if asked.matched is not None:
        ids = _few_standing(scope, asked.matched)
        if ids is not None:
            few = walks.arrived_of(ids, condition, behind=place, limit=limit)
            return [pk for _created, pk in few]
        here = scope.reconciliation.pk if scope.reconciliation is not None else None
        walks.standing(condition, matched=asked.matched, reconciliation_id=here)
    found = walks.by_arrival(
        scope.streams or [],
        condition,
        since=asked.created_after,
        until=asked.created_before,
        behind=place,
        limit=limit,
    )
    return [pk for _created, pk in found]


def _few_standing(scope: Scope, matched: bool) -> list[int] | None:
    """All records of the streams that are matched, or not, where they are few; None where they are many: then a walk by
    arrival soon meets enough of them."""
    most = walks.FEW_MATCHES
    down = _by_standing(scope, matched, _condition(scope, RecordFilter()), below=TOP, limit=most + 1)
    ids = walks.run(down, most + 1)
    return ids if len(ids) <= most else None


def _walk(scope: Scope, asked: RecordFilter, condition: Condition, *, below: int, limit: int) -> list[int]:
    """Down the narrowest thing that is named."""
    down = {"below": below, "limit": limit}
    narrow = scope.match is not None or scope.batches is not None or asked.external_id is not None
    if not narrow and asked.matched is None and asked.source is not None:
        return walks.of_source(
            scope.streams or [],
            asked.source,
            condition,
            since=asked.created_after,
            until=asked.created_before,
            **down,
        )
    if asked.source is not None and scope.batches is None:
        condition.add(
            "EXISTS (SELECT FROM ledgers_importbatch b WHERE b.id = r.import_batch_id AND b.source = %s"
            " AND b.voided_at IS NULL)",
            asked.source,
        )
    if not narrow and asked.matched is not None:
        return walks.run(_by_standing(scope, asked.matched, condition, **down), limit)
    if asked.matched is not None:
        here = scope.reconciliation.pk if scope.reconciliation is not None else None
        walks.standing(condition, matched=asked.matched, reconciliation_id=here)
    return walks.run([_narrowest(scope, asked, condition, **down)], limit)


def _narrowest(
    scope: Scope, asked: RecordFilter, condition: Condition, *, below: int, limit: int
) -> walks.Part:
    down = {"below": below, "limit": limit}
    if scope.match is None and scope.batches is None and asked.external_id is None:
        return walks.of_streams(scope.streams or [], condition, **down)
    if scope.streams is not None:
        condition.add("r.stream_id = ANY(%s)", list(scope.streams))
    if asked.external_id is not None and (scope.match is not None or scope.batches is not None):
        condition.add("r.external_id = %s", asked.external_id)
    if scope.batches is not None and scope.match is not None:
        condition.add("r.import_batch_id = ANY(%s)", [batch.pk for batch in scope.batches])
    if scope.match is not None:
        return walks.of_match(scope.match.pk, condition, **down)
    if scope.batches is not None:
        return walks.of_batches(scope.batches, condition, **down)
    own = "EXISTS (SELECT FROM ledgers_datastream ds WHERE ds.id = r.stream_id AND ds.organization_id = %s)"
    condition.add(own, scope.organization_id)
    return walks.of_external_id(asked.external_id or "", condition, **down)


def _by_standing(
    scope: Scope, matched: bool, condition: Condition, *, below: int, limit: int
) -> list[walks.Part]:
    """Matched and unmatched ones of streams: down the open items and the members of matches, never down the records."""
    streams = list(scope.streams or [])
    if not streams:
        return []
    oldest, newest = walks.span_of(streams)
    down = {"above": oldest, "below": min(below, newest + 1), "limit": limit}
    here = scope.reconciliation
    if here is None:
        return _by_standing_anywhere(streams, matched, condition, **down)
    condition.add("r.stream_id = ANY(%s)", streams)
    if not matched:
        return [
            walks.of_tokens(here.pk, condition, closed=False, **down),
            walks.of_members(here.pk, MatchStatus.SUGGESTED, condition, **down),
        ]
    whole = Condition([*condition.texts], [*condition.params])
    whole.add(f"NOT {walks.OPEN_HERE}", here.pk)
    return [
        walks.of_members(here.pk, MatchStatus.ACCEPTED, whole, **down),
        walks.of_tokens(here.pk, condition, closed=True, **down),
    ]


def _by_standing_anywhere(
    streams: list[int], matched: bool, condition: Condition, *, above: int, below: int, limit: int
) -> list[walks.Part]:
    down = {"above": above, "below": below, "limit": limit}
    wired = list(
        Reconciliation.objects.live()
        .filter(wiring__stream__in=streams)
        .select_related("ledger")
        .order_by("pk")
        .distinct()
    )
    if matched:
        condition.add("r.stream_id = ANY(%s)", streams)
        return [walks.of_members(found.pk, MatchStatus.ACCEPTED, condition, **down) for found in wired]
    walks.standing(condition, matched=False, reconciliation_id=None)
    whole = next((found for found in wired if _has_all(found)), None)
    if whole is None:
        return [walks.of_streams(streams, condition, below=below, limit=limit)]
    condition.add("r.stream_id = ANY(%s)", streams)
    return [
        walks.of_tokens(whole.pk, condition, closed=None, **down),
        walks.of_members(whole.pk, MatchStatus.SUGGESTED, condition, **down),
    ]


def _has_all(reconciliation: Reconciliation) -> bool:
    """Every record of its streams has an open item there or is in a match: not while one is being wired, nor where a
    ledger's opening balance left older ones out."""
    ledger = reconciliation.ledger
    return reconciliation.ready and (ledger is None or ledger.opening_balance is None)
