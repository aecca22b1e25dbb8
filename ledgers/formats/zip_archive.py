"""A ZIP archive of statement files: read member by member as a stream, in bounded memory, nothing unpacked to disk.

Whatever the archive says of itself is checked before it is believed; its names are only ever shown, never used as paths.
Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.4.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import IO, BinaryIO

from ledgers.formats.events import Event, FileRefused
from ledgers.formats.typed import shown

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
"""How an archive begins; the second one is empty."""

MEMBERS_MAX = 1_000

TOTAL_BYTES_MAX = 2_000_000_000
"""Bytes of all members unpacked."""

RATIO_MAX = 250
"""A member unpacks to at most so many times its size. Statements reach 60; what is made to fill a memory reaches 1,000."""

FREE_BYTES = 1 << 20
"""Members that unpack to less are not measured by their ratio."""

DIRECTORY_BYTES_MAX = MEMBERS_MAX * 1_000
"""Bytes of the list of members; it is all read at once."""

HEAD_BYTES = 1 << 16

_END = struct.Struct("<4s4H2LH")
_END_MAGIC, _END64_MAGIC = b"PK\x05\x06", b"PK\x06\x07"
_COMMENT_MAX = 1 << 16
_LOCATOR_BYTES = 20
_ENCRYPTED = 0x41  # bits 0 and 6: encrypted, strongly encrypted
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, struct.error, OSError)

ReadMember = Callable[[BinaryIO, bytes], Iterator[Event]]
"""Reads one member: the file from its beginning, and its first HEAD_BYTES."""


def read(file: BinaryIO, read_member: ReadMember) -> Iterator[Event]:
    """The statements of all members as those of one file, in the archive's order; the index goes on from member to member.

    Raises FileRefused: file.zip_broken, file.zip_encrypted, file.zip_nested, file.zip_limit, file.binary (a workbook),
    file.empty; what a member is refused for, with its name before the reason.
    """
    stated = _members_stated(file)
    first = 0
    with _opened(file) as archive:
        if len(archive.infolist()) != stated:
            raise _broken("Its list of files is not as long as it says")
        members = _members(archive)
        for place, member in enumerate(members, start=1):
            name = f"File {place:,} of {len(members):,} in the archive, {_name(member)}"
            last = first
            try:
                for event in _member_events(archive, member, read_member):
                    last = max(last, first + event.index)
                    yield replace(event, index=event.index + first)
            except FileRefused as refused:
                raise _refused_in(name, refused) from refused
            first = last + 1


def _member_events(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, read_member: ReadMember
) -> Iterator[Event]:
    try:
        unpacked = archive.open(member)
    except (*_BROKEN, RuntimeError) as error:
        raise _cannot_unpack(error) from error
    with unpacked:
        content = _Member(unpacked, member.compress_size)
        head = content.peek()
        if head.startswith(MAGIC):
            message = "It is an archive itself. Take the files out of it and upload those."
            raise FileRefused("file.zip_nested", message)
        yield from read_member(content, head)  # type: ignore[arg-type]


class _Member:
    """A member's bytes as they are unpacked, counted: what a header says of its size is not believed."""

    def __init__(self, unpacked: IO[bytes], packed_bytes: int):
        self._unpacked = unpacked
        self._head = b""
        self._allowed = max(FREE_BYTES, packed_bytes * RATIO_MAX)
        self._given = 0

    def peek(self) -> bytes:
        self._head = self._unpack(HEAD_BYTES)
        return self._head

    def read(self, size: int = -1) -> bytes:
        if self._head:
            size = len(self._head) if size < 0 else size
            data, self._head = self._head[:size], self._head[size:]
            return data
        return self._unpack(size)

    def _unpack(self, size: int) -> bytes:
        try:
            data = self._unpacked.read(size if size >= 0 else HEAD_BYTES)
        except _BROKEN as error:
            raise _cannot_unpack(error) from error
        self._given += len(data)
        if self._given > self._allowed:
            raise _over(f"one of its files unpacks to more than {RATIO_MAX} times its size")
        return data


