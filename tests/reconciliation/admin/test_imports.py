"""The import page over HTTP: many files at once by a real worker, what each one waits for, fix and retry, undo."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from ledgers.models import BankAccount, Ledger, Record, SourceFile
from organizations.actors import Actor, user_actor
from organizations.acts import perform
from organizations.models import AuditEvent, Membership
from organizations.refusals import Refusal
from reconciliation.models import FileImport, Run
from reconciliation.selectors.integrity import faults
from reconciliation.services.file_import import file_import
from reconciliation.services.wiring import bank_account_create
from tests.clock import NOW
from tests.factories.ledgers import LedgerFactory
from tests.ledgers.formats.test_zip_archive import packed
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.counting import item_counts
from tests.reconciliation.files import Line, Stmt, camt, csv

pytestmark = pytest.mark.django_db

IBAN, OTHER_IBAN = "DE02100100100006820101", "DE02120300000000202051"
LINES: tuple[Line, ...] = (("S1", "credit", 10_00, 3, "R1"), ("S2", "debit", 4_00, 4, "R2"))
MORE: tuple[Line, ...] = (("T1", "credit", 7_00, 5, "R3"),)
TWO = camt(Stmt(LINES, account=IBAN, opening=0, closing=6_00), Stmt(MORE, account=OTHER_IBAN))
LIST = "admin:reconciliation_fileimport_changelist"


@dataclass
class Desk:
    """A person at the import page; ledger 1000 has the one account, 2000 the other."""

    client: Client
    membership: Membership

    @property
    def by(self) -> Actor:
        return user_actor(self.membership.user, self.membership)

    def ledger(self, code: str, identifier: str = "") -> Ledger:
        made = LedgerFactory(
            organization=self.membership.organization, code=code, type="asset", currency="EUR"
        )
        if identifier:
            given = {"organization_id": made.organization_id, "name": identifier, "identifier": identifier}
            perform(lambda: bank_account_create(**given, ledger=made, by=self.by, at=NOW))
        return made

    def upload(self, *files: tuple[str, str | bytes], ledger: Ledger | None = None) -> str:
        """Post them all at once, and read the list behind it."""
        self.send(*files, ledger=ledger)
        return self.list()

    def send(self, *files: tuple[str, str | bytes], ledger: Ledger | None = None) -> None:
        opened = []
        for name, text in files:
            opened.append(io.BytesIO(text.encode() if isinstance(text, str) else text))
            opened[-1].name = name
        given = {"files": opened, "ledger": ledger.pk if ledger else ""}
        answer = self.client.post(reverse("admin:reconciliation_fileimport_upload"), given)
        assert answer.status_code == 302, answer.status_code

    def read(self) -> None:
        """As the worker does."""
        for source in FileImport.objects.imported().unfinished().order_by("pk"):
            try:
                file_import(source_file_id=source.pk, at=NOW)
            except Refusal:
                continue

    def list(self, **query: str) -> str:
        answer = self.client.get(reverse(LIST), query)
        assert answer.status_code == 200, answer.status_code
        return text_of(answer)

    def page(self, source: SourceFile | FileImport) -> str:
        answer = self.client.get(reverse("admin:reconciliation_fileimport_change", args=[source.pk]))
        assert answer.status_code == 200, answer.status_code
        return text_of(answer)

    def act(self, source: SourceFile | FileImport, name: str, **fields: object) -> str:
        """Post an act of the file's page, follow it back, and read the page."""
        url = reverse("admin:reconciliation_fileimport_act", args=[source.pk, name])
        answer = self.client.post(url, fields)
        assert answer.status_code == 302, text_of(answer)
        return text_of(self.client.get(answer["Location"]))

    def one(self) -> FileImport:
        return FileImport.objects.imported().filter(voided_at=None).get()


@pytest.fixture(autouse=True)
def _nothing_broken():
    yield
    assert faults() == []


@pytest.fixture
def desk() -> Desk:
    return Desk(*signed_in("operator"))


@pytest.fixture
def two(desk: Desk) -> tuple[Ledger, Ledger]:
    return desk.ledger("1000", IBAN), desk.ledger("2000", OTHER_IBAN)


