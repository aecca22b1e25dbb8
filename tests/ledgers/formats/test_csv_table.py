"""The CSV table below statements and books: dialects, quotes, line numbers, encodings, and limits on bytes."""

import pytest

from tests.ledgers.formats.reading import LazyFile, assert_helpful, faults, read, refused

MEGABYTE = b"x" * 1_000_000


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_break_show_in_the_file(delimiter, line_break):
    content = line_break.join(
        delimiter.join(cells)
        for cells in [
            ("date", "amount", "description"),
            ("2026-03-02", "1.00", "a|b"),
            ("2026-03-03", "2.00", "c"),
        ]
    )
    got = read(content)
    assert got.column("amount") == [100, 200]
    assert got.column("line_no") == [2, 3]
    assert got.column("description") == ["a|b", "c"]


def test_the_delimiter_is_the_one_under_which_the_header_is_known():
    assert read('date;amount;"a,b,c,d,e"\n2026-03-02;1;"x"\n').row["metadata"] == '{"a,b,c,d,e":"x"}'


def test_quotes_hold_delimiters_quotes_and_line_breaks():
    got = read('date,amount,description\n2026-03-02,1,"a, ""b""\r\nc\nd"\n2026-03-03,2,e\n')
    assert got.column("description") == ['a, "b"\r\nc\nd', "e"]


def test_a_rows_line_is_the_physical_line_where_it_starts():
    content = '\n\ndate,amount,"two\nlines"\n2026-03-02,1,"a\nb\r\nc\rd"\n\n   \n2026-03-03,2,e\nx,3,f\n'
    assert faults(content) == [(12, "date")]
    assert read(content.replace("x,3,f\n", "")).column("line_no") == [5, 11]


def test_blank_lines_are_passed_over():
    assert read("\n \ndate,amount\n\n2026-03-02,1\n \n\r\n2026-03-02,2\n\n").column("amount") == [100, 200]


def test_a_last_line_needs_no_line_break():
    assert read("date,amount\n2026-03-02,1").column("amount") == [100]


@pytest.mark.parametrize("row", ["2026-03-02", "2026-03-02,1,more"])
def test_a_row_with_too_many_or_too_few_cells_is_a_row_error(row):
    content = f"date,amount\n2026-03-02,1\n{row}\n2026-03-02,1\n"
    assert faults(content) == [(3, "")]
    assert repr(row) in refused(content).rows[0].message


@pytest.mark.parametrize("row", ["2026-03-03,2,", "2026-03-03,2,, "])
def test_empty_cells_behind_the_last_column_are_passed_over(row):
    assert read(f"date,amount\n2026-03-02,1\n{row}\n").column("amount") == [100, 200]


@pytest.mark.parametrize("row", [",", " , ", ",,", ""])
def test_a_row_of_empty_cells_is_a_blank_line(row):
    assert read(f"date,amount\n2026-03-02,1\n{row}\n2026-03-03,2\n").column("line_no") == [2, 4]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "\x1f"])
@pytest.mark.parametrize("quoted", ["", '"'])
def test_a_sep_line_names_the_delimiter(delimiter, quoted):
    content = f"{quoted}sep={delimiter}{quoted}\r\ndate{delimiter}amount\r\n2026-03-02{delimiter}1\r\n"
    assert (read(content).column("line_no"), read(content).column("amount")) == ([3], [100])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("read_size", [1, 3, 1 << 18])
def test_utf16_with_a_mark_is_read(encoding, read_size, monkeypatch):
    monkeypatch.setattr("ledgers.formats.text_lines.BLOCK_BYTES", read_size)
    content = ("" if encoding == "utf-16" else "\ufeff") + "date,amount,description\n2026-03-02,1,é💶\n"
    assert read(content.encode(encoding)).row["description"] == "é💶"


def test_utf16_that_is_cut_off_is_refused():
    content = "date,amount,description\n2026-03-02,1,é💶".encode("utf-16")
    assert refused(content[:-1]).code == refused(content[:-2]).code == "file.encoding"


def test_an_unbalanced_quote_names_the_line_where_it_opens():
    refusal = refused('date,amount,description\n2026-03-02,1,a\n2026-03-03,2,"b\n2026-03-04,3,c\n')
    assert [(row.line, row.field) for row in refusal.rows] == [(3, "")]
    assert "never closed" in refusal.rows[0].message


def test_text_behind_a_closing_quote_is_a_row_error_and_reading_goes_on():
    assert faults('date,amount,description\n2026-03-02,1,"b"c\nx,3,c\n') == [(2, ""), (3, "date")]


def test_marks_before_utf8_text_are_passed_over():
    assert read(b"\xef\xbb\xbfdate,amount\n2026-03-02,1\n").column("amount") == [100]
    assert read(b"\xef\xbb\xbf\xef\xbb\xbfdate,amount\n2026-03-02,1\n").column("amount") == [100]


