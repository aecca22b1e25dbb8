"""An XML file looked at before it is parsed, and bounded while it is: no DTD, known encodings, no endless elements."""

import codecs
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from lxml import etree

from ledgers.formats.events import FileRefused, RowError

HEAD_BYTES = 1 << 16
"""The document's first element begins within these bytes, else the file is refused."""

SILENT_BYTES_MAX = 1_500_000
"""Bytes that may pass without one of the elements that are waited for: they bound the memory (30 bytes for each at worst)."""

OPTIONS = {
    # Not False: with that, lxml 6.1 goes on after an unknown entity as if a new document began. "internal" stops at it
    # with its line, fetches nothing, and has nothing to expand, since every DTD is refused.
    "resolve_entities": "internal",
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
"""How every XML file is parsed, at every place."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, ""),
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_KNOWN_ENCODING = re.compile(
    r"(utf-8|utf-16(le|be)?|us-ascii|ascii|iso-8859-\d{1,2}|latin-?1|windows-125\d|cp125\d)", re.I
)
_DECLARED = re.compile(r"<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"']+)[\"']")
_BEFORE_ROOT = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.S)


@dataclass(frozen=True, slots=True)
class Name:
    """An element's name: its namespace ("" for none) and its local part."""

    namespace: str
    local: str

    @classmethod
    def of(cls, tag: str) -> "Name":
        namespace, _, local = tag[1:].partition("}") if tag.startswith("{") else ("", "", tag)
        return cls(namespace, local)


class XmlFile:
    """An XML file that has been looked at: `root` and `message` (the root's first element) are known, no DTD is in it."""

    def __init__(self, file: BinaryIO):
        """Raises FileRefused: file.empty, file.dtd, file.encoding, file.not_xml."""
        self._file = file
        self._head = _head(file)
        self._silent = 0
        _look_at_prolog(self._head)
        names = first_names(self._head)
        self.root = names[0]
        self.message = names[1] if len(names) > 1 else None

    def elements(self, tags: list[str]) -> Iterator[Any]:
        """Each element of these tags as soon as it ends. Whoever takes one lets go of it, or memory grows.

        Raises FileRefused: file.not_xml with the line, file.dtd, file.element_too_long.
        """
        try:
            for place, (_, element) in enumerate(etree.iterparse(self, events=("end",), tag=tags, **OPTIONS)):
                if place == 0 and element.getroottree().docinfo.internalDTD is not None:
                    raise _has_dtd()
                self._silent = 0
                yield element
        except etree.XMLSyntaxError as error:
            raise _not_xml(error) from None

    def read(self, size: int) -> bytes:
        """The next bytes, for the parser. Counts those since the last element that was waited for."""
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
        else:
            data = self._file.read(size)
        self._silent += len(data)
        if self._silent > SILENT_BYTES_MAX:
            message = (
                f"The XML goes on for more than {SILENT_BYTES_MAX:,} bytes without an entry or a detail of one,"
                " so this is not a bank statement as banks send it. Ask the bank for a new file."
            )
            raise FileRefused("file.element_too_long", message)
        return data


def let_go(element: Any, wanted: Collection[str] = ()) -> list[Any]:
    """Drop what is in an element and what stands before it in its parent; gives those of that which are wanted by tag."""
    element.clear()
    return let_go_before(element, wanted)


def let_go_before(element: Any, wanted: Collection[str] = ()) -> list[Any]:
    """The same of what stands before it, while the element itself goes on."""
    before = element.getprevious()
    if before is None:
        return []
    parent = element.getparent()
    if before.getprevious() is None:  # nearly always: the one that was waited for before
        parent.remove(before)
        return [before] if before.tag in wanted else []
    found = list(element.itersiblings(*wanted, preceding=True))[::-1] if wanted else []
    del parent[: parent.index(element)]
    return found


def _head(file: BinaryIO) -> bytes:
    head = b""
    while len(head) < HEAD_BYTES and (more := file.read(HEAD_BYTES - len(head))):
        head += more
    if not head.strip():
        raise FileRefused("file.empty", "The file is empty. Download it from the bank again.")
    return head


def _look_at_prolog(head: bytes) -> None:
    """Refuse a DTD before any parser sees it: in one, entities can expand without bound or name other files."""
    encoding = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), "latin-1")
    text = head.decode(encoding, "replace").removeprefix("\ufeff") if encoding else ""
    declared = _DECLARED.match(text)
    if not encoding or (declared and not _KNOWN_ENCODING.fullmatch(declared[1])):
        named = repr(declared[1]) if declared else "UTF-32"
        raise FileRefused(
            "file.encoding", f"The XML is encoded as {named}, which is not read. Save it as UTF-8."
        )
    match = _BEFORE_ROOT.match(text)
    rest = text[match.end() if match else 0 :]
    if rest[:9].upper() == "<!DOCTYPE":
        raise _has_dtd()
    if not re.match(r"<[^\s<>/!?]", rest):
        line = text[: len(text) - len(rest)].count("\n") + 1
        message = f"The file is not XML: no element begins at line {line}. Download it from the bank again."
        raise FileRefused("file.not_xml", message, rows=[RowError(line, "", "no element begins here")])


def first_names(head: bytes) -> list[Name]:
    """The names of the root and of the first element in it, as far as they stand in the head. FileRefused file.not_xml."""
    parser: Any = etree.XMLPullParser(events=("start",), **OPTIONS)
    names: list[Name] = []
    try:
        for place in range(0, len(head), 512):
            parser.feed(head[place : place + 512])
            names += [Name.of(element.tag) for _, element in parser.read_events()]
            if len(names) > 1:
                break
    except etree.XMLSyntaxError as error:
        raise _not_xml(error) from None
    if not names:
        raise FileRefused(
            "file.not_xml", "The XML ends before its first element does. Download the file again."
        )
    return names


def _has_dtd() -> FileRefused:
    message = (
        "The XML has a document type declaration (DTD). Bank statements have none and it can be used for attacks,"
        " so the file is not read. Download the statement from the bank again."
    )
    return FileRefused("file.dtd", message)


def _not_xml(error: etree.XMLSyntaxError) -> FileRefused:
    line = error.lineno or 1
    why = re.sub(r",? line \d+, column \d+$", "", error.msg or "").strip().removesuffix(".")
    message = (
        f"The XML is broken at line {line:,}: {why}. Perhaps the file was cut off on its way."
        " Download it from the bank again."
    )
    return FileRefused("file.not_xml", message, rows=[RowError(line, "", why)])
