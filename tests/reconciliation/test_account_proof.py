"""The proof of a bank account: what holds, what breaks, on which day and by how much."""

from __future__ import annotations

from datetime import date

import pytest

from ledgers.models import Record, Statement
from ledgers.proof_words import break_words, missing_words, remark_words, verdict_words
from ledgers.selectors.account_proof import DAYS_MAX
from organizations.refusals import Invalid
from tests.factories.organizations import CalendarFactory, actor_with
from tests.ledgers.formats.other_files import mt940, ofx
from tests.reconciliation.statements import (
    Proving,
    Said,
    camt,
    chain,
    csv,
    day,
    lines,
    of_day,
    row,
    told,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def proving() -> Proving:
    return Proving(actor_with())


WEEK = [of_day(2, 10_00), of_day(3, -4_00, 1_00), of_day(4), of_day(5, 2_50), of_day(6, -3_00)]


def upload_each(proving: Proving, said: list[Said]) -> None:
    for each in said:
        proving.upload(camt(each))


# --- what holds ----------------------------------------------------------------------------------------------------------


def test_days_whose_statements_add_up_and_follow_are_proved(proving):
    upload_each(proving, chain(*WEEK))
    proof = proving.proof(1, 10)
    assert [each.state.value for each in proof.days] == (
        ["before", *["proved"] * 5, "free", "free", "awaited", "awaited"]
    )
    assert [each.balance for each in proof.days][:7] == [
        None,
        *(110_00, 107_00, 107_00, 109_50, 106_50),
        106_50,
    ]
    assert [(each.lines, each.credits, each.debits) for each in proof.days][2] == (2, 1_00, 4_00)
    assert [each.closing for each in proof.days][5:7] == [106_50, None]
    assert (proof.breaks, proof.missing, proof.remarks, proof.verdict) == ([], [], [], "proved")


def test_files_may_come_in_any_order_and_again(proving):
    said = chain(*WEEK)
    upload_each(proving, [said[place] for place in (3, 0, 4, 1, 2, 0, 3)])
    assert (proving.states(), told(proving.proof())) == (["proved"] * 5, [])


def test_several_statements_of_one_day_follow_each_other_in_whatever_order_they_came(proving):
    said = chain(of_day(2, 5_00), of_day(3, 1_00), of_day(3, -1_00), of_day(3, 7_00), of_day(4, 1_00))
    upload_each(proving, [said[place] for place in (3, 1, 4, 0, 2)])
    assert (proving.states(2, 4), told(proving.proof())) == (["proved"] * 3, [])
    assert proving.proof().days[1].balance == 112_00


def test_a_proof_of_later_days_starts_from_the_last_balance_before_them(proving):
    upload_each(proving, chain(*WEEK))
    proof = proving.proof(5, 8)
    assert [each.balance for each in proof.days] == [109_50, 106_50, 106_50, 106_50]
    assert [each.begins for each in proof.statements] == [day(5), day(6)]


def test_a_part_of_a_statement_says_nothing_beside_the_whole(proving):
    (whole,) = chain(Said(lines(1_00, 2_00, 3_00, days=1), first=day(2), last=day(4)))
    part = Said(whole.lines[1:], whole.opening, whole.closing, whole.first, whole.last)
    proving.upload(camt(part))
    assert told(proving.proof()) == [("sum", day(2), day(4), 1_00)]
    proving.upload(camt(whole))
    proof = proving.proof(2, 4)
    assert (told(proof), proof.verdict) == ([], "proved")
    assert [each.kind.value for each in proof.remarks] == ["part_of"]


def test_a_month_and_its_days_state_the_same_lines(proving):
    said = chain(*WEEK)
    month = Said([line for each in said for line in each.lines], 100_00, said[-1].closing, day(2), day(6))
    upload_each(proving, [*said, month])
    proof = proving.proof()
    assert (told(proof), proof.verdict) == ([], "proved")
    assert {each.kind.value for each in proof.remarks} == {"days_twice"}


def test_lines_booked_late_belong_to_the_statement_that_states_them(proving):
    late = Said([(day(2), 9_00, "late"), (day(3), 1_00, "now")], first=day(3), last=day(3))
    upload_each(proving, chain(of_day(2, 5_00), late))
    assert told(proving.proof(2, 3)) == []


# --- what is not stated --------------------------------------------------------------------------------------------------


def test_without_balances_nothing_is_proved_and_nothing_is_zero(proving):
    proving.upload(camt(Said(lines(10_00), first=day(2), last=day(2))))
    proof = proving.proof(2, 3)
    assert [each.state.value for each in proof.days] == ["not_stated", "awaited"]
    assert [(each.balance, each.closing) for each in proof.days] == [(None, None)] * 2
    assert (proof.statements[0].opening, proof.statements[0].gap, proof.verdict) == (None, None, "not_stated")


def test_lines_without_balances_between_two_statements_lead_from_one_to_the_other(proving):
    said = chain(of_day(2, 10_00), of_day(3, 1_00), of_day(4, 2_00))
    silent = Said(said[1].lines, first=day(3), last=day(3))
    upload_each(proving, [said[0], silent, said[2]])
    assert (proving.states(2, 4), told(proving.proof())) == (["proved", "not_stated", "proved"], [])


# --- what breaks ---------------------------------------------------------------------------------------------------------


def test_a_statement_that_does_not_add_up_names_its_day_and_the_amount(proving):
    said = chain(*WEEK)
    short = Said(said[1].lines[1:], said[1].opening, said[1].closing, said[1].first, said[1].last)
    upload_each(proving, [said[0], short, *said[2:]])
    proof = proving.proof()
    assert told(proof) == [("sum", day(3), day(3), -4_00)]
    assert proving.states() == ["proved", "broken", "proved", "proved", "proved"]
    assert (proof.days[1].difference, proof.verdict) == (-4_00, "broken")
    assert break_words(proof.breaks[0], proof).startswith("2026-03-03: statement S1 of 2026-03-03")
    assert "4.00\xa0EUR less" in break_words(proof.breaks[0], proof)


def test_days_of_a_longer_statement_that_breaks_are_in_doubt(proving):
    said = Said(lines(1_00, 2_00, days=1), 0, 5_00, day(2), day(4))
    proving.upload(camt(said))
    assert told(proving.proof()) == [("sum", day(2), day(4), 2_00)]
    assert proving.states(2, 5) == ["in_doubt", "in_doubt", "broken", "awaited"]


def test_days_in_doubt_are_not_proved_though_the_break_shows_behind_them(proving):
    upload_each(proving, chain(*WEEK[:1]))
    proving.upload(camt(Said(lines(5_00, on=day(3)), 110_00, 117_00, day(3), day(6))))
    proof = proving.proof(2, 4)
    assert [each.state.value for each in proof.days] == ["proved", "in_doubt", "in_doubt"]
    assert (told(proof), proof.verdict) == ([("sum", day(3), day(6), 2_00)], "broken")
    assert told(proving.proof(2, 2)) == []


def test_a_missing_statement_is_named_with_its_days_and_amount(proving):
    said = chain(
        *[
            Said(each.lines, first=each.first, last=each.last, sequence=str(n))
            for n, each in enumerate(WEEK, 7)
        ]
    )
    upload_each(proving, [said[0], *said[3:]])
    proof = proving.proof()
    assert told(proof) == [("opening", day(2), day(5), -3_00)]
    assert [(each.since, each.until, each.days, each.moved) for each in proof.missing] == [
        (day(3), day(4), 2, -3_00)
    ]
    assert [(each.kind.value, each.numbers) for each in proof.remarks] == [("numbers_missing", (8, 9))]
    assert proving.states() == ["proved", "in_doubt", "in_doubt", "broken", "proved"]
    assert "the balance moved by −3.00\xa0EUR" in missing_words(proof.missing[0], proof)
    assert remark_words(proof.remarks[0]).endswith("with the number 8 to 9.")


def test_a_day_without_a_statement_is_missing_though_nothing_moved(proving):
    said = chain(of_day(2, 10_00), of_day(4, 1_00))
    upload_each(proving, said)
    proof = proving.proof(2, 4)
    assert (proving.states(2, 4), proof.verdict) == (["proved", "missing", "proved"], "incomplete")
    assert [(each.since, each.until, each.moved) for each in proof.missing] == [(day(3), day(3), 0)]


def test_only_business_days_of_the_accounts_calendar_are_missing(proving):
    upload_each(proving, chain(of_day(5, 10_00), of_day(11, 1_00)))  # Thursday, and Wednesday
    assert [each.days for each in proving.proof(5, 11).missing] == [3]
    account = proving.account
    account.calendar = CalendarFactory(
        organization_id=account.organization_id, weekend=[5, 6, 7], holidays=[day(9)]
    )
    account.save()
    proof = proving.proof(5, 11)
    assert [(each.since, each.until, each.days) for each in proof.missing] == [(day(10), day(10), 1)]
    assert [each.state.value for each in proof.days] == ["proved", *["free"] * 4, "missing", "proved"]


def test_a_gap_between_statements_of_one_day_is_named(proving):
    said = chain(of_day(3, 1_00), of_day(3, 5_00), of_day(3, -2_00))
    upload_each(proving, [said[0], said[2]])
    assert told(proving.proof(3, 3)) == [("opening", day(3), day(3), 5_00)]


def test_the_same_line_in_other_words_from_a_file_without_balances_is_surplus(proving):
    upload_each(proving, chain(*WEEK))
    other = [(on, amount, f"{text}, said otherwise") for on, amount, text in WEEK[1].lines]
    proving.upload(camt(Said(other, first=day(3), last=day(3))))
    proof = proving.proof()
    assert told(proof) == [("surplus", day(3), day(3), 3_00)]
    assert proof.days[1].lines == 4


def test_statements_of_the_same_days_with_other_lines_break_on_the_day(proving):
    said = chain(*WEEK)
    month = [line for each in said for line in each.lines]
    month[1] = (month[1][0], month[1][1], "said otherwise")
    upload_each(proving, [*said, Said(month, 100_00, said[-1].closing, day(2), day(6))])
    assert told(proving.proof()) == [("overlap", day(3), day(3), 4_00)]


def test_a_number_that_comes_twice_is_told(proving):
    upload_each(proving, chain(of_day(2, 1_00, sequence="7"), of_day(3, 1_00, sequence="7")))
    assert [each.kind.value for each in proving.proof().remarks] == ["number_twice"]


def test_a_bank_may_number_by_the_day_of_the_year_or_begin_anew(proving):
    upload_each(proving, chain(of_day(2, sequence="61"), of_day(5, sequence="64"), of_day(6, sequence="1")))
    assert proving.proof().remarks == []


# --- running balances ----------------------------------------------------------------------------------------------------

RUN = lines(5_00, -2_00, 7_00, 1_00, -3_00, days=1)  # Monday to Friday
HELD = [105_00, 103_00, 110_00, 111_00, 108_00]


@pytest.mark.parametrize("step", [1, -1], ids=["oldest first", "newest first"])
def test_running_balances_prove_each_day(proving, step):
    proving.upload(csv(RUN[::step], HELD[::step]))
    proof = proving.proof()
    assert (proof.verdict, [each.state.value for each in proof.days]) == ("proved", ["proved"] * 5)
    assert (proof.statements[0].opening, proof.statements[0].closing) == (100_00, 108_00)


@pytest.mark.parametrize("step", [1, -1], ids=["oldest first", "newest first"])
def test_a_running_balance_names_where_a_line_is_missing(proving, step):
    rows, held = RUN[:2] + RUN[3:], HELD[:2] + HELD[3:]
    proving.upload(csv(rows[::step], held[::step]))
    proof = proving.proof()
    assert told(proof) == [("running", day(3), day(5), 7_00)]
    assert proof.breaks[0].line_no == (4 if step == 1 else 3)
    assert "line 4" in break_words(proof.breaks[0], proof) or step == -1


def test_one_wrong_balance_is_named_once_on_its_day_and_once_behind_it(proving):
    proving.upload(csv(RUN, [HELD[0], HELD[1] + 1, *HELD[2:]]))
    assert told(proving.proof()) == [("running", day(2), day(3), 1), ("running", day(3), day(4), -1)]


def test_balances_in_no_order_of_the_lines_are_told_and_prove_nothing(proving):
    rows = lines(1_00, 20_00, -3_00, 400_00, 5_00, -60_00, 7_00, 8_00, 90_00, -10_00)
    proving.upload(csv(rows, [7_00, 1_00, 9_00, 300_00, 2_00, 8_00, 4_00, 6_00, 3_00, 5_00]))
    proof = proving.proof(2, 2)
    assert (proof.verdict, [each.kind.value for each in proof.remarks]) == ("not_stated", ["running_unclear"])


# --- other formats -------------------------------------------------------------------------------------------------------


def test_messages_whose_opening_is_dated_by_the_day_before_follow_each_other(proving):
    """:60F: carries the day on which that balance was struck: often that of the statement before."""
    first, second = (
        [row(line) for line in lines(5_00, on=day(30))],
        [row(line) for line in lines(1_00, on=day(31))],
    )
    written = mt940([first, second]).replace(":62F:C260331", ":62F:C260330", 1)
    proving.upload(
        written.replace(":60F:C260331", ":60F:C260327", 1).replace(":60F:C260331", ":60F:C260330", 1)
    )
    proof = proving.proof(30, 31)
    assert (told(proof), [each.state.value for each in proof.days]) == ([], ["proved", "proved"])


MONTHS = """:20:A
:25:11111111
:28C:1/1
:60F:C260102EUR100,00
:61:2601300130C5,00NTRFNONREF
:62F:C260202EUR105,00
-
:20:B
:25:11111111
:28C:2/1
:60F:C260202EUR105,00
:62F:C260302EUR95,00
-
"""


def test_what_lacks_in_a_statement_without_lines_may_lack_since_its_opening(proving):
    """It states a month by its balances only: a closing alone would make it one of its last day."""
    proving.upload(MONTHS)
    (found,) = proving.proof(date(2026, 1, 2), day(2)).breaks
    assert (found.since, found.day, found.amount) == (date(2026, 2, 2), day(2), -10_00)


def closing_only(rows: list, total: int, on: date) -> str:
    """OFX states what the account closes with and nothing else."""
    written = ofx([[row(line, external_id=line[2]) for line in rows]])
    lead, _amount, rest = written.partition("<BALAMT>")
    return f"{lead}<BALAMT>{total / 100:.2f}\n{rest.partition(chr(10))[2]}".replace(
        "20260331", f"{on:%Y%m%d}"
    )


def test_one_closing_balance_follows_from_the_one_before_and_the_lines_since(proving):
    proving.upload(closing_only(RUN[:2], 103_00, day(3)))
    assert proving.states() == ["not_stated", "not_stated", "awaited", "awaited", "awaited"]
    proving.upload(closing_only(RUN, 108_00, day(6)))  # downloads overlap
    proof = proving.proof()
    assert (proving.states(), told(proof)) == ([*["not_stated"] * 2, *["proved"] * 3], [])
    assert [each.balance for each in proof.days][1:] == [103_00, 110_00, 111_00, 108_00]


def test_a_line_that_lacks_between_two_closing_balances_is_named(proving):
    proving.upload(closing_only(RUN[:2], 103_00, day(3)))
    proving.upload(closing_only(RUN[:3] + RUN[4:], 108_00, day(6)))
    assert told(proving.proof()) == [("closing", day(4), day(6), 1_00)]


# --- what is stored, and how it is asked ---------------------------------------------------------------------------------


def test_a_line_that_is_lost_or_altered_in_the_database_breaks_its_day(proving):
    upload_each(proving, chain(*WEEK))
    line = Record.objects.get(signed_amount=1_00)
    Record.objects.filter(pk=line.pk).update(amount=3_00, signed_amount=3_00, effect=3_00)
    assert told(proving.proof()) == [("sum", day(3), day(3), -2_00)]
    Record.objects.filter(pk=line.pk).delete()
    assert told(proving.proof()) == [("sum", day(3), day(3), 1_00)]


def test_the_number_of_queries_does_not_grow(proving, django_assert_max_num_queries):
    for step in (1, 3, 5):
        upload_each(proving, chain(*WEEK[:step]))
        account = proving.account
        with django_assert_max_num_queries(6):
            proving.proof(1, 31)
        assert account.pk


def test_an_account_without_files_has_nothing_to_prove(proving):
    upload_each(proving, chain(*WEEK))
    Statement.objects.update(voided_at="2026-03-31T09:00:00Z")
    Record.objects.update(voided_at="2026-03-31T09:00:00Z")
    proof = proving.proof(6, 8)
    assert [each.state.value for each in proof.days] == ["before"] * 3
    assert (proof.verdict, verdict_words(proof)[:10]) == ("not_stated", "The statem")


@pytest.mark.parametrize(("since", "until"), [(3, 2), (date(2025, 1, 1), date(2026, 1, 2))])
def test_a_period_ends_behind_its_beginning_and_is_not_endless(proving, since, until):
    upload_each(proving, chain(*WEEK))
    with pytest.raises(Invalid) as refused:
        proving.proof(since, until)
    assert refused.value.code == "proof.period"
    assert str(DAYS_MAX) in refused.value.message
