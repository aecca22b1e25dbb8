"""What is read of a camt message: its elements' names, and the paths in them, field by field (ISO 20022 camt.052, camt.053
and camt.054, versions 001.01 to 001.14).
"""

from typing import NamedTuple

from ledgers.formats.xml_paths import Tree, tree


class Message(NamedTuple):
    """A message that is read: the stored word of its format, its element, and that of one statement in it."""

    word: str
    element: str
    statement: str


MESSAGES = (
    Message("camt.053", "BkToCstmrStmt", "Stmt"),
    Message("camt.052", "BkToCstmrAcctRpt", "Rpt"),
    Message("camt.054", "BkToCstmrDbtCdtNtfctn", "Ntfctn"),
)

STATEMENT = {
    "Id": "number",
    "ElctrncSeqNb": "electronic_sequence",
    "LglSeqNb": "legal_sequence",
    "FrToDt/FrDtTm": "from",
    "FrToDt/FrDt": "from",
    "FrToDt/ToDtTm": "to",
    "FrToDt/ToDt": "to",
    "Acct/Id/IBAN": "iban",
    "Acct/Id/Othr/Id": "other_id",
    "Acct/Ccy": "currency",
}

BALANCE = {
    "Tp/CdOrPrtry/Cd": "kind",
    "Amt": "amount",
    "Amt/@Ccy": "currency",
    "CdtDbtInd": "indicator",
    "Dt/Dt": "date",
    "Dt/DtTm": "date",
}

ENTRY = {
    "NtryRef": "entry_reference",
    "Amt": "amount",
    "Amt/@Ccy": "currency",
    "CdtDbtInd": "indicator",
    "RvslInd": "reversal",
    "Sts": "status",  # up to version 7
    "Sts/Cd": "status",  # from version 8 on
    "Sts/Prtry": "status",
    "BookgDt/Dt": "booking_date",
    "BookgDt/DtTm": "booking_date",
    "ValDt/Dt": "value_date",
    "ValDt/DtTm": "value_date",
    "AcctSvcrRef": "servicer_reference",
    "BkTxCd/Domn/Cd": "domain",
    "BkTxCd/Domn/Fmly/Cd": "family",
    "BkTxCd/Domn/Fmly/SubFmlyCd": "sub_family",
    "BkTxCd/Prtry/Cd": "proprietary_code",
    "AddtlNtryInf": "additional_information",
    "AmtDtls/InstdAmt/Amt": "instructed_amount",
    "AmtDtls/InstdAmt/Amt/@Ccy": "instructed_currency",
    "AmtDtls/InstdAmt/CcyXchg/XchgRate": "exchange_rate",
    "AmtDtls/TxAmt/CcyXchg/XchgRate": "exchange_rate",
    "AmtDtls/CntrValAmt/CcyXchg/XchgRate": "exchange_rate",
    "Chrgs/TtlChrgsAndTaxAmt": "charges",
    "Chrgs/TtlChrgsAndTaxAmt/@Ccy": "charges_currency",
    "Chrgs/Amt": "charges",  # up to version 3
    "Chrgs/Amt/@Ccy": "charges_currency",
    "Chrgs/Rcrd/Amt": "charges",
    "Chrgs/Rcrd/Amt/@Ccy": "charges_currency",
}

BATCH = {
    "MsgId": "batch_message_id",
    "PmtInfId": "batch_payment_information_id",
    "NbOfTxs": "batch_transactions",
    "TtlAmt": "batch_total",
}

