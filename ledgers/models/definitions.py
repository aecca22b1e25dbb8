"""What a stream's metadata holds: one definition per key, with its type. Rules compare typed keys as that type."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ledgers.models.records import DataStream
from ledgers.states import PropertyType


class PropertyDefinitionQuerySet(models.QuerySet["PropertyDefinition"]):
    def of(self, organization_id: int) -> PropertyDefinitionQuerySet:
        return self.filter(stream__organization_id=organization_id)

    def live(self) -> PropertyDefinitionQuerySet:
        return self.filter(voided_at__isnull=True)


class PropertyDefinition(models.Model):
    """A key of the metadata of a stream's records. Its key and type never change: delete it and make another."""

    stream = models.ForeignKey(DataStream, on_delete=models.PROTECT, related_name="property_definitions")
    key = models.CharField(max_length=100)
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=8, choices=PropertyType)
    optional = models.BooleanField(default=False, help_text="Off: each record has to have it.")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.CharField(max_length=100, blank=True, default="")

    objects = PropertyDefinitionQuerySet.as_manager()

    class Meta:
        ordering = ["key", "pk"]
        constraints = [
            UniqueConstraint(
                fields=["stream", "key"],
                condition=Q(voided_at__isnull=True),
                name="propertydefinition_key_once",
            ),
            CheckConstraint(condition=Q(type__in=PropertyType.values), name="propertydefinition_type_known"),
            CheckConstraint(condition=~Q(key=""), name="propertydefinition_has_key"),
        ]

    def __str__(self) -> str:
        return self.name
