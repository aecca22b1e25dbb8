"""The demo's two months, in EUR and in JPY: ordinary business with the planted faults in it, from a fixed seed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from reconciliation.demo.happenings import (
    BY_DAY,
    BY_REFERENCE,
    IN_PART,
    ONE_ENTRY,
    ONE_LINE,
    Account,
    BankLine,
    BookEntry,
    Group,
    Happening,
    Month,
    Part,
    Plant,
)
from reconciliation.demo.maker import (
    CHARGES,
    CUSTOMERS,
    DIRECT_DEBIT_OUT,
    DIRECT_DEBITS_IN,
    MAKERS_JP,
    PAYROLL,
    SUPPLIERS,
    TRANSFER_IN,
    TRANSFER_OUT,
    TRANSFER_RETURNED,
    Maker,
    business_day_after,
)

EUR = Account(
    "1200", "Bank EUR", "EUR", "DE77999900001234567890", "Musterbank Demo", "MUSTDEFFXXX", 48_215_30
)
JPY = Account(
    "1210", "Bank JPY", "JPY", "CH8399999000123456789", "Beispielbank Demo", "BEISCHZZXXX", 21_480_000
)

PLAIN_EUR, PLAIN_JPY = 272, 104
SEED_EUR, SEED_JPY = 20_260_301, 20_260_302


def eur_month() -> Month:
    make = Maker(EUR, SEED_EUR)
    planted = [
        *_eur_batches(make),
        _returned(make, date(2026, 3, 4), 410_00, "PAY-26-0907", "Papierwerk Altmühl AG", "AC04"),
        _returned(make, date(2026, 3, 17), 1_286_40, "PAY-26-0921", "Spedition Weitblick", "AC01"),
        *_twins(make),
        _fee(make, date(2026, 3, 13), 12_50, "Account maintenance March"),
        _fee(make, date(2026, 3, 26), 7_90, "Charges foreign payment"),
        _missing_line(make),
        _wrong_side(make),
        _amount_off(make),
        _outstanding(make, date(2026, 3, 30), -1_830_00, "PAY-26-0960", "Stadtwerke Musterstadt"),
        _outstanding(make, date(2026, 3, 31), -264_35, "PAY-26-0961", "Druckerei Fünfstern"),
        _outstanding(make, date(2026, 3, 31), -5_112_80, "PAY-26-0962", "Röstmaschinen Oberland"),
        _outstanding(make, date(2026, 3, 31), 777_15, "INV-26-1990", "Fjordhaus ApS"),
    ]
    plain = [_plain_eur(make, place) for place in range(PLAIN_EUR)]
    return Month(EUR, (*planted, *plain))


def jpy_month() -> Month:
    make = Maker(JPY, SEED_JPY)
    day = date(2026, 3, 19)
    amounts = [318_000, 127_500, 54_200]
    entries = [
        make.entry(day, -amount, "PO-JP-77", f"Delivery {n} of PO-JP-77", "supplier_payment")
        for n, amount in enumerate(amounts, start=1)
    ]
    line = make.line(day, -sum(amounts), "PO-JP-77", "PO-JP-77 three deliveries", MAKERS_JP[0], TRANSFER_OUT)
    planted = [
        Happening(Plant.BATCH, "payment of three deliveries", (Group(ONE_LINE, (line,), tuple(entries)),)),
        _returned(make, date(2026, 3, 10), 96_800, "PO-JP-81", "Minato Packaging", "AC04"),
        _outstanding(make, date(2026, 3, 31), -240_000, "PO-JP-99", "Sakura Filter Works"),
    ]
    plain = [_plain_jpy(make, place) for place in range(PLAIN_JPY)]
    return Month(JPY, (*planted, *plain))


# --- ordinary business ----------------------------------------------------------------------------------------


def _plain_eur(make: Maker, place: int) -> Happening:
    """Of twenty payments: eleven invoices paid, four payments made, three collected from us, two without a reference."""
    kind = place % 20
    if kind < 11:
        return _invoice_paid(make)
    if kind < 15:
        return _payment_made(make, SUPPLIERS, "PAY-26-", 1000, (18_00, 9_400_00))
    return _collected_from_us(make) if kind < 18 else _without_reference(make)


def _plain_jpy(make: Maker, place: int) -> Happening:
    if place % 8 == 7:
        return _sale_jpy(make)
    return _payment_made(make, MAKERS_JP, "PO-JP-", 100, (8_000, 900_000))


def _pair(rule: str, title: str, line: BankLine, entry: BookEntry) -> Happening:
    return Happening(Plant.PLAIN, title, (Group(rule, (line,), (entry,)),))


def _invoice_paid(make: Maker) -> Happening:
    day, customer = make.business_day(), make.pick(CUSTOMERS)
    invoice, amount = f"INV-26-{make.number('invoice', 1001)}", make.amount(15_00, 6_200_00)
    line = make.line(day, amount, invoice, f"{invoice} thank you", customer, TRANSFER_IN)
    posted = business_day_after(day, make.whole(0, 1))
    entry = make.entry(posted, amount, invoice, f"Invoice {invoice}, {customer}", "customer_payment")
    return _pair(BY_REFERENCE, "invoice paid", line, entry)


def _payment_made(
    make: Maker, parties: tuple[str, ...], series: str, start: int, amounts: tuple[int, int]
) -> Happening:
    day, supplier = make.business_day(), make.pick(parties)
    order, amount = f"{series}{make.number(series, start)}", make.amount(*amounts)
    line = make.line(day, -amount, order, f"{order} {supplier}", supplier, TRANSFER_OUT)
    posted = business_day_after(day, -make.whole(0, 1))
    entry = make.entry(posted, -amount, order, f"Payment {order}, {supplier}", "supplier_payment")
    return _pair(BY_REFERENCE, "payment made", line, entry)


def _collected_from_us(make: Maker) -> Happening:
    """The books have a voucher number as reference; the bank's reference stands in their text."""
    day, supplier = make.business_day(), make.pick(SUPPLIERS)
    mandate, amount = f"DD{make.number('direct debit', 830001)}", make.amount(9_00, 1_900_00)
    line = make.line(day, -amount, mandate, f"Direct debit {mandate}", supplier, DIRECT_DEBIT_OUT)
    entry = make.entry(
        day,
        -amount,
        f"VB-{make.number('voucher', 301)}",
        f"Direct debit {mandate}, {supplier}",
        "direct_debit",
    )
    return _pair(BY_REFERENCE, "collected from us", line, entry)


