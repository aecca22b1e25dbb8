"""Every MT940, MT942, BAI2, OFX and QIF file of the samples gives its facts, or is refused for a stated reason.

`pytest -s` prints a table: per file read or refused, and why.
"""

from decimal import Decimal
from functools import cache
from itertools import pairwise

import pytest

from ledgers.formats import HEAD_BYTES, Balance, FileRefused, detect
from tests.ledgers.formats.reading import Reading, assert_helpful, read, refused
from tests.ledgers.formats.samples import load, major, needs_samples, path

pytestmark = needs_samples

FORMATS = ("mt940", "bai2", "ofx", "qif")
ENTRIES = {name: entry for name, entry in load("facts.json").items() if name.split("/")[0] in FORMATS}

NO_END = "the closing balance or the end of the message is missing: it may have been cut off there"
NOT_A_DAY = "a date that no calendar has (30 or 31 November)"
NOT_UTF8 = "neither UTF-8 nor declared; read rightly once it is (below)"
NO_STATEMENT = "no statement in it"
INVESTMENT = "an investment statement"
TOTALS = "its own control totals disagree"

REFUSED = {
    "mt940/betterplace+mt940_parser/sepa_snippet_broken.txt": (
        "file.rows",
        "two accounts (:25:) in one message",
    ),
    "mt940/wolph+mt940/sepa_snippet_broken.sta": ("file.rows", "two accounts (:25:) in one message"),
    "mt940/fruitl00p+php-mt940/Rabo__sample2": ("file.rows", "a point in its amounts"),
    "mt940/ksdev-pl+mbank-mt940-parser/MT940_IPH.txt": ("file.encoding", NOT_UTF8),
    "mt940/ksdev-pl+mbank-mt940-parser/MT940_multiple_accounts.txt": ("file.encoding", NOT_UTF8),
    "mt940/my-flow+mt940/missing_closing_record_62F.sta": (
        "file.currency",
        "no balance at all, so no currency",
    ),
    "mt940/my-flow+mt940/sepa_snippet_broken_3.sta": ("file.cut_off", NO_END),
    "mt940/my-flow+mt940/transactions.sta": ("file.encoding", NOT_UTF8),
    "mt940/railslove+cmxl/mt940-deutsche_bank.txt": ("file.rows", NOT_A_DAY),
    "mt940/railslove+cmxl/mt940-headers.txt": ("file.rows", "made-up dates and amounts"),
    "mt940/railslove+cmxl/mt940-iso8859-1.txt": ("file.encoding", NOT_UTF8),
    "mt940/railslove+cmxl/mt940.txt": ("file.rows", NOT_A_DAY),
    "mt940/wolph+mt940/account_identification.sta": ("file.cut_off", NO_END),
    "mt940/wolph+mt940/gv_codes.sta": ("file.cut_off", NO_END),
    "mt940/wolph+mt940/multiline.sta": ("file.rows", "a line behind the end of its message"),
    "mt940/wolph+mt940/self-provided__mt942.sta": ("file.totals", TOTALS),
    "mt940/zilverline+mt940/knab_invalid.txt": ("file.cut_off", NO_END),
    "bai2/moov-io+bai2/sample4-continuations-newline-delimited.txt": ("file.totals", TOTALS),
    "bai2/moov-io+bai2/sample5-issue113.txt": ("file.totals", TOTALS),
    "ofx/asgrim+ofxparser/ofxdata-banking-xml200.ofx": ("file.rows", "a transaction that was snipped out"),
    "ofx/asgrim+ofxparser/ofxdata-investments-multiple-accounts-xml.ofx": ("file.investment", INVESTMENT),
    "ofx/asgrim+ofxparser/ofxdata-investments-oneline-xml.ofx": ("file.investment", INVESTMENT),
    "ofx/jseutter+ofxparse/account_listing_aggregation.ofx": ("file.empty", NO_STATEMENT),
    "ofx/jseutter+ofxparse/date_missing.ofx": ("file.rows", "transactions without a date"),
    "ofx/jseutter+ofxparse/error_message.ofx": ("file.empty", "the bank answers with an error"),
    "ofx/jseutter+ofxparse/fidelity.ofx": ("file.investment", INVESTMENT),
    "ofx/jseutter+ofxparse/investment_401k.ofx": ("file.investment", INVESTMENT),
    "ofx/jseutter+ofxparse/investment_medium.ofx": ("file.investment", INVESTMENT),
    "ofx/jseutter+ofxparse/signon_fail.ofx": ("file.empty", NO_STATEMENT),
    "ofx/jseutter+ofxparse/td_ameritrade.ofx": ("file.investment", INVESTMENT),
    "ofx/jseutter+ofxparse/tiaacref.ofx": ("file.investment", INVESTMENT),
    "ofx/jseutter+ofxparse/vanguard.ofx": ("file.investment", INVESTMENT),
    "ofx/jseutter+ofxparse/vanguard401k.ofx": ("file.investment", INVESTMENT),
    "ofx/reubano+csv2ofx/default_w_splits.ofx": ("file.empty", NO_STATEMENT),
    "ofx/stoicflame+ofx4j/example-response2.ofx": ("file.cut_off", "no </OFX>"),
    "ofx/stoicflame+ofx4j/mercantile-brokerage-services-profile.ofx": ("file.empty", NO_STATEMENT),
    "ofx/stoicflame+ofx4j/pag-seguro.ofx": ("file.rows", "a balance's date in another form (30/06/2025)"),
    "ofx/stoicflame+ofx4j/simple.ofx": ("file.empty", NO_STATEMENT),
    "ofx/stoicflame+ofx4j/wells-fargo-investments-profile.ofx": ("file.empty", NO_STATEMENT),
    "qif/isaacharrisholt+quiffen/test.qif": ("file.investment", INVESTMENT),
    "qif/isaacharrisholt+quiffen/test_category_inherit.qif": ("file.empty", NO_STATEMENT),
    "qif/isaacharrisholt+quiffen/test_option_autoswitch.qif": ("file.empty", NO_STATEMENT),
    "qif/isaacharrisholt+quiffen/test_unknown_account_type.qif": ("file.investment", INVESTMENT),
    "qif/reubano+csv2ofx/investment_example.qif": ("file.investment", INVESTMENT),
}

