"""What must hold when people and passes act on the same records at the same moment."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from organizations.instants import utc_text
from organizations.models import AuditEvent
from organizations.refusals import Conflict
from reconciliation.models import Match, MatchMember, OpenItem, RejectedGroup
from reconciliation.selectors.integrity import faults
from reconciliation.services.by_hand import match_manual
from reconciliation.services.execution import pass_execute
from reconciliation.services.groups import Made
from reconciliation.services.items import item_close, item_reopen
from reconciliation.services.matches import match_accept, match_reject
from reconciliation.states import MatchStatus
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import STATEMENT, Books, books
from tests.reconciliation.files import csv
from tests.reconciliation.races import at_once, codes, performed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def example() -> Books:
    example = books(actor_with())
    example.upload(STATEMENT)
    return example


def pairs(count: int) -> Books:
    """`count` lines and entries, each line with the reference of one entry."""
    made = books(
        actor_with(), entries=[(f"G{n}", "debit", 100 + n, 1 + n % 28, f"R{n}") for n in range(count)]
    )
    made.upload(csv(*((f"S{n}", "credit", 100 + n, 1 + n % 28, f"R{n}") for n in range(count))))
    return made


def acts_on(match: Match) -> Counter[str]:
    return Counter(
        AuditEvent.objects.filter(subject_type="reconciliation.match", subject_id=str(match.pk)).values_list(
            "action", flat=True
        )
    )


def test_fifty_accepts_of_one_match_are_one_decision(example: Books):
    example.auto_match()
    match = example.match_with("S1")
    accept = performed(match_accept, match_id=match.pk, by=example.by, at=NOW)

    results = at_once([accept] * 50)

    assert [result.status for result in results] == ["accepted"] * 50
    assert acts_on(match) == {"match.accepted": 1}
    assert faults() == []


def test_accepts_against_rejects_end_rejected_with_one_reject(example: Books):
    example.auto_match()
    match = example.match_with("S4")
    accept = performed(match_accept, match_id=match.pk, by=example.by, at=NOW)
    reject = performed(match_reject, match_id=match.pk, by=example.by, at=NOW)

    results = at_once([accept, reject] * 25)

    match.refresh_from_db()
    assert match.status == MatchStatus.REJECTED
    assert [result.status for result in results[1::2]] == ["rejected"] * 25
    assert set(codes(results[0::2])) <= {"ok", "match.state"}
    assert acts_on(match)["match.rejected"] == 1
    assert RejectedGroup.objects.filter(match_id=match.pk).count() == 1
    assert faults() == []


def test_with_an_expected_status_exactly_one_decides_and_the_others_learn_who_and_when(example: Books):
    example.auto_match()
    match = example.match_with("S1")
    acts = [
        performed(
            decide,
            match_id=match.pk,
            expected_status="suggested",
            by=example.by,
            at=NOW,
        )
        for decide in (match_accept, match_reject)
    ]

    results = at_once(acts * 25)

    assert codes(results) == {"ok": 1, "match.state": 49}
    match.refresh_from_db()
    lost = next(result for result in results if isinstance(result, Conflict))
    assert lost.details == {
        "status": match.status,
        "by": example.by.ref,
        "at": utc_text(NOW, timespec="seconds"),
    }
    assert sum(acts_on(match).values()) == 1
    assert faults() == []


def test_manual_matches_over_overlapping_lines_share_none():
    made = books(actor_with(), entries=[(f"G{n}", "debit", 5_00, 3, "") for n in range(10)])
    made.upload(csv(*((f"S{n}", "credit", 5_00, 3, f"X{n}") for n in range(10))))
    items, entries = [made.item(f"S{n}") for n in range(10)], [made.entries[f"G{n}"] for n in range(10)]

    def take(n: int):
        a, b = [n % 10, (n * 3 + 1) % 10], [(n * 7 + 2) % 10, (n + 5) % 10]
        return performed(
            match_manual,
            run=made.run,
            item_ids=[items[place] for place in sorted(set(a))],
            entry_ids=[entries[place] for place in sorted(set(b))][: len(set(a))],
            by=made.by,
            at=NOW,
        )

    results = at_once([take(n) for n in range(50)])

    won = [result.match for result in results if isinstance(result, Made)]
    lost = [result for result in results if isinstance(result, Conflict)]
    assert won
    assert lost
    assert {refusal.code for refusal in lost} == {"match.token_taken"}
    members = MatchMember.objects.filter(match__in=won).values_list("record_id", flat=True)
    assert len(members) == len(set(members))
    assert Match.objects.count() == len(won)
    assert faults() == []


def test_people_act_while_a_pass_writes(settings):
    settings.CHUNK_GROUPS = 3
    made = pairs(60)
    items = {n: made.item(f"S{n}") for n in range(60)}
    asked = made.request()

    def manual(n: int):
        entry = made.entries[f"G{n}"]
        return performed(
            match_manual, run=made.run, item_ids=[items[n]], entry_ids=[entry], by=made.by, at=NOW
        )

    def close(n: int):
        return performed(
            item_close,
            organization_id=made.by.organization_id,
            item_id=items[n],
            ledger_id=made.ledger.uuid,
            by=made.by,
            at=NOW,
        )

    people = [manual(n) for n in range(0, 60, 5)] + [close(n) for n in range(2, 60, 5)]
    results = at_once([partial(pass_execute, pass_id=asked.pk, clock=lambda: NOW), *people])

    assert set(codes(results[1:])) <= {"ok", "match.token_taken"}
    asked.refresh_from_db()
    assert asked.status == "completed", asked.error
    found = sum(rule["groups"] for rule in asked.rule_summary)
    assert found == asked.suggested + asked.lost_to_others
    taken = set(Match.objects.filter(origin="manual").values_list("uuid", flat=True))
    closed = OpenItem.objects.closed().count()
    # Whoever closed first is closed still or made the suggestion end; a match by hand stands.
    assert len(taken) == codes(results[1 : 1 + 12])["ok"]
    assert closed == 12
    assert asked.lost_to_others <= len(taken) + closed
    assert faults() == []


def test_each_group_a_pass_lost_has_a_member_that_a_person_took(settings):
    """People act between the pass's look and its writing: the clock is read before each chunk."""
    settings.CHUNK_GROUPS = 1
    made = pairs(6)
    asked = made.request()
    looked = []

    def clock():
        looked.append(1)
        if len(looked) == 3:  # claimed, started, first chunk
            made.manual(["S4"], ["G4"])
            made.close("S5")
        return NOW

    pass_execute(pass_id=asked.pk, clock=clock)

    asked.refresh_from_db()
    assert (asked.status, asked.suggested, asked.lost_to_others, asked.matched) == ("completed", 4, 2, 4)
    assert made.match_with("S4").origin == "manual"
    assert made.status("S5") == "closed"
    assert faults() == []


