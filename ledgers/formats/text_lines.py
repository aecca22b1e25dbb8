"""Bytes to physical lines of text, with what can be wrong in bytes refused early; read by the readers of text formats."""

import codecs
import re
from collections.abc import Iterator
from io import StringIO
from typing import BinaryIO

from ledgers.formats.events import FileRefused

BLOCK_BYTES = 1 << 18

LINE_MAX = 1_000_000
"""Characters in one line at most; also in one row, where quotes hold line breaks."""

_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_OTHER_FILES = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
)


DECLARABLE = re.compile(
    r"(?:us-)?ascii|utf-?8|latin-?1|iso-?8859-?[0-9]{1,2}|windows-?125[0-9]|cp125[0-9]|cp85[02]", re.I
)
"""Encodings that can be declared for a file: those that hold ASCII as it is."""


def physical_lines(file: BinaryIO, *, encoding: str | None = None) -> Iterator[str]:
    """Each line with its line break (LF, CR LF or CR, as written), in memory of one block and one line.

    UTF-8, or the `encoding` that was declared where the bytes are not UTF-8.
    Raises FileRefused: file.empty, file.binary, file.encoding, file.line_too_long; each names the line.
    """
    decode = TextDecoder(encoding).decode
    done, tail, first = 0, "", True
    while True:
        block = _first_block(file) if first else file.read(BLOCK_BYTES)
        _refuse_nul(block, tail, done)
        try:
            text = decode(block, not block)
        except UnicodeDecodeError as error:
            raise _not_text(error, tail, done) from None
        text = tail + (text.lstrip("\ufeff") if first else text)
        first = False
        _refuse_long(text, len(tail), done)
        cut = _end_of_whole_lines(text) if block else len(text)
        yield from StringIO(text[:cut], newline="")
        done += _breaks(text[:cut])
        tail = text[cut:]
        if not block:
            return


def text_blocks(file: BinaryIO, *, encoding: str | None = None) -> Iterator[str]:
    """The same text in pieces as they come, where lines mean nothing. Refuses as `physical_lines` does, but for long lines."""
    decode = TextDecoder(encoding).decode
    done, first = 0, True
    while True:
        block = _first_block(file) if first else file.read(BLOCK_BYTES)
        _refuse_nul(block, "", done)
        try:
            text = decode(block, not block)
        except UnicodeDecodeError as error:
            raise _not_text(error, "", done) from None
        yield text.lstrip("\ufeff") if first else text
        done, first = done + text.count("\n"), False
        if not block:
            return


class TextDecoder:
    """UTF-8, until a byte shows that it is not; from there on the declared encoding, if there is one.

    Declarations are often wrong in the same way: the program was changed to write UTF-8 and the header was not. Text that is
    valid as UTF-8 and more than ASCII is never anything else by chance; a file that is both is refused.
    """

    def __init__(self, declared: str | None):
        """Raises FileRefused `file.encoding` where the declared encoding is not one that is read."""
        if declared is not None and not can_be_declared(declared):
            raise FileRefused(
                "file.encoding", f"The encoding {declared!r} is not read. Save the file as UTF-8."
            )
        self._declared = declared
        self._decoder: codecs.IncrementalDecoder = codecs.getincrementaldecoder("utf-8")()
        self._is_utf8: bool | None = None  # None: only ASCII was seen

    def decode(self, data: bytes, final: bool) -> str:
        """Raises UnicodeDecodeError, whose object begins with what was held over."""
        try:
            text = self._decoder.decode(data, final)
        except UnicodeDecodeError as error:
            whole = bytes(error.object)
            if self._declared is None or self._is_utf8 is not None or not whole[: error.start].isascii():
                raise
            self._is_utf8 = False
            self._decoder = codecs.getincrementaldecoder(self._declared)()
            return self._decoder.decode(whole, final)
        if self._is_utf8 is None and not text.isascii():
            self._is_utf8 = True
        return text


def can_be_declared(encoding: str) -> bool:
    try:
        return bool(DECLARABLE.fullmatch(encoding) and codecs.lookup(encoding))
    except LookupError:  # cp1259, iso-8859-99
        return False


def too_long(line: int) -> FileRefused:
    message = (
        f"Line {line:,} is longer than {LINE_MAX:,} characters, so this is not a table of statement lines. If a quote"
        " is opened and never closed, close it; else export the file again, with one row to a line."
    )
    return FileRefused("file.line_too_long", message)


def _first_block(file: BinaryIO) -> bytes:
    """The first bytes, enough of them to know a mark by; refuses what cannot be UTF-8 text."""
    head = file.read(BLOCK_BYTES)
    while len(head) < 4 and (more := file.read(BLOCK_BYTES)):
        head += more
    if not head:
        raise FileRefused("file.empty", "The file is empty. Export it again and check that it holds rows.")
    for magic, what in _OTHER_FILES:
        if head.startswith(magic):
            message = (
                f"The file is {what}, not text. Export the statement as CSV or camt.053, and upload that."
            )
            raise FileRefused("file.binary", message)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            raise FileRefused(
                "file.encoding", f"The file is {encoding} text. Save it as UTF-8 and upload it again."
            )
    return head


def _refuse_nul(block: bytes, tail: str, done: int) -> None:
    place = block.find(b"\0")
    if place >= 0:
        line = done + 1 + _breaks(tail + block[:place].decode("latin-1"))
        message = (
            f"Line {line:,} holds a NUL byte, so the file is binary, damaged, or UTF-16 without a mark."
            " Save it as UTF-8 text and upload it again."
        )
        raise FileRefused("file.binary", message)


def _not_text(error: UnicodeDecodeError, tail: str, done: int) -> FileRefused:
    line = done + 1 + _breaks(tail + error.object[: error.start].decode("latin-1"))
    byte, encoding = error.object[error.start], error.encoding.upper()
    perhaps = "; perhaps the file is Windows-1252 or Latin-1" if encoding == "UTF-8" else ""
    message = (
        f"Line {line:,} is not {encoding} text (byte 0x{byte:02X}){perhaps}."
        " Save it as UTF-8 and upload it again."
    )
    return FileRefused("file.encoding", message)


def _refuse_long(text: str, held: int, done: int) -> None:
    """Only the line that was held over can be longer than a block, so only that one is measured."""
    if len(text) > LINE_MAX and held:
        breaks = [place for place in (text.find("\n", held - 1), text.find("\r", held - 1)) if place >= 0]
        if min(breaks, default=len(text)) > LINE_MAX:
            raise too_long(done + 1)


def _end_of_whole_lines(text: str) -> int:
    """A CR at the very end may be half of a CR LF, so it waits for the next block."""
    return max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1)) + 1


def _breaks(text: str) -> int:
    return text.count("\n") + (text.count("\r") - text.count("\r\n") if "\r" in text else 0)
