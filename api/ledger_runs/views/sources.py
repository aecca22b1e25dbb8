"""Statement files of a run: upload, list, show, original, delete."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.http import FileResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.ledger_runs import bodies, examples, filters, presenting, shapes
from api.ledger_runs.views.base import LedgerRunView
from api.shared.downloads import DownloadView
from api.shared.fields import read_body
from api.shared.idempotency import act, answer_of, replay_headers
from api.shared.preferences import wait_seconds
from api.shared.schema import PREFER, operation, with_example
from api.shared.uploads import UploadView
from ledgers.models import SourceFile
from ledgers.states import UNREAD, SourceFileStatus
from organizations.acts import Answer
from organizations.refusals import NotFound, Refusal, Unreadable
from reconciliation import tasks
from reconciliation.doorbell import ring
from reconciliation.models import Run, RunSource
from reconciliation.services import records, sources

INLINE_MAX_BYTES = 2 * 1024 * 1024
"""Files up to this size are read in the request: that takes less time than asking a worker."""
POLL_SECONDS = 0.1


def source_of(run: Run, file_id: UUID) -> RunSource:
    """A file of the run, failed ones included; deleted ones are gone."""
    rows = RunSource.objects.filter(run=run, source_file__voided_at__isnull=True)
    source = rows.select_related("run", "source_file").filter(source_file__uuid=file_id).first()
    if source is None:
        raise NotFound(_("There is no such file in this run."), code="file.not_found", word="file_not_found")
    return source


class Sources(LedgerRunView):
    scopes = {"GET": "reconciliations:read"}

    @operation(
        "source_files_list", "List the run's files", answers={200: shapes.SourceList}, query=filters.SOURCES
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Failed files too, with what was wrong in them."""
        run = self.run_of(run_id)
        rows = RunSource.objects.filter(run=run, source_file__voided_at__isnull=True)

        show = partial(presenting.source_bodies, organization_id=self.organization_id)

        return self.listed(request, filters.SOURCES, rows.select_related("run", "source_file"), show)


class OneSource(LedgerRunView):
    scopes = {"GET": "reconciliations:read", "DELETE": "imports:write"}

    @operation("source_files_get", "Show a file of the run", answers={200: shapes.SourceFileShape})
    def get(self, request: Request, run_id: UUID, file_id: UUID) -> Response:
        """Where its import stands, and what it brought."""
        source = source_of(self.run_of(run_id), file_id)
        return Response(presenting.source_body(source, self.organization_id))

    @operation("source_files_delete", "Delete a file of the run", answers={204: None})
    def delete(self, request: Request, run_id: UUID, file_id: UUID) -> Response:
        """Its items go, with their matches; entries of the ledger are freed. An item that another file states as well
        stays: the headers Tieout-Voided and Tieout-Stayed count both."""

        def void() -> records.VoidCounts:
            run = self.run_of(run_id)
            source = source_of(run, file_id)
            return records.source_void(run=run, source_file=source.source_file, by=self.by, at=self.at)

        return act(
            request,
            void,
            render=lambda _counts: None,
            status=204,
            headers=lambda counts: {"Tieout-Voided": str(counts.voided), "Tieout-Stayed": str(counts.stayed)},
        )


class Original(LedgerRunView, DownloadView):
    scopes = {"GET": "imports:read"}

    @operation(
        "source_files_original",
        "Download the original file",
        answers={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    def get(self, request: Request, run_id: UUID, file_id: UUID) -> FileResponse:
        """The bytes as they were uploaded."""
        source = source_of(self.run_of(run_id), file_id).source_file
        return FileResponse(
            default_storage.open(source.storage_name),
            as_attachment=True,
            filename=source.filename,
            content_type="application/octet-stream",
        )


@with_example(examples.UPLOADED)
class UploadedShape(serializers.Serializer[Any]):
    source_file = shapes.SourceFileShape()
    imported = serializers.IntegerField(
        allow_null=True, help_text="New records; null while it is processing."
    )
    already_known = serializers.IntegerField(allow_null=True)
    skipped_statements = shapes.SkippedStatement(many=True)

    class Meta:
        ref_name = "Uploaded"


class Upload(LedgerRunView, UploadView):
    scopes = {"POST": "imports:write"}
    throttle_scope = "uploads"

    @operation(
        "source_files_upload",
        "Upload a statement file",
        body={"multipart/form-data": bodies.UploadBody},
        answers={201: UploadedShape, 200: UploadedShape, 202: UploadedShape},
        parameters=[PREFER],
        also=[422],
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """camt.053, camt.052, camt.054, MT940, MT942, BAI2, OFX, QIF, CSV or a ZIP of them, all or nothing: one unreadable
        line, and nothing is imported, the file is kept as failed, and `details.rows` names each line (422). Lines that an earlier file brought are linked, not doubled. Large files are
        read by a worker; past the wait the answer is 202 with the file `processing`."""
        body = read_body(bodies.UploadBody, request.data)
        run = self.run_of(run_id)
        received = sources.receive(body["file"])

        def add() -> Answer:
            source, created = sources.source_add(
                run=run,
                received=received,
                filename=body["file"].name,
                idempotency_key=body.get("idempotency_key") or "",
                by=self.by,
                at=self.at,
            )
            return Answer(201 if created else 200, source.pk)

        answer = answer_of(request, add)
        source = RunSource.objects.select_related("run", "source_file").get(pk=answer.body)
        wait, applied = wait_seconds(request)
        if answer.status == 201 and not answer.replayed:
            self._import(source.source_file, wait)
        return self._answer(source, answer, applied)

    def _import(self, file: SourceFile, wait: float) -> None:
        """Here and now where that is quick, else by a worker, for as long as the caller waits."""
        if wait and file.size_bytes <= INLINE_MAX_BYTES:
            with suppress(Refusal):  # it is kept in the file's row, and that is the answer
                sources.source_import(source_file_id=file.pk, at=self.at)
        else:
            ring(tasks.import_source, source_file_id=file.pk)
            _wait(file, wait)
        file.refresh_from_db()

    def _answer(self, source: RunSource, answer: Answer, applied: str) -> Response:
        file = source.source_file
        if file.status in UNREAD:
            raise unreadable(file)
        status = answer.status if file.status == SourceFileStatus.COMPLETED else 202
        headers = replay_headers(answer)
        if applied:
            headers["Preference-Applied"] = applied
        if status == 202:
            headers["Location"] = f"/v1/ledgers/reconciliation/runs/{source.run.uuid}/sources/{file.uuid}"
        body = {
            "source_file": presenting.source_body(source, self.organization_id),
            "imported": file.imported_count,
            "already_known": file.already_known_count,
            "skipped_statements": file.skipped_statements,
        }
        return Response(body, status=status, headers=headers)


def _wait(file: SourceFile, seconds: float) -> None:
    """Outside any transaction: look until the import has ended or the time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        file.refresh_from_db()
        if file.status in (SourceFileStatus.COMPLETED, *UNREAD):
            return
        time.sleep(POLL_SECONDS)


def unreadable(file: SourceFile) -> Unreadable:
    """What is wrong with a failed file, from its row: the first answer and every later one are the same."""
    details = {"rows": file.error_rows, "row_errors": file.error_row_count, "source_file_id": str(file.uuid)}
    return Unreadable(file.error_message, code=file.error_code, word="invalid_file", details=details)
