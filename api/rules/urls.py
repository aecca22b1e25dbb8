"""Routes of the rules surface, under /v1/. Named paths stand before `{id}`."""

from django.urls import path

from api.rules.views import combining, explaining, rules, trying
from api.shared import paths as paths  # registers the converter of numbers

urlpatterns = [
    path("reconciliation_rules", rules.Rules.as_view(), name="rules"),
    path("reconciliation_rules/<number:rule_id>", rules.OneRule.as_view(), name="rule"),
    path("reconciliation_rules/<number:rule_id>/activate", rules.Activate.as_view(), name="rule-activate"),
    path("reconciliation_rules/<number:rule_id>/discard", rules.Discard.as_view(), name="rule-discard"),
    path(
        "reconciliation_matches/<number:match_id>/explanation",
        explaining.MatchExplanation.as_view(),
        name="stream-match-explanation",
    ),
    path(
        "reconciliations/<number:reconciliation_id>/explain",
        explaining.Explain.as_view(),
        name="reconciliation-explain",
    ),
    path(
        "reconciliations/<number:reconciliation_id>/combinations",
        combining.Combine.as_view(),
        name="reconciliation-combinations",
    ),
    path(
        "reconciliations/<number:reconciliation_id>/backtests",
        trying.Backtests.as_view(),
        name="reconciliation-backtests",
    ),
    path(
        "reconciliations/<number:reconciliation_id>/backtests/<number:job_id>",
        trying.OneBacktest.as_view(),
        name="reconciliation-backtest",
    ),
]
