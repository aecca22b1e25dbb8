"""Testing a rule from the back office: asked for, watched, read."""

from __future__ import annotations

import pytest
from django.urls import reverse

from reconciliation.models import RuleJob
from reconciliation.tasks import execute_rule_job
from rules.models import Rule
from tests.factories.reconciliation import RuleJobFactory
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import Desk, text_of
from tests.reconciliation.admin.office import new, new_office

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def manager(proposed: Desk) -> Desk:
    """Who may write rules; two matches are accepted."""
    proposed.books.accept("S1")
    proposed.books.accept("S2")
    return proposed.as_somebody("admin")


def form_url(name: str = "Amount within three days") -> str:
    return reverse("admin:reconciliation_rulejob_test", args=[Rule.objects.get(name=name).pk])


def asked(desk: Desk, **fields: object) -> RuleJob:
    answer = desk.client.post(form_url(), {"reconciliation": desk.books.run.reconciliation_id, **fields})
    assert answer.status_code == 302, text_of(answer)
    job = RuleJob.objects.latest("pk")
    assert answer["Location"] == reverse("admin:reconciliation_rulejob_change", args=[job.pk])
    return job


def page(desk: Desk, job: RuleJob):
    return desk.client.get(reverse("admin:reconciliation_rulejob_change", args=[job.pk]))


def test_a_rule_is_tested_from_its_page_and_the_result_is_read(
    manager: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("reconciliation.admin.rule_jobs.WAIT_SECONDS", 0)
    job = asked(manager)
    waiting = page(manager, job)
    assert waiting.headers["Refresh"] == "2"
    assert "It waits for a worker." in text_of(waiting)
    execute_rule_job(job_id=job.pk)
    done = page(manager, job)
    assert "Refresh" not in done.headers
    text = text_of(done)
    assert "100.0% right, of 1 that can be told" in text
    assert "New: records that nothing matched without it 1 480.50 EUR" in text
    assert "Amount within three days (tried) 1" in text


def test_contradictions_are_listed_with_links(manager: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reconciliation.admin.rule_jobs.WAIT_SECONDS", 0)
    manager.books.upload("date,amount,direction,description\n2026-02-12,6.60,debit,S7\n", "more.csv")
    manager.books.post(("G8", "credit", 6_60, 1, "OTHER"))
    manager.books.manual(["S7"], ["G8"])
    job = asked(manager, date_from="2026-02-01", date_to="2026-02-28")
    execute_rule_job(job_id=job.pk)
    answer = page(manager, job)
    assert "At odds with what people accepted" in text_of(answer)
    match = manager.books.match_with("S7")
    assert reverse("admin:reconciliation_match_change", args=[match.pk]) in answer.content.decode()


def test_a_period_that_cannot_be_is_said_on_the_form(manager: Desk):
    fields = {"reconciliation": manager.books.run.reconciliation_id}
    answer = manager.client.post(form_url(), {**fields, "date_from": "2026-03-02", "date_to": "2026-03-01"})
    assert "The period ends before it begins." in text_of(answer)
    assert not RuleJob.objects.exists()


def test_only_who_may_write_rules_may_test_them(proposed: Desk):
    assert proposed.client.get(form_url()).status_code == 403
    client, _membership = signed_in("admin")
    assert client.get(form_url()).status_code == 404


def test_the_ledgers_of_others_are_no_choice(manager: Desk):
    other = RuleJobFactory().reconciliation
    answer = manager.client.post(form_url(), {"reconciliation": other.pk})
    assert answer.status_code == 200
    assert RuleJob.objects.count() == 1


def test_a_failed_trial_says_why(manager: Desk):
    job = RuleJobFactory(
        reconciliation=manager.books.run.reconciliation,
        status="failed",
        error="Too many records.",
        finished_at=manager.books.run.created_at,
    )
    assert "It failed: Too many records." in text_of(page(manager, job))


def test_the_list_names_rule_and_ledger(manager: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reconciliation.admin.rule_jobs.WAIT_SECONDS", 0)
    asked(manager)
    text = text_of(manager.client.get(reverse("admin:reconciliation_rulejob_changelist")))
    assert "Amount within three days" in text
    assert "Pending" in text


def test_a_rules_page_leads_to_its_test(manager: Desk):
    rule = Rule.objects.get(name="Amount within three days")
    answer = manager.client.get(reverse("admin:rules_rule_change", args=[rule.pk]))
    assert f'href="{form_url()}"' in answer.content.decode()


def test_what_is_in_the_editor_is_tested_before_it_is_saved(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reconciliation.admin.rule_jobs.WAIT_SECONDS", 0)
    office = new_office()
    rows = {"row0-key": "reference", "row0-operand": "eq", "row0-value": "reference"}
    answer = office.save(new(office.cards.pk), do="test", name="Tried", **rows)
    job = RuleJob.objects.get()
    assert answer["Location"] == reverse("admin:reconciliation_rulejob_change", args=[job.pk])
    assert (job.input["candidate"]["body"]["name"], job.input["candidate"]["rule_id"]) == ("Tried", None)
    assert not Rule.objects.filter(name="Tried").exists()
    answer = office.save(new(office.cards.pk), do="test", **{**rows, "row0-key": "colour"})
    assert answer.status_code == 200
    assert "There is no field 'colour'" in text_of(answer)
    assert RuleJob.objects.count() == 1