ENCODED = {
    "mt940/ksdev-pl+mbank-mt940-parser/MT940_multiple_accounts.txt": "iso-8859-2",
    "mt940/my-flow+mt940/transactions.sta": "windows-1252",
}
"""Read once the encoding is declared. The two others that are not UTF-8 have other faults: no closing balance, 31 November."""

LOWER_CASE_MARK = "mt940/cpetschnig+mt940/MT940_voorbeeldbestanden_abnamro.txt"
"""Its facts leave out one line, with the mark d. We read it, and its statement then adds up (5138.61 - 1.01 = 5137.60)."""

READ = sorted(set(ENTRIES) - set(REFUSED) - {LOWER_CASE_MARK})


def is_confirmed(name: str) -> bool:
    """Whether the facts are those by which a file is judged: two parsers agree, or control totals were checked."""
    trust = ENTRIES[name]["trust"]
    return " agree" in trust or "control totals" in trust


@cache
def reading(name: str, **declared: str) -> Reading:
    """QIF names no currency, and BAI2 need not: an organization would say it."""
    currency = "USD" if name.startswith(("qif", "bai2")) else None
    return read(path(name).read_bytes(), currency=currency, **declared)


def test_every_file_is_judged():
    by_format = {format_: sum(name.startswith(format_) for name in ENTRIES) for format_ in FORMATS}
    assert by_format == {"mt940": 126, "bai2": 8, "ofx": 54, "qif": 18}
    assert set(REFUSED) < set(ENTRIES)


@pytest.mark.parametrize("name", READ)
def test_a_file_gives_its_facts(name):
    agree(name, reading(name))


@pytest.mark.parametrize("name", sorted(ENCODED))
def test_a_file_gives_its_facts_once_its_encoding_is_declared(name):
    agree(name, reading(name, encoding=ENCODED[name]))


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_file_is_refused_with_its_reason(name):
    assert (
        refused(path(name).read_bytes(), currency=None if name.startswith("mt") else "USD").code
        == REFUSED[name][0]
    )


def test_a_mark_in_small_letters_is_read():
    got = reading(LOWER_CASE_MARK)
    facts = ENTRIES[LOWER_CASE_MARK]["facts"]
    assert len(got.rows) == facts["entries"] + 1
    assert sums_of(got) == (Decimal(facts["sum_credit"]), Decimal(facts["sum_debit"]) + Decimal("1.01"))


def agree(name: str, got: Reading) -> None:
    facts = ENTRIES[name]["facts"]
    assert len(got.rows) == facts["entries"] == sum(end.lines for end in got.ends)
    assert len(got.starts) == len(got.ends)
    {"mt940": mt_agrees, "bai2": bai2_agrees, "ofx": ofx_agrees, "qif": qif_agrees}[name.split("/")[0]](
        facts, got
    )


def mt_agrees(facts: dict, got: Reading) -> None:
    stated = joined_pages(facts["statement_list"])
    assert len(got.starts) == len(stated)
    assert sums_of(got) == (Decimal(facts["sum_credit"]), Decimal(facts["sum_debit"]))
    for one, start, end in zip(stated, got.starts, got.ends, strict=True):
        currency = start.currency or ""
        assert one["currency"] in (None, currency)
        assert start.account == one["account"].replace(" ", "").removesuffix(currency)
        assert end.lines == one["entries"]
        assert balance_of(end.opening) == stated_balance(one["opening"])
        assert balance_of(end.closing) == stated_balance(one["closing"])
        if end.opening and end.closing:
            closing = end.opening.amount_signed_minor + end.credit_sum - end.debit_sum
            assert (closing == end.closing.amount_signed_minor) is one["balance_check"]


