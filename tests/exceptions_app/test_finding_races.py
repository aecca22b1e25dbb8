"""Several people take what an investigation suggests at the same moment: one match, and everybody else is told."""

from __future__ import annotations

from datetime import date

import pytest

from exceptions_app.models import Finding
from exceptions_app.services.finding_taking import finding_take
from reconciliation.models import Match
from tests.clock import NOW
from tests.exceptions_app.investigating import Acquirer
from tests.exceptions_app.test_finding_taking import finding_of
from tests.reconciliation.races import at_once, codes, performed

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 3, 2)


def test_ten_people_take_one_finding_and_one_match_is_made():
    acquirer = Acquirer()
    finding = finding_of(acquirer, acquirer.overdue(17_50, DAY), acquirer.paid(17_50, DAY))
    about = {"organization_id": acquirer.by.organization_id, "by": acquirer.by, "at": NOW}
    take = performed(finding_take, finding_id=finding.pk, **about)
    assert codes(at_once([take] * 10)) == {"ok": 1, "finding.taken": 9}
    made = Match.objects.get()
    assert Finding.objects.get().match_id == made.pk


def test_two_findings_that_want_the_same_record_make_one_match():
    acquirer = Acquirer()
    paid = acquirer.paid(17_50, DAY)
    findings = [finding_of(acquirer, acquirer.overdue(17_50, DAY), paid) for _place in range(6)]
    about = {"organization_id": acquirer.by.organization_id, "by": acquirer.by, "at": NOW}
    takes = [performed(finding_take, finding_id=finding.pk, **about) for finding in findings]
    assert codes(at_once(takes)) == {"ok": 1, "finding.out_of_date": 5}
    assert Finding.objects.filter(match_id=Match.objects.get().pk).count() == 1
