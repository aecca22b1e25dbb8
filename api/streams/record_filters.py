"""What the list of records reads from its query, and the places that its cursors name."""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from api.shared.pagination import Cursor, bad_query
from api.shared.queries import only, query_instant, query_number, query_text, query_word
from api.shared.values import Unfit, read_instant, read_number
from ledgers.models import Record
from ledgers.states import BatchSource
from organizations.refusals import Invalid
from reconciliation.selectors.records import Place, RecordFilter

LIST = Cursor(default=50, cap=200, offsets=False, cursors=True)
MATCHED, UNMATCHED = "matched", "unmatched"
SCOPES = (
    "data_stream_key",
    "reconciliation_match_id",
    "reconciliation_id",
    "external_id",
    "import_batch_id",
    "bulk_request_id",
)
KNOWN = (*SCOPES, "created_after", "created_before", "source", "status", "cursor", "limit")

LIST_PARAMETERS = [
    OpenApiParameter("data_stream_key", OpenApiTypes.STR, description="Records of this stream."),
    OpenApiParameter("reconciliation_match_id", OpenApiTypes.INT64, description="Members of this match."),
    OpenApiParameter(
        "reconciliation_id", OpenApiTypes.INT64, description="Records of its streams, as it sees them."
    ),
    OpenApiParameter("external_id", OpenApiTypes.STR, description="Exactly this."),
    OpenApiParameter("import_batch_id", OpenApiTypes.INT64, description="What it added and is there still."),
    OpenApiParameter("bulk_request_id", OpenApiTypes.INT64, description="What it added and is there still."),
    OpenApiParameter("created_after", OpenApiTypes.DATETIME, description="At this instant or later."),
    OpenApiParameter("created_before", OpenApiTypes.DATETIME, description="At this instant or earlier."),
    OpenApiParameter(
        "source", OpenApiTypes.STR, enum=BatchSource.values, description="Of the import batch it is in."
    ),
    OpenApiParameter(
        "status",
        OpenApiTypes.STR,
        enum=[MATCHED, UNMATCHED],
        description=(
            "With reconciliation_id: reconciled there or not. Without: in an accepted match anywhere or in none."
        ),
    ),
    OpenApiParameter("cursor", OpenApiTypes.STR, description="`next_cursor` of the page before."),
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": LIST.cap, "default": LIST.default},
        description="Rows asked for.",
    ),
]


def asked_of(request: Request) -> RecordFilter:
    """The filters; raises Invalid where one cannot be used, or where none narrows the list."""
    only(request, KNOWN)
    status = query_word(request, "status", (MATCHED, UNMATCHED))
    external_id = query_text(request, "external_id")
    if external_id == "":
        raise bad_query("external_id", _("Write the id that you look for."))
    asked = RecordFilter(
        data_stream_key=query_text(request, "data_stream_key"),
        match_id=query_number(request, "reconciliation_match_id"),
        reconciliation_id=query_number(request, "reconciliation_id"),
        external_id=external_id,
        import_batch_id=query_number(request, "import_batch_id"),
        bulk_request_id=query_number(request, "bulk_request_id"),
        created_after=query_instant(request, "created_after"),
        created_before=query_instant(request, "created_before"),
        source=query_word(request, "source", BatchSource.values),
        matched=None if status is None else status == MATCHED,
    )
    if not asked.is_scoped:
        message = _("Narrow the list by at least one of %(names)s.") % {"names": ", ".join(SCOPES)}
        issues = [{"path": [name], "message": message} for name in SCOPES]
        raise Invalid(message, code="records.no_scope", issues=issues)
    return asked


def place_values(row: Record, asked: RecordFilter) -> list[str]:
    """What a cursor says of the last row of a page."""
    return [str(row.pk), row.created_at.isoformat()] if asked.by_arrival else [str(row.pk)]


def place_of(values: list[str] | None, asked: RecordFilter) -> Place | None:
    """The place back; raises Invalid where it is none, or of a list in another order."""
    if values is None:
        return None
    try:
        if asked.by_arrival:
            pk, at = values
            return Place(read_number(pk), read_instant(at))
        (pk,) = values
        return Place(read_number(pk))
    except (Unfit, ValueError):
        raise bad_query("cursor", _("This cursor is of another list; begin again without one.")) from None
