"""What is answered about reconciliations and their runs, each with an example."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.shared.fields import ActorField, InstantField, TextOrNull
from api.shared.schema import with_example
from api.streams.reconciling import examples
from api.streams.stream_shapes import DataStreamShape
from reconciliation.models import Pass
from reconciliation.selectors.reconciliations import Standing
from reconciliation.states import OperationKind, OperationStatus, PassKind, PassStatus, PassTrigger
from rules.models import Reconciliation
from rules.states import ReconciliationKind, RunType, Side

Shape = serializers.Serializer[Any]
Text = serializers.CharField
Whole = serializers.IntegerField
Json = dict[str, Any]


def run_path(row: Pass) -> str:
    return f"/v1/reconciliations/{row.reconciliation_id}/runs/{row.pk}"


@with_example(examples.RUN)
class RunShape(Shape):
    """One execution of the rules over the reconciliation's open records."""

    id = Whole(source="pk")
    reconciliation_id = Whole()
    kind = serializers.ChoiceField(PassKind.choices)
    status = serializers.ChoiceField(PassStatus.choices, help_text="cancelled is our addition.")
    trigger = serializers.ChoiceField(PassTrigger.choices, help_text="schedule is our addition.")
    total_records = Whole(help_text="Open records of both sides when it began.")
    processed_records = Whole()
    matched_records = Whole(source="accepted_records", help_text="Those of suggestions are not among them.")
    rule_summary = serializers.SerializerMethodField(
        help_text="By the rule's id: what it found. Null until the rules have run."
    )
    progress = Whole(help_text="Percent.")
    started_at = InstantField(allow_null=True)
    completed_at = InstantField(source="finished_at", allow_null=True)
    suggested_matches = Whole(source="suggested", help_text="Matches written, also those accepted at once.")
    accepted_matches = Whole(source="accepted", help_text="Of these, accepted without a person.")
    ambiguous = Whole()
    lost_to_others = Whole(help_text="Groups dropped since somebody took a member first.")
    error = TextOrNull()
    requested_at = InstantField()
    requested_by = ActorField()
    cancel_requested_at = InstantField(allow_null=True)
    undone_at = InstantField(allow_null=True)
    url = serializers.SerializerMethodField()

    class Meta:
        ref_name = "ReconciliationRun"

    def get_rule_summary(self, row: Pass) -> Json | None:
        ids: dict[str, int] = self.context["rule_ids"]
        found = {
            str(ids.get(each["rule"], each["rule"])): {
                "name": each["name"],
                "revision": each["revision"],
                "matches": each["groups"],
                "ambiguous": each["ambiguous"],
                "outcome": each["outcome"],
            }
            for each in row.rule_summary
        }
        return found or None

    def get_url(self, row: Pass) -> str:
        return run_path(row)


class OperationShape(Shape):
    data_stream_key = Text(source="stream_key")
    kind = serializers.ChoiceField(OperationKind.choices)
    status = serializers.ChoiceField(OperationStatus.choices)
    progress = Whole(help_text="Percent.")

    class Meta:
        ref_name = "RewiredDataStream"


class RewiringShape(Shape):
    progress = Whole(help_text="Percent, over all streams.")
    streams = OperationShape(many=True, source="operations")

    class Meta:
        ref_name = "Rewiring"


@with_example(examples.RECONCILIATION)
class ReconciliationShape(Shape):
    id = Whole(source="pk")
    name = Text()
    run_type = serializers.ChoiceField(RunType.choices)
    side_a_streams = serializers.SerializerMethodField()
    side_b_streams = serializers.SerializerMethodField()
    created_at = InstantField()
    current_run = serializers.SerializerMethodField(help_text="The batch run that waits or runs, or null.")
    last_run = serializers.SerializerMethodField(help_text="The newest completed or failed batch run.")
    kind = serializers.ChoiceField(
        ReconciliationKind.choices, help_text="Others than streams are owned: changed with their owner."
    )
    ready = serializers.BooleanField(help_text="Off while streams are put in or taken out; runs wait for it.")
    rewiring = serializers.SerializerMethodField(help_text="How far that is, or null.")

    class Meta:
        ref_name = "Reconciliation"

    def _standing(self, row: Reconciliation) -> Standing:
        found: Standing = self.context["standings"][row.pk]
        return found

    def _streams(self, row: Reconciliation, side: str) -> list[Json]:
        return list(DataStreamShape(self._standing(row).streams[side], many=True).data)

    def _run(self, found: Pass | None) -> Json | None:
        runs: dict[int, Json] = self.context["runs"]
        return runs[found.pk] if found else None

    def get_side_a_streams(self, row: Reconciliation) -> DataStreamShape(many=True):  # type: ignore[valid-type]
        return self._streams(row, Side.A)

    def get_side_b_streams(self, row: Reconciliation) -> DataStreamShape(many=True):  # type: ignore[valid-type]
        return self._streams(row, Side.B)

    def get_current_run(self, row: Reconciliation) -> RunShape(allow_null=True):  # type: ignore[valid-type]
        return self._run(self._standing(row).current)

    def get_last_run(self, row: Reconciliation) -> RunShape(allow_null=True):  # type: ignore[valid-type]
        return self._run(self._standing(row).last)

    def get_rewiring(self, row: Reconciliation) -> RewiringShape(allow_null=True):  # type: ignore[valid-type]
        standing = self._standing(row)
        return dict(RewiringShape(standing).data) if standing.operations else None


def cursor_page(row: type[Shape], name: str, example: Json) -> Any:
    """The envelope of a list that is paged by cursor, for the OpenAPI."""
    fields = {
        "data": row(many=True),
        "next_cursor": Text(allow_null=True, help_text="For `cursor`; null at the end."),
        "limit": Whole(),
        "Meta": type("Meta", (), {"ref_name": name}),
    }
    value = {"data": [example], "next_cursor": None, "limit": 50}
    return with_example(value)(type(name, (serializers.Serializer,), fields))


RECONCILIATIONS = cursor_page(ReconciliationShape, "ReconciliationList", examples.RECONCILIATION)
RUNS = cursor_page(RunShape, "ReconciliationRunList", examples.RUN)
