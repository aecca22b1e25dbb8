"""Uploads of the back office's forms: written to disk as they arrive, and cut off at the limit. Named by settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler
from django.http import HttpRequest
from django.utils.translation import gettext as _

CUT = "_tieout_upload_cut"


class LimitedUpload(TemporaryFileUploadHandler):
    """Stops reading once a file is over UPLOAD_MAX_BYTES: the form then arrives without it, and the page says why."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.taken = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.taken += len(raw_data)
        if self.taken > settings.UPLOAD_MAX_BYTES:
            self.file.close()  # which removes it
            setattr(self.request, CUT, True)
            raise StopUpload(connection_reset=True)
        super().receive_data_chunk(raw_data, start)


def was_cut(request: HttpRequest) -> bool:
    """Whether a file of this form was too large. Read the form first."""
    return bool(request.POST is not None and getattr(request, CUT, False))


def too_large() -> str:
    text = _("The file is larger than %(max)s MB, the most that is taken. Split it by day or account.")
    return text % {"max": settings.UPLOAD_MAX_BYTES // 2**20}
