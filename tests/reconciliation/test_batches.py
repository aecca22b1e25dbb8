"""A batch is one line of the statement; its details stand below it, in no sum and no reconciliation."""

from __future__ import annotations

import pytest

from ledgers.models import Record, StatementLine
from reconciliation.models import OpenItem
from reconciliation.selectors.integrity import faults
from tests.factories.organizations import actor_with
from tests.ledgers.formats.camt_files import balance, detail, entry, one
from tests.reconciliation.books import Books, books

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> Books:
    return books(actor_with(), entries=[])


def part(name: str, amount: str, *, indicator: str = "") -> str:
    sign = f"<CdtDbtInd>{indicator}</CdtDbtInd>" if indicator else ""
    return detail(
        refs=f"<AcctSvcrRef>{name}-id</AcctSvcrRef><EndToEndId>{name}</EndToEndId>",
        parties=f"<Dbtr><Nm>{name} Ltd</Nm></Dbtr>",
        texts=(f"invoice {name}",),
        more=f'<Amt Ccy="EUR">{amount}</Amt>{sign}',
    )


BATCH = entry(
    "30.00",
    booked="<Dt>2026-02-03</Dt>",
    value="<Dt>2026-02-04</Dt>",
    details="<Btch><PmtInfId>B-1</PmtInfId></Btch>" + part("E1", "10.00") + part("E2", "20.00"),
)
SINGLE = entry("5.00", details=part("E3", "5.00"))
FILE = one(balance("OPBD", "0.00") + BATCH + SINGLE + balance("CLBD", "35.00"))


def details() -> list[Record]:
    return list(Record.objects.live().filter(kind="detail").order_by("pk"))


def test_a_batch_is_one_record_with_its_details_below(made: Books):
    source = made.upload(FILE)
    assert (source.imported_count, source.already_known_count) == (2, 0)
    batch = Record.objects.entries().get(reference="B-1")
    first, second = details()
    assert {first.parent_id, second.parent_id} == {batch.pk}
    assert (first.date, first.value_date) == (batch.date, batch.value_date)
    assert (first.signed_amount, second.signed_amount) == (10_00, 20_00)
    assert (first.reference, first.counterparty, first.description) == ("E1", "E1 Ltd", "invoice E1")
    assert (first.external_id, first.dedup_key, first.source_file_id) == ("E1-id", None, source.pk)
    assert faults() == []


def test_details_are_no_items_and_in_no_sum(made: Books):
    made.upload(FILE)
    entries = set(Record.objects.entries().values_list("pk", flat=True))
    assert set(OpenItem.objects.values_list("record_id", flat=True)) == entries
    assert set(StatementLine.objects.values_list("record_id", flat=True)) == entries
    assert len(made.statuses()) == 2


def test_details_of_a_known_line_are_not_written_again(made: Books):
    made.upload(FILE)
    again = made.upload(FILE.replace("S-1", "S-2"), "again.xml")
    assert (again.imported_count, again.already_known_count) == (0, 2)
    assert len(details()) == 2


def test_voiding_a_line_voids_its_details(made: Books):
    first = made.upload(FILE)
    second = made.upload(FILE.replace("S-1", "S-2"), "again.xml")
    made.void(first)
    assert len(details()) == 2  # the other file states their line
    made.void(second)
    assert details() == []
    assert faults() == []
    made.upload(FILE.replace("S-1", "S-3"), "anew.xml")
    assert len(details()) == 2


def test_details_that_differ_from_their_line_are_kept_and_said(made: Books):
    parts = part("E1", "10.00") + part("E2", "2.50", indicator="DBIT")
    made.upload(one(entry("30.00", details=parts)))
    line = Record.objects.entries().get()
    assert (line.amount, line.metadata["details_sum"]) == (30_00, "7.50")
    assert [found.signed_amount for found in details()] == [10_00, -2_50]


def test_more_details_than_a_batch_of_rows_go_below_their_line(made: Books, monkeypatch):
    monkeypatch.setattr("ledgers.formats.camt.BATCH_ROWS", 2)
    parts = "".join(part(f"E{n}", "1.00") for n in range(9))
    waits = entry("9.00", status="<Sts>PDNG</Sts>", details=parts)
    source = made.upload(one(waits + entry("9.00", details=parts) + SINGLE))
    assert (source.imported_count, source.pending_count) == (2, 1)
    line = Record.objects.entries().get(amount=9_00)
    assert [found.reference for found in details()] == [f"E{n}" for n in range(9)]
    assert {found.parent_id for found in details()} == {line.pk}
    assert "details_sum" not in line.metadata


def test_integrity_sees_a_detail_without_its_line(made: Books):
    made.upload(FILE)
    found = details()[0]
    Record.objects.filter(pk=found.pk).update(parent_id=found.pk)
    assert [fault.check for fault in faults()] == ["detail without its live line"]
