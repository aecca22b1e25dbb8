"""The audit trail: events that acts insert, the queue of those not sealed yet, and the seals that chain them.

Written by `organizations.audit` alone. Triggers of the first migrations refuse changes to events and seals.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Index, UniqueConstraint
from django.utils.translation import gettext_lazy

from organizations.models.people import Organization


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def about(self, subject_type: str, subject_id: object) -> AuditEventQuerySet:
        """Events that name this subject, as their main one or beside it."""
        return self.filter(subjects__contains=[f"{subject_type}:{subject_id}"])

    def newest_first(self) -> AuditEventQuerySet:
        return self.order_by("-pk")


class AuditEvent(models.Model):
    """One act: who did what to what, when. Subjects are named by type and id, so that no floor points upward."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_index=False, verbose_name=gettext_lazy("organization")
    )
    at = models.DateTimeField(gettext_lazy("time"))
    actor = models.CharField(gettext_lazy("who"), max_length=100)
    action = models.CharField(gettext_lazy("act"), max_length=100)
    subject_type = models.CharField(gettext_lazy("kind of subject"), max_length=100)
    subject_id = models.CharField(gettext_lazy("subject"), max_length=100)
    # "reconciliation.match:17" of the subject and of all others that the act touched: one index finds them all.
    subjects = ArrayField(models.CharField(max_length=201), verbose_name=gettext_lazy("subjects"))
    data = models.JSONField(gettext_lazy("facts"), default=dict, encoder=DjangoJSONEncoder)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("audit event")
        verbose_name_plural = gettext_lazy("audit events")
        indexes = [
            Index(fields=["organization", "id"], name="auditevent_by_organization"),
            Index(fields=["organization", "action", "id"], name="auditevent_by_action"),
            Index(fields=["organization", "actor", "id"], name="auditevent_by_actor"),
            GinIndex(fields=["subjects"], name="auditevent_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_type.rpartition('.')[2]} {self.subject_id}"


class AuditUnsealed(models.Model):
    """An event that waits for its seal. Inserted with the event, deleted by the sealer."""

    event = models.OneToOneField(AuditEvent, models.PROTECT, primary_key=True)
    organization = models.ForeignKey(Organization, models.PROTECT, db_index=False)

    class Meta:
        indexes = [Index(fields=["organization", "event"], name="auditunsealed_queue")]

    def __str__(self) -> str:
        return str(self.event_id)


class AuditSeal(models.Model):
    """One link of an organization's chain: sha256(previous digest, canonical event). Numbers have no gaps."""

    event = models.OneToOneField(AuditEvent, models.PROTECT, primary_key=True, related_name="seal")
    organization = models.ForeignKey(Organization, models.PROTECT, db_index=False)
    number = models.BigIntegerField(gettext_lazy("number"))
    digest = models.CharField(gettext_lazy("digest"), max_length=64)
    sealed_at = models.DateTimeField(gettext_lazy("sealed at"))  # for people; no part of the chain

    class Meta:
        constraints = [UniqueConstraint(fields=["organization", "number"], name="auditseal_number_once")]

    def __str__(self) -> str:
        return str(self.number)
