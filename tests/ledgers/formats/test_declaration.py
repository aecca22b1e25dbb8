"""Declarations as JSON: every fault with its path, and nothing that is lost on the way."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from ledgers.formats.declaration import ROLES, SIGN_CONVENTIONS, Declaration
from ledgers.formats.declaration_json import DeclarationError, declaration_from_json

ONE = {"booking_date": ["Day"], "amount": ["Amount"]}
TWO = {"booking_date": ["Day"], "debit": ["Out"], "credit": ["In"]}
DIRECTED = {**ONE, "direction": ["Way"]}


def paths(data):
    with pytest.raises(DeclarationError) as caught:
        declaration_from_json(data)
    assert all(message for _path, message in caught.value.issues)
    return [path for path, _message in caught.value.issues]


def test_the_least_declaration_names_a_date_and_an_amount():
    assert declaration_from_json({"columns": {"booking_date": "Day", "amount": "Amount"}}) == Declaration(
        {"booking_date": ("Day",), "amount": ("Amount",)}
    )


@pytest.mark.parametrize("data", [None, [], "x", 1])
def test_what_is_no_object_is_refused(data):
    assert paths(data) == [()]


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, ("columns",)),
        ({"columns": []}, ("columns",)),
        ({"columns": {"amount": "A"}}, ("columns",)),
        ({"columns": {"booking_date": "D"}}, ("columns",)),
        ({"columns": {**ONE, "debit": "D", "credit": "C"}}, ("columns",)),
        ({"columns": {"booking_date": "D", "debit": "O"}}, ("columns",)),
        ({"columns": {**ONE, "colour": "C"}}, ("columns", "colour")),
        ({"columns": {**ONE, "balance": []}}, ("columns", "balance")),
        ({"columns": {**ONE, "balance": ["a", "b"]}}, ("columns", "balance")),
        ({"columns": {**ONE, "reference": ["a", 1]}}, ("columns", "reference", 1)),
        ({"columns": {**ONE, "value_date": ["Day"]}}, ("columns",)),
        ({"columns": ONE, "delimiter": "x"}, ("delimiter",)),
        ({"columns": ONE, "delimiter": 1}, ("delimiter",)),
        ({"columns": ONE, "encoding": "utf-32"}, ("encoding",)),
        ({"columns": ONE, "encoding": "cp1259"}, ("encoding",)),
        ({"columns": ONE, "header": "yes"}, ("header",)),
        ({"columns": ONE, "header": False}, ("columns", "booking_date")),
        ({"columns": ONE, "rows_to_skip": -1}, ("rows_to_skip",)),
        ({"columns": ONE, "rows_to_skip": True}, ("rows_to_skip",)),
        ({"columns": ONE, "skip_pattern": "("}, ("skip_pattern",)),
        ({"columns": ONE, "footer_pattern": "a" * 300}, ("footer_pattern",)),
        ({"columns": ONE, "undated_rows": "guess"}, ("undated_rows",)),
        ({"columns": ONE, "rows_without_amount": "join"}, ("rows_without_amount",)),
        ({"columns": ONE, "date_format": "DD.MM"}, ("date_format",)),
        ({"columns": ONE, "date_format": "DD.MM.YYYY (?P<x>.*)"}, ("date_format",)),
        ({"columns": ONE, "date_format": "DD.DD.YYYY"}, ("date_format",)),
        ({"columns": ONE, "decimal_mark": ";"}, ("decimal_mark",)),
        ({"columns": ONE, "thousands": "x"}, ("thousands",)),
        ({"columns": ONE, "thousands": "."}, ("thousands",)),
        ({"columns": ONE, "currency_signs": "$"}, ("currency_signs",)),
        ({"columns": ONE, "currency_signs": ["1"]}, ("currency_signs",)),
        ({"columns": ONE, "currency_signs": ["-"]}, ("currency_signs",)),
        ({"columns": ONE, "currency": "euro"}, ("currency",)),
        ({"columns": {**ONE, "currency": "C"}, "currency": "EUR"}, ("currency",)),
        ({"columns": {**ONE, "account": "A"}, "account": "DE89"}, ("account",)),
        (
            {"columns": {**ONE, "account": "A"}, "account_pattern": "(a)", "rows_to_skip": 1},
            ("account_pattern",),
        ),
        ({"columns": ONE, "account_pattern": "(a)"}, ("account_pattern",)),
        ({"columns": ONE, "account_pattern": "a", "rows_to_skip": 1}, ("account_pattern",)),
        ({"columns": ONE, "account_pattern": "(a)(b)", "rows_to_skip": 1}, ("account_pattern",)),
        ({"columns": ONE, "account_pattern": "(", "rows_to_skip": 1}, ("account_pattern",)),
        ({"columns": ONE, "several_currencies": True}, ("several_currencies",)),
        ({"columns": ONE, "sign_convention": "positive"}, ("sign_convention",)),
        ({"columns": ONE, "sign_convention": "unsigned"}, ("sign_convention",)),
        ({"columns": DIRECTED}, ("sign_convention",)),
        ({"columns": TWO, "sign_convention": "debit_positive"}, ("sign_convention",)),
        ({"columns": ONE, "zero_is_empty": True}, ("zero_is_empty",)),
        ({"columns": ONE, "value_maps": []}, ("value_maps",)),
        ({"columns": ONE, "value_maps": {"amount": {"a": "b"}}}, ("value_maps", "amount")),
        ({"columns": ONE, "value_maps": {"direction": {"a": "credit"}}}, ("value_maps", "direction")),
        ({"columns": ONE, "value_maps": {"status": {"a": "booked"}}}, ("value_maps", "status")),
        ({"columns": {**ONE, "status": "S"}}, ("value_maps", "status")),
        ({"columns": ONE, "value_maps": {"currency": {"a": "EUR"}}}, ("value_maps", "currency")),
        ({"columns": ONE, "version": 2}, ("version",)),
        ({"columns": ONE, "speed": "fast"}, ("speed",)),
    ],
)
def test_a_fault_is_named_by_its_path(data, path):
    assert path in paths(data)


@pytest.mark.parametrize(
    ("pairs", "path"),
    [
        ({"S": "soll"}, ("value_maps", "direction", "S")),
        ({"S": "debit", "s ": "credit"}, ("value_maps", "direction")),
        ({}, ("value_maps", "direction")),
    ],
)
def test_words_for_directions_are_checked(pairs, path):
    data = {"columns": DIRECTED, "sign_convention": "unsigned", "value_maps": {"direction": pairs}}
    assert paths(data) == [path]


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:[ab]?.?){3000}[01]{60}",
        "(?:(?:[ab]?.?){50}){50}",
        "a{50}{50}",
        "(?:a?b){9}{9}?{9}",
        "a{0,9999}",
        "(?x)(a b) {200}",
        "(?i:(?ix)(ab) #c\n{200})",
    ],
)
def test_patterns_whose_counts_unfold_to_hours_of_work_are_refused(pattern):
    assert paths({"columns": ONE, "skip_pattern": pattern}) == [("skip_pattern",)]


@pytest.mark.parametrize(
    "pattern", [r"^[0-9]{2}\.[0-9]{2}\.[0-9]{4};Saldo", r"^(?:\d{2}\.){2}\d{4}", "(?i)total"]
)
def test_patterns_with_small_counts_are_taken(pattern):
    assert declaration_from_json({"columns": ONE, "skip_pattern": pattern}).skip_pattern == pattern


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
@pytest.mark.parametrize(
    "key", ["skip_pattern", "account", "account_pattern", "currency_signs", "date_format"]
)
def test_what_the_database_cannot_keep_is_refused(key, text):
    assert paths({"columns": ONE, key: text}) == [()]
    assert paths({"columns": {**ONE, "description": [text]}}) == [()]
    assert paths({"columns": ONE, text: 1}) == [()]


def test_a_flood_of_faults_is_told_in_part():
    flood = {f"{number}{'x' * 1000}": {} for number in range(10_000)}
    assert len(paths({"columns": ONE, **flood})) == 20
    assert len(paths({"columns": {**ONE, **flood}})) < 50
    assert len(paths({"columns": ONE, "value_maps": flood})) == 20
    deep: list = []
    for _ in range(10_000):
        deep = [deep]
    assert paths({"columns": ONE, "value_maps": deep}) == [()]


def test_all_faults_are_named_at_once():
    data = {"columns": {"colour": "x"}, "delimiter": "?", "date_format": "x", "speed": 1}
    assert set(paths(data)) == {("speed",), ("delimiter",), ("date_format",), ("columns", "colour")}


def test_the_docs_explain_every_key_and_role_and_their_example_is_right():
    page = (Path(__file__).parents[3] / "docs" / "import-profiles.md").read_text(encoding="utf-8")
    words = [
        *(each.name for each in fields(Declaration) if each.name != "version"),
        *ROLES,
        *SIGN_CONVENTIONS,
    ]
    assert [word for word in words if f"`{word}`" not in page] == []
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert declaration_from_json(json.loads(example)).encoding == "windows-1252"
