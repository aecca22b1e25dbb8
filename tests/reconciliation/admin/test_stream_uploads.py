"""Table files uploaded on the page of a data stream: declared where nobody has, previewed, read, taken back."""

from __future__ import annotations

import contextlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from ledgers.models import DataStream, ImportProfile, Record
from ledgers.services.profiles import profile_create
from organizations.refusals import Unreadable
from reconciliation.models import FileImport
from reconciliation.services.file_import import file_import
from tests.clock import NOW
from tests.factories.ledgers import BankAccountFactory, DataStreamFactory
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.admin.test_reconciliation_pages import act
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

OWN = "date,amount,currency,external_id,batch_no\n2026-03-01,42.50,EUR,tx-771,B-19\n"
BANK = (
    "Buchungstag;Verwendungszweck;Betrag;Waehrung\n"
    "23.02.2026;Miete Februar;-850,00;EUR\n"
    "24.02.2026;Rechnung 701;1.250,00;EUR\n"
)


@pytest.fixture
def stream(feeds: Feeds) -> DataStream:
    return feeds.stream("card_acquirer")


def upload(client, stream: DataStream, text: str, name: str = "sales.csv"):
    url = reverse("admin:ledgers_datastream_act", args=[stream.pk, "upload"])
    return client.post(url, {"file": SimpleUploadedFile(name, text.encode())}, follow=True)


def read() -> FileImport:
    file = FileImport.objects.latest("pk")
    with contextlib.suppress(Unreadable):
        file_import(source_file_id=file.pk, at=NOW)
    file.refresh_from_db()
    return file


def page(client, file: FileImport) -> str:
    return text_of(client.get(reverse("admin:reconciliation_fileimport_change", args=[file.pk])))


def mapping(file: FileImport) -> str:
    return reverse("admin:reconciliation_fileimport_mapping", args=[file.pk])


def test_a_table_in_our_own_layout_is_read_at_once(client, stream: DataStream):
    said = text_of(upload(client, stream, OWN))
    assert "The file is being read." in said
    file = read()
    told = page(client, file)
    assert (file.status, "1 new record, 0 known already" in told, stream.name in told) == (
        "completed",
        True,
        True,
    )
    listed = text_of(client.get(reverse("admin:reconciliation_fileimport_changelist")))
    assert "sales.csv" in listed
    assert stream.name in listed


def test_a_layout_that_nobody_declared_is_declared_previewed_and_read(client, stream: DataStream):
    upload(client, stream, BANK)
    file = read()
    assert file.status == "mapping_required"
    told = page(client, file)
    assert "Say how it is read" in told
    assert "Choose its ledger" not in told
    shown = client.post(mapping(file), {"do": "preview"})
    assert 'name="ledger"' not in shown.content.decode()
    assert "It is how all files of" in text_of(shown)
    assert "Rechnung 701" in text_of(shown)
    client.post(mapping(file), {"do": "confirm", "name": "Acquirer", "for_ledger": "1"})
    assert read().status == "completed"
    stream.refresh_from_db()
    assert stream.import_profile == ImportProfile.objects.get(name="Acquirer", target="records")
    assert list(Record.objects.order_by("pk").values_list("signed_amount", flat=True)) == [-85000, 125000]
    upload(client, stream, BANK.replace("701", "702"), "next.csv")
    assert read().status == "completed"


def test_a_column_is_given_another_key_in_the_metadata(client, stream: DataStream):
    upload(client, stream, BANK.replace("Waehrung", "Waehrung;Laden").replace(";EUR", ";EUR;7"))
    file = read()
    said = {
        "do": "confirm",
        "name": "Acquirer",
        "was:columns.metadata": "",
        "set:columns.metadata": "store =",
    }
    assert "must name at least one column" in text_of(client.post(mapping(file), said))
    client.post(mapping(file), {**said, "set:columns.metadata": "store = Laden"})
    assert read().status == "completed"
    assert {record.metadata["store"] for record in Record.objects.all()} == {"7"}


def test_a_bank_feed_needs_no_currency_column(client, feeds: Feeds):
    account = BankAccountFactory(organization=feeds.organization, currency="EUR")
    feed = DataStreamFactory(organization=feeds.organization, kind="bank_feed", bank_account=account)
    upload(client, feed, BANK.replace(";Waehrung", "").replace(";EUR", ""))
    file = read()
    client.post(mapping(file), {"do": "confirm", "name": "House bank"})
    assert read().status == "completed"


def test_the_same_bytes_without_ids_ask_whether_they_happened_twice(client, stream: DataStream):
    text = "date,amount,currency\n2026-03-01,42.50,EUR\n"
    upload(client, stream, text)
    read()
    upload(client, stream, text)
    file = read()
    assert "Its rows happened twice" in page(client, file)
    act(client, "reconciliation_fileimport", file, "take-again")
    assert read().status == "completed"
    assert Record.objects.count() == 2


def test_an_import_is_undone_from_its_page(client, stream: DataStream):
    upload(client, stream, OWN)
    file = read()
    form = text_of(client.get(reverse("admin:reconciliation_fileimport_act", args=[file.pk, "undo"])))
    assert "The 1 records that came with sales.csv go" in form
    assert "Undone: 1 lines went" in act(
        client, "reconciliation_fileimport", file, "undo", reason="wrong file"
    )
    assert not Record.objects.live().exists()


def test_bad_rows_are_named_with_their_text(client, stream: DataStream):
    upload(client, stream, OWN + "2026-02-31,1.00,EUR,tx-9,\n")
    told = page(client, read())
    assert "2026-02-31,1.00,EUR,tx-9," in told


def test_a_profile_is_chosen_for_the_stream(client, feeds: Feeds, stream: DataStream):
    of = {
        "organization_id": feeds.organization.pk,
        "declaration": {"columns": {"booking_date": "a", "amount": "b"}},
    }
    profile = feeds.act(profile_create, **of, name="Acquirer", target="records")
    other = feeds.act(profile_create, **of, name="Bank", target="statement")
    act(client, "ledgers_datastream", stream, "profile", profile=other.pk)
    stream.refresh_from_db()
    assert stream.import_profile is None
    act(client, "ledgers_datastream", stream, "profile", profile=profile.pk)
    stream.refresh_from_db()
    assert stream.import_profile == profile


def test_owned_streams_take_no_upload(client, feeds: Feeds):
    owned = DataStreamFactory(organization=feeds.organization, kind="transactions")
    assert "It belongs to settlements, and is filled and changed there." in text_of(
        upload(client, owned, OWN)
    )
    assert not FileImport.objects.exists()


def test_viewers_and_other_organizations_cannot_upload(feeds: Feeds, stream: DataStream):
    viewer, _membership = signed_in("viewer", organization=feeds.organization)
    url = reverse("admin:ledgers_datastream_act", args=[stream.pk, "upload"])
    assert viewer.post(url, {"file": SimpleUploadedFile("a.csv", OWN.encode())}).status_code == 403
    stranger, _theirs = signed_in("admin")
    stranger.post(url, {"file": SimpleUploadedFile("a.csv", OWN.encode())})
    assert not FileImport.objects.exists()
