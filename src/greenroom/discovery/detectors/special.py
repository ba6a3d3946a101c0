"""Special categories (GDPR, article 9) and convictions (article 10): health, religion, origin, politics, sexuality."""

from __future__ import annotations

from greenroom.discovery._technical import BOOKKEEPING
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.discovery.subjects import Subject
from greenroom.masking._types import Kind

ALWAYS = vocabulary(
    """sick krank malade enfermo malato ziek religion religious religiousbelief konfession confession religione
    godsdienst religiao creed ethnicity ethnic ethnicgroup race ethnie etnia ethnicorigin sexualorientation
    orientationsexuelle sexuelleorientierung politicalparty politicalopinion unionmember tradeunion gewerkschaft
    syndicat sindicato criminalrecord conviction convictions vorstrafen disability disabilities behinderung
    schwerbehindert handicap discapacidad minusvalia disabilita deficiencia hivstatus hiv pregnant pregnancy
    schwanger embarazada smoker smoking raucher fumeur fumador fumatore bloodtype bloodgroup blutgruppe
    groupesanguin gruposanguineo allergy allergies allergie allergien alergias allergia allergieen bloodpressure
    blutdruck tensionarterielle medicalhistory medicalcondition medicalconditions anamnese vorerkrankungen
    antecedents healthstatus gesundheit krankheit bmi weightkg heightcm bodyweight bodyheight gewichtkg groessecm
    koerpergroesse cholesterol glucose bloodsugar laborwerte labresult labresults testresult vaccinated vaccination
    impfstatus symptoms symptome medications genotype biometric faceembedding voiceprint sicknessdays sickleave
    krankentage dietaryrequirements dietary diet addiction psychological illness disease diseases disorder disorders
    healthcondition healthconditions chronicdisease chronicconditions chronic comorbidity comorbidities medicalnote
    medicalinfo medicalneeds healthissues healthinfo healthnotes healthinsurancestatus specialneeds specialcare
    accessneeds accessibilityneeds accessibilityrequirements mobilityneeds wheelchair impairment impairments
    mentalhealth depression therapynotes medication currentmedication diagnosis1 icd10 icd icdcode icd10code cie10
    cid10 cim10 snomed bloodgrouprh rhesus rhfactor hba1c hemoglobin systolic diastolic spo2 oxygensaturation
    heartrate pulserate bodytemperature vaccinestatus vaccinations immunisation immunization covidstatus testresults
    sti fertility menstrual cycle lastperiod duedate gravidity parity breastfeeding abortion sicknote sickdays
    sickleavedays absencereasonmedical incapacity degreeofdisability disabilitydegree disabilitypct disabilitytype
    disabilitystatus carelevel caredegree nursinglevel sleepyevents fatigue fatiguescore drowsiness alcohol
    alcoholtest drugtest substance substanceuse drinking smokingstatus tobacco dietpreference dietpreferences
    mealpreference mealpreferences mealtype foodpreferences foodallergies foodallergy dietaryrestrictions kosher
    halal vegetarian faith church parish denomination beliefs baptised baptized sacrament tithe churchtax
    kirchensteuer kirchensteuermerkmal kirche glaube ethnicbackground ethnicities racecode skintone caste tribe
    indigenous nationalminority migrationbackground migrationshintergrund refugeestatus asylumstatus sexuality
    sexualpreference orientation lookingfor interestedin seekinggender genderpreference pronounpreference
    transgender politicalaffiliation politicalviews partymembership partyaffiliation voteintention votedfor
    unionmembership union unionname tradeunionmember criminalhistory criminalconvictions criminalcheck
    criminalrecordcheck backgroundcheck policecheck dbscheck dbs arrests arrest offence offences offense charges
    felony sanction sanctions disciplinary disciplinaryaction warningletter misconduct fuehrungszeugnis
    fuhrungszeugnis strafregister vorstrafe straftat abmahnung abmahnungen disziplinarmassnahme erkrankung
    erkrankungen vorerkrankung krankheiten krankgeschrieben krankschreibung krankmeldung autage fehltagekrank
    arbeitsunfaehig schwangerschaft medikation medikamente impfung impfungen unvertraeglichkeit unvertraeglichkeiten
    pflegegrad pflegestufe gdb gradderbehinderung behinderungsgrad merkzeichen ernaehrung kostform
    essensbesonderheiten gewerkschaftsmitglied herkunftethnie maladie maladies pathologie pathologies handicape
    tauxhandicap allergenes regimealimentaire regime pai traitements traitementmedical antecedent
    antecedentsmedicaux poids taillecm groupesang grossesse enceinte arretmaladie vaccin vaccins sejourhospitalier
    confessionreligieuse cultesyndicat appartenancesyndicale casierjudiciaire condamnation condamnations punition
    sanctiondisciplinaire avertissement boursier bourse enfermedad enfermedades patologia patologias alergia
    discapacidadpct gradodiscapacidad tratamientos medicacion medicamentos antecedentespersonales
    antecedentesmedicos embarazo bajamedica diasbaja incapacidadlaboral gruposangre tiposangre vacuna vacunas dieta
    bebedor pesokg tallacm estaturacm afiliacionsindical sindicatoafiliado ideologia orientacionsexual etniaindigena
    antecedentespenales malattia malattie patologiepregresse allergie1 invalidita gradoinvalidita terapia terapie
    farmaci gravidanza vaccinazioni grupposanguigno pesocorporeo fumatrice sindacato iscrittosindacato
    casellariogiudiziale ziekte ziekten ziektebeeld ziekteverzuim ziekmelding ziektemelding aandoening aandoeningen
    allergieinfo medicijnen medicijngebruik zwanger zwangerschap bloedgroep inenting vaccinatie beperking
    beperkingen handicapcode arbeidsongeschikt arbeidsongeschiktheid dieetwensen dieet geloof kerk kerkgenootschap
    geloofsovertuiging vakbond vakbondslid strafblad vog afkomst etniciteit huidskleur roker rookt doenca doencas
    alergias1 comorbidade comorbidades medicamentosuso gravidez gestante tiposanguineo vacinacao pcd deficiente
    atestado cid diasafastado afastamento raca racacor corpele religiaoaluno sindicalizado filiacaosindical
    antecedentescriminais restricaoalimentar restricoesalimentares choroba choroby alergie niepelnosprawnosc
    stopienniepelnosprawnosci leki grupakrwi ciaza szczepienia zwolnienielekarskie orzeczenie wyznanie religia
    pochodzenieetniczne zwiazekzawodowy karalnosc nalogi sjukdom sjukdomar allergier funktionsnedsattning
    medicinering graviditet blodgrupp vaccinerad sjukskriven sygdom sygdomme handikap medicin blodtype sykdom
    sykdommer allergiar legemidler sykefravaer trosamfunn etnisitet fagforening sairaus sairaudet allergiat vamma
    laakitys veriryhma uskonto nemoc nemoci alergie1 postizeni leky krevniskupina tehotenstvi nabozenstvi hastalik
    alerji engellilik kangrubu gebelik din mezhep sendika sabika seeking drinks drinkinghabits mealpref
    specialassistance assistance pep politicallyexposed fehltage absencedays daysabsent joursabsence diasausencia
    verzuimdagen fravaerdager absenceshours regimecantine cantine allergeneskind wheelchairuser carer
    visionimpairment hearingimpairment sen senstatus iep filiacion delito delitos reato reati infraction infractions
    crime crimes esenzione esenzionecodice taufspruch blacklist listenoire blacklisted schwarzeliste
    immune immunity immunised hepbimmune rqth qualitetravailleurhandicape autoriteparentale custody sorgerecht
    patriapotestad patriapotesta ouderlijkgezag guardaparental foreldreansvar bkr schufa serasa asnef creditbureau
    insolvency insolvent bankruptcy privatinsolvenz schuldhulp schuldsanering wsnp bewindvoering curatele betreuung
    surendettement"""
)
IN_PEOPLE = vocabulary(
    """weight height gewicht groesse grosse poids taille peso altura estatura diagnosis diagnose diagnostic diagnostico
    diagnosi befund condition treatment medication pulse heartrate temperature vikt hojd vaegt hoejde vekt hoyde
    paino pituus vaha vyska kilo boy lengte altezza waga wzrost conditions dosage therapy therapie tratamiento
    tratamento trattamento behandlung terapia pressure bp glucose sugar hr rr temp bmi fever symptom secuela
    lesiones fracture injury injuries verletzung blessure ferita trauma surgery operation surgeries eingriff"""
)
CLINICAL = vocabulary(
    """diagnosis diagnose diagnostic diagnostico diagnosi diagnosecode befund befundtext medication treatment symptoms
    dosage dose therapy therapie tratamiento tratamento trattamento behandlung condition injury injuries findings
    icd dosis posologie posologia dosierung lesion informe referto befunde complaint complaints klachten"""
)

