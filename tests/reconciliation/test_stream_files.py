"""Table files into data streams: all rows or none, known ones skipped, the same file twice, and taken back."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.core.files.storage import default_storage

from ledgers.models import DataStream, ImportBatch, ImportProfile, Record, SourceFile
from ledgers.services.profiles import profile_create, stream_set_profile
from organizations.models import AuditEvent
from organizations.refusals import Conflict, Invalid, NotFound, Unreadable
from reconciliation.models import Match, OpenItem, Pass
from reconciliation.selectors.integrity import faults
from reconciliation.services import imports
from reconciliation.services.file_import import file_import
from reconciliation.services.policies import policy_change
from reconciliation.services.sources import receive
from reconciliation.services.stream_deletion import stream_delete
from reconciliation.services.stream_records import record_void
from tests.clock import NOW
from tests.factories.ledgers import BankAccountFactory, DataStreamFactory, PropertyDefinitionFactory
from tests.factories.organizations import actor_with
from tests.reconciliation.files import Stmt, camt
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

SALES = """date,amount,currency,description,external_id,batch_no
2026-03-01,42.50,EUR,Order 771,tx-771,B-19
2026-03-02,-17.50,EUR,Refund 772,tx-772,B-19
"""
PAYOUTS = "date,amount,currency,description\n2026-03-02,60.00,EUR,PAYOUT B-19\n"


@pytest.fixture(autouse=True)
def _nothing_broken():
    yield
    assert faults() == []


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(actor_with("admin"))


@pytest.fixture
def stream(feeds: Feeds) -> DataStream:
    return feeds.stream("card_acquirer")


def upload(feeds: Feeds, stream: DataStream, text: str, name: str = "sales.csv") -> SourceFile:
    received = receive(io.BytesIO(text.encode()))
    given = {"organization_id": feeds.organization.pk, "received": received, "filename": name}
    return feeds.act(imports.import_add, **given, stream=stream)


def read(source: SourceFile) -> SourceFile:
    found = file_import(source_file_id=source.pk, at=NOW)
    source.refresh_from_db()
    return found


def taken(feeds: Feeds, stream: DataStream, text: str, name: str = "sales.csv") -> SourceFile:
    source = upload(feeds, stream, text, name)
    read(source)
    assert source.status == "completed", source.error_message
    return source


def refused(feeds: Feeds, stream: DataStream, text: str, **more: Any) -> SourceFile:
    source = upload(feeds, stream, text, **more)
    with pytest.raises(Unreadable):
        read(source)
    source.refresh_from_db()
    return source


def counts(source: SourceFile) -> tuple[int | None, int | None]:
    return source.imported_count, source.already_known_count


# --- taken --------------------------------------------------------------------------------------------------------------


def test_rows_become_records_with_open_items_and_a_batch(feeds: Feeds, stream: DataStream):
    made = feeds.reconciliation(stream)
    source = taken(feeds, stream, SALES)
    assert counts(source) == (2, 0)
    first, second = Record.objects.order_by("pk")
    assert (first.date, first.amount, first.direction, first.currency) == (
        date(2026, 3, 1),
        4250,
        "credit",
        "EUR",
    )
    assert (first.description, first.external_id) == ("Order 771", "tx-771")
    assert first.metadata == {"batch_no": "B-19"}
    assert (second.amount, second.direction, second.signed_amount) == (1750, "debit", -1750)
    assert OpenItem.objects.filter(reconciliation=made).count() == 2
    batch = ImportBatch.objects.get()
    assert (batch.stream, batch.source_file, batch.source) == (stream, source, "csv_upload")
    assert (batch.record_count, batch.total_credits, batch.total_debits) == (2, 4250, 1750)
    assert set(Record.objects.values_list("import_batch_id", "source_file_id")) == {(batch.pk, source.pk)}
    assert (source.statement_from, source.statement_to) == (date(2026, 3, 1), date(2026, 3, 2))
    assert default_storage.exists(source.storage_name)
    event = AuditEvent.objects.get(action="file_import.completed")
    assert (event.data["imported"], f"ledgers.datastream:{stream.pk}" in event.subjects) == (2, True)


def test_a_continuous_reconciliation_is_matched(feeds: Feeds, stream: DataStream):
    made = feeds.reconciliation(stream)
    type(made).objects.filter(pk=made.pk).update(run_type="continuous")
    taken(feeds, stream, SALES)
    assert Pass.objects.get().reconciliation == made


def test_what_comes_in_is_stamped_by_the_overdue_policy(feeds: Feeds, stream: DataStream):
    made = feeds.reconciliation(stream)
    feeds.act(policy_change, reconciliation=made, after_days=3, overdue_from=date(2026, 1, 1))
    taken(feeds, stream, SALES)
    assert OpenItem.objects.order_by("record_id").first().overdue_at == datetime(2026, 3, 4, tzinfo=UTC)


def test_bank_feeds_take_tables_in_their_accounts_currency(feeds: Feeds):
    account = BankAccountFactory(organization=feeds.organization, currency="CHF")
    stream = DataStreamFactory(
        organization=feeds.organization, key="feed", kind="bank_feed", bank_account=account
    )
    taken(feeds, stream, "date,amount,description\n2026-03-02,60.00,PAYOUT\n")
    assert Record.objects.get().currency == "CHF"


def test_the_streams_profile_says_how_it_is_read(feeds: Feeds, stream: DataStream):
    declaration = {
        "columns": {"booking_date": "Tag", "amount": "Betrag", "external_id": "Nr", "reference": "Ref"},
        "delimiter": ";",
        "date_format": "DD.MM.YYYY",
        "decimal_mark": ",",
        "currency": "EUR",
    }
    of = {"organization_id": feeds.organization.pk, "name": "Acquirer", "target": "records"}
    profile = feeds.act(profile_create, **of, declaration=declaration)
    feeds.act(stream_set_profile, stream=stream, profile=profile)
    source = taken(feeds, stream, "Nr;Tag;Betrag;Ref\n1;05.03.2026;12,50;R1\n")
    record = Record.objects.get()
    assert (record.date, record.amount, record.reference) == (date(2026, 3, 5), 1250, "R1")
    assert source.profile == profile


def test_several_batches_of_rows(feeds: Feeds, stream: DataStream, monkeypatch):
    monkeypatch.setattr("ledgers.formats.csv_table.BATCH_ROWS", 3, raising=True)
    feeds.reconciliation(stream)
    rows = "".join(f"2026-03-02,1.00,EUR,n{n % 9}\n" for n in range(12))
    source = taken(feeds, stream, "date,amount,currency,external_id\n" + rows)
    assert counts(source) == (9, 3)
    assert ImportBatch.objects.get().record_count == 9


# --- known, and again ---------------------------------------------------------------------------------------------------


def test_rows_that_the_stream_has_are_known_and_left_as_they_are(feeds: Feeds, stream: DataStream):
    taken(feeds, stream, SALES)
    more = SALES.replace("42.50", "99.00") + "2026-03-03,5.00,EUR,Order 773,tx-773,B-20\n"
    assert counts(taken(feeds, stream, more)) == (1, 2)
    assert Record.objects.get(external_id="tx-771").amount == 4250


def test_the_same_file_again_adds_nothing(feeds: Feeds, stream: DataStream):
    taken(feeds, stream, SALES)
    assert counts(taken(feeds, stream, SALES)) == (0, 2)
    assert ImportBatch.objects.count() == 1


def test_a_deleted_record_may_come_again(feeds: Feeds, stream: DataStream):
    taken(feeds, stream, SALES)
    feeds.act(record_void, record=Record.objects.get(external_id="tx-771"))
    assert counts(taken(feeds, stream, SALES)) == (1, 1)


def test_the_same_bytes_without_ids_wait_for_somebody_who_says_that_they_happened_twice(
    feeds: Feeds, stream: DataStream
):
    taken(feeds, stream, PAYOUTS)
    again = refused(feeds, stream, PAYOUTS)
    assert (again.error_code, again.status, Record.objects.count()) == ("file.duplicate", "failed", 1)
    feeds.act(imports.import_take_again, source=again)
    read(again)
    assert (again.status, counts(again), Record.objects.count()) == ("completed", (1, 0), 2)


def test_into_a_stream_that_was_emptied_since_they_come_again(feeds: Feeds, stream: DataStream):
    taken(feeds, stream, PAYOUTS)
    feeds.reset(stream)
    assert taken(feeds, stream, PAYOUTS).imported_count == 1
    assert refused(feeds, stream, PAYOUTS).error_code == "file.duplicate"


def test_in_another_stream_or_with_another_row_they_are_no_duplicate(feeds: Feeds, stream: DataStream):
    taken(feeds, stream, PAYOUTS)
    taken(feeds, feeds.stream("other"), PAYOUTS)
    taken(feeds, stream, PAYOUTS + "2026-03-03,1.00,EUR,x\n")
    assert Record.objects.count() == 4


# --- refused ------------------------------------------------------------------------------------------------------------


def test_one_bad_row_and_nothing_is_imported(feeds: Feeds, stream: DataStream):
    feeds.reconciliation(stream)
    source = refused(feeds, stream, SALES + "2026-02-30,1.00,EUR,x,tx-9,\n2026-03-03,12.345,EUR,x,tx-8,\n")
    assert [(row["line"], row["field"]) for row in source.error_rows] == [(4, "date"), (5, "amount")]
    assert (source.status, source.imported_count) == ("failed", 0)
    assert not Record.objects.exists()
    assert not ImportBatch.objects.exists()


def test_metadata_is_held_against_the_definitions(feeds: Feeds, stream: DataStream):
    PropertyDefinitionFactory(stream=stream, key="batch_no", type="number")
    PropertyDefinitionFactory(stream=stream, key="store", type="string", optional=False)
    source = refused(feeds, stream, SALES)
    assert source.error_code == "file.rows"
    assert [(row["line"], row["field"]) for row in source.error_rows] == [
        (2, "metadata.batch_no"),
        (2, "metadata.store"),
        (3, "metadata.batch_no"),
        (3, "metadata.store"),
    ]
    assert source.error_row_count == 4
    assert not Record.objects.exists()


def test_columns_that_nobody_declared_wait_for_a_mapping(feeds: Feeds, stream: DataStream):
    source = refused(feeds, stream, "Tag;Betrag\n05.03.2026;12,50\n")
    assert source.status == "mapping_required"
    declaration = {
        "columns": {"booking_date": "Tag", "amount": "Betrag"},
        "delimiter": ";",
        "date_format": "DD.MM.YYYY",
        "decimal_mark": ",",
        "currency": "EUR",
    }
    given = {"source": source, "name": "Acquirer", "declaration": declaration, "for_ledger": True}
    feeds.act(imports.import_declare_new, **given)
    read(source)
    stream.refresh_from_db()
    profile = ImportProfile.objects.get()
    assert (source.status, profile.target, stream.import_profile) == ("completed", "records", profile)
    assert Record.objects.get().amount == 1250


def test_statements_of_banks_go_to_the_import_page(feeds: Feeds, stream: DataStream):
    text = camt(Stmt((("S1", "credit", 10_00, 3, "R1"),)))
    assert refused(feeds, stream, text, name="bank.xml").error_code == "file.format"
    assert not Record.objects.exists()


@pytest.mark.parametrize("kind", ["transactions", "bank_list"])
def test_owned_streams_take_no_files(feeds: Feeds, kind):
    with pytest.raises(Conflict) as owned:
        upload(feeds, feeds.stream("theirs", kind), SALES)
    assert owned.value.code == "stream.owned"


def test_a_stream_that_is_gone_or_being_emptied_takes_none(feeds: Feeds, stream: DataStream):
    waiting = upload(feeds, stream, SALES)
    DataStream.objects.update(resetting=True)
    with pytest.raises(Conflict):
        read(waiting)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.error_code) == ("failed", "stream.resetting")
    DataStream.objects.update(resetting=False, voided_at=NOW)
    with pytest.raises(NotFound):
        upload(feeds, stream, SALES)


def test_profiles_for_bank_statements_are_not_for_streams(feeds: Feeds, stream: DataStream):
    of = {"organization_id": feeds.organization.pk, "name": "Bank", "target": "statement"}
    profile = feeds.act(profile_create, **of, declaration={"columns": {"booking_date": "a", "amount": "b"}})
    with pytest.raises(Invalid):
        feeds.act(stream_set_profile, stream=stream, profile=profile)
    source = refused(feeds, stream, "a;b\n1;2\n")
    with pytest.raises(Conflict):
        feeds.act(imports.import_declare, source=source, profile=profile)


# --- taken back ---------------------------------------------------------------------------------------------------------


def test_an_import_is_taken_back_with_its_suggestions(feeds: Feeds, stream: DataStream):
    made = feeds.reconciliation(stream, other := feeds.stream("bank"))
    source = taken(
        feeds, stream, "date,amount,currency,reference\n2026-03-02,1.00,EUR,R1\n2026-03-02,2.00,EUR,R2\n"
    )
    [partner] = feeds.add(other, ("R1", 100))
    feeds.auto_match(made)
    Match.objects.update(status="suggested", decided_at=None, decided_by="")
    undone = feeds.act(imports.import_void, source=source, reason="the wrong month")
    assert (undone.voided, undone.undone) == (2, 1)
    assert list(Record.objects.live()) == [partner]
    assert list(OpenItem.objects.values_list("record_id", flat=True)) == [partner.pk]
    assert ImportBatch.objects.get().voided_at == NOW
    source.refresh_from_db()
    assert source.voided_at == NOW
    assert counts(taken(feeds, stream, "date,amount,currency,reference\n2026-03-02,1.00,EUR,R1\n")) == (1, 0)


def test_not_while_one_of_its_records_is_matched(feeds: Feeds, stream: DataStream):
    made = feeds.reconciliation(stream, other := feeds.stream("bank"))
    source = taken(feeds, stream, PAYOUTS)
    feeds.match(made, [Record.objects.get()], feeds.add(other, ("R1", 6000)))
    with pytest.raises(Conflict) as refusal:
        feeds.act(imports.import_void, source=source, reason="the wrong month")
    assert (refusal.value.code, refusal.value.details["records"]) == ("record.matched", 1)
    source.refresh_from_db()
    assert source.voided_at is None


def test_a_file_that_was_refused_is_taken_away_though_its_stream_is_gone(feeds: Feeds, stream: DataStream):
    source = refused(feeds, stream, SALES.replace("42.50", "a lot"))
    feeds.act(stream_delete, stream=stream)
    undone = feeds.act(imports.import_void, source=source, reason="the stream was a mistake")
    assert (undone.voided, undone.undone) == (0, 0)
    source.refresh_from_db()
    assert source.voided_at == NOW


def test_a_corrected_file_takes_the_place_of_one_that_was_refused(feeds: Feeds, stream: DataStream):
    source = refused(feeds, stream, SALES.replace("42.50", "a lot"))
    received = receive(io.BytesIO(SALES.encode()))
    new = feeds.act(imports.import_replace, source=source, received=received, filename="again.csv")
    read(new)
    assert (new.stream, counts(new)) == (stream, (2, 0))


def test_queries_do_not_hang_on_the_number_of_rows(
    feeds: Feeds, stream: DataStream, django_assert_max_num_queries
):
    feeds.reconciliation(stream)
    rows = "".join(f"2026-03-02,1.00,EUR,n{n}\n" for n in range(3_000))
    source = upload(feeds, stream, "date,amount,currency,external_id\n" + rows)
    with django_assert_max_num_queries(60):
        read(source)
    assert counts(source) == (3_000, 0)
