"""Routes of the ledger-run surface, under /v1/ledgers. Named paths stand before `{id}`."""

from django.urls import include, path

from api.ledger_runs import paths as paths  # registers the converter of ids
from api.ledger_runs.views import books, explaining, exports, items, matching, proofs, runs, sources, undoing

reconciliation = [
    path("runs", runs.Runs.as_view(), name="runs"),
    path("runs/<id:run_id>", runs.OneRun.as_view(), name="run"),
    path("runs/<id:run_id>/sources", sources.Sources.as_view(), name="sources"),
    path("runs/<id:run_id>/sources/upload", sources.Upload.as_view(), name="source-upload"),
    path("runs/<id:run_id>/sources/<id:file_id>", sources.OneSource.as_view(), name="source"),
    path("runs/<id:run_id>/sources/<id:file_id>/file", sources.Original.as_view(), name="source-original"),
    path("runs/<id:run_id>/auto-match", matching.AutoMatch.as_view(), name="auto-match"),
    path("runs/<id:run_id>/manual-match", matching.ManualMatch.as_view(), name="manual-match"),
    path("runs/<id:run_id>/matches", matching.Matches.as_view(), name="matches"),
    path("runs/<id:run_id>/items.csv", exports.ItemsCsv.as_view(), name="items-csv"),
    path("runs/<id:run_id>/matches.csv", exports.MatchesCsv.as_view(), name="matches-csv"),
    path("runs/<id:run_id>/discrepancies.csv", exports.DiscrepanciesCsv.as_view(), name="discrepancies-csv"),
    path("runs/<id:run_id>/gl-only.csv", exports.GlOnlyCsv.as_view(), name="gl-only-csv"),
    path("runs/<id:run_id>/items", items.Items.as_view(), name="items"),
    path("runs/<id:run_id>/gl-only", books.GlOnly.as_view(), name="gl-only"),
    path("runs/<id:run_id>/gl-all", books.GlAll.as_view(), name="gl-all"),
    path("runs/<id:run_id>/discrepancies", items.Discrepancies.as_view(), name="discrepancies"),
    path("matches/bulk", matching.BulkDecision.as_view(), name="matches-bulk"),
    path("matches/<id:match_id>", matching.OneMatch.as_view(), name="match"),
    path(
        "matches/<id:match_id>/explanation", explaining.MatchExplanation.as_view(), name="match-explanation"
    ),
    path("matches/<id:match_id>/accept", matching.Accept.as_view(), name="match-accept"),
    path("matches/<id:match_id>/reject", matching.Reject.as_view(), name="match-reject"),
    path("matches/<id:match_id>/undo", matching.UndoMatch.as_view(), name="match-undo"),
    path("matches/<id:match_id>/note", matching.MatchNote.as_view(), name="match-note"),
    path("items/<id:item_id>", items.OneItem.as_view(), name="item"),
    path("items/<id:item_id>/close", items.CloseItem.as_view(), name="item-close"),
    path("items/<id:item_id>/reopen", items.ReopenItem.as_view(), name="item-reopen"),
    path("items/<id:item_id>/note", items.ItemNote.as_view(), name="item-note"),
    path("entries/<id:entry_id>/close", proofs.CloseEntry.as_view(), name="entry-close"),
    path("entries/<id:entry_id>/reopen", proofs.ReopenEntry.as_view(), name="entry-reopen"),
    path(
        "discrepancies/<id:discrepancy_id>/close", items.CloseDiscrepancy.as_view(), name="discrepancy-close"
    ),
    path(
        "discrepancies/<id:discrepancy_id>/reopen",
        items.ReopenDiscrepancy.as_view(),
        name="discrepancy-reopen",
    ),
    path(
        "discrepancies/<id:discrepancy_id>/review",
        items.ReviewDiscrepancy.as_view(),
        name="discrepancy-review",
    ),
    path("passes/<id:pass_id>", matching.OnePass.as_view(), name="pass"),
    path("passes/<id:pass_id>/cancel", matching.CancelPass.as_view(), name="pass-cancel"),
    path("passes/<id:pass_id>/undo", undoing.UndoPass.as_view(), name="pass-undo"),
    path("runs/<id:run_id>/undo", undoing.UndoRun.as_view(), name="run-undo"),
]
urlpatterns = [
    path("", books.Ledgers.as_view(), name="ledgers"),
    path("/accounts", books.Accounts.as_view(), name="accounts"),
    path("/entries", books.Entries.as_view(), name="entries"),
    path("/entries/bulk", books.EntriesBulk.as_view(), name="entries-bulk"),
    path("/journals", books.Journals.as_view(), name="journals"),
    path("/journals/<id:journal_id>", books.OneJournal.as_view(), name="journal"),
    path("/reconciliation/", include(reconciliation)),
    path("/<id:ledger_id>", books.OneLedger.as_view(), name="ledger"),
    path("/<id:ledger_id>/proof", proofs.Proof.as_view(), name="ledger-proof"),
    path("/<id:ledger_id>/opening", proofs.Opening.as_view(), name="ledger-opening"),
    path("/<id:ledger_id>/reconcile", matching.LedgerTrigger.as_view(), name="ledger-reconcile"),
]
