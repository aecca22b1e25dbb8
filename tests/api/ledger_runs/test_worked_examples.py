"""The worked examples of the contract, row by row over HTTP: ledger L of February against its bank statement."""

import pytest

from api.ledger_runs.views import sources
from tests.api.ledger_runs.desk import HEADER, MATCHES, ROOT, RUNS, STATEMENT, Desk, euros, february

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tasks_at_once")]

MATCHED = ("S1", "S2", "S3", "S4")


@pytest.fixture
def books(desk):
    return february(desk)


@pytest.fixture
def ledger(books):
    return books[0]


@pytest.fixture
def entries(books):
    return books[1]


@pytest.fixture
def run(desk, ledger):
    run = desk.run(ledger)
    assert desk.upload(run, STATEMENT).status_code == 201
    return run


@pytest.fixture
def matched_run(desk, run):
    assert desk.auto_match(run).json() == {"matched": 4}
    return run


def accept_s1_to_s4(desk: Desk, run: str) -> None:
    items = desk.items(run)
    for name in MATCHED:
        response = desk.accept(desk.match_of(run, items[name]))
        assert (response.status_code, response.json()["status"]) == (200, "accepted")


def test_upload(desk, ledger):
    run = desk.run(ledger)
    response = desk.upload(run, STATEMENT)
    assert (response.status_code, response.json()["imported"]) == (201, 6)
    assert response.json()["source_file"]["run_id"] == run
    assert {item["match_status"] for item in desk.items(run).values()} == {"unmatched"}
    assert desk.show(run)["status"] == "pending"


def test_auto_match(desk, run, entries):
    response = desk.auto_match(run)
    assert (response.status_code, response.json()) == (200, {"matched": 4})
    items = desk.items(run)
    pairs = {name: set(desk.match_of(run, items[name])["ledger_entry_ids"]) for name in (*MATCHED, "S5")}
    assert pairs == {
        "S1": {entries["G1"]},
        "S2": {entries["G2"]},
        "S3": {entries["G3"]},
        "S4": {entries["G4"], entries["G5"]},
        "S5": {entries["G6"]},
    }
    assert {items[name]["match_status"] for name in MATCHED} == {"matched"}
    assert [items[name]["match_status"] for name in ("S5", "S6")] == ["partial", "unmatched"]
    matches = desk.rows(f"{RUNS}/{run}/matches")
    assert [match["status"] for match in matches] == ["suggested"] * 5
    shown = desk.show(run)
    assert (shown["status"], shown["matched_count"], shown["partial_count"]) == ("completed", 4, 1)
    assert (shown["last_pass"]["matched"], shown["last_pass"]["suggested"]) == (4, 5)


def test_s5_is_covered_in_part(desk, matched_run):
    s5 = desk.items(matched_run)["S5"]
    assert (s5["matched_amount"], s5["residual_amount"]) == (euros(7700), euros(1300))
    match = desk.match_of(matched_run, s5)
    assert (match["source_total"], match["ledger_total"]) == (euros(9000), euros(7700))
    assert (match["difference"], match["confidence"], match["id"]) == (euros(1300), 0.5, s5["match_id"])
    [discrepancy] = desk.rows(f"{RUNS}/{matched_run}/discrepancies", source_entry_id=s5["id"])
    assert {key: discrepancy[key] for key in ("type", "severity", "status", "amount", "match_id")} == {
        "type": "amount_mismatch",
        "severity": "warning",
        "status": "in_review",
        "amount": euros(1300),
        "match_id": match["id"],
    }


def test_s6_is_an_unmatched_source(desk, matched_run):
    s6 = desk.items(matched_run)["S6"]
    [discrepancy] = desk.rows(f"{RUNS}/{matched_run}/discrepancies", source_entry_id=s6["id"])
    assert {key: discrepancy[key] for key in ("type", "severity", "status", "amount")} == {
        "type": "unmatched_source",
        "severity": "warning",
        "status": "open",
        "amount": euros(1500),
    }


def test_gl_all_and_gl_only(desk, matched_run, entries):
    everything = desk.rows(f"{RUNS}/{matched_run}/gl-all")
    assert len(everything) == 7
    left = {row["id"] for row in desk.rows(f"{RUNS}/{matched_run}/gl-only")}
    assert left == {entries["G7"]}
    assert {row["id"] for row in everything if not row["linked"]} == left
    linked = next(row for row in everything if row["id"] == entries["G1"])
    assert (linked["linked_run_id"], linked["linked_match_status"]) == (matched_run, "suggested")


