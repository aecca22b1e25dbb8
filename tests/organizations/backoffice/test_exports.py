"""Lists as files: what is in them, and that a spreadsheet computes nothing of it."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from organizations.backoffice import export_views
from organizations.backoffice.exports import csv_rows, plain, safe_text, xlsx_file
from tests.factories.organizations import CalendarFactory, MembershipFactory
from tests.organizations.backoffice.people import signed_in

FORMULAS = [
    '=HYPERLINK("http://x")',
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "-",
    "=",
    "\tx",
]
PLAIN = ["", "x", "a=b", "-12.50", "-7", "12", "2026-03-31", "Müller & Söhne", "'quoted", "1-1"]
LIST = "admin:organizations_membership_changelist"
EXPORT = "admin:organizations_membership_export"


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_made_a_text(text):
    assert safe_text(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_and_plain_numbers_stay(text):
    assert safe_text(text) == text


def test_cells_keep_numbers_and_dates_and_lose_markup():
    kept = [None, True, 7, -7, Decimal("-1.10"), date(2026, 3, 31)]
    assert [plain(value) for value in kept] == kept
    assert plain(format_html("<b>{}</b>", "=A & B")) == "'=A & B"
    assert plain("<b>=x</b>") == "<b>=x</b>"  # not ours, so not markup: kept as it was entered
    assert plain(gettext_lazy("Name")) == "Name"
    assert plain(["a", "b"]) == "a, b"


def test_csv_quotes_every_text_and_says_the_zone():
    rows = [("a;=1", datetime(2026, 3, 31, 9, 0, tzinfo=UTC), True, None, 5)]
    columns = [(f"=c{place}", lambda row, place=place: row[place]) for place in range(5)]
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        parts = csv_rows(columns, rows)
    written = b"".join(parts).decode("utf-8-sig")  # read after the zone is gone, as a streamed answer is
    assert written.splitlines()[1] == '"a;=1","2026-03-31T18:00:00+09:00","yes","",5'
    assert next(csv.reader(io.StringIO(written)))[0] == "'=c0"


@pytest.mark.parametrize("text", [*FORMULAS, "http://x", "{=1}", "bad \x00 \x07 bytes", "x" * 40_000])
def test_xlsx_holds_texts_and_no_formula_or_link(text):
    columns = [("c", lambda row: row)]
    with xlsx_file(columns, [text, 10**17, 5], sheet="a/b:c?" * 9) as file, zipfile.ZipFile(file) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "hyperlink" not in sheet
        assert "xl/worksheets/_rels/sheet1.xml.rels" not in book.namelist()


@pytest.mark.django_db
def test_the_export_holds_what_the_list_shows_filtered_and_sorted():
    client, membership = signed_in()
    for role in ("viewer", "operator", "viewer"):
        MembershipFactory(
            organization=membership.organization, role=role, user__first_name='=cmd|"/c calc"!A1'
        )
    MembershipFactory(role="viewer")
    response = client.get(reverse(EXPORT, args=["csv"]), {"role": "viewer"})
    assert response["Content-Type"].startswith("text/csv")
    assert response["Content-Disposition"].endswith('.csv"')
    lines = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))
    assert lines[0] == ["Name", "E-mail address", "Role", "State", "Since"]
    assert [(line[0], line[2], line[3]) for line in lines[1:]] == [
        ('\'=cmd|"/c calc"!A1', "Viewer", "active")
    ] * 2


@pytest.mark.django_db
def test_the_xlsx_export_is_a_workbook():
    client, _membership = signed_in()
    response = client.get(reverse(EXPORT, args=["xlsx"]))
    content = b"".join(response.streaming_content)
    response.close()
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None


@pytest.mark.django_db
def test_ticked_rows_are_exported_alone():
    client, membership = signed_in()
    other = MembershipFactory(organization=membership.organization)
    response = client.post(reverse(LIST), {"action": "export_csv", "_selected_action": [str(other.pk)]})
    content = b"".join(response.streaming_content).decode()
    assert other.user.email in content
    assert membership.user.email not in content


@pytest.mark.django_db
def test_an_export_that_would_be_too_long_is_refused_and_says_what_to_do(monkeypatch):
    monkeypatch.setattr(export_views, "XLSX_ROWS_MAX", 1)
    client, membership = signed_in()
    CalendarFactory.create_batch(2, organization=membership.organization)
    response = client.get(reverse("admin:organizations_calendar_export", args=["xlsx"]))
    assert response.status_code == 302
    assert "Narrow the filter" in str(next(iter(get_messages(response.wsgi_request))))


@pytest.mark.django_db
def test_an_export_of_an_unknown_kind_does_not_exist():
    client, _membership = signed_in()
    assert client.get(reverse(EXPORT, args=["pdf"])).status_code == 404
