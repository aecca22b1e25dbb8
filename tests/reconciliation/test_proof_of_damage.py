"""Drop, duplicate or alter one line of a statement, and the proof names the day and the amount. Over lines that Hypothesis
makes, written in each format, and over the sample files; all through the import.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ledgers.formats import FileRefused
from ledgers.models import Record
from ledgers.selectors.account_proof import AccountProof
from organizations.actors import Actor
from tests.factories.organizations import actor_with
from tests.ledgers.formats.other_files import bai2, mt940, ofx
from tests.ledgers.formats.samples import needs_samples, path
from tests.ledgers.formats.test_camt_samples import READ
from tests.ledgers.formats.test_other_samples import ENTRIES, REFUSED
from tests.reconciliation.accounts import Accounts
from tests.reconciliation.statements import (
    Line,
    Proving,
    Said,
    camt,
    csv,
    day,
    row,
    told,
    whole_proof,
)

pytestmark = pytest.mark.django_db

OPENING = 1_000_00
OPS = ("drop", "duplicate", "alter")


@dataclass(frozen=True)
class Damage:
    """What was done to one line. `amount`: what is stated less what the lines give."""

    op: str
    place: int
    amount: int
    day: date

    def named_in(self, proof: AccountProof) -> bool:
        return any(each.since <= self.day <= each.day and each.amount == self.amount for each in proof.breaks)


def damaged(rows: Sequence[Line], op: str, place: int) -> tuple[list[tuple[int, Line]], Damage]:
    """The lines with one dropped, doubled or altered, each with the place of the line that it was."""
    found = list(enumerate(rows))
    on, amount, text = rows[place]
    if op == "drop":
        del found[place]
        return found, Damage(op, place, amount, on)
    if op == "duplicate":
        found.insert(place, found[place])
        return found, Damage(op, place, -amount, on)
    found[place] = place, (on, amount * 10, text)
    return found, Damage(op, place, -9 * amount, on)


# --- written by us -------------------------------------------------------------------------------------------------------

amounts = st.integers(-10_000_00, 10_000_00).filter(bool)
some_lines = st.lists(st.tuples(st.integers(0, 4), amounts), min_size=3, max_size=8).map(
    lambda drawn: [
        (day(2) + timedelta(days=offset), amount, f"line {place}")
        for place, (offset, amount) in enumerate(sorted(drawn, key=lambda each: each[0]))
    ]
)


def write_camt(rows: Sequence[Line], said: Sequence[Line]) -> str:
    return camt(Said(rows, OPENING, OPENING + total(said), said[0][0], said[-1][0]))


def write_camt_by_day(rows: Sequence[Line], said: Sequence[Line]) -> str:
    """A statement for each day."""
    written, held = [], OPENING
    for on in sorted({on for on, _amount, _text in said}):
        before, held = held, held + total([line for line in said if line[0] == on])
        written.append(Said([line for line in rows if line[0] == on], before, held, on, on))
    return camt(*written)


def write_mt940(rows: Sequence[Line], said: Sequence[Line]) -> str:
    written = mt940([[row(line) for line in rows]], opening=OPENING)
    closing = OPENING + total(said)
    dated = re.sub(r":60F:C\d{6}", f":60F:C{said[0][0]:%y%m%d}", written)
    return re.sub(r":62F:[CD]\d{6}EUR[\d,]+", mt_closing(closing), dated)


def mt_closing(minor: int) -> str:
    mark = "C" if minor >= 0 else "D"
    return f":62F:{mark}260331EUR{abs(minor) // 100},{abs(minor) % 100:02}"


def total(rows: Sequence[Line]) -> int:
    return sum(amount for _on, amount, _text in rows)


WRITERS = {"camt.053": write_camt, "camt.053 by day": write_camt_by_day, "mt940": write_mt940}


@given(st.sampled_from(sorted(WRITERS)), some_lines, st.sampled_from(OPS), st.data())
@settings(max_examples=25, deadline=None)
def test_any_damage_to_a_written_statement_is_named(format_, said, op, data):
    kept, damage = damaged(said, op, data.draw(st.integers(0, len(said) - 1)))
    proving = Proving(actor_with())
    write = WRITERS[format_]
    proving.upload(write([line for _place, line in kept], said))
    proof = proving.whole()
    assert damage.named_in(proof)
    assert len(proof.breaks) == 1
    if format_.endswith("by day"):
        assert (proof.breaks[0].since, proof.breaks[0].day) == (damage.day, damage.day)


@given(st.lists(amounts, min_size=4, max_size=8), st.sampled_from(OPS), st.sampled_from([1, -1]), st.data())
@settings(max_examples=12, deadline=None)
def test_any_damage_between_running_balances_is_named_to_the_line(drawn, op, step, data):
    said = [(day(2 + place), amount, f"line {place}") for place, amount in enumerate(drawn)]
    place = data.draw(st.integers(1, len(said) - 2))
    kept, damage = damaged(said, op, place)
    held = [OPENING + total(said[: at + 1]) for at in range(len(said))]
    rows = [(line, held[at]) for at, line in kept][::step]
    proving = Proving(actor_with())
    proving.upload(csv([line for line, _held in rows], [each for _line, each in rows]))
    proof = proving.whole()
    assert damage.named_in(proof)
    assert len(told(proof)) == 1
    if op == "alter":
        assert (proof.breaks[0].day, proof.breaks[0].line_no) == (damage.day, _csv_line(rows, place, said))


def _csv_line(rows: Sequence[tuple[Line, int]], place: int, said: Sequence[Line]) -> int:
    return 2 + [line[2] for line, _held in rows].index(said[place][2])


@given(some_lines, st.sampled_from(OPS), st.data())
@settings(max_examples=12, deadline=None)
def test_a_bai2_report_is_refused_or_its_damage_named(said, op, data):
    """Its control totals see it first; where they were made anew, the balances do."""
    said = [(day(31), amount, text) for _on, amount, text in said]
    kept, damage = damaged(said, op, data.draw(st.integers(0, len(said) - 1)))
    whole = bai2([[row(line) for line in said]], opening=OPENING)
    short = bai2([[row(line) for _place, line in kept]], opening=OPENING)
    proving = Proving(actor_with())
    closing = re.search(r"015,(-?\d+)", whole)
    assert closing is not None
    with pytest.raises(FileRefused) as refused:
        proving.upload(re.sub(r"015,-?\d+", closing[0], short))
    assert refused.value.code == "file.totals"
    proving.upload(_with_totals(short, int(closing[1])))
    assert damage.named_in(proving.whole())


def _with_totals(written: str, closing: int) -> str:
    """The report with another closing balance, and control totals that agree with it."""
    before = int(re.search(r"015,(-?\d+)", written)[1])  # type: ignore[index]
    off = closing - before
    written = re.sub(r"015,-?\d+", f"015,{closing}", written)
    return re.sub(r"^(49|98|99),(-?\d+)", lambda m: f"{m[1]},{int(m[2]) + off}", written, flags=re.M)


@given(some_lines, st.sampled_from(OPS), st.data())
@settings(max_examples=12, deadline=None)
def test_an_ofx_file_is_proved_from_the_closing_balance_before_it(said, op, data):
    """It states no opening balance: the first file proves nothing, each later one does."""
    kept, damage = damaged(said, op, data.draw(st.integers(0, len(said) - 1)))
    proving = Proving(actor_with())
    proving.upload(write_ofx([], OPENING, day(1)))
    proving.upload(write_ofx([line for _place, line in kept], OPENING + total(said), day(7)))
    proof = proving.whole()
    assert damage.named_in(proof)
    assert len(proof.breaks) == 1


def write_ofx(rows: Sequence[Line], closing: int, on: date) -> str:
    written = ofx([[row(line) for line in rows]])
    sign = "-" if closing < 0 else ""
    written = re.sub(
        r"<BALAMT>[-\d.]+", f"<BALAMT>{sign}{abs(closing) // 100}.{abs(closing) % 100:02}", written
    )
    return written.replace("<DTASOF>20260331", f"<DTASOF>{on:%Y%m%d}")


# --- samples -------------------------------------------------------------------------------------------------------------


def places(count: int) -> list[tuple[str, int]]:
    """What is done to which of so many lines: one in the middle, the last and the first."""
    return list(zip(OPS, (count // 2, count - 1, 0), strict=True)) if count else []


def camt_damages(content: bytes) -> Iterator[tuple[str, int, bytes]]:
    """The file with one entry dropped, one doubled, one altered: op, place of the entry, the file."""
    root = etree.fromstring(content)
    for op, place in places(len(list(root.iter("{*}Ntry")))):
        copy = deepcopy(root)
        entry = list(copy.iter("{*}Ntry"))[place]
        if op == "drop":
            entry.getparent().remove(entry)
        elif op == "duplicate":
            entry.addnext(deepcopy(entry))
        else:
            amount = entry.find("{*}Amt")
            amount.text = f"7{amount.text.strip()}"
        yield op, place, bytes(etree.tostring(copy, encoding="utf-8", xml_declaration=True))


FIELD_61 = re.compile(rb"^:61:.*?(?=^:(?!86)|^-|\Z)", re.M | re.S)
AMOUNT_61 = re.compile(rb"(:61:\d{6}(?:\d{4})?R?[CD][A-Z]?)(\d+,\d*)")


def mt_damages(content: bytes) -> Iterator[tuple[str, int, bytes]]:
    found = list(FIELD_61.finditer(content))
    for op, place in places(len(found)):
        (start, end), text = found[place].span(), found[place][0]
        said = {"drop": b"", "duplicate": text * 2, "alter": AMOUNT_61.sub(rb"\g<1>7\g<2>", text, count=1)}
        yield op, place, content[:start] + said[op] + content[end:]


def lines_by_account(accounts: Accounts) -> dict[Any, list[tuple[date, int]]]:
    return {
        account: list(
            Record.objects.entries().filter(stream=stream).order_by("pk").values_list("date", "signed_amount")
        )
        for account, stream in accounts.streams.items()
    }


def proofs(accounts: Accounts) -> dict[Any, AccountProof]:
    named = {stream.bank_account_id: account for account, stream in accounts.streams.items()}
    return {named[row.pk]: whole_proof(row) for row in accounts.stated()}


def difference(
    before: Sequence[tuple[date, int]], after: Sequence[tuple[date, int]], op: str
) -> tuple[date, int] | None:
    """The day of the line that was damaged, and what is stated less the lines now."""
    gone, new = list(before), list(after)
    for each in before:
        if each in new:
            new.remove(each)
            gone.remove(each)
    (on, _amount) = (gone or new or [(date.min, 0)])[0]
    amount = sum(amount for _on, amount in gone) - sum(amount for _on, amount in new)
    return (on, amount) if amount else None


def wrong(
    name: str, damages: Callable[[bytes], Iterator[tuple[str, int, bytes]]], by: Actor
) -> Iterator[str]:
    """What the proof does not name, of each damage to a file whose statements add up."""
    content = path(name).read_bytes()
    number = ALL.index(name)
    sound = Accounts(by, apart=f"F{number}")
    sound.upload(content)
    whole = proofs(sound)
    wanted = lines_by_account(sound)
    for op, place, file in damages(content):
        broken = Accounts(by, apart=f"F{number}{op[:2]}{place}")
        try:
            broken.upload(file)
        except FileRefused:
            continue  # control totals, or a damage that no statement can have
        now = proofs(broken)
        for account, lines in lines_by_account(broken).items():
            if account not in whole or whole[account].verdict != "proved":
                continue
            found = difference(wanted[account], lines, op)
            if found is None or not whole[account].since <= found[0] <= whole[account].until:
                continue  # some samples date lines outside their statement
            damage = Damage(op, place, found[1], found[0])
            if not damage.named_in(now[account]):
                yield f"{name}: {op} line {place} of {account}: {damage}, but {told(now[account])}"


SUBITE = [name for name in READ if "Subite-eu" in name]
CAMT = sorted({*READ} - {*SUBITE} | {*SUBITE[::12]})
MT = sorted(name for name in ENTRIES if name.startswith("mt940/") and name not in REFUSED)
ALL = CAMT + MT
REST = pytest.mark.every_sample


@needs_samples
@pytest.mark.parametrize(
    ("names", "damages"),
    [
        pytest.param(CAMT[::4], camt_damages, id="some camt"),
        pytest.param(MT[::4], mt_damages, id="some mt940"),
        pytest.param(CAMT, camt_damages, id="camt", marks=REST),
        pytest.param(MT, mt_damages, id="mt940", marks=REST),
    ],
)
def test_any_damage_to_a_sample_that_adds_up_is_named(names, damages):
    by = actor_with()
    faults = [fault for name in names for fault in wrong(name, damages, by)]
    assert faults == []
