"""What acts leave behind: answers kept for repeats of the same request, and signs of life of workers."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q
from django.db.models.functions import Now

from organizations.models.people import Organization


class IdempotencyKey(models.Model):
    """The stored 2xx answer to one (organization, caller, method, path, key). Written by `acts.perform` alone."""

    identity = models.CharField(max_length=64, unique=True)  # SHA-256 over those five: paths may be long
    organization = models.ForeignKey(Organization, models.PROTECT, db_index=False)
    caller = models.CharField(max_length=100)
    method = models.CharField(max_length=10)
    path = models.TextField()
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)  # over the parsed body, made by the caller
    answer_code = models.SmallIntegerField()
    answer_body = models.TextField()  # JSON text, not jsonb: a replay keeps the order of keys and all digits
    answer_headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(answer_code__gte=200, answer_code__lt=300), name="idempotencykey_answer_is_2xx"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Heartbeat(models.Model):
    """When a background process (worker, beat) was last seen alive. One row per name."""

    name = models.CharField(max_length=100, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
