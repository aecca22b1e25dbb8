"""Walks every page of the back office: rows of one organization never reach people of another."""

import importlib
import io
import zipfile
from typing import Any

import factory
import pytest
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from django.test import RequestFactory
from django.urls import reverse

from config.admin_site import INSTALLATION_APPS
from organizations.backoffice.base import ScopedModelAdmin
from organizations.backoffice.scoping import organization_path_of, rows_of
from organizations.models import ApiKey, Heartbeat, Membership, Organization, User
from organizations.scopes import ALL_SCOPES, ROLE_SCOPES
from tests.factories.organizations import (
    CalendarFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.organizations.backoffice.people import browser_of, signed_in

pytestmark = pytest.mark.django_db

PAGES = {model: page for model, page in admin.site._registry.items() if isinstance(page, ScopedModelAdmin)}
every_page = pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)


def made_in(model: type[Model], organization: Organization) -> Any:
    """A row of that model in that organization, by its factory and the page's own path."""
    if model is Organization:
        return organization
    factories = vars(importlib.import_module(f"tests.factories.{model._meta.app_label}")).values()
    found = [each for each in factories if isinstance(each, factory.base.FactoryMetaClass)]
    maker = next(each for each in found if each._meta.model is model)
    return maker(**{PAGES[model].organization_path: organization})


