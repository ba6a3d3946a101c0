"""Names written together from short forms: `KLTNR`, `TELMOB`, `NOMCLI`, `DTNASC`, as older databases have them."""

from __future__ import annotations

from functools import lru_cache

LONGEST = 16
"""Letters of a word up to which it may be made of short forms; longer ones are words of a language."""

MOST = 4
"""Short forms in one word, at most."""

_PIECES = {
    "bst": "bestand",
    "stm": "stamm",
    "stam": "stamm",
    "stamm": "stamm",
    "tab": "table",
    "tbl": "table",
    "kop": "kop",
    "rgl": "regel",
    "hdr": "header",
    "hist": "history",
    "arch": "archive",
    "lim": "limit",
    "kred": "kredit",
    "cogn": "cognome",
    "resp": "responsable",
    "afl": "delivery",
    "aflev": "delivery",
    "lief": "liefer",
    "fakt": "invoice",
    "klt": "klant",
    "klnt": "klant",
    "klant": "klant",
    "kund": "kunde",
    "kunden": "kunde",
    "kdn": "kunde",
    "kd": "kunde",
    "cli": "client",
    "clt": "client",
    "cte": "client",
    "clien": "client",
    "cust": "customer",
    "cst": "customer",
    "mdw": "medewerker",
    "medew": "medewerker",
    "mitarb": "mitarbeiter",
    "mitgl": "mitglied",
    "mgl": "mitglied",
    "mgld": "mitglied",
    "emp": "employee",
    "empl": "employee",
    "pers": "person",
    "prs": "person",
    "pat": "patient",
    "mbr": "member",
    "debt": "debiteur",
    "deb": "debiteur",
    "deel": "deelnemer",
    "abon": "abonnee",
    "func": "funcionario",
    "usr": "user",
    "user": "user",
    "usu": "usuario",
    "gebr": "gebruiker",
    "ben": "benutzer",
    "alu": "alumno",
    "elv": "eleve",
    "rel": "relatie",
    "vert": "vertreter",
    "verk": "verkoper",
    "vend": "vendedor",
    "leerl": "leerling",
    "lrl": "leerling",
    "nr": "nr",
    "num": "num",
    "no": "no",
    "nbr": "number",
    "code": "code",
    "cod": "code",
    "cd": "code",
    "id": "id",
    "nm": "name",
    "nam": "name",
    "name": "name",
    "naam": "naam",
    "nome": "nome",
    "nom": "nom",
    "nomb": "nombre",
    "vor": "vor",
    "vrn": "vor",
    "voor": "voor",
    "vr": "voor",
    "nach": "nach",
    "achter": "achter",
    "acht": "achter",
    "fam": "family",
    "fst": "first",
    "lst": "last",
    "tel": "tel",
    "tlf": "tel",
    "fon": "phone",
    "fone": "phone",
    "phone": "phone",
    "mob": "mobile",
    "mobil": "mobile",
    "cel": "celular",
    "gsm": "gsm",
    "fax": "fax",
    "thuis": "home",
    "werk": "work",
    "wrk": "work",
    "priv": "home",
    "dienst": "work",
    "adr": "address",
    "adres": "address",
    "addr": "address",
    "strt": "straat",
    "straat": "straat",
    "str": "strasse",
    "huis": "huis",
    "hs": "huis",
    "post": "post",
    "pst": "post",
    "plz": "plz",
    "pc": "postcode",
    "cep": "cep",
    "ort": "ort",
    "wohn": "wohn",
    "woon": "woon",
    "wnpl": "woonplaats",
    "wpl": "woonplaats",
    "plts": "plaats",
    "plaats": "plaats",
    "pl": "plaats",
    "stad": "stad",
    "vil": "ville",
    "ville": "ville",
    "cid": "cidade",
    "bair": "bairro",
    "land": "land",
    "mun": "municipio",
    "prov": "provincia",
    "geb": "geburt",
    "gebrt": "geburt",
    "nasc": "nascimento",
    "nac": "nacimiento",
    "nais": "naissance",
    "naiss": "naissance",
    "birth": "birth",
    "brth": "birth",
    "bth": "birth",
    "urodz": "urodzenia",
    "ur": "urodzenia",
    "dat": "datum",
    "datum": "datum",
    "date": "date",
    "data": "data",
    "dt": "date",
    "dte": "date",
    "fec": "fecha",
    "fch": "fecha",
    "jr": "jahr",
    "jaar": "jahr",
    "jhr": "jahr",
    "mail": "mail",
    "eml": "email",
    "ww": "wachtwoord",
    "pwd": "password",
    "pw": "password",
    "paswd": "password",
    "senha": "senha",
    "rek": "rekening",
    "bank": "bank",
    "kto": "konto",
    "konto": "konto",
    "cta": "cuenta",
    "sal": "salary",
    "salar": "salary",
    "loon": "loon",
    "lohn": "lohn",
    "uur": "hourly",
    "brut": "brutto",
    "bruto": "bruto",
    "gesl": "geschlecht",
    "gschl": "geschlecht",
    "nat": "nationality",
    "natl": "nationality",
    "staat": "staat",
    "beroep": "beroep",
    "prof": "profession",
    "funct": "functie",
    "fnct": "functie",
    "opm": "opmerking",
    "bem": "bemerkung",
    "bemerk": "bemerkung",
    "obs": "observacion",
    "kent": "kenteken",
    "ktkn": "kenteken",
    "rijb": "rijbewijs",
    "pasp": "paspoort",
    "contact": "contact",
    "cont": "contact",
    "ctc": "contact",
    "mut": "mutation",
    "wijz": "mutation",
    "in": "in",
    "uit": "uit",
    "oms": "description",
    "bedr": "amount",
    "burg": "burgerlijke",
    "ziek": "ziek",
    "mld": "meld",
    "knm": "kenmerk",
    "kenm": "kenmerk",
    "wrd": "waarde",
    "tgn": "tegen",
    "gegen": "gegen",
    "mtr": "meter",
    "hnr": "hausnummer",
    "ovl": "overlijdens",
    "sterb": "sterbe",
    "zhlr": "zaehler",
    "vbr": "verbrauch",
}
"""Short forms, each with the word that it is short for. Two letters only where hardly a word begins or ends so."""

