"""Tenants, members and keys: made, changed, ended, each with its one audit event."""

from datetime import date, timedelta
from functools import partial
from threading import Barrier

import pytest

from organizations.actors import Actor, key_actor, user_actor
from organizations.acts import perform
from organizations.models import ApiKey, AuditEvent, Calendar, Membership, User
from organizations.refusals import Conflict, Forbidden, Invalid, Refusal
from organizations.scopes import KEY_EVERYTHING
from organizations.services import keys, members, people, tenants
from tests.clock import NOW
from tests.factories.organizations import (
    ApiKeyFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    actor_with,
    secret_of,
)
from tests.organizations.threads import run_together

pytestmark = pytest.mark.django_db


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def admin_of(organization):
    return actor_with("admin", organization)


# --- Tenants --------------------------------------------------------------------------------------------------


def test_an_organization_gets_a_short_name_of_its_name():
    made = tenants.organization_create(
        name=" Ärger & Söhne ", time_zone="Europe/Berlin", by="system:test", at=NOW
    )
    assert (made.name, made.slug, made.time_zone) == ("Ärger & Söhne", "arger-sohne", "Europe/Berlin")
    assert actions() == ["organization.created"]


@pytest.mark.parametrize(
    ("input_", "code"),
    [
        ({"name": "  "}, "organization.name"),
        ({"name": "!!!"}, "organization.name"),
        ({"name": "A", "time_zone": "Mars"}, "organization.time_zone"),
    ],
)
def test_an_organization_without_a_name_or_with_no_real_zone_is_refused(input_, code):
    with pytest.raises(Invalid) as caught:
        tenants.organization_create(**input_, by="system:test", at=NOW)
    assert caught.value.code == code


def test_a_short_name_is_taken_once():
    OrganizationFactory(slug="acme")
    with pytest.raises(Conflict):
        tenants.organization_create(name="Acme", by="system:test", at=NOW)


def test_changing_an_organization_keeps_before_and_after():
    organization = OrganizationFactory(name="Old")
    by = admin_of(organization)
    tenants.organization_change(organization=organization, name="New", time_zone="Asia/Tokyo", by=by, at=NOW)
    data = AuditEvent.objects.get().data
    assert (data["before"]["name"], data["after"]["name"]) == ("Old", "New")


def test_a_calendar_is_made_and_changed_by_who_may_change_policies():
    organization = OrganizationFactory()
    by, day = admin_of(organization), date(2026, 12, 25)
    save = partial(tenants.calendar_save, organization_id=organization.pk, at=NOW)
    made = save(name="Germany", country="de", holidays=[day, day], by=by)
    assert (made.country, made.weekend, made.holidays) == ("DE", [6, 7], [day])
    save(calendar=made, name="Bavaria", weekend=[7], by=by)
    assert Calendar.objects.get().weekend == [7]
    assert actions() == ["calendar.created", "calendar.changed"]
    with pytest.raises(Forbidden):
        save(name="Italy", by=actor_with("operator", organization))
    with pytest.raises(Conflict):
        save(name="Bavaria", by=by)
    with pytest.raises(Invalid):
        save(name="Nowhere", weekend=[1, 2, 3, 4, 5, 6, 7], by=by)


# --- Members --------------------------------------------------------------------------------------------------


def test_a_new_user_signs_in_with_their_address_in_lower_case():
    organization = OrganizationFactory()
    user = members.user_create(
        email="Anna@Example.com", password="x", organization_id=organization.pk, by="system:test", at=NOW
    )
    assert (user.username, user.check_password("x")) == ("anna@example.com", True)
    assert members.user_find("ANNA@example.COM") == user
    with pytest.raises(Conflict):
        members.user_create(
            email="anna@EXAMPLE.com", organization_id=organization.pk, by="system:test", at=NOW
        )
    with pytest.raises(Invalid):
        members.user_create(email="anna", organization_id=organization.pk, by="system:test", at=NOW)


def test_a_former_member_is_added_again_in_the_same_row():
    former = MembershipFactory(role="admin", ended_at=NOW)
    by = admin_of(former.organization)
    again = members.member_add(
        organization=former.organization, user=former.user, role="viewer", by=by, at=NOW
    )
    assert (again.pk, again.role, again.is_active) == (former.pk, "viewer", True)
    with pytest.raises(Conflict):
        members.member_add(organization=former.organization, user=former.user, role="viewer", by=by, at=NOW)


def test_a_role_changes_and_the_event_says_from_what():
    membership = MembershipFactory(role="viewer")
    by = admin_of(membership.organization)
    members.member_change_role(membership=membership, role="approver", by=by, at=NOW)
    event = AuditEvent.objects.get()
    assert event.data == {"before": "viewer", "role": "approver"}
    assert f"organizations.user:{membership.user_id}" in event.subjects
    members.member_change_role(membership=membership, role="approver", by=by, at=NOW)
    assert AuditEvent.objects.count() == 1
    with pytest.raises(Invalid):
        members.member_change_role(membership=membership, role="owner", by=by, at=NOW)


