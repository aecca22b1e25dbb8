"""Header words of bank files in many languages, and which role they name; read by the proposal."""

import re
import unicodedata

WORDS: dict[str, str] = {
    "booking_date": (
        "date|booking date|booked at|booked on|post date|posted date|posting date|posted|date posted|posted dt|transaction date|trans date|trade date"
        "|buchungsdatum|buchungstag|buchung|datum|tag|transaktionsdatum|buchungszeitpunkt|auftragsdatum|erfassungsdatum"
        "|date comptable|date de comptabilisation|date d ecriture|date operation|date de l operation|date de transaction"
        "|data|data contabile|data registrazione|data di registrazione|data di contabilizzazione|data transazione|data dell operazione|data operazione"
        "|fecha|fecha operacion|fecha de operacion|data lancamento|data do lancamento|data movimento"
        "|boekdatum|boekingsdatum|dato|bokforingsdag|bokforingsdatum|transaktionsdag|data ksiegowania|data operacji|data transakcji"
        "|completed date|date completed|date completed utc|datum des abschlusses|data di completamento|finished on|abgeschlossen am"
    ),
    "value_date": (
        "value date|valuta|valutadatum|valuta date|valutadate|wertstellung|date valeur|date de valeur|valeur|data valuta|data di valuta|data della valuta"
        "|fecha valor|data valor|rentedatum|rentedato|valutadag|data waluty|wert"
    ),
    "amount": (
        "amount|credit debit amount|transaction amount|betrag|umsatz|montant|montant de la transaction|montant de l operation"
        "|importo|importo della transazione|quantita|importe|valor|valor movimento|bedrag|belopp|belob|kwota|monto|txn amt|net amount|total|net|netto|gross|lordo|avant commission"
    ),
    "debit": (
        "debit|debit amount|debits|withdrawal|withdrawals|paid out|money out|outflow|belastung|belastungsbetrag|lastschrift|soll"
        "|debito|addebito|addebiti|importo di addebito|debe|cargo|montant debite|ut|af"
    ),
    "credit": (
        "credit|credit amount|credits|deposit|deposits|paid in|money in|inflow|gutschrift|gutschriftsbetrag|haben"
        "|credito|accredito|accrediti|accreditamento|importo di accredito|haber|abono|montant credite|inn|bij"
    ),
    "direction": (
        "debit credit|credit debit|cdtdbtind|dr cr|cr dr|direction|richtung|soll haben|debit kredit|addebito accredito|debito credito|af bij|sens"
    ),
    "currency": (
        "currency|ccy|curr|wahrung|waehrung|whg|whrg|devise|monnaie|monn|valuta|divisa|moneta|mon|munt|moneda|moeda|waluta"
    ),
    "balance": (
        "balance|running balance|account balance|ending balance|saldo|solde|kontostand|saldo na trn|saldo apres operation|saldo contabile"
    ),
    "reference": (
        "reference|ref|reference number|referenz|referenznummer|referenz nr|kundenreferenz|payment reference|zahlungsreferenz|mandatsreferenz"
        "|numero de reference|numero di riferimento|rif esterno|referencia|auftraggeberreferenz|eigene referenz|betalingskenmerk|check number|checknumber"
    ),
    "external_id": (
        "id|transaction id|transactionid|transaction no|transaktions nr|n de transaction|no de transaction|n di transazione|numero de transaction"
        "|codice transazione|zkb referenz|transferwise id|volgnr|auftragsnummer"
    ),
    "end_to_end_id": "end to end id|end to end identifikation|endtoendid|e2e",
    "description": (
        "description|details|text|narrative|memo|note|notes|notification text|booking details|transaction description|additional description"
        "|buchungstext|beschreibung|verwendungszweck|avisierungstext|bezeichnung|detail|umsatztext|zahlungszweck|mitteilung|buchungsdetails|zahlungsgrund"
        "|libelle|texte|texte de notification|communication|details de comptabilisation|descrizione|descrizione movimento|descrizione della transazione"
        "|testo|testo di registrazione|testo contabilizzazione|testo di contabilizzazione|testo di avviso|testo d avviso|denominazione|comunicazione"
        "|dettaglio|dettagli di contabilizzazione|concepto|descripcion|descricao|historico|omschrijving|mededelingen|beskrivelse|rubrik|tytul|opis|tekst"
        "|vorgang verwendungszweck|detail de l ecriture|memo description|summary|title"
    ),
    "counterparty": (
        "counterparty|payee|payer|name|merchant|merchant name|merchantname|beneficiary|recipient|sender|partner name|name des partners|payee name|payer name"
        "|auftraggeber zahlungsempfanger|empfanger auftraggeber name|beguenstigter|beneficiaire|nom|beneficiario|nome|naam tegenpartij|navn|mottagare|kontrahent"
        "|handlername|handler"
    ),
    "account": "iban|account|account number|konto|kontonummer|konto nr|iban bban|numero de compte|conto no|numero di conto|kontonr",
    "status": "status|state|stato|etat|transaction status|statetype|estado",
}  # fmt: skip
"""role → names, plain as `plain_name` makes them. A name may be of two roles: what stands in the column decides."""

ROLES_OF: dict[str, tuple[str, ...]] = {}
for _role, _names in WORDS.items():
    for _name in _names.split("|"):
        ROLES_OF[_name] = (*ROLES_OF.get(_name, ()), _role)

LOST, _STAND_IN = "\ufffd", "qzq"

_BALANCE_ROWS = (
    "anfangssaldo|endsaldo|schlusssaldo|saldovortrag|umsatztotal|opening balance|closing balance|previous balance"
    "|balance brought forward|balance carried forward|balance forward|saldo iniziale|saldo finale|solde initial"
    "|solde final|saldo inicial|saldo final|saldo anterior|saldo atual|saldo do dia|total|totale"
)
BALANCE_ROWS = frozenset(_BALANCE_ROWS.split("|"))
"""What a row says that states a balance or a sum, and moves nothing."""

CURRENCY_IN_NAME = re.compile(r"(?:^|[\s(])(?:in )?([A-Z]{3})\)?$")
"""`Belastung CHF`, `Saldo (CHF)`, `Credit in CHF`."""


def plain_name(name: str) -> str:
    """A header name in small letters without accents, signs, numbers behind it, and the currency at its end."""
    bare = CURRENCY_IN_NAME.sub("", name.strip())
    flat = unicodedata.normalize(
        "NFKD", bare.replace("ß", "ss").replace("ø", "o").replace("æ", "ae").replace("ł", "l")
    )
    flat = "".join(letter for letter in flat if not unicodedata.combining(letter)).casefold()
    flat = re.sub(r"[^\w]+|_", " ", flat)
    return re.sub(r"\s*\d+$", "", flat.strip()).strip()


def roles_of(name: str) -> tuple[str, ...]:
    """The roles that a header name can be meant for, none where it is unknown."""
    plain = plain_name(name.replace(LOST, _STAND_IN))
    if _STAND_IN in plain:  # a letter that some program could not write
        pattern = re.compile(re.escape(plain).replace(_STAND_IN, ".{1,2}"))
        return next((roles for known, roles in ROLES_OF.items() if pattern.fullmatch(known)), ())
    return ROLES_OF.get(plain, ())
