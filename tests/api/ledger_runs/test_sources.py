"""Statement files: what is taken in, what is refused and why, and what a second time does."""

import hashlib
from uuid import uuid4

import pytest
from django.core.cache import cache

from api.ledger_runs.views import sources
from tests.api.ledger_runs.desk import HEADER, RUNS, STATEMENT
from tests.api.ledger_runs.test_worked_examples import camt

pytestmark = pytest.mark.django_db(transaction=True)

LINE = "2026-02-04,10.00,credit,R1,A\n"


@pytest.fixture(autouse=True)
def _fresh_throttles():
    cache.clear()


@pytest.fixture
def ledger(desk):
    return desk.ledger()


@pytest.fixture
def run(desk, ledger):
    return desk.run(ledger)


def sources_of(desk, run):
    return desk.rows(f"{RUNS}/{run}/sources")


def refused(response, status: int, reason: str) -> dict:
    body = response.json()
    assert (response.status_code, body["reason"]) == (status, reason), body
    return body


def test_the_answer_names_the_file_and_counts(desk, run):
    response = desk.upload(run, STATEMENT, name="february.csv")
    body = response.json()
    file = body["source_file"]
    assert response.status_code == 201
    assert (body["imported"], body["already_known"], body["skipped_statements"]) == (6, 0, [])
    assert (file["filename"], file["format"], file["status"]) == ("february.csv", "csv", "processed")
    assert (file["size_bytes"], file["checksum_sha256"]) == (
        len(STATEMENT),
        hashlib.sha256(STATEMENT.encode()).hexdigest(),
    )
    assert desk.get(f"{RUNS}/{run}/sources/{file['id']}").json() == file == sources_of(desk, run)[0]


def test_an_item_shows_the_line(desk, run):
    desk.upload(run, HEADER + "2026-02-05,19.90,debit,FEE-02,S3\n")
    [item] = desk.rows(f"{RUNS}/{run}/items")
    amount = {"currency": "EUR", "precision": 2}
    assert (item["amount"], item["direction"]) == ({"amount": "1990", **amount}, "debit")
    assert item["matched_amount"] == {"amount": "0", **amount}
    assert item["residual_amount"] == {"amount": "1990", **amount}
    assert (item["booking_date"], item["reference"], item["run_id"]) == ("2026-02-05", "FEE-02", run)
    assert (item["line_no"], item["match_status"], item["counterparty"]) == (2, "unmatched", None)


class TestRefusals:
    """422 with lines and fields, the file kept as failed, nothing imported."""

    @pytest.mark.parametrize(
        ("content", "line", "field"),
        [
            (HEADER + "2026-02-04,ten,credit,,A\n", 2, "amount"),
            (HEADER + "2026-02-04,12.345,credit,,A\n", 2, "amount"),
            (HEADER + "2026-13-04,10.00,credit,,A\n", 2, "booking_date"),
            (HEADER + LINE + "2026-02-04,,credit,,A\n", 3, "amount"),
            (HEADER + "2026-02-04,10.00,sideways,,A\n", 2, "direction"),
            (HEADER + "2026-02-04,-10.00,credit,,A\n", 2, "amount"),
        ],
    )
    def test_a_line_that_cannot_be_read_is_named(self, desk, run, content, line, field):
        response = desk.upload(run, content)
        body = response.json()
        assert (response.status_code, body["code"]) == (422, "ledgers.invalid_file")
        assert (body["details"]["rows"][0]["line"], body["details"]["rows"][0]["field"]) == (line, field)
        assert body["details"]["row_errors"] == 1
        [file] = sources_of(desk, run)
        assert (file["status"], file["imported_count"]) == ("failed", 0)
        assert file["error_message"] == body["message"]
        assert desk.rows(f"{RUNS}/{run}/items") == []

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("empty.csv", b""),
            ("binary.csv", bytes(range(256))),
            ("cut.xml", camt(("10.00", "BOOK", "A")).encode()[:-40]),
            (
                "dtd.xml",
                b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>',
            ),
            (
                "other.xml",
                camt(("10.00", "BOOK", "A")).replace("camt.053.001.08", "pain.001.001.03").encode(),
            ),
            ("columns.csv", b"name,age\nAnna,41\n"),
        ],
    )
    def test_a_file_that_is_no_statement_is_422(self, desk, run, name, content):
        response = desk.upload(run, content, name=name)
        assert (response.status_code, response.json()["code"]) == (422, "ledgers.invalid_file")
        assert response.json()["reason"].startswith("file.")
        [file] = sources_of(desk, run)
        assert (file["status"], file["filename"]) == ("failed", name)

    def test_another_currency_is_422(self, desk, run):
        content = "booking_date,amount,direction,currency\n2026-02-04,10.00,credit,USD\n"
        assert desk.upload(run, content).status_code == 422

    def test_another_ledgers_account_is_422(self, desk, run):
        desk.ledger(code="1300", bank_accounts=[{"iban": "DE89 3704 0044 0532 0130 00", "name": "Other"}])
        response = desk.upload(run, camt(("10.00", "BOOK", "A")), name="other.xml")
        refused(response, 422, "file.wrong_account")

    def test_a_failed_file_may_come_again(self, desk, run):
        content = HEADER + "2026-02-04,ten,credit,,A\n"
        assert [desk.upload(run, content).status_code for _ in range(2)] == [422, 422]
        assert len(sources_of(desk, run)) == 2

    def test_no_file_is_400(self, desk, run):
        response = desk.client.post(f"{RUNS}/{run}/sources/upload", {}, format="multipart")
        assert refused(response, 400, "request.invalid")["issues"][0]["path"] == ["file"]

    def test_json_is_415(self, desk, run):
        assert desk.post(f"{RUNS}/{run}/sources/upload", {"file": "x"}).status_code == 415

    def test_a_form_field_that_is_unknown_is_400(self, desk, run):
        assert desk.upload(run, STATEMENT, format_hint="csv").status_code == 400

    def test_a_file_over_the_limit_is_413_and_leaves_no_row(self, desk, run, settings):
        settings.UPLOAD_MAX_BYTES = 100
        assert refused(desk.upload(run, "x" * 101), 413, "request.too_large")["code"] == "request.too_large"
        assert sources_of(desk, run) == []

    def test_an_unknown_run_is_404(self, desk):
        response = desk.upload(str(uuid4()), STATEMENT)
        assert (response.status_code, response.json()["code"]) == (404, "ledgers.run_not_found")


