"""Decisions on matches: who may move what to where, what stays remembered, and what a match by hand may take."""

from __future__ import annotations

from uuid import uuid4

import pytest

from organizations.instants import utc_text
from organizations.models import AuditEvent, Organization
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Discrepancy, Match, OpenItem, RejectedGroup
from reconciliation.selectors.accounts import account_rows
from reconciliation.selectors.entries import gl_all, gl_only
from reconciliation.selectors.integrity import faults
from reconciliation.selectors.matches import matches_of
from reconciliation.services.by_hand import match_manual
from reconciliation.services.matches import match_accept, match_note, match_reject, matches_accept
from reconciliation.states import MATCH_LIVE, MATCH_MOVES, MatchStatus
from tests.clock import NOW
from tests.factories.ledgers import LedgerFactory
from tests.factories.organizations import actor_with
from tests.factories.reconciliation import MatchFactory
from tests.reconciliation.books import STATEMENT, Books, books
from tests.reconciliation.files import csv

pytestmark = pytest.mark.django_db


@pytest.fixture
def example() -> Books:
    example = books(actor_with())
    example.upload(STATEMENT)
    return example


def match_that_is(status: str, by) -> Match:
    """A match without members in this status: enough to ask what may become of it."""
    ended = {} if status in MATCH_LIVE else {"ended_at": NOW, "ended_by": by.ref}
    superseded = {"superseded_by": 1} if status == MatchStatus.SUPERSEDED else {}
    return MatchFactory(
        reconciliation__ledger=LedgerFactory(organization=Organization.objects.get(pk=by.organization_id)),
        status=status,
        record_count=0,
        **ended,
        **superseded,
    )


DECISIONS = {MatchStatus.ACCEPTED: match_accept, MatchStatus.REJECTED: match_reject}


@pytest.mark.parametrize("to", DECISIONS)
@pytest.mark.parametrize("start", MatchStatus)
def test_a_match_moves_only_as_its_table_says(start: MatchStatus, to: MatchStatus):
    by = actor_with()
    match = match_that_is(start, by)
    acts = AuditEvent.objects.count()

    if to in MATCH_MOVES[start]:
        assert DECISIONS[to](match_id=match.pk, by=by, at=NOW).status == to
        assert AuditEvent.objects.count() == acts + 1
    elif start == to or (start, to) == (
        MatchStatus.UNDONE,
        MatchStatus.REJECTED,
    ):  # it shows as rejected already
        assert DECISIONS[to](match_id=match.pk, by=by, at=NOW).status == start
        assert AuditEvent.objects.count() == acts
    else:
        with pytest.raises(Conflict) as refused:
            DECISIONS[to](match_id=match.pk, by=by, at=NOW)
        assert (refused.value.code, refused.value.word) == ("match.state", "match_state_conflict")
        assert refused.value.details == {
            "status": start,
            "by": by.ref,
            "at": utc_text(NOW, timespec="seconds"),
        }
    match.refresh_from_db()
    assert match.status == (to if to in MATCH_MOVES[start] else start)


def test_the_table_of_moves_names_every_status_and_ends_are_final():
    assert set(MATCH_MOVES) == set(MatchStatus)
    assert all(not MATCH_MOVES[status] for status in MatchStatus if status not in MATCH_LIVE)


@pytest.mark.parametrize("decide", [match_accept, match_reject])
def test_another_status_than_expected_is_refused_with_who_and_when(example: Books, decide):
    example.auto_match()
    match = example.accept("S1")
    with pytest.raises(Conflict) as refused:
        example.act(decide, match_id=match.pk, expected_status="suggested")
    assert refused.value.code == "match.state"
    assert refused.value.details["by"] == example.by.ref
    assert "accepted now: decided by" in refused.value.message
    assert example.status("S1") == "matched"
    assert faults() == []


def test_accept_keeps_both_sides_covered_and_reconciles_the_entries(example: Books):
    example.auto_match()
    match = example.accept("S4")
    assert (match.status, match.decided_by, match.decided_at) == ("accepted", example.by.ref, NOW)
    row = account_rows(organization_id=example.by.organization_id, ledger=example.ledger).get()
    assert row.unreconciled_count == 5
    assert OpenItem.objects.filter(side="b").count() == 7 - 6  # the suggestions cover theirs, too
    assert faults() == []


def test_rejecting_an_accepted_match_is_its_undo_and_is_remembered(example: Books):
    example.auto_match()
    example.accept("S4")
    match = example.reject("S4")
    assert (match.status, match.ended_reason, match.ended_by) == ("rejected", "rejected", example.by.ref)
    assert example.status("S4") == "unmatched"
    assert {"INV-703"} <= set(gl_only(example.run).values_list("reference", flat=True))
    assert RejectedGroup.objects.filter(match_id=match.pk).count() == 1
    assert example.auto_match().matched == 0
    assert account_rows(organization_id=example.by.organization_id).get().unreconciled_count == 7
    assert faults() == []


