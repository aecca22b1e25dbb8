"""Import profiles: versions that never change, defaults that follow, and what kept files would become."""

from __future__ import annotations

import io
from datetime import date

import pytest
from django.db import IntegrityError, transaction

from ledgers.formats.declaration_json import DeclarationError
from ledgers.models import ImportProfile, SourceFile
from ledgers.services.previews import preview_for, profiles_that_fit, propose_for
from ledgers.services.profiles import ledger_set_profile, profile_change, profile_create, profile_retire
from organizations.actors import Actor
from organizations.models import AuditEvent
from organizations.refusals import Conflict, Invalid, Unreadable
from reconciliation.services.sources import receive
from tests.clock import NOW
from tests.factories.ledgers import DataStreamFactory, ImportProfileFactory, LedgerFactory, SourceFileFactory
from tests.factories.organizations import actor_with

pytestmark = pytest.mark.django_db

SIMPLE = {"columns": {"booking_date": ["Tag"], "amount": ["Betrag"]}, "delimiter": ";"}
GERMAN = {**SIMPLE, "date_format": "DD.MM.YYYY", "decimal_mark": ","}
CONTENT = "Tag;Betrag;Text\n13.04.2026;1,50;a\n14.04.2026;-2,00;b\n"


@pytest.fixture
def by() -> Actor:
    return actor_with()


def create(by: Actor, name: str = "Bank", declaration=SIMPLE, **more) -> ImportProfile:
    asked = {"organization_id": by.organization_id, "name": name, "declaration": declaration, **more}
    return profile_create(**asked, by=by, at=NOW)


def kept(by: Actor, content: str | bytes) -> SourceFile:
    data = content.encode() if isinstance(content, str) else content
    received = receive(io.BytesIO(data))
    return SourceFileFactory(
        organization_id=by.organization_id,
        checksum_sha256=received.checksum,
        size_bytes=received.size,
        status="mapping_required",
    )


def test_a_profile_keeps_its_declaration_as_it_reads_back(by: Actor):
    profile = create(by, " Bank ", {**SIMPLE, "encoding": "utf-8", "header": True})
    assert (profile.name, profile.version, profile.target) == ("Bank", 1, "statement")
    assert profile.declared.as_json() == profile.declaration == {**SIMPLE, "version": 1}
    event = AuditEvent.objects.get(action="import_profile.created")
    assert event.data["declaration"] == profile.declaration


def test_a_declaration_with_faults_is_refused_with_their_paths(by: Actor):
    with pytest.raises(Invalid) as refused:
        create(by, declaration={"columns": {"amount": ["Betrag"]}, "delimiter": "x"})
    assert refused.value.code == "profile.invalid"
    assert [issue["path"] for issue in refused.value.issues] == [["delimiter"]]
    assert not ImportProfile.objects.exists()


@pytest.mark.parametrize("wrong", [{"name": " "}, {"name": "x" * 129}, {"target": "elsewhere"}])
def test_names_and_targets_are_checked(by: Actor, wrong):
    with pytest.raises(Invalid):
        create(by, **wrong)


def test_a_name_is_taken_once_per_organization(by: Actor):
    create(by)
    with pytest.raises(Conflict) as refused:
        create(by)
    assert refused.value.code == "profile.name_taken"
    create(actor_with())


def test_a_change_is_a_new_version_and_defaults_follow_it(by: Actor):
    first = create(by)
    ledger = LedgerFactory(organization_id=by.organization_id)
    ledger_set_profile(ledger=ledger, profile=first, by=by, at=NOW)
    stream = DataStreamFactory(organization_id=by.organization_id, import_profile=first)
    read_before = SourceFileFactory(organization_id=by.organization_id, profile=first)
    second = profile_change(profile=first, declaration=GERMAN, by=by, at=NOW)
    for row in (first, ledger, stream, read_before):
        row.refresh_from_db()
    assert (second.version, second.name, second.declared.decimal_mark) == (2, "Bank", ",")
    assert (first.is_current, second.is_current) == (False, True)
    assert (ledger.import_profile, stream.import_profile, read_before.profile) == (second, second, first)
    assert list(ImportProfile.objects.of(by.organization_id).current()) == [second]


def test_the_same_declaration_again_is_no_change(by: Actor):
    profile = create(by)
    assert profile_change(profile=profile, declaration={**SIMPLE, "header": True}, by=by, at=NOW) == profile
    assert AuditEvent.objects.filter(action="import_profile.changed").count() == 0


def test_only_the_newest_version_can_be_changed(by: Actor):
    first = create(by)
    profile_change(profile=first, declaration=GERMAN, by=by, at=NOW)
    with pytest.raises(Conflict) as refused:
        profile_change(profile=first, declaration=SIMPLE, by=by, at=NOW)
    assert refused.value.code == "profile.replaced"


