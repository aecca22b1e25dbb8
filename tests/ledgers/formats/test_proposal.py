"""What a proposal holds for certain, and what it asks."""

import io

import pytest

from ledgers.formats import FileRefused
from ledgers.formats.declaration_json import declaration_from_json
from ledgers.formats.proposal import propose
from tests.ledgers.formats.reading import read
from tests.ledgers.formats.samples import needs_samples, path


def proposed(content):
    return propose(io.BytesIO(content.encode() if isinstance(content, str) else content))


def asked(proposal):
    return [question.field for question in proposal.questions]


def amounts(content, declaration):
    reading = read(content, format="csv", declaration=declaration_from_json(declaration))
    return [row["amount"] if row["direction"] == "credit" else -row["amount"] for row in reading.rows]


def table(*rows, head="Date;Description;Amount"):
    return "\n".join([head, *rows]) + "\n"


# --- days --------------------------------------------------------------------------------------------------------------


def test_dates_that_fit_two_orders_are_asked():
    content = table("03/04/2024;a;1.00", "05/06/2024;b;-2.00")
    proposal = proposed(content)
    assert asked(proposal) == ["date_format"]
    (question,) = proposal.questions
    assert {choice.label for choice in question.choices} == {"DD/MM/YYYY", "MM/DD/YYYY"}
    assert question.sample == "03/04/2024"
    months = {
        reading.row["date"].isoformat()
        for place in (0, 1)
        for reading in [
            read(
                table("03/04/2024;a;1.00"),
                format="csv",
                declaration=declaration_from_json(proposal.answered({"date_format": place})),
            )
        ]
    }
    assert months == {"2024-04-03", "2024-03-04"}


@pytest.mark.parametrize(("day", "date_format"), [("13/04/2024", "DD/MM/YYYY"), ("04/13/2024", "MM/DD/YYYY")])
def test_one_day_after_the_twelfth_makes_the_order_certain(day, date_format):
    proposal = proposed(table("03/04/2024;a;1.00", *["05/06/2024;b;-2.00"] * 5_000, f"{day};c;-3.00"))
    assert proposal.is_certain
    assert proposal.declaration["date_format"] == date_format


@pytest.mark.parametrize(
    ("day", "date_format"),
    [
        ("2024-04-03", "YYYY-MM-DD"),
        ("03.04.2024", "DD.MM.YYYY"),
        ("3.4.2024", "D.M.YYYY"),
        ("20240403", "YYYYMMDD"),
        ("03 Apr 2024", "DD MMM YYYY"),
    ],
)
def test_other_days_say_their_order_themselves(day, date_format):
    proposal = proposed(table(f"{day};a;1.00", f"{day};b;-2.00"))
    assert "date_format" in proposal.certain
    assert proposal.declaration["date_format"] == date_format


# --- amounts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("texts", [("1,234", "-5,678"), ("1.234", "-5.678")])
def test_one_mark_before_three_digits_is_asked(texts):
    content = table(f"13/04/2024;a;{texts[0]}", f"13/04/2024;b;{texts[1]}")
    proposal = proposed(content)
    assert asked(proposal) == ["decimal_mark"]
    assert texts[0] in proposal.questions[0].sample
    assert amounts(content, proposal.answered({"decimal_mark": 1})) == [123400, -567800]


@pytest.mark.parametrize(
    ("texts", "mark", "thousands"),
    [
        (("1,234", "-5.50"), ".", ","),
        (("1.234", "-5,50"), ",", "."),
        (("1.234.567", "-5"), ",", "."),
        (("1.234,50", "-5"), ",", "."),
        (("0.500", "-1.234"), ".", ""),
        (("1'234.50", "-5"), ".", "'"),
        (("12", "-5"), ".", ""),
    ],
)
def test_one_clear_amount_makes_the_mark_certain(texts, mark, thousands):
    proposal = proposed(table(f"13/04/2024;a;{texts[0]}", f"13/04/2024;b;{texts[1]}"))
    assert "decimal_mark" in proposal.certain
    assert proposal.declaration["decimal_mark"] == mark
    assert set(proposal.declaration["thousands"]) == set(thousands)


def test_amounts_that_contradict_each_other_are_asked():
    proposal = proposed(table("13/04/2024;a;1,50", "13/04/2024;b;-2.50"))
    assert "decimal_mark" in asked(proposal)


# --- signs -------------------------------------------------------------------------------------------------------------


def test_amounts_without_any_sign_are_asked():
    proposal = proposed(table("13/04/2024;a;1.50", "13/04/2024;b;2.50"))
    assert asked(proposal) == ["sign_convention"]


def test_a_running_balance_says_what_signs_mean():
    head = "Date;Description;Amount;Balance"
    card = table("13/04/2024;a;1;9", "13/04/2024;b;2;7", "14/04/2024;c;3;4", "14/04/2024;d;4;0", head=head)
    proposal = proposed(card)
    assert proposal.is_certain
    assert amounts(card, proposal.declaration) == [-100, -200, -300, -400]