_WHOLE = frozenset(
    str.split(
        """contact contacts datum data date user users name names naam nome code post posts postal email mail phone
    konto bank land plaats straat stad ville adres nombre nom person persons pers patient patients client
    clients member members employee employees mobile mobil fax tel telefon birth klant kunden kunde codes
    debit deben credit credits relatie paspoort woonplaats postcode postcodes postland postfach bankcode
    beruf benom beleg beneficiary natal nature nato natural native salon salt salut profit profile prove
    provider provision genre national nationality contains content contents continent control idea ideal
    ident noise none note notes normal north nordic november nominal intel inland into idle coded inner info
    update updated strict string street strand stroke stress strain structure portal porto landing lander
    cell cellar celebrity verdict version vertical personal personel personnel address strasse prior private
    privat fames familiar benefit bench delivery debut debian benadering relay release relation related
    inadr patch path patrol pattern paternal userdata username userid postdata postname dataname namedata
    telephone telefono telefone uurloon nomcode plan place places planet plate geslacht paths aluno alunos
    aluna kundin datumindienst metadata nodata cidade cidadao cider function functional functions
    observatory obsolete usual usurper usuario obscure"""
    )
)
"""Words that could be read as short forms and are none."""


@lru_cache(maxsize=8192)
def pieces(word: str) -> tuple[str, ...]:
    """The words that a word of short forms is made of, as few as do; the word itself where it is made of none."""
    if not 4 <= len(word) <= LONGEST or word in _WHOLE or word in _PIECES:
        return (word,)
    for count in range(2, MOST + 1):
        found = _split(word, count)
        if found is not None:
            return found
    return (word,)


def _split(word: str, count: int) -> tuple[str, ...] | None:
    if count == 1:
        return (_PIECES[word],) if word in _PIECES else None
    for end in range(len(word) - 2 * (count - 1), 1, -1):
        first = _PIECES.get(word[:end])
        rest = _split(word[end:], count - 1) if first is not None else None
        if first is not None and rest is not None:
            return first, *rest
    return None
