"""CSV files of any layout in a run: read as their ledger's profile declares, or waiting for a declaration, never half read."""

from __future__ import annotations

import pytest

from ledgers.models import ImportProfile, Record, SourceFile, StatementLine
from ledgers.services.previews import propose_for
from ledgers.services.profiles import ledger_set_profile, profile_change, profile_create, profile_retire
from organizations.models import AuditEvent
from organizations.refusals import Conflict, Unreadable
from reconciliation.models import OpenItem, RunSource
from reconciliation.selectors.integrity import faults
from reconciliation.services.imports import import_declare
from reconciliation.services.sources import source_declare, source_import
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import Line, csv

pytestmark = pytest.mark.django_db

CONTENT = "Kontoauszug;\nBuchungsdatum;Text;Betrag;Saldo\n13.02.2026;Miete;-1.250,50;8.749,50\n14.02.2026;Lohn;3.000,00;11.749,50\n"
DECLARED = {
    "columns": {
        "booking_date": ["Buchungsdatum"],
        "description": ["Text"],
        "amount": ["Betrag"],
        "balance": ["Saldo"],
    },
    "delimiter": ";",
    "rows_to_skip": 1,
    "date_format": "DD.MM.YYYY",
    "decimal_mark": ",",
    "thousands": ".",
}
OWN: tuple[Line, ...] = (("S1", "credit", 10_00, 3, "R1"),)


@pytest.fixture
def made() -> Books:
    return books(actor_with(), entries=[])


def profile(made: Books, declaration=DECLARED, name="Bank"):
    organization_id = made.run.organization_id
    return profile_create(
        organization_id=organization_id, name=name, declaration=declaration, by=made.by, at=NOW
    )


def use(made: Books, chosen) -> None:
    made.run.ledger.refresh_from_db()
    ledger_set_profile(ledger=made.run.ledger, profile=chosen, by=made.by, at=NOW)


def lines() -> list[tuple[str, str, int]]:
    rows = Record.objects.filter(stream__kind="statement").order_by("date")
    return [(row.date.isoformat(), row.description, row.signed_amount) for row in rows]


READ = [("2026-02-13", "Miete", -125050), ("2026-02-14", "Lohn", 300000)]


def test_a_ledgers_files_are_read_as_its_profile_declares(made: Books):
    chosen = profile(made)
    use(made, chosen)
    made.upload(CONTENT)
    assert lines() == READ
    source = SourceFile.objects.get()
    assert (source.status, source.format, source.profile) == ("completed", "csv", chosen)
    assert list(StatementLine.objects.order_by("line_no").values_list("line_no", "balance")) == [
        (3, 874950),
        (4, 1174950),
    ]
    assert faults() == []


def test_a_file_remembers_the_version_that_it_was_read_with(made: Books):
    first = profile(made)
    use(made, first)
    made.upload(CONTENT)
    second = profile_change(
        profile=first, declaration={**DECLARED, "undated_rows": "skip"}, by=made.by, at=NOW
    )
    made.upload(CONTENT.replace("Lohn", "Bonus"), "later.csv")
    versions = SourceFile.objects.order_by("pk").values_list("profile", flat=True)
    assert list(versions) == [first.pk, second.pk]


def test_the_same_lines_by_a_better_declaration_are_known_again(made: Books):
    use(made, profile(made))
    made.upload(CONTENT)
    more = {**DECLARED, "metadata": False}
    use(made, profile(made, more, name="Better"))
    made.upload(CONTENT + "15.02.2026;Zins;1,00;11.750,50\n", "cut.csv")
    second = SourceFile.objects.order_by("pk").last()
    assert (second.imported_count, second.already_known_count) == (1, 2)


def test_a_file_that_nobody_declared_waits_for_a_mapping(made: Books):
    with pytest.raises(Unreadable) as refused:
        made.upload(CONTENT)
    assert refused.value.code == "file.columns"
    source = SourceFile.objects.get()
    assert (source.status, source.error_code, source.imported_count) == (
        "mapping_required",
        "file.columns",
        0,
    )
    assert "import profile" in source.error_message
    assert not RunSource.objects.get().live
    assert not Record.objects.exists()
    proposal = propose_for(source)
    assert proposal.is_certain
    assert proposal.declaration["columns"] == DECLARED["columns"]


