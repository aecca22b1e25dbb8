"""Stories: reconciliations chained end to end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.fields import present_all, read_body
from api.shared.idempotency import act
from api.shared.problems import Problem
from api.shared.queries import only
from api.shared.schema import operation
from api.streams.reconciling.story_shapes import STORIES, StoryBody, StoryChangeBody, StoryShape
from api.streams.reconciling.views.base import PROBLEMS, ReconcilingView
from reconciliation.models import Story
from reconciliation.selectors.stories import listed_stories, story_of, told_links
from reconciliation.services.stories import LinkIn, story_change, story_create, story_void

LACKS = "Name the stream that joins it to the link before it."
STORY_PROBLEMS = {
    **PROBLEMS,
    404: Problem(404, "story.not_found", "There is no story with this id."),
    409: Problem(
        409, "lock.timeout", "Somebody else is working on the same records just now. Try again in a moment."
    ),
    422: Problem(
        422,
        "story.invalid",
        f"links.1.shared_data_stream_id: {LACKS}",
        issues=[{"path": ["links", 1, "shared_data_stream_id"], "message": LACKS}],
    ),
}
Json = dict[str, Any]


class StoriesView(ReconcilingView):
    problems = STORY_PROBLEMS

    def shown(self, stories: Sequence[Story]) -> list[Json]:
        return present_all(
            StoryShape, stories, organization_id=self.organization_id, links=told_links(stories)
        )

    def story(self, story_id: int) -> Story:
        return story_of(organization_id=self.organization_id, story_id=story_id)


class Stories(StoriesView):
    scopes = {"GET": "reconciliations:read", "POST": "rules:write"}

    @operation("reconciliation_stories_list", "List stories", answers={200: STORIES})
    def get(self, request: Request) -> Response:
        """All of them, newest first."""
        only(request)
        return Response({"data": self.shown(listed_stories(self.organization_id))})

    @operation("reconciliation_stories_create", "Create a story", body=StoryBody, answers={201: StoryShape})
    def post(self, request: Request) -> Response:
        """A chain of reconciliations by position: the first is the origin, every other names the stream that it shares with
        the one before it. Every mistake is in `issues`, with its place in the body."""
        only(request)
        body = read_body(StoryBody, request.data)

        def create() -> Story:
            return story_create(
                organization_id=self.organization_id,
                name=body["name"],
                links=links_in(body.get("links", ())),
                by=self.by,
                at=self.at,
            )

        return act(request, create, render=lambda row: self.shown([row])[0], status=201)


class OneStory(StoriesView):
    scopes = {"GET": "reconciliations:read", "PATCH": "rules:write", "DELETE": "rules:write"}

    @operation("reconciliation_stories_get", "Show a story", answers={200: StoryShape})
    def get(self, request: Request, story_id: int) -> Response:
        """With the chain as it stands now."""
        only(request)
        return Response(self.shown([self.story(story_id)])[0])

    @operation(
        "reconciliation_stories_change", "Change a story", body=StoryChangeBody, answers={200: StoryShape}
    )
    def patch(self, request: Request, story_id: int) -> Response:
        """`links`, where they are given, replace the whole chain."""
        only(request)
        body = read_body(StoryChangeBody, request.data)

        def change() -> Story:
            return story_change(
                story=self.story(story_id),
                name=body.get("name"),
                links=links_in(body["links"]) if "links" in body else None,
                by=self.by,
                at=self.at,
            )

        return act(request, change, render=lambda row: self.shown([row])[0])

    @operation("reconciliation_stories_delete", "Delete a story", answers={204: None})
    def delete(self, request: Request, story_id: int) -> Response:
        """Its reconciliations stay."""
        only(request)

        def delete() -> None:
            story_void(story=self.story(story_id), by=self.by, at=self.at)

        return act(request, delete, render=lambda _nothing: None, status=204)


def links_in(said: Sequence[Json]) -> list[LinkIn]:
    return [
        LinkIn(
            link["reconciliation_id"], link["position"], link.get("role"), link.get("shared_data_stream_id")
        )
        for link in said
    ]
