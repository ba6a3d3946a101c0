"""Whole names of people, also under a name as plain as `name` where the table is about people."""

from __future__ import annotations

from greenroom.discovery._subject_words import PERSON
from greenroom.discovery.detectors._lists import is_first, is_last, person_words
from greenroom.discovery.detectors._whose import DELIVERY
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import find, singular, vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.discovery.references import is_person
from greenroom.discovery.subjects import Subject

SURELY = vocabulary(
    """fullname personname contactname contactperson displayname realname vollername vollstaendigername ansprechpartner
    ansprechpartnerin kontaktperson nomcomplet nomprenom prenomnom nombrecompleto nombreyapellidos nomecompleto
    nomecognome volledigenaam contactpersoon cardholder cardholdername accountholder kontoinhaber karteninhaber
    titulaire titular intestatario rekeninghouder accountname shipto shipname shiptoname billto billtoname
    billingname shippingname recipient recipientname addressee empfaenger empfanger destinataire destinatario
    ontvanger beneficiaryname spousename emergencycontact nextofkin mothername fathername motherfullname nomepai
    nomemae nombrepadre nombremadre patientname legalguardian guarantor payee payeename signedby signername
    nameoncard holdername holder inhaber sachbearbeiter namefull completename wholename customername clientname
    employeename staffname studentname teachername doctorname drivername passengername guestname tenantname
    ownername membername donorname membersname candidatename applicantname participantname playername visitorname
    attendeename insuredname claimantname consignee consigneename consignor addresseename recipientfullname
    payername payer debtorname creditorname counterpartyname counterparty remittername sendername fromperson
    toperson receivername receiver giftrecipient recipientnames caretaker caretakername spouse partner partnername
    spousefullname husband wife childname childrennames kidsnames guardianname nextofkinname emergencycontactname
    emergencyname refereename witnessname interviewername supervisorname managername salespersonname accountmanager
    accountmanagername contactpersonname contactpers contactfullname primarycontact maincontact beneficiaryfullname
    beneficiary heirname deceasedname authorname bylineauthor byline invitee inviteename attendees participants
    passengers travellers travelers guests present presentpersons signedbyname signatoryname witness1 printedname
    nameoncertificate nameonbadge badgename certificatename ganzername vorundnachname namevorname vornamename
    nachnamevorname kundenname mitarbeitername patientenname schuelername teilnehmername spielername mietername
    fahrername empfaengername absender absendername auftraggeber auftraggebername zahlungspflichtiger zahler
    kontoinhabername rechnungsempfaenger lieferempfaenger notfallkontaktname erziehungsberechtigter
    erziehungsberechtigte ehepartner anwesend anwesende teilnehmende schiedsrichtername staffelleiter
    uebungsleitername hausmeistername ausgabean ausgehaendigtan ansprechpartnername nometprenom nomprenoms
    prenometnom nompatient nomclient nomeleve nometudiant nomsalarie nomlocataire nomconducteur nombeneficiaire
    nomtitulaire titulairecompte titulairenom nomexpediteur nomdestinataire representantlegal responsablelegal
    personneacontacter personnecontact contacturgence nompersonnecontact conjointnom nomduconjoint donneurordre
    emetteur beneficiairenom nomcontact presents participantsnoms nombreapellidos apellidosnombre apellidosynombre
    nombrecliente nombrepaciente nombrealumno nombreempleado nombretitular nombrebeneficiario nombreconductor
    nombrecontacto personacontacto personadecontacto contactoemergencia quien encargadonombre nombreencargado
    nombretutor nombreconyuge conyugenombre ordenante beneficiarionombre razonnombre nombrers asistentes
    participantesnombres nombremediador nombrecompletotitular cognomenome nomecompletocliente nomecliente
    nomepaziente nomestudente nomedipendente nomeconducente nominativo nominativi referente referentenome
    nomereferente personadacontattare contattoemergenza intestatarioconto ordinante beneficiarionome presenti
    partecipanti naamvolledig volnaam voornaamachternaam klantnaam klantnm patientnaam medewerkernaam leerlingnaam
    deelnemernaam bestuurdernaam huurdernaam contactnaam contactp contpers rekeninghoudernaam tenaamstelling tnv
    begunstigde aanvrager aanvragernaam noodcontact partnernaam ouder1 ouder2 naamouder naamvoogd aanwezigen
    aanwezig opdrachtgever nomecompletocliente1 nomecliente1 nomepaciente nomealuno nomefuncionario nomemotorista
    nomecontato pessoacontato contatoemergencia nometitular titularconta nomebeneficiario favorecido
    nomedestinatario nomeremetente nomemae1 nomedamae nomedopai filiacao responsavelnome nomeresponsavel nomeconjuge
    conjugenome recebedor recebidopor imienazwisko imieinazwisko nazwiskoimie pelnenazwisko nazwaklienta
    nazwiskoklienta imienazwiskopacjenta odbiorca nadawca zleceniodawca osobakontaktowa kontaktowaosoba uczestnicy
    obecni imieojca imiematki fullstandignamn fuldenavn fulltnavn kundnamn kundenavn elevnamn kontaktpersonnamn
    mottagare avsandare modtager mottaker avsender narvarande tilstede kokonimi yhteyshenkilo vastaanottaja
    lahettaja celejmeno jmenoprijmeni jmenoaprijmeni kontaktniosoba prijemce odesilatel adsoyad adisoyadi tamadi
    musteriadi hastaadi ogrenciadi ilgilikisi leadpassenger leadguest leadtraveller leadtraveler inmemoryof
    inhonourof inhonorof dedicatedto onbehalfof controparte contraparte tegenpartij gegenpartei motpart foresattnavn
    foresatt foresatte vardnadshavare foraelder legaltutor nextkin kinname relativename parentname parent1name
    parent2name fathersname mothersname dadname momname tegennaam tegenname gegenname tegenrekeninghouder
    babaadi anaadi anneadi jmenootce jmenomatky"""
)
GENERIC = vocabulary(
    """name nom nombre nome naam names bezeichnung fullname nm navn namn nazwa jmeno nimi nombres label displaylabel
    naamregel"""
)
TAILS = ("name", "naam")
"""Ends of words written together: `reviewername`, `kundenname`."""