def test_a_retired_profile_is_used_no_more_and_keeps_its_name(by: Actor):
    profile = profile_retire(profile=create(by), by=by, at=NOW)
    assert not ImportProfile.objects.current().exists()
    ledger = LedgerFactory(organization_id=by.organization_id)
    for act in (
        lambda: ledger_set_profile(ledger=ledger, profile=profile, by=by, at=NOW),
        lambda: profile_change(profile=profile, declaration=GERMAN, by=by, at=NOW),
        lambda: create(by),
    ):
        with pytest.raises(Conflict):
            act()
    assert AuditEvent.objects.filter(action="import_profile.retired").count() == 1


def test_a_default_cannot_be_retired(by: Actor):
    profile = create(by)
    ledger = LedgerFactory(organization_id=by.organization_id, code="1200")
    ledger_set_profile(ledger=ledger, profile=profile, by=by, at=NOW)
    with pytest.raises(Conflict) as refused:
        profile_retire(profile=profile, by=by, at=NOW)
    assert refused.value.code == "profile.in_use"
    assert "1200" in refused.value.message
    ledger_set_profile(ledger=ledger, profile=None, by=by, at=NOW)
    assert profile_retire(profile=profile, by=by, at=NOW).retired_by == by.ref


@pytest.mark.parametrize("other", ["target", "organization"])
def test_a_ledger_takes_only_a_statements_profile_of_its_organization(by: Actor, other):
    ledger = LedgerFactory(organization_id=by.organization_id)
    profile = create(by, target="records") if other == "target" else create(actor_with())
    with pytest.raises(Invalid):
        ledger_set_profile(ledger=ledger, profile=profile, by=by, at=NOW)


@pytest.mark.parametrize(
    "change", [{"declaration": GERMAN}, {"name": "Other"}, {"version": 7}, {"target": "records"}]
)
def test_the_database_changes_no_version(change):
    profile = ImportProfileFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        ImportProfile.objects.filter(pk=profile.pk).update(**change)


def test_the_database_refuses_two_newest_versions():
    profile = ImportProfileFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        ImportProfileFactory(organization=profile.organization, name=profile.name, version=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        ImportProfileFactory(declaration={})


def test_a_kept_file_is_proposed_for_and_previewed(by: Actor):
    source = kept(by, CONTENT)
    proposal = propose_for(source)
    assert proposal.is_certain
    found = preview_for(source, proposal.declaration, currency="EUR")
    assert found.refused is None
    assert [(row["date"], row["amount"], row["direction"]) for row in found.rows] == [
        (date(2026, 4, 13), 150, "credit"),
        (date(2026, 4, 14), 200, "debit"),
    ]
    assert [(each.currency, each.credit_sum, each.debit_sum) for each in found.sums] == [("EUR", 150, 200)]
    assert (found.first_date, found.last_date, found.lines) == (date(2026, 4, 13), date(2026, 4, 14), 2)
    assert ("booking_date", ("Tag",)) in found.mapping


def test_a_preview_shows_what_can_be_read_beside_what_cannot(by: Actor):
    found = preview_for(kept(by, CONTENT + "x;3,00;c\n15.04.2026;x;d\n"), GERMAN, currency="EUR")
    assert found.refused is not None
    assert [(error.line, error.field) for error in found.errors] == [(4, "Tag"), (5, "Betrag")]
    assert (found.lines, found.error_count) == (2, 2)
    assert "'x'" in found.errors[0].message
    other = preview_for(kept(by, "a;b\n1;2\n"), GERMAN)
    assert (other.refused.code, other.rows) == ("file.columns", [])


def test_a_preview_shows_whether_the_running_balance_agrees(by: Actor):
    content = "Tag;Betrag;Saldo\n13.04.2026;1,50;11,50\n14.04.2026;-2,00;9,50\n15.04.2026;3,00;{}\n"
    told = {**GERMAN, "columns": {**GERMAN["columns"], "balance": ["Saldo"]}}
    right = preview_for(kept(by, content.format("12,50")), told, currency="EUR")
    assert (right.opening, right.closing, right.balance_gap) == (1000, 1250, 0)
    assert preview_for(kept(by, content.format("13,50")), told, currency="EUR").balance_gap == 100


def test_a_preview_needs_a_declaration_without_faults(by: Actor):
    with pytest.raises(DeclarationError):
        preview_for(kept(by, CONTENT), {"columns": {}})


def test_what_is_no_table_is_refused(by: Actor):
    with pytest.raises(Unreadable) as refused:
        propose_for(kept(by, b"\0\0"))
    assert refused.value.code == "file.binary"


def test_profiles_that_fit_are_those_whose_columns_the_file_has(by: Actor):
    german = create(by, "German", GERMAN)
    create(by, "Other", {"columns": {"booking_date": ["Date"], "amount": ["Amount"]}})
    create(by, "Places", {"columns": {"booking_date": ["#1"], "amount": ["#2"]}, "header": False})
    profile_retire(profile=create(by, "Old", GERMAN), by=by, at=NOW)
    create(actor_with(), "Theirs", GERMAN)
    assert profiles_that_fit(kept(by, CONTENT)) == [german]
