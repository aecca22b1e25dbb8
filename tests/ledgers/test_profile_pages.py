"""The back office's pages of import profiles: the list, one profile with its versions, and what can be done to it."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from ledgers.models import ImportProfile, Ledger
from tests.clock import NOW
from tests.factories.ledgers import ImportProfileFactory, LedgerFactory
from tests.organizations.backoffice.people import signed_in

pytestmark = pytest.mark.django_db

SIMPLE = {"columns": {"booking_date": ["Tag"], "amount": ["Betrag"]}, "delimiter": ";"}


@pytest.fixture
def admin():
    return signed_in("admin")


def url(name: str, *args: object) -> str:
    return reverse(f"admin:ledgers_importprofile_{name}", args=args)


def profile(membership, **more) -> ImportProfile:
    return ImportProfileFactory(organization=membership.organization, **more)


def act(client, row, name, **fields):
    return client.post(url("act", row.pk, name), fields, follow=True)


def test_the_list_has_the_newest_version_of_each(admin, django_assert_max_num_queries):
    client, membership = admin
    for number in range(30):
        name = f"Bank {number:02}"
        profile(membership, name=name, replaced_at=NOW)
        newest = profile(membership, name=name, version=2)
        LedgerFactory(organization=membership.organization, import_profile=newest)
    profile(signed_in("admin")[1], name="Theirs")
    client.get(url("changelist"))
    with django_assert_max_num_queries(18):
        answer = client.get(url("changelist"))
    rows = list(answer.context["cl"].result_list)
    assert [(row.name, row.version) for row in rows] == [(f"Bank {number:02}", 2) for number in range(25)]
    assert "L" in rows[0].ledger_codes[0]
    assert f'href="{url("change", rows[0].pk)}' in answer.content.decode()


def test_an_empty_list_says_what_to_do_next(admin):
    client, _membership = admin
    assert "import page" in client.get(url("changelist")).content.decode()


def test_a_profile_shows_its_declaration_its_versions_and_whose_it_is(admin):
    client, membership = admin
    old = profile(membership, name="Bank", replaced_at=NOW)
    newest = profile(membership, name="Bank", version=2, declaration={**SIMPLE, "currency_signs": ["<b>"]})
    LedgerFactory(organization=membership.organization, code="1200", import_profile=newest)
    page = client.get(url("change", newest.pk)).content.decode()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page.split("<pre>")[1].split("</pre>")[0]
    assert url("change", old.pk) in page
    assert "1200" in page
    assert "older version" in client.get(url("change", old.pk)).content.decode()


def test_a_layout_is_declared_and_faults_are_told_by_path(admin):
    client, membership = admin
    wrong = {"name": "Bank", "declaration": json.dumps({**SIMPLE, "delimiter": "x"})}
    page = client.post(url("list_act", "make"), wrong, follow=True).content.decode()
    assert "delimiter: must be" in page
    assert not ImportProfile.objects.exists()
    client.post(url("list_act", "make"), {"name": "Bank", "declaration": json.dumps(SIMPLE)}, follow=True)
    made = ImportProfile.objects.get()
    assert (made.name, made.organization, made.declaration["delimiter"]) == (
        "Bank",
        membership.organization,
        ";",
    )


@pytest.mark.parametrize("text", ["{", "[" * 200_000, "1" * 5_000], ids=["open", "deep", "long number"])
def test_what_is_no_json_is_told_beside_the_field(admin, text):
    client, _membership = admin
    answer = client.post(url("list_act", "make"), {"name": "Bank", "declaration": text})
    assert "declaration" in answer.context["form"].errors


def test_a_text_that_cannot_be_kept_is_told(admin):
    client, _membership = admin
    for text in ('{"columns": {"booking_date": "D", "amount": "\\u0000"}}', '{"\\ud800": 1}'):
        answer = client.post(url("list_act", "make"), {"name": "Bank", "declaration": text}, follow=True)
        assert "cannot be kept" in answer.content.decode()


def test_a_profile_is_changed_used_and_retired(admin):
    client, membership = admin
    first = profile(membership, name="Bank", declaration=SIMPLE)
    ledger = LedgerFactory(organization=membership.organization)
    act(client, first, "use", ledger=ledger.pk)
    act(client, first, "change", declaration=json.dumps({**SIMPLE, "decimal_mark": ","}))
    newest = ImportProfile.objects.current().get()
    assert newest.version == 2
    assert Ledger.objects.get(pk=ledger.pk).import_profile == newest
    act(client, newest, "retire")
    assert ImportProfile.objects.get(pk=newest.pk).retired_at is None  # a ledger uses it
    act(client, newest, "stop", ledger=ledger.pk)
    act(client, newest, "retire")
    assert ImportProfile.objects.get(pk=newest.pk).retired_at is not None


def test_an_older_version_offers_nothing(admin):
    client, membership = admin
    old = profile(membership, name="Bank", replaced_at=NOW)
    answer = client.get(url("change", old.pk))
    assert {offer.against for offer in answer.context["acts"]} == {"It is replaced."}


@pytest.mark.parametrize("role", ["viewer", "operator", "approver"])
def test_who_may_not_write_profiles_sees_them(role):
    client, membership = signed_in(role)
    row = profile(membership)
    assert client.get(url("change", row.pk)).status_code == 200
    assert client.post(url("act", row.pk, "retire")).status_code == 403
    assert client.post(url("list_act", "make"), {}).status_code == 403


def test_another_organizations_profile_or_ledger_does_not_exist(admin):
    client, membership = admin
    theirs = profile(signed_in("admin")[1])
    assert client.get(url("change", theirs.pk)).status_code == 302
    foreign = LedgerFactory()
    act(client, profile(membership), "use", ledger=foreign.pk)
    assert Ledger.objects.get(pk=foreign.pk).import_profile is None
