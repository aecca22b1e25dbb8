"""Routes of the rules surface, under /v1/. Named paths stand before `{id}`."""

from django.urls import path

from api.rules.views import combining, explaining, proposing, rules, trying
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
    path(
        "reconciliations/<number:reconciliation_id>/agent_status",
        proposing.Agent.as_view(),
        name="reconciliation-agent-status",
    ),
    path(
        "reconciliations/<number:reconciliation_id>/propose_rules",
        proposing.ProposeRules.as_view(),
        name="reconciliation-propose-rules",
    ),
    path(
        "reconciliations/<number:reconciliation_id>/propose_rules/<number:job_id>",
        proposing.OneProposal.as_view(),
        name="reconciliation-proposal",
    ),
]
