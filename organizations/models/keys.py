"""API keys: the credentials of programs. Only the SHA-256 of a key is kept; its text is shown once, when it is made."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy

from organizations.ids import uuid7
from organizations.models.people import Membership, Organization

HASHED = r"^[0-9a-f]{64}$"


def hash_of(text: str) -> str:
    """SHA-256 in hex. No salt and no stretching: a key has 192 random bits, so there is nothing to guess."""
    return hashlib.sha256(text.encode()).hexdigest()


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self, *, at: datetime) -> ApiKeyQuerySet:
        """Not revoked, not expired, and made by somebody who is still a member."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=at)
        return self.filter(
            unexpired, revoked_at=None, made_by__ended_at=None, made_by__user__is_active=True
        ).select_related("organization", "made_by__user")


class ApiKey(models.Model):
    """One key of one organization. It acts as the member who made it, and dies with that membership."""

    uuid = models.UUIDField(unique=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=gettext_lazy("organization"))
    made_by = models.ForeignKey(
        Membership, models.PROTECT, related_name="api_keys", verbose_name=gettext_lazy("made by")
    )
    name = models.CharField(gettext_lazy("name"), max_length=120)
    prefix = models.CharField(gettext_lazy("prefix"), max_length=16, unique=True)
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=64), verbose_name=gettext_lazy("permissions"))
    expires_at = models.DateTimeField(gettext_lazy("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(gettext_lazy("revoked at"), null=True, blank=True)
    last_used_at = models.DateTimeField(
        gettext_lazy("last used"), null=True, blank=True
    )  # to about ten minutes
    replaces = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="replaced_by")
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(gettext_lazy("created at"), db_default=Now())
    updated_at = models.DateTimeField(gettext_lazy("updated at"), db_default=Now())

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("API key")
        verbose_name_plural = gettext_lazy("API keys")
        constraints = [
            CheckConstraint(condition=Q(secret_hash__regex=HASHED), name="apikey_secret_is_hashed"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    def state(self, *, at: datetime) -> str:
        """active, expired, revoked, or orphaned (its maker is no longer a member). Reads made_by and its user."""
        if self.revoked_at is not None:
            return "revoked"
        if not (self.made_by.is_active and self.made_by.user.is_active):
            return "orphaned"
        return "expired" if self.expires_at is not None and self.expires_at <= at else "active"
