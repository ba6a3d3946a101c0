"""Dates that belong to a person's life with an organisation: when somebody joined, was hired, left, was last seen."""

from __future__ import annotations

from greenroom.discovery._technical import BOOKKEEPING
from greenroom.discovery.detectors._whose import STREET
from greenroom.discovery.detectors.geo import has_position
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.discovery.subjects import EMAIL, SECRET, Subject

STRONG = vocabulary(
    """passportexpires passportexpireson passportexpiry visaexpires licenseexpires licenceexpires permitexpires
    hiredate hiredon hired datehired dateofhire joindate joineddate joined joinedon joinedat datejoined signupdate
    signupat signedupat registrationdate registeredat registered registeredon dateregistered enrollmentdate
    enrolledat membersince customersince terminationdate leftat lastlogin lastloginat lastlogindate lastseen
    lastseenat lastsignin lastsigninat currentsigninat lastactive lastactiveat lastactivity lastvisit lastaccess
    admissiondate dischargedate visadate retirementdate promotiondate eintrittsdatum eingetretenam eintritt
    austrittsdatum ausgetretenam einstellungsdatum anmeldedatum registriertam letzteanmeldung letzterlogin
    mitgliedseit dateembauche dateentree datesortie dateinscription dernierconnexion derniereconnexion fechaalta
    fechabaja fechaingreso fechacontratacion fecharegistro ultimoacceso ultimologin dataassunzione dataiscrizione
    dataregistrazione ultimoaccesso datumindienst inschrijfdatum laatstelogin dataadmissao datacadastro dataregisto
    ultimoacesso joinedtime memberfrom memberuntil membershipstart membershipend membershipsince enrolledon
    enrolldate enrolmentdate registereddate registrationtime registeredtime signedup signeduptime signup firstlogin
    firstloginat firstseen firstseenat lastlogged lastlogintime lastloginon lastlogon lastlogonat lastactivetime
    lastonline lastonlineat lastvisited lastvisitat lastaccessed lastaccessat lastpurchase lastorder lastorderat
    lastdonation firstdonation lastcontact lastcontacted lastappointment nextappointment previouslogin hiredat
    hireddate dateemployed employmentstart employmentend employedfrom employeduntil onboarded onboardedat
    leavingdate leavedate leftdate dateleft exitdate resigned resignationdate dismissaldate dismissed termination
    terminatedat terminatedon retiredon retiredat retirement probationend contractend contractenddate admission
    admittedat admittedon admitted discharged dischargedat graduationdate graduated graduatedon graduationyear
    arrivaldate movein moveindate moveout moveoutdate migrationdate naturalised licenceexpiry licenseexpiry
    licensevaliduntil licencevaliduntil passportvaliduntil medicalvaliduntil medicalexpiry medicalexpires
    permitexpiry visaexpiry visavaliduntil idexpiry idcardexpiry licenceissued licenseissued passportissued
    dateissuedid certificatevaliduntil certifiedon qualifiedon trainedon baptised baptism baptismdate
    confirmationdate ordained taufdatum taufe consentat consentgivenat consentedat termsacceptedat acceptedtermsat
    optinat subscribedat unsubscribedat verifiedidat identifiedat remembercreatedat remembered emailverifiedat
    phoneverifiedat austritt eintrittam austrittam beitritt beitrittsdatum beigetreten kundeseit zugang abgang
    einstellung eingestellt entlassung entlassen kuendigung gekuendigt kundigungsdatum letzteranmeldung
    letzteaktivitaet letzterzugriff registrierung registriert anmeldung einschulung abschluss abschlussdatum zuzug
    wegzug entree sortie dateadhesion adhesion inscription inscrit datedentree datedesortie datedepart depart
    embauche dateinscr dernierevisite derniereactivite fincontrat debutcontrat datefinbail retraite falta fbaja
    fingreso fegreso alta baja ingreso egreso fechaegreso fechaantiguedad antiguedad fcontrato fechacontrato
    fechaafiliacion afiliacion ultimavisita ultimaconexion ultimacompra inscripcion fechainscripcion fechamatricula
    jubilacion caducidadcarnet vencimientolicencia iscrizione assunzione datalicenziamento cessazione datacessazione
    immatricolazione indienst indienstdatum indienstsinds datumuitdienst uitdienst uitdienstdatum datumin datumuit
    inschrijving ingeschreven uitgeschreven lidsinds klantsinds laatstebezoek aanmelding aanmelddatum
    registratiedatum ontslagdatum opnamedatum admissao dtadmissao demissao dtdemissao dtcadastro cadastro
    cadastradoem dtcad desligamento matricula datamatricula aposentadoria primeiracompra clientedesde
    datazatrudnienia zatrudniony zatrudniona datazwolnienia datarejestracji ostatnielogowanie dataprzyjecia
    ansattdato ansat anstallningsdatum anstalld slutdatum medlemsiden medlemsedan senasteinloggning inloggning
    sistinnlogget datumnastupu nastup datumvystupu posledniprihlaseni isegiris iseguristarihi istencikis songiris
    kayittarihi uyelik permisdate datepermis konfdatum konfirmation obtentionpermis"""
)
BEGUN = vocabulary(
    """startdate startedon startedat started enddate employedsince employmentdate contractstart since from seit depuis
    desde dal sinds od siden sedan effectivefrom start end begin beginn ende debut fin inicio inizio fim begindatum
    einddatum datumvan datumtot validfrom validto gueltigab"""
)
CREATED = vocabulary(
    """createdate createddate datecreated created createdon creationdate creationtime accountcreated createtime
    inserted insertedat addedat addedon dateadded angelegt angelegtam erstellt erstelltam erfasst erfasstam cree
    creele creeat datecreation creado creadoen fechacreacion creadoel creato creatoil aangemaakt aangemaaktop criado
    criadoem datacriacao utworzono datautworzenia skapad oprettet opprettet vytvoreno olusturma"""
)


def judge(place: Place) -> Finding | None:
    """A mere date of creation counts where it is the person's row, and no other table has a column of that name:
    framework's bookkeeping stands in many (see `discover.py`, which tells)."""
    if not (place.is_date or (place.is_inside and place.is_text)):
        return None
    if place.named(STRONG) and not place.is_catalogue:
        by_name = 0.85 if place.is_person else 0.4 if place.about.people else 0.3
        return found("life_date", weigh(place, by_name, Clue()), Choice("date_shift"))
    if place.is_person and place.named(BEGUN):
        return found("life_date", weigh(place, 0.75, Clue()), Choice("date_shift"))
    if place.is_person and place.named(CREATED) and not place.is_bookkeeping:
        return found("life_date", (0.65, "the day on which the person's row began"), Choice("date_shift"))
    if place.is_inside or set(place.words) & BOOKKEEPING:
        return None
    if place.is_person and place.named(CREATED):
        if place.has_beside(SECRET):
            return found("life_date", (0.6, "the day on which somebody signed up"), Choice("date_shift"))
        return None
    if place.is_person and (place.about.has_names or place.has_beside(EMAIL)):
        return found("life_date", (0.55, "a day in the row of a person"), Choice("date_shift"))
    is_moment = place.about.subject is not Subject.ADDRESS and not place.has_beside(STREET)
    if place.about.people and is_moment and has_position(place):
        return found("life_date", (0.55, "when somebody was where the row says"), Choice("date_shift"))
    return None


DETECTOR = Detector("life_date", "dates of a membership", judge)
