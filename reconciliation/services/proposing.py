"""Cold start as a job: rules sought in a reconciliation's open items and written as proposals, for a person to take into use
or put aside. Asked for by hand or by the schedule; a worker does it (rule_job_execution)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Exists, Max, OuterRef
from django.utils.translation import gettext as _

from organizations import audit
from organizations.actors import Actor, system_actor
from organizations.acts import perform
from organizations.refusals import Conflict
from reconciliation import matching
from reconciliation.models import OpenItem, RuleJob
from reconciliation.proposal_frames import open_items
from reconciliation.proposal_words import description_of, name_of, reasoning_of, step_words
from reconciliation.services.rule_job_execution import Done, Report
from reconciliation.services.rule_jobs import rule_job_request
from reconciliation.services.rules import hold, rule_create
from reconciliation.states import RuleJobKind
from rules.conditions import side_a_and_b, statement_and_books
from rules.engine import cold_start
from rules.models import Reconciliation, Rule
from rules.selectors import rules_of
from rules.states import Rating, ReconciliationKind, RuleSource, RuleStatus, Side

TASK = "propose_rules"
PRIORITY_STEP = 10
AGAIN_AFTER = timedelta(days=1)
"""How long the schedule leaves a reconciliation alone in which it found nothing."""

PERCENT = {"read": 10, "too_short": 95, "again": 12, "nothing_more": 95}
PER_ROUND = {"forms": 2, "tried": 8, "found": 10}
BODY = ("cardinality", "filters", "group_by", "rollup", "on_ambiguity")


def proposals_request(*, reconciliation: Reconciliation, by: Actor, at: datetime) -> RuleJob:
    """Ask for rules to be sought. Conflict "reconciliation.owned" for a settlement's, "rule_job.running" while rules of the
    reconciliation are being sought."""
    if reconciliation.kind == ReconciliationKind.SETTLEMENT:
        raise Conflict(
            _("The rules of %(name)s belong to its settlement; none are proposed for it.")
            % {"name": reconciliation.name},
            code="reconciliation.owned",
        )
    newest = OpenItem.objects.filter(reconciliation=reconciliation).aggregate(newest=Max("record_id"))
    return rule_job_request(
        reconciliation=reconciliation,
        kind=RuleJobKind.PROPOSAL,
        asked={"newest_record": newest["newest"]},
        by=by,
        at=at,
    )


def propose_rules(job: RuleJob, report: Report) -> Done:
    """Seek rules and measure those that wait again. What is found is written with the job's end."""
    reconciliation = job.reconciliation
    waiting = list(_proposed(reconciliation).filter(status=RuleStatus.PROPOSED, voided_at__isnull=True))
    unwanted = list(_proposed(reconciliation).filter(status=RuleStatus.DISCARDED))
    report(2, "load", _("Open items are being read."))
    known = {"waiting": [_body(rule) for rule in waiting], "unwanted": [_body(rule) for rule in unwanted]}
    items = open_items(reconciliation, known)

    def tell(step: cold_start.Step) -> None:
        number = step.figures.get("round", 0)
        percent = PERCENT.get(step.name) or min(4 + 10 * number + PER_ROUND[step.name], 94)
        report(percent, step.name, step_words(step))

    found = cold_start.propose(
        items.a,
        items.b,
        sign_mode=matching.sign_mode(reconciliation),
        tolerances=reconciliation.kind == ReconciliationKind.STREAMS,
        waiting=known["waiting"],
        unwanted=known["unwanted"],
        tell=tell,
    )
    sides = side_a_and_b() if reconciliation.kind == ReconciliationKind.STREAMS else statement_and_books()
    result = {
        "proposed": [_figures(proposal) for proposal in found.proposals],
        "reasoning": reasoning_of(found.proposals, found.steps[-1], sides),
    }
    return Done(result, items.digest, partial(_write, job, found, [rule.pk for rule in waiting], result))


def _figures(proposal: cold_start.Proposal) -> dict[str, Any]:
    return {
        **proposal.body,
        "name": name_of(proposal),
        "confidence": proposal.rating,
        "sample_match_rate": proposal.sample_match_rate,
        "pairs": proposal.pairs,
        "by_accident": round(proposal.by_accident, 3),
        "precision": round(proposal.precision, 4),
        "lower_bound": round(proposal.lower_bound, 4),
        "found": proposal.found,
    }


# --- what is written ---------------------------------------------------------------------------------------------------


