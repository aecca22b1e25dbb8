"""Rows for the property tests of MT, BAI2, OFX and QIF: what each format can carry."""

from datetime import date, timedelta

from hypothesis import strategies as st

# No sign that begins a field or a subfield in one of the formats; blanks at the ends and double ones are folded by readers.
_letters = st.characters(codec="utf-8", categories=("L", "Nd"), include_characters=" .()'#&;!")
texts = st.text(_letters, max_size=60).map(lambda text: " ".join(text.split()))
filled = texts.filter(bool)
ids = st.text("ABCDEFGHJKLMNOPQRSTUVWXYZ0123456789", max_size=14).filter(
    lambda text: text not in {"NONREF", "NOTPROVIDED", "NOREF", "EREF", "KREF", "MARF", "PREF"}
)
days = st.dates(date(1981, 1, 1), date(2078, 12, 31))


@st.composite
def rows(draw) -> dict:
    day = draw(days)
    return {
        "date": day,
        "value_date": day + timedelta(days=draw(st.integers(-140, 140))),
        "amount": draw(st.integers(1, 10**12)),  # 0 has no sign: OFX and QIF cannot say its direction
        "direction": draw(st.sampled_from(["credit", "debit"])),
        "reference": draw(ids),
        "description": draw(filled),
        "counterparty": draw(st.text(_letters, max_size=27).map(lambda text: " ".join(text.split()))),
        "external_id": draw(ids),
    }


statements = st.lists(st.lists(rows(), max_size=4), min_size=1, max_size=3)
