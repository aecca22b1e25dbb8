"""Turns rows into answers, with what a row doesn't know by itself looked up once per batch. Called by the views."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, Max, OuterRef

from api.ledger_runs import book_shapes, shapes
from api.ledger_runs.item_shapes import one_item
from api.shared.fields import present, present_all
from ledgers.models import BankAccount, Journal, Ledger, Record, Statement
from ledgers.selectors import balances, entries_of, entry_rows, subtree_balances
from reconciliation.models import Discrepancy, Match, MatchMember, OpenItem, Pass, Run, RunSource
from reconciliation.selectors.discrepancies import discrepancy_of
from reconciliation.selectors.entries import gl_entry
from reconciliation.selectors.items import item_of
from reconciliation.selectors.ledger_proof import ledger_proof
from reconciliation.selectors.matches import match_of, members_of
from reconciliation.selectors.proof import run_proof
from reconciliation.selectors.runs import count_items, run_of
from reconciliation.services.groups import Made
from reconciliation.states import MatchStatus

Json = dict[str, Any]


# --- runs and passes ---------------------------------------------------------------------------------------------------


def run_bodies(runs: Sequence[Run], organization_id: int) -> list[Json]:
    count_items(runs)
    return present_all(shapes.RunShape, runs, organization_id=organization_id, last_passes=_last_passes(runs))


def run_body(run_id: UUID, organization_id: int) -> Json:
    """The run as it stands now, with its proof."""
    run = run_of(organization_id=organization_id, run_id=run_id)
    return present(
        shapes.RunDetailShape,
        run,
        organization_id=organization_id,
        last_passes=_last_passes([run]),
        proof=run_proof(run),
    )


def _last_passes(runs: Sequence[Run]) -> dict[int, Pass]:
    passes = (
        Pass.objects.filter(run__in=[run.pk for run in runs]).order_by("run_id", "-pk").distinct("run_id")
    )
    return {each.run_id: each for each in passes if each.run_id is not None}


def pass_body(pass_: Pass, organization_id: int) -> Json:
    return present(shapes.PassShape, pass_, organization_id=organization_id)


# --- source files --------------------------------------------------------------------------------------------------------


def source_bodies(sources: Sequence[RunSource], organization_id: int) -> list[Json]:
    return present_all(
        shapes.SourceFileShape, sources, organization_id=organization_id, statements=_statements(sources)
    )


def source_body(source: RunSource, organization_id: int) -> Json:
    return source_bodies([source], organization_id)[0]


def _statements(sources: Sequence[RunSource]) -> dict[int, list[Statement]]:
    """The statements that each file brought, in the file's order."""
    found: dict[int, list[Statement]] = defaultdict(list)
    rows = Statement.objects.filter(source_file_id__in=[source.source_file_id for source in sources])
    for statement in rows.order_by("source_file_id", "position"):
        found[statement.source_file_id].append(statement)
    return dict(found)


# --- items, matches, discrepancies -----------------------------------------------------------------------------------------


def item_bodies(lines: Sequence[Any], run: Run) -> list[Json]:
    return present_all(shapes.ItemShape, lines, organization_id=run.organization_id, run=run)


def item_body(item_id: UUID, organization_id: int) -> Json:
    line, run = item_of(organization_id=organization_id, item_id=item_id)
    return item_bodies([line], run)[0]


def one_item_body(item_id: UUID, organization_id: int) -> Json:
    """With the payments in it."""
    line, run = item_of(organization_id=organization_id, item_id=item_id)
    return one_item(line, organization_id=organization_id, run=run)


def match_bodies(matches: Sequence[Match], organization_id: int) -> list[Json]:
    members = members_of(match.pk for match in matches)
    return present_all(shapes.MatchShape, matches, organization_id=organization_id, members=members)


def match_body(match_id: UUID, organization_id: int) -> Json:
    return match_bodies([match_of(organization_id=organization_id, match_id=match_id)], organization_id)[0]


def made_body(made: Made, organization_id: int) -> Json:
    """A match made by hand, with the ids of what was named and got nothing."""
    not_covered = [str(record.uuid) for record in made.not_covered]
    return {**match_body(made.match.uuid, organization_id), "not_covered": not_covered}