def url_of(model: type[Model], name: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def test_every_page_is_scoped_or_of_the_installation():
    others = [model for model in admin.site._registry if model not in PAGES]
    assert {model._meta.app_label for model in others} <= INSTALLATION_APPS
    assert PAGES


@every_page
def test_a_page_names_scopes_that_exist(model):
    page = PAGES[model]
    assert page.view_scope in ALL_SCOPES
    assert {page.add_scope, page.change_scope} <= ALL_SCOPES | {""}
    for inline in page.inlines:
        assert inline.view_scope in ALL_SCOPES, f"nobody would see {inline.__name__}"


@every_page
def test_a_list_shows_rows_of_the_chosen_organization_only(model):
    client, membership = signed_in("admin")
    own, foreign = made_in(model, membership.organization), made_in(model, OrganizationFactory())
    request = RequestFactory().get("/admin/")
    request.user, request.session = membership.user, client.session
    page = PAGES[model]
    rows = page.get_queryset(request)
    assert not rows.exclude(**{page.organization_path: membership.organization_id}).exists()
    assert not rows.filter(pk=foreign.pk).exists()
    if (
        model._meta.app_label == "organizations"
    ):  # other floors' pages may narrow further: entries only, items only
        assert rows.filter(pk=own.pk).exists()


@every_page
@pytest.mark.parametrize("name", ["change", "delete", "history"])
def test_a_foreign_id_is_answered_as_one_that_does_not_exist(model, name):
    client, _membership = signed_in("admin")
    foreign = made_in(model, OrganizationFactory())
    unknown = 987_654_321 if isinstance(foreign.pk, int) else "01890000-0000-7000-8000-000000000000"
    answers = []
    for pk in (foreign.pk, unknown):
        response = client.get(url_of(model, name, pk))
        told = [str(message).replace(str(pk), "#") for message in response.wsgi_request._messages][-1:]
        answers.append((response.status_code, response.headers.get("Location"), told))
    assert answers[0] == answers[1]
    assert answers[0][0] in {302, 404}


@every_page
def test_a_foreign_id_takes_part_in_no_act(model):
    """The row is looked for first, so the name of the act does not matter: it is never reached."""
    client, _membership = signed_in("admin")
    foreign = made_in(model, OrganizationFactory())
    for send in (client.get, client.post):
        response = send(url_of(model, "act", foreign.pk, "any"))
        assert (response.status_code, response.headers["Location"]) == (302, reverse("admin:index"))


@every_page
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_ticked_foreign_rows_are_not_exported(model, kind):
    client, _membership = signed_in("admin")
    foreign = made_in(model, OrganizationFactory())
    data = {"action": f"export_{kind}", "_selected_action": [str(foreign.pk)]}
    response = client.post(url_of(model, "changelist"), data)
    if model is Organization:
        assert response.status_code == 302  # its list leads to the one page
        return
    content = b"".join(response.streaming_content)
    response.close()
    if kind == "csv":
        assert content.count(b"\r\n") == 1  # the titles alone
    else:
        sheet = zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml")
        assert sheet.count(b"<row ") == 1


@every_page
def test_nobody_without_the_scope_sees_the_page(model):
    seen = False
    for role, scopes in ROLE_SCOPES.items():
        client, membership = signed_in(role)
        row = made_in(model, membership.organization)
        urls = [url_of(model, "changelist"), url_of(model, "change", row.pk), url_of(model, "export", "csv")]
        if PAGES[model].view_scope not in scopes:
            assert [client.get(url).status_code for url in urls] == [403] * 3, role
        elif not seen:  # pages are slow to draw: the first role that may see it stands for the others
            assert {client.get(url).status_code for url in urls} <= {200, 302}, role
            seen = True
    assert seen


def test_a_choice_of_another_organization_is_not_taken():
    client, membership = signed_in("admin")
    foreign = {"organization": str(OrganizationFactory().uuid)}
    response = client.post(reverse("admin:switch_organization"), foreign, follow=True)
    assert "There is no such organization among yours." in response.content.decode()
    page = client.get(reverse("admin:organizations_membership_changelist"))
    assert [row.pk for row in page.context["cl"].result_list] == [membership.pk]


def test_people_switch_between_their_organizations_with_the_role_of_each():
    here = MembershipFactory(organization=OrganizationFactory(name="A"), role="admin")
    there = MembershipFactory(user=here.user, organization=OrganizationFactory(name="B"), role="viewer")
    CalendarFactory(organization=here.organization, name="Here")
    CalendarFactory(organization=there.organization, name="There")
    client, url = browser_of(here), reverse("admin:organizations_calendar_changelist")
    assert [str(row) for row in client.get(url).context["cl"].result_list] == ["Here"]
    client.post(reverse("admin:switch_organization"), {"organization": str(there.organization.uuid)})
    page = client.get(url)
    assert [str(row) for row in page.context["cl"].result_list] == ["There"]
    assert not page.context["has_add_permission"]
    assert client.get(reverse("admin:organizations_membership_changelist")).status_code == 403


def test_a_choice_ends_with_its_membership(django_assert_num_queries):
    here = MembershipFactory(organization=OrganizationFactory(name="B"), role="admin")
    there = MembershipFactory(user=here.user, organization=OrganizationFactory(name="A"), role="admin")
    client = browser_of(here)
    client.post(reverse("admin:switch_organization"), {"organization": str(here.organization.uuid)})
    Membership.objects.filter(pk=here.pk).update(ended_at="2026-03-31T00:00Z")
    page = client.get(reverse("admin:index"))
    assert page.context["current_membership"] == there


def test_the_switch_takes_only_a_post_with_a_token():
    client, membership = signed_in("admin")
    url = reverse("admin:switch_organization")
    assert client.get(url).status_code == 405
    client.handler.enforce_csrf_checks = True
    assert client.post(url, {"organization": str(membership.organization.uuid)}).status_code == 403


def test_choices_of_a_filter_are_of_the_chosen_organization():
    client, membership = signed_in("admin")
    stranger = MembershipFactory(role="admin", user__username="stranger")
    page = client.get(reverse("admin:organizations_apikey_changelist")).content.decode()
    assert membership.user.username in page
    assert stranger.user.username not in page


def test_autocomplete_offers_rows_of_the_chosen_organization_to_who_may_see_them():
    client, membership = signed_in("admin")
    MembershipFactory(role="admin")
    asked = {"app_label": "organizations", "model_name": "apikey", "field_name": "made_by", "term": ""}
    found = client.get(reverse("admin:autocomplete"), asked).json()["results"]
    assert [row["id"] for row in found] == [str(membership.pk)]
    viewer, _membership = signed_in("viewer", membership.organization)
    assert viewer.get(reverse("admin:autocomplete"), asked).status_code == 403


def test_choices_of_a_form_are_of_the_chosen_organization():
    client, membership = signed_in("admin")
    MembershipFactory()
    request = RequestFactory().get("/admin/")
    request.user, request.session = membership.user, client.session
    field = ApiKey._meta.get_field("made_by")
    assert list(PAGES[ApiKey].formfield_for_foreignkey(field, request).queryset) == [membership]


def test_a_model_without_a_way_to_its_organization_gets_no_choices():
    with pytest.raises(ImproperlyConfigured):
        organization_path_of(Heartbeat, admin.site)


def test_users_are_those_who_are_members_here():
    client, membership = signed_in("admin")
    MembershipFactory()
    UserFactory()
    request = RequestFactory().get("/admin/")
    request.user, request.session = membership.user, client.session
    assert list(rows_of(User, request, admin.site)) == [membership.user]
    assert list(rows_of(Organization, request, admin.site)) == [membership.organization]


def test_somebody_without_a_membership_sees_nothing_and_gets_nowhere():
    client = browser_of(MembershipFactory(ended_at="2026-03-31T00:00Z"))
    response = client.get(reverse("admin:organizations_membership_changelist"))
    assert response.status_code == 302
    assert reverse("admin:login") in response["Location"]


def test_superusers_are_not_above_organizations():
    user = UserFactory(is_superuser=True, is_staff=True)
    client = browser_of(MembershipFactory(user=user, role="viewer"))
    assert client.get(reverse("admin:organizations_membership_changelist")).status_code == 403
    foreign = CalendarFactory()
    assert client.get(url_of(type(foreign), "change", foreign.pk)).status_code == 302
