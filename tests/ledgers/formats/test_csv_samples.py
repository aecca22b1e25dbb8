"""The CSV samples, declared: whose facts can be judged by import with exactly their rows and sums, the others rightly or not at all."""

from decimal import Decimal

import pytest

from ledgers.formats.declaration import Declaration
from ledgers.formats.declaration_json import declaration_from_json
from tests.ledgers.formats.csv_declared import declared
from tests.ledgers.formats.csv_tables import EXPECTED, OVERRIDES
from tests.ledgers.formats.reading import read
from tests.ledgers.formats.samples import load, major, needs_samples, path

pytestmark = needs_samples

FACTS = {name[4:]: told for name, told in load("facts.json").items() if name.startswith("csv/")}
JUDGED = sorted(name for name, told in FACTS.items() if "heuristic only" not in told["trust"])


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


@pytest.mark.parametrize("name", JUDGED)
def test_a_declaration_reads_back_from_its_json(name):
    declaration = declared(name, FACTS[name]["facts"])
    assert declaration_from_json(declaration.as_json()) == declaration
