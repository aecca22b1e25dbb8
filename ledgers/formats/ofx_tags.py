"""OFX files as opening tags, closing tags and values, and their header; read by the OFX reader.

OFX 1 is SGML, in which a value's closing tag may be left out; OFX 2 is XML. Both are read by the same rules, without entities
of their own and without a DTD. Source: Open Financial Exchange 1.6 and 2.2, chapters 2 and 3.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ledgers.formats.events import FileRefused, RowError
from ledgers.formats.gathering import cut_off
from ledgers.formats.text_lines import text_blocks

HEAD_BYTES = 4_096
TOKEN_MAX = 500_000
"""Characters of one tag with the value behind it at most."""

_TAG = re.compile(r"(/?)([A-Za-z][A-Za-z0-9_.:-]*)(?:\s[^<>]*?)?(/?)")
_CDATA = "<![CDATA["
_ENTITY = re.compile(r"&(amp|lt|gt|quot|apos|nbsp|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_PAIR = re.compile(
    r"(ENCODING|CHARSET)\s*:\s*([A-Za-z0-9_.-]+?)(?=\s|$|COMPRESSION|OLDFILEUID|CHARSET)", re.I
)
_XML = re.compile(r"<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"']+)[\"']", re.I)


class Tag(NamedTuple):
    """A tag, with the value behind it where it opens one."""

    name: str
    closes: bool
    value: str
    line: int


class _Again:
    """A file of which the first bytes were already looked at."""

    def __init__(self, head: bytes, file: BinaryIO):
        self._head, self._file = head, file

    def read(self, size: int) -> bytes:
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        return self._file.read(size)


def tags(file: BinaryIO, *, encoding: str | None) -> Iterator[Tag]:
    """Every tag in its order. Raises FileRefused: file.dtd, file.encoding, file.structure, file.cut_off and those of the text."""
    head = b""
    while len(head) < HEAD_BYTES and (more := file.read(HEAD_BYTES - len(head))):
        head += more
    blocks = text_blocks(_Again(head, file), encoding=encoding or _declared(head))  # type: ignore[arg-type]
    text, line, first = "", 1, True
    for block in blocks:
        text += block
        if first and "<" in text:
            start = text.index("<")
            line += text.count("\n", 0, start)
            text, first = text[start:], False
        done = 0
        for tag, end in _whole_tags(text, line):
            yield tag
            line += text.count("\n", done, end)
            done = end
        text = text[done:]
        if len(text) > TOKEN_MAX:
            message = (
                f"Line {line:,} holds a value of more than {TOKEN_MAX:,} characters, so this is no statement."
            )
            raise FileRefused("file.element_too_long", message)
    yield from _rest(text, line)


def _declared(head: bytes) -> str | None:
    """The encoding that the header names, for text that is not UTF-8."""
    text = head.decode("latin-1")
    if found := _XML.search(text):
        return None if found[1].upper() in {"UTF-8", "US-ASCII", "ASCII"} else found[1]
    said = {name.upper(): value.upper() for name, value in _PAIR.findall(text.partition("<")[0])}
    if said.get("ENCODING") in {"UTF-8", "UNICODE"} or said.get("CHARSET", "NONE") in {
        "NONE",
        "UTF-8",
        "CSUNICODE",
    }:
        return None
    charset = said["CHARSET"].removeprefix("CP").removeprefix("WINDOWS-")
    return f"cp{charset}" if charset.isdigit() and charset.startswith("125") else _iso(charset)


def _iso(charset: str) -> str:
    return f"iso-{charset}" if charset.startswith("8859-") else charset.lower()


def _whole_tags(text: str, line: int) -> Iterator[tuple[Tag, int]]:
    """The tags whose values end within the text: up to the next `<`. Each with the place behind it."""
    place = 0
    while (behind := _next_tag(text, place)) > 0:
        yield _tag(text[place:behind], line), behind
        line += text.count("\n", place, behind)
        place = behind


def _next_tag(text: str, place: int) -> int:
    """Where the tag behind the one at `place` begins, past comments and CDATA; -1 where that takes more text."""
    if text.startswith("<!--", place):
        close = text.find("-->", place)
        return text.find("<", close) if close >= 0 else -1
    behind = text.find("<", place + 1)
    while behind >= 0 and _CDATA.startswith(text[behind : behind + len(_CDATA)]):
        close = text.find("]]>", behind)  # also where the text ends within the mark itself
        behind = text.find("<", close) if close >= 0 else -1
    return behind


def _rest(text: str, line: int) -> Iterator[Tag]:
    if not text.strip():
        return
    if not text.startswith("<") or ">" not in text:
        raise cut_off(f"The file ends within a tag in line {line:,}.")
    yield _tag(text, line)


def _tag(text: str, line: int) -> Tag:
    """`<NAME>value`, `</NAME>`, a declaration or a comment (both without a name)."""
    if text.startswith(("<?", "<!--")):
        return Tag("", False, "", line)
    if text.startswith("<!"):
        message = (
            "The file has a document type declaration (DTD), which statements have not, so it is not read."
        )
        raise FileRefused("file.dtd", f"{message} Download the statement from the bank again.")
    inner, found, value = text[1:].partition(">")
    match = _TAG.fullmatch(inner.rstrip())
    if not match or not found:
        why = f"'<{inner[:40]}' is not a tag; a sign < within a text is written &lt;"
        raise FileRefused("file.structure", f"Line {line:,}: {why}.", rows=[RowError(line, "", why)])
    if "<![CDATA[" in value:
        value = re.sub(r"<!\[CDATA\[(.*?)\]\]>", r"\1", value, flags=re.S)
        return Tag(match[2].upper(), bool(match[1]), value.strip(), line)
    return Tag(match[2].upper(), bool(match[1]), _ENTITY.sub(_character, value).strip(), line)


def _character(found: re.Match[str]) -> str:
    word = found[1]
    if word in _ENTITIES:
        return _ENTITIES[word]
    number = int(word[2:], 16) if word[1] in "xX" else int(word[1:])
    usable = 32 <= number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF
    return chr(number) if usable else found[0]
