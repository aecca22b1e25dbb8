"""What must hold when the hammer rests: the clearing invariant, no act half done, counts that agree, no deadlock."""

from __future__ import annotations

from django.db import connection

from exceptions_app.services.sweeping import LOST
from ledgers.models import Record
from organizations import audit
from organizations.models import AuditEvent
from reconciliation.models import MatchMember, Pass, StreamOperation
from reconciliation.selectors.integrity import Fault, faults
from tests.clock import NOW
from tests.hammer.driver import Report
from tests.hammer.exception_acts import LATER
from tests.hammer.kinds import ACTS_IN_TWO, BROKEN, ERROR, IDLE, OK
from tests.hammer.world import SLOTS, World

# A reset voids in chunks: its request and its end are in the trail.
RESET = """EXISTS (SELECT FROM reconciliation_streamoperation o WHERE o.stream_id = ledgers_record.stream_id
    AND o.kind = 'reset' AND o.started_at <= voided_at AND voided_at <= o.finished_at)"""
# Rows that an act of a person writes, and the instant that it writes on them: (what, table, column, which rows).
WRITTEN_BY_PEOPLE = [
    ("match by hand", "reconciliation_match", "created_at", "origin = 'manual'"),
    ("decision", "reconciliation_match", "decided_at", "decided_by LIKE 'user:%%'"),
    ("end of a match", "reconciliation_match", "ended_at", "ended_by LIKE 'user:%%'"),
    ("refused group", "reconciliation_rejectedgroup", "created_at", "true"),
    ("closing", "reconciliation_openitem", "closed_at", "closed_by LIKE 'user:%%'"),
    ("record", "ledgers_record", "created_at", "created_by LIKE 'user:%%'"),
    ("voided record", "ledgers_record", "voided_at", "voided_by LIKE 'user:%%' AND NOT " + RESET),
    ("file", "ledgers_sourcefile", "created_at", "true"),
    ("voided file", "ledgers_sourcefile", "voided_at", "true"),
    ("voided line", "ledgers_statementline", "voided_at", "true"),
    ("run", "reconciliation_run", "created_at", "true"),
    ("voided run", "reconciliation_run", "voided_at", "true"),
    ("pass asked for", "reconciliation_pass", "requested_at", "true"),
    ("discrepancy", "reconciliation_discrepancy", "created_at", "created_by LIKE 'user:%%'"),
    ("exception", "exceptions_app_reconciliationexception", "created_at", "true"),
    ("deleted exception", "exceptions_app_reconciliationexception", "voided_at", "true"),
    ("closed discrepancy", "reconciliation_discrepancy", "closed_at", "closed_by LIKE 'user:%%'"),
]
# Each worker has instants of its own (world.Instants).
SLOT = f"(extract(microseconds FROM m.created_at)::bigint % {SLOTS})"
HALF_DONE = """
SELECT id_of, instant FROM (SELECT {id} AS id_of, {column} AS instant FROM {table} WHERE {column} IS NOT NULL AND {only})
    AS written
WHERE NOT EXISTS (SELECT FROM organizations_auditevent e WHERE e.at = written.instant) LIMIT 5
"""
# Each gives (id, text) of what does not agree.
COUNTS = {
    "a pass counted other matches than it wrote": """
        SELECT p.id, p.suggested || ' counted, ' || count(m.id) || ' written' FROM reconciliation_pass p
        LEFT JOIN reconciliation_match m ON m.made_by_pass_id = p.id GROUP BY p.id HAVING count(m.id) <> p.suggested""",
    "a pass counted other records than it matched": """
        SELECT p.id, p.matched_records || ' counted, ' || count(mm.record_id) || ' written' FROM reconciliation_pass p
        LEFT JOIN reconciliation_match m ON m.made_by_pass_id = p.id
        LEFT JOIN reconciliation_matchmember mm ON mm.match_id = m.id
        GROUP BY p.id HAVING count(mm.record_id) <> p.matched_records""",
    "a pass that was undone has a live match": """
        SELECT p.id, 'match ' || m.id FROM reconciliation_pass p
        JOIN reconciliation_match m ON m.made_by_pass_id = p.id AND m.status IN ('suggested', 'accepted')
        WHERE p.undone_at IS NOT NULL""",
    "an operation is under way for good": """
        SELECT id, kind || ' ' || status || ' ' || error FROM reconciliation_streamoperation WHERE status <> 'completed'""",
    "a reconciliation is not ready for good": "SELECT id, name FROM rules_reconciliation WHERE NOT ready",
    "a pass was written by a late twin": """
        SELECT pass_id, count(*) || ' turns of workers in ' || max(attempt) || ' attempts' FROM (
            SELECT p.id AS pass_id, p.attempt, SLOT IS DISTINCT FROM
                lag(SLOT) OVER (PARTITION BY p.id ORDER BY m.created_at, m.id) AS turn
            FROM reconciliation_pass p JOIN reconciliation_match m ON m.made_by_pass_id = p.id
        ) AS written WHERE turn GROUP BY pass_id HAVING count(*) > max(attempt)""",
    "a pass wrote after it had ended": """
        SELECT p.id, 'match ' || m.id || ' after ' || p.status FROM reconciliation_pass p
        JOIN reconciliation_match m ON m.made_by_pass_id = p.id AND m.created_at > p.finished_at""",
    "a pass ended twice": """
        SELECT subject_id::bigint, string_agg(action, ', ') FROM organizations_auditevent
        WHERE action IN ('pass.completed', 'pass.failed') GROUP BY subject_id HAVING count(*) > 1""",
    "a match was decided or ended twice": """
        SELECT subject_id::bigint, action || ' ' || count(*) FROM organizations_auditevent
        WHERE action IN ('match.accepted', 'match.rejected', 'match.undone', 'match.made_by_hand', 'match.extended')
        GROUP BY subject_id, action HAVING count(*) > 1""",
    "a rejected match without exactly one group to remember": """
        SELECT m.id, count(g.id)::text FROM reconciliation_match m
        LEFT JOIN reconciliation_rejectedgroup g ON g.match_id = m.id
        WHERE m.status = 'rejected' GROUP BY m.id HAVING count(g.id) <> 1""",
    "a pass made a group that had been rejected": """
        SELECT m.id, 'rejected as match ' || g.match_id FROM reconciliation_rejectedgroup g
        JOIN reconciliation_match m ON m.reconciliation_id = g.reconciliation_id AND m.origin = 'auto'
            AND m.created_at > g.created_at
        WHERE (SELECT array_agg(record_id ORDER BY record_id) FROM reconciliation_matchmember mm
                WHERE mm.match_id = m.id AND side = 'a') = g.side_a::bigint[]
            AND (SELECT array_agg(record_id ORDER BY record_id) FROM reconciliation_matchmember mm
                WHERE mm.match_id = m.id AND side = 'b') = g.side_b::bigint[]""",
    "an accepted suggestion without exactly one decision": """
        SELECT m.id, count(e.id)::text FROM reconciliation_match m LEFT JOIN organizations_auditevent e
            ON e.action = 'match.accepted' AND e.subject_id = m.id::text
        WHERE m.status = 'accepted' AND m.origin = 'auto' AND m.decided_by LIKE 'user:%%'
        GROUP BY m.id HAVING count(e.id) <> 1""",
    "a sweep failed": """
        SELECT id, error FROM exceptions_app_sweep
        WHERE status = 'failed' AND error <> 'LOST' AND error NOT LIKE '%%: Conflict: %%'""",
    "a sweep counted other exceptions than it opened": """
        SELECT 0, sum(opened) || ' counted at most, ' || (SELECT count(*) FROM exceptions_app_reconciliationexception
            WHERE created_by = 'system:overdue_sweep') || ' made'
        FROM exceptions_app_sweep HAVING sum(opened) > (SELECT count(*) FROM exceptions_app_reconciliationexception
            WHERE created_by = 'system:overdue_sweep')""",
    "overdue, and no sweep saw it": """
        SELECT record_id, 'overdue at ' || overdue_at FROM reconciliation_openitem
        WHERE overdue_seen_at IS NULL AND closed_at IS NULL AND overdue_at < 'LAST'""",
    "an import said other counts than it wrote": """
        SELECT f.id, f.imported_count || ' said, ' || count(r.id) || ' written' FROM ledgers_sourcefile f
        LEFT JOIN ledgers_record r ON r.source_file_id = f.id WHERE f.status = 'completed'
        GROUP BY f.id HAVING count(r.id) <> f.imported_count""",
    "a failed file has lines": """
        SELECT f.id, count(*)::text FROM ledgers_sourcefile f JOIN ledgers_statementline l ON l.source_file_id = f.id
        WHERE f.status <> 'completed' GROUP BY f.id""",
}


