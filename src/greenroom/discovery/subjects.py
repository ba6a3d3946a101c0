"""What a table is about: people, organisations, addresses, events, or things of a catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from greenroom.discovery.model import ColumnFacts, TableFacts
from greenroom.discovery.naming import find, singular, tokens, vocabulary


class Subject(StrEnum):
    """Whom or what one row describes."""

    PERSON = "a person"
    ORGANISATION = "an organisation"
    ADDRESS = "an address"
    EVENT = "an event"
    CATALOGUE = "a thing of a catalogue"
    UNKNOWN = "something unknown"


STAFF = vocabulary(
    """staff employee clerk manager mitarbeiter personal angestellter employe salarie empleado trabajador
    dipendente impiegato medewerker werknemer funcionario colaborador salesperson salesrep agent operator
    admin user benutzer usuario utilisateur gebruiker utente"""
)
PERSON = STAFF | vocabulary(
    """person people customer cust client user account member patient student pupil teacher instructor professor
    lecturer author actor actress player athlete driver contact subscriber donor guest tenant candidate
    applicant visitor voter owner holder passenger resident citizen attendee participant lead parent child
    guardian doctor physician nurse caregiver beneficiary policyholder borrower buyer shopper recipient
    sender individual human profile volunteer debtor creditor lender investor reviewer salesman coach trainer
    therapist referrer chef director writer musician speaker winner friend follower party reader cardholder
    signatory witness lawyer judge kunde kundin benutzer nutzer mitglied patientin schuler lehrer arzt arztin
    aerztin teilnehmer bewerber autor fahrer ansprechpartner kontakt versicherter mieter eigentumer gast
    spender abonnent anwender bewohner verfasser personne utilisateur eleve etudiant enseignant professeur
    medecin membre adherent auteur abonne locataire proprietaire beneficiaire salarie acheteur inscrit
    stagiaire candidat persona cliente usuario paciente alumno estudiante profesor medico miembro socio
    propietario inquilino huesped conductor candidato contacto titular comprador utente paziente studente
    insegnante docente autore proprietario ospite contatto alunno anagrafica persoon klant gebruiker leerling
    docent arts lid huurder eigenaar bezoeker deelnemer contactpersoon pessoa utilizador aluno estudante
    membro hospede"""
)
ORGANISATION = vocabulary(
    """company organisation organization org vendor supplier shipper carrier manufacturer publisher distributor
    merchant firm business employer bank insurer insurance agency club association hospital clinic school
    university institution partner dealer store shop branch warehouse office facility hotel restaurant firma
    unternehmen lieferant hersteller verlag krankenkasse versicherung verein betrieb filiale lager schule
    klinik entreprise societe fournisseur fabricant editeur banque assurance magasin ecole empresa proveedor
    fabricante editorial banco tienda almacen sucursal aseguradora colegio azienda fornitore produttore ditta
    negozio magazzino banca scuola bedrijf leverancier fabrikant winkel magazijn verzekeraar fornecedor loja
    armazem escola"""
)
ADDRESS = vocabulary(
    """address addresses addr adresse anschrift direccion domicilio indirizzo adres endereco morada useraddress
    customeraddress"""
)
EVENT = vocabulary(
    """order orders purchase sale invoice payment rental booking reservation appointment visit message mail
    email post comment review rating feedback ticket case claim issue event log audit session login activity
    history transaction transfer subscription shipment delivery call chat note diagnosis prescription
    treatment observation result survey answer response request complaint donation grade enrollment enrolment
    attendance timesheet payroll salary wage token device notification cart basket wishlist loan contract
    policy registration referral interaction record paymentmethod creditcard card bankaccount bestellung
    auftrag rechnung zahlung buchung termin nachricht kommentar bewertung protokoll befund diagnose
    verordnung rezept vertrag ausleihe anfrage beschwerde sitzung gehalt commande facture paiement rendezvous
    commentaire avis visite contrat pret absence pedido factura pago reserva cita mensaje comentario nomina
    contrato prestamo venta ordine fattura pagamento prenotazione appuntamento messaggio commento recensione
    contratto prestito bestelling factuur betaling boeking afspraak bericht encomenda fatura consulta
    mensagem"""
)
CATALOGUE = vocabulary(
    """country city state region province county district currency language locale category genre product item
    article film movie book song album track artist band brand model title course subject department unit
    type status role permission tag topic color colour size plan price tariff tax vat setting config
    configuration migration feature version translation template page menu option reason code lookup
    reference material medication drug disease diagnosecatalog icd territory zone timezone holiday calendar
    attribute property parameter media playlist inventory stock ingredient recipe species group team league
    season stadium position shift skill game schema station airport airline aircraft flight route land ort
    stadt bundesland kreis wahrung sprache kategorie produkt artikel buch marke abteilung rolle berechtigung
    einstellung medikament arzneimittel fachrichtung katalog typ art preis steuer leistung kurs fach raum
    pays ville langue categorie produit livre marque matiere cours classe reglage devise medicament pais
    ciudad provincia idioma categoria producto libro marca asignatura curso departamento moneda medicamento
    ajuste paese citta lingua prodotto materia corso reparto valuta farmaco impostazione stad taal boek merk
    vak cursus afdeling instelling medicijn cidade estado produto livro disciplina turma moeda"""
)
KINDS_OF_THINGS = vocabulary(
    "type typ tipo kind status role rolle katalog catalog lookup template setting config category list group"
)

GIVEN_NAME = vocabulary(
    "firstname fname givenname forename vorname prenom voornaam rufname primernombre prenome christianname"
)
FAMILY_NAME = vocabulary(
    """lastname lname surname familyname nachname familienname nomdefamille apellido primerapellido cognome
    achternaam sobrenome apelido ultimonome"""
)
ORGANISATION_NAME = vocabulary(
    """companyname legalname businessname organisationname organizationname tradename firmenname firma
    raisonsociale razonsocial ragionesociale bedrijfsnaam razaosocial suppliername vendorname shippername
    storename corporatename"""
)
EMAIL = vocabulary("email emailaddress mail correo courriel emailadres mailadresse")
SECRET = vocabulary("password passwd pwd passwordhash passworddigest kennwort passwort username login anmeldename")
_BY_WORD = (
    (Subject.ADDRESS, ADDRESS),
    (Subject.PERSON, PERSON),
    (Subject.ORGANISATION, ORGANISATION),
    (Subject.EVENT, EVENT),
    (Subject.CATALOGUE, CATALOGUE),
)


@dataclass(frozen=True)
class About:
    """What a table is about. `people`, `organisations`: rows lead to such a row by foreign keys, or are one.

    `is_staff_only`: the people are the organisation's own, such as an order's clerk. `has_names`: given and family
    name stand in columns of their own.
    """

    subject: Subject
    people: bool = False
    organisations: bool = False
    is_staff_only: bool = False
    has_names: bool = False

    @property
    def is_of_organisation(self) -> bool:
        """Addresses in such a table are an organisation's."""
        if self.subject is Subject.ORGANISATION:
            return True
        return self.subject is not Subject.PERSON and self.organisations and (not self.people or self.is_staff_only)


