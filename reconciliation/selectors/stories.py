"""Stories as they read now: a reconciliation that was deleted since is left out of its chain, and a link says whether the
stream that it shares still joins it to the one before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ledgers.models import DataStream
from organizations.refusals import NotFound
from reconciliation.models import Story, StoryLink
from reconciliation.states import StoryRole
from rules.models import ReconciliationStream
from rules.states import Side

Sides = dict[str, list[DataStream]]


@dataclass(frozen=True, slots=True)
class ToldLink:
    """A link of the chain as it stands. `shared`: None for the first, and where the stream was deleted since."""

    link: StoryLink
    role: str
    shared: DataStream | None
    sides: Sides
    joined: bool


def listed_stories(organization_id: int) -> list[Story]:
    """Newest first."""
    return list(Story.objects.of(organization_id).live().order_by("-created_at", "-pk"))


def story_of(*, organization_id: int, story_id: int) -> Story:
    """NotFound "story.not_found"."""
    found = Story.objects.of(organization_id).live().filter(pk=story_id).first()
    if found is None:
        raise NotFound(_("There is no story with this id."), code="story.not_found")
    return found


def told_links(stories: Iterable[Story]) -> dict[int, list[ToldLink]]:
    """The chain of each story, in two queries however many they are."""
    ids = [story.pk for story in stories]
    rows = StoryLink.objects.filter(story__in=ids, reconciliation__voided_at__isnull=True)
    links = list(rows.select_related("reconciliation", "shared_stream").order_by("story_id", "position"))
    sides = _sides({link.reconciliation_id for link in links})
    told: dict[int, list[ToldLink]] = {pk: [] for pk in ids}
    for link in links:
        chain = told[link.story_id]
        chain.append(_told(link, chain[-1] if chain else None, sides))
    return told


def _told(link: StoryLink, before: ToldLink | None, sides: dict[int, Sides]) -> ToldLink:
    own = sides[link.reconciliation_id]
    if before is None:
        return ToldLink(link, StoryRole.ORIGIN.value, None, own, joined=True)
    shared = link.shared_stream
    if shared is not None and shared.voided_at is not None:
        shared = None
    joined = shared is not None and _has(own, shared) and _has(before.sides, shared)
    return ToldLink(link, StoryRole.CONTINUATION.value, shared, own, joined=joined)


def _has(sides: Sides, stream: DataStream) -> bool:
    return any(stream.pk == each.pk for streams in sides.values() for each in streams)


def _sides(reconciliation_ids: Iterable[int]) -> dict[int, Sides]:
    found: dict[int, Sides] = defaultdict(lambda: {side: [] for side in Side.values})
    wiring = ReconciliationStream.objects.filter(reconciliation__in=list(reconciliation_ids))
    for wire in wiring.select_related("stream").order_by("stream__key", "stream_id"):
        found[wire.reconciliation_id][wire.side].append(wire.stream)
    return found
