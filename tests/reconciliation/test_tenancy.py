"""Another organization's ids look exactly as ids that don't exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from ledgers.models import Journal
from ledgers.selectors import entry_rows, find_ledger, journal_of
from organizations.refusals import Refusal
from reconciliation.models import Discrepancy, Match
from reconciliation.selectors.accounts import account_rows
from reconciliation.selectors.discrepancies import discrepancy_of
from reconciliation.selectors.integrity import faults
from reconciliation.selectors.items import item_of
from reconciliation.selectors.matches import match_of
from reconciliation.selectors.runs import run_of, runs_of
from reconciliation.services.by_hand import match_manual
from reconciliation.services.items import item_close, item_reopen
from reconciliation.services.matches import match_accept, match_note, match_reject
from tests.factories.organizations import actor_with
from tests.reconciliation.books import STATEMENT, Books, books

pytestmark = pytest.mark.django_db


@pytest.fixture
def theirs() -> Books:
    theirs = books(actor_with())
    theirs.upload(STATEMENT)
    theirs.auto_match()
    return theirs


@pytest.fixture
def ours() -> Books:
    return books(actor_with())


def refusal(act: Callable[..., Any], **arguments: Any) -> tuple[type, str, str, str]:
    with pytest.raises(Refusal) as refused:
        act(**arguments)
    return type(refused.value), refused.value.code, refused.value.word, refused.value.message


def test_questions_by_id_know_only_their_own_organization(theirs: Books, ours: Books):
    of = ours.by.organization_id
    match, said, journal = Match.objects.all()[0], Discrepancy.objects.all()[0], Journal.objects.all()[0]
    for question, name, foreign in [
        (run_of, "run_id", theirs.run.uuid),
        (item_of, "item_id", theirs.item("S1")),
        (match_of, "match_id", match.uuid),
        (discrepancy_of, "discrepancy_id", said.uuid),
        (journal_of, "journal_id", journal.uuid),
        (find_ledger, "ledger_id", theirs.ledger.uuid),
    ]:
        assert question(organization_id=theirs.by.organization_id, **{name: foreign})
        unknown = refusal(question, organization_id=of, **{name: uuid4()})
        assert refusal(question, organization_id=of, **{name: foreign}) == unknown
    for name, foreign, none in (("ledger_num_id", theirs.ledger.pk, 0), ("ledger_code", "T", "U")):
        unknown = refusal(find_ledger, organization_id=of, **{name: none or 2**40})
        assert refusal(find_ledger, organization_id=of, **{name: foreign}) == unknown


def test_lists_hold_only_their_own_organization(theirs: Books, ours: Books):
    of = ours.by.organization_id
    assert list(runs_of(of)) == [ours.run]
    assert [row.pk for row in account_rows(organization_id=of)] == [ours.ledger.pk]
    assert {row.stream.ledger_id for row in entry_rows(organization_id=of)} == {ours.ledger.pk}
    assert not account_rows(organization_id=of, ledger=theirs.ledger).exists()


def test_acts_on_foreign_items_are_those_on_unknown_ones(theirs: Books, ours: Books):
    foreign = theirs.item("S5")

    def close(item_id: UUID) -> tuple:
        ids = {"organization_id": ours.by.organization_id, "item_id": item_id}
        return refusal(ours.act, service=item_close, **ids, ledger_id=ours.ledger.uuid)

    def reopen(item_id: UUID) -> tuple:
        return refusal(
            ours.act, service=item_reopen, organization_id=ours.by.organization_id, item_id=item_id
        )

    def manual(item_id: UUID, entry_id: UUID) -> tuple:
        kind, code, word, _message = refusal(
            ours.act, service=match_manual, run=ours.run, item_ids=[item_id], entry_ids=[entry_id]
        )
        return kind, code, word

    assert close(foreign) == close(uuid4())
    assert reopen(foreign) == reopen(uuid4())
    assert manual(foreign, ours.entries["G1"]) == manual(uuid4(), ours.entries["G1"])
    ours.upload(STATEMENT)
    mine = ours.item("S1")
    assert manual(mine, theirs.entries["G1"]) == manual(mine, uuid4())
    assert theirs.status("S5") == "partial"
    assert faults() == []


@pytest.mark.parametrize("decide", [match_accept, match_reject, match_note])
def test_decisions_on_foreign_matches_are_those_on_unknown_ones(theirs: Books, ours: Books, decide):
    note = {"note": "x"} if decide is match_note else {}
    foreign = refusal(ours.act, service=decide, match_id=theirs.match_with("S1").pk, **note)
    assert foreign == refusal(ours.act, service=decide, match_id=2**40, **note)
    assert theirs.match_with("S1").status == "suggested"


def test_passes_and_default_rules_are_each_organizations_own(theirs: Books, ours: Books):
    from rules.selectors import rules_of

    ours.upload(STATEMENT)
    ours.auto_match()
    assert len(ours.groups()) == len(theirs.groups()) == 5
    assert not set(rules_of(ours.run.reconciliation)) & set(rules_of(theirs.run.reconciliation))
    assert faults() == []
