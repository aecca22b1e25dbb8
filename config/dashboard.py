"""What the overview page shows. Called by the admin site; asks the selectors of each floor."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from config.navigation import groups


def context(request: HttpRequest) -> dict[str, Any]:
    """Template variables of the overview: `panels` ({"template": name, …}) on top, then `places`, the way to each page."""
    return {"panels": [], "places": groups(request)}
