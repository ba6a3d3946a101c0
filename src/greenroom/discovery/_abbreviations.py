"""Short forms of words in names: vowels left out (`brthdt`), and those that everybody writes."""

from __future__ import annotations

VOWELS = "aeiou"
SHORTEST = 3
"""Letters of a word without vowels from which on it is read as one."""

WELL_KNOWN = {
    "adr": "address",
    "anz": "anzahl",
    "ape": "apellido",
    "apell": "apellido",
    "bem": "bemerkung",
    "benutz": "benutzer",
    "bmrk": "bemerkung",
    "civ": "civilite",
    "cli": "client",
    "clt": "client",
    "corr": "correo",
    "dat": "datum",
    "debnr": "debiteurnummer",
    "dob": "dateofbirth",
    "dom": "domicilio",
    "drv": "driver",
    "drvr": "driver",
    "emp": "employee",
    "empl": "employee",
    "estciv": "estadocivil",
    "fw": "firmware",
    "gebj": "geburtsjahr",
    "geschl": "geschlecht",
    "gesl": "geschlecht",
    "gbd": "geburtsdatum",
    "klt": "klant",
    "klnt": "klant",
    "kto": "konto",
    "mdw": "medewerker",
    "medew": "medewerker",
    "mitarb": "mitarbeiter",
    "mgl": "mitglied",
    "nac": "nacimiento",
    "nais": "naissance",
    "naiss": "naissance",
    "nasc": "nascimento",
    "obs": "observaciones",
    "observ": "observaciones",
    "opm": "opmerking",
    "opmerk": "opmerking",
    "paren": "parentesco",
    "pcode": "postcode",
    "postk": "postcode",
    "pstk": "postcode",
    "prnom": "prenom",
    "profes": "profession",
    "rufnr": "rufnummer",
    "staatsangeh": "staatsangehoerigkeit",
    "straat": "straat",
    "strt": "straat",
    "tussenv": "tussenvoegsel",
    "usu": "usuario",
    "voorl": "voorletters",
    "vrnm": "vorname",
    "wnpl": "woonplaats",
    "woonpl": "woonplaats",
    "wpl": "woonplaats",
    "ww": "wachtwoord",
    "ziektemeld": "ziektemelding",
    "cogn": "cognome",
    "stkl": "steuerklasse",
    "konf": "konfession",
    "voorn": "voornaam",
    "achtern": "achternaam",
    "geslnaam": "geslachtsnaam",
    "voorv": "voorvoegsel",
    "geblnd": "geboorteland",
    "gebpl": "geboorteplaats",
    "natio": "nationality",
    "bankverb": "bankverbindung",
    "sachbearb": "sachbearbeiter",
    "nazw": "nazwisko",
    "miejsc": "miejscowosc",
    "ul": "ulica",
    "telf": "telefono",
    "init": "initial",
    "fono": "telefone",
    "compl": "complemento",
    "munic": "municipio",
    "logr": "logradouro",
    "mae": "nomemae",
    "pai": "nomepai",
    "tussv": "tussenvoegsel",
    "medbijz": "bijzonderheden",
    "bijz": "bijzonderheden",
    "crt": "created",
    "upd": "updated",
    "chg": "changed",
    "estcivil": "estadocivil",
    "sts": "status",
    "msg": "message",
    "nm": "name",
    "nme": "name",
    "nbr": "number",
    "nmbr": "number",
    "ph": "phone",
    "phn": "phone",
    "mob": "mobile",
    "desc": "description",
    "descr": "description",
    "acct": "account",
    "usr": "user",
    "pswd": "password",
    "psw": "password",
    "hm": "home",
    "wk": "work",
    "diag": "diagnosis",
    "occ": "occupation",
    "dt": "date",
    "dte": "date",
    "cntct": "contact",
    "pt": "patient",
    "ptnt": "patient",
    "stu": "student",
    "tchr": "teacher",
    "mbr": "member",
    "mem": "member",
    "bnf": "beneficiary",
    "benef": "beneficiary",
    "ins": "insurance",
    "pol": "policy",
    "lic": "license",
    "natl": "national",
    "resid": "resident",
    "sal": "salary",
    "txt": "text",
    "vorn": "vorname",
    "nachn": "nachname",
    "gebdat": "geburtsdatum",
    "kd": "kunde",
    "kdnr": "kundennummer",
    "persnr": "personalnummer",
    "ap": "apellido",
    "nomb": "nombre",
    "fec": "fecha",
}

WITHOUT_VOWELS = """
person customer client patient student teacher member employee contact user holder driver agent author
beneficiary applicant firstname lastname fname lname mname name surname birth birthdate birthday birthdt
gender marital status email phone mobile telephone home work street address line country county city state
zipcode postal code password login last number account policy plate license passport social security insurance
salary income height weight smoker notes note comment comments remarks description message title profession
occupation employer company nationality religion vehicle claim order payment invoice diagnosis treatment
prescription signature photo picture latitude longitude token secret session card credit balance date created
updated hired joined recipient sender subject
"""


def _skeleton(word: str) -> str:
    return word[:1] + "".join(c for c in word[1:] if c not in VOWELS)


_BY_SKELETON = {_skeleton(word): word for word in reversed(WITHOUT_VOWELS.split())}


def spelled_out(word: str) -> str:
    """The word that a short form stands for; any other as it is."""
    known = WELL_KNOWN.get(word)
    if known is not None or len(word) < SHORTEST or any(c in VOWELS for c in word[1:]):
        return known or word
    return _BY_SKELETON.get(word, word)
