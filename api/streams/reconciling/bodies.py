"""What is taken in about reconciliations and their runs."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.shared.fields import Body, Id
from api.shared.schema import with_example
from api.streams.reconciling import examples
from reconciliation.services.stream_reconciliations import NAME_MAX
from rules.states import RunType

IDS_MAX = 1_000
"""More than a side may have, so that the service says what it may have."""


class StreamIds(serializers.ListField):
    child = Id()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=IDS_MAX, **kwargs)


@with_example(examples.NEW_RECONCILIATION)
class ReconciliationBody(Body):
    name = serializers.CharField(max_length=NAME_MAX)
    run_type = serializers.ChoiceField(RunType.choices, default=RunType.CONTINUOUS)
    side_a_stream_ids = StreamIds(help_text="The streams of Side A.")
    side_b_stream_ids = StreamIds(help_text="The streams of Side B.")


@with_example({"name": "Acquirer and wallet to bank", "side_a_stream_ids": ["11", "13"]})
class ReconciliationChangeBody(Body):
    name = serializers.CharField(required=False, max_length=NAME_MAX)
    run_type = serializers.ChoiceField(RunType.choices, required=False)
    side_a_stream_ids = StreamIds(help_text="Replaces the streams of Side A; left out: they stay.")
    side_b_stream_ids = StreamIds(help_text="Replaces the streams of Side B; left out: they stay.")
    undo_matches = serializers.BooleanField(
        default=False, help_text="Ours: a stream that is taken out may take accepted matches with it."
    )


@with_example({})
class NothingBody(Body):
    """Nothing."""

    class Meta:
        ref_name = "NothingBody"


@with_example({"undo_accepted": True})
class UndoRunBody(Body):
    undo_accepted = serializers.BooleanField(
        default=False, help_text="Also what was accepted, by a person or by its rule: else 409."
    )

    class Meta:
        ref_name = "UndoReconciliationRunBody"
