"""What the facts of the CSV samples do not say, found by reading the files: keys of a declaration, and what is right where
the collector's own parse was not. Paths are those of the samples, below their folder `csv`."""

from typing import Any

SWISS, UNIVERSAL = "BananaAccounting+Switzerland", "BananaAccounting+Universal"

JOINED = {"undated_rows": "join"}
DETAILS = {"undated_rows": "join", "rows_without_amount": "skip", "short_rows": True}
DOLLARS = {"date_format": "MM/DD/YYYY", "currency_signs": ["$"], "thousands": ","}
CARD = {"sign_convention": "debit_positive"}
IN_OUT = {"sign_convention": "unsigned", "value_maps": {"direction": {"IN": "credit", "OUT": "debit"}}}
DISCLAIMER = {"footer_pattern": "^Disclaimer:"}


def footer(pattern: str, **more: Any) -> dict[str, Any]:
    return {"footer_pattern": pattern, **more}


OVERRIDES: dict[str, dict[str, Any]] = {
    f"{SWISS}/csv_akb_example_format1_20150713.csv": JOINED,
    f"{SWISS}/csv_bancastato_example_format5_20231123USD.csv": {
        "roles": {"debit": ["Addebiti (USD)"], "credit": ["Accrediti (USD)"], "balance": ["Saldo (USD)"]},
        "sign_convention": "unsigned",
        "thousands": "\ufffd",
        "rows_without_amount": "refuse",
        "currency": "USD",
    },
    f"{SWISS}/csv_blkb_example_format1_20190218.csv": {
        "skip_pattern": "^(Umsatztotal|Schlusssaldo|Anfangssaldo);"
    },
    f"{SWISS}/csv_blkb_example_format3_20160629.csv": {"date_format": "M/D/YYYY"},
    f"{SWISS}/csv_blkb_example_format4_20260202.csv": JOINED,
    f"{SWISS}/csv_cornerbank_example_format2_EUR_20230503.csv": {**JOINED, "currency": "EUR"},
    f"{SWISS}/csv_cornerbank_example_format3_CHF_20240610.csv": JOINED,
    f"{SWISS}/transactions.CSV": JOINED,
    f"{SWISS}/csv_creditsuisse_example_format1_20111109.csv": footer("^Merat at"),
    f"{SWISS}/csv_creditsuisse_example_format1_20121115.csv": footer("^Varda Volune"),
    f"{SWISS}/csv_creditsuisse_example_format4_20230901.csv": footer("^PUPRO TENTAE"),
    f"{SWISS}/csv_creditsuisse_example_format4_20230905.csv": footer("^SERIT MAGNIS"),
    f"{SWISS}/csv_creditsuisse_example_format5_20240108.csv": footer("^NUIUM DECUCI"),
    f"{SWISS}/csv_creditsuisse_example_format5_20240901.csv": {
        "skip_pattern": "^Alegatinam,"
    },  # not booked yet
    f"{SWISS}/csv_creditsuisse_example_format5_20251003.csv": footer("^TOTAL SPALTE"),
    f"{SWISS}/csv_lkb_example_format1_2010092.csv": JOINED,
    f"{SWISS}/csv_lkb_example_format4_20190122.csv": footer("^Funicutultia;"),
    f"{SWISS}/csv_lkb_example_format6_20241231.csv": JOINED,
    f"{SWISS}/csv_postfinance_example_format1_20030903-B.csv": footer(
        "^Notam et", padding=True, rows_without_amount="skip"
    ),
    f"{SWISS}/csv_postfinance_example_format2_20090401.csv": {
        "roles": {"value_date": []}
    },  # digits were scrambled
    f"{SWISS}/csv_postfinance_example_format2_CreditCard_20241118-DE.csv": DISCLAIMER,
    f"{SWISS}/csv_postfinance_example_format2_CreditCard_20241118-EN.csv": DISCLAIMER,
    f"{SWISS}/csv_postfinance_example_format2_CreditCard_20241118-FR.csv": DISCLAIMER,
    f"{SWISS}/csv_postfinance_example_format2_CreditCard_20241118-IT.csv": DISCLAIMER,
    f"{SWISS}/csv_postfinance_example_format4_20230509.csv": footer(
        "^Ocusciptus:", rows_without_amount="skip"
    ),
    f"{SWISS}/csv_postfinance_example_format6_20240222-IT.csv": footer("^Tunutanete:"),
    f"{SWISS}/csv_postfinance_example_format6_20240226-FR.csv": DISCLAIMER,
    f"{SWISS}/csv_postfinance_example_format6_20240228-EN.csv": footer("^Reniuvivit:"),
    f"{SWISS}/csv_postfinance_example_format6_20240407-noenddate.csv": DISCLAIMER,
    f"{SWISS}/csv_example_format2_20161231.csv": {
        "roles": {
            "booking_date": ["Booked At"],
            "value_date": ["Valuta Date"],
            "description": ["Text"],
            "amount": ["Credit/Debit Amount"],
            "balance": ["Balance"],
        },
        "delimiter": ";",
        "header": True,
        "quotes": False,
        **JOINED,
    },
    f"{SWISS}/csv_example_format5_20181025.csv": {
        "roles": {"booking_date": ["Booked At"]},
        "skip_pattern": "^;",  # details, in the column of the date
    },
    f"{SWISS}/csv_example_format5_20250326.csv": JOINED,
    f"{SWISS}/csv_swisscard_example_format1_de_20230502.csv": CARD,
    f"{SWISS}/csv_swisscard_example_format1_it_20230502.csv": CARD,
    f"{SWISS}/csv_swisscard_example_format2_de_20260415.csv": CARD,
    f"{SWISS}/csv_swisscard_example_format2_en_20241015.csv": {**CARD, "roles": {"direction": []}},
    f"{SWISS}/csv_tkb_example_format1_20100927.csv": JOINED,
    f"{SWISS}/csv_ubs_example_format1_20120629.csv": footer(
        "^Prate funis;", roles={"booking_date": ["Date de comptabilisation"]}, **DETAILS
    ),
    f"{SWISS}/csv_ubs_example_format1_20160908.csv": footer(
        "^Novum divisu;", roles={"booking_date": ["Data di registrazione"]}, **DETAILS
    ),
    f"{SWISS}/csv_ubs_example_format1_20230313_01.csv": footer(
        "^Uxeruntenula;", roles={"booking_date": ["Buchungsdatum"]}, **DETAILS
    ),
    f"{SWISS}/csv_ubs_example_format3_fr_20241205.csv": JOINED,
    f"{SWISS}/csv_ubs_example_format3_fr_20251022.csv": JOINED,
    f"{SWISS}/csv_ubs_example_format3_it_wdetails_20241111.csv": JOINED,
    f"{SWISS}/csv_viseca_one_example_format3a_20250611.csv": CARD,
    f"{SWISS}/xls_viseca_one_example_format1_20240828.csv": {
        "roles": {"amount": ["BRUTTOBETRAG RECHNUNG"], "currency": ["KARTENWäHRUNG"]}
    },
    f"{SWISS}/xls_viseca_one_example_format2_20241001.csv": {
        "roles": {"amount": ["BRUTTOBETRAG RECHNUNG"], "currency": []}
    },
    f"{SWISS}/csv_yuh_example_format1_20250218.csv": {"rows_without_amount": "skip"},
    f"{SWISS}/csv_zkb_example_format1_20090308.csv": JOINED,
    f"{SWISS}/csv_zkb_example_format2_20121012.csv": {**JOINED, "short_rows": True},
    f"{SWISS}/csv_zkb_example_format3_20161201.csv": JOINED,
    f"{SWISS}/csv_zkb_example_format3_20170130B.csv": JOINED,
    f"{SWISS}/csv_zkb_example_format3_20171230.csv": JOINED,
    f"{SWISS}/csv_zkb_example_format3_20220614.csv": {
        "roles": {"booking_date": ["Datum"]},
        "space_before_cells": True,
        **JOINED,
    },
    f"{UNIVERSAL}/ch.banana.chase.transactions.format1.csv": {"date_format": "MM/DD/YYYY"},
    f"{UNIVERSAL}/ch.banana.filter.import.paypal.#It20240624.csv": {
        "roles": {
            "amount": ["Netto"],
            "balance": ["Saldo"],
            "value_date": [],
            "external_id": ["Codice transazione"],
            "counterparty": ["Nome"],
        },
        "thousands": ".",
        "rows_without_amount": "refuse",
    },
    f"{UNIVERSAL}/ch.banana.filter.import.paypal.#cash20140529.csv": {
        "several_currencies": True,
        "space_before_cells": True,
    },
    f"{UNIVERSAL}/ch.banana.filter.import.paypal.#claudia20140526.csv": {
        "roles": {"balance": []},  # "..." in two rows
        "several_currencies": True,
        "space_before_cells": True,
    },
    f"{UNIVERSAL}/download2.csv": {"several_currencies": True},
    f"{UNIVERSAL}/ch.banana.revolut.transactions.business3_20240724.csv": {
        "roles": {"amount": ["Amount"], "currency": ["Payment currency"]}
    },
    f"{UNIVERSAL}/ch.banana.revolut.transactions.business_exp1_EUR_20240131.csv": {
        "roles": {"booking_date": ["Transaction started (UTC)"]}
    },
    f"{UNIVERSAL}/ch.banana.revolut.transactions.private1_20222609.csv": {
        "roles": {"balance": []}
    },  # two in one cell
    f"{UNIVERSAL}/ch.banana.wise.transactions.business2_20240423.csv": {
        "roles": {
            "booking_date": ["Finished on"],
            "amount": ["Source amount (after fees)"],
            "direction": ["Direction"],
            "currency": ["Source currency"],
        },
        **IN_OUT,
    },
    f"{UNIVERSAL}/ch.banana.wise.transactions.business2_DE_20240719.csv": {
        "roles": {
            "booking_date": ["Abgeschlossen am"],
            "amount": ["Ausgangsbetrag (nach Gebühren)"],
            "direction": ["Richtung"],
            "currency": ["Ausgangswährung"],
        },
        **IN_OUT,
    },
    "adnilsson+Bank2YNAB4/revolut_v2.csv": {"roles": {"booking_date": ["Completed Date"]}},
    "bank2ynab+bank2ynab/TransactionHistory_20180418043121.csv": {
        **JOINED,
        "short_rows": True,
        "currency": "SGD",
    },
    "bank2ynab+bank2ynab/test_headers.csv": footer(
        "^FOOTER ROW TEST;",
        roles={"amount": ["Inflow"]},
        skip_pattern="^A null transaction",
    ),
    "bank2ynab+bank2ynab/test_row_format_default.csv": {
        "roles": {"amount": [], "credit": ["#4"], "debit": ["#5"]},
        "sign_convention": "unsigned",
        "skip_pattern": "^A null transaction",
        "rows_without_amount": "refuse",
    },
    "bank2ynab+bank2ynab/kta_ei.dat": {"rows_to_skip": 1},
    "cantino+reckon/chase.csv": {
        "roles": {"booking_date": ["#2"], "description": ["#3"]},
        "date_format": "YYYYMMDD",
    },
    "cantino+reckon/french_example.csv": {"roles": {"amount": ["#5"]}},
    "cantino+reckon/ing.csv": {
        "roles": {"amount": ["#7"], "direction": ["#6"]},
        "sign_convention": "unsigned",
        "value_maps": {"direction": {"Af": "debit", "Bij": "credit"}},
        "short_rows": True,
    },
    "cantino+reckon/nationwide.csv": {
        "roles": {"amount": [], "debit": ["#4"], "credit": ["#5"], "balance": ["#6"]},
        "sign_convention": "unsigned",
        "date_format": "DD MMM YYYY",
        "currency_signs": ["£"],
        "currency": "GBP",
        "rows_without_amount": "refuse",
    },
    "cantino+reckon/suntrust.csv": {
        "roles": {"amount": [], "debit": ["#4"], "credit": ["#5"], "balance": ["#6"]},
        "sign_convention": "unsigned",
        "date_format": "MM/DD/YYYY",
        "zero_is_empty": True,
    },
    "cantino+reckon/two_money_columns.csv": {
        **DOLLARS,
        "roles": {"amount": [], "debit": ["#4"], "credit": ["#5"], "balance": ["#6"]},
        "date_format": "M/D/YYYY",
        "rows_without_amount": "refuse",
    },
    "msc01+soacsv2mt940/test_1822.csv": {
        "roles": {"amount": ["Soll/Haben"], "direction": [], "booking_date": ["Buchungstag"]},
        "date_format": "DD.MM.YYYY",
        "rows_without_amount": "refuse",
    },
    "msc01+soacsv2mt940/test_VR-Bank.csv": {
        "roles": {"direction": ["#13"]},
        "sign_convention": "unsigned",
        "value_maps": {"direction": {"S": "debit", "H": "credit"}},
        "skip_pattern": ";(Anfangssaldo|Endsaldo);",
    },
    "reubano+csv2ofx/payoneer.csv": {"date_format": "MM/DD/YYYY"},
    "reubano+csv2ofx/schwab-checking-baltest-case1.csv": DOLLARS,
    "reubano+csv2ofx/schwab-checking-baltest-case4.csv": DOLLARS,
    "reubano+csv2ofx/schwab-checking-baltest-case6.csv": DOLLARS,
    "reubano+csv2ofx/ubs-ch-fr_trimmed.csv": {"thousands": "'"},
    "staticaland+beancount-no-sparebank1/sb1.csv": {
        "roles": {"credit": ["Inn"], "debit": ["Ut"], "description": ["Beskrivelse"]},
        "date_format": "DD.MM.YYYY",
        "rows_without_amount": "refuse",
    },
}
"""file → keys of its declaration that replace those made from the facts; under `roles`, single columns."""

