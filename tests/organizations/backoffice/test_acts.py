"""Declared acts: offered, asked, run through `perform`, refused with words; and the pages of members, keys, calendars."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.urls import reverse

from organizations.actors import user_actor
from organizations.acts import perform
from organizations.admin.calendars import CalendarAdmin
from organizations.backoffice.acts import Act, Done, run_act, run_acts, sentence_of
from organizations.models import ApiKey, AuditEvent, Calendar, Membership, Organization, User
from organizations.refusals import Conflict, Invalid
from organizations.services import keys
from tests.clock import NOW
from tests.factories.organizations import ApiKeyFactory, CalendarFactory, MembershipFactory
from tests.organizations.backoffice.people import signed_in

pytestmark = pytest.mark.django_db


def act_url(row, name: str) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_act", args=[row.pk, name])


def change_url(row) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def secret_in(response) -> str:
    return re.findall(r'class="tieout-secret"[^>]*>([^<]+)<', response.content.decode())[0]


# --- Members ----------------------------------------------------------------------------------------------------


def test_a_new_member_gets_a_first_password_shown_once():
    client, membership = signed_in()
    url = reverse("admin:organizations_membership_list_act", args=["add-member"])
    assert "first password" in client.get(url).content.decode()
    response = client.post(url, {"email": "new@example.com", "name": "New", "role": "viewer"})
    made = Membership.objects.get(user__email="new@example.com")
    assert made.organization == membership.organization
    assert made.user.check_password(secret_in(response))
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == [
        "user.created",
        "member.added",
    ]


def test_a_known_person_becomes_a_member_without_a_password():
    client, membership = signed_in()
    known = MembershipFactory().user
    url = reverse("admin:organizations_membership_list_act", args=["add-member"])
    response = client.post(url, {"email": known.email.upper(), "role": "operator"})
    assert response.status_code == 302
    assert Membership.objects.get(organization=membership.organization, user=known).role == "operator"


def test_a_form_that_is_not_filled_changes_nothing():
    client, _membership = signed_in()
    url = reverse("admin:organizations_membership_list_act", args=["add-member"])
    assert client.post(url, {"email": "no address", "role": "owner"}).status_code == 200
    assert Membership.objects.count() == 1


def test_a_role_is_changed_and_the_history_says_so():
    client, membership = signed_in()
    other = MembershipFactory(organization=membership.organization, role="viewer")
    assert client.get(act_url(other, "change-role")).status_code == 200
    assert client.post(act_url(other, "change-role"), {"role": "approver"}).status_code == 302
    page = client.get(change_url(other))
    assert "as Approver" in page.content.decode()
    assert page.context["history"][0].what == "member role changed"
    assert page.context["history"][0].who == membership.user.shown_name


def test_a_refusal_is_told_and_the_question_stays():
    client, membership = signed_in()
    response = client.post(act_url(membership, "end"))
    assert response.status_code == 200
    assert "last admin" in told(response)[0]
    assert Membership.objects.get().is_active


def test_looking_at_an_act_never_runs_it():
    client, membership = signed_in()
    other = MembershipFactory(organization=membership.organization)
    for name in ("end", "reset-password", "change-role"):
        client.get(act_url(other, name))
    assert not AuditEvent.objects.exists()


def test_an_act_that_cannot_be_done_now_is_greyed_with_its_reason_and_refused():
    client, membership = signed_in()
    ended = MembershipFactory(organization=membership.organization, ended_at=NOW)
    page = client.get(change_url(ended)).content.decode()
    assert page.count("disabled") >= 3
    assert "This membership has ended." in page
    response = client.post(act_url(ended, "change-role"), {"role": "admin"})
    assert told(response) == ["This membership has ended."]
    assert Membership.objects.get(pk=ended.pk).role == "operator"


def test_an_act_needs_a_token():
    client, membership = signed_in()
    other = MembershipFactory(organization=membership.organization)
    client.handler.enforce_csrf_checks = True
    assert client.post(act_url(other, "end")).status_code == 403
    assert Membership.objects.get(pk=other.pk).is_active


def test_a_first_password_is_set_only_for_people_of_this_organization_alone():
    client, membership = signed_in()
    other = MembershipFactory(organization=membership.organization)
    response = client.post(act_url(other, "reset-password"))
    assert User.objects.get(pk=other.user_id).check_password(secret_in(response))
    MembershipFactory(user=other.user)
    assert "only they can change it" in client.get(change_url(other)).content.decode()
    assert client.post(act_url(other, "reset-password")).status_code == 302


def test_an_unknown_act_does_not_exist():
    client, membership = signed_in()
    assert client.post(act_url(membership, "promote")).status_code == 404
    assert (
        client.post(reverse("admin:organizations_membership_list_act", args=["nothing"])).status_code == 404
    )


def test_an_act_beyond_ones_role_is_greyed_and_refused(monkeypatch):
    """The page may be seen, the act may not be done: here an act of admins on a page of viewers."""
    ran = []
    act = Act("close", "Close it", lambda **who: ran.append(who), "policies:write")
    monkeypatch.setattr(CalendarAdmin, "acts", lambda self, request, obj: [act])
    client, membership = signed_in("viewer")
    calendar = CalendarFactory(organization=membership.organization)
    assert "Your role does not allow this." in client.get(change_url(calendar)).content.decode()
    assert client.post(act_url(calendar, "close")).status_code == 403
    assert not ran
    admin, _ = signed_in("admin", membership.organization)
    assert admin.post(act_url(calendar, "close")).status_code == 302
    assert ran[0]["by"].may("policies:write")


# --- Keys -------------------------------------------------------------------------------------------------------


def test_a_key_is_made_and_its_text_shown_once():
    client, membership = signed_in()
    url = reverse("admin:organizations_apikey_list_act", args=["make"])
    response = client.post(url, {"name": "nightly", "scopes": ["ledgers:read"], "expires_at": ""})
    key = ApiKey.objects.get()
    text = secret_in(response)
    assert keys.api_key_find(text, at=NOW) == key
    assert (key.made_by, key.scopes) == (membership, ["ledgers:read"])
    for url in (change_url(key), reverse("admin:organizations_apikey_changelist")):
        assert text not in client.get(url).content.decode()


def test_a_key_is_rotated_and_revoked():
    client, membership = signed_in()
    key = ApiKeyFactory(organization=membership.organization)
    response = client.post(act_url(key, "rotate"), {"days": "7"})
    new = ApiKey.objects.get(replaces=key)
    assert secret_in(response).startswith(f"tieout_{new.prefix}_")
    assert "It was rotated already" in client.get(change_url(key)).content.decode()
    client.post(act_url(new, "revoke"))
    assert ApiKey.objects.get(pk=new.pk).revoked_at is not None
    assert "It is revoked already." in client.get(change_url(new)).content.decode()


def test_hashes_of_keys_are_neither_shown_nor_searched():
    client, membership = signed_in()
    key = ApiKeyFactory(organization=membership.organization)
    assert key.secret_hash not in client.get(change_url(key)).content.decode()
    response = client.get(
        reverse("admin:organizations_apikey_changelist"), {"secret_hash__startswith": key.secret_hash[:2]}
    )
    assert response.status_code in {302, 400}


# --- Forms of rows ----------------------------------------------------------------------------------------------


def test_a_new_calendar_begins_with_the_usual_weekend():
    client, _membership = signed_in()
    page = client.get(reverse("admin:organizations_calendar_add")).content.decode()
    ticked = re.findall(r'name="weekend" value="(\d)"[^>]*\schecked(?=[\s>])', page)
    assert ticked == ["6", "7"]


def test_a_calendar_is_added_and_changed_by_its_service_without_djangos_log():
    client, membership = signed_in()
    url = reverse("admin:organizations_calendar_add")
    data = {"name": "Germany", "country": "DE", "weekend": ["6", "7"], "holidays": "2026-12-25,2026-12-26"}
    assert client.post(url, data).status_code == 302
    calendar = Calendar.objects.get()
    assert (calendar.organization, len(calendar.holidays)) == (membership.organization, 2)
    assert client.post(change_url(calendar), {**data, "name": "Bavaria"}).status_code == 302
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == [
        "calendar.created",
        "calendar.changed",
    ]
    assert not LogEntry.objects.exists()


def test_a_refused_form_keeps_what_was_typed_and_says_why():
    client, membership = signed_in()
    CalendarFactory(organization=membership.organization, name="Germany")
    data = {"name": "Germany", "country": "AT", "weekend": ["7"], "holidays": ""}
    response = client.post(reverse("admin:organizations_calendar_add"), data)
    page = response.content.decode()
    assert response.status_code == 200
    assert "There is a calendar called Germany already." in page
    assert 'value="AT"' in page
    assert Calendar.objects.count() == 1


def test_a_form_of_a_role_that_may_only_look_cannot_be_sent():
    client, membership = signed_in("viewer")
    calendar = CalendarFactory(organization=membership.organization)
    assert client.get(change_url(calendar)).status_code == 200
    assert client.post(change_url(calendar), {"name": "x"}).status_code == 403
    assert client.get(reverse("admin:organizations_calendar_add")).status_code == 403


def test_the_organization_page_keeps_before_and_after():
    client, membership = signed_in()
    own = membership.organization
    assert client.get(reverse("admin:organizations_organization_changelist"))["Location"] == change_url(own)
    client.post(change_url(own), {"name": "New name", "time_zone": "Asia/Tokyo"})
    assert Organization.objects.get().name == "New name"
    event = AuditEvent.objects.get()
    assert (event.data["before"]["name"], event.data["after"]["name"]) == (own.name, "New name")
    assert (
        "is no time zone" in client.post(change_url(own), {"name": "x", "time_zone": "Mars"}).content.decode()
    )


@pytest.mark.django_db(transaction=True)
def test_forms_and_acts_work_outside_a_tests_transaction_too():
    """`perform` refuses to be nested: a form's or act's view must open no transaction of its own around it."""
    client, membership = signed_in()
    data = {"name": "Germany", "country": "DE", "weekend": ["6"], "holidays": ""}
    assert client.post(reverse("admin:organizations_calendar_add"), data).status_code == 302
    assert client.post(change_url(Calendar.objects.get()), {**data, "name": "B"}).status_code == 302
    other = MembershipFactory(organization=membership.organization)
    assert client.post(act_url(other, "end")).status_code == 302
    assert AuditEvent.objects.count() == 3


# --- Running ------------------------------------------------------------------------------------------------------


def request_of(client):
    return client.get(reverse("admin:index")).wsgi_request


def refuse(text: str):
    raise Conflict(text, issues=[{"path": ["items", 0], "message": "taken"}])


def test_one_act_tells_its_success_or_its_refusal():
    request = request_of(signed_in()[0])
    assert run_act(request, lambda: 7, lambda value: f"Got {value}.") == Done(True, 7)
    done = run_act(request, lambda: refuse("No."))
    assert (bool(done), done.refusal.message) == (False, "No.")
    assert [str(message) for message in get_messages(request)] == ["Got 7.", "No. (items.0: taken)"]


def test_many_acts_are_run_each_on_its_own():
    request = request_of(signed_in()[0])
    acts = [("one", lambda: 1), *((f"r{n}", lambda: refuse("No.")) for n in range(12)), ("two", lambda: 2)]
    results = run_acts(request, acts)
    assert [result.ok for result in results] == [True, *[False] * 12, True]
    said = [str(message) for message in get_messages(request)]
    assert (said[0], len(said), said[-1]) == ("2 done.", 12, "2 more were refused.")


def test_a_refusal_without_issues_is_its_message():
    assert sentence_of(Conflict("Taken.")) == "Taken."


def test_an_issue_that_the_message_tells_is_not_told_twice():
    issues = [{"path": ["key"], "message": "Taken."}, {"path": ["name"], "message": "Too long."}]
    assert sentence_of(Invalid("key: Taken.", issues=issues[:1])) == "key: Taken."
    assert sentence_of(Invalid("Taken.", issues=issues[:1])) == "Taken."
    assert sentence_of(Invalid("Line 2: Taken.", issues=issues[:1])) == "Line 2: Taken. (key: Taken.)"
    assert sentence_of(Invalid("key: Taken.", issues=issues)) == "key: Taken. (name: Too long.)"


# --- The audit trail --------------------------------------------------------------------------------------------


def test_the_trail_is_read_only_searched_and_verified():
    client, membership = signed_in()
    perform(
        lambda: keys.api_key_revoke(
            key=ApiKeyFactory(organization=membership.organization),
            by=user_actor(membership.user, membership),
            at=NOW,
        )
    )
    event = AuditEvent.objects.get()
    url = reverse("admin:organizations_auditevent_changelist")
    assert [row.pk for row in client.get(url, {"q": "revoked"}).context["cl"].result_list] == [event.pk]
    assert not client.get(url, {"q": "nothing like it"}).context["cl"].result_list
    assert [row.pk for row in client.get(url, {"kind": "api_key"}).context["cl"].result_list] == [event.pk]
    assert membership.user.shown_name in client.get(change_url(event)).content.decode()
    assert client.post(change_url(event), {"action": "x"}).status_code == 403
    verdict = client.post(reverse("admin:organizations_auditevent_list_act", args=["verify"]))
    assert "The chain holds." in verdict.content.decode()
    assert AuditEvent.objects.count() == 1
