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


@pytest.mark.parametrize(
    "head", [b"", b"date,amount", b'"<a>",b', "\ufeffdate".encode(), b"PK\x03\x04", b"\0\0\0"]
)
def test_all_else_is_read_as_csv(head):
    assert detect(head, "statement.xml") == "csv"


def test_each_format_has_its_reader():
    assert set(READERS) == {"csv", "camt.053"}