EXPECTED: dict[str, tuple[int, str, str]] = {
    # the source's 57th row has no amount in either column: a balance in one of its own
    f"{SWISS}/csv_postfinance_example_format4_20230509.csv": (56, "2399.20", "2267.80"),
    f"{SWISS}/csv_example_format2_20161231.csv": (
        380,
        "585128.95",
        "590494.73",
    ),  # a quote opened and never closed
    # cards, on which the source books what is positive as an expense
    f"{SWISS}/csv_swisscard_example_format1_de_20230502.csv": (10, "0", "739.10"),
    f"{SWISS}/csv_swisscard_example_format1_it_20230502.csv": (36, "0", "2373.25"),
    f"{SWISS}/csv_swisscard_example_format2_de_20260415.csv": (1, "11000.90", "0"),
    f"{SWISS}/csv_viseca_one_example_format3a_20250611.csv": (13, "199.98", "1640.45"),
    f"{SWISS}/csv_ubs_example_format1_20120629.csv": (
        25,
        "54231.15",
        "54266.22",
    ),  # less the sums below the table
    # in the account's currency, not in the purchase's
    f"{SWISS}/xls_viseca_one_example_format1_20240828.csv": (9, "402.50", "0"),
    f"{SWISS}/xls_viseca_one_example_format2_20241001.csv": (13, "1004.30", "684.20"),
    f"{SWISS}/csv_yuh_example_format1_20250218.csv": (6, "1005.52", "1005.52"),  # 250 are shares
    f"{SWISS}/csv_bancastato_example_format5_20231123USD.csv": (41, "38886.96", "42616.09"),
    # net of the fee, which is what moves the balance
    f"{UNIVERSAL}/ch.banana.filter.import.paypal.#It20240624.csv": (24, "686.52", "533.67"),
    # what was paid, not what the shop charged in its currency
    f"{UNIVERSAL}/ch.banana.revolut.transactions.business3_20240724.csv": (4, "4.83", "173.31"),
    f"{UNIVERSAL}/ch.banana.wise.transactions.business2_20240423.csv": (3, "38297.44", "13819.77"),
    f"{UNIVERSAL}/ch.banana.wise.transactions.business2_DE_20240719.csv": (5, "0", "282.00"),
}
"""file → (lines, credits, debits) where the facts are off; each for the reason beside it."""

DAYS: dict[str, tuple[str, str]] = {
    f"{SWISS}/csv_postfinance_example_format4_20230509.csv": (
        "2022-04-04",
        "2022-05-04",
    ),  # less the row without amount
}
"""file → first and last day where the source's are off."""

PROPOSED: dict[str, tuple[int, str, str]] = {
    "adnilsson+Bank2YNAB4/example_ynab.csv": (2, "1000.00", "300.00"),
    "algominds35+bank-reconciliation-tool/test-messy-format.csv": (5, "2500.00", "360.49"),
    "bank2ynab+bank2ynab/20171001-20171106.csv": (1, "0", "59.99"),
    "bank2ynab+bank2ynab/TH_20180521-20180523.csv": (1, "0", "111.11"),
    "cantino+reckon/two_money_columns_manual__input.csv": (4, "200.00", "800.00"),
    "reubano+csv2ofx/n26-fr.csv": (2, "328.00", "328.00"),
    "reubano+csv2ofx/schwab-checking-baltest-case2.csv": (4, "20.00", "235.27"),
}
"""Of the files whose facts are a hint only, those of which the proposal asks nothing: what a reader of the file finds."""