THINGS = vocabulary("batch lot stock inventory menu product charge lager stock bestand voorraad partij")


def judge(place: Place) -> Finding | None:
    if place.kind is Kind.BYTEA or (place.is_catalogue and not place.about.people):
        return None
    if place.is_date:
        is_theirs = place.is_of_person and place.named(ALWAYS) and not set(place.words) & BOOKKEEPING
        return found("special", weigh(place, 0.7 if is_theirs else 0.0, Clue()), Choice("date_shift"))
    by_name = 0.88 if place.named(ALWAYS) else 0.0
    if by_name and place.is_in(THINGS) and not place.is_of_person:
        by_name = 0.4  # a batch of a vaccine, the additives of a dish
    if not by_name and place.named(IN_PEOPLE) and (place.is_person or _is_clinical(place)):
        by_name = 0.8
    long = place.is_text and not place.is_short_list
    first = (Choice("free_text"),) if long else ()
    numbers = (Choice("number_noise"),) if place.is_number and not place.is_short_list else ()
    choices = (
        *first,
        *numbers,
        *(() if place.kind in (Kind.JSON, Kind.JSONB) else (Choice("shuffle"),)),
        Choice("null"),
    )
    return found("special", weigh(place, by_name, Clue()), *choices)


def _is_clinical(place: Place) -> bool:
    """An event of a person, with words of medicine in its name."""
    return place.about.subject is Subject.EVENT and place.about.people and bool(place.named(CLINICAL))


DETECTOR = Detector("special", "special categories", judge)
