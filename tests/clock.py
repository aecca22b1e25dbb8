"""The one fixed day and instant that tests live at. Tests never read the clock of today."""

from datetime import UTC, date, datetime

TODAY = date(2026, 3, 31)
NOW = datetime(2026, 3, 31, 9, 0, tzinfo=UTC)