def problems(world: World, report: Report) -> list[str]:
    """Everything that went wrong, in words; empty when all is well."""
    found = list(report.problems)
    found += [f"{fault}{history(fault)}" for fault in faults()]
    found += [f"half done: {text}" for text in _half_done()]
    found += [f"{name}: {pk}: {text}" for name, query in COUNTS.items() for pk, text in _rows(query)]
    found += _answers(report)
    found += _passes()
    if report.deadlocks:
        found.append(f"{report.deadlocks} deadlocks")
    audit.seal(organization_id=world.by.organization_id, at=NOW)
    verdict = audit.verify(world.by.organization_id)
    return found if verdict.ok else [*found, f"audit trail: {verdict.problem}"]


def history(fault: Fault) -> str:
    """What happened to the record of a fault, for who has to find out why."""
    records = Record.objects.filter(pk=fault.subject_id).select_related("stream")
    lines = [f"record {r.pk} of {r.stream}, made {r.created_at}, voided {r.voided_at}" for r in records]
    for member in MatchMember.objects.filter(record_id=fault.subject_id).select_related("match"):
        match = member.match
        lines.append(
            f"  match {match.pk} in {match.reconciliation_id}: {match.origin} {match.created_at} {match.status},"
            f" ended {match.ended_at} {match.ended_reason}, member live: {member.live}"
        )
    streams = Record.objects.filter(pk=fault.subject_id).values("stream_id")
    for each in StreamOperation.objects.filter(stream_id__in=streams).order_by("pk"):
        where = each.reconciliation_id or "everywhere"
        lines.append(
            f"  {each.kind} in {where}: {each.requested_at} to {each.finished_at}, up to {each.watermark}"
        )
    return "".join(f"\n    {line}" for line in lines)


