"""What people do around a ledger: books, files, passes, decisions, matches by hand, closings, voiding."""

from __future__ import annotations

import io

from ledgers.models import Record, SourceFile
from ledgers.services.postings import EntryIn
from reconciliation.models import Discrepancy, Match, OpenItem, Pass, Run
from reconciliation.selectors.items import item_lines
from reconciliation.services.by_hand import match_manual
from reconciliation.services.discrepancies import (
    discrepancy_close,
    discrepancy_reopen,
    discrepancy_review,
)
from reconciliation.services.intake import entries_post
from reconciliation.services.items import entry_close, entry_reopen, item_close, item_note, item_reopen
from reconciliation.services.matches import match_accept, match_note, match_reject, match_undo
from reconciliation.services.passes import pass_cancel, pass_request
from reconciliation.services.records import source_void
from reconciliation.services.runs import run_create, run_void
from reconciliation.services.sources import receive, source_add, source_import
from reconciliation.services.undoing import pass_undo, run_undo
from reconciliation.states import RunMode
from tests.clock import TODAY
from tests.hammer.hands import HOT, Hand, NothingToDo
from tests.hammer.world import AMOUNTS, DAYS, REFERENCES, some_line
from tests.reconciliation.files import csv

RUNS, OPEN_MOST = 2, 40


def crowded(hand: Hand) -> bool:
    """Enough is open: the acts are to meet on the same records."""
    return OpenItem.objects.free().count() > OPEN_MOST


def post(hand: Hand) -> object:
    if crowded(hand):
        raise NothingToDo
    ledger, chance = hand.world.ledger, hand.chance
    entries = [
        EntryIn(
            ledger,
            chance.choice(AMOUNTS),
            "debit",
            reference=chance.choice(REFERENCES),
            value_date=TODAY.replace(month=2, day=1 + chance.randrange(DAYS)),
        )
        for _n in range(1 + chance.randrange(3))
    ]
    return hand.act(entries_post, organization_id=ledger.organization_id, entries=entries)


def upload(hand: Hand) -> object:
    """A file whose lines are partly known from others: the same few lines come again and again."""
    if crowded(hand):
        raise NothingToDo
    lines = [some_line(hand.chance, "credit") for _n in range(1 + hand.chance.randrange(4))]
    received = receive(io.BytesIO(csv(*lines).encode()))
    run = a_run(hand)
    added, _made = hand.act(source_add, run=run, received=received, filename="lines.csv")
    return source_import(source_file_id=added.source_file_id, at=hand.at)


def a_run(hand: Hand) -> Run:
    return hand.one(hand.world.runs())


def open_run(hand: Hand) -> object:
    if len(hand.world.runs()) > RUNS:
        raise NothingToDo
    ledger, mode = hand.world.ledger, hand.chance.choice(RunMode.values)
    return hand.act(run_create, organization_id=ledger.organization_id, ledger=ledger, mode=mode)


def request(hand: Hand) -> object:
    run = a_run(hand)
    return hand.act(pass_request, reconciliation=run.reconciliation, run=run)


def cancel(hand: Hand) -> object:
    return hand.act(pass_cancel, pass_=hand.newest(Pass.objects.under_way()))


def undo_pass(hand: Hand) -> object:
    ended = Pass.objects.exclude(finished_at=None)
    return hand.act(pass_undo, pass_=hand.newest(ended), undo_accepted=hand.chance.random() < 0.5)


def undo_run(hand: Hand) -> object:
    return hand.act(run_undo, run=a_run(hand))


def a_match(hand: Hand) -> int:
    """Mostly a live one."""
    matches = Match.objects.live() if hand.chance.random() < 0.8 else Match.objects.all()
    return hand.newest(matches.only("pk")).pk


def accept(hand: Hand) -> object:
    return hand.act(match_accept, match_id=a_match(hand))


def reject(hand: Hand) -> object:
    return hand.act(match_reject, match_id=a_match(hand))


def undo(hand: Hand) -> object:
    return hand.act(match_undo, match_id=a_match(hand))


def note(hand: Hand) -> object:
    text = hand.chance.choice(["", "seen", "asked the bank"])
    if hand.chance.random() < 0.5:
        return hand.act(match_note, match_id=a_match(hand), note=text)
    run = a_run(hand)
    item = hand.one([line.record.uuid for line in item_lines(run).select_related("record")[:HOT]])
    return hand.act(item_note, run=run, item_id=item, note=text)


