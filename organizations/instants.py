"""Instants as texts that programs read: UTC with Z, whatever time zone is active."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_text(at: datetime, *, timespec: str = "auto") -> str:
    """ISO 8601 with Z, as every answer of the API has it."""
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
