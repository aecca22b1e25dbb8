"""Discrepancies of a run as lists show them."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from organizations.refusals import NotFound
from reconciliation.models import Discrepancy, Run


def discrepancy_rows(organization_id: int) -> QuerySet[Discrepancy]:
    rows = Discrepancy.objects.live().filter(reconciliation__organization_id=organization_id)
    return rows.select_related("run", "record", "match", "statement", "source_file")


def discrepancies_of(run: Run) -> QuerySet[Discrepancy]:
    """With record, match and statement loaded; newest first."""
    return discrepancy_rows(run.organization_id).filter(run=run).order_by("-created_at", "pk")


def discrepancy_of(*, organization_id: int, discrepancy_id: UUID) -> Discrepancy:
    """NotFound "discrepancy.not_found"."""
    row = discrepancy_rows(organization_id).filter(uuid=discrepancy_id).first()
    if row is None:
        raise discrepancy_not_found()
    return row


def discrepancy_not_found() -> NotFound:
    return NotFound(
        _("There is no such discrepancy."), code="discrepancy.not_found", word="discrepancy_not_found"
    )
