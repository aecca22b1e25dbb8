"""Who asks for investigations, when, and one at a time."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from exceptions_app.models import Investigation, ReconciliationException
from exceptions_app.services.investigations import investigation_request, investigations_request_changed
from organizations.actors import system_actor
from organizations.acts import perform
from organizations.refusals import Conflict, Invalid
from tests.clock import NOW
from tests.exceptions_app.investigating import Acquirer
from tests.factories.exceptions_app import ReconciliationExceptionFactory
from tests.reconciliation.races import at_once, codes, performed

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 3, 2)
MINUTE = timedelta(minutes=1)


def sweep_asks(acquirer: Acquirer, at=NOW) -> int:
    organization_id = acquirer.by.organization_id
    about = {"organization_id": organization_id, "by": system_actor("overdue_sweep", organization_id)}
    return perform(partial(investigations_request_changed, **about, at=at))


def asked_of(exception: ReconciliationException) -> list[tuple[str, str]]:
    return list(exception.investigations.order_by("pk").values_list("trigger", "status"))


def finish(acquirer: Acquirer) -> None:
    Investigation.objects.under_way().update(status="failed", finished_at=NOW)


def test_a_second_one_is_refused_with_the_first_ones_id_and_url():
    acquirer = Acquirer()
    first = acquirer.ask()
    with pytest.raises(Conflict) as refusal:
        acquirer.ask()
    assert refusal.value.code == "investigation.running"
    assert refusal.value.details == {
        "investigation_id": first.pk,
        "url": f"/v1/reconciliation_exceptions/{first.exception_id}/investigations/{first.pk}",
    }


def test_of_twenty_who_ask_at_once_one_is_heard():
    acquirer = Acquirer()
    exception = acquirer.exception
    ask = performed(investigation_request, exception=exception, by=acquirer.by, at=NOW)
    assert codes(at_once([ask] * 20)) == {"ok": 1, "investigation.running": 19}
    assert Investigation.objects.count() == 1


def test_a_closed_exception_may_be_investigated():
    acquirer = Acquirer()
    acquirer.overdue(17_50, DAY)
    ReconciliationException.objects.filter(pk=acquirer.exception.pk).update(status="dismissed", closed_at=NOW)
    assert acquirer.investigate().records_asked == 1


def test_filters_that_cannot_be_used_are_named():
    with pytest.raises(Invalid) as refusal:
        Acquirer().ask(filter_params={"amount_min": "a lot"})
    assert refusal.value.issues[0]["path"] == ["filter_params", "amount_min"]


def test_the_sweep_asks_where_the_slice_has_changed_since():
    acquirer = Acquirer()
    exception = acquirer.exception
    assert sweep_asks(acquirer) == 1
    assert asked_of(exception) == [("sweep", "pending")]
    assert sweep_asks(acquirer) == 0  # one is under way
    finish(acquirer)
    assert sweep_asks(acquirer) == 0  # nothing is new
    ReconciliationException.objects.filter(pk=exception.pk).update(slice_changed_at=NOW + MINUTE)
    assert sweep_asks(acquirer, at=NOW + MINUTE) == 1
    assert Investigation.objects.get(status="pending").requested_by == "system:overdue_sweep"


def test_a_look_at_a_part_is_no_look_at_the_whole():
    acquirer = Acquirer()
    acquirer.ask(filter_params={"direction": "credit"}, at=NOW + MINUTE)
    finish(acquirer)
    assert sweep_asks(acquirer) == 1


@pytest.mark.parametrize(
    "gone",
    [
        {"status": "resolved", "closed_at": NOW},
        {"voided_at": NOW},
        {"slice_changed_at": None},
    ],
)
def test_the_sweep_leaves_closed_deleted_and_unchanged_exceptions_alone(gone: dict[str, Any]):
    acquirer = Acquirer()
    ReconciliationException.objects.filter(pk=acquirer.exception.pk).update(**gone)
    assert sweep_asks(acquirer) == 0


def test_the_sweep_leaves_exceptions_of_deleted_streams_and_of_others_alone():
    acquirer, other = Acquirer(), Acquirer()
    assert other.exception.is_active
    stream = acquirer.exception.stream
    stream.voided_at = NOW
    stream.save()
    assert sweep_asks(acquirer) == 0


def test_finding_what_has_changed_is_one_query(django_assert_num_queries):
    acquirer = Acquirer()
    for _place in range(5):
        ReconciliationExceptionFactory(reconciliation=acquirer.reconciliation, slice_changed_at=NOW)
    assert sweep_asks(acquirer) == 5
    organization_id = acquirer.by.organization_id
    with django_assert_num_queries(1):
        investigations_request_changed(
            organization_id=organization_id, by=system_actor("overdue_sweep", organization_id), at=NOW
        )
