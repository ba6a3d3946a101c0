"""Numbers that a state, an insurance or a profession gives a person, and those that an organisation gives one."""

from __future__ import annotations

import re

from greenroom.discovery.detectors import _check_digits as check
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.discovery.references import GIVEN, person_number
from greenroom.discovery.subjects import CLINICAL

NAMES = vocabulary(
    """personnr fodselsnummer cprnummer rodnecislo ssn ssnlast socialsecurity socialsecuritynumber socialsecurityno
    nationalid nationalidnumber nationalidno nationalinsurance nationalinsurancenumber nino ninumber personalid
    personalnumber personnummer idnumber idcard idcardnumber identitynumber identitycard identitydocument
    documentnumber passport passportnumber passportno passportnum taxid taxnumber taxidentificationnumber tin itin
    driverslicense driverlicense drivinglicence driverslicence driverlicensenumber licensenumber licencenumber
    licenseplate licenceplate numberplate platenumber nhsnumber healthid medicalrecordnumber mrn insurancenumber
    insuranceno policyholdernumber visanumber alienid voterid steuernummer steuerid steueridentifikationsnummer
    sozialversicherungsnummer svnr svnummer rentenversicherungsnummer versichertennr versichertennummer
    krankenversicherungsnummer personalausweis personalausweisnummer ausweisnummer reisepass reisepassnummer
    fuehrerschein fuhrerscheinnummer kennzeichen ahvnummer ahv lanr kvnr nir nss numsecu numerosecu
    numerosecuritesociale numsecuritesociale securitesociale numfiscal carteidentite passeport dni nie nif curp rfc
    cedula seguridadsocial numseguridadsocial pasaporte documentoidentidad numdocumento matriculacoche codicefiscale
    codfiscale cf tesserasanitaria cartaidentita passaporto patente bsn burgerservicenummer sofinummer rijbewijs
    paspoortnummer paspoort rijksregisternummer cpf rg cnh nis pis numerobi cartaocidadao niss pesel egn jmbg oib
    cnp cpr henkilotunnus aadhaar aadhar sin hukou nationalidentitynumber nationalidentifier govid governmentid
    socialsecuritynr socsecno socsec sssnumber taxpayerid taxref taxcode vatpersonal utr identitydocumentnumber
    iddocument iddocumentnumber docnumber docno idnumber1 identification identificationnumber idcardno
    residencepermit residencepermitnumber greencard birthcertificate birthcertificatenumber medicare medicarenumber
    medicaid healthcardnumber healthcard ehic nhs nhsno hospitalnumber chartnumber licenceno licenseno licencenr
    licensenr driverlicenceno tachocard tachographcard professionalregistration registrationnumberprofessional npi
    deanumber barnumber gmcnumber pilotlicence visano boardingdocument inmatenumber prisonernumber militaryid
    servicenumber enlistment voternumber electoralnumber steueridnr steuernr steuerident idnr rvnummer rvnr
    krankenversichertennummer kvnummer versichertenr ausweisnr passnr passnummer personenkennzahl fuehrerscheinnr
    fuehrerscheinnummer kfzkennzeichen kfzkennz amtlicheskennzeichen lizenznr lizenznummer aufenthaltstitel
    eidnummer nosecu numerodesecuritesociale secu nosecuritesociale ine numeroine idnational cni numerocni
    numerocarteidentite numeropasseport titresejour numeropermis permisconduire permis immatriculation
    plaqueimmatriculation numerorpps rpps numerolicence docidentidad documento numerodocumento nrodocumento nrodoc
    numdoc doc tipodocumentonumero numerodeseguridadsocial numss nafiliacion numafiliacion tarjetasanitaria cip
    numerocolegiado numcolegiado carnetconducir permisoconducir numlicencia licenciaconducir matriculavehiculo rut
    run cuil cuit claveelector numpasaporte cf1 codicefisc codfisc documentoidentita numerocartaidentita
    numeropassaporto tesseranumero numeropatente targa targaveicolo partitaivapersona numerotessera burgerservicenr
    sofinr sofi bsnnr rijbewijsnr rijbewijsnummer kenteken kentekenplaat idbewijs identiteitsbewijs identiteitskaart
    documentnr legitimatie legitimatienr vreemdelingennummer rijksregisternr inszz biegnummer bignummer cpfcnpj
    cpfresponsavel nrcpf numcpf rgnumero nrrg identidade orgaoemissor ctps pispasep pasep tituloeleitor
    tituloeleitoral reservista nif1 numeroutente nisspt cartaocidadaonum placa placaveiculo passaportenumero renavam
    cnhnumero inscricaoestadualpf peselnr nrpesel dowodosobisty seriadowodu nrdowodu numerdowodu numerpaszportu
    paszport prawojazdy numerprawajazdy nrrejestracyjny personnummer1 samordningsnummer fodselsnr personnr1 cprnr
    fnr dnummer hetu rodnecislo1 rc cislodokladu cisloop cislopasu obcanskyprukaz spz tckimlik tckimlikno tckn
    kimlikno kimlik pasaportno ehliyetno plaka sicilno tcno tckno numeroalbumu nralbumu prukaz cisloprukazky
    tessera numen"""
)
OWN_NUMBERS = vocabulary(
    """badge loyaltyno clubnumber clubno bonusnumber kundnummer medlemsnummer numerklienta customernumber customerno
    customernum custno clientnumber membernumber memberno membershipnumber membershipno patientnumber patientno
    employeenumber employeeno empnumber staffnumber studentnumber studentno rollnumber badgenumber badgeno
    loyaltynumber loyaltycard cardmembernumber frequentflyernumber frequentflyer payrollnumber policynumber policyno
    contractnumber contractno vertragsnummer versicherungsnummer policennummer numeropoliza numerocontrato
    kundennummer kundennr mitgliedsnummer mitgliedsnr patientennummer patientennr personalnummer personalnr
    matrikelnummer matrikelnr mandantennummer numclient numeroclient numadherent matricule numeroetudiant numcliente
    numerocliente numempleado numeroempleado numsocio numeroexpediente expediente matricola codicecliente
    klantnummer lidnummer personeelsnummer studentnummer numeroaluno matricula memberidno customercode clientcode
    custcode custnum custnumber customernr accountno customeraccount accountnr patientcode personnelnumber
    personnelno staffid staffno employeecode empno empcode workernumber studentcode admissionnumber admissionno
    enrolmentnumber enrollmentnumber registrationno matriculationnumber candidatenumber candidateno applicantnumber
    donornumber donorno tenantnumber tenantno borrowernumber librarycard librarycardnumber readernumber
    passengernumber travellernumber bookingreferenceperson milesnumber ffn ffnumber fidelitycard loyaltycardnumber
    loyaltyid rewardsnumber clubcard subscribernumber subscriberid insuredid insurednumber policyholderid
    beneficiarynumber claimantnumber casefile caseworkernumber meternumber meteringpoint supplypoint ean
    householdnumber mandateref mandatereference mandateid sepamandate mandatsref mandatsreferenz rum umr mitgliednr
    mitgliednummer kundennum debitorennummer debitorennr patientnr patientennum personalnum schuelernummer
    schulernummer bewerbernummer mieternummer teilnehmernummer spendernummer versichertennum aktenzeichen fallnummer
    startnummer lizenznummerspieler numadherents numeroadherent numeroabonne numabonne numerodossier numdossier
    numeroeleve numetudiant numeropatient numerodepatient ipp numerolicencie numeroassure numeroallocataire
    codeclient refclient referenceclient numclt numerosocio nsocio codcliente codigocliente nrocliente numpaciente
    numhistoria historiaclinica numerohistoria nhc numexpediente legajo nrolegajo numlegajo numasegurado
    numerosocioclub numabonado numeroabonado cups codicepaziente numerosocio1 numeropaziente codicedipendente
    numerotesserasocio codiceutente klantnr klantcode klantnum debiteurnummer debiteurnr relatienummer relatienr
    lidnr lidmaatschapsnummer personeelsnr personeelsnum medewerkernummer medewerkernr patientnummer dossiernummer
    dossiernr leerlingnummer leerlingnr studentnr abonneenummer verzekerdenummer verzekerdenr polishoudernummer
    pasnummer bibliotheekpas codigocliente1 numerocliente1 codcli matriculafuncional matriculaaluno numeromatricula
    numeroprontuario prontuario carteirinha numerocarteirinha numerosocio2 chavepix pix numerpracownika nrpracownika
    nrklienta numerpacjenta nrczlonkowski legitymacja numerlegitymacji indeks anstallningsnummer ansattnummer
    ansattnr elevnummer pasientnummer asiakasnumero henkilonumero cislozakaznika osobnicislo cislopacienta
    meternr meternummer maalernummer meterno
    meterid zaehlernummer zaehlernr numerocompteur numcompteur pdl prm numerocontador numcontador numerocontatore pod
    maalernummer matarnummer mandaat mandat mandate mandato sepamandaat machtigingskenmerk musterino
    hastano ogrencino sicil"""
)
COUNTED = vocabulary("no nr number nummer numero num")
VEHICLE = vocabulary(
    """vin vehicleidentificationnumber chassisnumber fahrgestellnummer bastidor telaio fahrgestellnr chassisnr
    numerochassis numerodebastidor chassi numerochassi"""
)
CLUE = Clue("national_id", "numbers with the check digit or the form of a national id", alone=0.9)

