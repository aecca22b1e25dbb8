"""The Prefer header (RFC 7240): how long a caller is willing to wait for a long act."""

from __future__ import annotations

import re

from django.conf import settings
from rest_framework.request import Request

WAIT_SECONDS_MAX = 60
"""A request may hold a web worker no longer than this, whatever it prefers."""

WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,6})\"?")


def wait_seconds(request: Request) -> tuple[float, str]:
    """How long to wait before answering 202, and what to say in Preference-Applied ("" where nothing was asked)."""
    for preference in request.headers.get("Prefer", "").lower().split(","):
        preference = preference.split(";")[0].strip()
        if preference == "respond-async":
            return 0.0, "respond-async"
        asked = WAIT.fullmatch(preference)
        if asked:
            seconds = min(int(asked[1]), WAIT_SECONDS_MAX)
            return float(seconds), f"wait={seconds}"
    return float(settings.MATCH_WAIT_SECONDS), ""
