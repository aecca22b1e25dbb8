"""SWIFT MT text as fields: `:tag:` with its lines, one by one, and the marks between messages; read by the MT reader.

Bare messages and those in FIN envelopes ({1:…}{2:…}{4: … -}) are the same here.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ledgers.formats.events import FileRefused
from ledgers.formats.text_lines import physical_lines

END, ENVELOPE = "end", "envelope"
"""Fields that are none: a message's end mark, and the beginning of an envelope's text block."""

TAGS = "20|21|25|25P|28|28C|13|13D|34F|60F|60M|61|86|62F|62M|64|65|90C|90D"

FIELD_LINES_MAX, FIELD_MAX = 1_000, 200_000
"""Lines and characters of one field at most; the standard allows six lines of 65."""

_FIELD = re.compile(rf":({TAGS}):(.*)", re.S)
_TEXT_BLOCK = re.compile(r"(?:\{[123]:.*)?\{4:")
_TRAILERS = re.compile(r"(?:\{[5S]:(?:\{[^{}]*\}|[^{}])*\})+")
_FRAMING = str.maketrans("", "", "\x01\x03")  # SOH and ETX: how FIN frames messages on the wire


class Field(NamedTuple):
    """One field. Its first line is what stands behind the tag."""

    tag: str
    line: int  # where it begins in the file
    lines: list[str]
    whole: bool  # its last line has a line break, or something stands behind it

    @property
    def text(self) -> str:
        """The first line, which is all of most fields."""
        return self.lines[0].strip()


def fields(file: BinaryIO, *, encoding: str | None) -> Iterator[Field]:
    """Each field with all its lines, and marks (`END`, `ENVELOPE`). A line before the first field of a message is passed over.

    Only the tags of statements make fields: other text between colons at a line's start is text of a wrapped line, as a
    time of day. Raises FileRefused, also those of `physical_lines`.
    """
    current: Field | None = None
    for number, raw in enumerate(physical_lines(file, encoding=encoding), start=1):
        line = raw.rstrip("\r\n")
        whole = line != raw
        for tag, text in _parts(line.translate(_FRAMING)):
            if tag is None:
                if current is not None:
                    current = _longer(current, text, whole)
                continue
            if current is not None:
                yield current._replace(whole=True)
            current = None
            if tag in (END, ENVELOPE):
                yield Field(tag, number, [""], True)
            else:
                current = Field(tag, number, [text], whole)
    if current is not None:
        yield current


def _parts(line: str) -> Iterator[tuple[str | None, str]]:
    """What a physical line holds: a field's beginning, a line of the field under way (tag None), or marks."""
    if line.startswith("-}") or line.strip() == "-" or (_FIELD.match(line, 1) and line[0] == "-"):
        yield END, ""
        line = _TRAILERS.sub("", line.removeprefix("-").removeprefix("}"))
        if not line.strip():
            return
    if line.startswith("{") and (block := _TEXT_BLOCK.match(line)):
        yield ENVELOPE, ""
        line = line[block.end() :]
        if not line.strip():
            return
    if found := _FIELD.match(line):
        yield found[1], found[2]
    elif line.strip() and not re.match(r"\{[123]:", line):
        yield None, line


def _longer(field: Field, text: str, whole: bool) -> Field:
    if len(field.lines) >= FIELD_LINES_MAX or sum(map(len, field.lines)) > FIELD_MAX:
        message = (
            f"The field :{field.tag}: that begins in line {field.line:,} goes on for more lines than any field does,"
            " so this is not an MT940 or MT942 as banks send it. Ask the bank for a new file."
        )
        raise FileRefused("file.line_too_long", message)
    field.lines.append(text)
    return field._replace(whole=whole)
