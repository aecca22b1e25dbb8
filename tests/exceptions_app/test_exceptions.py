"""Exceptions in bulk, each by itself; and two people who open the same pair at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection

from exceptions_app.models import ReconciliationException
from exceptions_app.services.assignees import exceptions_assign
from exceptions_app.services.exceptions import exception_create, exceptions_change_status
from organizations.acts import perform
from organizations.models import AuditEvent, Organization
from organizations.refusals import Invalid
from tests.clock import NOW
from tests.factories.exceptions_app import AssigneeFactory, ReconciliationExceptionFactory
from tests.factories.organizations import MembershipFactory, OrganizationFactory, actor_with
from tests.factories.rules import ReconciliationFactory, ReconciliationStreamFactory


@pytest.fixture
def by(db):
    return actor_with("operator")


def exceptions(by, count: int, **more) -> list[ReconciliationException]:
    organization = Organization.objects.get(pk=by.organization_id)
    made = ReconciliationFactory(ledger=None, organization=organization, kind="streams")
    return ReconciliationExceptionFactory.create_batch(count, reconciliation=made, **more)


def change(by, ids, status: str):
    return exceptions_change_status(
        organization_id=by.organization_id, exception_ids=ids, status=status, by=by, at=NOW
    )


def test_each_of_many_is_changed_by_itself_in_the_order_asked(by):
    first, second = exceptions(by, 2)
    twin = ReconciliationExceptionFactory(
        reconciliation=first.reconciliation, stream=first.stream, status="dismissed", closed_at=NOW
    )
    theirs = ReconciliationExceptionFactory()
    asked = [second.pk, theirs.pk, twin.pk, second.pk, first.pk]
    results = change(by, asked, "investigating")
    assert [each.exception_id for each in results] == [second.pk, theirs.pk, twin.pk, first.pk]
    reasons = [each.refusal.code if each.refusal else None for each in results]
    assert reasons == [None, "exception.not_found", "exception.active", None]
    statuses = ReconciliationException.objects.order_by("pk").values_list("status", flat=True)
    assert list(statuses) == ["investigating", "investigating", "dismissed", "open"]
    assert AuditEvent.objects.filter(action="exception.investigating").count() == 2


def test_of_too_many_none_is_changed(by):
    with pytest.raises(Invalid) as refused:
        change(by, list(range(1, 1_002)), "resolved")
    assert refused.value.code == "exceptions.too_many"


def test_many_are_given_to_people_beside_or_in_place_of_others(by):
    rows = exceptions(by, 2)
    here = {"organization_id": by.organization_id}
    organization = Organization.objects.get(pk=by.organization_id)
    anna, ben = (MembershipFactory(organization=organization).user for _place in range(2))
    AssigneeFactory(exception=rows[0], user=anna)
    assign = partial(exceptions_assign, **here, exception_ids=[row.pk for row in rows], by=by, at=NOW)
    assert not [each.refusal for each in assign(assignee_ids=[ben.pk]) if each.refusal]
    owners = [list(row.assignments.order_by("pk").values_list("user_id", flat=True)) for row in rows]
    assert owners == [[anna.pk, ben.pk], [ben.pk]]
    assign(assignee_ids=[anna.pk], replace=True)
    assert [list(row.assignments.values_list("user_id", flat=True)) for row in rows] == [[anna.pk]] * 2
    stranger = MembershipFactory().user
    refused = assign(assignee_ids=[stranger.pk])
    assert [each.refusal.code for each in refused if each.refusal] == ["exception.invalid"] * 2


@pytest.mark.django_db(transaction=True)
def test_of_people_who_open_the_same_pair_at_once_one_does():
    organization = OrganizationFactory()
    made = ReconciliationFactory(ledger=None, organization=organization, kind="streams")
    stream = ReconciliationStreamFactory(reconciliation=made).stream
    people = [actor_with("operator", organization=organization) for _place in range(4)]

    def open_(by) -> str:
        named = {"reconciliation_id": made.pk, "stream_id": stream.pk}
        try:
            perform(partial(exception_create, organization_id=organization.pk, **named, by=by, at=NOW))
        except Invalid as refusal:
            return refusal.code
        finally:
            connection.close()
        return "opened"

    with ThreadPoolExecutor(4) as pool:
        told = sorted(pool.map(open_, people))
    assert told == ["exception.active"] * 3 + ["opened"]
    assert ReconciliationException.objects.active().count() == 1
