"""Small random books for Hypothesis: few values, so that records meet often."""

from hypothesis import strategies as st

from tests.rules.engine.books import Record

REFERENCES = ["", "R-1", "r1", "R2", "7"]
TEXTS = ["", "pay R-1 now", "R-1,R2", "xR-1", "7 r1", "paid 77", "é7é 7"]


@st.composite
def records(draw: st.DrawFn, most: int = 5, amounts: tuple[int, ...] = (100, 100, 200, -100, 150, 0)) -> list[Record]:
    found = []
    for number in draw(st.permutations(range(1, draw(st.integers(0, most)) + 1))):
        day = draw(st.integers(0, 5))
        found.append(
            Record(
                id=number,
                effect=draw(st.sampled_from(amounts)),
                day=day,
                value_day=draw(st.sampled_from([day, day, day + 1, None])),
                reference=draw(st.sampled_from(REFERENCES)),
                description=draw(st.sampled_from(TEXTS)),
                counterparty=draw(st.sampled_from(["", "", "ACME"])),
                currency=draw(st.sampled_from(["EUR", "EUR", "EUR", "USD"])),
            )
        )
    return found


@st.composite
def plain_records(draw: st.DrawFn, most: int = 6) -> list[Record]:
    """Only days differ, and sometimes the reference: many ties."""
    return [
        Record(id=number, day=draw(st.integers(0, 6)), reference=draw(st.sampled_from(["", "", "R2"])))
        for number in range(1, draw(st.integers(0, most)) + 1)
    ]