def test_ending_a_membership_ends_the_keys_its_member_made():
    membership = MembershipFactory(role="admin")
    own = ApiKeyFactory(organization=membership.organization, made_by=membership)
    other = ApiKeyFactory(organization=membership.organization)
    members.member_end(membership=membership, by=admin_of(membership.organization), at=NOW)
    own.refresh_from_db()
    other.refresh_from_db()
    assert (own.revoked_at, other.revoked_at) == (NOW, None)
    assert AuditEvent.objects.get().data["keys_revoked"] == [own.prefix]


def test_a_key_stays_dead_when_its_maker_comes_back():
    membership = MembershipFactory(role="admin")
    key = ApiKeyFactory(organization=membership.organization, made_by=membership)
    by = admin_of(membership.organization)
    members.member_end(membership=membership, by=by, at=NOW)
    members.member_add(
        organization=membership.organization, user=membership.user, role="admin", by=by, at=NOW
    )
    assert keys.api_key_find(secret_of(key), at=NOW) is None


@pytest.mark.parametrize("act", [members.member_end, partial(members.member_change_role, role="viewer")])
def test_the_last_admin_stays(act):
    membership = MembershipFactory(role="admin")
    by = Actor(
        "user", "0", membership.organization_id, frozenset({"members:manage"})
    )  # an admin a moment ago
    with pytest.raises(Conflict) as caught:
        act(membership=membership, by=by, at=NOW)
    assert caught.value.code == "member.last_admin"


@pytest.mark.django_db(transaction=True)
def test_two_admins_cannot_end_each_other_at_once():
    organization = OrganizationFactory()
    one, other = (MembershipFactory(organization=organization, role="admin") for _ in range(2))
    meet = Barrier(2, timeout=10)

    def end(by, membership):
        actor = user_actor(by.user, by)
        meet.wait()
        return perform(partial(members.member_end, membership=membership, by=actor, at=NOW))

    results = run_together(partial(end, one, other), partial(end, other, one))
    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert Membership.objects.active().filter(organization=organization).count() == 1


@pytest.mark.parametrize("role", ["viewer", "operator", "approver"])
def test_only_admins_manage_members(role):
    membership = MembershipFactory()
    by = actor_with(role, membership.organization)
    for act in (
        partial(members.member_end, membership=membership),
        partial(members.member_change_role, membership=membership, role="viewer"),
        partial(members.member_add, organization=membership.organization, user=UserFactory(), role="viewer"),
    ):
        with pytest.raises(Forbidden):
            act(by=by, at=NOW)


# --- People ---------------------------------------------------------------------------------------------------


def test_people_change_their_own_settings_and_their_name_stays_out_of_the_trail():
    membership = MembershipFactory()
    by = user_actor(membership.user, membership)
    people.settings_change(
        user=membership.user, name="Anna B", time_zone="Asia/Tokyo", locale="en", by=by, at=NOW
    )
    stored = User.objects.get(pk=membership.user_id)
    assert (stored.shown_name, stored.time_zone, stored.locale) == ("Anna B", "Asia/Tokyo", "en")
    assert "Anna" not in str(AuditEvent.objects.get().data)
    for wrong in ({"user": UserFactory()}, {"time_zone": "Mars"}, {"locale": "xx"}):
        with pytest.raises(Invalid):
            people.settings_change(**{"user": stored, "name": "A", "by": by, "at": NOW, **wrong})


def test_an_admin_sets_a_first_password_only_for_people_of_this_one_organization():
    membership = MembershipFactory()
    by = admin_of(membership.organization)
    people.first_password_set(user=membership.user, password="new", by=by, at=NOW)
    assert User.objects.get(pk=membership.user_id).check_password("new")
    MembershipFactory(user=membership.user)
    with pytest.raises(Invalid) as caught:
        people.first_password_set(user=membership.user, password="newer", by=by, at=NOW)
    assert caught.value.code == "user.shared"
    with pytest.raises(Invalid):
        people.first_password_set(user=UserFactory(), password="x", by=by, at=NOW)


# --- Keys -----------------------------------------------------------------------------------------------------


def test_a_key_works_by_its_text_and_only_a_hash_is_kept():
    organization = OrganizationFactory()
    key, text = keys.api_key_create(
        organization_id=organization.pk,
        name=" nightly ",
        scopes=["ledgers:read"],
        by=admin_of(organization),
        at=NOW,
    )
    assert text.startswith(f"tieout_{key.prefix}_")
    assert keys.api_key_find(text, at=NOW) == key
    assert keys.api_key_find(text + "x", at=NOW) is None
    assert keys.api_key_find("", at=NOW) is None
    stored = ApiKey.objects.values().get()
    assert stored["name"] == "nightly"
    assert not any(text in str(value) or text[-48:] in str(value) for value in stored.values())
    assert text not in str(AuditEvent.objects.values().get())


def test_finding_a_key_loads_all_that_an_actor_needs(django_assert_num_queries):
    key = ApiKeyFactory()
    with django_assert_num_queries(1):
        found = keys.api_key_find(secret_of(key), at=NOW)
        assert key_actor(found).scopes == KEY_EVERYTHING
        assert found.organization.name