def test_auto_match_again_finds_nothing_new(desk, matched_run):
    assert desk.auto_match(matched_run).json() == {"matched": 0}
    assert len(desk.rows(f"{RUNS}/{matched_run}/matches")) == 5


def test_signed_sums(desk, matched_run):
    proof = desk.show(matched_run)["proof"]
    assert proof["statement_sum"] == euros(231560)
    assert proof["ledger_sum"] == euros(228100)
    assert proof["difference"] == euros(1300 + 1500 + 660)
    assert proof["unexplained"] == euros(0)


def test_accepting_the_matches_of_s1_to_s4(desk, ledger, matched_run):
    assert desk.unreconciled(ledger) == 7
    accept_s1_to_s4(desk, matched_run)
    assert desk.unreconciled(ledger) == 2


def test_reject_s5s_match(desk, matched_run, entries):
    s5 = desk.items(matched_run)["S5"]
    response = desk.reject(desk.match_of(matched_run, s5))
    assert (response.status_code, response.json()["status"]) == (200, "rejected")
    s5 = desk.items(matched_run)["S5"]
    assert (s5["match_status"], s5["residual_amount"]) == ("unmatched", euros(9000))
    left = {row["id"] for row in desk.rows(f"{RUNS}/{matched_run}/gl-only")}
    assert left == {entries["G6"], entries["G7"]}


def s5_by_hand(desk: Desk, run: str, entries: dict[str, str]) -> dict:
    """S5's match rejected, and the same made by hand."""
    s5 = desk.items(run)["S5"]
    desk.reject(desk.match_of(run, s5))
    response = desk.manual(run, [s5["id"]], [entries["G6"]], note="seen the invoice")
    assert response.status_code == 201, response.content
    return response.json()


def test_manual_match_of_s5_and_again(desk, ledger, matched_run, entries):
    accept_s1_to_s4(desk, matched_run)
    match = s5_by_hand(desk, matched_run, entries)
    assert (match["status"], match["origin"], match["difference"]) == ("accepted", "manual", euros(1300))
    s5 = desk.items(matched_run)["S5"]
    assert (s5["match_status"], s5["residual_amount"]) == ("partial", euros(1300))
    assert desk.unreconciled(ledger) == 1
    again = desk.manual(matched_run, [s5["id"]], [entries["G6"]])
    assert (again.status_code, again.json()["code"]) == (409, "ledgers.match_state_conflict")
    assert match["id"] in str(again.json()["details"])


def test_close_s5_and_s6_then_delete_and_reopen(desk, ledger, matched_run, entries):
    accept_s1_to_s4(desk, matched_run)
    match = s5_by_hand(desk, matched_run, entries)
    items = desk.items(matched_run)
    for name in ("S5", "S6"):
        response = desk.close(items[name], ledger, reason="manual_review", note="bank's own")
        assert (response.status_code, response.json()["match_status"]) == (200, "closed")
    assert (
        desk.get(f"{MATCHES}/{match['id']}").json()["status"] == "accepted"
    )  # the rest of S5 is written off
    assert {
        row["status"] for row in desk.rows(f"{RUNS}/{matched_run}/discrepancies", severity="warning")
    } == {"closed"}
    assert desk.show(matched_run)["status"] == "closed"

    refused = desk.client.delete(f"{RUNS}/{matched_run}")
    assert (refused.status_code, refused.json()["code"]) == (409, "ledgers.run_state_conflict")
    reopened = desk.reopen(items["S6"])
    assert (reopened.status_code, reopened.json()["match_status"]) == (200, "unmatched")
    assert desk.show(matched_run)["status"] == "completed"

    assert desk.client.delete(f"{RUNS}/{matched_run}").status_code == 204
    assert desk.get(f"{RUNS}/{matched_run}").status_code == 404
    assert len(desk.rows(f"{ROOT}/entries", ledger_id=ledger["id"])) == 7
    assert desk.unreconciled(ledger) == 7


def test_close_with_another_ledgers_id(desk, matched_run):
    other = desk.ledger(code="1300")
    response = desk.close(desk.items(matched_run)["S6"], other)
    assert (response.status_code, response.json()["code"]) == (400, "ledgers.invalid_request")


