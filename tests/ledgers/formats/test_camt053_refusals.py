"""XML that is no camt.053, is broken, or is meant to do harm: refused early, in little memory, with what to do."""

import tracemalloc

import pytest

from ledgers.formats import FileRefused
from tests.ledgers.formats.camt_files import VERSION_8, document, entry, one, statement
from tests.ledgers.formats.reading import LazyFile, read, refused

BEGIN, END = (part.encode() for part in one("@").split("@"))
MEGABYTE = b"x" * 1_000_000


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE Document>",
        '<!DOCTYPE Document SYSTEM "http://127.0.0.1:9/evil.dtd">',
        '<!DOCTYPE Document [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE Document [<!ENTITY file SYSTEM "file:///etc/passwd">]>',
        "<!-- <Document> --> <?pi <x> ?>\n<!DOCTYPE Document>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16le", "utf-16be", "latin1"])
def test_a_dtd_is_refused_before_it_is_parsed(doctype, encoding):
    prolog = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig").upper()}"?>\n{doctype}'
    refusal = refused(one(entry(), prolog=prolog).encode(encoding))
    assert refusal.code == "file.dtd"


@pytest.mark.parametrize("encoding", ["UTF-7", "IBM037", "UTF-32", "x-nothing"])
def test_an_encoding_that_could_hide_a_dtd_is_refused(encoding):
    prolog = f"<?xml version='1.0' encoding='{encoding}'?>+ADwAIQ-DOCTYPE a+AD4-"
    assert refused(one(entry(), prolog=prolog)).code == "file.encoding"


def test_utf32_is_refused():
    assert refused(one(entry()).encode("utf-32")).code == "file.encoding"


def test_an_unknown_entity_is_refused_with_its_line_and_drops_no_text():
    padding = entry() * 500
    refusal = refused(one(f"{padding}\n{entry(after='<AddtlNtryInf>a &lol; b</AddtlNtryInf>')}{padding}"))
    assert refusal.code == "file.not_xml"
    assert refusal.rows[0].line == 4
    assert "'lol' not defined" in refusal.message


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (one(entry(), namespace="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"), "camt.054"),
        (one(entry(), namespace="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"), "pain.001"),
        (one(entry(), namespace="urn:x:notcamt.053.001.08"), "notcamt"),
        (one(entry()).replace("BkToCstmrStmt", "BkToCstmrAcctRpt"), "<BkToCstmrAcctRpt>"),
        (one(entry()).replace("<BkToCstmrStmt>", '<BkToCstmrStmt xmlns="urn:other">'), "urn:other"),
        (f'<Document xmlns="{VERSION_8}"/>', "no message"),
        ("<html><body>Please log in</body></html>", "<html>"),
        ("<BkToCstmrStmt><Stmt/></BkToCstmrStmt>", "<BkToCstmrStmt>"),
    ],
)
def test_other_documents_are_refused_by_what_they_are(content, found):
    refusal = refused(content)
    assert refusal.code == "file.namespace"
    assert found in refusal.message


def test_a_document_without_a_statement_is_refused():
    assert refused(document()).code == "file.empty"


@pytest.mark.parametrize(
    "content",
    [
        "<",
        "<>",
        "<<<",
        "<a",
        "<a b='",
        "<a><b></a>",
        "<?xml version='1.0'?>",
        "<!-- x",
        " <?xml version='1.0'?><a/>",
    ],
)
def test_what_is_not_xml_is_refused(content):
    assert refused(content).code == "file.not_xml"


def test_a_cut_off_file_is_refused_at_every_place():
    content = document(statement(entry() + entry())).encode()
    for place in range(1, len(content)):
        assert refused(content[:place]).code in {"file.not_xml", "file.namespace"}, content[:place]


@pytest.mark.parametrize(
    "fault", ["<a>", "</Ntry>", "&", "<b a='1' a='2'/>", "<q:b/>", "\x01", "&#0;", "<!DOCTYPE a>"]
)
def test_xml_that_is_not_well_formed_is_refused_with_its_line(fault):
    refusal = refused(one(f"{entry() * 400}\n{fault}{entry() * 400}"))
    assert refusal.code == "file.not_xml"
    if fault != "<a>":  # its end is missed where the document ends
        assert refusal.rows[0].line == 4


def test_bytes_of_another_encoding_are_refused():
    assert (
        refused(one(entry(after="<AddtlNtryInf>é</AddtlNtryInf>")).encode("latin-1")).code == "file.not_xml"
    )


@pytest.mark.parametrize(
    "pieces",
    [
        [b"<?xml version='1.0'?><!--", *[MEGABYTE] * 200],
        [b" " * 1_000_000] * 200,
        [BEGIN, *[MEGABYTE] * 200],
        [BEGIN, b"<", *[MEGABYTE] * 200],
        [BEGIN, b"<Ntry a='", *[MEGABYTE] * 200],
        [BEGIN, b"<Ntry><NtryRef>", *[MEGABYTE] * 200],
        [BEGIN, *[b"<x/>" * 250_000] * 200],
        [BEGIN, *[b"<x>" * 250_000] * 200],
        [BEGIN, *[b"<!-- x -->" * 100_000] * 200],
        [BEGIN, b"<Ntry><NtryDtls><TxDtls>", *[b"<Refs/>" * 150_000] * 200],
    ],
    ids=["prolog", "blanks", "text", "name", "attribute", "reference", "elements", "depth", "comments", "detail"],
)  # fmt: skip
def test_endless_xml_is_refused_early(pieces):
    file = LazyFile(pieces)
    with pytest.raises(FileRefused) as caught:
        read(b"<Document", file=file)
    assert caught.value.code in {"file.not_xml", "file.element_too_long", "file.empty"}
    assert file.given < 3_000_000


def test_memory_stays_flat_in_the_number_of_entries_and_details():
    """Python's own memory; the XML tree is of one entry at a time, as the next test shows by what can be reached."""
    detail = b"<TxDtls><RmtInf><Ustrd>text</Ustrd></RmtInf></TxDtls>" * 200
    content = entry(details="@").encode().replace(b"@", detail)

    def peak(entries: int) -> int:
        tracemalloc.start()
        try:
            read(BEGIN, file=LazyFile([BEGIN, *[content] * entries, END]))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few = peak(10)
    assert peak(150) < few + 2_000_000


def test_what_was_read_of_the_tree_is_let_go():
    from ledgers.formats.xml_file import XmlFile, let_go

    sizes = []
    for element in XmlFile(LazyFile([BEGIN, *[entry().encode()] * 1_000, END])).elements(
        [f"{{{VERSION_8}}}Ntry"]
    ):
        let_go(element)
        sizes.append(len(element.getparent()))
    # What the parser read ahead stands behind the element; it is bounded by the parser's block.
    assert len(sizes) == 1_000
    assert max(sizes) < 300