@pytest.mark.parametrize(
    ("input_", "code"),
    [
        ({"scopes": []}, "api_key.scopes"),
        ({"scopes": ["approvals:decide"]}, "api_key.scopes"),
        ({"scopes": ["keys:manage"]}, "api_key.scopes"),
        ({"scopes": ["everything"]}, "api_key.scopes"),
        ({"name": "  "}, "api_key.name"),
        ({"name": "x" * 121}, "api_key.name"),
        ({"expires_at": NOW}, "api_key.expires_at"),
    ],
)
def test_a_key_with_wrong_scopes_name_or_expiry_is_refused(input_, code):
    organization = OrganizationFactory()
    asked = {"name": "n", "scopes": ["ledgers:read"], **input_}
    with pytest.raises(Invalid) as caught:
        keys.api_key_create(organization_id=organization.pk, **asked, by=admin_of(organization), at=NOW)
    assert caught.value.code == code
    assert not ApiKey.objects.exists()


def test_audit_reading_is_granted_to_a_key_by_name():
    organization = OrganizationFactory()
    key, _ = keys.api_key_create(
        organization_id=organization.pk, name="n", scopes=["audit:read"], by=admin_of(organization), at=NOW
    )
    assert key_actor(ApiKey.objects.select_related("made_by__user").get(pk=key.pk)).scopes == {"audit:read"}


def test_no_key_makes_a_key():
    organization = OrganizationFactory()
    by = key_actor(ApiKeyFactory(organization=organization))
    with pytest.raises(Forbidden):
        keys.api_key_create(organization_id=organization.pk, name="n", scopes=["ledgers:read"], by=by, at=NOW)


def test_an_admin_makes_no_key_for_another_organization():
    with pytest.raises(Forbidden):
        keys.api_key_create(
            organization_id=OrganizationFactory().pk,
            name="n",
            scopes=["ledgers:read"],
            by=actor_with("admin"),
            at=NOW,
        )


def test_revoking_twice_is_one_act():
    key = ApiKeyFactory()
    by = admin_of(key.organization)
    keys.api_key_revoke(key=key, by=by, at=NOW)
    keys.api_key_revoke(key=key, by=by, at=NOW + timedelta(days=1))
    key.refresh_from_db()
    assert key.revoked_at == NOW
    assert actions() == ["api_key.revoked"]
    assert keys.api_key_find(secret_of(key), at=NOW) is None


def test_rotation_overlaps_and_the_new_key_acts_as_who_rotates():
    key = ApiKeyFactory(scopes=["ledgers:read"], expires_at=NOW + timedelta(days=90))
    by = admin_of(key.organization)
    new, text = keys.api_key_rotate(key=key, overlap=timedelta(days=7), by=by, at=NOW)
    key.refresh_from_db()
    assert (new.name, new.scopes, new.expires_at) == (key.name, ["ledgers:read"], NOW + timedelta(days=90))
    assert (new.made_by.user_id, new.replaces_id) == (by.user_id, key.pk)
    assert key.expires_at == NOW + timedelta(days=7)
    for day, usable in [(6, True), (7, False)]:
        assert (keys.api_key_find(secret_of(key), at=NOW + timedelta(days=day)) is not None) == usable
        assert keys.api_key_find(text, at=NOW + timedelta(days=day)) == new


def test_rotation_never_lengthens_a_life():
    key = ApiKeyFactory(expires_at=NOW + timedelta(days=1))
    keys.api_key_rotate(key=key, overlap=timedelta(days=7), by=admin_of(key.organization), at=NOW)
    key.refresh_from_db()
    assert key.expires_at == NOW + timedelta(days=1)


@pytest.mark.parametrize("days", [-1, 31])
def test_the_overlap_is_bounded(days):
    key = ApiKeyFactory()
    with pytest.raises(Invalid):
        keys.api_key_rotate(key=key, overlap=timedelta(days=days), by=admin_of(key.organization), at=NOW)


def test_a_dead_or_rotated_key_is_not_rotated():
    dead = ApiKeyFactory(revoked_at=NOW)
    key = ApiKeyFactory()
    keys.api_key_rotate(key=key, overlap=timedelta(days=7), by=admin_of(key.organization), at=NOW)
    for each in (dead, key):
        with pytest.raises(Refusal):
            keys.api_key_rotate(key=each, overlap=timedelta(0), by=admin_of(each.organization), at=NOW)


def test_use_is_noted_at_most_every_ten_minutes(django_assert_num_queries):
    key = ApiKeyFactory()
    keys.api_key_touch(key, at=NOW)
    key.refresh_from_db()
    assert key.last_used_at == NOW
    with django_assert_num_queries(0):
        keys.api_key_touch(key, at=NOW + timedelta(minutes=9))
    keys.api_key_touch(key, at=NOW + timedelta(minutes=11))
    key.refresh_from_db()
    assert key.last_used_at == NOW + timedelta(minutes=11)
