"""Counts of accounts: what no accepted match covers wholly, whether it has a token or not."""

from datetime import date

import pytest

from organizations.refusals import Conflict
from reconciliation.models import OpenItem
from reconciliation.selectors.accounts import account_rows
from reconciliation.services.items import entry_close
from reconciliation.services.opening import opening_confirm
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import csv

pytestmark = pytest.mark.django_db
ENTRIES = [("G1", "debit", 10_00, 1, "OLD"), ("G2", "debit", 20_00, 5, "R2"), ("G3", "debit", 30_00, 6, "R3")]


def counts(made: Books) -> tuple[int, int]:
    row = account_rows(organization_id=made.by.organization_id).get()
    return row.total_count, row.unreconciled_count


def test_entries_older_than_the_opening_balance_have_no_token_and_stay_unreconciled():
    made = books(actor_with("admin"), entries=ENTRIES)
    made.act(opening_confirm, ledger=made.ledger, balance=10_00, day=date(2026, 2, 3))
    assert not OpenItem.objects.filter(record__description="G1").exists()
    assert counts(made) == (3, 3)


def test_a_suggestion_leaves_its_entries_unreconciled():
    made = books(actor_with("admin"), entries=ENTRIES)
    made.upload(csv(("S2", "credit", 20_00, 5, "R2")))
    made.auto_match()
    assert counts(made) == (3, 3)
    made.accept("S2")
    assert counts(made) == (3, 2)


def test_an_entry_older_than_the_opening_balance_says_so_when_closed():
    made = books(actor_with("admin"), entries=ENTRIES)
    made.act(opening_confirm, ledger=made.ledger, balance=10_00, day=date(2026, 2, 3))
    with pytest.raises(Conflict) as refused:
        made.act(
            entry_close,
            organization_id=made.by.organization_id,
            entry_id=made.entries["G1"],
            reason="old",
        )
    assert refused.value.code == "item.before_opening"