def test_a_column_of_directions_is_read_or_confirms_the_signs():
    head = "Date;Description;Amount;Debit/Credit"
    plain = table("13/04/2024;a;1;Debit", "13/04/2024;b;2;Credit", head=head)
    assert proposed(plain).is_certain
    assert amounts(plain, proposed(plain).declaration) == [-100, 200]
    card = table("13/04/2024;a;1;Debit", "13/04/2024;b;-2;Credit", head=head)
    assert proposed(card).is_certain
    assert amounts(card, proposed(card).declaration) == [-100, 200]


@pytest.mark.parametrize(("out", "wanted"), [("1", [-100, 200]), ("-1", [-100, 200])])
def test_debit_and_credit_columns_show_whether_they_have_signs(out, wanted):
    content = table(f"13/04/2024;a;{out};", "13/04/2024;b;;2", head="Date;Description;Debit;Credit")
    assert proposed(content).is_certain
    assert amounts(content, proposed(content).declaration) == wanted


def test_debits_with_and_without_sign_are_asked():
    content = table("13/04/2024;a;1;", "13/04/2024;b;-1;", "13/04/2024;c;;2", head="Date;Text;Debit;Credit")
    assert asked(proposed(content)) == ["sign_convention"]


# --- columns and rows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "role"),
    [
        ("Buchungsdatum;Buchungstext;Betrag;Saldo", "balance"),
        ("Date comptable;Libellé;Montant;Valeur", "value_date"),
        ("Data registrazione;Descrizione;Importo;Divisa", "currency"),
        ("Boekdatum;Omschrijving;Bedrag;Munt", "currency"),
        ("Bokföringsdag;Rubrik;Belopp;Saldo", "balance"),
        ("Fecha;Concepto;Importe;Saldo", "balance"),
        ("Dato;Beskrivelse;Beløb;Saldo", "balance"),
    ],
)
def test_headers_are_known_in_many_languages(head, role):
    cell = {"balance": "{0}", "value_date": "13.04.2024", "currency": "EUR"}[role]
    rows = [
        f"13.04.2024;a;{value};{cell.format(total)}"
        for value, total in [("1,50", "1,50"), ("-2,50", "-1,00")]
    ]
    proposal = proposed(table(*rows, head=head))
    columns = proposal.declaration["columns"]
    names = head.split(";")
    assert columns["booking_date"] == [names[0]]
    assert (columns["description"], columns["amount"], columns[role]) == ([names[1]], [names[2]], [names[3]])


def test_several_dates_that_could_be_the_booking_day_are_asked():
    content = table("13/04/2024;14/04/2024;a;-1", head="Transaction date;Post date;Description;Amount")
    proposal = proposed(content)
    assert asked(proposal) == ["columns.booking_date"]
    assert proposal.declaration["columns"]["booking_date"] == ["Post date"]


def test_a_table_without_known_names_asks_for_its_columns():
    proposal = proposed("13/04/2024;foo;1.00\n14/04/2024;bar;-2.00\n")
    assert asked(proposal) == ["columns.amount", "columns.booking_date"]
    assert not proposal.declaration["header"]


def test_a_file_without_dates_lacks_them():
    proposal = proposed("name;colour\na;b\n")
    assert not proposal.is_certain
    assert [path for path, _message in proposal.lacking] == [("columns",), ("columns",)]


def test_a_balance_on_a_cards_statement_may_be_a_debt_and_is_asked():
    rows = [
        "2026-03-13,10.00,110.00,a",
        "2026-03-14,20.00,130.00,b",
        "2026-03-15,5.00,135.00,c",
        "2026-03-16,7.00,142.00,d",
    ]
    body = "\n".join(rows)
    assert "sign_convention" in proposed(f"Date,Amount,Balance,Text\n{body}\n").certain
    card = proposed("Date,Amount,Balance,Text,Card\n" + "".join(f"{row},1\n" for row in rows))
    assert asked(card) == ["sign_convention"]
    assert card.declaration["sign_convention"] == "debit_positive"


def test_debits_without_a_sign_beside_credits_that_take_back_are_money_out():
    rows = "2026-03-13,a,10.00,\n2026-03-14,b,,5.00\n2026-03-15,c,,-5.00\n"
    content = f"Date,Text,Debit,Credit\n{rows}"
    proposal = proposed(content)
    assert "sign_convention" in asked(proposal)
    assert amounts(content, proposal.declaration) == [-1000, 500, -500]


def test_signs_of_several_currencies_are_asked_never_put_together():
    content = table("13/04/2024;a;$1.00", "14/04/2024;b;-€2.00")
    proposal = proposed(content)
    assert "currency_signs" in asked(proposal)
    assert proposal.answered({"currency_signs": 1})["currency_signs"] == ["$"]
    one = proposed(table("13/04/2024;a;1.00 EUR", "14/04/2024;b;-€2.00"))
    assert "currency_signs" in one.certain