def sides(hand: Hand, run: Run) -> tuple[list[Record], list[Record]]:
    """What is free or held: lines of the run and entries of the ledger, newest first."""
    open_ids = OpenItem.objects.filter(reconciliation=run.reconciliation, closed_at=None)
    lines = item_lines(run).filter(record_id__in=open_ids.values("record_id")).select_related("record")
    entries = Record.objects.filter(pk__in=open_ids.filter(side="b").values("record_id"))
    return [line.record for line in lines.order_by("-pk")[:HOT]], list(entries.order_by("-pk")[:HOT])


def manual(hand: Hand) -> object:
    """A pair of equal amounts: accepted whole."""
    run = a_run(hand)
    lines, entries = sides(hand, run)
    line = hand.one(lines)
    entry = hand.one([entry for entry in entries if entry.effect == line.effect])
    return hand.act(match_manual, run=run, item_ids=[line.uuid], entry_ids=[entry.uuid])


def partly(hand: Hand) -> object:
    """A group that rarely adds up: one record is held; where one is held already, its matches are extended."""
    run = a_run(hand)
    lines, entries = (hand.some(side, 3) for side in sides(hand, run))
    ids = {"item_ids": [r.uuid for r in lines], "entry_ids": [r.uuid for r in entries]}
    return hand.act(match_manual, run=run, **ids)


def extend(hand: Hand) -> object:
    """Name what a match holds, and something of the other side."""
    run = a_run(hand)
    lines, entries = sides(hand, run)
    held = set(OpenItem.objects.held().values_list("record_id", flat=True))
    first = hand.one([record for record in (*lines, *entries) if record.pk in held])
    line = first if first in lines else hand.one(lines)
    entry = first if first in entries else hand.one(entries)
    return hand.act(match_manual, run=run, item_ids=[line.uuid], entry_ids=[entry.uuid])


def _close(hand: Hand, record_id: int, side: str) -> object:
    ledger = hand.world.ledger
    organization = {"organization_id": ledger.organization_id}
    uuid = Record.objects.values_list("uuid", flat=True).get(pk=record_id)
    if side == "b":
        return hand.act(entry_close, **organization, entry_id=uuid, reason="hammer")
    return hand.act(item_close, **organization, item_id=uuid, ledger_id=ledger.uuid, reason="hammer")


def tokens(hand: Hand):
    return OpenItem.objects.filter(reconciliation__ledger_id=hand.world.ledger_id)


def close(hand: Hand) -> object:
    """Free or in a suggestion (which is undone first): any line or entry that is not accepted."""
    if hand.chance.random() < 0.3:
        member = hand.one(list(item_lines(a_run(hand)).order_by("-pk")[:HOT]))
        return _close(hand, member.record_id, "a")
    token = hand.one(list(tokens(hand).free().order_by("-record_id")[:HOT]))
    return _close(hand, token.record_id, token.side)


def write_off(hand: Hand) -> object:
    token = hand.one(list(tokens(hand).held().order_by("-record_id")[:HOT]))
    return _close(hand, token.record_id, token.side)


def reopen(hand: Hand) -> object:
    token = hand.one(list(tokens(hand).closed().order_by("-record_id")[:HOT]))
    uuid = Record.objects.values_list("uuid", flat=True).get(pk=token.record_id)
    organization = {"organization_id": hand.world.by.organization_id}
    if token.side == "b":
        return hand.act(entry_reopen, **organization, entry_id=uuid)
    return hand.act(item_reopen, **organization, item_id=uuid)


def resolve(hand: Hand) -> object:
    discrepancy = hand.newest(Discrepancy.objects.live())
    decision = hand.chance.choice([discrepancy_review, discrepancy_reopen, discrepancy_close])
    reason = {"reason": "seen"} if decision is discrepancy_close else {}
    return hand.act(decision, discrepancy=discrepancy, **reason)


def void_file(hand: Hand) -> object:
    file = hand.newest(SourceFile.objects.live().select_related("run_source__run"))
    return hand.act(source_void, run=file.run_source.run, source_file=file)


def void_run(hand: Hand) -> object:
    return hand.act(run_void, run=a_run(hand))
