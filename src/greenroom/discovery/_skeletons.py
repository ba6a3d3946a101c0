"""Words without their vowels, as older systems in many languages write them: `VRLTRS`, `MNDT`, `GBRTDTM`."""

from __future__ import annotations

from functools import lru_cache

VOWELS = "aeiou"
EXACT, LOOSE = 3, 5
"""Letters from which on a word stands for one with just these consonants, and for one with a few more."""

KEPT = 0.7
"""The share of a word's consonants, at least, that a looser short form keeps."""

_WORDS = """
naam voornaam achternaam roepnaam voorletters tussenvoegsel voorvoegsel geslacht geslachtsnaam geboortedatum
geboorteplaats geboorteland overlijdensdatum nationaliteit adres straat straatnaam huisnummer toevoeging postcode
woonplaats plaatsnaam gemeente telefoon mobiel rekening tenaamstelling klant verbruik handtekening
opmerking bijzonderheden medewerker gebruiker personeel machtiging mandaat monteur behandelaar kenmerk waarde
toelichting sleutel wachtwoord huisarts verzekering salaris beroep relatie afspraak
vorname nachname geburtsdatum geburtsort geschlecht strasse hausnummer postleitzahl wohnort telefonnummer rufnummer
handynummer kunde kundennummer mitarbeiter benutzer sachbearbeiter unterschrift bemerkung staatsangehoerigkeit
familienstand sterbedatum kontonummer bankverbindung mandatsreferenz zaehler zaehlernummer verbrauch krankheit gehalt
krankenkasse kennwort anrede ansprechpartner
prenom naissance adresse telephone courriel remarque commentaire nationalite matricule deces salarie
fornavn etternavn efternavn fornamn efternamn postnummer poststed mobilnummer fodselsdato fodelsedatum kundenummer
kundnummer bemaerkning merknad statsborgerskap sivilstand dodsdato underskrift anvandare personnummer
apellidos direccion nacimiento poblacion nacionalidad observaciones cognome indirizzo nascita nascimento
endereco sobrenome
"""

_OTHERS = frozenset(
    str.split(
        """http https html xhtml mysql pgsql sql css csv xml pdf ssl tls dns rpc grpc smtp ssh ftp gps gsm sms mms cdn
        cvs svn jwt crc rgb cmyk bcc cnt ctr pct qty txt msg tmp std src dst ptr fmt str mgr mgmt svc srv cfg ctx btn
        hdr fld grp lvl yr mth wk hr min sec ms kb mb gb"""
    )
)
"""What has no vowels and is not short for any of these."""


def _bones(word: str) -> str:
    """The consonants of a word, doubled ones once, behind its first letter."""
    bones = word[:1]
    for letter in word[1:]:
        if letter not in VOWELS and letter != bones[-1]:
            bones += letter
    return bones


_BY_BONES = {_bones(word): word for word in reversed(_WORDS.split())}


@lru_cache(maxsize=4096)
def with_vowels(word: str) -> str:
    """The word that one without vowels stands for; any other as it is.

    A looser short form begins and ends as the word does, and leaves consonants out between.
    """
    if len(word) < EXACT or word in _OTHERS or any(c in VOWELS for c in word[1:]):
        return word
    bones = _bones(word)
    if len(bones) >= EXACT and bones in _BY_BONES:
        return _BY_BONES[bones]
    if len(bones) < LOOSE:
        return word
    near = [b for b in _BY_BONES if b[0] == bones[0] and b[-1] == bones[-1] and _leaves_out(bones, b)]
    return _BY_BONES[min(near, key=len)] if near else word


def _leaves_out(short: str, long: str) -> bool:
    rest = iter(long)
    return len(short) >= KEPT * len(long) and all(c in rest for c in short)
