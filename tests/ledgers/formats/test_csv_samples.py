"""The CSV samples, declared: whose facts can be judged by import with exactly their rows and sums, the others rightly or not at all."""

from decimal import Decimal
from functools import cache

import pytest

from ledgers.formats import FileRefused
from ledgers.formats.declaration import Declaration
from ledgers.formats.declaration_json import declaration_from_json
from ledgers.formats.proposal import Proposal, propose
from tests.ledgers.formats.csv_declared import declared
from tests.ledgers.formats.csv_tables import DAYS, EXPECTED, OVERRIDES, PROPOSED
from tests.ledgers.formats.reading import read
from tests.ledgers.formats.samples import load, major, needs_samples, path

pytestmark = needs_samples

FACTS = {name[4:]: told for name, told in load("facts.json").items() if name.startswith("csv/")}
JUDGED = sorted(name for name, told in FACTS.items() if "heuristic only" not in told["trust"])
REST = sorted(set(FACTS) - set(JUDGED))

RIGHT_ALONE = 120
"""Of the judged files, so many at least the proposal's draft reads rightly; see the table that is printed."""


def reading(name: str, declaration: Declaration) -> tuple[int, Decimal, Decimal]:
    """Lines, credits and debits; of all currencies together, as the collector added them."""
    own = declaration.currency or declaration.has("currency")
    got = read(
        path(f"csv/{name}").read_bytes(),
        format="csv",
        currency=None if own else "CHF",
        declaration=declaration,
    )
    sums = [found for end in got.ends for found in end.sums]
    credits = sum((major(found.credit_sum, found.currency) for found in sums), Decimal())
    debits = sum((major(found.debit_sum, found.currency) for found in sums), Decimal())
    return sum(end.lines for end in got.ends), credits, debits


def expected(name: str) -> tuple[int, Decimal, Decimal]:
    facts = FACTS[name]["facts"]
    rows, credits, debits = EXPECTED.get(name) or (
        facts["data_rows"],
        facts["sum_credit"],
        facts["sum_debit"],
    )
    return rows, Decimal(credits), Decimal(debits)


def test_there_are_as_many_files_as_were_collected():
    assert (len(FACTS), len(JUDGED)) == (177, 134)
    assert set(OVERRIDES) | set(EXPECTED) <= set(JUDGED)


@pytest.mark.parametrize("name", JUDGED)
def test_a_declared_file_gives_its_rows_and_sums(name):
    assert reading(name, declared(name, FACTS[name]["facts"])) == expected(name)


def days_stated(name: str) -> tuple[str, str] | None:
    """First and last day, by hand or as the source's own reader has them; a few files have neither."""
    facts = FACTS[name]["facts"]
    tables = (facts.get("source_assertion") or {}).get("tables") or [{}]
    told = facts if facts.get("first_date") else tables[0]
    return DAYS.get(name) or ((told["first_date"], told["last_date"]) if told.get("first_date") else None)


@pytest.mark.parametrize("name", [name for name in JUDGED if days_stated(name)])
def test_a_declared_file_gives_its_first_and_last_day(name):
    declaration = declared(name, FACTS[name]["facts"])
    own = declaration.currency or declaration.has("currency")
    content = path(f"csv/{name}").read_bytes()
    got = read(content, format="csv", currency=None if own else "CHF", declaration=declaration)
    days = got.column("date")
    assert (str(min(days)), str(max(days))) == days_stated(name)


@pytest.mark.parametrize("name", JUDGED)
def test_a_declaration_reads_back_from_its_json(name):
    declaration = declared(name, FACTS[name]["facts"])
    assert declaration_from_json(declaration.as_json()) == declaration


def proposed(name: str) -> Proposal | FileRefused:
    with path(f"csv/{name}").open("rb") as file:
        try:
            return propose(file)
        except FileRefused as refused:
            return refused


@cache
def outcome(name: str) -> tuple[tuple[int, Decimal, Decimal] | None, str, bool]:
    """What the proposal alone reads, in words, and whether it would be read without a question."""
    proposal = proposed(name)
    if isinstance(proposal, FileRefused):
        return None, f"refused: {proposal.message}", False
    if proposal.lacking:
        return None, f"refused: {proposal.lacking[0][1]}", False
    asked = ", ".join(question.field for question in proposal.questions)
    try:
        got = reading(name, declaration_from_json(proposal.declaration))
    except FileRefused as refused:
        return None, f"refused: {refused.message}", not asked
    return got, f"imported: {got[0]} lines" + (f"; asked: {asked}" if asked else ""), not asked


@pytest.mark.parametrize("name", REST)
def test_a_file_whose_facts_are_a_hint_is_imported_rightly_or_not_by_itself(name):
    got, _words, unasked = outcome(name)
    wanted = (PROPOSED[name][0], *map(Decimal, PROPOSED[name][1:])) if name in PROPOSED else None
    assert (got if unasked else None) == wanted


def test_what_becomes_of_each_file(capsys):
    """Nothing that the proposal holds for certain is wrong; most drafts are right; all that is asked is in the table."""
    rows, right, certain = [], 0, 0
    for name in JUDGED:
        got, words, unasked = outcome(name)
        same = got == expected(name)
        assert same or got is None or not unasked, f"{name}: {got} was certain, and is wrong"
        right, certain = right + same, certain + (same and unasked)
        rows.append(f"declared, imported | proposed: {'right' if same else 'not right'}, {words} | {name}")
    rows += [f"proposed only, {outcome(name)[1]} | {name}" for name in REST]
    with capsys.disabled():
        print("", *rows, sep="\n")
        print(f"proposal alone right: {right} of {len(JUDGED)}, {certain} of them without a question")
    assert right >= RIGHT_ALONE
