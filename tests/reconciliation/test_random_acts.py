"""Whatever people and passes do, in any order, every record is covered, open or closed exactly once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledgers.models import Record, SourceFile
from organizations.refusals import Refusal
from reconciliation.models import Match, MatchMember, OpenItem, Pass, Run
from reconciliation.selectors.integrity import faults
from reconciliation.selectors.items import item_rows
from reconciliation.selectors.proof import run_proof
from reconciliation.services.by_hand import match_manual
from reconciliation.services.items import entry_close, entry_reopen, item_close, item_reopen
from reconciliation.services.matches import match_accept, match_reject, match_undo
from reconciliation.services.runs import run_void
from reconciliation.services.undoing import pass_undo
from reconciliation.states import MATCH_LIVE
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import Line, csv

pytestmark = pytest.mark.django_db

DIRECTIONS, REFERENCES = ("credit", "debit"), ("", "R1", "R2")


def lines(chance: Random, most: int) -> list[Line]:
    """Few amounts and references, so that they collide."""
    return [
        (
            f"n{chance.randrange(4)}",
            chance.choice(DIRECTIONS),
            chance.choice((0, 1, 2, 3, 5)),
            1 + chance.randrange(5),
            chance.choice(REFERENCES),
        )
        for _n in range(chance.randint(1, most))
    ]


def live_runs(made: Books) -> list[Run]:
    return list(Run.objects.live().order_by("pk"))


def post(made: Books, chance: Random) -> None:
    made.post(*((name, *rest) for name, *rest in lines(chance, 5) if rest[1]))  # type: ignore[misc]


def upload(made: Books, chance: Random) -> None:
    run = chance.choice(live_runs(made)) if live_runs(made) and chance.random() < 0.8 else made.another_run()
    made.upload(csv(*lines(chance, 6)), run=run)


def auto_match(made: Books, chance: Random) -> None:
    made.auto_match(run=chance.choice(live_runs(made)))


def decide(made: Books, chance: Random, decision: Callable[..., Match]) -> None:
    """Of a live match mostly; what has ended refuses or stays as it is."""
    every = Match.objects.order_by("pk").values_list("pk", flat=True)
    matches = list(every.filter(status__in=MATCH_LIVE)) if chance.random() < 0.9 else list(every)
    made.act(decision, match_id=chance.choice(matches))


def accept(made: Books, chance: Random) -> None:
    decide(made, chance, match_accept)


def reject(made: Books, chance: Random) -> None:
    decide(made, chance, match_reject)


def undo(made: Books, chance: Random) -> None:
    decide(made, chance, match_undo)


def undo_pass(made: Books, chance: Random) -> None:
    made.act(pass_undo, pass_=chance.choice(list(Pass.objects.order_by("pk"))), undo_accepted=True)


def manual(made: Books, chance: Random) -> None:
    """Often a group that does not add up, or is taken: then it is matched in part, extends, or is refused whole."""
    run = chance.choice(live_runs(made))
    items = [row.record for row in item_rows(run)]
    entries = list(Record.objects.filter(stream__ledger=made.ledger).order_by("pk"))
    item = chance.choice(items)
    equal = [entry for entry in entries if entry.effect == item.effect] or entries
    made.act(match_manual, run=run, item_ids=[item.uuid], entry_ids=[chance.choice(equal).uuid])


def in_part(made: Books, chance: Random) -> None:
    """Several records of one direction that nothing covers wholly: held ones extend their matches."""
    run = chance.choice(live_runs(made))
    direction = chance.choice((1, -1))
    open_ = {token.record_id for token in OpenItem.objects.filter(closed_at=None)}
    items = [row.record for row in item_rows(run) if row.record_id in open_]
    entries = list(Record.objects.filter(stream__ledger=made.ledger, pk__in=open_).order_by("pk"))
    a, b = ([r.uuid for r in side if r.effect * direction > 0] for side in (items, entries))
    if not a or not b:
        return
    made.act(
        match_manual,
        run=run,
        item_ids=chance.sample(a, chance.randint(1, min(3, len(a)))),
        entry_ids=chance.sample(b, chance.randint(1, min(3, len(b)))),
    )


def entry_of(made: Books, chance: Random, service: Callable[..., Record]) -> None:
    tokens = OpenItem.objects.filter(side="b").order_by("record_id")
    record = Record.objects.get(pk=chance.choice(list(tokens)).record_id)
    made.act(service, organization_id=made.by.organization_id, entry_id=record.uuid)


def close_entry(made: Books, chance: Random) -> None:
    entry_of(made, chance, entry_close)


def reopen_entry(made: Books, chance: Random) -> None:
    entry_of(made, chance, entry_reopen)


def write_off(made: Books, chance: Random) -> None:
    """Of an item, the rest that a match left; refused where it is a suggestion's no more."""
    rows = [row for row in item_rows(chance.choice(live_runs(made))) if row.match_status == "partial"]
    of = {"organization_id": made.by.organization_id, "item_id": chance.choice(rows).record.uuid}
    made.act(item_close, **of, ledger_id=made.ledger.uuid)


