"""What describes a person among others: sex, title, profession, marital status, nationality. Alone harmless, together
with others enough to find somebody."""

from __future__ import annotations

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import find, fold, vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.discovery.references import PLAIN
from greenroom.masking._types import Kind

ALWAYS = vocabulary(
    """gender sex geschlecht sexe sexo sesso geslacht genero titleofcourtesy salutation courtesytitle nametitle
    honorific anrede civilite tratamiento aanhef maritalstatus familienstand familystatus etatcivil
    situationfamiliale estadocivil statocivile burgerlijkestaat jobtitle contacttitle profession occupation beruf
    berufsbezeichnung metier profesion ocupacion professione beroep profissao nationality nationalitaet nationalitat
    staatsangehorigkeit staatsangehoerigkeit citizenship nationalite nacionalidad nazionalita nationaliteit
    nacionalidade mothertongue nativelanguage muttersprache pronouns education educationlevel schooling
    numberofchildren numchildren childrencount householdsize anzahlkinder akademischertitel academictitle
    namensprefix academicdegree genderidentity genderid sexcode gendercode sexatbirth birthsex geslachtcode
    geschlechtcode geschl plec kon kjonn sukupuoli pohlavi cinsiyet kjoenn koen kjoen salutationcode anredecode
    aanspreektitel aanspreekvorm tratamientocortesia trattamento formadetratamento zwrot tilltal titulatura osloveni
    hitap briefanrede greetingline civilstatus maritalstate marital marriage relationshipstatus civilpartnership
    familienstandcode estadociviles stancywilny civilstand sivilstatus sivilstand siviilisaaty rodinnystav medenihal
    medenidurum burgst burgerlijkestand jobposition jobrole jobfunction jobdescription occupationcode professioncode
    currentjob employmentstatus employmenttype employmentposition worktitle roletitle berufsgruppe berufsstand
    stellenbezeichnung dienstgrad amtsbezeichnung taetigkeit csp categoriesocioprofessionnelle fonctionoccupee poste
    emploi intituleposte professionpere professionmere professionparent puestotrabajo cargolaboral ocupacionactual
    oficio codprofesion codcno mansione qualificaprofessionale inquadramento functienaam functietitel beroepsgroep
    profissaoatual cargoatual ocupacaoatual cbo zawod stanowisko yrke stilling tittel ammatti povolani pozice meslek
    unvani gorev nationalitycode nationalities secondnationality citizenships citizencode nationalitat2
    staatsangehoerigkeitcode staatsb staatsburgerschaft staatsbuergerschaft obywatelstwo narodowosc nationalitet
    statsborgerskap medborgarskap kansalaisuus statniprislusnost obcanstvi uyruk uyrugu nacionalidadecod language1
    spokenlanguages languagesspoken nativetongue firstlanguage mothertonguecode languematernelle lenguamaterna
    madrelingua moedertaal linguamaterna jezykojczysty modersmal aidinkieli rodnyjazyk anadil educationallevel
    highesteducation degreelevel schoolleavingcertificate schulabschluss bildungsabschluss hochschulabschluss
    niveauetudes niveauetude diplome niveldeestudios nivelestudios estudios titolodistudio titolostudio
    opleidingsniveau opleiding escolaridade grauinstrucao formacao wyksztalcenie utbildning utdanning uddannelse
    koulutus vzdelani egitimdurumu ogrenim almamater graduatedfrom numberofdependents numdependents dependents
    dependentscount numberofsiblings siblings familysize householdmembers nombreenfants nbenfants numerohijos
    numhijos numerofigli aantalkinderen numerofilhos numfilhos liczbadzieci antalbarn lastenlukumaara pocetdeti
    cocuksayisi personsinhousehold kinshipcode parentage familyrelation familyrelationship lienparente liendeparente
    relacion vinculo parentela relazione verwandtschaftsgrad verwandtschaftsverhaeltnis gradparentesco
    grauparentesco pokrewienstwo slaktskap relasjon sukulaisuus pribuzensky yakinlik beziehung haircolor haircolour
    eyecolor eyecolour skincolor complexion bodytype shoesize clothingsize dresssize shirtsize kleidergroesse
    konfektionsgroesse schuhgroesse taillevetement tallaropa maat schoenmaat tamanhoroupa zodiac zodiacsign starsign
    horoscope sternzeichen ascendant militaryservice militarystatus veteranstatus immigrationstatus residencystatus
    aufenthaltsstatus visastatus visatype drivinglicenceclass licenceclass licenseclass fuehrerscheinklasse
    rijbewijscategorie categoriapermiso categoriapatente categoriacnh estcivil estadocivilcod haskids haschildren
    mv kids steuerklasse taxclass titulpred titulza titul academicrank cittadinanza currenttitle workpermit
    permistravail permisotrabajo arbeitserlaubnis werkvergunning morsmal redoublant regimescolaire csppere cspmere
    occupationpere occupationmere householdtype housingsituation wohnsituation ownsorrents dwelling immigrantstatus"""
)
IN_PEOPLE = vocabulary(
    """relationship relation kinship verwandtschaft parente parentesco title titel titulo titre titolo prefix suffix
    position funktion fonction cargo puesto functie qualifica rang rank degree designation gradoacademico children
    kinder enfants hijos figli relationtype relationtocustomer relationship1 beziehung parenterelation lien
    funktionsbezeichnung rolletitel dienststellung akadtitel titulatuur klasse classname gradelevel yeargroup
    jahrgangsstufe schulklasse promotion seniority skills skill qualification qualifications certifications
    strengths weaknesses interests hobby hobbies rating score ranking performance punctuality reliability risk
    riskscore riskclass segment persona loyaltylevel trustscore creditrating bonitaet bonitat bonita scoring nps
    house homeroom"""
)


