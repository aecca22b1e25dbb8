"""What is done to the bytes of a CSV file before they are text: UTF-16 with a mark, filling at the end; used by the CSV table."""

import codecs
from typing import BinaryIO, Protocol, cast

from ledgers.formats.events import FileRefused

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
UTF32_LE = codecs.BOM_UTF32_LE  # begins with the mark of UTF-16

FILLING_MAX = 1 << 16
"""Bytes of filling and line breaks that are held to be told apart."""


class Bytes(Protocol):
    """What readers need of a file."""

    def read(self, size: int = -1, /) -> bytes: ...


def as_utf8(file: BinaryIO | Bytes, *, padding: bool = False) -> BinaryIO:
    """The same file, in UTF-8 where a mark says that it is UTF-16; without NUL bytes at its end where `padding` is declared."""
    head = b""
    while len(head) < 4 and (more := file.read(4 - len(head))):
        head += more
    whole: Bytes = _Joined(head, file)
    if head.startswith(UTF16_MARKS) and head != UTF32_LE:
        whole = _FromUtf16(whole)
    return cast(BinaryIO, _WithoutFilling(whole) if padding else whole)  # readers only read


class _Joined:
    """Bytes read already, then the rest of the file."""

    def __init__(self, head: bytes, file: Bytes):
        self._head, self._file = head, file

    def read(self, size: int = -1, /) -> bytes:
        head, self._head = self._head, b""
        return head + self._file.read(size)  # a little more than asked is no harm to our readers


class _FromUtf16:
    def __init__(self, file: Bytes):
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-16")()

    def read(self, size: int = -1, /) -> bytes:
        while block := self._file.read(size):
            if text := self._decode(block, final=False):
                return text.encode()
        return self._decode(b"", final=True).encode()

    def _decode(self, block: bytes, *, final: bool) -> str:
        try:
            return self._decoder.decode(block, final)
        except UnicodeDecodeError:
            message = (
                "The file says that it is UTF-16, and is not throughout: it is damaged or was cut off."
                " Export it again, as UTF-8 where you can choose."
            )
            raise FileRefused("file.encoding", message) from None


class _WithoutFilling:
    """Holds back NUL bytes that only line breaks follow, so that those at the end of the file are never given out."""

    def __init__(self, file: Bytes):
        self._file = file
        self._held = b""

    def read(self, size: int = -1, /) -> bytes:
        while block := self._file.read(size):
            block, self._held = self._held + block, b""
            bare = block.rstrip(b"\0\r\n")
            tail = block[len(bare) :]
            if b"\0" not in tail:
                return block
            self._held = tail if len(tail) <= FILLING_MAX else b"\0"  # one is enough to be refused for
            if bare:
                return bare
        rest, self._held = self._held.replace(b"\0", b""), b""
        return rest