def _write(
    job: RuleJob,
    found: cold_start.ColdStart,
    waiting: Sequence[int],
    result: dict[str, Any],
    at: datetime,
) -> None:
    """The proposals as rules, after all that are there; and how those that waited do now."""
    reconciliation = job.reconciliation
    by = system_actor(TASK, reconciliation.organization_id)
    hold(reconciliation, by=by)  # before its rules' rows, as every act on rules does
    rated = _rate_again(waiting, found.checked, by=by, at=at)
    last = rules_of(reconciliation).aggregate(last=Max("priority"))["last"] or 0
    known = [_body(rule) for rule in rules_of(reconciliation)]
    written = [
        None
        if _full(proposal.body) in known
        else _write_one(reconciliation, proposal, last + PRIORITY_STEP * place, by=by, at=at).pk
        for place, proposal in enumerate(found.proposals, start=1)
    ]
    told = [{**one, "rule_id": pk} for one, pk in zip(result["proposed"], written, strict=True)]
    RuleJob.objects.filter(pk=job.pk).update(result={**result, "proposed": told, "rated_again": rated})
    audit.record(
        action="rules.proposed",
        organization_id=reconciliation.organization_id,
        by=by,
        at=at,
        subject=job,
        subjects=[reconciliation],
        rules=[pk for pk in written if pk is not None],
        rated_again=rated,
    )


def _write_one(
    reconciliation: Reconciliation, proposal: cold_start.Proposal, priority: int, *, by: Actor, at: datetime
) -> Rule:
    """Its matches are never surer than the rule itself was found to be."""
    return rule_create(
        reconciliation=reconciliation,
        facts={
            **proposal.body,
            "name": name_of(proposal),
            "description": description_of(proposal),
            "priority": priority,
            "score": int(proposal.precision * 1000) / 1000,
        },
        source=RuleSource.AI,
        status=RuleStatus.PROPOSED,
        rating=proposal.rating,
        sample_match_rate=proposal.sample_match_rate,
        by=by,
        at=at,
    )


def _rate_again(
    waiting: Sequence[int], checked: Sequence[cold_start.Estimate | None], *, by: Actor, at: datetime
) -> list[dict[str, Any]]:
    """The new ratings of rules that wait, where there is enough to tell: `low` where the estimate fell below what would be
    proposed."""
    changed = []
    rules = Rule.objects.select_for_update().in_bulk(list(waiting))
    for pk, estimate in zip(waiting, checked, strict=False):
        rule = rules[pk]
        if estimate is None or estimate.pairs < cold_start.PAIRS_LEAST or rule.status != RuleStatus.PROPOSED:
            continue
        rating = estimate.rating if estimate.is_proposed else Rating.LOW
        if rating != rule.rating:
            changed.append({"rule_id": pk, "before": rule.rating, "confidence": str(rating)})
            rule.rating = rating
            rule.save(update_fields=["rating"])
    return changed


def _proposed(reconciliation: Reconciliation) -> Any:
    """Whatever was proposed for it before, discarded and deleted ones too."""
    return Rule.objects.filter(reconciliation=reconciliation, source=RuleSource.AI).order_by("priority", "pk")


def _body(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in BODY}


def _full(body: dict[str, Any]) -> dict[str, Any]:
    """A body as rules keep it."""
    return {"group_by": [], "rollup": None, "on_ambiguity": "best", **body}


# --- by the schedule ---------------------------------------------------------------------------------------------------


def proposals_request_where_needed(*, at: datetime) -> list[RuleJob]:
    """Ask wherever it is due. Outermost: an act for each, so that one that is refused leaves the others alone."""
    asked = []
    for reconciliation in in_need(at=at):
        by = system_actor(TASK, reconciliation.organization_id)
        try:
            asked.append(perform(partial(proposals_request, reconciliation=reconciliation, by=by, at=at)))
        except Conflict:
            continue  # somebody asked a moment ago
    return asked


def in_need(*, at: datetime) -> list[Reconciliation]:
    """Reconciliations with open items on both sides, and neither an active rule nor a proposal that waits; where nothing was
    found, again when there are new records and a day is over."""
    rules = Rule.objects.filter(
        reconciliation=OuterRef("pk"),
        voided_at__isnull=True,
        status__in=[RuleStatus.ACTIVE, RuleStatus.PROPOSED],
    )
    streams = Reconciliation.objects.live().filter(kind=ReconciliationKind.STREAMS, ready=True)
    free = OpenItem.objects.free().exclude(open_amount=0).filter(reconciliation=OuterRef("pk"))
    sides = [Exists(free.filter(side=side)) for side in Side.values]
    found = streams.filter(~Exists(rules), *sides).order_by("pk")
    return [reconciliation for reconciliation in found if _is_due(reconciliation, at)]


def _is_due(reconciliation: Reconciliation, at: datetime) -> bool:
    last = reconciliation.rule_jobs.filter(kind=RuleJobKind.PROPOSAL).newest_first().first()
    if last is None:
        return True
    if last.is_under_way or last.requested_at > at - AGAIN_AFTER:
        return False
    newest = OpenItem.objects.filter(reconciliation=reconciliation).aggregate(newest=Max("record_id"))
    return bool(newest["newest"] != last.input.get("newest_record"))
