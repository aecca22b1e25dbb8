"""Why, why not, and what adds up: as people read it on the pages of matches and runs."""

from __future__ import annotations

import pytest
from django.urls import reverse

from ledgers.models import Record
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import Desk, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def page_of(desk: Desk, url: str, **query: object) -> str:
    answer = desk.client.get(url, query)
    assert answer.status_code == 200, answer
    return text_of(answer)


def match_page(desk: Desk, name: str) -> str:
    match = desk.books.match_with(name)
    return page_of(desk, reverse("admin:reconciliation_match_change", args=[match.pk]))


def uuid_of(name: str) -> str:
    return str(Record.objects.get(description=name).uuid)


def ask(desk: Desk, question: str, **ticks: object):
    answer = desk.send(question, **ticks)
    assert answer.status_code == 302
    return desk.client.get(answer["Location"], follow=True)


def test_a_match_shows_each_condition_with_both_values(proposed: Desk):
    text = match_page(proposed, "S1")
    assert "Reference and amount revision 1 · all conditions hold" in text
    assert "statement's amount = books' amount statement 1,250.00 EUR books 1,250.00 EUR" in text
    assert "statement INV-701 books INV-701" in text
    assert "How sure" in text


def test_days_apart_are_told(proposed: Desk):
    text = match_page(proposed, "S2")
    assert "Amount within three days" in text
    assert "statement 2026-02-06 books 2026-02-05 1 day apart" in text


def test_a_sum_is_told_with_its_parts(proposed: Desk):
    text = match_page(proposed, "S4")
    assert "statement 500.00 EUR books 500.00 EUR" in text
    assert "2 records" in text
    assert "Both sides add up" in text


def test_a_match_by_hand_says_so(desk: Desk):
    desk.books.upload("date,amount,direction,description\n2026-02-12,6.60,debit,S7\n")
    desk.books.manual(["S7"], ["G7"])
    assert "A person made this match; nothing was estimated." in match_page(desk, "S7")


def test_a_proposal_leads_to_its_reasons(proposed: Desk):
    answer = proposed.client.get(proposed.url, {"show": "review"})
    match = proposed.books.match_with("S1")
    url = reverse("admin:reconciliation_match_change", args=[match.pk])
    assert f'href="{url}#why"' in answer.content.decode()


def test_why_not_names_what_failed_first_and_who_has_the_entry(proposed: Desk):
    answer = ask(proposed, "why_not", line=uuid_of("S6"), entry=str(proposed.books.entries["G1"]))
    text = text_of(answer)
    assert "No rule holds." in text
    assert "statement's amount = books' amount failed first statement 15.00 EUR books 1,250.00 EUR" in text
    match = proposed.books.match_with("S1")
    assert f"INV-701 belongs to Match {match.pk} (Suggested)." in text


def test_why_not_says_that_it_was_rejected(proposed: Desk):
    proposed.books.reject("S1")
    text = text_of(ask(proposed, "why_not", line=uuid_of("S1"), entry=str(proposed.books.entries["G1"])))
    assert "At least one rule holds." in text
    assert "A person rejected exactly these as a group" in text


def test_why_not_needs_a_line_and_an_entry_of_this_run(proposed: Desk):
    entry = str(proposed.books.entries["G1"])
    assert "Tick a line and an entry" in text_of(ask(proposed, "why_not", entry=entry))
    assert "Tick a line and an entry" in text_of(ask(proposed, "why_not", line="x", entry=entry))
    assert "There is no such record on side A" in text_of(ask(proposed, "why_not", line=entry, entry=entry))


def test_what_adds_up_to_a_line_can_be_ticked(desk: Desk):
    desk.books.upload("date,amount,direction,description\n2026-02-12,500.00,credit,S9\n")
    answer = ask(desk, "adds_up", line=uuid_of("S9"))
    text = text_of(answer)
    assert "Which open entries add up to line S9, +500.00 EUR?" in text
    assert "There is exactly one way." in text
    assert "7 open records looked at, in every set of up to 4." in text
    ticks = [f"tick={desk.books.entries[name]}" for name in ("G4", "G5")]
    assert all(tick in answer.content.decode() for tick in ticks)


def test_what_adds_up_to_an_entry_is_looked_for_among_lines(desk: Desk):
    desk.books.upload("date,amount,direction,description\n2026-02-12,5.00,debit,a\n2026-02-12,1.60,debit,b\n")
    text = text_of(ask(desk, "adds_up", entry=str(desk.books.entries["G7"])))
    assert "Which open lines add up to entry CARD-12" in text
    assert "There is exactly one way." in text
    url = reverse("admin:reconciliation_run_adds_up", args=[desk.books.run.pk])
    text = page_of(desk, url, entry=str(desk.books.entries["G7"]), size="1")
    assert "Nothing adds up to it." in text
    text = page_of(desk, url, entry=str(desk.books.entries["G7"]), **{"from": "2026-03-01"})
    assert "0 open records looked at" in text


def test_what_adds_up_needs_one_tick(proposed: Desk):
    lines = [uuid_of("S5"), uuid_of("S6")]
    assert "Tick one line or one entry" in text_of(ask(proposed, "adds_up", line=lines))
    assert "There is no open record" in text_of(ask(proposed, "adds_up", line=uuid_of("S1")))


def test_questions_of_another_organizations_run_are_unknown(proposed: Desk):
    stranger = Desk(*signed_in("admin"), proposed.books)
    for name in ("why_not", "adds_up"):
        assert stranger.send(name).status_code == 404
        url = reverse(f"admin:reconciliation_run_{name}", args=[proposed.books.run.pk])
        assert stranger.client.get(url, {"line": uuid_of("S1")}).status_code == 404


def test_hostile_texts_stay_texts(desk: Desk):
    bad = "<script>alert(1)</script>"
    desk.books.upload(f"date,amount,direction,reference,description\n2026-02-12,5.00,debit,{bad},a\n")
    answer = ask(desk, "why_not", line=uuid_of("a"), entry=str(desk.books.entries["G7"]))
    assert bad not in answer.content.decode()
    assert "&lt;script&gt;" in answer.content.decode()