def test_lines_above_the_header_and_rows_below_the_table_are_found():
    content = (
        "Account;1234\nPeriod;March\n\n"
        + table("13/04/2024;a;1.00", "14/04/2024;b;-2.00")
        + "Total;;-1.00\nDisclaimer\n"
    )
    proposal = proposed(content)
    assert proposal.declaration["rows_to_skip"] == 3
    assert asked(proposal) == ["footer_pattern"]
    assert amounts(content, proposal.declaration) == [100, -200]


def test_a_column_of_one_account_is_the_files_own_and_of_several_is_asked():
    head, own, other = "Date;Text;Amount;IBAN", "DE89370400440532013000", "GB82WEST12345698765432"
    content = table(f"13/04/2024;a;1.00;{own}", f"14/04/2024;b;-2.00;{own}", head=head)
    assert proposed(content).is_certain
    assert proposed(content).declaration["columns"]["account"] == ["IBAN"]
    proposal = proposed(content.replace(own, other, 1))
    assert asked(proposal) == ["columns.account"]
    assert "account" not in proposal.declaration["columns"]
    assert proposal.answered({"columns.account": 1})["columns"]["account"] == ["IBAN"]
    assert proposal.answered({"columns.account": 0}) == proposal.declaration


@pytest.mark.parametrize("iban", ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"])
def test_an_iban_above_the_table_is_found_by_its_check_digits(iban):
    rows = table("13/04/2024;a;1.00", "14/04/2024;b;-2.00")
    content = f"Konto-Nr. (IBAN):;{iban};\nPeriod;March\n" + rows
    proposal = proposed(content)
    assert "account_pattern" in proposal.certain
    reading = read(content, format="csv", declaration=declaration_from_json(proposal.declaration))
    assert reading.starts[0].account == iban.replace(" ", "")
    assert "account_pattern" not in proposed(content.replace("2", "3", 1)).declaration


def test_balances_among_the_lines_are_asked():
    content = table("13/04/2024;Opening balance;5.00", "13/04/2024;a;1.00", "14/04/2024;b;-2.00")
    proposal = proposed(content)
    assert asked(proposal) == ["skip_pattern"]
    assert amounts(content, proposal.declaration) == [100, -200]
    assert amounts(content, proposal.answered({"skip_pattern": 1})) == [500, 100, -200]


def test_dated_rows_without_amount_are_asked():
    content = table("13/04/2024;a;1.00", "13/04/2024;a detail;", "14/04/2024;b;-2.00")
    assert asked(proposed(content)) == ["rows_without_amount"]


def test_several_currencies_are_asked():
    content = table(
        "13/04/2024;a;1.00;EUR", "14/04/2024;b;-2.00;USD", head="Date;Description;Amount;Currency"
    )
    assert asked(proposed(content)) == ["several_currencies"]


def test_the_currency_in_headings_is_certain():
    content = table("13/04/2024;a;1.00;", "14/04/2024;b;;2.00", head="Date;Text;Debit (CHF);Credit (CHF)")
    assert proposed(content).is_certain
    assert proposed(content).declaration["currency"] == "CHF"


# --- bytes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "\x1f"])
def test_the_delimiter_is_found(delimiter):
    content = table("13/04/2024;a b;1.00", "14/04/2024;c, d;-2.00").replace(";", delimiter)
    content = content.replace("c, d", '"c, d"') if delimiter == "," else content
    assert proposed(content).declaration["delimiter"] == delimiter
    assert proposed(content).is_certain


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_certain(encoding):
    assert proposed(table("13/04/2024;é;1.00", "14/04/2024;b;-2.00").encode(encoding)).is_certain


def test_other_encodings_are_asked_with_how_the_text_would_read():
    proposal = proposed(table("13/04/2024;Gebühr;1.00", "14/04/2024;b;-2.00").encode("windows-1252"))
    assert asked(proposal) == ["encoding"]
    labels = [choice.label for choice in proposal.questions[0].choices]
    assert "windows-1252: 13/04/2024;Gebühr;1.00" in labels
    assert "windows-1251: 13/04/2024;Gebьhr;1.00" in labels


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"a\0b;c\n", b"PK\x03\x04", "x".encode("utf-32"), b"one column\nonly\n"]
)
def test_what_is_no_table_is_refused(content):
    with pytest.raises(FileRefused):
        proposed(content)


@needs_samples
@pytest.mark.parametrize(
    ("name", "questions"),
    [
        ("csv-plain.csv", []),
        ("csv-decimal-comma.csv", []),
        ("csv-sep-line.csv", []),
        ("csv-utf16le-bom.csv", []),
        ("csv-dates-ambiguous.csv", ["date_format"]),
        ("csv-ambiguous-thousands.csv", ["decimal_mark"]),
    ],
)
def test_attacks_on_guessing_are_asked(name, questions):
    assert [
        each
        for each in asked(proposed(path(f"malformed/derived/{name}").read_bytes()))
        if each != "sign_convention"
    ] == questions


@needs_samples
def test_a_decimal_comma_is_read_as_proposed():
    content = path("malformed/derived/csv-decimal-comma.csv").read_bytes()
    end = read(content, format="csv", declaration=declaration_from_json(proposed(content).declaration)).end
    assert (end.credit_sum, end.debit_sum) == (110725, 2050)
