"""Actors: what they may, and what rows keep of them."""

import pytest

from organizations.actors import key_actor, shown_names, system_actor, user_actor
from organizations.refusals import Forbidden
from organizations.scopes import KEY_NEVER, ROLE_SCOPES
from tests.clock import NOW
from tests.factories.organizations import (
    ApiKeyFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    actor_with,
)

pytestmark = pytest.mark.django_db


def test_a_person_has_the_scopes_of_their_role_there():
    membership = MembershipFactory(role="approver")
    actor = user_actor(membership.user, membership)
    assert actor.scopes == ROLE_SCOPES["approver"]
    assert (actor.ref, actor.organization_id) == (f"user:{membership.user_id}", membership.organization_id)
    assert actor.user_id == membership.user_id


@pytest.mark.parametrize(("ended_at", "is_active"), [(NOW, True), (None, False)])
def test_a_person_whose_membership_or_account_ended_may_nothing(ended_at, is_active):
    membership = MembershipFactory(role="admin", ended_at=ended_at, user__is_active=is_active)
    assert user_actor(membership.user, membership).scopes == frozenset()


def test_a_key_acts_as_its_maker_within_its_grant():
    key = ApiKeyFactory(scopes=["ledgers:read", "ledgers:post"])
    actor = key_actor(key)
    assert actor.scopes == {"ledgers:read", "ledgers:post"}
    assert (actor.kind, actor.ref, actor.user_id) == ("key", f"key:{key.prefix}", key.made_by.user_id)


def test_a_key_of_a_former_member_may_nothing():
    key = ApiKeyFactory(made_by__ended_at=NOW)
    assert key_actor(key).scopes == frozenset()


def test_a_key_loses_what_its_maker_lost():
    key = ApiKeyFactory(scopes=["ledgers:read", "ledgers:post"], made_by__role="viewer")
    assert key_actor(key).scopes == {"ledgers:read"}


def test_a_task_of_ours_approves_nothing():
    actor = system_actor("auto_match", 7)
    assert (actor.ref, actor.organization_id) == ("system:auto_match", 7)
    assert not actor.scopes & KEY_NEVER


def test_requiring_a_scope_refuses_and_names_it():
    actor = actor_with("viewer")
    actor.require("ledgers:read")
    with pytest.raises(Forbidden) as caught:
        actor.require("ledgers:post")
    assert caught.value.details == {"scope": "ledgers:post"}


def test_names_are_shown_in_one_query(django_assert_num_queries):
    organization = OrganizationFactory()
    anna = MembershipFactory(organization=organization, user__first_name="Anna").user
    ben = MembershipFactory(organization=organization, user__username="ben", ended_at=NOW).user
    refs = [f"user:{anna.pk}", f"user:{ben.pk}", "key:ab12cd34", "system:auto_match", ""]
    with django_assert_num_queries(1):
        shown = shown_names(organization.pk, refs)
    assert shown == {
        f"user:{anna.pk}": "user:Anna",
        f"user:{ben.pk}": "user:ben",
        "key:ab12cd34": "key:ab12cd34",
        "system:auto_match": "system:auto_match",
    }


def test_names_of_people_of_other_organizations_are_not_shown():
    stranger = MembershipFactory().user
    nobody = UserFactory()
    refs = [f"user:{stranger.pk}", f"user:{nobody.pk}"]
    assert shown_names(OrganizationFactory().pk, refs) == {ref: ref for ref in refs}