def discrepancy_bodies(rows: Sequence[Discrepancy], organization_id: int) -> list[Json]:
    return present_all(shapes.DiscrepancyShape, rows, organization_id=organization_id)


def discrepancy_body(discrepancy_id: UUID, organization_id: int) -> Json:
    row = discrepancy_of(organization_id=organization_id, discrepancy_id=discrepancy_id)
    return discrepancy_bodies([row], organization_id)[0]


# --- books -------------------------------------------------------------------------------------------------------------------


def ledger_bodies(ledgers: Sequence[Ledger], organization_id: int) -> list[Json]:
    ids = [ledger.pk for ledger in ledgers]
    return present_all(
        book_shapes.LedgerShape,
        ledgers,
        organization_id=organization_id,
        balances=subtree_balances(ids),
        children=_children(ids),
        accounts=_accounts(ids),
    )


def ledger_body(ledger: Ledger) -> Json:
    return ledger_bodies([ledger], ledger.organization_id)[0]


def _children(ids: Sequence[int]) -> dict[int, list[UUID]]:
    found: dict[int, list[UUID]] = defaultdict(list)
    rows = Ledger.objects.filter(parent_id__in=ids).order_by("pk").values_list("parent_id", "uuid")
    for parent, child in rows:
        if parent is not None:
            found[parent].append(child)
    return dict(found)


def _accounts(ids: Sequence[int]) -> dict[int, list[BankAccount]]:
    found: dict[int, list[BankAccount]] = defaultdict(list)
    for account in BankAccount.objects.live().filter(ledger_id__in=ids).order_by("pk"):
        if account.ledger_id is not None:
            found[account.ledger_id].append(account)
    return dict(found)


def entry_bodies(entries: Sequence[Record], organization_id: int) -> list[Json]:
    return present_all(book_shapes.EntryShape, entries, organization_id=organization_id)


def gl_bodies(entries: Sequence[Record], organization_id: int) -> list[Json]:
    return present_all(book_shapes.GlEntryShape, entries, organization_id=organization_id)


def gl_body(entry_id: UUID, organization_id: int) -> Json:
    return gl_bodies([gl_entry(organization_id=organization_id, entry_id=entry_id)], organization_id)[0]


def proof_body(ledger: Ledger, day: date) -> Json:
    return present(
        book_shapes.LedgerProofShape,
        ledger_proof(ledger, day),
        organization_id=ledger.organization_id,
        ledger=ledger,
    )


def opening_body(ledger: Ledger) -> Json:
    return present(book_shapes.OpeningShape, ledger, organization_id=ledger.organization_id)


def posted_bodies(posted: Sequence[Record], organization_id: int) -> list[Json]:
    """Entries just posted, each with its ledger's balance after the act."""
    rows = entry_rows(organization_id=organization_id).in_bulk([entry.pk for entry in posted])
    entries = [rows[entry.pk] for entry in posted]
    ledgers = {entry.stream.ledger_id for entry in entries if entry.stream.ledger_id is not None}
    return present_all(
        book_shapes.PostedEntryShape, entries, organization_id=organization_id, balances=balances(ledgers)
    )


def journal_body(journal: Journal) -> Json:
    entries = list(entries_of(journal))
    return present(
        book_shapes.JournalShape,
        journal,
        organization_id=journal.organization_id,
        entries=entry_bodies(entries, journal.organization_id),
        reconciled_at=_reconciled_at([entry.pk for entry in entries]),
    )


def _reconciled_at(record_ids: Sequence[int]) -> datetime | None:
    """When the last of the entries was wholly covered by an accepted match; None while one is not."""
    held = OpenItem.objects.filter(
        record_id=OuterRef("record_id"), reconciliation_id=OuterRef("reconciliation_id")
    )
    covered = (
        MatchMember.objects.filter(record_id__in=record_ids, live=True, match__status=MatchStatus.ACCEPTED)
        .filter(~Exists(held))
        .aggregate(records=Count("record_id", distinct=True), at=Max("match__decided_at"))
    )
    found: datetime | None = covered["at"] if covered["records"] == len(record_ids) else None
    return found
