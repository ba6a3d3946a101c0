"""Records of somebody's health, pay, conduct or achievements: in a table of such, every column tells."""

from __future__ import annotations

from greenroom.discovery._technical import BOOKKEEPING, COUNTERS, PROGRAM, SWITCHES
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import find, vocabulary
from greenroom.discovery.place import Place, found
from greenroom.discovery.references import GIVEN, PLAIN, is_person_key
from greenroom.discovery.subjects import Subject
from greenroom.masking._types import Kind

HEALTH = vocabulary(
    """health medical clinical anamnesis diagnosis diagnoses vital vitals vitalsign vitalsigns lab labresult labtest
    bloodtest measurement allergy allergies immunization immunisation vaccination prescription medication treatment
    therapy symptom injury accidentvictim sickness sickleave illness disability pregnancy screening healthcheck
    questionnaire triage ward hospitalization hospitalisation surgery consultation progressnote carelog careplan
    gesundheit anamnese diagnose befund messwert laborwert allergie impfung verordnung rezept behandlung therapie
    krankmeldung krankheit verletzung untersuchung vitalwert pflegebericht sante antecedent antecedents ordonnance
    consultation vaccin vaccination traitement blessure arretmaladie infirmerie passageinfirmerie soin soins
    hospitalisation salud cuestionariosalud lesion historiaclinica diagnostico receta tratamiento vacuna alergia
    enfermedad bajamedica salute anamnesi referto diagnosi ricetta terapia vaccinazione infortunio malattia
    gezondheid ziekmelding verzuim verzuimmelding ziekteverzuim anamnese behandeling medicatie recept letsel
    vaccinatie saude prontuario diagnostico receita atestado vacina exame exameresultado consultamedica lesao
    zdrowie badanie rozpoznanie recepta leczenie szczepienie zwolnienie uraz halsa journalanteckning sykdom sygdom
    terveys laakitys zdravi vysetreni ockovani saglik muayene recete tani med meds medorder medorders rx drugorder
    encounter admission labs analysis specimen carenote wizyta rozpoznania wywiad anamneza ricette terapie visite
    analisi farmaci farmaco cure"""
)
PAY = vocabulary(
    """payslip payslips paycheck payroll payrolls salary salaries wage wages payitem compensation bonus commission
    expenseclaim garnishment lohnabrechnung gehaltsabrechnung lohn gehalt verguetung pfaendung bulletinpaie
    fichepaie salaire remuneration saisiesalaire nomina nominas salario salarios embargo bustapaga cedolino
    stipendio loonstrook salaris loonbeslag contracheque holerite folhapagamento vencimento wynagrodzenie lonespec
    lonnslipp palkka vyplata bordro maas benefit benefits welfare socialbenefit uitkering uitkeringen toeslag
    prestacion prestaciones subsidio subvencion sussidio beneficio zasilek sozialhilfe sozialleistung allocation
    aidesociale bidrag ytelse creditreport creditcheck creditbureau schufa debtcollection inkasso"""
)
CONDUCT = vocabulary(
    """sanction sanctions disciplinary disciplinaryaction warning warnings penalty punishment detention misconduct
    absence absences tardiness incidentreport conviction offence offense arrest blacklist scoring score scores
    evaluation appraisal performance performancereview assessment exitinterview interview examresult testresult
    reportcard transcript result results achievement ranking competency abmahnung disziplinarmassnahme fehlzeit
    abwesenheit beurteilung bewertungsbogen zeugnis ergebnis ergebnisse leistung pruefung pruefungsergebnis
    bewerbungsgespraech punition retenue avertissement absence retard evaluation bulletin releve sancion sanciones
    amonestacion ausencia falta evaluacion calificacion calificaciones boletin expediente resultado sanzione assenza
    valutazione pagella esito sanctie waarschuwing afwezigheid beoordeling rapport resultaat sancao advertencia
    ausencia falta avaliacao boletim resultado nieobecnosc nagana upomnienie omdome franvaro fravaer vidnesbyrd
    arvosana poissaolo hodnoceni absence degerlendirme karne devamsizlik ceza occurrence ocorrencia ocorrencias
    ocurrencia vorfall vorfaelle arret arrets conge conges boletins abwesenh fehlzeiten kartenote inquiryscore"""
)
GRADES = vocabulary(
    """grade grades mark marks note notes noten zeugnisnote nota notas voto voti cijfer cijfers rapportcijfer ocena
    oceny betyg karakter karakterer arvosana znamka znamky not notu"""
)
"""Words that mean a remark elsewhere: only their numbers tell."""

GIVING = vocabulary(
    """donation donations donor pledge pledges tithe spende spenden don dons donacion donaciones donativo donazione
    donazioni donatie donaties doacao doacoes darowizna darowizny gava gavor donasjon lahjoitus dar dary bagis"""
)
MONEY = vocabulary(
    """amount sum total value betrag summe hoehe montant somme importe monto cantidad importo somma bedrag valor
    quantia kwota belopp belob belop summa castka tutar"""
)
TOPICS = HEALTH | PAY | CONDUCT
CLINICAL = vocabulary("code unit units flag lab method")
QUIET = (
    COUNTERS
    | PROGRAM
    | SWITCHES
    | BOOKKEEPING
    | vocabulary(
        """url path file filename hash created createdat date datum fecha data day name nom nombre nome naam code no nr
        number lot device method lab laboratory location room"""
    )
)
"""Columns that say nothing even there, or that other detectors know better."""


def judge(place: Place) -> Finding | None:
    if place.is_inside or place.is_catalogue or not place.about.people or place.about.subject is Subject.CATALOGUE:
        return None
    facts = place.facts
    if facts.is_key or facts.is_identity or facts.refers_to or is_person_key(place.words) or place.is_date:
        return None
    if find(place.table_words, GIVING):
        if place.is_number and place.named(MONEY):
            return found("record", (0.6, "what somebody gave"), Choice("number_noise"), Choice("shuffle"))
        return None
    is_grade = place.is_number and bool(find(place.table_words, GRADES))
    if not (is_grade or find(place.table_words, TOPICS)):
        return None
    words = set(place.words)
    quiet = QUIET - CLINICAL if find(place.table_words, HEALTH) and len(words) > 1 else QUIET
    if not words or words <= PLAIN or words & quiet or words & GIVEN:
        return None
    if place.kind in (Kind.UUID, Kind.OTHER, Kind.ARRAY):
        return None
    reason = f"the table records {_of_what(place)} of people"
    if place.kind in (Kind.JSON, Kind.JSONB, Kind.BYTEA):
        return found("record", (0.55, reason), Choice("null"), Choice("shuffle"))
    long = (Choice("free_text"),) if place.is_text and not place.is_short_list else ()
    noise = (Choice("number_noise"),) if place.is_number and not place.is_short_list else ()
    return found("record", (0.6, reason), *long, *noise, Choice("shuffle"), Choice("null"))


def _of_what(place: Place) -> str:
    if find(place.table_words, HEALTH):
        return "the health"
    return "the pay" if find(place.table_words, PAY) else "conduct or achievements"


DETECTOR = Detector("record", "records of people", judge)
