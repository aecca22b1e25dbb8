"""An archive of statements is read member by member in bounded memory, or refused naming the member and why."""

import io
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledgers.formats import FileRefused
from ledgers.formats import zip_archive as limits
from tests.ledgers.formats.camt_files import balance, document, entry, one, statement
from tests.ledgers.formats.reading import assert_helpful, read, refused

CSV = b"date,amount,description\n2026-03-02,12.50,a\n2026-03-03,-1.00,b\n"
CAMT = document(
    statement(balance("OPBD", "1.00") + entry("2.00") + balance("CLBD", "3.00"), number="S-1"),
    statement(entry("4.00") + entry("5.00", indicator="DBIT"), number="S-2"),
).encode()


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_of_several_formats_are_the_statements_of_one_file(method):
    got = read(packed(("b.csv", CSV), ("2026/a.xml", CAMT), ("c.csv", CSV), method=method))
    assert [start.index for start in got.starts] == [end.index for end in got.ends] == [0, 1, 2, 3]
    assert [start.number for start in got.starts] == ["", "S-1", "S-2", ""]
    assert [end.lines for end in got.ends] == [2, 1, 2, 2]
    assert [index for index, _frame in got.frames] == [0, 1, 2, 3]
    assert got.ends[1].closing.amount_signed_minor == 3_00


def test_folders_and_what_macos_adds_are_passed_over():
    got = read(
        packed(
            ("2026/", b""), ("2026/a.csv", CSV), ("__MACOSX/2026/._a.csv", b"\0\x05"), (".DS_Store", b"\0")
        )
    )
    assert len(got.rows) == 2


def test_a_faulty_member_refuses_the_whole_and_is_named_with_its_line():
    faulty = CSV + b"2026-03-04,x,c\n"
    refusal = refused(packed(("good.csv", CSV), ("folder/march.csv", faulty), ("also.csv", CSV)))
    assert refusal.code == "file.rows"
    assert refusal.message.startswith("File 2 of 3 in the archive, 'march.csv': ")
    assert [(row.line, row.field) for row in refusal.rows] == [(4, "amount")]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "C:\\x\\passwd", "a\x1b[31m\n/passwd"])
def test_names_are_shown_without_folders_and_control_characters(name):
    refusal = refused(packed((name, b"nothing that is read")))
    assert "'passwd'" in refusal.message
    assert "\n" not in refusal.message
    assert ".." not in refusal.message.replace("…", "")


def test_an_archive_in_an_archive_is_refused():
    refusal = refused(packed(("inner.dat", packed(("a.csv", CSV)))))
    assert refusal.code == "file.zip_nested"
    assert "'inner.dat'" in refusal.message


def test_an_encrypted_member_is_refused():
    content = bytearray(packed(("a.csv", CSV)))
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    content[6] |= 1
    assert refused(bytes(content)).code == "file.zip_encrypted"


def test_an_office_document_is_named_as_what_it_is():
    refusal = refused(packed(("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>")))
    assert refusal.code == "file.binary"
    assert "workbook" in refusal.message


def test_an_archive_without_files_is_empty():
    assert refused(packed()).code == "file.empty"
    assert refused(packed(("folder/", b""))).code == "file.empty"


def test_ways_to_pack_that_cost_memory_are_not_read():
    refusal = refused(packed(("a.csv", CSV), method=zipfile.ZIP_LZMA))
    assert refusal.code == "file.zip_broken"
    assert "'a.csv'" in refusal.message


def test_too_many_members_are_refused_before_their_table_is_read():
    many = packed(*((f"{n}", b"") for n in range(limits.MEMBERS_MAX + 1)))
    assert refused(many).code == "file.zip_limit"


def test_a_table_that_is_larger_than_it_says_is_refused():
    content = bytearray(packed(*((f"{n}", b"") for n in range(limits.MEMBERS_MAX + 1))))
    struct.pack_into("<2H", content, len(content) - 22 + 8, 1, 1)
    assert refused(bytes(content)).code in {"file.zip_limit", "file.zip_broken"}


def test_an_archive_for_more_than_4_gb_is_refused():
    content = packed(("a.csv", CSV))
    end = content[-22:]
    assert refused(content[:-22] + b"PK\x06\x07" + b"\0" * 16 + end).code == "file.zip_limit"


def bomb(size: int) -> bytes:
    """Deflate at its best: a thousand to one."""
    return packed(("bomb.csv", b"a" * size))


def test_what_unpacks_to_far_more_than_its_size_is_refused_by_what_it_says():
    assert refused(bomb(20_000_000)).code == "file.zip_limit"


def test_what_unpacks_to_more_than_it_says_is_refused_in_little_memory():
    """Its headers say that it is small."""
    content = bytearray(packed(("bomb.csv", b"date,amount\n" + b"2026-03-02,1.00\n" * 3_000_000)))
    directory = content.index(b"PK\x01\x02")
    struct.pack_into("<L", content, directory + 24, 500_000)
    tracemalloc.start()
    try:
        assert refused(bytes(content)).code in {"file.zip_limit", "file.zip_broken"}
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_the_sum_of_all_members_is_limited(monkeypatch):
    monkeypatch.setattr(limits, "TOTAL_BYTES_MAX", 2 * len(CSV))
    assert len(read(packed(("a.csv", CSV), ("b.csv", CSV))).rows) == 4
    assert refused(packed(("a.csv", CSV), ("b.csv", CSV), ("c.csv", CSV))).code == "file.zip_limit"


def test_a_members_ratio_is_limited_by_what_it_gives(monkeypatch):
    monkeypatch.setattr(limits, "FREE_BYTES", 10)
    monkeypatch.setattr(limits, "RATIO_MAX", 2)
    assert refused(packed(("a.csv", CSV * 50))).code == "file.zip_limit"


def test_a_large_member_is_read_in_little_memory():
    rows = b"".join(b"2026-03-02,1.00,%d\n" % zlib.crc32(b"%d" % n) for n in range(60_000))
    content = packed(("a.csv", b"date,amount,description\n" + rows))
    read(packed(("a.csv", CSV)))
    got = read(content)
    assert got.end.lines == 60_000


ARCHIVE = packed(("a.csv", CSV), ("b.xml", one(entry()).encode()))
WHOLE = read(ARCHIVE)


@given(st.integers(0, len(ARCHIVE) - 1), st.integers(1, 255))
@example(ARCHIVE.rindex(b"a.csv") + 4, ord("v") ^ ord("/"))
@settings(max_examples=100, deadline=None)
def test_a_flipped_byte_is_read_the_same_or_refused(place, change):
    damaged = bytearray(ARCHIVE)
    damaged[place] ^= change
    right_or_refused(bytes(damaged))


@given(st.integers(0, len(ARCHIVE) - 1))
@settings(max_examples=40, deadline=None)
def test_an_archive_that_was_cut_off_is_refused(length):
    with pytest.raises(FileRefused) as caught:
        read(ARCHIVE[:length])
    assert_helpful(caught.value)


def right_or_refused(content: bytes) -> None:
    """Members carry checksums, so damage either does not matter or is seen."""
    try:
        got = read(content)
    except FileRefused as refusal:
        assert_helpful(refusal)
    else:
        assert got.rows == WHOLE.rows
