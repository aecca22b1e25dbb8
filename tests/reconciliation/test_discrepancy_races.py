"""What is said of an item by two acts at the same moment is said once."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import transaction

from organizations.ids import uuid7
from organizations.refusals import Conflict
from reconciliation.models import Discrepancy
from reconciliation.selectors.integrity import faults
from reconciliation.services.discrepancies import discrepancy_close, discrepancy_reopen
from reconciliation.services.matches import match_undo
from tests.factories.organizations import actor_with
from tests.hammer.scenarios import beside
from tests.reconciliation.books import STATEMENT, books
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_older_statement_that_a_person_opened_again_is_the_one_that_follows_its_item():
    made = books(actor_with())
    made.upload(STATEMENT)
    made.auto_match()
    older = Discrepancy.objects.get(type="unmatched_source", record__description="S6")
    made.act(discrepancy_close, discrepancy=older, reason="seen")
    made.close("S6")
    made.reopen("S6")
    newer = Discrepancy.objects.filter(type="unmatched_source", record=older.record).latest("pk")
    if newer.pk == older.pk:  # nothing was raised anew over a person's own word
        newer.pk, newer.uuid, newer.status = None, uuid7(), "closed"
        newer.close_reason = "auto:matched"
        newer.save(force_insert=True)
    made.act(discrepancy_reopen, discrepancy=older)

    with pytest.raises(Conflict, match="Another discrepancy"):
        made.act(discrepancy_reopen, discrepancy=newer)
    made.close("S6")
    of_item = Discrepancy.objects.open().filter(type="unmatched_source", record=older.record)
    assert not of_item.exists()
    made.reopen("S6")
    assert of_item.count() == 1


def test_giving_an_item_back_while_a_passs_end_states_it_as_unmatched_leaves_one_statement():
    made = books(actor_with())
    made.upload(STATEMENT)
    made.auto_match()
    made.post(("G8", "debit", 15_00, 10, ""))
    match = made.manual(["S6"], ["G8"])
    said = Discrepancy.objects.get(type="unmatched_source", record__description="S6")
    assert (said.status, said.close_reason) == ("closed", "auto:matched")

    with transaction.atomic():
        said.pk, said.uuid, said.status = None, uuid7(), "open"
        said.closed_at, said.closed_by, said.close_reason = None, "", ""
        said.save(force_insert=True)
        giving_back = beside(partial(made.act, match_undo, match_id=match.pk))
        giving_back.__enter__()
    giving_back.__exit__(None, None, None)

    match.refresh_from_db()
    assert match.status == "undone"
    assert Discrepancy.objects.open().filter(type="unmatched_source", record=said.record).count() == 1
    assert faults() == []


def test_an_accounts_line_that_is_free_again_in_another_reconciliation_is_no_matter_of_its_ledgers_runs():
    made = books(actor_with("admin"))
    made.upload(STATEMENT)
    made.auto_match()
    feeds = Feeds(made.by)
    other = feeds.stream("other")
    line = made.row("S1").record
    elsewhere = feeds.reconciliation(line.stream, other)
    match = feeds.match(elsewhere, [line], feeds.add(other, ("INV-701", 1250_00)))

    made.act(match_undo, match_id=match.pk)

    assert not Discrepancy.objects.filter(record=line).exists()
    assert made.status("S1") == "matched"