def test_what_was_rejected_may_still_be_matched_by_hand(example: Books):
    example.auto_match()
    example.reject("S1")
    match = example.manual(["S1"], ["G1"])
    assert (match.status, match.origin) == ("accepted", "manual")
    assert faults() == []


def test_a_rejected_groups_records_get_their_next_best_partner():
    made = books(actor_with(), entries=[("G1", "debit", 9_00, 3, "R1"), ("G2", "debit", 9_00, 4, "R1")])
    made.upload(csv(("S1", "credit", 9_00, 3, "R1")))
    made.auto_match()
    (first,) = made.groups()
    made.reject("S1")
    made.auto_match()
    (second,) = made.groups()
    assert first != second
    assert faults() == []


def test_rejected_matches_stay_in_the_runs_list_and_out_of_the_entries_links(example: Books):
    example.auto_match()
    match = example.reject("S1")
    assert match in matches_of(example.run)
    linked = {row.reference: row.linked_match_status for row in gl_all(example.run)}
    assert linked["INV-701"] is None
    assert linked["INV-702"] == "suggested"


def test_a_note_is_set_and_cleared_and_told_once(example: Books):
    example.auto_match()
    match = example.match_with("S1")
    for note in ("asked the bank", "asked the bank", ""):
        assert example.act(match_note, match_id=match.pk, note=note).note == note
    assert AuditEvent.objects.filter(action="match.noted").count() == 2


def test_several_lines_and_entries_that_add_up_are_one_accepted_match():
    made = books(
        actor_with(),
        entries=[("G1", "debit", 60_00, 3, ""), ("G2", "debit", 45_00, 9, ""), ("G3", "credit", 5_00, 5, "")],
    )
    made.upload(csv(("S1", "credit", 30_00, 2, "a"), ("S2", "credit", 70_00, 4, "b")))
    match = made.manual(["S1", "S2"], ["G1", "G2", "G3"])
    assert (match.status, match.origin, match.total_a, match.total_b) == (
        "accepted",
        "manual",
        100_00,
        100_00,
    )
    assert (match.record_count, match.cleared_on.day, match.decided_by) == (5, 9, made.by.ref)
    assert set(made.statuses().values()) == {"matched"}
    assert OpenItem.objects.count() == 0
    assert faults() == []
    made.reject("S1")
    assert OpenItem.objects.free().count() == 5
    assert faults() == []


def test_a_match_by_hand_completes_a_run_that_was_never_matched(example: Books):
    example.manual(["S1"], ["G1"])
    example.run.refresh_from_db()
    assert example.run.status == "completed"


def test_a_match_by_hand_larger_than_any_sum_is_refused():
    most = 2**63 - 1
    made = books(actor_with(), entries=[("G1", "debit", most, 4, "")])
    made.post(("G2", "debit", most, 5, ""))
    made.upload(csv(("S1", "credit", most, 4, "")))
    made.upload(csv(("S2", "credit", most, 5, "")))
    with pytest.raises(Invalid) as refused:
        made.manual(["S1", "S2"], ["G1", "G2"])
    assert refused.value.code == "match.too_large"
    assert faults() == []


@pytest.mark.parametrize(
    ("items", "entries", "code"),
    [
        ([], ["G1"], "match.ids"),
        (["S1"], [], "match.ids"),
        (["S1", "S1"], ["G1"], "match.ids"),
        (["S1"], ["G1", "G1"], "match.ids"),
    ],
)
def test_lists_of_ids_are_neither_empty_nor_repeat(example: Books, items, entries, code):
    with pytest.raises(Invalid) as refused:
        example.manual(items, entries)
    assert refused.value.code == code
    assert refused.value.issues[0]["path"][0] in ("source_entry_ids", "ledger_entry_ids")


def test_unknown_ids_are_not_found(example: Books):
    for item_ids, entry_ids, word in [
        ([uuid4()], [example.entries["G1"]], "item_not_found"),
        ([example.item("S1")], [uuid4()], "ledger_entry_not_found"),
    ]:
        with pytest.raises(NotFound) as refused:
            example.act(match_manual, run=example.run, item_ids=item_ids, entry_ids=entry_ids)
        assert refused.value.word == word


