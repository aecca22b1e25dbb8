"""Refusals: what each carries when nothing is said, and when all is."""

import pytest

from organizations.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal, TooLarge, Unreadable


@pytest.mark.parametrize(
    ("kind", "code", "word"),
    [
        (Refusal, "refused", "refused"),
        (NotFound, "request.not_found", "not_found"),
        (Invalid, "request.invalid", "validation_error"),
        (Conflict, "request.conflict", "conflict"),
        (Unreadable, "file.unreadable", "unreadable_file"),
        (Forbidden, "auth.forbidden", "forbidden"),
        (TooLarge, "request.too_large", "too_large"),
    ],
)
def test_each_kind_has_a_code_and_a_word(kind, code, word):
    refusal = kind("No.")
    assert (str(refusal), refusal.message, refusal.code, refusal.word) == ("No.", "No.", code, word)
    assert (refusal.details, refusal.issues) == ({}, [])


def test_a_refusal_names_what_the_raiser_says():
    issue = {"path": ["a"], "message": "b"}
    refusal = Conflict(
        "Taken.", code="match.token_taken", word="taken", details={"by": "user:1"}, issues=[issue]
    )
    assert (refusal.code, refusal.word) == ("match.token_taken", "taken")
    assert (refusal.details, refusal.issues) == ({"by": "user:1"}, [issue])