def lines_of(ledger: Ledger) -> set[str]:
    rows = Record.objects.live().filter(stream__bank_account__ledger=ledger)
    return set(rows.values_list("description", flat=True))


def test_files_of_two_ledgers_are_uploaded_at_once_and_each_is_told(desk: Desk, two):
    first, second = two
    page = desk.upload(("two.xml", TWO), ("more.xml", camt(Stmt((("S9", "credit", 1_00, 9, "R9"),)))))
    assert "2 files are being read." in page
    assert "Being read 2" in page
    desk.read()
    page = desk.list()
    assert "New lines 4 Need you 0 Being read 0" in page
    assert f"two.xml imported {IBAN}, {OTHER_IBAN} 3 3 0 0 0 add up" in page
    assert (lines_of(first), lines_of(second)) == ({"S1", "S2", "S9"}, {"T1"})
    assert "1000: Imported from" in page
    assert "2000: Imported from" in page


def test_the_page_of_a_file_shows_its_statements_sums_and_run(desk: Desk, two):
    desk.upload(("two.xml", TWO))
    desk.read()
    page = desk.page(desk.one())
    assert "3 new lines were taken from this file, 0 were known already." in page
    assert f"{IBAN} 2026-02-28 2 0.00 EUR 10.00 EUR 4.00 EUR 6.00 EUR add up nothing before" in page
    run = Run.objects.get(ledger=two[0])
    assert item_counts(run).items == 2
    response = desk.client.get(reverse("admin:reconciliation_run_change", args=[run.pk]), {"show": "files"})
    assert "two.xml" in text_of(response)


def test_a_statement_that_does_not_add_up_or_follow_on_is_told(desk: Desk, two):
    day = [date(2026, 2, 3), date(2026, 2, 4)]
    first = Stmt((LINES[0],), opening=0, closing=10_00, first=day[0], last=day[0])
    second = Stmt((LINES[1],), opening=11_00, closing=9_00, first=day[1], last=day[1])
    desk.upload(("first.xml", camt(first)), ("second.xml", camt(second)))
    desk.read()
    assert f"second.xml imported {IBAN} 1 1 0 0 0 1 off 1 gap" in desk.list()
    page = desk.page(FileImport.objects.imported().get(filename="second.xml"))
    assert "+2.00 EUR +1.00 EUR" in page


def test_an_archive_goes_to_its_ledgers(desk: Desk, two):
    members = {"a.xml": camt(Stmt(LINES)).encode(), "b.xml": camt(Stmt(MORE, account=OTHER_IBAN)).encode()}
    desk.upload(("all.zip", packed(*members.items())))
    desk.read()
    assert f"all.zip imported {IBAN}, {OTHER_IBAN} 3 3 0" in desk.list()


def test_the_same_file_again_adds_nothing(desk: Desk, two):
    desk.upload(("a.xml", TWO))
    desk.read()
    desk.upload(("again.xml", TWO))
    desk.read()
    assert f"again.xml imported {IBAN}, {OTHER_IBAN} 3 0 3" in desk.list()
    assert Record.objects.count() == 3


def test_an_unknown_account_waits_until_it_has_its_ledger(desk: Desk):
    first, second = desk.ledger("1000", IBAN), desk.ledger("2000")
    desk.upload(("two.xml", TWO))
    desk.read()
    assert f"two.xml needs you {OTHER_IBAN} –" in desk.list()
    page = desk.page(desk.one())
    assert f"no ledger has the account {OTHER_IBAN}" in page
    assert f"{OTHER_IBAN} EUR 1 Nobody knows it yet." in page
    assert not Record.objects.exists()
    assert "is read again" in desk.act(desk.one(), "accounts", account_0=second.pk)
    desk.read()
    assert (lines_of(first), lines_of(second)) == ({"S1", "S2"}, {"T1"})
    assert BankAccount.objects.get(identifier=OTHER_IBAN).ledger == second