class TestTwice:
    def test_the_same_bytes_in_the_same_run_are_409(self, desk, run):
        first = desk.upload(run, STATEMENT).json()["source_file"]
        body = refused(desk.upload(run, STATEMENT, name="again.csv"), 409, "file.duplicate")
        assert body["code"] == "ledgers.duplicate_file"
        assert body["details"]["source_file_id"] == first["id"]

    def test_in_another_run_they_are_taken_and_known(self, desk, ledger, run):
        desk.upload(run, STATEMENT)
        body = desk.upload(desk.run(ledger), STATEMENT).json()
        assert (body["imported"], body["already_known"]) == (0, 6)

    def test_an_overlapping_file_adds_only_what_is_new(self, desk, run):
        desk.upload(run, HEADER + LINE)
        body = desk.upload(run, HEADER + LINE + "2026-02-05,20.00,credit,R2,B\n").json()
        assert (body["imported"], body["already_known"]) == (1, 1)
        assert desk.show(run)["item_count"] == 2

    def test_the_bodys_key_with_the_same_bytes_gives_the_first_file(self, desk, run):
        first = desk.upload(run, STATEMENT, idempotency_key="u1")
        again = desk.upload(run, STATEMENT, idempotency_key="u1")
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json()

    def test_the_bodys_key_with_other_bytes_is_409(self, desk, run):
        desk.upload(run, STATEMENT, idempotency_key="u1")
        body = refused(
            desk.upload(run, HEADER + LINE, idempotency_key="u1"), 409, "file.idempotency_conflict"
        )
        assert body["code"] == "ledgers.idempotency_conflict"

    def test_an_idempotency_header_answers_from_the_file(self, desk, run):
        key = {"headers": {"Idempotency-Key": "h1"}}
        first, again = (desk.upload(run, STATEMENT, **key) for _ in range(2))
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["Idempotency-Replayed"] == "true"
        assert len(sources_of(desk, run)) == 1

    def test_a_failed_import_is_replayed_as_failed(self, desk, run):
        key = {"headers": {"Idempotency-Key": "h1"}}
        content = HEADER + "2026-02-04,ten,credit,,A\n"
        first, again = (desk.upload(run, content, **key) for _ in range(2))
        assert (first.status_code, again.status_code) == (422, 422)
        assert first.json()["details"] == again.json()["details"]
        assert len(sources_of(desk, run)) == 1


