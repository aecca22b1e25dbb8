"""Which format a file is, by its first bytes; called before a reader is chosen."""

import codecs
import re

from ledgers.formats import camt, zip_archive

CSV, CAMT052, CAMT053, CAMT054 = "csv", "camt.052", "camt.053", "camt.054"
MT940, MT942, BAI2, OFX, QIF = "mt940", "mt942", "bai2", "ofx", "qif"

ZIP = "zip"
"""The word of an archive of statement files, each of a format of its own."""

HEAD_BYTES = 1 << 16
"""As much of a file as `detect` wants to see."""

_MARKS = (
    b"\xef\xbb\xbf",
    b"\xff\xfe\x00\x00",
    b"\x00\x00\xfe\xff",
    b"\xff\xfe",
    b"\xfe\xff",
)

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_OFX = re.compile(rb"\s*(?:OFXHEADER|DATA):|\s*(?:<\?xml[^>]*>\s*)?(?:<\?OFX\s|<OFX>)", re.I)
_BAI2 = re.compile(rb"\s*01,[^,\r\n]*,[^,\r\n]*,\d{6},")
_QIF = re.compile(rb"\s*(?:#[^\r\n]*[\r\n]\s*)*!(?:Type|Account|Option|Clear)\b", re.I)
_MT = re.compile(
    rb"(?:^|[\r\n]|\{4:)-?\}?:20:[^\r\n]*(?=[\r\n])(?:[\r\n]+(?::21:|:13D?:)[^\r\n]*)*[\r\n]+:25P?:"
)
_INTERIM = re.compile(rb"[\r\n]:(?:34F|90[CD]):")
_BALANCE = re.compile(rb"[\r\n]:6[02][FM]:")


def detect(head: bytes, filename: str = "") -> str:
    """The format that the first bytes show; what shows none is read as CSV. A file's name proves nothing.

    XML without a message of ours is camt.053, whose reader says what it is instead.
    """
    if head.startswith(zip_archive.MAGIC):
        return ZIP
    bare = head
    if head.startswith(_UTF16) and not head.startswith(codecs.BOM_UTF32_LE):
        bare = head.decode("utf-16", errors="ignore").encode(errors="ignore")
    for mark in _MARKS:
        bare = bare.removeprefix(mark)
    if _OFX.match(bare):
        return OFX
    if bare.lstrip(b" \t\r\n\0").startswith(b"<"):
        return camt.word(head) or CAMT053
    return _text_format(bare)


def _text_format(head: bytes) -> str:
    if _BAI2.match(head):
        return BAI2
    if _QIF.match(head):
        return QIF
    if _MT.search(head):
        interim = _INTERIM.search(head)
        balance = _BALANCE.search(head)
        return MT942 if interim and not (balance and balance.start() < interim.start()) else MT940
    return CSV
