"""How files are read, as declared by people: each version of an import profile is a row that never changes."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ledgers.formats.declaration import Declaration
from ledgers.formats.declaration_json import declaration_from_json
from ledgers.states import ImportTarget
from organizations.ids import uuid7
from organizations.models import Organization


class ImportProfileQuerySet(models.QuerySet["ImportProfile"]):
    def of(self, organization_id: int) -> ImportProfileQuerySet:
        return self.filter(organization_id=organization_id)

    def current(self) -> ImportProfileQuerySet:
        """The newest version of each profile that is not retired."""
        return self.filter(replaced_at__isnull=True, retired_at__isnull=True)


class ImportProfile(models.Model):
    """One version of the one declaration of how a file is read; files remember the version that they were read with."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=128)
    target = models.CharField(max_length=32, choices=ImportTarget)
    version = models.PositiveIntegerField(default=1)
    declaration = models.JSONField(default=dict, help_text="As ledgers.formats.declaration_json reads it.")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    replaced_at = models.DateTimeField(null=True, blank=True, help_text="When a newer version came.")
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_by = models.CharField(max_length=100, blank=True, default="")

    objects = ImportProfileQuerySet.as_manager()

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            UniqueConstraint(fields=["organization", "name", "version"], name="importprofile_version_once"),
            UniqueConstraint(
                fields=["organization", "name"],
                condition=Q(replaced_at__isnull=True),
                name="importprofile_one_newest",
            ),
            CheckConstraint(condition=Q(target__in=ImportTarget.values), name="importprofile_target_known"),
            CheckConstraint(
                condition=Q(declaration__has_key="columns"), name="importprofile_declares_columns"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (version {self.version})"

    @property
    def is_current(self) -> bool:
        return self.replaced_at is None and self.retired_at is None

    @property
    def declared(self) -> Declaration:
        return declaration_from_json(self.declaration)