def test_a_refused_csv_shows_each_line_as_it_stands_and_a_corrected_one_takes_its_place(desk: Desk, two):
    text = csv(*LINES)
    desk.upload(("a.csv", text.replace("10.00", "ten")), ledger=two[0])
    desk.read()
    assert "a.csv refused" in desk.list()
    page = desk.page(desk.one())
    assert "2 amount" in page
    assert "2026-02-03,ten,credit,R1,S1" in page
    assert not Record.objects.exists()
    file = io.BytesIO(text.encode())
    file.name = "b.csv"
    assert "The corrected file is being read." in desk.act(desk.one(), "replace", file=file)
    desk.read()
    assert desk.one().filename == "b.csv"
    assert lines_of(two[0]) == {"S1", "S2"}
    assert "a.csv replaced" in desk.list(standing="undone")


def test_a_csv_without_currency_or_account_is_given_its_ledger(desk: Desk, two):
    desk.upload(("a.csv", csv(*LINES)))
    desk.read()
    assert "a.csv needs you" in desk.list()
    desk.act(desk.one(), "ledger", ledger=two[1].pk)
    desk.read()
    assert lines_of(two[1]) == {"S1", "S2"}


def test_undoing_says_first_what_goes_and_needs_a_reason(desk: Desk, two):
    desk.upload(("two.xml", TWO))
    desk.read()
    url = reverse("admin:reconciliation_fileimport_act", args=[desk.one().pk, "undo"])
    assert "3 of the 3 lines of two.xml go, in all its ledgers; 0 stay" in text_of(desk.client.get(url))
    assert desk.client.post(url, {"reason": ""}).status_code == 200
    assert Record.objects.live().count() == 3
    source = desk.one()
    page = desk.act(source, "undo", reason="the wrong bank")
    assert "Undone: 3 lines went, 0 stay, 0 matches were undone." in page
    assert not Record.objects.live().exists()
    assert AuditEvent.objects.get(action="file_import.undone").data["reason"] == "the wrong bank"
    assert "two.xml undone" in desk.list(standing="undone")
    assert "two.xml" not in desk.list(standing="taken")


def test_a_viewer_sees_and_may_do_nothing(desk: Desk, two):
    desk.upload(("two.xml", TWO))
    desk.read()
    viewer = Desk(*signed_in("viewer", desk.membership.organization))
    assert "two.xml" in viewer.list()
    assert "Your role does not allow uploading." in viewer.list()
    assert "Your role does not allow reading original files." in viewer.page(desk.one())
    upload = reverse("admin:reconciliation_fileimport_upload")
    undo = reverse("admin:reconciliation_fileimport_act", args=[desk.one().pk, "undo"])
    original = reverse("admin:reconciliation_fileimport_original", args=[desk.one().pk])
    assert viewer.client.post(upload).status_code == 403
    assert viewer.client.post(undo, {"reason": "x"}).status_code == 403
    assert viewer.client.get(original).status_code == 403
    assert Record.objects.live().count() == 3


def test_another_organization_s_import_and_ledger_are_unknown(desk: Desk, two):
    desk.upload(("two.xml", TWO))
    desk.read()
    stranger = Desk(*signed_in("admin"))
    assert "two.xml" not in stranger.list()
    for name in ("change", "original", "act"):
        args = [desk.one().pk, "undo"] if name == "act" else [desk.one().pk]
        answer = stranger.client.get(reverse(f"admin:reconciliation_fileimport_{name}", args=args))
        assert answer.status_code in (302, 404), name
        assert "two.xml" not in answer.content.decode()
    file = io.BytesIO(csv(*LINES).encode())
    file.name = "a.csv"
    answer = stranger.client.post(
        reverse("admin:reconciliation_fileimport_upload"), {"files": [file], "ledger": two[0].pk}
    )
    assert answer.status_code == 404
    assert FileImport.objects.imported().count() == 1


def test_another_organization_s_account_is_unknown_to_a_file(desk: Desk, two):
    stranger = Desk(*signed_in("operator"))
    stranger.upload(("two.xml", TWO))
    stranger.read()
    source = FileImport.objects.imported().get(organization=stranger.membership.organization)
    assert (source.status, source.error_code) == ("failed", "file.unknown_account")
    assert not Record.objects.exists()


