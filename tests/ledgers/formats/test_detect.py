"""A file's format shows in its first bytes, never in its name."""

import pytest

from ledgers.formats import READERS, detect


@pytest.mark.parametrize(
    "head",
    [
        b"<?xml version='1.0'?>",
        b"<Document>",
        b" \r\n\t<Document>",
        b"\xef\xbb\xbf<?xml",
        b"\xef\xbb\xbf\n<?xml",
        "\ufeff<?xml".encode("utf-16-le"),
        "\ufeff<?xml".encode("utf-16-be"),
        "<?xml".encode("utf-16-be"),
        b"<!DOCTYPE html>",
    ],
)
def test_what_begins_with_an_angle_bracket_is_read_as_camt(head):
    assert detect(head, "statement.csv") == "camt.053"


@pytest.mark.parametrize("head", [b"", b"date,amount", b'"<a>",b', "\ufeffdate".encode(), b"PK", b"\0\0\0"])
def test_all_else_is_read_as_csv(head):
    assert detect(head, "statement.xml") == "csv"


def test_each_format_has_its_reader():
    assert set(READERS) == {"csv", "camt.052", "camt.053", "camt.054"}


@pytest.mark.parametrize(
    ("element", "word"),
    [("BkToCstmrStmt", "camt.053"), ("BkToCstmrAcctRpt", "camt.052"), ("BkToCstmrDbtCdtNtfctn", "camt.054")],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16le"])
@pytest.mark.parametrize("namespace", ["", ' xmlns="urn:x"'])
def test_a_camt_message_is_known_by_its_element(element, word, encoding, namespace):
    prolog = f"<?xml version='1.0' encoding='{encoding.removesuffix('-sig')}'?><!-- {'x' * 9_000} -->"
    head = f"{prolog}\n<Document{namespace}><{element}><GrpHdr>".encode(encoding)
    assert detect(head, "statement.csv") == word


@pytest.mark.parametrize("head", [b"PK\x03\x04", b"PK\x05\x06"])
def test_an_archive_is_known_by_its_first_bytes(head):
    assert detect(head, "statement.csv") == "zip"
