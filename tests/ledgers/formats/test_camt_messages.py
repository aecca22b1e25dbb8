"""Reports (camt.052) and notifications (camt.054) beside statements, and the details of what a bank booked as one."""

import json
import tracemalloc

import pytest

from tests.ledgers.formats.camt_files import as_message, balance, detail, document, entry, one, statement
from tests.ledgers.formats.reading import LazyFile, faults, read, refused

WORDS = ["camt.052", "camt.053", "camt.054"]


def money(amount: str, *, currency: str = "EUR", indicator: str = "") -> str:
    sign = f"<CdtDbtInd>{indicator}</CdtDbtInd>" if indicator else ""
    return f'<Amt Ccy="{currency}">{amount}</Amt>{sign}'


def part(amount: str, name: str = "E1", **options) -> str:
    return detail(refs=f"<EndToEndId>{name}</EndToEndId>", more=money(amount, **options))


def kept_of(*details: str, **options) -> dict:
    return json.loads(read(one(entry(details="".join(details), **options))).row["metadata"])


@pytest.mark.parametrize("word", WORDS)
def test_each_message_gives_its_statements_lines_and_what_waits(word):
    waits = entry(status="<Sts>PDNG</Sts>") + entry(status="<Sts><Cd>INFO</Cd></Sts>")
    content = document(statement(entry("1.00") + waits), statement(entry("2.00"), number="S-2"))
    got = read(as_message(content, word))
    assert [(start.account, start.number, start.sequence) for start in got.starts] == [
        ("DE02120300000000202051", "S-1", "7"),
        ("DE02120300000000202051", "S-2", "7"),
    ]
    assert [(end.lines, end.credit_sum, end.pending) for end in got.ends] == [(1, 1_00, 2), (1, 2_00, 0)]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "namespace", [None, "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02", "urn:x:camt.053.001.13"]
)
def test_every_version_and_no_namespace_are_read(word, namespace):
    assert read(as_message(document(statement(entry()), namespace=namespace), word)).end.lines == 1


def test_a_message_in_the_namespace_of_another_is_refused():
    mixed = as_message(one(entry()), "camt.052").replace("camt.052.001", "camt.054.001")
    assert refused(mixed).code == "file.namespace"


def test_intraday_balances_are_no_opening_and_closing():
    interim = (
        balance("ITBD", "1.00") + balance("ITAV", "2.00") + balance("OPAV", "3.00") + balance("CLAV", "4.00")
    )
    end = read(as_message(one(interim + entry()), "camt.052")).end
    assert (end.opening, end.closing) == (None, None)


def test_booked_balances_of_a_report_are_taken():
    end = read(as_message(one(balance("PRCD", "1.00") + entry() + balance("CLBD", "11.00")), "camt.052")).end
    assert end.opening.amount_signed_minor == 1_00
    assert end.closing.amount_signed_minor == 11_00


def test_a_message_without_a_statement_is_named():
    refusal = refused(as_message(document(), "camt.054"))
    assert (refusal.code, "Ntfctn" in refusal.message) == ("file.empty", True)


def test_one_detail_is_no_line_of_its_own():
    got = read(one(entry("10.00", details=part("10.00"))))
    assert got.details == []
    assert "details_sum" not in got.row["metadata"]


def test_the_details_of_a_batch_are_lines_below_it():
    first = detail(
        refs="<AcctSvcrRef>B1</AcctSvcrRef><EndToEndId>NOTPROVIDED</EndToEndId><TxId>T1</TxId><MndtId>M1</MndtId>",
        parties="<UltmtDbtr><Pty><Nm>Payer</Nm></Pty></UltmtDbtr><DbtrAcct><Id><IBAN>DE1</IBAN></Id></DbtrAcct>",
        texts=("rent", "march"),
        dates="<IntrBkSttlmDt>2026-03-01</IntrBkSttlmDt>",
        more=money("12.50"),
    )
    second = detail(
        parties="<Dbtr><Nm>we</Nm></Dbtr><Cdtr><Nm>Payee</Nm></Cdtr>", more=money("2.50", indicator="DBIT")
    )
    got = read(one(entry() + entry("10.00", details=first + second)))
    one_, two = got.details
    assert (one_["line_no"], one_["number"], two["number"]) == (2, 1, 2)
    assert (one_["amount"], one_["direction"], one_["currency"]) == (12_50, "credit", "EUR")
    assert (one_["reference"], one_["end_to_end_id"], one_["external_id"]) == ("T1", "", "B1")
    assert (one_["description"], one_["counterparty"]) == ("rent march", "Payer")
    assert (two["amount"], two["direction"], two["counterparty"]) == (2_50, "debit", "Payee")
    assert json.loads(one_["metadata"]) == {
        "counterparty_account": "DE1",
        "transaction_id": "T1",
        "mandate_id": "M1",
        "transaction_servicer_reference": "B1",
        "ultimate_debtor": "Payer",
        "settlement_date": "2026-03-01",
    }
    assert "details_sum" not in got.rows[1]["metadata"]