_FORMS = (
    re.compile(r"(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}"),  # United States, with hyphens
    re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]"),  # United Kingdom
    re.compile(r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]"),  # Italy
    re.compile(r"\d{3}\.\d{3}\.\d{3}-\d\d"),  # Brazil
    re.compile(r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d"),  # Mexico
    re.compile(r"756\.\d{4}\.\d{4}\.\d\d"),  # Switzerland
)


def looks(text: str) -> bool:
    if not 8 <= len(text) <= 20:
        return False
    return any(form.fullmatch(text) for form in _FORMS) or check.spain(text) or check.france(text)


def judge(place: Place) -> Finding | None:
    if not (place.is_text or place.is_number):
        return None
    by_name = 0.92 if place.named(NAMES) and not place.is_catalogue and not _is_a_code(place) else 0.0
    if by_name and place.about.is_of_organisation and not place.about.has_names:
        confidence, reason = weigh(place, by_name, Clue())
        return found(
            "national_id", (confidence * 0.6, f"{reason}; an organisation's"), Choice("national_id"), is_personal=False
        )
    if not by_name and _is_own_number(place):
        by_name = 0.62
    if not by_name and place.named(VEHICLE) and place.is_of_person:
        by_name = 0.75
    is_given = bool(set(place.words) & GIVEN) and (place.is_number or place.sample.share("uuid") >= 0.5)
    is_own = place.named(OWN_NUMBERS) or person_number(place.words)
    is_own = is_own or (place.words == ("pid",) and place.is_text and place.is_in(CLINICAL))
    if not by_name and _is_own_key(place) and not is_given:
        by_name = 0.62
    if not by_name and is_own and not is_given and not place.is_inside and not place.is_catalogue:
        by_name = 0.82 if place.is_of_person else 0.6
    if not by_name and place.is_inside and place.named(OWN_NUMBERS):
        by_name = 0.82
    return found("national_id", weigh(place, by_name, CLUE), Choice("national_id"), Choice("shuffle"))


def _is_a_code(place: Place) -> bool:
    """Two letters that are short for a number in one language, over values that repeat: `rc`, a return code."""
    is_short = len("".join(place.words)) <= 3
    return is_short and place.is_short_list and place.sample.share("national_id") < 0.1


def _is_own_key(place: Place) -> bool:
    """The key of a table of people, if it is a number that people read: `vn_nr`, `matricule`."""
    words = place.words
    return place.is_person and place.facts.is_key and len(words) > 1 and bool({words[0], words[-1]} & COUNTED)


def _is_own_number(place: Place) -> bool:
    """Some number of a person's, in the person's own row: of each a different one."""
    sample = place.sample
    is_number = place.is_text and len(place.words) > 1 and place.words[-1] in COUNTED
    return is_number and place.is_person and sample.values >= 20 and sample.distinct >= sample.values * 0.95


DETECTOR = Detector("national_id", "identity numbers", judge, {"national_id": looks})
