"""Investigations: what explains an overdue record that no rule has matched. Frames in, findings with figures out; it only
suggests, and its texts are made above it. Pure, like the engine beside it. Called by the services of exceptions."""

from rules.engine.investigation.findings import (
    CAUSES,
    FACTS,
    FINDINGS,
    MATCHABLE,
    MATCHED,
    OUTCOMES,
    RECORDS,
    Cause,
    FeeSchedule,
    Findings,
    Outcome,
)
from rules.engine.investigation.search import REACH_DAYS, WINDOW_DAYS, investigate

__all__ = [
    "CAUSES",
    "FACTS",
    "FINDINGS",
    "MATCHABLE",
    "MATCHED",
    "OUTCOMES",
    "REACH_DAYS",
    "RECORDS",
    "WINDOW_DAYS",
    "Cause",
    "FeeSchedule",
    "Findings",
    "Outcome",
    "investigate",
]
