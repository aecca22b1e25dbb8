"""Routes of reconciliations, runs, matches and stories, under /v1/. Named paths stand before `{id}`."""

from django.urls import path

from api.shared import paths as paths  # registers the converter of numbers
from api.streams.reconciling.views import deciding, matches, overdue, reconciliations, runs, stories

ONE = "reconciliations/<number:reconciliation_id>"
RUN = f"{ONE}/runs/<number:pass_id>"
MATCH = "reconciliation_matches/<number:match_id>"
urlpatterns = [
    path("reconciliations", reconciliations.Reconciliations.as_view(), name="reconciliations"),
    path(ONE, reconciliations.OneReconciliation.as_view(), name="reconciliation"),
    path(f"{ONE}/runs", runs.Runs.as_view(), name="reconciliation-runs"),
    path(RUN, runs.OneRun.as_view(), name="reconciliation-run"),
    path(f"{RUN}/cancel", runs.CancelRun.as_view(), name="reconciliation-run-cancel"),
    path(f"{RUN}/undo", runs.UndoRun.as_view(), name="reconciliation-run-undo"),
    path("reconciliation_matches", matches.Matches.as_view(), name="stream-matches"),
    path("reconciliation_matches/bulk", deciding.DecideMany.as_view(), name="stream-matches-bulk"),
    path(MATCH, matches.OneMatch.as_view(), name="stream-match"),
    path(f"{MATCH}/accept", deciding.Accept.as_view(), name="stream-match-accept"),
    path(f"{MATCH}/reject", deciding.Reject.as_view(), name="stream-match-reject"),
    path("reconciliation_stories", stories.Stories.as_view(), name="stories"),
    path("reconciliation_stories/<number:story_id>", stories.OneStory.as_view(), name="story"),
    path(
        f"{ONE}/records/<number:record_id>/mark_overdue",
        overdue.MarkOverdue.as_view(),
        name="record-mark-overdue",
    ),
]
