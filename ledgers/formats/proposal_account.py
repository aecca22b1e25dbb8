"""Account numbers in the lines above a table; used by the proposal. Source of the check: ISO 13616, ISO 7064 (MOD 97-10)."""

import re

IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{1,4}){3,8}\b")

LETTERS = {chr(code): str(code - 55) for code in range(65, 91)}


def normal(text: str) -> str:
    return text.replace(" ", "")


def is_iban(text: str) -> bool:
    """Whether the check digits agree: one wrong digit, or two exchanged, never pass."""
    number = normal(text)
    if not 15 <= len(number) <= 34:
        return False
    digits = "".join(LETTERS.get(sign, sign) for sign in number[4:] + number[:4])
    return int(digits) % 97 == 1


def escaped(text: str) -> str:
    """The text as a regular expression, as Rust reads it."""
    return "".join(rf"\{sign}" if sign in r".^$*+?()[]{}|\/-&~#" else sign for sign in text)
