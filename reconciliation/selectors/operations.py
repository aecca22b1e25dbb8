"""Questions about operations on whole streams."""

from __future__ import annotations

from django.utils.translation import gettext as _

from ledgers.services.streams import KEY_FORM, KEY_MAX
from organizations.refusals import NotFound
from reconciliation.models import StreamOperation
from reconciliation.states import OperationKind

ASKED_FOR = (OperationKind.RESET, OperationKind.DELETE)
"""Putting streams into reconciliations and taking them out is part of an act on the reconciliation."""


def operation_of(*, organization_id: int, stream_key: str, operation_id: int) -> StreamOperation:
    """A reset or deletion of the stream that has, or had, this key. NotFound "operation.not_found"."""
    rows = StreamOperation.objects.filter(stream__organization_id=organization_id, kind__in=ASKED_FOR)
    known = KEY_FORM.fullmatch(stream_key) and len(stream_key) <= KEY_MAX
    found = rows.filter(stream_key=stream_key, pk=operation_id).first() if known else None
    if found is None:
        raise NotFound(
            _("There is no operation with this id on a data stream with this key."),
            code="operation.not_found",
        )
    return found