class TestWaiting:
    def test_respond_async_is_202_and_the_file_row_is_there(self, desk, run):
        response = desk.upload(run, STATEMENT, headers={"Prefer": "respond-async"})
        body = response.json()
        assert (response.status_code, body["imported"]) == (202, None)
        assert (body["source_file"]["status"], body["source_file"]["imported_count"]) == ("processing", None)
        assert response.headers["Preference-Applied"] == "respond-async"
        assert desk.get(response.headers["Location"]).json()["status"] == "processing"

    def test_a_large_file_goes_to_a_worker_and_is_waited_for(self, desk, run, tasks_at_once, monkeypatch):
        monkeypatch.setattr(sources, "INLINE_MAX_BYTES", 0)
        assert desk.upload(run, STATEMENT).json()["imported"] == 6

    def test_a_large_file_that_fails_is_422_all_the_same(self, desk, run, tasks_at_once, monkeypatch):
        monkeypatch.setattr(sources, "INLINE_MAX_BYTES", 0)
        response = desk.upload(run, HEADER + "2026-02-04,ten,credit,,A\n")
        assert response.status_code == 422
        assert response.json()["details"]["rows"][0]["line"] == 2

    def test_past_the_wait_it_is_202(self, desk, run, monkeypatch):
        monkeypatch.setattr(sources, "INLINE_MAX_BYTES", 0)
        response = desk.upload(run, STATEMENT, headers={"Prefer": "wait=0"})
        assert (response.status_code, response.headers["Preference-Applied"]) == (202, "wait=0")

    def test_while_it_is_processed_the_file_cannot_be_deleted(self, desk, run):
        file = desk.upload(run, STATEMENT, headers={"Prefer": "respond-async"}).json()["source_file"]
        refused(desk.client.delete(f"{RUNS}/{run}/sources/{file['id']}"), 409, "file.processing")


class TestDelete:
    def test_its_items_go(self, desk, run):
        file = desk.upload(run, STATEMENT).json()["source_file"]
        response = desk.client.delete(f"{RUNS}/{run}/sources/{file['id']}")
        assert (response.status_code, response.content) == (204, b"")
        assert (response.headers["Tieout-Voided"], response.headers["Tieout-Stayed"]) == ("6", "0")
        assert desk.rows(f"{RUNS}/{run}/items") == sources_of(desk, run) == []

    def test_a_line_that_another_file_states_stays(self, desk, run):
        desk.upload(run, HEADER + LINE)
        file = desk.upload(run, HEADER + LINE + "2026-02-05,20.00,credit,R2,B\n").json()["source_file"]
        response = desk.client.delete(f"{RUNS}/{run}/sources/{file['id']}")
        assert (response.headers["Tieout-Voided"], response.headers["Tieout-Stayed"]) == ("1", "1")

    def test_the_file_of_another_run_is_404(self, desk, ledger, run):
        file = desk.upload(run, STATEMENT).json()["source_file"]
        path = f"{RUNS}/{desk.run(ledger)}/sources/{file['id']}"
        for response in (desk.client.delete(path), desk.get(path), desk.get(f"{path}/file")):
            assert (response.status_code, response.json()["code"]) == (404, "ledgers.file_not_found")

    def test_after_that_the_same_bytes_may_come_again(self, desk, run):
        file = desk.upload(run, STATEMENT).json()["source_file"]
        desk.client.delete(f"{RUNS}/{run}/sources/{file['id']}")
        assert desk.upload(run, STATEMENT).json()["imported"] == 6

    def test_twice_is_404(self, desk, run):
        file = desk.upload(run, STATEMENT).json()["source_file"]
        path = f"{RUNS}/{run}/sources/{file['id']}"
        assert [desk.client.delete(path).status_code for _ in range(2)] == [204, 404]


class TestOriginal:
    def test_is_given_back_byte_for_byte_as_a_download(self, desk, run):
        file = desk.upload(run, STATEMENT, name='fe"b.csv').json()["source_file"]
        response = desk.get(f"{RUNS}/{run}/sources/{file['id']}/file")
        assert b"".join(response.streaming_content) == STATEMENT.encode()
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_list_of_files_can_be_filtered_by_status(desk, run):
    desk.upload(run, STATEMENT)
    desk.upload(run, HEADER + "2026-02-04,ten,credit,,A\n", name="bad.csv")
    assert [row["filename"] for row in desk.rows(f"{RUNS}/{run}/sources", status="failed")] == ["bad.csv"]
    assert [row["filename"] for row in desk.rows(f"{RUNS}/{run}/sources", search="FEB")] == ["february.csv"]