def test_letters_of_all_scripts_pass_unchanged():
    texts = "Gebühr, 手数料, رسوم, 💶\u2028next\x0bline\x85end"
    assert read(f'date,amount,description\n2026-03-02,1,"{texts}"\n').row["description"] == texts


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16-le"])
def test_other_unicode_encodings_are_refused_by_name(encoding):
    refusal = refused("date,amount\n2026-03-02,1\n".encode(encoding))
    if encoding == "utf-16-le":  # without a mark its NULs show it
        assert refusal.code == "file.binary"
    else:
        assert refusal.code == "file.encoding"
        assert encoding.upper() in refusal.message


@pytest.mark.parametrize("rows", [1, 50_000])
def test_text_that_is_not_utf8_is_refused_with_its_line(rows):
    content = "date,amount,description\n" + "2026-03-02,1,é\r\n" * rows
    refusal = refused(content.encode() + b"2026-03-02,1,M\xfcller\n")
    assert refusal.code == "file.encoding"
    assert f"Line {rows + 2:,} is not UTF-8 text (byte 0xFC)" in refusal.message


def test_a_character_cut_off_at_the_end_is_refused():
    assert refused("date,amount,description\n2026-03-02,1,é".encode()[:-1]).code == "file.encoding"


@pytest.mark.parametrize("rows", [1, 50_000])
def test_a_nul_byte_is_refused_with_its_line(rows):
    refusal = refused("date,amount\n" + "2026-03-02,1\n" * rows + "2026-03-02,1\0\n")
    assert refusal.code == "file.binary"
    assert f"Line {rows + 2:,} " in refusal.message


@pytest.mark.parametrize("magic", [b"%PDF-1.7", b"\x1f\x8b\x08", b"\xd0\xcf\x11\xe0\xa1\xb1"])
def test_other_kinds_of_file_are_refused_as_what_they_are(magic):
    refusal = refused(magic + b"abc")
    assert refusal.code == "file.binary"
    assert "not text" in refusal.message


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n \n\t\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(content):
    assert refused(content).code == "file.empty"


@pytest.mark.parametrize("read_size", [1, 2, 3, 7])
def test_files_that_give_few_bytes_at_a_time_are_read_the_same(read_size, monkeypatch):
    monkeypatch.setattr("ledgers.formats.text_lines.BLOCK_BYTES", read_size)
    content = (
        '\ufeffdate,amount,description\r\n2026-03-02,1,"é\r\n💶"\r2026-03-03,2,b\n\r\n2026-03-04,3,c'.encode()
    )
    got = read(content, file=LazyFile([content]))
    assert got.column("amount") == [100, 200, 300]
    assert got.column("line_no") == [2, 4, 6]
    assert got.column("description") == ["é\r\n💶", "b", "c"]


@pytest.mark.parametrize(
    ("start", "line"),
    [
        (b"", 1),
        (b"date,amount\n", 2),
        (b"date,amount\n2026-03-02,1\n2026-03-02,", 3),
        (b'date,amount\n2026-03-02,"', 2),
    ],
)
def test_an_endless_line_is_refused_after_two_megabytes(start, line):
    file = LazyFile([start, *[MEGABYTE] * 200])
    refusal = refused(b"date", file=file)
    assert refusal.code == "file.line_too_long"
    assert f"Line {line} " in refusal.message
    assert file.given < 2_000_000


def test_an_endless_quoted_cell_of_short_lines_is_refused_early():
    file = LazyFile([b'date,amount,note\n2026-03-02,1,"', *[b"xxxxxxxxx\n" * 100_000] * 200])
    refusal = refused(b"date", file=file)
    assert [(row.line, row.field) for row in refusal.rows] == [(2, "")]
    assert "never closed" in refusal.rows[0].message
    assert file.given < 2_000_000


def test_an_endless_row_of_short_quoted_lines_is_refused_early():
    file = LazyFile([b"date,amount,note\n2026-03-02,1\n", *[b'"a\n",' * 200_000] * 200])
    refusal = refused(b"date", file=file)
    assert refusal.code == "file.line_too_long"
    assert "Line 3 " in refusal.message
    assert file.given < 3_000_000


def test_too_many_columns_are_refused():
    refusal = refused(",".join(f"c{place}" for place in range(1_001)) + ",date,amount\n")
    assert refusal.code == "file.columns"


def test_names_of_columns_are_cut_in_messages():
    assert refused(f"{'a' * 100_000},{'b' * 100_000}\n").code == "file.columns"
    assert refused(f"{'a' * 200_000},b\n").code == "file.columns"


def test_batches_end_early_where_cells_are_long():
    rows = LazyFile([b"date,amount,note\n", *[b"2026-03-02,1," + b"n" * 100_000 + b"\n"] * 400])
    got = read(b"date", file=rows)
    assert got.end.lines == 400
    assert max(frame.height for _, frame in got.frames) < 200


def test_a_refusal_always_helps():
    for content in (b"", b"a", b"\0", b"\xff", b"date,amount\nx,y\n", b'"', b"<a", b"<!DOCTYPE a>"):
        assert_helpful(refused(content))


def test_a_header_that_two_delimiters_cut_alike_is_refused():
    refusal = refused("h1,h2;h3\n1,2;3\n")
    assert refusal.code == "file.columns"
    assert "sep=" in refusal.message
