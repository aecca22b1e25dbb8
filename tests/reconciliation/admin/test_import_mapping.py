"""Saying how a CSV file is read: what is certain is taken, what is not is asked, and the profile is kept and used."""

from __future__ import annotations

import pytest
from django.urls import reverse

from ledgers.models import ImportProfile, Ledger, Record
from ledgers.services.profiles import profile_change
from organizations.acts import perform
from reconciliation.models import FileImport
from reconciliation.selectors.integrity import faults
from tests.clock import NOW
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.admin.test_imports import IBAN, OTHER_IBAN, Desk

pytestmark = pytest.mark.django_db

BANK = (
    "Kontoauszug;;;;\n"
    "Buchungstag;Wertstellung;Verwendungszweck;Betrag;Saldo\n"
    "23.02.2026;23.02.2026;Miete Februar;-850,00;1.150,00\n"
    "24.02.2026;25.02.2026;Rechnung 701;1.250,00;2.400,00\n"
    "25.02.2026;25.02.2026;Kartenzahlung;-12,40;2.387,60\n"
)
TWICE = "Date,Description,Amount\n03/02/2026,Rent,-850.00\n04/05/2026,Invoice,1250.00\n"
"""Every date could be of the day first, or of the month first."""


@pytest.fixture(autouse=True)
def _nothing_broken():
    yield
    assert faults() == []


@pytest.fixture
def desk() -> Desk:
    """Somebody who may keep profiles; ledger 1000 has an account."""
    made = Desk(*signed_in("admin"))
    made.ledger("1000", IBAN)
    return made


def waiting(desk: Desk, text: str, name: str = "bank.csv") -> str:
    """The address of the page where a file that nobody declared is declared."""
    desk.upload((name, text))
    desk.read()
    source = desk.one()
    assert source.status == "mapping_required", source.error_message
    assert "Say how it is read" in desk.page(source)
    return reverse("admin:reconciliation_fileimport_mapping", args=[source.pk])


def _ledger(desk: Desk) -> Ledger:
    return Ledger.objects.get(organization=desk.membership.organization, code="1000")


def test_a_file_that_shows_how_it_is_read_is_previewed_kept_and_read(desk: Desk):
    url, ledger = waiting(desk, BANK), _ledger(desk)
    page = text_of(desk.client.post(url, {"ledger": ledger.pk, "do": "preview"}))
    assert "Lines 3 Days 2026-02-23 – 2026-02-25" in page
    assert "Money in 1,250.00 EUR Money out 862.40 EUR Net +387.60 EUR Running balance agrees" in page
    assert "Date: Buchungstag Value date: Wertstellung" in page
    assert not ImportProfile.objects.exists()
    given = {"ledger": ledger.pk, "do": "confirm", "name": "House bank"}
    answer = desk.client.post(url, given)
    assert answer.status_code == 302, text_of(answer)
    desk.read()
    source = desk.one()
    profile = ImportProfile.objects.get()
    assert (source.status, source.imported_count, source.profile) == ("completed", 3, profile)
    assert (profile.name, profile.declaration["rows_to_skip"]) == ("House bank", 1)
    amounts = Record.objects.live().order_by("date").values_list("signed_amount", flat=True)
    assert list(amounts) == [-850_00, 1250_00, -12_40]


def test_the_next_file_of_the_same_columns_is_read_by_the_profile(desk: Desk):
    url, ledger = waiting(desk, BANK), _ledger(desk)
    desk.client.post(url, {"ledger": ledger.pk, "do": "confirm", "name": "House bank", "for_ledger": "1"})
    desk.read()
    ledger.refresh_from_db()
    assert ledger.import_profile == ImportProfile.objects.get()
    desk.upload(("march.csv", BANK.replace(".02.2026", ".03.2026")), ledger=ledger)
    desk.read()
    assert FileImport.objects.imported().get(filename="march.csv").imported_count == 3


def test_what_can_be_read_in_two_ways_is_asked_and_not_taken_unanswered(desk: Desk):
    url, ledger = waiting(desk, TWICE), _ledger(desk)
    page = text_of(desk.client.get(url))
    assert "Please answer" in page
    assert "Every date of the file fits each of these." in page
    unanswered = {
        "ledger": ledger.pk,
        "do": "confirm",
        "name": "x",
        "set:currency": "EUR",
        "was:currency": "",
    }
    assert "Answer what is asked above first." in text_of(desk.client.post(url, unanswered))
    assert not ImportProfile.objects.exists()

    source = desk.one()
    said = said_of(desk, url)
    place = said["date_format"].index("MM/DD/YYYY")
    answered = {**unanswered, "answer:date_format": str(place)}
    answer = desk.client.post(url, {**answered, **others(said)})
    assert answer.status_code == 302, text_of(answer)
    desk.read()
    source.refresh_from_db()
    assert source.status == "completed", source.error_message
    days = Record.objects.live().order_by("date").values_list("date", flat=True)
    assert [str(day) for day in days] == ["2026-03-02", "2026-04-05"]


