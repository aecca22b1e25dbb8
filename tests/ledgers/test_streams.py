"""Streams that programs fill: made and renamed."""

from __future__ import annotations

from functools import partial

import pytest

from ledgers.models import DataStream
from ledgers.services.streams import data_stream_change, data_stream_create
from organizations.acts import perform
from organizations.models import AuditEvent, Organization
from organizations.refusals import Conflict, Invalid
from tests.clock import NOW
from tests.factories.ledgers import DataStreamFactory, LedgerFactory
from tests.factories.organizations import actor_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def by():
    return actor_with("admin")


def create(by, **facts) -> DataStream:
    given = {"key": "card_acquirer", "name": "Card acquirer", **facts}
    return perform(partial(data_stream_create, organization_id=by.organization_id, **given, by=by, at=NOW))


def test_a_stream_is_made_empty_and_of_kind_api(by):
    made = create(by, description="Payouts")
    assert (made.kind, made.key, made.name, made.description) == (
        "api",
        "card_acquirer",
        "Card acquirer",
        "Payouts",
    )
    assert AuditEvent.objects.get().action == "stream.created"


@pytest.mark.parametrize("key", ["", "a b", "a/b", "é", "x" * 129, "a\n"[:2] + "b"])
def test_a_key_is_a_word_that_fits_a_path(by, key):
    with pytest.raises(Invalid) as refused:
        create(by, key=key)
    assert refused.value.issues[0]["path"] == ["key"]


def test_a_key_is_taken_once_per_organization(by):
    create(by)
    with pytest.raises(Invalid) as refused:
        create(by)
    assert refused.value.code == "stream.key_taken"
    assert create(actor_with("admin"))


@pytest.mark.parametrize("name", ["", " ", "x" * 256])
def test_a_stream_has_a_name(by, name):
    with pytest.raises(Invalid):
        create(by, name=name)


def test_its_name_changes_and_its_key_does_not(by):
    made = create(by)
    act = partial(data_stream_change, stream=made, name="Acquirer", by=by, at=NOW)
    assert perform(act).name == "Acquirer"
    perform(act)
    assert AuditEvent.objects.filter(action="stream.changed").count() == 1


def test_an_owned_stream_is_called_as_its_owner(by):
    ledger = LedgerFactory(organization=Organization.objects.get(pk=by.organization_id))
    owned = DataStreamFactory(organization=ledger.organization, kind="ledger", ledger=ledger)
    with pytest.raises(Conflict) as refused:
        perform(partial(data_stream_change, stream=owned, name="mine", by=by, at=NOW))
    assert refused.value.code == "stream.owned"