def test_details_of_what_is_not_booked_are_not_given():
    waits = entry("2.00", status="<Sts>PDNG</Sts>", details=part("1.00") + part("1.00"))
    assert read(one(waits + entry())).details == []


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([part("4.00"), part("6.00")], {}),
        ([part("4.00"), part("5.99")], {"details_sum": "9.99"}),
        ([part("4.00"), part("6.00", indicator="DBIT")], {"details_sum": "-2.00"}),
        ([part("4.00"), part("6.00", currency="USD")], {"details_in_other_currency": 1}),
        ([part("4.00"), detail()], {"details_without_amount": 1}),
        ([part("9.00")], {"details_sum": "9.00"}),
        ([part("10.00", indicator="DBIT")], {"details_sum": "-10.00"}),
        ([part("10.0", indicator="CRDT")], {}),
        ([detail()], {}),
        ([part("x")], {"details_without_amount": 1}),
    ],
)
def test_what_details_add_up_to_is_said_where_it_differs_and_never_repaired(parts, said):
    got = read(one(entry("10.00", details="".join(parts))))
    assert got.row["amount"] == 10_00
    kept = json.loads(got.row["metadata"])
    assert {name: kept[name] for name in kept if name.startswith("details_")} == said


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (money("x"), "Amt"),
        (money("-1.00"), "Amt"),
        (money("1.001"), "Amt"),
        (money("1.00", currency="eur"), "Amt"),
        (money("1.00", indicator="PLUS"), "CdtDbtInd"),
    ],
)
def test_a_detail_that_cannot_be_read_is_named(bad, field):
    content = one(entry() + "\n" + entry(details=part("1.00") + "\n" + detail(more=bad)))
    assert faults(content) == [(5, field)]
    assert "entry 2, detail 2: " in refused(content).message


def test_money_in_other_currencies_and_charges_are_kept():
    more = (
        '<AmtDtls><InstdAmt><Amt Ccy="USD">11.00</Amt></InstdAmt><TxAmt><Amt Ccy="EUR">10.00</Amt>'
        "<CcyXchg><SrcCcy>USD</SrcCcy><XchgRate>1.1</XchgRate></CcyXchg></TxAmt></AmtDtls>"
        '<Chrgs><Rcrd><Amt Ccy="EUR">0.25</Amt></Rcrd></Chrgs>'
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>XBCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
    )
    said = {
        "bank_transaction_code": "PMNT/RCDT/XBCT",
        "instructed_amount": "11.00",
        "instructed_currency": "USD",
        "exchange_rate": "1.1",
        "charges": "0.25",
        "charges_currency": "EUR",
    }
    assert kept_of(detail(more=more)) == said
    got = read(one(entry("20.00", details=detail(more=more) + detail(more=more))))
    assert [json.loads(row["metadata"]) for row in got.details] == [said, said]
    assert [row["amount"] for row in got.details] == [10_00, 10_00]  # up to version 3: of the transaction
    assert json.loads(got.row["metadata"]) == {"details": 2, "bank_transaction_code": "PMNT/RCDT/XBCT"}


def test_structured_remittance_is_kept_whole():
    more = (
        "<RmtInf><Strd><RfrdDocInf><Nb>INV-1</Nb></RfrdDocInf><CdtrRefInf><Ref>RF18</Ref></CdtrRefInf></Strd>"
        "<Strd><RfrdDocInf><Nb>INV-2</Nb></RfrdDocInf><AddtlRmtInf>less discount</AddtlRmtInf></Strd></RmtInf>"
    )
    assert kept_of(detail(more=more)) == {
        "creditor_reference": "RF18",
        "document_numbers": "INV-1 INV-2",
        "additional_remittance": "less discount",
    }


def test_memory_stays_flat_in_the_details_of_one_entry(monkeypatch):
    """They are given out before their entry has ended."""
    monkeypatch.setattr("ledgers.formats.camt.BATCH_ROWS", 500)
    begin, end = (half.encode() for half in one(entry(details="@")).split("@"))

    def peak(details: int) -> int:
        file = LazyFile([begin, *[part("1.00").encode() + b"\n"] * details, end])
        frames = 0
        tracemalloc.start()
        try:
            from ledgers.formats import DetailLines, read_statements

            for event in read_statements(file, format="camt.053", currency="EUR"):
                frames += isinstance(event, DetailLines)
            assert frames >= details / 500
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few = peak(1_000)
    assert peak(12_000) < few + 1_000_000
