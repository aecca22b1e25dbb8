"""Every write operation of the surface, with what a stream and a reconciliation of each kind answers to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rest_framework.test import APIClient

from exceptions_app.models import ReconciliationException
from ledgers.models import DataStream, ImportBatch, PropertyDefinition, Record
from reconciliation.models import Match, OpenItem, Pass, StreamOperation
from rules.models import Reconciliation, ReconciliationStream, Rule
from rules.services.rules import revision_write
from tests.api.streams.keys import at
from tests.clock import NOW
from tests.factories.ledgers import (
    BankAccountFactory,
    DataStreamFactory,
    LedgerFactory,
    PropertyDefinitionFactory,
    RecordFactory,
)
from tests.factories.reconciliation import PassFactory
from tests.factories.rules import ReconciliationFactory, RuleFactory
from tests.reconciliation.streams import Feeds

ROWS = (DataStream, Record, PropertyDefinition, ImportBatch, StreamOperation)
CLEARING = (Reconciliation, ReconciliationStream, Rule, OpenItem, Match, Pass, ReconciliationException)
OWNED = (409, "stream.owned")
NOT_HERE = (409, "reconciliation.owned")
SAME = {"operand": "and", "rules": [{"key": "reference", "operand": "eq", "value": "reference"}]}

Expected = tuple[int, str]
"""Status and reason; the reason of a success is empty."""


@dataclass
class Desk:
    """A caller that may everything, before a stream or a reconciliation of one kind."""

    client: APIClient
    feeds: Feeds

    def post(self, path: str, body: Any = None):
        return self.client.post(path, {} if body is None else body, format="json")

    def patch(self, path: str, body: Any):
        return self.client.patch(path, body, format="json")

    def stream_of(self, kind: str, **more: Any) -> DataStream:
        """With what owns it."""
        organization = self.feeds.organization
        if kind == "ledger":
            more["ledger"] = LedgerFactory(organization=organization)
        if kind in ("statement", "bank_feed"):
            more["bank_account"] = BankAccountFactory(organization=organization)
        return DataStreamFactory(organization=organization, kind=kind, **more)


# --- Streams -----------------------------------------------------------------------------------------------------------


@dataclass
class StreamDesk(Desk):
    """A stream of one kind, in no reconciliation, with a record and a definition."""

    stream: DataStream
    record: Record
    definition: PropertyDefinition

    @property
    def path(self) -> str:
        return at(self.stream.key)

    @property
    def row(self) -> dict[str, Any]:
        return {
            "data_stream_key": self.stream.key,
            "date": "2026-03-31",
            "amount": 5,
            "direction": "credit",
            "currency": "EUR",
        }


def stream_desk(client: APIClient, feeds: Feeds, kind: str) -> StreamDesk:
    stream = Desk(client, feeds).stream_of(kind)
    record, definition = RecordFactory(stream=stream), PropertyDefinitionFactory(stream=stream, optional=True)
    return StreamDesk(client, feeds, stream, record, definition)


@dataclass(frozen=True)
class StreamWrite:
    """`route`: the name of the URL and the method. `free`: what streams that programs write to answer."""

    route: tuple[str, str]
    ask: Callable[[StreamDesk], Any]
    free: int
    owned: Expected = OWNED


DEFINITION = "/v1/data_stream_property_definitions"
STREAM_WRITES: dict[str, StreamWrite] = {
    "rename": StreamWrite(("data-stream", "PATCH"), lambda d: d.patch(d.path, {"name": "Other"}), 200),
    "delete": StreamWrite(("data-stream", "DELETE"), lambda d: d.client.delete(d.path), 204),
    "delete by a worker": StreamWrite(
        ("data-stream", "DELETE"), lambda d: d.client.delete(d.path + "?async=true"), 202
    ),
    "reset": StreamWrite(("data-stream-reset", "POST"), lambda d: d.post(d.path + "/reset"), 202),
    "add a record": StreamWrite(
        ("records", "POST"), lambda d: d.post("/v1/records", d.row), 201, (422, "stream.owned")
    ),
    "change a record": StreamWrite(
        ("record", "PATCH"), lambda d: d.patch(f"/v1/records/{d.record.pk}", {"description": "x"}), 200
    ),
    "delete a record": StreamWrite(
        ("record", "DELETE"), lambda d: d.client.delete(f"/v1/records/{d.record.pk}"), 204
    ),
    # What metadata holds is said of any stream: rules of ledgers compare it too.
    "define a key": StreamWrite(
        ("property-definitions", "POST"),
        lambda d: d.post(
            DEFINITION, {"key": "lot", "name": "Lot", "type": "string", "data_stream_key": d.stream.key}
        ),
        201,
        (201, ""),
    ),
    "change a definition": StreamWrite(
        ("property-definition", "PATCH"),
        lambda d: d.patch(f"{DEFINITION}/{d.definition.pk}", {"name": "Other"}),
        200,
        (200, ""),
    ),
    "delete a definition": StreamWrite(
        ("property-definition", "DELETE"),
        lambda d: d.client.delete(f"{DEFINITION}/{d.definition.pk}"),
        204,
        (204, ""),
    ),
}


# --- Reconciliations ---------------------------------------------------------------------------------------------------

SIDES = {
    "streams": ("api", "bank_feed"),
    "ledger": ("statement", "ledger"),
    "settlement": ("transactions", "bank_list"),
}


NAMES = ("R-1", "R-2")
MATCHES = "/v1/reconciliation_matches"
STORIES = "/v1/reconciliation_stories"
ENDED = {"pending": None, "completed": NOW}


@dataclass(frozen=True)
class Result:
    """Of one row among many, as an answer of its own."""

    status_code: int
    body: dict[str, Any]
    content = b"{}"

    def json(self) -> dict[str, Any]:
        return self.body


@dataclass
class ReconciliationDesk(Desk):
    """A reconciliation of one kind with its streams, an open record on each side, two that are suggested as a match, and an
    active and a proposed rule."""

    made: Reconciliation
    records: list[Record]
    active: Rule
    proposed: Rule
    suggestion: Match

    @property
    def path(self) -> str:
        return f"/v1/reconciliations/{self.made.pk}"

    def suggested(self) -> str:
        """The path of a suggested match of both records."""
        return f"{MATCHES}/{self.suggestion.pk}"

    def decide_many(self) -> Result:
        """What became of the one match that is accepted in a bulk."""
        body = {"action": "accept", "ids": [self.suggestion.pk]}
        [row] = self.post(f"{MATCHES}/bulk", body).json()["results"]
        problem = row["problem"] or {}
        return Result(problem.get("status", 200), problem)

    @property
    def run(self) -> str:
        """The path of the pass over the reconciliation."""
        return f"{self.path}/runs/{Pass.objects.get(reconciliation=self.made).pk}"


def reconciliation_desk(client: APIClient, feeds: Feeds, kind: str) -> ReconciliationDesk:
    desk = Desk(client, feeds)
    streams = [desk.stream_of(each) for each in SIDES[kind]]
    made = ReconciliationFactory(
        organization=feeds.organization,
        ledger=streams[1].ledger,
        kind=kind,
        sign_mode="magnitude" if kind == "streams" else "effect",
        own_rules=True,
    )
    records, others = ([RecordFactory(stream=stream, reference=name) for stream in streams] for name in NAMES)
    for side, stream in zip("ab", streams, strict=True):
        feeds.wire(made, stream, side)
    suggestion = feeds.match(made, others[:1], others[1:])
    Match.objects.filter(pk=suggestion.pk).update(status="suggested")
    rules = [rule_of(made, feeds, status) for status in ("active", "proposed")]
    return ReconciliationDesk(client, feeds, made, records, *rules, suggestion)


def rule_of(made: Reconciliation, feeds: Feeds, status: str) -> Rule:
    source = "user" if status == "active" else "ai"
    rule = RuleFactory(reconciliation=made, filters=SAME, status=status, source=source)
    revision_write(rule, by=feeds.by.ref, at=NOW)
    return rule


def nothing(_desk: ReconciliationDesk) -> None:
    pass


def a_pass(status: str) -> Callable[[ReconciliationDesk], Any]:
    def given(desk: ReconciliationDesk) -> None:
        PassFactory(reconciliation=desk.made, run=None, status=status, finished_at=ENDED[status])

    return given


@dataclass(frozen=True)
class ReconciliationWrite:
    """`streams`, `ledger` and `settlement`: what reconciliations of these kinds answer."""

    route: tuple[str, str]
    ask: Callable[[ReconciliationDesk], Any]
    streams: Expected
    ledger: Expected
    settlement: Expected = NOT_HERE
    given: Callable[[ReconciliationDesk], Any] = nothing
    """What is there before."""


def own_only(
    route: tuple[str, str],
    ask: Callable[[ReconciliationDesk], Any],
    free: int,
    given: Callable[[ReconciliationDesk], Any] = nothing,
) -> ReconciliationWrite:
    """What only a reconciliation that people made of streams takes."""
    return ReconciliationWrite(route, ask, (free, ""), NOT_HERE, given=given)


def worked(
    route: tuple[str, str], ask: Callable[[ReconciliationDesk], Any], free: int
) -> ReconciliationWrite:
    """What people do with open records, of streams or of a ledger."""
    return ReconciliationWrite(route, ask, (free, ""), (free, ""))


RULES = "/v1/reconciliation_rules"
RECONCILIATION_WRITES: dict[str, ReconciliationWrite] = {
    "rename": own_only(("reconciliation", "PATCH"), lambda d: d.patch(d.path, {"name": "Other"}), 200),
    "put a stream in": own_only(
        ("reconciliation", "PATCH"),
        lambda d: d.patch(
            d.path, {"side_a_stream_ids": [d.records[0].stream_id, d.stream_of("api", key="new").pk]}
        ),
        200,
    ),
    "delete": own_only(("reconciliation", "DELETE"), lambda d: d.client.delete(d.path), 204),
    "make a rule": worked(
        ("rules", "POST"), lambda d: d.post(RULES, {"reconciliation_id": d.made.pk, "filters": SAME}), 201
    ),
    "change a rule": worked(
        ("rule", "PATCH"), lambda d: d.patch(f"{RULES}/{d.active.pk}", {"priority": 3}), 200
    ),
    "delete a rule": worked(("rule", "DELETE"), lambda d: d.client.delete(f"{RULES}/{d.active.pk}"), 204),
    "activate a rule": worked(
        ("rule-activate", "POST"), lambda d: d.post(f"{RULES}/{d.proposed.pk}/activate"), 200
    ),
    "discard a rule": worked(
        ("rule-discard", "POST"), lambda d: d.post(f"{RULES}/{d.proposed.pk}/discard"), 200
    ),
    "have rules proposed": worked(
        ("reconciliation-propose-rules", "POST"), lambda d: d.post(d.path + "/propose_rules"), 202
    ),
    "mark overdue": worked(
        ("record-mark-overdue", "POST"),
        lambda d: d.post(f"{d.path}/records/{d.records[0].pk}/mark_overdue"),
        200,
    ),
    "match by hand": worked(
        ("stream-matches", "POST"),
        lambda d: d.post(
            MATCHES, {"reconciliation_id": d.made.pk, "record_ids": [each.pk for each in d.records]}
        ),
        201,
    ),
    "accept": worked(("stream-match-accept", "POST"), lambda d: d.post(d.suggested() + "/accept"), 200),
    "reject": worked(("stream-match-reject", "POST"), lambda d: d.post(d.suggested() + "/reject"), 200),
    "undo a match": worked(("stream-match", "DELETE"), lambda d: d.client.delete(d.suggested()), 204),
    "accept many": worked(("stream-matches-bulk", "POST"), lambda d: d.decide_many(), 200),
    # Of a ledger's matching its runs have charge.
    "start a pass": own_only(("reconciliation-runs", "POST"), lambda d: d.post(d.path + "/runs"), 202),
    "cancel a pass": own_only(
        ("reconciliation-run-cancel", "POST"), lambda d: d.post(d.run + "/cancel"), 200, a_pass("pending")
    ),
    "undo a pass": own_only(
        ("reconciliation-run-undo", "POST"), lambda d: d.post(d.run + "/undo"), 200, a_pass("completed")
    ),
    "open an exception": ReconciliationWrite(
        ("exceptions", "POST"),
        lambda d: d.post(
            "/v1/reconciliation_exceptions",
            {"reconciliation_id": d.made.pk, "data_stream_id": d.records[0].stream_id},
        ),
        (201, ""),
        (201, ""),
        (422, "reconciliation.owned"),
    ),
    # A story only tells which reconciliations follow each other.
    "put into a story": ReconciliationWrite(
        ("stories", "POST"),
        lambda d: d.post(
            STORIES, {"name": "Story", "links": [{"reconciliation_id": d.made.pk, "position": 1}]}
        ),
        (201, ""),
        (201, ""),
        (201, ""),
    ),
}

# --- What concerns neither ---------------------------------------------------------------------------------------------

OTHER_WRITES: dict[tuple[str, str], str] = {
    ("data-streams", "POST"): "makes a stream: by its own table of kinds",
    ("records-bulk", "POST"): "takes rows for any stream: by its own table of kinds",
    ("bulk-request-cancel", "POST"): "of a request, whose rows name streams",
    ("bulk-request-retry", "POST"): "of a request, whose rows name streams",
    ("reconciliations", "POST"): "makes a reconciliation: by the table of streams that may take part",
    ("bank-accounts", "POST"): "of no stream",
    ("bank-account", "PATCH"): "of what owns streams",
    ("bank-account", "DELETE"): "of what owns streams",
    ("bank-account-balances", "POST"): "of no stream",
    ("bank-account-balances-bulk", "POST"): "of no stream",
    ("story", "PATCH"): "of a story",
    ("story", "DELETE"): "of a story",
    ("exception", "PATCH"): "of an exception",
    ("exception", "DELETE"): "of an exception",
    ("exception-comments", "POST"): "of an exception",
    ("exception-investigations", "POST"): "of an exception",
    ("reconciliation-explain", "POST"): "writes nothing",
    ("reconciliation-combinations", "POST"): "writes nothing",
    ("reconciliation-backtests", "POST"): "tries a rule, and changes nothing",
}
