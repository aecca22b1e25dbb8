"""What agreed: runs, passes, open items (the tokens), matches and their members, discrepancies, stories."""

from reconciliation.models.clearing import Match, MatchMember, OpenItem, RejectedGroup
from reconciliation.models.discrepancies import Discrepancy
from reconciliation.models.imports import FileImport
from reconciliation.models.operations import StreamOperation
from reconciliation.models.recomputes import OverdueRecompute
from reconciliation.models.rule_jobs import RuleJob
from reconciliation.models.runs import Pass, Run, RunSource
from reconciliation.models.stories import Story, StoryLink
from reconciliation.models.stream_records import StreamRecord

__all__ = [
    "Discrepancy",
    "FileImport",
    "Match",
    "MatchMember",
    "OpenItem",
    "OverdueRecompute",
    "Pass",
    "RejectedGroup",
    "RuleJob",
    "Run",
    "RunSource",
    "Story",
    "StoryLink",
    "StreamOperation",
    "StreamRecord",
]
