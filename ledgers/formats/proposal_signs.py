"""Which way the money went: from signs, directions and running balances; used by the proposal."""

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from ledgers.formats.declaration import CREDIT_POSITIVE, DEBIT_POSITIVE, UNSIGNED, UNSIGNED_REVERSALS
from ledgers.formats.proposal_money import value_of
from ledgers.formats.proposal_questions import Question
from ledgers.formats.proposal_roles import DIRECTIONS, Column, Roles
from ledgers.formats.proposal_table import Found
from ledgers.formats.proposal_words import plain_name

if TYPE_CHECKING:
    from ledgers.formats.proposal import Draft

CARD_WORDS = ("card", "karte", "carta", "carte", "merchant", "handler", "kartennummer")

LABELS = {
    CREDIT_POSITIVE: "above zero is money in",
    DEBIT_POSITIVE: "above zero is money out, as on a card's statement",
    UNSIGNED_REVERSALS: "below zero takes back, so that it goes the other way",
}


def propose_signs(roles: Roles, found: Found, draft: "Draft") -> None:
    if roles.pairs:
        _of_pairs(roles, draft)
    if roles.has("debit"):
        _of_two_columns(roles, draft)
    elif roles.has("amount"):
        _of_one_column(roles, found, draft)


def _of_pairs(roles: Roles, draft: "Draft") -> None:
    """Two columns without names: the running balance says which is which, or a person."""
    mark = draft.told["decimal_mark"]
    ways = [way for first, second in roles.pairs for way in ((first, second), (second, first))]
    shown = [
        (way, balance)
        for way in ways
        for balance in roles.spare_amounts
        if balance not in way and _steps_agree(way, balance, mark)
    ]
    chosen = shown[0][0] if shown else ways[0]
    columns = {"debit": [chosen[0].name], "credit": [chosen[1].name]}
    roles.columns["debit"], roles.columns["credit"] = [chosen[0]], [chosen[1]]
    if shown and all(way == chosen for way, _balance in shown):
        columns["balance"] = [shown[0][1].name]
        roles.columns["balance"] = [shown[0][1]]
        draft.certain += ["columns.debit", "columns.credit", "columns.balance"]
    else:
        choices = [
            (
                f"{out.name} is money out, {into.name} money in",
                {"columns": {"debit": [out.name], "credit": [into.name]}},
            )
            for out, into in [chosen, *(way for way in ways if way != chosen)]
        ]
        why = "Each row fills one of two columns, and nothing says which is which."
        draft.questions.append(Question.of_changes("columns.debit", choices, why, chosen[0].texts[0]))
    draft.told["columns"].update(columns)


def _steps_agree(way: tuple[Column, Column], balance: Column, mark: str) -> bool:
    debits, credits = (_values(column, mark) for column in way)
    values = {line: -abs(value) for line, value in debits.items() if value}
    values |= {line: abs(value) for line, value in credits.items() if value}
    levels = _values(balance, mark)
    lines = [line for line in sorted(values) if line in levels]
    steps = list(pairwise(lines))
    if len(steps) < 2:
        return False
    rising = sum(levels[b] - levels[a] == values[b] for a, b in steps)
    falling = sum(levels[a] - levels[b] == values[a] for a, b in steps)
    return max(rising, falling) * 3 >= len(steps) * 2


def _of_two_columns(roles: Roles, draft: "Draft") -> None:
    debit, credit = roles.columns["debit"][0], roles.columns["credit"][0]
    mark = draft.told["decimal_mark"]
    debits, credits = _values(debit, mark), _values(credit, mark)
    both = set(debits) & set(credits)
    if both and all((debits[line] == 0) != (credits[line] == 0) for line in both):
        draft.settle("zero_is_empty", True)
    taken_back = [value for value in credits.values() if value < 0]
    out = [value for value in debits.values() if value]
    if not any(value < 0 for value in out) and not taken_back:
        draft.settle("sign_convention", UNSIGNED)
    elif out and all(value < 0 for value in out) and not taken_back:
        draft.settle("sign_convention", CREDIT_POSITIVE)
    else:
        choices = [CREDIT_POSITIVE, UNSIGNED_REVERSALS]
        if sum(value > 0 for value in out) * 2 > len(
            out
        ):  # money in, by the first: each of these would be an error
            choices.reverse()
        _ask(draft, choices, "Some amounts of the two columns have a sign, and some have none.", debit)