def _without_reference(make: Maker) -> Happening:
    """Paid without a reference: only amount and day say that they belong together."""
    day, customer = make.business_day(), make.pick(CUSTOMERS)
    amount = make.amount(20_00, 2_400_00)
    line = make.line(day, amount, "", "Order of last week", customer, TRANSFER_IN)
    posted = business_day_after(day, make.whole(-1, 1))
    shop = f"SO-{make.number('shop order', 5001)}"
    entry = make.entry(posted, amount, shop, f"Shop order {shop}, {customer}", "customer_payment")
    return _pair(BY_DAY, "paid without a reference", line, entry)


def _sale_jpy(make: Maker) -> Happening:
    day, buyer = make.business_day(), make.pick(MAKERS_JP)
    credit, amount = f"CN-JP-{make.number('credit note', 401)}", make.amount(12_000, 1_400_000)
    line = make.line(day, amount, credit, f'Credit note {credit}, "Q1 bonus"', buyer, TRANSFER_IN)
    entry = make.entry(day, amount, credit, f"Bonus {credit}, {buyer}", "supplier_bonus")
    return _pair(BY_REFERENCE, "bonus received", line, entry)


# --- planted --------------------------------------------------------------------------------------------------


def _eur_batches(make: Maker) -> Iterator[Happening]:
    day, parts = (
        date(2026, 3, 6),
        [(59_00, CUSTOMERS[1]), (118_00, CUSTOMERS[3]), (59_50, CUSTOMERS[7]), (236_00, CUSTOMERS[8])],
    )
    inside = tuple(Part(f"SUB-26-03-{n}", amount, party) for n, (amount, party) in enumerate(parts, start=1))
    total = sum(part.amount for part in inside)
    line = make.line(
        day, total, "COLL-26-0306", "Collected direct debits", "", DIRECT_DEBITS_IN, parts=inside
    )
    entries = tuple(
        make.entry(
            day,
            part.amount,
            "COLL-26-0306",
            f"Subscription {part.end_to_end_id}, {part.party}",
            "direct_debit",
        )
        for part in inside
    )
    yield Happening(Plant.BATCH, "direct debits collected in one sum", (Group(ONE_LINE, (line,), entries),))

    day, salaries = date(2026, 3, 27), [3_104_22, 2_877_61, 2_655_00, 3_410_09, 2_248_73, 1_190_40]
    line = make.line(day, -sum(salaries), "SAL-2026-03", "Salaries March 2026", "", PAYROLL)
    entries = tuple(
        make.entry(day, -amount, "SAL-2026-03", f"Salary March, staff no. {70 + n}", "payroll")
        for n, amount in enumerate(salaries, start=1)
    )
    yield Happening(Plant.BATCH, "payroll paid in one sum", (Group(ONE_LINE, (line,), entries),))

    days, shares = [date(2026, 3, 10), date(2026, 3, 11), date(2026, 3, 12)], [900_00, 900_01, 899_99]
    lines = tuple(
        make.line(day, share, "INV-26-0888", f"INV-26-0888 part {n} of 3", CUSTOMERS[4], TRANSFER_IN)
        for n, (day, share) in enumerate(zip(days, shares, strict=True), start=1)
    )
    entry = make.entry(
        days[0], sum(shares), "INV-26-0888", f"Invoice INV-26-0888, {CUSTOMERS[4]}", "customer_payment"
    )
    yield Happening(Plant.BATCH, "one invoice paid in three parts", (Group(ONE_ENTRY, lines, (entry,)),))


