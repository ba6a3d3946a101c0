"""Bank accounts: IBANs, and numbers under names that say so."""

from __future__ import annotations

from greenroom.discovery.detectors import _check_digits as check
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.discovery.subjects import Subject

NAMES = vocabulary(
    """iban ibannumber bankaccount bankaccountnumber bankaccountno accountnumber acctnumber acctno accountno
    routingnumber sortcode kontonummer kontonr bankverbindung cuentabancaria numerocuenta numcuenta cuenta ccc
    comptebancaire rib numerocompte contobancario numeroconto conto rekeningnummer bankrekening rekening
    contabancaria numeroconta clabe ibannr ibancode ibannummer ibankonto bankacct bankacctno bankaccountnr
    bankaccountnum bankdetails accountiban payoutaccount payoutiban beneficiaryaccount debitaccount creditaccount
    counterpartyaccount counterpartyiban bankkonto gegenkonto kontoiban kontonum girokonto lastschriftkonto
    numerocomptebancaire cptebancaire comptebanque comptecourant releveidentite bban numerodecuenta nrocuenta
    ctabancaria ctaabono cuentaabono cuentacargo cuentacorriente ctacte cbu clabeinterbancaria numcta contocorrente
    numerodiconto coordinatebancarie ibancliente rekeningnr reknr rekeningnum banknummer bankreknr gironummer giro
    ibanrekening tegenrekening contacorrente contabanco numeroconta1 agenciaconta nib contapoupanca numerkonta
    nrkonta rachunekbankowy numerrachunku nrrachunku rachunek kontobankowe bankgiro plusgiro clearingnummer
    kontonummer1 bankkontonummer tilinumero cislouctu bankovniucet hesapno hesapnumarasi walletaddress
    bitcoinaddress cryptowallet"""
)
CLUE = Clue("iban", "IBANs with the right check digits", alone=0.97)
BOOKS = vocabulary("gl ledger general sach")


def looks(text: str) -> bool:
    return 15 <= len(text) <= 42 and check.iban(text)


def judge(place: Place) -> Finding | None:
    if not (place.is_text or place.is_number):
        return None
    by_name = 0.88 if place.named(NAMES) and not place.is_catalogue and not set(place.words) & BOOKS else 0.0
    is_personal = place.about.subject is not Subject.ORGANISATION
    weighed = weigh(place, by_name, CLUE)
    if not is_personal:
        weighed = weighed[0] * 0.6, f"{weighed[1]}; an organisation's"
    first = Choice("iban") if place.sample.share("iban") >= 0.5 or "iban" in place.words else Choice("national_id")
    return found("bank_account", weighed, first, Choice("national_id"), Choice("shuffle"), is_personal=is_personal)


DETECTOR = Detector("bank_account", "bank accounts", judge, {"iban": looks})
