"""Places of pages come from the address bar: what is no place of this list is its first page."""

import pytest

from ledgers.models import Record
from reconciliation.selectors.paging import page_of
from tests.factories.organizations import actor_with
from tests.reconciliation.books import books

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "place", [">5_5", ">2026-02-04_2026-02-04", ">2026-02-04", ">", "odd", f">2026-02-04_{'9' * 30}x"]
)
def test_a_place_of_another_kind_is_the_first_page(place):
    books(actor_with())
    first = page_of(Record.objects.all(), ["date", "pk"], size=2)
    assert page_of(Record.objects.all(), ["date", "pk"], place, size=2).rows == first.rows


def test_a_day_for_a_number_is_the_first_page():
    books(actor_with())
    first = page_of(Record.objects.all(), ["pk"], size=2)
    assert page_of(Record.objects.all(), ["pk"], ">2026-02-04", size=2).rows == first.rows
