"""The audit trail: acts `record` one event each, a task `seal`s them into a chain, and anyone may `verify` it.

Recording takes no lock, so acts never queue for the chain. Numbers are the order of sealing, not of writing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models, transaction
from django.utils.translation import gettext as _

from organizations.actors import Actor
from organizations.models import AuditEvent, AuditSeal, AuditUnsealed

Subject = tuple[str, int | str] | models.Model

GENESIS = "0" * 64  # what the first seal of an organization takes as its previous digest
SEAL_BATCH_MAX = 5_000
SEAL_LOCK = 0x5EA1  # first half of the advisory lock; the second is the organization
VERIFY_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Head:
    """The newest seal at some moment. Written into exports, so that a chain cut short or made anew shows."""

    number: int
    digest: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found. `bad_number` is the first seal that does not hold; `problem` says what is wrong there."""

    sealed: int
    waiting: int
    head: Head | None
    bad_number: int | None = None
    problem: str = ""

    @property
    def ok(self) -> bool:
        return not self.problem


def record(
    *,
    action: str,
    organization_id: int,
    by: Actor | str,
    at: datetime,
    subject: Subject,
    subjects: Iterable[Subject] = (),
    **data: Any,
) -> AuditEvent:
    """Write the one event of an act, inside the act's transaction. `subjects` are others that it touched.

    A subject is a model instance, or (type, id) as in ("reconciliation.match", 17). `data` must be JSON-able.
    """
    subject_type, subject_id = subject_name(subject)
    others = (":".join(subject_name(other)) for other in subjects)
    event = AuditEvent.objects.create(
        organization_id=organization_id,
        at=at,
        actor=by.ref if isinstance(by, Actor) else by,
        action=action,
        subject_type=subject_type,
        subject_id=subject_id,
        subjects=list(dict.fromkeys([f"{subject_type}:{subject_id}", *others])),
        data=data,
    )
    AuditUnsealed.objects.create(event=event, organization_id=organization_id)
    return event


def subject_name(subject: Subject) -> tuple[str, str]:
    """(type, id) as events store them: ("reconciliation.match", "17")."""
    if isinstance(subject, models.Model):
        return subject._meta.label_lower, str(subject.pk)
    return subject[0], str(subject[1])


def canonical(event: AuditEvent) -> bytes:
    """The event as the chain sees it: JSON with sorted keys and no blanks, as read back from the database."""
    content = {
        "action": event.action,
        "actor": event.actor,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "data": event.data,
        "id": event.pk,
        "organization": event.organization_id,
        "subject": [event.subject_type, event.subject_id],
        "subjects": event.subjects,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def link(previous: str, event: AuditEvent) -> str:
    """The digest of one link, in hex: SHA-256 over the previous digest and the canonical event."""
    return hashlib.sha256(bytes.fromhex(previous) + canonical(event)).hexdigest()


def head_of(organization_id: int) -> Head | None:
    """The newest seal, or None before the first."""
    last = AuditSeal.objects.filter(organization_id=organization_id).order_by("-number").first()
    return Head(last.number, last.digest) if last else None


def waiting_count(organization_id: int) -> int:
    return AuditUnsealed.objects.filter(organization_id=organization_id).count()


@transaction.atomic
def seal(*, organization_id: int, at: datetime) -> int:
    """Seal what is committed and waits, oldest first, at most one batch; the number of events sealed.

    0 also where another sealer is at work on this organization.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [SEAL_LOCK, organization_id])
        if not cursor.fetchone()[0]:
            return 0
    waiting = AuditUnsealed.objects.filter(organization_id=organization_id).order_by("event_id")
    ids = list(waiting.values_list("event_id", flat=True)[:SEAL_BATCH_MAX])
    head = head_of(organization_id)
    number, digest = (head.number, head.digest) if head else (0, GENESIS)
    seals = []
    for event in AuditEvent.objects.filter(pk__in=ids).order_by("pk"):
        number, digest = number + 1, link(digest, event)
        seals.append(
            AuditSeal(
                event=event, organization_id=organization_id, number=number, digest=digest, sealed_at=at
            )
        )
    AuditSeal.objects.bulk_create(seals)
    AuditUnsealed.objects.filter(event_id__in=ids).delete()
    return len(seals)


def verify(organization_id: int, *, heads: Sequence[Head] = ()) -> Verdict:
    """Walk the chain from its start: an edited, deleted, added or reordered event shows at the first bad number.

    `heads` are digests kept elsewhere (in exports): they show a chain that was cut short or computed anew.
    """
    kept = {head.number: head.digest for head in heads}
    waiting = waiting_count(organization_id)
    last: Head | None = None
    for seal_ in _seals(organization_id):
        number = last.number + 1 if last else 1
        problem = _problem_with(seal_, number, last.digest if last else GENESIS, kept)
        if problem:
            return Verdict(number - 1, waiting, last, number, problem)
        last = Head(seal_.number, seal_.digest)
    sealed = last.number if last else 0
    if kept and max(kept) > sealed:
        missing = _(
            "The chain ends at number %(sealed)s, but a head with number %(kept)s was written into an export."
        )
        return Verdict(sealed, waiting, last, sealed + 1, missing % {"sealed": sealed, "kept": max(kept)})
    return Verdict(sealed, waiting, last, *_outside_the_chain(organization_id, sealed))


def _seals(organization_id: int) -> Iterator[AuditSeal]:
    seals = (
        AuditSeal.objects.filter(organization_id=organization_id).order_by("number").select_related("event")
    )
    return seals.iterator(chunk_size=VERIFY_BATCH)


def _problem_with(seal_: AuditSeal, number: int, previous: str, kept: dict[int, str]) -> str:
    if seal_.number != number:
        return _("Number %(number)s is missing: an event and its seal were deleted.") % {"number": number}
    if link(previous, seal_.event) != seal_.digest:
        return _(
            "Event %(event)s is not what was sealed: it was edited, or events were reordered or deleted."
        ) % {"event": seal_.event_id}
    if kept.get(number, seal_.digest) != seal_.digest:
        return _(
            "Number %(number)s has another digest than the one written into an export: the chain was made anew."
        ) % {"number": number}
    return ""


def _outside_the_chain(organization_id: int, sealed: int) -> tuple[int | None, str]:
    """An event neither sealed nor waiting was taken out of the queue by hand."""
    lost = (
        AuditEvent.objects.filter(organization_id=organization_id, seal=None, auditunsealed=None)
        .order_by("pk")
        .first()
    )
    if lost is None:
        return None, ""
    return sealed + 1, _("Event %(event)s is neither sealed nor waiting: it was taken out of the queue.") % {
        "event": lost.pk
    }