FAMILY = vocabulary("children kinder enfants hijos figli kinderen filhos dzieci barn dependents siblings")
RELATION = vocabulary(
    """relationship relation kinship kinshipdegree verwandtschaft beziehung parente parentesco relacion relazione
    relatie parentela vinculo lienparente pokrewienstwo slaktskap relasjon yakinlik"""
)
JUDGED = vocabulary(
    """rating score performance evaluation appraisal risk ranking punctuality grade gradeaverage gpa bewertung
    beurteilung puntuacion evaluacion calificacion valutazione punteggio beoordeling avaliacao nota ocena betyg
    karakter hodnoceni puan moyenne moyennegenerale average gradepointaverage durchschnitt notendurchschnitt
    promedio gemiddelde srednia karaktersnitt snitt ortalama punkte points percentile iq"""
)


def judge(place: Place) -> Finding | None:
    if (
        place.kind not in (Kind.TEXT, Kind.CITEXT, Kind.ENUM, Kind.BOOLEAN, Kind.INTEGER, Kind.NUMERIC, Kind.FLOAT)
        or place.is_catalogue
    ):
        return None
    by_name = 0.85 if place.named(ALWAYS) else 0.0
    if by_name and not (place.is_of_person or place.is_inside or place.about.has_names):
        by_name = 0.4
    match = place.named(IN_PEOPLE)
    is_whole = match is not None and match.whole
    if not by_name and place.about.people and place.named(RELATION):
        by_name = 0.7
    if not by_name and _is_relation(place):
        by_name = 0.65
    if not by_name and place.is_text and _is_sex(place):
        by_name = 0.6
    if not by_name and "role" in place.words and _is_job(place):
        by_name = 0.6
    is_mark = place.is_number and place.is_person and not place.facts.is_key
    if not by_name and place.is_number and place.about.people and place.named(JUDGED - {"rating", "nota"}):
        by_name = 0.4  # of the person, or of what the person judged
    if by_name <= 0.4 and is_mark and (place.named(JUDGED) or (is_whole and place.named(IN_PEOPLE))):
        by_name = 0.6
    if not by_name and place.is_number and place.about.people and is_whole and place.named(FAMILY):
        by_name = 0.6
    if not by_name and place.is_number and place.is_person and _is_code(place):
        by_name = 0.6
    if not by_name and is_whole and place.is_person and place.is_text and _has_names(place):
        by_name = 0.78
    if not by_name and is_whole and place.about.people and not place.is_person and "title" in place.words:
        by_name = 0.4
    return found("attribute", weigh(place, by_name, Clue()), Choice("shuffle"), Choice("free_text"), Choice("null"))


SHORT_RELATION = vocabulary("lien rel relat vinc verw")
JOB = vocabulary("role jobrole rolle rol ruolo rola")
HIRED = vocabulary(
    "salary annualpay pay payband wage hired hiredate startdate hiredon gehalt lohn salaire salario salaris"
)


def _is_relation(place: Place) -> bool:
    """What two people are to each other, shortly: `lien`, `rel`."""
    return place.is_text and place.about.people and len(place.words) == 1 and place.words[0] in SHORT_RELATION


def _is_job(place: Place) -> bool:
    """What somebody does for a living, rather than may do in a program: pay or a hiring stands beside."""
    match = place.named(JOB)
    return match is not None and match.whole and place.is_person and place.has_beside(HIRED)


def _is_sex(place: Place) -> bool:
    """A short list of the letters or words of a sex, in rows that lead to people."""
    sample = place.sample
    is_list = sample.values >= 20 and 2 <= sample.distinct <= 8
    return is_list and place.is_of_person and sample.share("sex") >= 0.9 and sample.share("sure_sex") >= 0.3


def looks_like_sex(text: str) -> bool:
    return fold(text) in SEXES


def looks_surely(text: str) -> bool:
    return fold(text) in SEXES - PERHAPS


PERHAPS = vocabulary("v x u d h")
"""Letters of a sex that many other lists have."""

SEXES = PERHAPS | vocabulary(
    """m f w male female unknown man woman men women mann frau maennlich weiblich divers homme femme
    masculin feminin hombre mujer masculino femenino feminino maschio femmina uomo donna vrouw mannelijk vrouwelijk
    mezczyzna kobieta mand kvinde kvinna kvinne mies nainen muz zena erkek kadin"""
)


def _is_code(place: Place) -> bool:
    """A number that stands for an entry of a list: `title_id`, `sex_code`."""
    rest = tuple(w for w in place.words if w not in PLAIN)
    return len(rest) < len(place.words) and bool(find(rest, ALWAYS))


def _has_names(place: Place) -> bool:
    return place.about.has_names or place.has_beside(frozenset(("fullname", "personname", "email")))


DETECTOR = Detector("attribute", "attributes of people", judge, {"sex": looks_like_sex, "sure_sex": looks_surely})
