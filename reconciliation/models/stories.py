"""Stories: reconciliations chained end to end, so that one payment can be followed from its first record to the last."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ledgers.models import DataStream
from organizations.models import Organization
from reconciliation.states import StoryRole
from rules.models import Reconciliation


class StoryQuerySet(models.QuerySet["Story"]):
    def of(self, organization_id: int) -> StoryQuerySet:
        return self.filter(organization_id=organization_id)

    def live(self) -> StoryQuerySet:
        return self.filter(voided_at__isnull=True)


class Story(models.Model):
    """An ordered chain of reconciliations, each sharing a stream with the one before."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.CharField(max_length=100, blank=True, default="")

    objects = StoryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "stories"
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name


class StoryLink(models.Model):
    """A reconciliation in a story. The first is the origin; every other names the stream that joins it to the one before."""

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="links")
    position = models.PositiveIntegerField(help_text="From 1; the order of the chain.")
    role = models.CharField(max_length=12, choices=StoryRole)
    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, related_name="story_links")
    shared_stream = models.ForeignKey(
        DataStream, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            UniqueConstraint(fields=["story", "position"], name="storylink_position_once"),
            CheckConstraint(condition=Q(position__gte=1), name="storylink_position_from_one"),
            CheckConstraint(condition=Q(role__in=StoryRole.values), name="storylink_role_known"),
            CheckConstraint(
                condition=Q(role=StoryRole.ORIGIN, shared_stream__isnull=True)
                | Q(role=StoryRole.CONTINUATION, shared_stream__isnull=False),
                name="storylink_shared_stream_iff_continuation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.role}"