def test_a_waiting_file_is_read_once_it_is_declared(made: Books):
    with pytest.raises(Unreadable):
        made.upload(CONTENT)
    source = SourceFile.objects.get()
    declared = profile(made, propose_for(source).declaration)
    made.act(source_declare, run=made.run, source=source, profile=declared)
    source_import(source_file_id=source.pk, at=NOW)
    source.refresh_from_db()
    assert (source.status, source.profile, source.error_message) == ("completed", declared, "")
    assert RunSource.objects.get().live
    assert lines() == READ
    assert faults() == []
    assert AuditEvent.objects.filter(action="source_file.declared").count() == 1
    with pytest.raises(Conflict):
        made.act(source_declare, run=made.run, source=source, profile=declared)


def test_a_file_that_does_not_fit_its_profile_waits_too_and_bad_rows_fail(made: Books):
    use(made, profile(made))
    for content, status in [("a;b\n1;2\n", "mapping_required"), (CONTENT + "x;y;1,00;\n", "failed")]:
        with pytest.raises(Unreadable):
            made.upload(content)
        assert SourceFile.objects.order_by("pk").last().status == status
    assert not OpenItem.objects.exists()


def test_a_waiting_file_takes_only_a_current_profile_of_its_organization(made: Books):
    with pytest.raises(Unreadable):
        made.upload(CONTENT)
    source = SourceFile.objects.get()
    old = profile(made)
    profile_change(profile=old, declaration={**DECLARED, "metadata": False}, by=made.by, at=NOW)
    old.refresh_from_db()
    theirs = profile(books(actor_with(), entries=[]))
    for wrong in (old, theirs):
        with pytest.raises(Conflict):
            made.act(source_declare, run=made.run, source=source, profile=wrong)


def test_a_profile_that_was_retired_since_it_was_looked_at_reads_no_file(made: Books):
    with pytest.raises(Unreadable):
        made.upload(CONTENT)
    source, chosen = SourceFile.objects.get(), profile(made)
    profile_retire(profile=ImportProfile.objects.get(pk=chosen.pk), by=made.by, at=NOW)
    with pytest.raises(Conflict) as refused:  # `chosen` is what the page read before
        made.act(source_declare, run=made.run, source=source, profile=chosen)
    assert refused.value.code == "profile.retired"
    with pytest.raises(Conflict) as refused:
        import_declare(source=source, profile=chosen, by=made.by, at=NOW)
    assert refused.value.code == "profile.retired"


def test_a_file_that_was_undone_or_is_of_another_run_is_not_read(made: Books):
    with pytest.raises(Unreadable):
        made.upload(CONTENT)
    source, chosen = SourceFile.objects.get(), profile(made)
    other = books(actor_with(), entries=[])
    with pytest.raises(Conflict):
        other.act(source_declare, run=other.run, source=source, profile=profile(other))
    SourceFile.objects.update(voided_at=NOW, voided_by=made.by.ref)
    with pytest.raises(Conflict) as refused:
        made.act(source_declare, run=made.run, source=source, profile=chosen)
    assert refused.value.code == "file.gone"
    source.refresh_from_db()
    assert source.status == "mapping_required"


def test_a_waiting_file_that_was_uploaded_again_meanwhile_stays(made: Books):
    with pytest.raises(Unreadable):
        made.upload(CONTENT)
    source = SourceFile.objects.get()
    chosen = profile(made)
    use(made, chosen)
    made.upload(CONTENT)
    with pytest.raises(Conflict) as refused:
        made.act(source_declare, run=made.run, source=source, profile=chosen)
    assert refused.value.code == "file.duplicate"


def test_our_own_layout_needs_no_profile(made: Books):
    made.upload(csv(*OWN))
    assert SourceFile.objects.get().profile is None
