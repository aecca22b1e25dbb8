"""What the metadata of data streams holds: list, make, show, change, delete property definitions."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.fields import present, present_all, read_body
from api.shared.idempotency import act
from api.shared.pagination import bad_query
from api.shared.queries import only, query_text
from api.shared.schema import operation
from api.streams import stream_bodies as bodies
from api.streams import stream_shapes as shapes
from api.streams.naming import named_stream
from api.streams.views.base import StreamsView
from ledgers.models import PropertyDefinition
from ledgers.selectors.streams import definition_of, listed_definitions
from reconciliation.services import definitions

STREAM = OpenApiParameter("data_stream_key", OpenApiTypes.STR, required=True)


class DefinitionView(StreamsView):
    def definition(self, definition_id: int) -> PropertyDefinition:
        return definition_of(organization_id=self.organization_id, definition_id=definition_id)

    def shown(self, row: PropertyDefinition) -> dict[str, Any]:
        return present(shapes.PropertyDefinitionShape, row, organization_id=self.organization_id)


class PropertyDefinitions(DefinitionView):
    scopes = {"GET": "records:read", "POST": "records:write"}

    @operation(
        "data_stream_property_definitions_list",
        "List the property definitions of a data stream",
        answers={200: shapes.PropertyDefinitionShape(many=True)},
        parameters=[STREAM],
    )
    def get(self, request: Request) -> Response:
        """By key. A stream that does not exist has none."""
        only(request, ("data_stream_key",))
        key = query_text(request, "data_stream_key")
        if not key:
            raise bad_query("data_stream_key", _("Name the data stream whose definitions you want."))
        rows = listed_definitions(organization_id=self.organization_id, stream_key=key)
        return Response(
            present_all(shapes.PropertyDefinitionShape, rows, organization_id=self.organization_id)
        )

    @operation(
        "data_stream_property_definitions_create",
        "Define what a key of the metadata holds",
        body=bodies.PropertyDefinitionBody,
        answers={201: shapes.PropertyDefinitionShape},
    )
    def post(self, request: Request) -> Response:
        """Records that come from now on are held against it; those that are there are not looked at. Rules that name the
        key compare it as its type from now on; where one could not run then: 409 `rule.would_not_run`."""
        only(request)
        body = read_body(bodies.PropertyDefinitionBody, request.data)

        def create() -> PropertyDefinition:
            facts = dict(body)
            stream = named_stream(self.organization_id, facts.pop("data_stream_key"))
            return definitions.definition_create(stream=stream, **facts, by=self.by, at=self.at)

        return act(request, create, render=self.shown, status=201)


class OnePropertyDefinition(DefinitionView):
    scopes = {"GET": "records:read", "PATCH": "records:write", "DELETE": "records:write"}

    @operation(
        "data_stream_property_definitions_get",
        "Show a property definition",
        answers={200: shapes.PropertyDefinitionShape},
    )
    def get(self, request: Request, definition_id: int) -> Response:
        only(request)
        return Response(self.shown(self.definition(definition_id)))

    @operation(
        "data_stream_property_definitions_change",
        "Change a property definition",
        body=bodies.PropertyDefinitionChangeBody,
        answers={200: shapes.PropertyDefinitionShape},
    )
    def patch(self, request: Request, definition_id: int) -> Response:
        """Its name, and whether records may lack it. Key and type never change: delete it and make another."""
        only(request)
        body = read_body(bodies.PropertyDefinitionChangeBody, request.data)

        def change() -> PropertyDefinition:
            row = self.definition(definition_id)
            return definitions.definition_change(definition=row, **body, by=self.by, at=self.at)

        return act(request, change, render=self.shown)

    @operation(
        "data_stream_property_definitions_delete",
        "Delete a property definition",
        answers={204: None},
    )
    def delete(self, request: Request, definition_id: int) -> Response:
        """The values in records stay, and are text to rules; where a rule could not run then: 409 `rule.would_not_run`."""
        only(request)

        def delete() -> None:
            row = self.definition(definition_id)
            definitions.definition_void(definition=row, by=self.by, at=self.at)

        return act(request, delete, render=lambda _nothing: None, status=204)