def _returned(make: Maker, day: date, amount: int, order: str, supplier: str, reason: str) -> Happening:
    back = business_day_after(day, 2)
    out = make.line(day, -amount, order, f"{order} {supplier}", supplier, TRANSFER_OUT)
    paid = make.entry(day, -amount, order, f"Payment {order}, {supplier}", "supplier_payment")
    returned = make.line(
        back, amount, order, f"Return of {order}", supplier, TRANSFER_RETURNED, return_reason=reason
    )
    reversal = make.entry(back, amount, order, f"Reversal of payment {order}, {supplier}", "reversal")
    groups = (Group(BY_REFERENCE, (out,), (paid,)), Group(BY_REFERENCE, (returned,), (reversal,)))
    return Happening(Plant.RETURN, f"{order} paid and sent back", groups)


def _twins(make: Maker) -> Iterator[Happening]:
    """Two payments alike in all but the bank's own id: both real."""
    for n in (1, 2):
        day, amount, invoice = date(2026, 3, 24), 149_90, "INV-26-0915"
        line = make.line(day, amount, invoice, f"{invoice} instalment", CUSTOMERS[9], TRANSFER_IN)
        entry = make.entry(day, amount, invoice, f"Instalment {invoice}, {CUSTOMERS[9]}", "customer_payment")
        yield Happening(
            Plant.TWIN, f"{invoice} instalment {n} of 2", (Group(BY_REFERENCE, (line,), (entry,)),)
        )


def _fee(make: Maker, day: date, amount: int, text: str) -> Happening:
    line = make.line(day, -amount, "", text, "", CHARGES)
    return Happening(Plant.FEE, text, open_lines=(line,))


def _missing_line(make: Maker) -> Happening:
    day, order, supplier = date(2026, 3, 18), "PAY-26-0933", "Glasbläserei Ilm"
    line = make.line(day, -1_842_60, order, f"{order} {supplier}", supplier, TRANSFER_OUT, stated=False)
    entry = make.entry(day, -1_842_60, order, f"Payment {order}, {supplier}", "supplier_payment")
    return Happening(Plant.MISSING_LINE, f"{order}, {supplier}", open_lines=(line,), open_entries=(entry,))


def _wrong_side(make: Maker) -> Happening:
    day, invoice, customer = date(2026, 3, 11), "INV-26-0902", "Gartenbau Immergrün"
    line = make.line(day, 640_00, invoice, f"{invoice} thank you", customer, TRANSFER_IN)
    entry = make.entry(day, -640_00, invoice, f"Invoice {invoice}, {customer}", "customer_payment")
    return Happening(Plant.WRONG_SIDE, f"{invoice}, {customer}", open_lines=(line,), open_entries=(entry,))


def _amount_off(make: Maker) -> Happening:
    day, invoice, customer = date(2026, 3, 20), "INV-26-0911", "Isarwinkel Sport GmbH"
    line = make.line(day, 2_379_65, invoice, f"{invoice} less charges", customer, TRANSFER_IN)
    entry = make.entry(day, 2_380_00, invoice, f"Invoice {invoice}, {customer}", "customer_payment")
    groups = (Group(IN_PART, (line,), (entry,)),)
    return Happening(Plant.AMOUNT_OFF, f"{invoice}, {customer}", groups)


def _outstanding(make: Maker, day: date, amount: int, reference: str, party: str) -> Happening:
    paid_by_us = amount < 0
    what, event = ("Payment", "supplier_payment") if paid_by_us else ("Invoice", "customer_payment")
    entry = make.entry(day, amount, reference, f"{what} {reference}, {party}", event)
    return Happening(Plant.OUTSTANDING, f"{reference}, {party}", open_entries=(entry,))
