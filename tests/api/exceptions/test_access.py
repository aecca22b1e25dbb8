"""Which exceptions there are for whom: deleted ones, other organizations', and who may read and write."""

from __future__ import annotations

import pytest

from tests.api.callers import client_with_key, without_correlation
from tests.api.exceptions.conftest import EXCEPTIONS, UNKNOWN, listed
from tests.clock import NOW
from tests.factories.exceptions_app import (
    AssigneeFactory,
    CommentFactory,
    InvestigationFactory,
    ReconciliationExceptionFactory,
)
from tests.factories.ledgers import DataStreamFactory
from tests.factories.organizations import ApiKeyFactory, UserFactory

pytestmark = pytest.mark.django_db


# --- gone with what it stands on -------------------------------------------------------------------------------------------


def test_deleted_it_is_gone_and_may_be_made_anew(desk):
    made = desk.open()
    desk.delete(f"{EXCEPTIONS}/{made['id']}")
    assert listed(desk) == []
    for ask in (desk.get, desk.delete):
        assert ask(f"{EXCEPTIONS}/{made['id']}", expect=404)["reason"] == "exception.not_found"
    desk.change(made["id"], expect=404, status="open")
    assert desk.open()["id"] != made["id"]


@pytest.mark.parametrize("gone", ["reconciliation", "stream"])
def test_of_a_deleted_reconciliation_or_stream_there_is_none(desk, gone):
    made = desk.open()
    row = desk.reconciliation if gone == "reconciliation" else desk.a
    row.voided_at, row.voided_by = NOW, "system:test"
    row.save()
    assert listed(desk) == []
    desk.get(f"{EXCEPTIONS}/{made['id']}", expect=404)
    desk.change(made["id"], expect=404, title="x")
    desk.post(f"{EXCEPTIONS}/{made['id']}/comments", {"body": "x"}, expect=404)


@pytest.mark.parametrize("tail", ["", "/records", "/history"])
def test_another_organizations_answers_as_one_that_is_not_there(desk, tail):
    theirs = ReconciliationExceptionFactory()
    answers = [
        without_correlation(desk.client.get(f"{EXCEPTIONS}/{pk}{tail}"))
        for pk in (theirs.pk, UNKNOWN, "x", "1.5")
    ]
    assert answers[0][0] == 404
    assert answers.count(answers[0]) == len(answers)


# --- who may ---------------------------------------------------------------------------------------------------------------


def test_reading_and_writing_are_two_permissions(desk, organization):
    made = desk.open()
    reader = client_with_key(ApiKeyFactory(organization=organization, scopes=["exceptions:read"]))
    one = f"{EXCEPTIONS}/{made['id']}"
    assert reader.get(EXCEPTIONS).status_code == reader.get(one).status_code == 200
    refused = [
        reader.post(EXCEPTIONS, {}, format="json"),
        reader.patch(one, {"status": "open"}, format="json"),
        reader.delete(one),
        reader.post(f"{one}/comments", {"body": "x"}, format="json"),
    ]
    assert {answer.status_code for answer in refused} == {403}
    assert refused[0].json()["details"] == {"scope": "exceptions:write"}


def test_a_person_in_the_admin_may_too(desk, operator):
    assert operator.get(EXCEPTIONS).status_code == 200


def test_a_page_takes_as_many_queries_as_one_row(desk, django_assert_num_queries):
    streams = DataStreamFactory.create_batch(10, organization=desk.a.organization)
    for stream in streams:
        row = ReconciliationExceptionFactory(reconciliation=desk.reconciliation, stream=stream)
        CommentFactory(exception=row).mentions.add(UserFactory())
        AssigneeFactory(exception=row)
        InvestigationFactory(exception=row)
    desk.get(EXCEPTIONS)
    for limit in (1, 10):
        with django_assert_num_queries(7):
            assert len(desk.get(EXCEPTIONS, limit=limit)["data"]) == limit
