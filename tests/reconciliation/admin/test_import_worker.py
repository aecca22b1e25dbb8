"""The import page with a real worker behind it: many files at once, a worker that is lost, and a browser that follows."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from ledgers.models import Record
from reconciliation.models import FileImport
from reconciliation.selectors.integrity import faults
from reconciliation.tasks import requeue_lost
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.test_imports import IBAN, LIST, OTHER_IBAN, Desk
from tests.reconciliation.files import Stmt, camt
from tests.workers import Worker, wait_for

DAYS = 6


def days() -> list[tuple[str, str]]:
    """A file for each day, of two accounts."""
    return [(f"2026-02-{day:02}.xml", of_day(day)) for day in range(2, 2 + DAYS)]


def of_day(day: int) -> str:
    when = date(2026, 2, day)
    statements = [
        Stmt(
            ((f"{account[-4:]}-{day}", "credit", 100 + day, day, f"R{day}"),),
            account=account,
            opening=0,
            closing=100 + day,
            first=when,
            last=when,
        )
        for account in (IBAN, OTHER_IBAN)
    ]
    return camt(*statements)


def all_read() -> bool:
    return not FileImport.objects.imported().unfinished().exists()


@pytest.fixture
def desk() -> Desk:
    made = Desk(*signed_in("operator"))
    made.ledger("1000", IBAN)
    made.ledger("2000", OTHER_IBAN)
    return made


@pytest.mark.worker
def test_many_files_at_once_are_all_read_into_two_ledgers(worker: Worker, desk: Desk):
    desk.upload(*days(), ("broken.xml", "<Document>"))
    wait_for(all_read, seconds=60, what="all files are read")
    page = desk.list()
    assert f"New lines {2 * DAYS} Need you 1 Being read 0" in page
    assert "broken.xml refused" in page
    assert Record.objects.count() == 2 * DAYS
    runs = {part.run_source.run for file in FileImport.objects.imported() for part in file.parts.all()}
    assert sorted(run.ledger.code for run in runs) == ["1000", "2000"], "one run for each ledger"
    assert faults() == []


@pytest.mark.worker
def test_a_file_whose_message_was_lost_is_read_all_the_same(worker: Worker, desk: Desk):
    worker.kill()
    desk.upload(("day.xml", of_day(2)))
    worker.forget()
    worker.start()
    FileImport.objects.update(created_at="2026-01-01T00:00:00Z")
    requeue_lost()
    wait_for(all_read, seconds=60, what="the file is read")
    assert Record.objects.count() == 2
    assert faults() == []


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_page_follows_files_until_they_are_read_without_a_reload(desk: Desk, chromium, live_server):
    desk.upload(*days())
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    session = desk.client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page, complaints = context.new_page(), []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(live_server.url + reverse(LIST))
    assert page.locator("[data-unfinished]").count() == DAYS
    page.evaluate("window.stayed = true")
    desk.read()
    page.wait_for_function("!document.querySelector('[data-unfinished]')")
    assert page.locator("#result_list").get_by_text("imported", exact=True).count() == DAYS
    assert page.evaluate("window.stayed") is True

    page.set_viewport_size({"width": 360, "height": 740})
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    first = FileImport.objects.imported().first()
    for name in ("change", "changelist"):
        args = [first.pk] if name == "change" else []
        page.goto(live_server.url + reverse(f"admin:reconciliation_fileimport_{name}", args=args))
        assert page.evaluate(wider) <= 0, name
    assert complaints == []
    context.close()