def subject_of(table: TableFacts) -> Subject:
    """By the names of its columns where they tell, else by its own."""
    columns = [tokens(c.column.name) for c in table.columns]
    words = tokens(table.name)
    if _any(columns, GIVEN_NAME) and _any(columns, FAMILY_NAME):
        return Subject.PERSON
    if _any(columns, ORGANISATION_NAME):
        return Subject.ORGANISATION
    by_name = _by_name(words)
    if by_name in (Subject.UNKNOWN, Subject.EVENT) and _any(columns, EMAIL) and _any(columns, SECRET):
        return Subject.PERSON
    return Subject.PERSON if by_name is Subject.UNKNOWN and _holds_people(table) else by_name


def _holds_people(table: TableFacts) -> bool:
    """By its values: names of people in one column, and a way to reach them in another."""

    def has(limit: float, *traits: str) -> bool:
        samples = [c.sample for c in table.columns if c.sample.values >= 10]
        return any(s.share(trait) >= limit for s in samples for trait in traits)

    has_names = has(0.2, "sure_full_name") or (has(0.5, "first_name") and has(0.4, "last_name"))
    return has_names and has(0.5, "email", "international_phone", "street")


def _by_name(words: tuple[str, ...]) -> Subject:
    """English, German and Dutch have the noun last; where the first word is a kind of thing, it is the noun."""
    if any(w in KINDS_OF_THINGS or w.endswith(("type", "status", "category")) for w in words[:1] + words[-1:]):
        return Subject.CATALOGUE
    for word in reversed(words):
        for subject, known in _BY_WORD:
            if singular(word, known):
                return subject
    for subject, known in _BY_WORD:
        if find(words, known):
            return subject
    return Subject.UNKNOWN


def _any(columns: Iterable[tuple[str, ...]], phrases: frozenset[str]) -> bool:
    return any(find(c, phrases) for c in columns)


def about_all(tables: Iterable[TableFacts]) -> Mapping[str, About]:
    """What every table is about, by its path. People and organisations are found along foreign keys; from a catalogue
    nothing leads on."""
    by_path = {t.path: t for t in tables}
    subjects = {path: subject_of(t) for path, t in by_path.items()}
    owners = {c.column.path: path for path, t in by_path.items() for c in t.columns}
    targets = {path: _targets(t.columns, owners) - {path} for path, t in by_path.items()}
    found = {}
    for path, table in by_path.items():
        reached = _reached(path, targets, subjects)
        people = {p for p in reached if subjects[p] is Subject.PERSON}
        organisations = any(subjects[p] is Subject.ORGANISATION for p in reached)
        columns = [tokens(c.column.name) for c in table.columns]
        found[path] = About(
            subjects[path],
            people=bool(people) or (subjects[path] is Subject.ADDRESS and not organisations),
            organisations=organisations,
            is_staff_only=bool(people) and all(_is_staff(by_path[p].name) for p in people),
            has_names=_any(columns, GIVEN_NAME) or _any(columns, FAMILY_NAME),
        )
    return found


def _targets(columns: Iterable[ColumnFacts], owners: Mapping[str, str]) -> set[str]:
    return {owners[path] for c in columns for path in c.refers_to if path in owners}


def _reached(start: str, targets: Mapping[str, set[str]], subjects: Mapping[str, Subject]) -> set[str]:
    reached, todo = {start}, [start]
    while todo:
        here = todo.pop()
        if here != start and subjects[here] in (Subject.CATALOGUE, Subject.PERSON, Subject.ORGANISATION):
            continue
        for target in targets[here] - reached:
            reached.add(target)
            todo.append(target)
    return reached


def _is_staff(name: str) -> bool:
    return any(singular(w, STAFF) for w in tokens(name))