def test_a_token_given_back_meanwhile_is_another_token(settings):
    """The pass looked at S0; a person took it, gave it back: the pass must not take what it did not look at."""
    settings.CHUNK_GROUPS = 1
    made = pairs(2)
    asked = made.request()
    looked = []

    def clock():
        looked.append(1)
        if len(looked) == 3:
            made.manual(["S0"], ["G0"])
            made.reject("S0")
        return NOW

    pass_execute(pass_id=asked.pk, clock=clock)

    asked.refresh_from_db()
    assert (asked.suggested, asked.lost_to_others) == (1, 1)
    assert made.statuses() == {"S0": "unmatched", "S1": "matched"}
    assert faults() == []


def test_closing_an_item_against_accepting_its_suggestion_has_one_winner(example: Books):
    example.auto_match()
    match = example.match_with("S1")
    accept = performed(match_accept, match_id=match.pk, by=example.by, at=NOW)
    close = performed(
        item_close,
        organization_id=example.by.organization_id,
        item_id=example.item("S1"),
        ledger_id=example.ledger.uuid,
        by=example.by,
        at=NOW,
    )

    results = at_once([accept, close] * 10)

    match.refresh_from_db()
    if match.status == MatchStatus.ACCEPTED:
        assert (codes(results[0::2]), codes(results[1::2])) == ({"ok": 10}, {"item.state": 10})
        assert example.status("S1") == "matched"
    else:
        assert (match.status, match.ended_reason) == ("undone", "item_closed")
        assert (codes(results[0::2]), codes(results[1::2])) == ({"match.state": 10}, {"ok": 10})
        assert example.status("S1") == "closed"
    assert faults() == []


def test_closing_against_reopening_takes_turns(example: Books):
    item = {"organization_id": example.by.organization_id, "item_id": example.item("S6")}
    close = performed(item_close, **item, ledger_id=example.ledger.uuid, by=example.by, at=NOW)
    reopen = performed(item_reopen, **item, by=example.by, at=NOW)

    results = at_once([close, reopen] * 10)

    assert codes(results[0::2]) == {"ok": 10}
    told = Counter(AuditEvent.objects.values_list("action", flat=True))
    assert codes(results[1::2])["ok"] == told["item.reopened"]
    left = told["item.closed"] - told["item.reopened"]
    assert (left, example.status("S6")) in {(1, "closed"), (0, "unmatched")}
    assert faults() == []
