"""Stories: what is taken in about them, and what is answered."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.shared.fields import Body, Id, InstantField
from api.shared.schema import with_example
from api.streams.reconciling import examples
from reconciliation.models import Story
from reconciliation.selectors.stories import ToldLink
from reconciliation.services.stories import LINKS_MAX, NAME_MAX, POSITION_MAX
from reconciliation.states import StoryRole
from rules.states import Side

Shape = serializers.Serializer[Any]
Text = serializers.CharField
Whole = serializers.IntegerField
Json = dict[str, Any]


class StoryLinkBody(Body):
    reconciliation_id = Id()
    position = Whole(min_value=1, max_value=POSITION_MAX, help_text="Each once; gaps are fine.")
    role = serializers.ChoiceField(
        StoryRole.choices,
        required=False,
        help_text="Left out: the lowest position is the origin, all others are continuations.",
    )
    shared_data_stream_id = Id(
        required=False, allow_null=True, help_text="Of a continuation: in this one and in the one before it."
    )


class Links(serializers.ListField):
    child = StoryLinkBody()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=LINKS_MAX, **kwargs)


@with_example(examples.NEW_STORY)
class StoryBody(Body):
    name = Text(max_length=NAME_MAX)
    links = Links()


@with_example({**examples.NEW_STORY, "name": "Sale to bank"})
class StoryChangeBody(Body):
    name = Text(max_length=NAME_MAX, required=False)
    links = Links(help_text="Replaces the whole chain; left out: it stays.")


class StreamNameShape(Shape):
    id = Whole(source="pk")
    name = Text()

    class Meta:
        ref_name = "DataStreamName"


class StoryLinkShape(Shape):
    id = Whole(source="link.pk")
    position = Whole(source="link.position")
    role = serializers.ChoiceField(StoryRole.choices)
    reconciliation_id = Whole(source="link.reconciliation_id")
    reconciliation_name = Text(source="link.reconciliation.name")
    shared_data_stream_id = Whole(source="shared.pk", allow_null=True, default=None)
    shared_data_stream_name = Text(source="shared.name", allow_null=True, default=None)
    side_a_streams = serializers.SerializerMethodField()
    side_b_streams = serializers.SerializerMethodField()
    joined = serializers.BooleanField(
        help_text="Off where the shared stream has left this reconciliation or the one before it since."
    )

    class Meta:
        ref_name = "ReconciliationStoryLink"

    def get_side_a_streams(self, row: ToldLink) -> StreamNameShape(many=True):  # type: ignore[valid-type]
        return list(StreamNameShape(row.sides[Side.A], many=True).data)

    def get_side_b_streams(self, row: ToldLink) -> StreamNameShape(many=True):  # type: ignore[valid-type]
        return list(StreamNameShape(row.sides[Side.B], many=True).data)


@with_example(examples.STORY)
class StoryShape(Shape):
    id = Whole(source="pk")
    name = Text()
    created_at = InstantField()
    links = serializers.SerializerMethodField(
        help_text="In order. A reconciliation that was deleted since is left out."
    )

    class Meta:
        ref_name = "ReconciliationStory"

    def get_links(self, row: Story) -> StoryLinkShape(many=True):  # type: ignore[valid-type]
        return list(StoryLinkShape(self.context["links"][row.pk], many=True).data)


STORIES: Any = with_example({"data": [examples.STORY]})(
    type(
        "ReconciliationStoryList",
        (serializers.Serializer,),
        {"data": StoryShape(many=True)},  # a name that serializers have for themselves
    )
)
