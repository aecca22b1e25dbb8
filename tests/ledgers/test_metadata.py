"""Metadata against the definitions of its stream: what fits, what does not, and that rules can read what fits."""

import json

import polars as pl
import pytest

from ledgers.services.metadata import definitions_of, metadata_faults, metadata_issues
from rules.engine.fields import FORMS
from tests.factories.ledgers import DataStreamFactory, PropertyDefinitionFactory

GOOD = {
    "number": [0, -3, 12.5, "12.50", "-7", 1e-7, 10**19],
    "date": ["2026-03-31", "2024-02-29"],
    "datetime": [
        "2026-03-31T09:00:00Z",
        "2026-03-31t09:00:00.123456789z",
        "2026-03-31 09:00+0200",
        "2026-03-31",
    ],
    "string": ["", "007", "x" * 500],
    "boolean": [True, False, "true", "False"],
}
BAD = {
    "number": ["", "abc", "1,5", "1e3", True, [1], {"n": 1}, 10**20, 10**400, 1e300, float("inf"), "٣"],
    "date": ["2026-06-31", "31.03.2026", "2026-3-1", "2026-03-31T09:00:00Z", 20260331, True],
    "datetime": ["2026-03-31T25:00:00Z", "2026-02-30T09:00:00Z", "09:00", 0, "now"],
    "string": [7, 1.5, True, ["a"], {"a": 1}],
    "boolean": [0, 1, "yes", "", []],
}


def one(type: str, *, optional: bool = False):
    return [PropertyDefinitionFactory.build(stream=None, key="fee", type=type, optional=optional)]


@pytest.mark.parametrize(("type", "value"), [(type, each) for type in GOOD for each in GOOD[type]])
def test_a_value_of_its_type_fits(type, value):
    assert metadata_issues(one(type), {"fee": value}) == []


@pytest.mark.parametrize(("type", "value"), [(type, each) for type in BAD for each in BAD[type]])
@pytest.mark.parametrize("optional", [True, False])
def test_a_value_of_another_type_is_named_with_what_would_be_right(type, value, optional):
    (issue,) = metadata_issues(one(type, optional=optional), {"fee": value})
    assert issue.startswith("metadata.fee: ")
    assert "does not fit. Write " in issue


@pytest.mark.parametrize("type", ["number", "date", "datetime", "boolean"])
def test_rules_read_what_fits_and_nothing_else(type):
    """As the database gives JSON values to the engine: as text."""

    def read(value):
        text = value if isinstance(value, str) else json.dumps(value)
        if type == "number" and isinstance(value, float):
            text = f"{value:.18f}".rstrip("0")
        return pl.select(FORMS[type](pl.lit(text))).item()

    assert all(read(value) is not None for value in GOOD[type])
    words = [value for value in BAD[type] if isinstance(value, str)]
    assert [value for value in words if read(value) is not None] == []


@pytest.mark.parametrize("metadata", [{}, {"fee": None}])
def test_a_key_has_to_be_there_unless_it_is_optional(metadata):
    assert metadata_issues(one("number", optional=True), metadata) == []
    assert metadata_issues(one("number"), metadata) == [
        "metadata.fee: Every record of this stream has it. Write a number, like 12.5."
    ]


def test_keys_without_a_definition_pass():
    assert metadata_issues(one("number"), {"fee": 1, "other": ["x"]}) == []


def test_each_fault_is_named_and_a_long_value_is_cut():
    rows = [*one("date"), PropertyDefinitionFactory.build(stream=None, key="lot", type="number")]
    assert [key for key, _message in metadata_faults(rows, {"fee": "x" * 90})] == ["fee", "lot"]
    assert len(metadata_issues(rows, {"fee": "x" * 90})[0]) < 120


@pytest.mark.django_db
def test_the_definitions_of_streams_come_in_one_query(django_assert_num_queries):
    a, b, c = DataStreamFactory.create_batch(3)
    PropertyDefinitionFactory(stream=a, key="fee")
    PropertyDefinitionFactory(stream=a, key="lot")
    PropertyDefinitionFactory(stream=b, key="fee")
    PropertyDefinitionFactory(stream=b, key="gone", voided_at=b.created_at)
    with django_assert_num_queries(1):
        found = definitions_of([a.pk, b.pk, c.pk, a.pk])
    assert {pk: [row.key for row in rows] for pk, rows in found.items()} == {
        a.pk: ["fee", "lot"],
        b.pk: ["fee"],
        c.pk: [],
    }