def test_items_of_another_run_and_entries_of_another_ledger_are_refused(example: Books):
    other_run = example.another_run()
    with pytest.raises(Invalid, match="not of this run"):
        example.act(
            match_manual, run=other_run, item_ids=[example.item("S1")], entry_ids=[example.entries["G1"]]
        )
    other = books(example.by, code="2000")
    with pytest.raises(Invalid, match="not of this run"):
        example.act(
            match_manual, run=example.run, item_ids=[example.item("S1")], entry_ids=[other.entries["G1"]]
        )
    with pytest.raises(Invalid, match="not of this run"):  # an entry in the place of a line
        example.act(
            match_manual,
            run=example.run,
            item_ids=[example.entries["G2"]],
            entry_ids=[example.entries["G1"]],
        )


def test_a_match_by_hand_over_another_match_is_refused_naming_it(example: Books):
    example.auto_match()
    standing = example.match_with("S1")
    with pytest.raises(Conflict) as refused:
        example.manual(["S1"], ["G1"])
    assert (refused.value.code, refused.value.word) == ("match.token_taken", "match_state_conflict")
    named = refused.value.details["records"][0]
    assert (named["match_id"], named["status"], named["by"]) == (
        str(standing.uuid),
        "suggested",
        "system:auto_match",
    )
    assert str(standing.uuid) in refused.value.message


def test_a_match_by_hand_over_a_closed_item_is_refused_naming_the_closing(example: Books):
    example.close("S1")
    with pytest.raises(Conflict) as refused:
        example.manual(["S1"], ["G1"])
    assert refused.value.details["records"][0]["status"] == "closed"
    assert refused.value.details["records"][0]["by"] == example.by.ref
    assert example.row("S1").match_status == "closed"
    assert faults() == []


def test_a_refused_match_by_hand_takes_nothing(example: Books):
    example.auto_match()
    example.reject("S2")
    before = set(OpenItem.objects.values_list("record_id", "ticket"))
    with pytest.raises(Conflict):
        example.manual(["S2", "S1"], ["G2", "G1"])
    assert set(OpenItem.objects.values_list("record_id", "ticket")) == before
    assert faults() == []


def test_an_ended_match_gives_each_token_back_as_it_was_but_with_a_new_ticket(example: Books):
    OpenItem.objects.filter(side="a").update(overdue_at=NOW, overdue_by_hand=True, overdue_seen_at=NOW)
    facts = ("record_id", "side", "open_amount", "overdue_at", "overdue_by_hand", "overdue_seen_at")
    before = set(OpenItem.objects.values_list(*facts))
    tickets = set(OpenItem.objects.values_list("ticket", flat=True))
    example.auto_match()
    for name in ("S1", "S2", "S3", "S4", "S5"):
        example.reject(name)
    assert set(OpenItem.objects.values_list(*facts)) == before
    fresh = OpenItem.objects.exclude(ticket__in=tickets)
    assert fresh.count() == 11  # S1 to S5 with G1 to G6
    assert len(set(OpenItem.objects.values_list("ticket", flat=True))) == OpenItem.objects.count()
    OpenItem.objects.update(overdue_seen_at=None)  # no sweep has seen them
    assert faults() == []


def test_on_a_liability_ledger_a_match_by_hand_pairs_credit_with_credit():
    made = books(
        actor_with(), type="liability", entries=[("G1", "credit", 8_00, 3, ""), ("G2", "debit", 8_00, 3, "")]
    )
    made.upload(csv(("S1", "credit", 8_00, 3, "")))
    with pytest.raises(Invalid):
        made.manual(["S1"], ["G2"])
    assert made.manual(["S1"], ["G1"]).total_b == 8_00
    assert faults() == []


def test_many_are_accepted_in_one_act_without_those_that_were_decided_meanwhile(example: Books):
    example.auto_match()
    rejected = example.match_with("S1").pk
    example.reject("S1")
    asked = list(Match.objects.order_by("pk").values_list("pk", flat=True))
    events = AuditEvent.objects.count()
    where = {"reconciliation_id": example.run.reconciliation_id, "match_ids": asked}
    accepted = example.act(matches_accept, **where)
    assert accepted == [pk for pk in asked if pk != rejected]
    assert {example.status(name) for name in ("S2", "S3", "S4")} == {"matched"}
    assert Match.objects.get(pk=rejected).status == "rejected"
    assert not Discrepancy.objects.open().filter(type="date_mismatch").exists()
    event = AuditEvent.objects.latest("pk")
    assert (AuditEvent.objects.count() - events, event.action) == (1, "matches.accepted")
    assert f"reconciliation.match:{accepted[0]}" in event.subjects
    assert example.act(matches_accept, **where) == []
    assert faults() == []


def test_another_organization_accepts_none_of_them(example: Books):
    example.auto_match()
    asked = list(Match.objects.values_list("pk", flat=True))
    reconciliation_id = example.run.reconciliation_id
    assert matches_accept(reconciliation_id=reconciliation_id, match_ids=asked, by=actor_with(), at=NOW) == []
    assert not Match.objects.filter(status="accepted").exists()
