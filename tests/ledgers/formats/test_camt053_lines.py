"""What a line says of a camt.053 entry: references, texts, parties, codes, batches (contracts/corebanq.md B.9)."""

import json

import pytest

from tests.ledgers.formats.camt_files import detail, entry, one
from tests.ledgers.formats.reading import read


def line_of(*parts: str, **options):
    """The only line of a document with one entry."""
    return read(one(entry(*parts, **options))).row


def metadata_of(**options):
    return json.loads(line_of(**options)["metadata"])


def test_the_indicator_is_the_true_direction_even_of_a_reversal():
    row = line_of(indicator="DBIT", after="<RvslInd>true</RvslInd>")
    assert row["direction"] == "debit"
    assert json.loads(row["metadata"]) == {"reversal": True}
    assert metadata_of(after="<RvslInd>false</RvslInd>") == {}


@pytest.mark.parametrize(
    ("before", "after", "external_id"),
    [
        ("<NtryRef>N</NtryRef>", "<AcctSvcrRef>A</AcctSvcrRef>", "A"),
        ("<NtryRef>N</NtryRef>", "", "N"),
        ("<NtryRef>N</NtryRef>", "<AcctSvcrRef>NOTPROVIDED</AcctSvcrRef>", "N"),
        ("", "", ""),
    ],
)
def test_external_id_is_the_servicers_reference_else_the_entrys(before, after, external_id):
    assert line_of(before=before, after=after)["external_id"] == external_id


@pytest.mark.parametrize(
    ("refs", "reference", "end_to_end_id"),
    [
        ("<EndToEndId>E</EndToEndId><TxId>T</TxId>", "E", "E"),
        ("<EndToEndId>NOTPROVIDED</EndToEndId><TxId>T</TxId>", "T", ""),
        ("<EndToEndId>notprovided</EndToEndId>", "", ""),
        ("<TxId>T</TxId>", "T", ""),
        ("", "", ""),
    ],
)
def test_reference_is_the_end_to_end_id_else_the_transaction_id(refs, reference, end_to_end_id):
    row = line_of(details=detail(refs=refs))
    assert (row["reference"], row["end_to_end_id"]) == (reference, end_to_end_id)


def test_description_is_the_remittance_text_else_what_the_bank_adds():
    more = "<AddtlNtryInf>SEPA credit</AddtlNtryInf>"
    assert line_of()["description"] == ""
    assert line_of(after=more)["description"] == "SEPA credit"
    row = line_of(after=more, details=detail(texts=("one", "two", "one")))
    assert row["description"] == "one two one"
    assert json.loads(row["metadata"]) == {"additional_information": "SEPA credit"}


PARTIES = "<Dbtr><Nm>Payer</Nm></Dbtr><UltmtDbtr><Nm>Behind</Nm></UltmtDbtr><Cdtr><Nm>Payee</Nm></Cdtr>"
PARTIES_8 = PARTIES.replace("<Nm>", "<Pty><Nm>").replace("</Nm>", "</Nm></Pty>")


@pytest.mark.parametrize("parties", [PARTIES, PARTIES_8])
@pytest.mark.parametrize(("indicator", "name"), [("CRDT", "Payer"), ("DBIT", "Payee")])
def test_counterparty_is_the_other_side_by_direction(parties, indicator, name):
    assert line_of(indicator=indicator, details=detail(parties=parties))["counterparty"] == name


def test_counterparty_falls_back_to_the_ultimate_party():
    parties = "<DbtrAcct><Id><IBAN>DE5</IBAN></Id></DbtrAcct><UltmtDbtr><Nm>Behind</Nm></UltmtDbtr>"
    row = line_of(details=detail(parties=parties))
    assert row["counterparty"] == "Behind"
    assert json.loads(row["metadata"])["counterparty_account"] == "DE5"


def test_metadata_keeps_the_banks_codes_and_references():
    code = "<Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn>"
    more = "<RmtInf><Strd><CdtrRefInf><Ref>RF18</Ref></CdtrRefInf></Strd></RmtInf><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>"
    kept = metadata_of(
        after=f"<BkTxCd>{code}<Prtry><Cd>166</Cd></Prtry></BkTxCd>",
        details=detail(refs="<MndtId>M1</MndtId><InstrId>I1</InstrId>", more=more),
    )
    assert kept == {
        "bank_transaction_code": "PMNT/RCDT/ESCT",
        "proprietary_code": "166",
        "mandate_id": "M1",
        "instruction_id": "I1",
        "creditor_reference": "RF18",
        "return_reason": "AC04",
    }


def test_a_batch_is_one_line_with_what_its_details_agree_on():
    batch = "<Btch><MsgId>BM</MsgId><PmtInfId>BP</PmtInfId><NbOfTxs>2</NbOfTxs></Btch>"
    first = detail(refs="<EndToEndId>E1</EndToEndId>", parties="<Dbtr><Nm>Same</Nm></Dbtr>", texts=("a", "b"))
    second = detail(
        refs="<EndToEndId>E2</EndToEndId>", parties="<Dbtr><Nm>Same</Nm></Dbtr>", texts=("b", "c")
    )
    row = line_of(details=batch + first + second)
    assert (row["reference"], row["end_to_end_id"]) == ("BP", "")
    assert (row["description"], row["counterparty"]) == ("a b c", "Same")
    assert json.loads(row["metadata"]) == {
        "batch_message_id": "BM",
        "batch_payment_information_id": "BP",
        "batch_transactions": "2",
        "details": 2,
        "details_without_amount": 2,
    }


def test_details_that_share_a_reference_give_it():
    same = detail(refs="<EndToEndId>E1</EndToEndId>")
    assert line_of(details=same + same)["reference"] == "E1"


def test_a_batch_without_details_is_known_by_its_batch():
    assert line_of(details="<Btch><MsgId>BM</MsgId></Btch>")["reference"] == "BM"


def test_details_of_one_entry_do_not_reach_the_next():
    got = read(one(entry(status="<Sts>PDNG</Sts>", details=detail(texts=("a",))) + entry()))
    assert got.row["description"] == ""
