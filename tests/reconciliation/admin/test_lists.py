"""The lists of books and clearing: columns, totals of the filter, filters, exports, and a constant number of queries."""

import csv
import io

import pytest
from django.urls import reverse

from ledgers.models import BankAccount, DataStream, Journal, Ledger, Record, SourceFile, StatementLine
from reconciliation.models import Discrepancy, Match, Pass
from rules.models import Reconciliation, Rule
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import Desk, text_of

pytestmark = pytest.mark.django_db

MODELS = [
    BankAccount,
    DataStream,
    Discrepancy,
    Journal,
    Ledger,
    Match,
    Pass,
    Reconciliation,
    Record,
    Rule,
    SourceFile,
    StatementLine,
]
QUERIES_MAX = 18
every_list = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.model_name)


def url_of(model, name="changelist", *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def listed(desk: Desk, model, **query):
    answer = desk.client.get(url_of(model), query)
    assert answer.status_code == 200, answer.status_code
    return answer


def shown(answer) -> list:
    return list(answer.context["cl"].result_list)


@pytest.fixture
def crowded(proposed: Desk) -> Desk:
    """More than a page of nearly everything."""
    lines = "".join(f"2026-02-{n % 28 + 1:02},{n + 3}.00,credit,MANY-{n},Line {n}\n" for n in range(40))
    proposed.books.upload("date,amount,direction,reference,description\n" + lines, "many.csv")
    proposed.books.auto_match()
    return proposed


@every_list
def test_a_list_takes_a_constant_number_of_queries(crowded: Desk, model, django_assert_max_num_queries):
    listed(crowded, model)
    with django_assert_max_num_queries(QUERIES_MAX):
        answer = listed(crowded, model)
    assert 0 < len(shown(answer)) <= 25


@every_list
def test_every_row_leads_to_its_page_and_every_page_opens(proposed: Desk, model):
    row = shown(listed(proposed, model))[0]
    target = url_of(model, "change", row.pk)
    assert f'href="{target}"' in listed(proposed, model).content.decode().replace(
        "?_changelist_filters=", '"'
    )
    assert proposed.client.get(target).status_code == 200


@every_list
def test_an_empty_list_says_what_to_do_next(model):
    client, _membership = signed_in("operator")
    page = text_of(client.get(url_of(model)))
    from django.contrib import admin

    site = admin.site._registry[model]
    assert str(site.empty_text) in page
    assert str(site.empty_steps) in page


@every_list
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_list_is_exported(proposed: Desk, model, kind):
    answer = proposed.client.get(url_of(model, "export", kind))
    assert answer.status_code == 200
    assert len(b"".join(answer.streaming_content)) > 100


@every_list
def test_rows_of_others_are_not_listed(proposed: Desk, model):
    client, _membership = signed_in("admin")
    assert shown(client.get(url_of(model))) == []
    assert client.get(url_of(model, "change", model._default_manager.first().pk)).status_code == 302


def rows_of_csv(desk: Desk, model, **query) -> list[dict[str, str]]:
    answer = desk.client.get(url_of(model, "export", "csv"), query)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_amounts_are_exported_as_numbers_with_their_currency(proposed: Desk):
    line = next(row for row in rows_of_csv(proposed, StatementLine) if row["Description"] == "S3")
    assert (line["Amount"], line["Currency"], line["Standing"]) == ("-19.90", "EUR", "proposal waits")
    entry = next(row for row in rows_of_csv(proposed, Record) if row["Reference"] == "CARD-12")
    assert (entry["Credit"], entry["Debit"], entry["Standing"]) == ("6.60", "", "unmatched")


def test_the_total_is_that_of_the_filter(proposed: Desk):
    assert "Count 6 Net 2,315.60 EUR" in text_of(listed(proposed, StatementLine))
    assert "Count 1 Net 15.00 EUR" in text_of(listed(proposed, StatementLine, standing="unmatched"))
    assert "Count 7 Net 2,281.00 EUR" in text_of(listed(proposed, Record))
    assert "Count 5 Total 2,300.60 EUR Differences 13.00 EUR" in text_of(listed(proposed, Match))
    assert "Count 2 Total 28.00 EUR" in text_of(listed(proposed, Discrepancy))
    assert "Debit 2,307.50 EUR Credit 26.50 EUR" in text_of(listed(proposed, Journal))
    assert "Balances in EUR 2,281.00 EUR" in text_of(listed(proposed, Ledger))


@pytest.mark.parametrize(
    ("standing", "names"),
    [
        ("unmatched", {"S6"}),
        ("suggested", {"S2", "S3", "S5"}),
        ("matched", {"S1"}),
        ("closed", {"S4"}),
    ],
)
def test_lines_are_filtered_by_where_they_stand(proposed: Desk, standing, names):
    proposed.decide("accept", "S1")
    proposed.decide("reject", "S4")
    proposed.post("close", line=proposed.books.item("S4"), reason="x", back="")
    rows = shown(listed(proposed, StatementLine, standing=standing))
    assert {row.record.description for row in rows} == names


def test_lines_are_filtered_by_day_amount_and_account(proposed: Desk):
    rows = shown(
        listed(proposed, StatementLine, record__date_from="2026-02-06", record__date_to="2026-02-08")
    )
    assert {row.record.description for row in rows} == {"S2", "S4"}
    rows = shown(listed(proposed, StatementLine, record__amount_from="480.50", record__amount_to="500"))
    assert {row.record.description for row in rows} == {"S2", "S4"}
    account = BankAccount.objects.get()
    rows = shown(listed(proposed, StatementLine, statement__bank_account__id__exact=account.pk))
    assert len(rows) == 6
    assert "is no amount. Write it like 12.50." in text_of(
        listed(proposed, StatementLine, record__amount_from="x")
    )


def test_entries_are_filtered_by_where_they_stand_and_by_ledger(proposed: Desk):
    rows = shown(listed(proposed, Record, standing="unmatched"))
    assert {row.reference for row in rows} == {"CARD-12"}
    assert len(shown(listed(proposed, Record, stream__ledger__id__exact=proposed.books.ledger.pk))) == 7


def test_open_and_grave_discrepancies_come_first(proposed: Desk):
    low, high = Discrepancy.objects.order_by("pk")
    Discrepancy.objects.filter(pk=high.pk).update(severity="critical")
    assert shown(listed(proposed, Discrepancy)) == [high, low]
    proposed.post("discrepancies", action="close", discrepancy=high.pk, reason="done", back="")
    assert shown(listed(proposed, Discrepancy)) == [low, high]


def test_ticked_matches_are_accepted_from_the_list(proposed: Desk):
    ticked = [proposed.books.match_with(name).pk for name in ("S1", "S3")]
    data = {"action": "accept", "_selected_action": ticked}
    page = text_of(proposed.client.post(url_of(Match), data, follow=True))
    assert "2 done." in page
    page = text_of(proposed.client.post(url_of(Match), data, follow=True))
    assert f"Match {ticked[0]}: It is accepted already, by {proposed.membership.user.shown_name} on 2" in page

    viewer = proposed.as_somebody("viewer")
    viewer.client.post(url_of(Match), {"action": "accept", "_selected_action": [Match.objects.last().pk]})
    assert Match.objects.filter(status="accepted").count() == 2


def test_text_that_a_spreadsheet_would_compute_is_neutralised(desk: Desk):
    desk.books.upload(
        'date,amount,direction,reference,description\n2026-02-04,1.00,credit,=1+1,"=HYPERLINK(1)"\n'
    )
    assert rows_of_csv(desk, StatementLine)[0]["Description"] == "'=HYPERLINK(1)"
