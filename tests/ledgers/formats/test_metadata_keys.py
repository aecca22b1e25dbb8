"""Columns of CSV files that are kept in the metadata under a key that is declared."""

import json

import pytest

from ledgers.formats.declaration_json import DeclarationError, declaration_from_json
from tests.ledgers.formats.test_csv_declared import SIMPLE, got, told


def test_a_column_is_kept_in_the_metadata_under_the_key_that_is_declared():
    columns = {**SIMPLE, "metadata.store": "Shop", "metadata.batch": "#5"}
    text = "Day;Amount;Shop;Till;Charge\n2026-03-02;1.00;7;K2;B-19\n"
    assert json.loads(got(text, columns).rows[0]["metadata"]) == {"store": "7", "batch": "B-19", "Till": "K2"}
    alone = got(text, columns, metadata=False)
    assert json.loads(alone.rows[0]["metadata"]) == {"store": "7", "batch": "B-19"}
    assert declaration_from_json(told(columns).as_json()) == told(columns)


@pytest.mark.parametrize("role", ["metadata.", "metadata. ", "metadata", f"metadata.{'k' * 129}"])
def test_a_metadata_key_has_a_name(role):
    with pytest.raises(DeclarationError):
        told({**SIMPLE, role: "Shop"})
