"""What was seen overdue under an exception that somebody deletes is taken up again by the next sweep."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from exceptions_app.models import ReconciliationException
from exceptions_app.selectors.sweeping import organizations_to_sweep
from exceptions_app.services.exceptions import exception_create, exception_delete
from organizations.acts import perform
from reconciliation.selectors.integrity import faults
from tests.clock import NOW
from tests.exceptions_app.overdue import Overdue
from tests.exceptions_app.test_sweeping import counts, items

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def feeds() -> Overdue:
    return Overdue.of_two_streams()


def test_a_deleted_exception_is_made_again_while_overdue_records_last(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    ReconciliationException.objects.update(voided_at=NOW, voided_by=feeds.by.ref)
    assert counts(feeds.sweep(LATER)) == (0, 1, 0, 0)
    assert feeds.exception().opened_at == LATER
    feeds.match(feeds.made, [items("a")[0].record], feeds.add(feeds.b, ("R1", 100)))
    ReconciliationException.objects.update(voided_at=NOW, voided_by=feeds.by.ref)
    assert counts(feeds.sweep(LATER + MINUTE)) == (0, 0, 0, 0)


def test_what_was_seen_under_a_deleted_exception_reopens_the_closed_one_before_it(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    first = feeds.exception()
    feeds.close(first, at=NOW)
    pair = {"reconciliation_id": feeds.made.pk, "stream_id": feeds.a.pk}
    second = feeds.act(exception_create, organization_id=feeds.by.organization_id, **pair)
    feeds.add(feeds.a, ("R2", 100))
    assert counts(feeds.sweep(LATER)) == (1, 0, 0, 0)
    about = {"organization_id": feeds.by.organization_id, "exception_id": second.pk}
    perform(partial(exception_delete, **about, by=feeds.by, at=LATER))
    assert faults() == []
    assert counts(feeds.sweep(LATER + MINUTE)) == (0, 0, 1, 0)
    assert (feeds.exception().pk, feeds.exception().status) == (first.pk, "open")


def test_a_dismissal_sticks_though_an_exception_that_saw_nothing_new_is_deleted(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    feeds.close(feeds.exception(), at=NOW)
    pair = {"reconciliation_id": feeds.made.pk, "stream_id": feeds.a.pk}
    second = feeds.act(exception_create, organization_id=feeds.by.organization_id, **pair)
    feeds.act(exception_delete, organization_id=feeds.by.organization_id, exception_id=second.pk)
    assert counts(feeds.sweep(LATER)) == (0, 0, 0, 0)
    assert feeds.exception().status == "dismissed"


def test_a_deleted_exception_is_made_again_though_a_person_s_stood_in_its_place_for_days(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    about = {"organization_id": feeds.by.organization_id}
    feeds.act(exception_delete, exception_id=feeds.exception().pk, **about)
    pair = {"reconciliation_id": feeds.made.pk, "stream_id": feeds.a.pk}
    person_s = feeds.act(exception_create, **pair, **about)
    feeds.sweep(LATER)
    delete = partial(exception_delete, exception_id=person_s.pk, **about, by=feeds.by, at=LATER + MINUTE)
    perform(delete)
    assert counts(feeds.sweep(LATER + 2 * MINUTE)) == (0, 1, 0, 0)


def test_a_deleted_exception_is_looked_at_until_a_sweep_has_found_nothing_left(feeds: Overdue):
    [record] = feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    feeds.match(feeds.made, [record], feeds.add(feeds.b, ("R1", 100)))
    feeds.act(exception_delete, organization_id=feeds.by.organization_id, exception_id=feeds.exception().pk)
    assert organizations_to_sweep(at=NOW) == [feeds.by.organization_id]
    feeds.sweep(LATER)
    assert organizations_to_sweep(at=LATER) == []