def joined_pages(stated: list[dict]) -> list[dict]:
    """The facts count pages of one statement (60M, 62M) apart."""
    found = stated[:1]
    for before, page in pairwise(stated):
        same = [before["account"], *before["number"].split("/")[:1]] == [
            page["account"],
            *page["number"].split("/")[:1],
        ]
        pages = [int(one["number"].partition("/")[2] or 0) for one in (before, page)]
        tags = [before["closing"] and before["closing"]["tag"], page["opening"] and page["opening"]["tag"]]
        if same and tags == ["62M", "60M"] and pages[1] == pages[0] + 1:
            last = found.pop()
            sound = last["balance_check"] and page["balance_check"]
            entries = last["entries"] + page["entries"]
            found.append({**last, "closing": page["closing"], "entries": entries, "balance_check": sound})
        else:
            found.append(page)
    return found


def balance_of(balance: Balance | None) -> tuple | None:
    if balance is None:
        return None
    return (
        balance.kind,
        major(balance.amount_signed_minor, balance.currency),
        balance.currency,
        str(balance.date),
    )


def stated_balance(facts: dict | None) -> tuple | None:
    return facts and (facts["tag"], Decimal(facts["signed"]), facts["ccy"], facts["date"])


def sums_of(got: Reading) -> tuple[Decimal, Decimal]:
    """Facts add up over currencies; ours are apart."""
    parts = [part for end in got.ends for part in end.sums]
    credit = sum((major(part.credit_sum, part.currency) for part in parts), Decimal(0))
    return credit, sum((major(part.debit_sum, part.currency) for part in parts), Decimal(0))


def bai2_agrees(facts: dict, got: Reading) -> None:
    stated = [(group, account) for group in facts["group_list"] for account in group["accounts"]]
    assert len(got.starts) == len(stated)
    for (group, account), start, end in zip(stated, got.starts, got.ends, strict=True):
        assert start.account == account["account"]
        assert start.currency == (account["currency"] or group["currency"] or "USD")
        assert f"{start.from_date:%y%m%d}" == f"{start.to_date:%y%m%d}" == group["as_of_date"]
        assert (end.credit_sum, end.debit_sum) == (
            int(account["sum_credit_minor"]),
            int(account["sum_debit_minor"]),
        )
        for balance, name in ((end.opening, "opening_ledger_minor"), (end.closing, "closing_ledger_minor")):
            assert (balance and balance.amount_signed_minor) == (
                int(account[name]) if name in account else None
            )


def ofx_agrees(facts: dict, got: Reading) -> None:
    assert len(got.starts) == facts["statements"]
    for one, start, end in zip(facts["statement_list"], got.starts, got.ends, strict=True):
        assert start.account == (one["account"] or None)
        assert start.currency == one["currency"].upper()
        for day, said in ((start.from_date, one["dtstart"]), (start.to_date, one["dtend"])):
            assert (f"{day:%Y%m%d}" if day else None) == (said[:8] if said else None)
        assert major(end.credit_sum, start.currency) == Decimal(one["sum_credit"])
        assert major(end.debit_sum, start.currency) == Decimal(one["sum_debit"])
        closing = end.closing and (
            major(end.closing.amount_signed_minor, start.currency),
            f"{end.closing.date:%Y%m%d}",
        )
        assert closing == (one["closing"] and (Decimal(one["closing"]["signed"]), one["closing"]["date"][:8]))
        assert end.opening is None
        ids = [row["external_id"] for row in got.rows]
        assert len([known for known in ids if not known]) == sum(
            part["without_fitid"] for part in facts["statement_list"]
        )


def qif_agrees(facts: dict, got: Reading) -> None:
    assert sums_of(got) == (Decimal(facts["sum_credit"]), Decimal(facts["sum_debit"]))
    registers = [section for section in facts["sections"] if section["bank_transactions"]]
    assert [end.lines for end in got.ends] == [section["bank_transactions"] for section in registers]


def test_the_table():
    """Read or refused, per file. Shown by `pytest -s`; a confirmed file is refused only for a reason that stands above."""
    counts: dict[str, list[int]] = {}
    for name in sorted(ENTRIES):
        content = path(name).read_bytes()
        format_ = detect(content[:HEAD_BYTES])
        count = counts.setdefault(name.split("/")[0], [0, 0, 0])
        count[2] += is_confirmed(name)
        try:
            got = reading(name)
        except FileRefused as refusal:
            assert_helpful(refusal)
            count[1] += 1
            print(f"{format_:6} refused  {name}: {refusal.code}, {REFUSED[name][1]}")
        else:
            count[0] += 1
            print(f"{format_:6} read     {name}: {len(got.rows)} lines, {len(got.ends)} statements")
    for name, (taken, left, confirmed) in counts.items():
        print(f"{name}: {taken} read, {left} refused; the facts of {confirmed} are confirmed")
    assert {name: count[:2] for name, count in counts.items()} == {
        "mt940": [109, 17],
        "bai2": [6, 2],
        "ofx": [34, 20],
        "qif": [13, 5],
    }