def test_on_a_liability_ledger_a_credit_pairs_with_a_credit(desk):
    ledger = desk.ledger("liability")
    entry = desk.entry(ledger, "credit", "1250.00", "2026-02-04", "INV-701")
    run = desk.run(ledger)
    desk.upload(run, HEADER + "2026-02-04,1250.00,credit,INV-701,S1\n")
    assert desk.auto_match(run).json() == {"matched": 1}
    assert desk.match_of(run, desk.items(run)["S1"])["ledger_entry_ids"] == [entry]


def test_on_an_asset_ledger_a_credit_does_not_pair_with_a_credit(desk):
    ledger = desk.ledger("asset")
    desk.entry(ledger, "credit", "1250.00", "2026-02-04", "INV-701")
    run = desk.run(ledger)
    desk.upload(run, HEADER + "2026-02-04,1250.00,credit,INV-701,S1\n")
    assert desk.auto_match(run).json() == {"matched": 0}


def test_run_create_twice_with_one_key(desk, ledger):
    body = {"ledger_id": ledger["id"], "idempotency_key": "k1", "note": "February"}
    first, again = desk.post(RUNS, body), desk.post(RUNS, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    other = desk.post(RUNS, {**body, "note": "March"})
    assert (other.status_code, other.json()["code"]) == (409, "ledgers.idempotency_conflict")


def test_a_fraction_of_a_cent(desk, ledger):
    run = desk.run(ledger)
    response = desk.upload(run, HEADER + "2026-02-04,10.00,credit,,A\n2026-02-04,12.345,credit,,B\n")
    body = response.json()
    assert (response.status_code, body["code"]) == (422, "ledgers.invalid_file")
    [row] = body["details"]["rows"]
    assert (row["line"], row["field"]) == (3, "amount")
    [file] = desk.rows(f"{RUNS}/{run}/sources")
    assert (file["status"], file["imported_count"], file["id"]) == (
        "failed",
        0,
        body["details"]["source_file_id"],
    )
    assert desk.rows(f"{RUNS}/{run}/items") == []


def test_list_runs_by_two(desk, ledger):
    for _ in range(5):
        desk.run(ledger)
    page = desk.get(RUNS, limit=2, offset=2).json()
    assert (len(page["data"]), page["total"], page["has_more"]) == (2, 5, True)
    last = desk.get(RUNS, limit=2, offset=4).json()
    assert (len(last["data"]), last["has_more"]) == (1, False)


CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-02-28T20:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>S1</Id><CreDtTm>2026-02-28T20:00:00Z</CreDtTm>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>{entries}</Stmt></BkToCstmrStmt></Document>"""
NTRY = """<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>{status}</Cd></Sts>
<BookgDt><Dt>2026-02-04</Dt></BookgDt><ValDt><Dt>2026-02-04</Dt></ValDt><AcctSvcrRef>{ref}</AcctSvcrRef></Ntry>"""


def camt(*entries: tuple[str, str, str]) -> str:
    written = "".join(NTRY.format(amount=amount, status=status, ref=ref) for amount, status, ref in entries)
    return CAMT.format(entries=written)


def test_camt_with_one_entry_pending(desk, ledger):
    run = desk.run(ledger)
    content = camt(("10.00", "BOOK", "A1"), ("20.00", "PDNG", "A2"), ("30.00", "BOOK", "A3"))
    response = desk.upload(run, content, name="february.xml")
    assert (response.status_code, response.json()["imported"]) == (201, 2)
    assert response.json()["source_file"]["pending"] == 1
    assert response.json()["source_file"]["format"] == "camt.053"


@pytest.mark.worker
def test_the_whole_month_with_a_real_worker(worker, client, monkeypatch):
    from celery import current_app

    current_app.conf.task_always_eager = False
    monkeypatch.setattr(sources, "INLINE_MAX_BYTES", 0)  # the worker imports, too
    desk = Desk(client)
    ledger, _entries = february(desk)
    run = desk.run(ledger)
    assert desk.upload(run, STATEMENT).json()["imported"] == 6
    assert desk.auto_match(run).json() == {"matched": 4}
    bulk = desk.post(
        f"{MATCHES}/bulk",
        {"action": "accept", "ids": [row["id"] for row in desk.rows(f"{RUNS}/{run}/matches")]},
    )
    assert (bulk.json()["done"], bulk.json()["refused"]) == (5, 0)
    assert desk.unreconciled(ledger) == 1
