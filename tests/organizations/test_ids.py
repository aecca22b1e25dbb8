"""Ids that sort by time."""

import uuid
from datetime import UTC, datetime

import pytest

from organizations.ids import uuid7, uuid7_block


def milliseconds_of(value: uuid.UUID) -> int:
    return value.int >> 80


def test_an_id_is_a_v7_uuid_of_this_moment():
    before = datetime.now(UTC).timestamp()
    made = uuid7()
    after = datetime.now(UTC).timestamp()
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert int(before * 1000) <= milliseconds_of(made) <= int(after * 1000) + 1


def test_ids_made_one_after_the_other_differ():
    assert len({uuid7() for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("n", [0, 1, 2, 1_000])
def test_a_block_is_sorted_different_and_well_formed(n):
    block = uuid7_block(n)
    assert len(set(block)) == n
    assert block == sorted(block)
    parsed = [uuid.UUID(text) for text in block]
    assert [str(value) for value in parsed] == block
    assert all((value.version, value.variant) == (7, uuid.RFC_4122) for value in parsed)


def test_a_block_carries_one_moment_between_two_single_ids():
    first, block, last = uuid7(), uuid7_block(100), uuid7()
    assert milliseconds_of(first) <= milliseconds_of(uuid.UUID(block[0])) <= milliseconds_of(last)
    assert len({milliseconds_of(uuid.UUID(text)) for text in block}) == 1