ROLES = vocabulary(
    """sender fromname toname requester author authors createdby updatedby modifiedby approvedby assignee assignedto
    reviewer reporter submittedby enteredby lasteditedby autor auteur autore owner contact mother father spouse
    guardian witness signatory bearbeiter erstelltvon createdbyname handler handledby operator responsible assigned
    assignedperson owneruser inspector examiner editor translator illustrator presenter speaker moderator
    chairperson treasurer secretary referee umpire coachname supervisor manager trainer teacher instructor doctor
    physician nurse therapist technician engineer mechanic driver courier cashier seller salesperson salesrep buyer
    tenant landlord lessor lessee bearbeitetvon geaendertvon angelegtvon erfasstvon erfasser ersteller melder
    pruefer gutachter leiter leitung vorsitz kassenwart schriftfuehrer trainerin schiri schiedsrichter hausmeister
    verkaeufer berater betreuer zustaendig verantwortlich verantwortlicher dozent referent redacteur saisipar
    creepar modifiepar validepar responsable gestionnaire conseiller vendeur encadrant formateur directeur
    directrice professeur profprincipal titulaire remplacant arbitre tramitador gestor responsablearea encargado
    director directora vendedor comercial agente perito revisor aprobadopor creadopor modificadopor atendidopor
    profesor tutor medico arbitro operario compilatore responsabile direttore venditore addetto operatore docente
    allenatore medicocurante creatoda behandelaar beheerder verantwoordelijke verkoper adviseur docent mentor
    scheidsrechter gewijzigddoor aangemaaktdoor ingevoerddoor mutatiegebruiker huisarts atendente responsavel
    diretor gerente vendedora professor instrutor entregador motorista criadopor alteradopor cadastradopor
    prowadzacy opiekun kierownik dyrektor sprzedawca sedzia wystawil zatwierdzil handlaggare ansvarig saljare ledare
    sagsbehandler saksbehandler leder kasittelija vastuuhenkilo vedouci prodejce rozhodci sorumlu yonetici satici
    hakem monteur technicien installateur fitter medewerker ausfuehrender montor"""
)
CODES = vocabulary("rel cd code relation relationship share percent")
BY = vocabulary("by von durch door par por da av af przez od tarafindan")
NOBODY = vocabulary(
    """referrer sort sorted order ordered group grouped filter filtered locked lock powered cached generated hosted
    divided type kind status role count account accounts profile lead party parent child model agent reader contact
    client machine host server process job worker engine"""
)
CLUE = Clue("full_name", "names of people", alone=0.0)
ALONE = Clue("full_name", "names of people", alone=0.85)


def looks(text: str) -> bool:
    words = person_words(text)
    return 2 <= len(words) <= 4 and (is_first(words[0]) or is_last(words[-1]) or is_first(words[-1]))


def looks_surely(text: str) -> bool:
    words = person_words(text)
    if not 2 <= len(words) <= 4:
        return False
    return (is_first(words[0]) and is_last(words[-1])) or (is_last(words[0]) and is_first(words[-1]))


def judge(place: Place) -> Finding | None:
    if not place.is_text:
        return None
    strict = place.sample.share("sure_full_name")
    by_name = _by_name(place)
    clue = ALONE if strict >= 0.1 and not place.is_catalogue else CLUE
    confidence, reason = weigh(place, by_name, clue)
    if place.is_catalogue and strict >= 0.3 and not by_name:
        # A brand may be called like a person, and so may a film: somebody has to look.
        confidence, reason = 0.4, place.counted("full_name", "names of people")
    if place.about.is_of_organisation and set(place.words) & DELIVERY:
        return found(
            "full_name", (confidence * 0.6, f"{reason}; an organisation's"), Choice("full_name"), is_personal=False
        )
    return found("full_name", (confidence, reason), Choice("full_name"), Choice("username"))


def _by_name(place: Place) -> float:
    if place.named(SURELY) and not set(place.words) & CODES:
        return 0.9
    if place.named(ROLES) and not place.is_catalogue:
        # It may hold a number or a login as well: values decide.
        return 0.8 if _bears_names(place) else 0.0
    if not place.is_catalogue and is_by_whom(place.words) and _bears_names(place):
        return 0.8
    if any(singular(w.removesuffix(tail), PERSON) for w in place.words for tail in TAILS if w.endswith(tail)):
        return 0.85
    match = find(place.words, GENERIC)
    if match is None:
        return 0.0
    others = place.words[: match.start] + place.words[match.end :]
    if not others:
        return 0.85 if place.about.subject is Subject.PERSON else 0.0
    return 0.85 if all(singular(w, PERSON) for w in others) else 0.0


def _bears_names(place: Place) -> bool:
    return max(place.sample.share(t) for t in ("full_name", "first_name", "last_name")) >= 0.3


def is_by_whom(words: tuple[str, ...]) -> bool:
    """The name says who did it, and no more: `decided_by`, `erfasst_von`, `driver`."""
    if len(words) >= 2 and words[-1] in BY:
        return not set(words) & NOBODY
    return 0 < len(words) <= 2 and not set(words) & NOBODY and is_person(words)


DETECTOR = Detector("full_name", "names of people", judge, {"full_name": looks, "sure_full_name": looks_surely})
