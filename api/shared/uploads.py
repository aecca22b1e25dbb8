"""Uploads: the form is read as it arrives, each file hashed on its way to a temporary file, and cut off at the limit."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.views import SurfaceView
from organizations.refusals import TooLarge

FORM_ALLOWANCE_BYTES = 64 * 1024
"""What the form around a file may weigh."""
HEAR_OUT_FACTOR = 3
"""How many times the limit is read and dropped after a refusal, at most."""
HEAR_OUT_SECONDS = 10
HEAR_OUT_BYTES = 1 << 20


def too_large() -> TooLarge:
    limit = settings.UPLOAD_MAX_BYTES
    message = _(
        "The file is larger than %(limit)d bytes, the most that this service accepts. Split it by day or account."
    )
    return TooLarge(message % {"limit": limit}, details={"limit_bytes": limit})


class HashingHandler(TemporaryFileUploadHandler):
    """Writes to a temporary file, so that memory stays flat; `file.sha256` is known when the last byte is in. What
    announces itself as too large is refused before a byte is looked at."""

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, Any],  # noqa: N803 - Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        if content_length > settings.UPLOAD_MAX_BYTES + FORM_ALLOWANCE_BYTES:
            raise too_large()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.digest = hashlib.sha256()
        self.taken = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.taken += len(raw_data)
        if self.taken > settings.UPLOAD_MAX_BYTES:
            self.file.close()  # which removes it
            raise too_large()
        self.digest.update(raw_data)
        super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile | None:
        file = super().file_complete(file_size)
        if file is not None:
            file.sha256 = self.digest.hexdigest()  # type: ignore[attr-defined]
        return file


class UploadView(SurfaceView):
    """A view that takes multipart/form-data."""

    parser_classes = [MultiPartParser]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        # Here, and not in a parser: with a session the CSRF check already reads the form.
        request.upload_handlers = [HashingHandler(request)]
        return super().initialize_request(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        # Not `request.auth`: that would try to authenticate once more, and fail here where nobody catches it.
        if isinstance(exc, TooLarge) and getattr(self.request, "_auth", None) is not None:
            hear_out(self.request._request)
        return super().handle_exception(exc)


def hear_out(request: HttpRequest) -> None:
    """Read and drop what a known caller is still sending, within bounds: many clients look at the answer only after they
    have sent everything, and see a broken pipe instead of our 413."""
    left = HEAR_OUT_FACTOR * settings.UPLOAD_MAX_BYTES
    until = time.monotonic() + HEAR_OUT_SECONDS
    with suppress(OSError):
        while left > 0 and time.monotonic() < until and (chunk := request._stream.read(HEAR_OUT_BYTES)):
            left -= len(chunk)
