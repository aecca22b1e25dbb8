"""Asking for a backtest: how a rule, saved or only in the request, would have done on the records of a period.

The rules that are compared are fixed here, as they stand; a worker then reads the records (backtest_execution).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Max
from django.utils.translation import gettext as _

from ledgers.models import Record
from organizations.actors import Actor
from organizations.refusals import Invalid
from reconciliation.models import RuleJob
from reconciliation.services.rule_jobs import rule_job_request
from reconciliation.states import RuleJobKind
from rules.checking import FACTS, checked
from rules.models import Reconciliation, Rule, RuleRevision
from rules.selectors import current_revisions, metadata_types, newest_revision, rules_of

DAYS = 90
RECORDS_MAX = 1_000_000

COUNT = """
SELECT count(*) FROM (
    SELECT 1 FROM ledgers_record r JOIN rules_reconciliationstream w ON w.stream_id = r.stream_id
    WHERE w.reconciliation_id = %s AND r.date BETWEEN %s AND %s AND r.voided_at IS NULL AND r.kind = 'entry'
    LIMIT %s
) AS found
"""


def backtest_request(
    *,
    reconciliation: Reconciliation,
    rule_id: int | None = None,
    facts: Mapping[str, Any] | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
    by: Actor,
    at: datetime,
) -> RuleJob:
    """Try a rule out: a saved one (`rule_id`), one that is only in the request (`facts`), or a saved one with changes
    (both). The period is the last 90 days for which there are records, unless it is named; both days are included.

    Refuses what cannot run as saving would ("rule.invalid", paths below "rule"), a rule that does not hold for the
    reconciliation ("rule.unknown"), a period that ends before it begins ("backtest.period"), or with more than a million
    records ("backtest.too_many").
    """
    if rule_id is None and facts is None:
        raise _invalid(["rule"], _("Name a saved rule (rule_id), or write one (rule)."), "backtest.no_rule")
    rule = _saved(reconciliation, rule_id) if rule_id is not None else None
    candidate = _candidate(reconciliation, rule, facts)
    since, until = _period(reconciliation, date_from, date_to)
    refuse_too_many(_count(reconciliation, since, until), since, until)
    changed = rule is None or facts is not None
    standing = [_as_stands(each) for each in current_revisions(reconciliation)]
    others = [each for each in standing if rule is None or each["rule_id"] != rule.pk]
    asked = {
        "date_from": since.isoformat(),
        "date_to": until.isoformat(),
        "candidate": candidate,
        "with": sorted([*others, candidate], key=_order),
        # A saved rule tried as it is would be compared with itself: then it is left out.
        "without": standing if changed else others,
    }
    return rule_job_request(
        reconciliation=reconciliation, kind=RuleJobKind.BACKTEST, asked=asked, by=by, at=at
    )


def _order(rule: Mapping[str, Any]) -> tuple[int, float]:
    """By priority, then the older; one that is not saved yet comes after its equals."""
    return rule["body"]["priority"], rule["rule_id"] or float("inf")


def _saved(reconciliation: Reconciliation, rule_id: int) -> Rule:
    found = rules_of(reconciliation).listed().filter(pk=rule_id).first()
    if found is None:
        message = _("There is no such rule in this reconciliation.")
        raise _invalid(["rule_id"], message, "rule.unknown")
    return found


def _candidate(
    reconciliation: Reconciliation, rule: Rule | None, facts: Mapping[str, Any] | None
) -> dict[str, Any]:
    if rule is not None and facts is None:
        revision = newest_revision(rule)
        assert revision is not None, "a rule is written with its first revision"
        return {**_as_stands(revision), "candidate": True}
    given = dict(facts or {})
    before = {name: getattr(rule, name) for name in FACTS} if rule is not None else {}
    types = metadata_types(reconciliation, {**before, **given})
    try:
        body = checked(
            given, kind=reconciliation.kind, accepts=reconciliation.auto_accept, types=types, before=rule
        )
    except Invalid as refusal:
        issues = [{**issue, "path": ["rule", *issue["path"]]} for issue in refusal.issues]
        raise Invalid(refusal.message, code=refusal.code, issues=issues) from None
    body = {**body, "score": float(body["score"]), "accept_at": float(body["accept_at"])}
    return {
        "rule_id": rule.pk if rule is not None else None,
        "revision_id": None,
        "revision": None,
        "body": {**body, "metadata_types": types},
        "candidate": True,
    }


def _as_stands(revision: RuleRevision) -> dict[str, Any]:
    rule = revision.rule
    body = {**revision.body, "name": revision.body.get("name") or rule.name, "priority": rule.priority}
    return {
        "rule_id": rule.pk,
        "revision_id": revision.pk,
        "revision": revision.number,
        "body": body,
        "candidate": False,
    }


def _period(reconciliation: Reconciliation, since: date | None, until: date | None) -> tuple[date, date]:
    if until is None:
        rows = Record.objects.live().entries().filter(stream__wiring__reconciliation=reconciliation)
        until = rows.aggregate(last=Max("date"))["last"] or since or date(1970, 1, 1)
    if since is None:
        since = until - min(timedelta(days=DAYS - 1), until - date.min)
    if since > until:
        raise _invalid(["date_from"], _("The period ends before it begins."), "backtest.period")
    return since, until


def _count(reconciliation: Reconciliation, since: date, until: date) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [reconciliation.pk, since, until, RECORDS_MAX + 1])
        return int(cursor.fetchone()[0])


def refuse_too_many(count: int, since: date, until: date) -> None:
    if count > RECORDS_MAX:
        message = _(
            "From %(since)s to %(until)s there are more than %(most)s records. Name a shorter period."
        )
        texts = {"since": since, "until": until, "most": f"{RECORDS_MAX:,}"}
        raise _invalid(["date_from"], message % texts, "backtest.too_many")


def _invalid(path: list[str], message: str, code: str) -> Invalid:
    return Invalid(message, code=code, issues=[{"path": path, "message": message}])
