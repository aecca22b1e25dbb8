"""References and the structures of field 86 of an MT line, taken apart."""

import json

import pytest

from tests.ledgers.formats.mt_messages import line_of

GERMAN = (
    ":86:166?00GUTSCHRIFT?109310?20EREF+E2E-1?21KREF+K-1?22MREF+M-1 CRED+DE98ZZZ?23SVWZ+Invoice 4711 of Marc",
    "h and a ?24second one?25ABWA+Holding?30COBADEFFXXX?31DE89370400440532013000?32ADA LOVELACE",
    " ?33LTD?34999",
)


def test_subfields_and_sepa_tags_are_taken_apart():
    row = line_of(":61:2603020302C1,NMSCKREF+//BANK-1", *GERMAN)
    assert row["end_to_end_id"] == row["reference"] == "E2E-1"
    assert row["description"] == "Invoice 4711 of March and a second one"
    assert row["counterparty"] == "ADA LOVELACE LTD"
    assert json.loads(row["metadata"]) == {
        "transaction_type": "NMSC",
        "own_reference": "K-1",
        "mandate_id": "M-1",
        "creditor_id": "DE98ZZZ",
        "ultimate_debtor": "Holding",
        "business_code": "166",
        "posting_text": "GUTSCHRIFT",
        "posting_batch": "9310",
        "counterparty_bank": "COBADEFFXXX",
        "counterparty_account": "DE89370400440532013000",
        "text_key": "999",
    }


@pytest.mark.parametrize("sign", "?<>~^@|")
def test_subfields_have_the_sign_that_the_field_begins_with(sign):
    row = line_of(":61:2603020302C1,NMSCNONREF", f":86:{sign}20Fee{sign}32Bank")
    assert (row["description"], row["counterparty"]) == ("Fee", "Bank")


def test_full_subfields_go_on_within_the_word_and_short_ones_do_not():
    full = "A word is cut in the middl"  # 26, and one more makes 27
    row = line_of(":61:2603020302C1,NMSCNONREF", f":86:005?20{full}e?21 here?22but?23not?60there")
    assert row["description"] == f"{full}e here but not there"


def test_a_tag_behind_a_full_subfield_begins_there():
    row = line_of(":61:2603020302C1,NMSCNONREF", ":86:166?20EREF+" + "E" * 22 + "?21SVWZ+Paid")
    assert (row["end_to_end_id"], row["description"]) == ("E" * 22, "Paid")


def test_words_between_slashes_are_taken_apart():
    row = line_of(
        ":61:2603020302D1,N247EREF",
        ":86:/TRTP/SEPA INCASSO/CSID/NL01ZZZ/NAME/KPN B.V./MARF/MND-1/REMI/Invoi",
        "ce 12/2026/IBAN/NL98INGB0003856625/BIC/INGBNL2A/EREF/E2E-1",
    )
    assert (row["reference"], row["description"], row["counterparty"]) == (
        "E2E-1",
        "Invoice 12/2026",
        "KPN B.V.",
    )
    found = json.loads(row["metadata"])
    assert (found["creditor_id"], found["mandate_id"], found["posting_text"]) == (
        "NL01ZZZ",
        "MND-1",
        "SEPA INCASSO",
    )
    assert (found["counterparty_account"], found["counterparty_bank"]) == ("NL98INGB0003856625", "INGBNL2A")


def test_a_counterparty_between_slashes_has_its_parts():
    row = line_of(
        ":61:2603020302C1,NTRFEREF", ":86:/EREF/E-1//CNTP/NL90ABNA/ABNANL2A/ADA LTD/CITY//REMI/USTD//Paid/"
    )
    assert (row["reference"], row["counterparty"], row["description"]) == ("E-1", "ADA LTD", "Paid")
    assert json.loads(row["metadata"])["counterparty_account"] == "NL90ABNA"


def test_the_reference_is_the_end_to_end_id_else_the_owners_else_that_of_field_86():
    first, both = ":61:2603020302C1,NTRFOWN", ":86:/EREF/E2E/KREF/K"
    assert line_of(first, both)["reference"] == "E2E"
    assert line_of(first, ":86:/KREF/K/REMI/x")["reference"] == "OWN"
    assert line_of(":61:2603020302C1,NTRFKREF+", ":86:/KREF/K/REMI/x")["reference"] == "K"


@pytest.mark.parametrize("none", ["NONREF", "EREF", "KREF+", "NOTPROVIDED", ""])
def test_words_for_no_reference_are_no_reference(none):
    row = line_of(f":61:2603020302C1,NTRF{none}//NONREF", ":86:/REMI/x/EREF/NOTPROVIDED")
    assert (row["reference"], row["external_id"], row["end_to_end_id"]) == ("", "", "")


def test_free_text_goes_on_within_the_word_only_behind_a_full_line():
    full = "x" * 65
    assert line_of(":61:2603020302C1,NTRFNONREF", f":86:{full}", "yy", "zz")["description"] == f"{full}yy zz"
