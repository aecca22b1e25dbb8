"""Bulk requests in the back office: what became of the rows, cancelling, trying again."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.urls import reverse

from ledgers.models import BulkRequest
from organizations.acts import perform
from reconciliation.services.bulk import bulk_request
from reconciliation.services.bulk_execution import bulk_execute
from tests.clock import NOW
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db


def sent(feeds: Feeds, *rows: dict[str, Any]) -> BulkRequest:
    feeds.stream("card")
    given = {"data_stream_key": "card", "date": "2026-03-02", "amount": 100, "direction": "credit"}
    body = {"records": [{**given, **row} for row in rows]}
    of = {"organization_id": feeds.by.organization_id, "by": feeds.by, "at": NOW}
    return perform(partial(bulk_request, body=body, **of))


def page(client, row: BulkRequest) -> str:
    return text_of(client.get(reverse("admin:ledgers_bulkrequest_change", args=[row.pk])))


def test_rows_that_were_not_taken_stand_with_the_reason(client, feeds: Feeds):
    row = sent(
        feeds, {"external_id": "x1"}, {"external_id": "x1"}, {"date": "2026-02-30", "external_id": "x2"}
    )
    bulk_execute(bulk_request_id=row.pk, clock=lambda: NOW)
    shown = page(client, row)
    assert "3 of 3" in shown
    assert "2 x1 Skipped Its external id is there already." in shown
    assert "3 x2 Failed date: Write a date like 2026-03-31." in shown
    assert "1 x1" not in shown


def test_a_waiting_request_is_cancelled_and_what_is_left_is_tried_again(client, feeds: Feeds):
    row = sent(feeds, {}, {})
    url = partial(reverse, "admin:ledgers_bulkrequest_act")
    client.post(url(args=[row.pk, "cancel"]), follow=True)
    row.refresh_from_db()
    assert (row.status, row.skipped_items) == ("cancelled", 2)
    said = text_of(client.post(url(args=[row.pk, "retry"]), follow=True))
    again = BulkRequest.objects.get(parent=row)
    assert f"Bulk request {again.pk} tries the rest again." in said
    shown = page(client, row)
    assert "It is cancelled." in shown
    assert f"It was tried again already, as Bulk request {again.pk}." in shown


def test_what_ended_whole_is_neither_cancelled_nor_tried_again(client, feeds: Feeds):
    row = sent(feeds, {})
    bulk_execute(bulk_request_id=row.pk, clock=lambda: NOW)
    assert page(client, row).count("It is completed.") == 2
