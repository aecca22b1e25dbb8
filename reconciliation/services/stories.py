"""Stories: make, change, delete. A chain is checked when it is said; what becomes of its reconciliations later is told when it
is read (`reconciliation.selectors.stories`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from ledgers.models import DataStream
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Invalid, NotFound
from reconciliation.models import Story, StoryLink
from reconciliation.states import StoryRole
from rules.models import Reconciliation, ReconciliationStream

NAME_MAX = 255
LINKS_MAX = 100
POSITION_MAX = 2**31 - 1
Issue = tuple[list[str | int], str]


@dataclass(frozen=True, slots=True)
class LinkIn:
    """A link as it is said. Without a role the first is the origin and the others are continuations."""

    reconciliation_id: int
    position: int
    role: str | None = None
    shared_stream_id: int | None = None


def story_create(
    *, organization_id: int, name: str, links: Sequence[LinkIn] = (), by: Actor, at: datetime
) -> Story:
    """A chain of reconciliations. Invalid "story.invalid", with every mistake and its place."""
    issues = [*_name_issues(name), *_link_issues(organization_id, links)]
    if issues:
        raise _invalid(issues)
    made = Story.objects.create(
        organization_id=organization_id, name=name.strip(), created_at=at, created_by=by.ref
    )
    _links_write(made, links)
    _audit("story.created", made, links, by=by, at=at)
    return made


def story_change(
    *,
    story: Story,
    name: str | None = None,
    links: Sequence[LinkIn] | None = None,
    by: Actor,
    at: datetime,
) -> Story:
    """Another name; links that are given replace the whole chain."""
    row = _locked(story, by=by)
    issues = [
        *([] if name is None else _name_issues(name)),
        *([] if links is None else _link_issues(row.organization_id, links)),
    ]
    if issues:
        raise _invalid(issues)
    if name is not None:
        row.name = name.strip()
        row.save(update_fields=["name"])
    if links is not None:
        row.links.all().delete()
        _links_write(row, links)
    _audit("story.changed", row, links or (), by=by, at=at)
    return row


def story_void(*, story: Story, by: Actor, at: datetime) -> None:
    """Delete it; its reconciliations stay."""
    row = _locked(story, by=by)
    row.voided_at, row.voided_by = at, by.ref
    row.save(update_fields=["voided_at", "voided_by"])
    _audit("story.deleted", row, (), by=by, at=at)


def _locked(story: Story, *, by: Actor) -> Story:
    rows = Story.objects.of(by.organization_id).live().select_for_update(no_key=True)
    row = rows.filter(pk=story.pk).first()
    if row is None:
        raise NotFound(_("There is no story with this id."), code="story.not_found")
    return row


def _links_write(story: Story, links: Sequence[LinkIn]) -> None:
    for place, link in enumerate(sorted(links, key=lambda link: link.position)):
        StoryLink.objects.create(
            story=story,
            position=link.position,
            role=StoryRole.CONTINUATION if place else StoryRole.ORIGIN,
            reconciliation_id=link.reconciliation_id,
            shared_stream_id=link.shared_stream_id,
        )


# --- what a chain must be -------------------------------------------------------------------------------------------------


def _name_issues(name: str) -> list[Issue]:
    if name.strip() and len(name.strip()) <= NAME_MAX:
        return []
    return [(["name"], _("Write a name of at most %(most)s characters.") % {"most": NAME_MAX})]


def _link_issues(organization_id: int, links: Sequence[LinkIn]) -> list[Issue]:
    """Every mistake, each at the place in the list where its link was said."""
    if len(links) > LINKS_MAX:
        return [(["links"], _("A story has at most %(most)s links.") % {"most": LINKS_MAX})]
    issues = _position_issues(links)
    names = dict(
        Reconciliation.objects.of(organization_id)
        .live()
        .filter(pk__in=[link.reconciliation_id for link in links])
        .values_list("pk", "name")
    )
    streams = _streams(organization_id, links)
    wired: set[tuple[int, int]] = set(
        ReconciliationStream.objects.filter(reconciliation__in=names).values_list(
            "reconciliation_id", "stream_id"
        )
    )
    order = sorted(range(len(links)), key=lambda place: links[place].position)
    for rank, place in enumerate(order):
        link, before = links[place], links[order[rank - 1]] if rank else None
        if link.reconciliation_id not in names:
            message = _("There is no reconciliation with this id.")
            issues.append((["links", place, "reconciliation_id"], message))
        if before is None:
            issues += _origin_issues(place, link, streams)
        else:
            issues += _continuation_issues(place, link, before, names=names, streams=streams, wired=wired)
    return sorted(issues, key=lambda issue: [str(step).rjust(4) for step in issue[0]])


def _streams(organization_id: int, links: Sequence[LinkIn]) -> dict[int, str]:
    ids = [link.shared_stream_id for link in links if link.shared_stream_id is not None]
    rows = DataStream.objects.of(organization_id).live().filter(pk__in=ids)
    return dict(rows.values_list("pk", "name"))


def _position_issues(links: Sequence[LinkIn]) -> list[Issue]:
    issues: list[Issue] = []
    seen: set[int] = set()
    for place, link in enumerate(links):
        if not 1 <= link.position <= POSITION_MAX:
            message = _("Positions are whole numbers from 1 on.")
            issues.append((["links", place, "position"], message))
        elif link.position in seen:
            message = _("Another link has position %(position)s.") % {"position": link.position}
            issues.append((["links", place, "position"], message))
        seen.add(link.position)
    return issues


def _origin_issues(place: int, link: LinkIn, streams: Mapping[int, str]) -> list[Issue]:
    issues: list[Issue] = []
    if link.role not in (None, StoryRole.ORIGIN):
        message = _("The link with the lowest position is the origin.")
        issues.append((["links", place, "role"], message))
    if link.shared_stream_id is not None:
        message = _("The origin follows nothing, so it shares no stream with the link before it.")
        known = link.shared_stream_id in streams
        issues.append((["links", place, "shared_data_stream_id"], message if known else _no_stream()))
    return issues


def _continuation_issues(
    place: int,
    link: LinkIn,
    before: LinkIn,
    *,
    names: Mapping[int, str],
    streams: Mapping[int, str],
    wired: set[tuple[int, int]],
) -> list[Issue]:
    issues: list[Issue] = []
    if link.role not in (None, StoryRole.CONTINUATION):
        message = _("Only the link with the lowest position is the origin; this one is a continuation.")
        issues.append((["links", place, "role"], message))
    shared = link.shared_stream_id
    path: list[str | int] = ["links", place, "shared_data_stream_id"]
    if shared is None:
        message = _("Name the stream that joins it to the link before it.")
        issues.append((path, message))
    elif shared not in streams:
        issues.append((path, _no_stream()))
    else:
        lacking = [
            names[pk]
            for pk in (before.reconciliation_id, link.reconciliation_id)
            if pk in names and (pk, shared) not in wired
        ]
        texts = {"stream": streams[shared], "reconciliation": _(" and ").join(dict.fromkeys(lacking))}
        if lacking:
            message = _("Stream %(stream)s is not in %(reconciliation)s.") % texts
            issues.append((path, message))
    return issues


def _no_stream() -> str:
    return _("There is no data stream with this id.")


def _invalid(issues: Sequence[Issue]) -> Invalid:
    path, message = issues[0]
    return Invalid(
        f"{'.'.join(str(step) for step in path)}: {message}",
        code="story.invalid",
        issues=[{"path": list(path), "message": message} for path, message in issues],
    )


def _audit(action: str, story: Story, links: Sequence[LinkIn], *, by: Actor, at: datetime) -> None:
    chain = sorted(links, key=lambda link: link.position)
    audit.record(
        action=action,
        organization_id=story.organization_id,
        by=by,
        at=at,
        subject=story,
        subjects=[("rules.reconciliation", link.reconciliation_id) for link in chain],
        name=story.name,
    )
