"""Request bodies around data streams."""

from __future__ import annotations

from rest_framework import serializers

from api.shared.fields import Body, Id
from api.shared.schema import with_example
from api.streams import stream_examples as examples
from ledgers.services import streams
from ledgers.states import PropertyType, StreamKind
from reconciliation.services import definitions

KINDS = [(kind.value, kind.label) for kind in (StreamKind.API, StreamKind.BANK_FEED)]


@with_example(examples.NEW_STREAM)
class DataStreamBody(Body):
    key = serializers.CharField(
        max_length=streams.KEY_MAX,
        help_text="Names it in paths and never changes: visible ASCII without blanks and slashes.",
    )
    name = serializers.CharField(max_length=streams.NAME_MAX)
    type = serializers.ChoiceField(KINDS, default=StreamKind.API.value)
    bank_account_id = Id(
        required=False, allow_null=True, help_text="Of a bank_feed, and only of one: its account."
    )


@with_example({"name": "Card acquirer, Europe"})
class DataStreamChangeBody(Body):
    name = serializers.CharField(max_length=streams.NAME_MAX, required=False)


@with_example({})
class EmptyBody(Body):
    """Nothing, or an empty object."""


@with_example(examples.NEW_DEFINITION)
class PropertyDefinitionBody(Body):
    key = serializers.CharField(
        max_length=definitions.KEY_MAX,
        trim_whitespace=False,
        help_text="As it stands in the metadata of records. It never changes.",
    )
    name = serializers.CharField(max_length=definitions.NAME_MAX, help_text="How people call it.")
    type = serializers.ChoiceField(PropertyType.choices, help_text="It never changes either.")
    optional = serializers.BooleanField(default=False, help_text="Off: every record has to have it.")
    data_stream_key = serializers.CharField()


@with_example({"name": "Batch", "optional": False})
class PropertyDefinitionChangeBody(Body):
    name = serializers.CharField(max_length=definitions.NAME_MAX, required=False)
    optional = serializers.BooleanField(required=False)