DETAIL = {
    "Amt": "amount",
    "Amt/@Ccy": "currency",
    "CdtDbtInd": "indicator",
    "AmtDtls/TxAmt/Amt": "transaction_amount",
    "AmtDtls/TxAmt/Amt/@Ccy": "transaction_currency",
    "AmtDtls/InstdAmt/Amt": "instructed_amount",
    "AmtDtls/InstdAmt/Amt/@Ccy": "instructed_currency",
    "AmtDtls/InstdAmt/CcyXchg/XchgRate": "exchange_rate",
    "AmtDtls/TxAmt/CcyXchg/XchgRate": "exchange_rate",
    "AmtDtls/CntrValAmt/CcyXchg/XchgRate": "exchange_rate",
    "Chrgs/TtlChrgsAndTaxAmt": "charges",
    "Chrgs/TtlChrgsAndTaxAmt/@Ccy": "charges_currency",
    "Chrgs/Amt": "charges",  # up to version 3
    "Chrgs/Amt/@Ccy": "charges_currency",
    "Chrgs/Rcrd/Amt": "charges",
    "Chrgs/Rcrd/Amt/@Ccy": "charges_currency",
    "BkTxCd/Domn/Cd": "domain",
    "BkTxCd/Domn/Fmly/Cd": "family",
    "BkTxCd/Domn/Fmly/SubFmlyCd": "sub_family",
    "BkTxCd/Prtry/Cd": "proprietary_code",
    "Refs/EndToEndId": "end_to_end_id",
    "Refs/TxId": "transaction_id",
    "Refs/InstrId": "instruction_id",
    "Refs/PmtInfId": "payment_information_id",
    "Refs/MndtId": "mandate_id",
    "Refs/ChqNb": "cheque_number",
    "Refs/UETR": "uetr",
    "Refs/AcctSvcrRef": "transaction_servicer_reference",
    "RltdPties/Dbtr/Nm": "debtor",  # up to version 7
    "RltdPties/Dbtr/Pty/Nm": "debtor",  # from version 8 on
    "RltdPties/UltmtDbtr/Nm": "ultimate_debtor",
    "RltdPties/UltmtDbtr/Pty/Nm": "ultimate_debtor",
    "RltdPties/DbtrAcct/Id/IBAN": "debtor_account",
    "RltdPties/DbtrAcct/Id/Othr/Id": "debtor_account",
    "RltdPties/Cdtr/Nm": "creditor",
    "RltdPties/Cdtr/Pty/Nm": "creditor",
    "RltdPties/UltmtCdtr/Nm": "ultimate_creditor",
    "RltdPties/UltmtCdtr/Pty/Nm": "ultimate_creditor",
    "RltdPties/CdtrAcct/Id/IBAN": "creditor_account",
    "RltdPties/CdtrAcct/Id/Othr/Id": "creditor_account",
    "RmtInf/Ustrd": "texts",
    "RmtInf/Strd/CdtrRefInf/Ref": "creditor_reference",
    "RmtInf/Strd/RfrdDocInf/Nb": "document_numbers",
    "RmtInf/Strd/AddtlRmtInf": "additional_remittance",
    "RltdDts/IntrBkSttlmDt": "settlement_date",
    "RltdDts/TxDtTm": "transaction_date",
    "RltdDts/AccptncDtTm": "acceptance_date",
    "RtrInf/Rsn/Cd": "return_reason",
    "RtrInf/Rsn/Prtry": "return_reason",
    "AddtlTxInf": "additional_transaction_information",
}
MANY = frozenset({"texts", "creditor_reference", "document_numbers", "additional_remittance"})

DETAIL_DATES = ("settlement_date", "transaction_date", "acceptance_date")
"""Which day stands in where an entry states neither booking nor value date, the first that there is."""


class Trees(NamedTuple):
    """The tables above for one namespace."""

    statement: Tree
    balance: Tree
    entry: Tree
    batch: Tree
    detail: Tree
    balance_tag: str


def trees(namespace: str) -> Trees:
    return Trees(
        tree(STATEMENT, namespace),
        tree(BALANCE, namespace),
        tree(ENTRY, namespace),
        tree(BATCH, namespace),
        tree(DETAIL, namespace, many=MANY),
        f"{{{namespace}}}Bal" if namespace else "Bal",
    )
