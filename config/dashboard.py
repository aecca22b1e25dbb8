"""What the overview page shows. Called by the admin site; asks the selectors of each floor."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def context(request: HttpRequest) -> dict[str, Any]:
    """Template variables of the overview, for the chosen organization."""
    return {}
