"""MT940, MT942, BAI2, OFX and QIF files that are cut off or changed: noticed, or read as they are written; never half of it.

What no reader can notice, since the format has nothing that would show it: MT940 and QIF cut between two messages or records; a
changed digit of an OFX or QIF amount; a changed digit of a date. In MT940 and BAI2 a changed amount shows in the balances.
"""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgers.formats import FileRefused
from tests.ledgers.formats.other_files import bai2, mt940, mt942, ofx, qif
from tests.ledgers.formats.reading import Reading, assert_helpful, read

ROWS = [
    {
        "date": date(2026, 3, 20 + place),
        "value_date": date(2026, 3, 21),
        "amount": 1_234 * place,
        "direction": "debit" if place % 3 == 0 else "credit",
        "reference": f"REF{place}",
        "description": f"Invoice {place} of March, paid late and after two reminders",
        "counterparty": "Ada Ltd",
        "external_id": f"BANK{place}",
    }
    for place in range(1, 6)
]
TWO = [ROWS[:3], ROWS[3:]]

FILES = {
    "mt940": mt940(TWO),
    "mt940 pages": mt940([ROWS], page=2),
    "mt940 envelope": mt940(TWO, envelope=True),
    "mt942": mt942(TWO),
    "bai2": bai2(TWO),
    "ofx 1": ofx(TWO),
    "ofx 2": ofx(TWO, version=2, card=True),
    "qif": qif(TWO, day="%m/%d/%Y"),
}
WHOLE = {name: text.encode() for name, text in FILES.items()}

NAMES = pytest.mark.parametrize("name", FILES)


def taken(name: str, content: bytes) -> Reading | None:
    """What was read, or None where the file was refused with a reason."""
    try:
        got = read(content, format=name.split(" ")[0], currency="EUR")
    except FileRefused as refusal:
        assert_helpful(refusal)
        return None
    assert len(got.starts) == len(got.ends)
    assert sum(end.lines for end in got.ends) == len(got.rows)
    return got


def moved(got: Reading) -> list[tuple[int, str]]:
    return [(row["amount"], row["direction"]) for row in got.rows]


EXPECTED = [(row["amount"], row["direction"]) for row in ROWS]


def proof_holds(got: Reading) -> bool:
    """Opening + movements = closing in every statement, and each opens as the one before it closed."""
    closing = None
    for end in got.ends:
        if end.opening is None or end.closing is None:
            return False
        if closing is not None and end.opening.amount_signed_minor != closing:
            return False
        closing = end.closing.amount_signed_minor
        if end.opening.amount_signed_minor + end.credit_sum - end.debit_sum != closing:
            return False
    return True


@NAMES
def test_the_whole_file_is_read(name):
    got = taken(name, WHOLE[name])
    assert got is not None
    assert moved(got) == EXPECTED


@NAMES
@given(place=st.integers(0, 5_000))
@settings(max_examples=25, deadline=None)
def test_a_file_that_is_cut_off_is_refused_or_read_as_far_as_it_is_sure(name, place):
    content = WHOLE[name][: place % len(WHOLE[name])]
    got = taken(name, content)
    if got is None:
        return
    assert [row | {"metadata": ""} for row in got.rows] == [
        row | {"metadata": ""} for row in taken(name, WHOLE[name]).rows[: len(got.rows)]
    ]
    if name.startswith(("bai2", "ofx")):
        assert moved(got) == EXPECTED
    elif name.startswith("mt940"):
        assert got.rows
        assert all(
            end.opening.amount_signed_minor + end.credit_sum - end.debit_sum
            == end.closing.amount_signed_minor
            for end in got.ends
        )
    elif name == "mt942":
        assert len(got.rows) in {3, 5}


@NAMES
@given(place=st.integers(0, 5_000), byte=st.integers(0, 255))
@settings(max_examples=40, deadline=None)
def test_a_changed_byte_is_refused_or_changes_no_amount_in_silence(name, place, byte):
    place %= len(WHOLE[name])
    content = WHOLE[name][:place] + bytes([byte]) + WHOLE[name][place + 1 :]
    got = taken(name, content)
    if got is None:
        return
    if name.startswith(("mt940", "bai2")):
        assert moved(got) == EXPECTED or not proof_holds(got) or len(got.ends) != 2
    elif name == "mt942":
        assert moved(got) == EXPECTED
    else:
        different = [pair for pair in zip(moved(got), EXPECTED, strict=True) if pair[0] != pair[1]]
        assert len(different) <= 1


@pytest.mark.parametrize("format_", ["mt940", "bai2", "ofx", "qif"])
@given(content=st.binary(max_size=200) | st.text(":20615FM,!T^D<>/OX\n{}-?", max_size=80).map(str.encode))
@settings(max_examples=25, deadline=None)
def test_any_bytes_are_read_or_refused(format_, content):
    taken(format_, content)