def _rows(query: str) -> list[tuple]:
    with connection.cursor() as cursor:
        said = query.replace("%%", "%").replace("SLOT", SLOT).replace("'LOST'", f"'{LOST}'")
        cursor.execute(said.replace("'LAST'", f"'{(NOW + LATER).isoformat()}'"))
        return cursor.fetchall()


def _half_done() -> list[str]:
    """Rows at an instant of which the audit trail knows nothing."""
    found = []
    for what, table, column, only in WRITTEN_BY_PEOPLE:
        key = "record_id" if table == "reconciliation_openitem" else "id"
        rows = _rows(HALF_DONE.format(id=key, column=column, table=table, only=only))
        found += [f"{what} {pk} at {instant}" for pk, instant in rows]
    return found


def _answers(report: Report) -> list[str]:
    """Nobody was refused and yet did something; nobody was told that all is well while nothing was written down."""
    known = set(AuditEvent.objects.values_list("at", flat=True))
    silent = {
        "accept",
        "reject",
        "undo",
        "note",
        "close",
        "close_record",
        "write_off",
        "resolve",
        "void_file",
        "void_run",
        "cancel",
        "undo_run",
        "change_exception",
    }
    found = []
    for outcome in report.acts():
        if outcome.result == OK and outcome.at not in known and outcome.kind not in silent:
            found.append(f"{outcome.kind} at {outcome.at} was answered, and left nothing")
        refused = outcome.result not in {OK, IDLE, BROKEN, ERROR}
        if refused and outcome.at in known and outcome.kind not in ACTS_IN_TWO:
            found.append(f"{outcome.kind} at {outcome.at} was refused ({outcome.result}), and left something")
    return found


def _passes() -> list[str]:
    """What a pass found, it wrote or lost to others; one attempt, so that nothing of it is counted twice."""
    found = []
    for row in Pass.objects.all():
        groups = sum(rule["groups"] for rule in row.rule_summary)
        if row.is_under_way:
            found.append(f"pass {row.pk} is {row.status} for good")
        elif row.status == "completed" and row.attempt == 1 and groups != row.suggested + row.lost_to_others:
            found.append(f"pass {row.pk} found {groups}, wrote {row.suggested}, lost {row.lost_to_others}")
    # One of the same run that waits takes over what a lost worker left.
    failed = Pass.objects.filter(status="failed").exclude(error__startswith="Its worker was lost")
    return found + [f"pass {row.pk} failed: {row.error}" for row in failed]
