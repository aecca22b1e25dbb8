"""What people do to a whole stream beside its names: add a record, empty it, delete it; and how healthy it is."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ledgers.models import DataStream, Record
from ledgers.selectors.streams import StreamHealth, stream_health
from ledgers.states import WRITABLE_STREAMS, StreamKind
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from reconciliation.admin.record_forms import AddForm
from reconciliation.admin.words import plainly
from reconciliation.services.operations import stream_reset
from reconciliation.services.single_records import metadata_check
from reconciliation.services.stream_deletion import stream_delete_request
from reconciliation.services.stream_records import RecordIn, records_add
from rules.models import ReconciliationStream

SCOPE = "records:write"
OWNERS = {
    StreamKind.LEDGER: gettext_lazy("It belongs to its ledger, and is filled and changed there."),
    StreamKind.STATEMENT: gettext_lazy("It belongs to its bank account, and is filled by statements."),
    StreamKind.TRANSACTIONS: gettext_lazy("It belongs to settlements, and is filled and changed there."),
    StreamKind.BANK_LIST: gettext_lazy("It belongs to settlements, and is filled and changed there."),
}


def owned(stream: DataStream) -> str:
    """Why people do not change it here; empty: they do."""
    return "" if stream.kind in WRITABLE_STREAMS else str(OWNERS[StreamKind(stream.kind)])


def add_act(stream: DataStream) -> Act:
    return Act(
        "add-record",
        _("Add a record"),
        partial(_added, stream),
        SCOPE,
        against=owned(stream) or busy(stream),
        form=AddForm,
        explain=_(
            "For what no program and no file brings. It is open in every reconciliation of the stream."
        ),
        success=_("It is added."),
        after=lambda request, made: HttpResponseRedirect(
            reverse("admin:reconciliation_streamrecord_change", args=[made.pk])
        ),
    )


def empty_act(stream: DataStream) -> Act:
    return Act(
        "empty",
        _("Empty"),
        partial(plainly(stream_reset, stream), stream=stream),
        SCOPE,
        against=owned(stream) or busy(stream),
        danger=True,
        explain=_(
            "All its records are taken away, and their matches undone in every reconciliation. This cannot be taken back."
        ),
        success=_("It is being emptied."),
    )


def delete_act(stream: DataStream) -> Act:
    wired = ReconciliationStream.objects.filter(stream=stream, reconciliation__voided_at__isnull=True)
    books = wired.select_related("reconciliation").order_by("reconciliation__name").first()
    linked = _("It is reconciled in %(name)s. Take it out there first.") % {
        "name": books.reconciliation.name if books is not None else ""
    }
    return Act(
        "delete",
        _("Delete"),
        partial(plainly(stream_delete_request, stream), stream=stream),
        SCOPE,
        against=owned(stream) or (linked if books is not None else "") or busy(stream),
        danger=True,
        explain=_("Its records, import batches and metadata keys go with it. This cannot be taken back."),
        success=_("It is being deleted."),
        after=_to_work,
    )


def health_of(stream: DataStream) -> StreamHealth | None:
    """Of streams that programs and files fill; the others are proved by their account or ledger."""
    return stream_health(stream, at=timezone.now()) if stream.kind in WRITABLE_STREAMS else None


def busy(stream: DataStream) -> str:
    """Why nothing is put into it just now; empty: it takes records."""
    return _("It is being emptied or deleted.") if stream.resetting else ""


def _added(stream: DataStream, *, by: Actor, at: datetime, **facts: Any) -> Record:
    record = RecordIn(**facts)
    metadata_check(stream, record.metadata)
    [made] = plainly(records_add, stream)(stream=stream, records=[record], by=by, at=at)
    return made


def _to_work(request: HttpRequest, asked: Any) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:reconciliation_streamoperation_change", args=[asked.pk]))