def close(made: Books, chance: Random) -> None:
    row = chance.choice(list(item_rows(chance.choice(live_runs(made)))))
    of = {"organization_id": made.by.organization_id, "item_id": row.record.uuid}
    made.act(item_close, **of, ledger_id=made.ledger.uuid)


def reopen(made: Books, chance: Random) -> None:
    rows = [row for row in item_rows(chance.choice(live_runs(made))) if row.match_status == "closed"]
    made.act(item_reopen, organization_id=made.by.organization_id, item_id=chance.choice(rows).record.uuid)


def void_file(made: Books, chance: Random) -> None:
    file = chance.choice(list(SourceFile.objects.live().order_by("pk").select_related("run_source__run")))
    made.void(file, run=file.run_source.run)


def void_run(made: Books, chance: Random) -> None:
    made.act(run_void, run=chance.choice(live_runs(made)))


ACTS = [
    post,
    upload,
    upload,
    auto_match,
    auto_match,
    accept,
    reject,
    manual,
    in_part,
    in_part,
    in_part,
    undo,
    undo_pass,
    close,
    write_off,
    reopen,
    close_entry,
    reopen_entry,
    void_file,
    void_run,
]


def check_every_record(made: Books) -> None:
    """The invariant, in Python and from the tables alone, beside check_integrity's SQL."""
    tokens = {token.record_id: token for token in OpenItem.objects.all()}
    live = MatchMember.objects.filter(live=True).values("record_id")
    sums = dict(live.annotate(sum=Sum("applied")).values_list("record_id", "sum"))
    for record in Record.objects.live():
        token, applied = tokens.get(record.pk), sums.get(record.pk)
        left = token.open_amount if token is not None else 0
        assert abs(record.effect) == abs(applied or 0) + abs(left), record
        assert token is not None or applied is not None, f"{record} is nowhere"
        assert (token is not None and token.held_by is not None) == (
            token is not None and applied is not None
        )
    assert not OpenItem.objects.filter(record_id__in=Record.objects.exclude(voided_at=None)).exists()
    for run in live_runs(made):
        assert run_proof(run).unexplained == 0
    assert faults() == []


@settings(
    max_examples=5,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=st.lists(st.sampled_from(range(len(ACTS))), min_size=12, max_size=12), seed=st.integers(0, 2**32))
def test_any_acts_in_any_order_keep_every_record_whole(db, acts: list[int], seed: int):
    before = transaction.savepoint()
    try:
        chance = Random(seed)
        made = books(actor_with(), entries=[])
        for start in (post, upload, auto_match, post, upload, in_part, in_part):
            with suppress(Refusal):
                start(made, chance)
        for number in acts:
            # A refusal is an answer; an empty list to choose from (IndexError) is nothing to do.
            with suppress(Refusal, IndexError):
                ACTS[number](made, chance)
            check_every_record(made)
    finally:
        transaction.savepoint_rollback(before)