def test_the_original_is_a_download(desk: Desk, two):
    desk.upload(("two.xml", TWO))
    answer = desk.client.get(reverse("admin:reconciliation_fileimport_original", args=[desk.one().pk]))
    assert answer["Content-Disposition"] == 'attachment; filename="two.xml"'
    assert b"".join(answer.streaming_content) == TWO.encode()


def test_an_account_s_number_finds_its_files_once_each(desk: Desk, two):
    twice = camt(Stmt(LINES), Stmt(MORE))
    desk.upload(("two.xml", twice), ("other.xml", camt(Stmt(MORE, account=OTHER_IBAN))))
    desk.read()
    page = desk.list(q=IBAN)
    assert "Count 1 New lines 3" in page
    assert "other.xml" not in page


def test_no_file_is_no_upload(desk: Desk):
    assert "Choose at least one file first" in desk.upload()


def test_the_list_takes_a_constant_number_of_queries(desk: Desk, two, django_assert_max_num_queries):
    desk.upload(*((f"{n}.xml", camt(Stmt((("S", "credit", n + 1, 3, f"R{n}"),)))) for n in range(30)))
    desk.read()
    desk.list()
    with django_assert_max_num_queries(18):
        desk.list()


def test_imports_are_exported(desk: Desk, two):
    desk.upload(("two.xml", TWO))
    desk.read()
    answer = desk.client.get(reverse("admin:reconciliation_fileimport_export", args=["csv"]))
    assert b"two.xml" in b"".join(answer.streaming_content)


def test_runs_of_a_file_are_links(desk: Desk, two):
    desk.upload(("two.xml", TWO))
    desk.read()
    html = desk.client.get(reverse(LIST)).content.decode()
    for run in Run.objects.all():
        assert (
            f'<a class="tieout-link" href="{reverse("admin:reconciliation_run_change", args=[run.pk])}"'
            in html
        )


def test_an_account_can_be_left_out_for_good(desk: Desk):
    first = desk.ledger("1000", IBAN)
    desk.upload(("two.xml", TWO))
    desk.read()
    desk.act(desk.one(), "accounts", account_0="out")
    desk.read()
    source = desk.one()
    assert (source.status, source.imported_count) == ("completed", 2), source.error_message
    assert lines_of(first) == {"S1", "S2"}
    assert f"1 line of account {OTHER_IBAN} was left out, as somebody said." in desk.page(source)
    assert not BankAccount.objects.filter(identifier=OTHER_IBAN).exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_text_of_a_refused_line_is_read_as_the_file_is_written(desk: Desk, two, encoding):
    text = csv(*LINES).replace("10.00", "zehn €")
    desk.upload(("a.csv", text.encode(encoding)), ledger=two[0])
    desk.read()
    assert "2026-02-03,zehn €,credit,R1,S1" in desk.page(desk.one())


def test_hostile_text_of_a_file_stays_text(desk: Desk, two):
    text = csv(*LINES).replace("10.00", "<script>alert(1)</script>")
    desk.upload(("<img src=x>.csv", text), ledger=two[0])
    desk.read()
    html = desk.client.get(reverse("admin:reconciliation_fileimport_change", args=[desk.one().pk])).content
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert b"<script>alert(1)" not in html
    assert b"<img src=x>" not in html


def test_a_part_names_its_import_and_can_be_deleted_from_its_run_alone(desk: Desk, two):
    desk.upload(("two.xml", TWO))
    desk.read()
    part = SourceFile.objects.get(part_of=desk.one().pk, ledger=two[1])
    page = desk.client.get(reverse("admin:ledgers_sourcefile_change", args=[part.pk]))
    assert reverse("admin:reconciliation_fileimport_change", args=[desk.one().pk]) in page.content.decode()
    desk.client.post(reverse("admin:ledgers_sourcefile_act", args=[part.pk, "delete"]))
    assert (lines_of(two[0]), lines_of(two[1])) == ({"S1", "S2"}, set())
    assert "taken out of its run" in desk.page(desk.one())
