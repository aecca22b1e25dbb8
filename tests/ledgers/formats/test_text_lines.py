"""Bytes as text: UTF-8, else what was declared; wherever blocks end."""

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgers.formats import FileRefused, text_lines
from ledgers.formats.text_lines import physical_lines, text_blocks

# In Windows-1252 none of these can be a character of UTF-8 by chance.
texts = st.text("aéü\n\r", min_size=4, max_size=30)


@given(texts, st.integers(1, 7), st.sampled_from(["utf-8", "windows-1252"]))
@settings(max_examples=60, deadline=None)
def test_where_blocks_end_changes_nothing(text, size, encoding):
    content = text.encode(encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_lines, "BLOCK_BYTES", size)
        assert "".join(physical_lines(BytesIO(content), encoding="windows-1252")) == text
        assert "".join(text_blocks(BytesIO(content), encoding="windows-1252")) == text


@pytest.mark.parametrize("encoding", [None, "windows-1252"])
def test_what_is_neither_is_refused_with_its_line(encoding):
    with pytest.raises(FileRefused) as caught:
        list(physical_lines(BytesIO("ok\né".encode() + b"\xe9x"), encoding=encoding))
    assert caught.value.code == "file.encoding"
    assert caught.value.message.startswith("Line 2 is not UTF-8 text (byte 0xE9)")


def test_a_byte_that_the_declared_encoding_has_not_is_refused():
    with pytest.raises(FileRefused) as caught:
        list(physical_lines(BytesIO(b"ok\n\x81"), encoding="windows-1252"))
    assert caught.value.message.startswith("Line 2 is not ")


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-7", "rot13", "no such", "cp037", "cp1259", "iso-8859-99", "windows-125٢"]
)
def test_an_encoding_that_does_not_hold_ascii_cannot_be_declared(encoding):
    with pytest.raises(FileRefused) as caught:
        list(physical_lines(BytesIO(b"x"), encoding=encoding))
    assert caught.value.code == "file.encoding"


@pytest.mark.parametrize(
    "encoding", ["latin-1", "iso-8859-2", "iso-8859-15", "windows-1250", "cp1252", "cp850"]
)
def test_encodings_of_banks_can_be_declared(encoding):
    assert next(physical_lines(BytesIO(b"x\xf3\n"), encoding=encoding))[0] == "x"
