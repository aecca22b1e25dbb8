"""The site: who gets in, and what surrounds every page."""

import re
from pathlib import Path

import pytest
from django.contrib import admin
from django.template.loader import get_template
from django.test import Client
from django.urls import reverse

from organizations.models import User
from tests.factories.organizations import MembershipFactory, OrganizationFactory, UserFactory
from tests.factories.reconciliation import MatchFactory
from tests.organizations.backoffice.people import browser_of, signed_in

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


def log_in(username: str, password: str = PASSWORD):
    return Client().post(reverse("admin:login"), {"username": username, "password": password})


def test_a_member_signs_in_though_not_staff():
    membership = MembershipFactory(role="viewer")
    response = log_in(membership.user.username)
    assert (response.status_code, response["Location"]) == (302, reverse("admin:index"))


def test_a_member_signs_in_with_their_address_in_any_case():
    user = MembershipFactory(user__email="anna@example.com").user
    assert log_in("Anna@Example.COM").status_code == 302
    assert log_in(user.username.upper()).status_code == 302


def test_somebody_without_a_membership_is_told_so():
    response = log_in(UserFactory(is_staff=True, is_superuser=True).username)
    assert response.status_code == 200
    assert "not a member of any organization" in response.content.decode()


def test_a_wrong_password_gets_nobody_in():
    response = log_in(MembershipFactory().user.username, "wrong")
    assert response.status_code == 200
    assert "_auth_user_id" not in response.client.session


def test_ten_wrong_passwords_lock_the_name_out_for_that_address():
    user = MembershipFactory().user
    for number in range(10):
        log_in(user.username if number % 2 else user.email.upper(), "wrong")
    assert log_in(user.username).status_code == 429


@pytest.mark.parametrize("role", ["viewer", "operator", "approver", "admin"])
def test_the_overview_leads_to_every_page_the_role_may_see(role):
    client, _membership = signed_in(role)
    page = client.get(reverse("admin:index"))
    links = [item["link"] for group in page.context["places"] for item in group["items"]]
    assert reverse("admin:organizations_calendar_changelist") in links
    assert (reverse("admin:organizations_auditevent_changelist") in links) == (role in {"approver", "admin"})
    assert (reverse("admin:organizations_membership_changelist") in links) == (role == "admin")
    assert all(client.get(link).status_code in {200, 302} for link in links)


def test_the_overview_counts_what_waits_here_and_links_to_it():
    client, membership = signed_in("operator")
    MatchFactory(reconciliation__organization=membership.organization, status="suggested")
    MatchFactory(status="suggested")
    cards = {str(card["label"]): card for card in client.get(reverse("admin:index")).context["waiting"]}
    proposals = cards["Proposals to review"]
    assert proposals["count"] == 1
    assert len(client.get(proposals["url"]).context["cl"].result_list) == 1
    assert cards["Open discrepancies"]["count"] == 0


def test_only_who_may_read_the_audit_trail_sees_how_the_background_work_is():
    assert not signed_in("operator")[0].get(reverse("admin:index")).context["parts"]
    names = [part.name for part in signed_in("admin")[0].get(reverse("admin:index")).context["parts"]]
    assert {"broker", "worker", "beat", "jobs", "audit"} <= set(names)


def test_the_schedule_of_the_installation_is_for_superusers_who_are_members():
    url = reverse("admin:django_celery_beat_periodictask_changelist")
    assert signed_in("admin")[0].get(url).status_code == 403
    superuser = MembershipFactory(role="viewer", user__is_superuser=True, user__is_staff=True)
    client = browser_of(superuser)
    assert client.get(url).status_code == 200
    page = client.get(reverse("admin:django_celery_beat_periodictask_add")).content.decode()
    assert "organizations.tasks.seal_audit" in page
    assert not re.findall(r"<script(?![^>]*\bsrc=)", page)


def test_nothing_loads_from_outside_and_no_script_stands_in_the_page():
    client, membership = signed_in()
    urls = [
        reverse("admin:index"),
        reverse("admin:organizations_membership_changelist"),
        reverse("admin:organizations_membership_change", args=[membership.pk]),
        reverse("admin:organizations_apikey_list_act", args=["make"]),
        reverse("admin:personal_settings"),
    ]
    for url in urls:
        page = client.get(url).content.decode()
        assert 'src="http' not in page
        assert 'href="http' not in page
        assert not re.findall(r"<script(?![^>]*\bsrc=)", page)


def test_the_header_names_the_organization_and_offers_the_others():
    here = MembershipFactory(organization=OrganizationFactory(name="A & B"))
    page = browser_of(here).get(reverse("admin:index")).content.decode()
    assert "A &amp; B" in page
    assert reverse("admin:switch_organization") not in page
    MembershipFactory(user=here.user, organization=OrganizationFactory(name="Other <b>"))
    page = browser_of(here).get(reverse("admin:index")).content.decode()
    assert reverse("admin:switch_organization") in page
    assert "Other &lt;b&gt;" in page


def test_people_see_times_in_their_zone_else_in_the_organizations():
    membership = MembershipFactory(
        role="admin",
        organization__time_zone="Asia/Tokyo",
        created_at="2026-03-31T09:00Z",
    )
    client = browser_of(membership)
    url = reverse("admin:organizations_membership_changelist")
    assert "2026-03-31 18:00" in client.get(url).content.decode()
    User.objects.filter(pk=membership.user_id).update(time_zone="America/New_York")
    assert "2026-03-31 05:00" in client.get(url).content.decode()


def test_people_change_their_own_settings():
    client, membership = signed_in("viewer")
    url = reverse("admin:personal_settings")
    assert client.get(url).status_code == 200
    response = client.post(url, {"name": "Anna", "time_zone": "Europe/Berlin", "locale": ""})
    assert response.status_code == 302
    user = User.objects.get(pk=membership.user_id)
    assert (user.shown_name, user.time_zone) == ("Anna", "Europe/Berlin")
    assert client.post(url, {"name": "Anna", "time_zone": "Mars"}).status_code == 200
    assert User.objects.get(pk=membership.user_id).time_zone == "Europe/Berlin"


INCLUDE = re.compile(r"{% include \"([^\"]+)\"")


def whole_source(name: str) -> str:
    """A template's text with that of all it includes."""
    source = Path(get_template(name).origin.name).read_text()
    return source + "".join(whole_source(part) for part in INCLUDE.findall(source))


def test_no_page_of_a_row_has_a_form_inside_its_form():
    """A browser drops the inner form's tag, and its buttons send the outer one."""
    inside = {
        (type(model_admin).__name__, name)
        for model_admin in admin.site._registry.values()
        for where in ("change_form_before_template", "change_form_after_template")
        if (name := getattr(model_admin, where)) and "<form" in whole_source(name)
    }
    assert inside == set()