def said_of(desk: Desk, url: str) -> dict[str, list[str]]:
    """Each question with the texts of its choices."""
    asked = desk.client.get(url).context["asked"]
    return {each.question.field: [label for _place, label in each.choices] for each in asked}


def others(said: dict[str, list[str]]) -> dict[str, str]:
    """The first choice for every other question."""
    return {f"answer:{field}": "0" for field in said if field != "date_format"}


def test_a_column_can_be_named_by_hand(desk: Desk):
    url = waiting(desk, BANK)
    given = {
        "ledger": _ledger(desk).pk,
        "do": "preview",
        "was:columns.reference": "",
        "set:columns.reference": '["Verwendungszweck"]',
    }
    page = desk.client.post(url, given)
    assert page.context["preview"].rows[0]["reference"] == "Miete Februar"


def test_what_does_not_hold_together_is_said_and_not_kept(desk: Desk):
    url = waiting(desk, BANK)
    given = {
        "ledger": _ledger(desk).pk,
        "do": "confirm",
        "name": "x",
        "was:date_format": "DD.MM.YYYY",
        "set:date_format": "DD",
    }
    page = text_of(desk.client.post(url, given))
    assert "date_format: must name day, month and year once each" in page
    assert "What is said does not hold together yet" in page
    assert not ImportProfile.objects.exists()


def test_a_kept_profile_is_chosen_without_another_upload(desk: Desk):
    desk.ledger("2000", OTHER_IBAN)
    url = waiting(desk, BANK)
    desk.client.post(url, {"ledger": _ledger(desk).pk, "do": "confirm", "name": "House bank"})
    desk.read()
    desk.upload(("other.csv", BANK.replace("Saldo", "Kontostand")))
    desk.read()
    source = FileImport.objects.imported().get(filename="other.csv")
    assert source.status == "mapping_required"
    profile = ImportProfile.objects.get()
    act = reverse("admin:reconciliation_fileimport_act", args=[source.pk, "profile"])
    assert "House bank (version 1)" in text_of(desk.client.get(act))
    desk.act(source, "profile", profile=profile.pk)
    desk.read()
    source.refresh_from_db()
    assert (source.status, source.profile) == ("mapping_required", profile), source.error_message


def test_an_operator_sees_the_proposal_and_cannot_keep_it(desk: Desk):
    url = waiting(desk, BANK)
    operator = Desk(*signed_in("operator", desk.membership.organization))
    given = {"ledger": _ledger(desk).pk, "name": "x"}
    assert "Your role may look, but not keep import profiles." in text_of(operator.client.post(url, given))
    assert operator.client.post(url, {**given, "do": "confirm"}).status_code == 403
    viewer = Desk(*signed_in("viewer", desk.membership.organization))
    assert viewer.client.get(url).status_code == 403
    stranger = Desk(*signed_in("admin"))
    assert stranger.client.get(url).status_code == 404
    assert not ImportProfile.objects.exists()


def test_a_profile_can_be_changed_and_the_waiting_file_read_by_its_newest_version(desk: Desk):
    url, ledger = waiting(desk, BANK), _ledger(desk)
    desk.client.post(url, {"ledger": ledger.pk, "do": "confirm", "name": "House bank"})
    desk.read()
    first = ImportProfile.objects.get()
    text = BANK.replace("Miete Februar", "Miete März").replace("-850,00", "-850,5O")
    desk.upload(("bad.csv", text), ledger=ledger)
    desk.read()
    source = FileImport.objects.imported().get(filename="bad.csv")
    assert (source.status, source.profile) == ("failed", first)
    url = reverse("admin:reconciliation_fileimport_mapping", args=[source.pk])
    given = {"ledger": ledger.pk, "was:columns.amount": "x", "set:columns.amount": '["Saldo"]'}
    balance = {"was:columns.balance": "x", "set:columns.balance": ""}
    answer = desk.client.post(url, {**given, **balance, "do": "confirm", "changes": first.pk})
    assert answer.status_code == 302, text_of(answer)
    source.refresh_from_db()
    newest = ImportProfile.objects.get(replaced_at=None)
    assert (newest.name, newest.version, source.profile) == ("House bank", 2, newest)


def test_trying_again_reads_by_the_newest_version_of_the_profile(desk: Desk):
    url, ledger = waiting(desk, BANK), _ledger(desk)
    desk.client.post(url, {"ledger": ledger.pk, "do": "confirm", "name": "House bank", "for_ledger": "1"})
    desk.read()
    first = ImportProfile.objects.get()
    desk.upload(("iso.csv", BANK.replace("23.02.2026", "2026-02-23")), ledger=ledger)
    desk.read()
    source = FileImport.objects.imported().get(filename="iso.csv")
    assert (source.status, source.profile) == ("failed", first)
    changed = {**first.declaration, "skip_pattern": "^2026"}
    perform(lambda: profile_change(profile=first, declaration=changed, by=desk.by, at=NOW))
    desk.act(source, "retry")
    desk.read()
    source.refresh_from_db()
    assert source.status == "completed", source.error_message
    assert source.profile.version == 2
