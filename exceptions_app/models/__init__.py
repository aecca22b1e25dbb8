"""Rows of the exceptions floor: exceptions and what people write on them, sweeps, investigations."""

from exceptions_app.models.exceptions import Assignee, Comment, ReconciliationException
from exceptions_app.models.investigations import Finding, Investigation
from exceptions_app.models.sweeps import Sweep

__all__ = ["Assignee", "Comment", "Finding", "Investigation", "ReconciliationException", "Sweep"]
