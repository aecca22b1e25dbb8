"""A file's format shows in its first bytes, never in its name."""

import pytest

from ledgers.formats import HEAD_BYTES, READERS, detect


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
def test_other_xml_is_read_as_camt(head):
    assert detect(head, "statement.csv") == "camt.053"


MT = b":20:X\r\n:25:DE1\r\n:28C:1/1\r\n"


@pytest.mark.parametrize(
    ("head", "format_"),
    [
        (MT + b":60F:C240101EUR1,00\r\n", "mt940"),
        (b"\x01\r\n" + MT, "mt940"),
        (b"{1:F01X}{2:I940X}{4:\r\n" + MT, "mt940"),
        (b"{1:F01X}{2:I940X}{4::20:X\r:25:DE1\r", "mt940"),
        (b":940:\n" + MT, "mt940"),
        (b"BANK\n940\nBANK\n:20:X\n:21:Y\n:25:DE1\n:60F:C240101EUR1,00\n:90D:1EUR1,\n", "mt940"),
        (MT + b":34F:EUR0,\r\n", "mt942"),
        (MT + b":61:2401020102C1,NTRFX\r\n:90C:1EUR1,\r\n", "mt942"),
        (b"01,0004,12345,060321,0829,001,80,1,2/\n", "bai2"),
        (b"OFXHEADER:100\r\nDATA:OFXSGML\r\n", "ofx"),
        (b"OFXHEADER:100DATA:OFXSGML<OFX>", "ofx"),
        (b"DATA:OFXSGML\nENCODING:UTF-8\n<OFX>", "ofx"),
        (b"\xef\xbb\xbf\n <OFX>", "ofx"),
        (b"<?xml version='1.0'?>\n<?OFX OFXHEADER='200'?>", "ofx"),
        (b"<?xml version='1.0'?><OFX>", "ofx"),
        (b"!Type:Bank\n", "qif"),
        (b"# made by hand\n\n!Account\n", "qif"),
        (b"\xef\xbb\xbf!Option:AutoSwitch\n", "qif"),
    ],
)
def test_a_format_shows_in_its_first_bytes(head, format_):
    assert detect(head, "statement.csv") == format_


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"date,amount",
        b'"<a>",b',
        "\ufeffdate".encode(),
        b"PK",
        b"\0\0\0",
        b"01,x,y\n02,x,y",
        b"date,:20:X,:25:Y\n",
        b"!Important\n",
    ],
)
def test_all_else_is_read_as_csv(head):
    assert detect(head, "statement.xml") == "csv"


@pytest.mark.parametrize("piece", [b" #\n", b"\n :20:x", b" \n", b"<", b"01,", b"<?xml"])
def test_no_head_takes_long(piece):
    """A pattern that goes back over what it read would not end here."""
    assert detect((piece * HEAD_BYTES)[:HEAD_BYTES]) in READERS


def test_each_format_has_its_reader():
    camt = {"camt.052", "camt.053", "camt.054"}
    assert set(READERS) == camt | {"csv", "mt940", "mt942", "bai2", "ofx", "qif"}


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