def _members_stated(file: BinaryIO) -> int:
    """How many members the archive says it has, looked at before its list of them is read: it may be of millions.

    Where the end is found is how Python's zipfile finds it, so that both speak of the same table.
    """
    size = file.seek(0, io.SEEK_END)
    start = max(size - _COMMENT_MAX - _END.size - _LOCATOR_BYTES, 0)
    file.seek(start)
    tail = file.read(size - start)
    file.seek(0)
    place = len(tail) - _END.size
    if place < 0 or tail[place : place + 4] != _END_MAGIC or tail[-2:] != b"\0\0":
        place = tail.rfind(_END_MAGIC)
    if place < 0 or place + _END.size > len(tail):
        raise _broken("Its end is missing: perhaps it was cut off on its way")
    _magic, _disk, _disks, _here, members, directory_bytes, _offset, _comment = _END.unpack_from(tail, place)
    if tail[max(place - _LOCATOR_BYTES, 0) :].startswith(_END64_MAGIC):
        raise _over("it is of the form for more than 65,535 files or 4 GB")
    if members > MEMBERS_MAX or directory_bytes > DIRECTORY_BYTES_MAX:
        raise _over(f"it holds more than {MEMBERS_MAX:,} files")
    return int(members)


def _opened(file: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except _BROKEN as error:
        raise _broken(f"It cannot be read as one ({type(error).__name__})") from error


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files in the archive, without folders and what macOS puts beside them; refused where one cannot be read."""
    infos = archive.infolist()
    if any(info.filename == "[Content_Types].xml" for info in infos):
        message = "The file is an Excel workbook (or another office document), not an archive of statements. Export the sheet as CSV."
        raise FileRefused("file.binary", message)
    members = [info for info in infos if not (info.is_dir() or _is_debris(info.filename))]
    for info in infos:
        if info not in members:
            _check_passed_over(archive, info)
    if not members:
        raise FileRefused("file.empty", "The archive holds no file. Pack the statements again.")
    if sum(info.file_size for info in members) > TOTAL_BYTES_MAX:
        raise _over(f"it unpacks to more than {TOTAL_BYTES_MAX // 1_000_000:,} MB")
    for info in members:
        _check_member(info)
    return members


def _check_member(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _ENCRYPTED:
        message = f"{_name(info)} in the archive is encrypted. Unpack it with its password and upload the file itself."
        raise FileRefused("file.zip_encrypted", message)
    if info.compress_type not in _METHODS:
        raise _broken(f"{_name(info)} is packed in a way that is not read ({info.compress_type})")
    if info.file_size > max(FREE_BYTES, info.compress_size * RATIO_MAX):
        raise _over(f"{_name(info)} unpacks to more than {RATIO_MAX} times its size")


def _check_passed_over(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """What is passed over must be what the list says it is: no statement may get lost by a damaged name."""
    try:
        archive.open(info).close()  # compares the name with that at the file itself
    except (*_BROKEN, RuntimeError) as error:
        raise _broken(f"{_name(info)} is not where its list says") from error
    if info.is_dir() and info.file_size:
        raise _broken(f"{_name(info)} is named as a folder and is a file")


def _is_debris(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1] in (".DS_Store", "Thumbs.db")


def _name(info: zipfile.ZipInfo) -> str:
    """The member's name without its folders, quoted and cut, control characters escaped."""
    return shown(info.filename.replace("\\", "/").rsplit("/", 1)[-1])


def _refused_in(name: str, refused: FileRefused) -> FileRefused:
    message = f"{name}: {refused.message}"
    return FileRefused(refused.code, message, rows=refused.rows, row_errors=refused.row_errors)


def _cannot_unpack(error: Exception) -> FileRefused:
    return _broken(f"This file cannot be unpacked ({type(error).__name__})")


def _broken(why: str) -> FileRefused:
    message = (
        f"The ZIP archive is damaged or not one. {why}. Pack it again, or upload the files by themselves."
    )
    return FileRefused("file.zip_broken", message)


def _over(why: str) -> FileRefused:
    message = (
        f"The ZIP archive is not unpacked: {why}. Pack fewer files at a time, or upload them by themselves."
    )
    return FileRefused("file.zip_limit", message)
