"""check_integrity finds each fault that can be planted, and says nothing where there is none."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from reconciliation.selectors.integrity import CHECKS, faults, open_sums
from tests.factories.organizations import actor_with
from tests.factories.reconciliation import RunFactory
from tests.reconciliation.books import STATEMENT, Books, books

pytestmark = pytest.mark.django_db

# The first match with members, and a record of each kind, as the fixture makes them.
MATCH = "(SELECT id FROM reconciliation_match ORDER BY id LIMIT 1)"
FREE = "(SELECT record_id FROM reconciliation_openitem WHERE held_by IS NULL AND closed_at IS NULL ORDER BY 1 LIMIT 1)"
CLOSED = "closed_at = now(), closed_by = 'user:1', close_reason = 'x', cleared_on = '2026-02-28'"
LINE = "(SELECT record_id FROM ledgers_statementline ORDER BY id DESC LIMIT 1)"
SEEN = "UPDATE reconciliation_openitem SET overdue_at = '2026-01-01', overdue_seen_at = '2026-01-02'"

PLANTED: dict[str, list[str]] = {
    "record neither open nor matched": [f"DELETE FROM reconciliation_openitem WHERE record_id = {FREE}"],
    "record open and matched at once": [
        "INSERT INTO reconciliation_openitem (reconciliation_id, record_id, side, open_amount, overdue_by_hand) "
        f"SELECT reconciliation_id, record_id, side, 1, false FROM reconciliation_matchmember WHERE match_id = {MATCH}"
        " LIMIT 1"
    ],
    "token held by a match that is not live": [
        f"UPDATE reconciliation_openitem SET held_by = {MATCH} WHERE record_id = {FREE}"
    ],
    "several records held by one match": [
        f"UPDATE reconciliation_openitem SET held_by = (SELECT max(held_by) FROM reconciliation_openitem)"
        f" WHERE record_id = {FREE}"
    ],
    "rest written off under a match that is not accepted": [
        f"UPDATE reconciliation_openitem SET {CLOSED} WHERE held_by IS NOT NULL",
        f"UPDATE reconciliation_openitem SET {CLOSED}, held_by = 1234567 WHERE record_id = {FREE}",
    ],
    "match that does not add up without a held record, or the other way round": [
        "UPDATE reconciliation_openitem SET held_by = NULL WHERE held_by IS NOT NULL",
        f"UPDATE reconciliation_match SET total_a = total_a + 1, difference = difference + 1 WHERE id = {MATCH}",
        f"UPDATE reconciliation_openitem SET held_by = {MATCH} WHERE record_id = {FREE}",
        "UPDATE rules_reconciliation SET kind = 'streams', ledger_id = NULL",
    ],
    "match in part with money of both directions": [
        "UPDATE reconciliation_matchmember SET applied = -applied WHERE side = 'b'"
    ],
    "cleared before the day of a record": [
        f"UPDATE reconciliation_match SET cleared_on = cleared_on - 1 WHERE id = {MATCH}",
        "UPDATE reconciliation_openitem SET cleared_on = cleared_on - 1 WHERE closed_at IS NOT NULL",
    ],
    "live record or wiring of a deleted stream": [
        "UPDATE ledgers_datastream SET voided_at = now() WHERE kind = 'statement'",
    ],
    "open discrepancy of a match that is not live": [
        "UPDATE reconciliation_discrepancy SET match_id = 1234567 WHERE match_id IS NOT NULL",
    ],
    "match that does not add up without one amount_mismatch of that amount": [
        "DELETE FROM reconciliation_discrepancy WHERE match_id IS NOT NULL",
        "UPDATE reconciliation_discrepancy SET amount = amount + 1 WHERE match_id IS NOT NULL",
        f"UPDATE reconciliation_discrepancy SET match_id = {MATCH} WHERE match_id IS NOT NULL",
    ],
    "amount is not covered plus open": [
        f"UPDATE reconciliation_openitem SET open_amount = open_amount - 1 WHERE record_id = {FREE}",
        "UPDATE reconciliation_matchmember SET applied = -applied",
    ],
    "token without a live record of its stream": [
        f"UPDATE ledgers_record SET voided_at = now() WHERE id = {FREE}",
        f"UPDATE ledgers_record SET kind = 'detail', parent_id = id WHERE id = {FREE}",
        f"UPDATE reconciliation_openitem SET side = 'a' WHERE record_id = {FREE}",
        "INSERT INTO reconciliation_openitem (reconciliation_id, record_id, side, open_amount, overdue_by_hand) "
        "SELECT id, 1234567, 'a', 1, false FROM rules_reconciliation LIMIT 1",
    ],
    "live member without a live record of its stream": [
        "UPDATE ledgers_record SET voided_at = now() WHERE id IN (SELECT record_id FROM reconciliation_matchmember)",
        "UPDATE reconciliation_matchmember SET side = 'a'",
        "UPDATE ledgers_record SET kind = 'detail', parent_id = id "
        "WHERE id IN (SELECT record_id FROM reconciliation_matchmember)",
    ],
    "member and match disagree on being live": [
        f"UPDATE reconciliation_matchmember SET live = false WHERE match_id = {MATCH}",
        f"UPDATE reconciliation_match SET status = 'undone', ended_at = now() WHERE id = {MATCH}",
        f"UPDATE reconciliation_match SET record_count = 1 WHERE id = {MATCH}",
        f"DELETE FROM reconciliation_matchmember WHERE match_id = {MATCH}",
    ],
    "member without its match, or of another reconciliation": [
        f"DELETE FROM reconciliation_match WHERE id = {MATCH}",
        "UPDATE reconciliation_matchmember SET reconciliation_id = reconciliation_id + 1",
    ],
    "match's totals are not its members'": [
        f"UPDATE reconciliation_match SET total_a = total_a + 1, total_b = total_b + 1 WHERE id = {MATCH}"
    ],
    "members of one match in several currencies": [
        f"UPDATE ledgers_record SET currency = 'USD' WHERE id IN "
        f"(SELECT record_id FROM reconciliation_matchmember WHERE match_id = {MATCH} LIMIT 1)",
        f"UPDATE reconciliation_match SET currency = 'USD' WHERE id = {MATCH}",
    ],
    "ledger's balance is not the sum of its entries": [
        "UPDATE ledgers_ledgerdelta SET debit = debit + 1 WHERE id = (SELECT min(id) FROM ledgers_ledgerdelta)",
        "DELETE FROM ledgers_ledgerdelta",
        "UPDATE ledgers_ledgerdelta SET entries = entries + 1",
    ],
    "journal's totals are not its entries'": [
        "UPDATE ledgers_journal SET total_debit = total_debit + 1 WHERE kind = 'single'",
    ],
    "live statement line without a live record": [
        f"UPDATE ledgers_record SET voided_at = now() WHERE id = {LINE}",
        f"UPDATE ledgers_record SET kind = 'detail', parent_id = id WHERE id = {LINE}",
    ],
    "statement record that no live line states": [
        f"UPDATE ledgers_statementline SET voided_at = now() WHERE record_id = {LINE}"
    ],
    "detail without its live line": [
        f"UPDATE ledgers_record SET kind = 'detail', parent_id = id WHERE id = {LINE}",
        f"UPDATE ledgers_record SET kind = 'detail', parent_id = id + 1234567 WHERE id = {LINE}",
    ],
    "adjustment with an open item": [f"UPDATE ledgers_record SET kind = 'adjustment' WHERE id = {FREE}"],
    "adjustment without its live match, or in a stream that is owned": [
        f"UPDATE ledgers_record SET kind = 'adjustment' WHERE id = {LINE}"
    ],
    "match whose adjustment is none of its live records": [
        f"UPDATE reconciliation_match SET adjustment_id = 1234567 WHERE id = {MATCH}",
        "UPDATE reconciliation_match m SET adjustment_id = (SELECT min(record_id) FROM reconciliation_matchmember mm"
        f" WHERE mm.match_id = m.id) WHERE id = {MATCH}",
    ],
    "seen overdue before it is": [
        "UPDATE reconciliation_matchmember SET overdue_at = now(), overdue_seen_at = now() - interval '1 day'"
    ],
    "record seen overdue without an exception of its stream": [f"{SEEN} WHERE record_id = {FREE}"],
    "closed exceptions with a record seen since": [
        f"WITH seen AS ({SEEN} WHERE record_id = {FREE} RETURNING reconciliation_id, record_id)"
        " INSERT INTO exceptions_app_reconciliationexception (reconciliation_id, stream_id, title, description, status,"
        " opened_at, closed_at, closed_by, created_at, created_by, modified_at, modified_by, voided_by)"
        " SELECT reconciliation_id, stream_id, 'x', '', 'dismissed', '2026-01-01', '2026-01-01', '', now(), 'x', now(),"
        " 'x', '' FROM seen JOIN ledgers_record r ON r.id = record_id"
    ],
    "run said to be running without a pass under way": ["UPDATE reconciliation_run SET status = 'running'"],
}


@pytest.fixture
def example() -> Books:
    example = books(actor_with())
    example.upload(STATEMENT)
    example.auto_match()
    example.accept("S1")
    example.close("S6")
    return example


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount > 0, f"planted nothing: {statement}"


def test_sound_books_have_no_fault(example: Books):
    assert faults() == []


def test_every_check_has_a_planted_fault():
    assert set(PLANTED) == set(CHECKS)


def test_each_planted_fault_is_found(example: Books):
    """All in one set of books, each taken back before the next: making the books takes longer than looking at them."""
    missed = []
    for check, statements in PLANTED.items():
        for statement in statements:
            before = transaction.savepoint()
            execute(statement)
            if check not in {fault.check for fault in faults()}:
                missed.append((check, statement))
            transaction.savepoint_rollback(before)
    assert missed == []
    assert faults() == []


def test_the_command_lists_what_is_open_and_exits_well(example: Books):
    out = StringIO()
    call_command("check_integrity", stdout=out)
    assert "nothing at fault" in out.getvalue()
    assert "1 open, sum 1300, 1 closed" in out.getvalue()


def test_the_command_exits_with_1_and_names_the_rows_at_fault(example: Books):
    execute(PLANTED["record neither open nor matched"][0])
    err = StringIO()
    with pytest.raises(CommandError, match="1 rows at fault") as ended:
        call_command("check_integrity", stdout=StringIO(), stderr=err)
    assert ended.value.returncode == 1
    assert "record neither open nor matched" in err.getvalue()


def test_open_sums_are_per_stream_and_currency(example: Books):
    assert [
        (side, currency, count, total, closed) for _r, _s, side, currency, count, total, closed in open_sums()
    ] == [
        ("a", "EUR", 1, 13_00, 1),
        ("b", "EUR", 1, -6_60, 0),
    ]


def test_a_deleted_run_may_say_what_it_likes():
    RunFactory(status="running", voided_at="2026-03-31T09:00:00Z")
    assert faults() == []