def _of_one_column(roles: Roles, found: Found, draft: "Draft") -> None:
    amount = roles.columns["amount"][0]
    values = _values(amount, draft.told["decimal_mark"])
    below, above = [v for v in values.values() if v < 0], [v for v in values.values() if v > 0]
    direction = roles.first("direction")
    if direction is not None and _by_direction(direction, values, bool(below), draft):
        return
    roles.columns.pop("direction", None)
    draft.told["columns"].pop("direction", None)
    card = any(part in plain_name(name) for name in found.names or [] for part in CARD_WORDS)
    convention = _by_balance(roles, values, draft)
    if convention and not (card and convention == CREDIT_POSITIVE and len(above) > len(below)):
        draft.settle("sign_convention", convention)
        return  # but what a card's purchases add to may be a debt
    draft.told["sign_convention"] = CREDIT_POSITIVE
    if below and not card:
        draft.certain.append("sign_convention")
        return
    why = (
        "The file looks like a card's statement, on which signs may be the other way round."
        if card
        else ("No amount is below zero, and no other column says which way the money went.")
    )
    first = DEBIT_POSITIVE if card and len(above) > len(below) else CREDIT_POSITIVE
    other = CREDIT_POSITIVE if first == DEBIT_POSITIVE else DEBIT_POSITIVE
    _ask(draft, [first, other], why, amount)


def _ask(draft: "Draft", conventions: list[str], why: str, column: Column) -> None:
    draft.told["sign_convention"] = conventions[0]
    choices = [(LABELS[each], {"sign_convention": each}) for each in conventions]
    draft.questions.append(Question.of_changes("sign_convention", choices, why, ", ".join(column.texts[:3])))


def _by_direction(direction: Column, values: dict[int, Decimal], signed: bool, draft: "Draft") -> bool:
    """A column of directions decides: by itself where no amount has a sign, else it says what signs mean."""
    words = dict(zip(direction.lines, (DIRECTIONS[text.casefold()] for text in direction.texts), strict=True))
    told = {line: words[line] for line in values if line in words and values[line]}
    if not signed:
        if len(told) < sum(1 for value in values.values() if value):
            return False
        draft.settle("sign_convention", UNSIGNED)
        used = sorted(set(direction.texts))
        draft.settle("value_maps", {"direction": {text: DIRECTIONS[text.casefold()] for text in used}})
        return True
    draft.told["columns"].pop("direction", None)
    for convention, positive in ((CREDIT_POSITIVE, "credit"), (DEBIT_POSITIVE, "debit")):
        if told and all((values[line] > 0) == (word == positive) for line, word in told.items()):
            draft.settle("sign_convention", convention)
            return True
    return False


def _by_balance(roles: Roles, values: dict[int, Decimal], draft: "Draft") -> str:
    """The convention under which the running balance follows from the amounts, if most steps follow from one only."""
    balance = roles.first("balance")
    if balance is None:
        return ""
    levels = _values(balance, draft.told["decimal_mark"])
    lines = [line for line in values if line in levels]
    steps = [(a, b) for a, b in pairwise(lines) if values[a] and values[b]]
    if len(steps) < 2:
        return ""
    counts = {}
    for convention, sign in ((CREDIT_POSITIVE, 1), (DEBIT_POSITIVE, -1)):
        rising = sum(levels[b] - levels[a] == sign * values[b] for a, b in steps)
        falling = sum(levels[a] - levels[b] == sign * values[a] for a, b in steps)
        counts[convention] = max(rising, falling)
    best = max(counts, key=lambda each: counts[each])
    other = min(counts.values())
    return best if counts[best] * 2 > len(steps) and other * 4 < counts[best] else ""


def _values(column: Column, mark: str) -> dict[int, Decimal]:
    found = {}
    for line, text in zip(column.lines, column.texts, strict=True):
        value = value_of(text, mark)
        if value is not None:
            found[line] = value
    return found
