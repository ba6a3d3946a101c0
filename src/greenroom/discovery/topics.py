"""Tables that tell by what they record: health, pay, conduct, debts, what a household uses."""

from __future__ import annotations

from greenroom.discovery._technical import TRADE
from greenroom.discovery.naming import find, vocabulary
from greenroom.discovery.place import Place
from greenroom.discovery.subjects import Subject

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

DEBT = vocabulary(
    """incasso inkasso dunning debtcollection collections arrears bailiff foreclosure insolvency bankruptcy eviction
    mahnung mahnungen mahnwesen mahnstufe pfaendung vollstreckung insolvenz schuldnerberatung aanmaning aanmaningen
    deurwaarder schuldhulp betalingsachterstand wanbetaler wanbetaling recouvrement relance relances impaye impayes
    surendettement huissier morosidad impagado impagados cobranza cobranzas recobro embargos sollecito solleciti
    recuperocrediti insolvenza cobrancas inadimplencia inadimplente windykacja zaleglosc zaleglosci upomnienia
    indrivning inkassosak purring betalningsanmarkning perinta vymahani upominka icra takip"""
)
USE = vocabulary(
    """meterreading meterreadings consumption smartmeter telemetry telemetrie meterstand meterstanden verbruik
    verbrauch zaehlerstand zaehlerstaende releve consommation compteur consumo lectura lecturas lettura letture leitura
    leituras zuzycie odczyt odczyty forbruk forbrug forbrukning kulutus spotreba tuketim"""
)
"""What meters tell of a household, hour by hour: when somebody is at home."""

USED = USE | vocabulary(
    "kwh kilowatthours energyuse poweruse waterusage gasverbruik stroomverbruik stromverbrauch gasverbrauch"
)
TOPICS = HEALTH | PAY | CONDUCT | DEBT


def topic(place: Place) -> str:
    """What a row tells of a person by what its table records, in words; empty where it is nothing of these."""
    about, words = place.about, place.table_words
    if not about.people or about.subject is Subject.CATALOGUE:
        return ""
    if find(words, HEALTH):
        return "the health"
    if find(words, PAY):
        return "the pay"
    if find(words, CONDUCT):
        return "conduct or achievements"
    if find(words, DEBT):
        return "the debts"
    if find((*place.schema_words, *words), USE):
        return "the habits"
    return "the health" if _is_of_health(place) else ""


def is_told(place: Place) -> bool:
    """The table's own name says what it records, not only whose rows it has."""
    return bool(find(place.table_words, TOPICS)) or any(w in HEALTH for w in place.schema_words)


def _is_of_health(place: Place) -> bool:
    """Whatever stands in a schema of health is health, and a visit is one to a physician where patients come."""
    if any(w in HEALTH for w in place.schema_words):
        return True
    is_visit = place.about.subject is Subject.EVENT and not find(place.table_words, TRADE)
    return is_visit and place.about.of_patients


def is_health(place: Place) -> bool:
    """The row records somebody's health."""
    return topic(place) == "the health"
