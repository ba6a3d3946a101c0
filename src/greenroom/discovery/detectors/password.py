"""Passwords and their hashes."""

from __future__ import annotations

import re
from collections.abc import Callable

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh

NAMES = vocabulary(
    """password passwordhash passwordhashed hashedpassword encryptedpassword passworddigest passwd pwd pwdhash pass
    passhash passwort passworthash kennwort kennworthash motdepasse mdp contrasena clave clavehash parolachiave
    wachtwoord wachtwoordhash senha senhahash passwordsalt salt passphrase pin pincode userpassword secretanswer
    securityanswer lozenord passwordenc encpassword pinhash pinnumber pinnr userpwd loginpassword webpassword
    wifipassword oldpassword securityquestionanswer secretquestionanswer authhash kennwortmd5 passwortmd5 geheimzahl
    pinnummer sicherheitsantwort mdphash motpasse codesecret reponsesecrete contrasenia contrasenahash passw
    palabraclave respuestasecreta parola passwordcriptata rispostasegreta ww pincodehash inlogcode senhacripto
    senhaacesso respostasecreta haslo hasloskrot haslohash heslo hesloskrot losen losenord adgangskode passord
    salasana sifre sifrehash parolahash puk puknumber pukcode puknummer"""
)
SCHEMES = (
    ("bcrypt", re.compile(r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{20,}")),
    ("argon2", re.compile(r"\$argon2(?:id|i|d)\$.{20,}")),
    ("pbkdf2_sha256", re.compile(r"pbkdf2_\w+\$\d+\$.+\$.+|pbkdf2:\w+:\d+\$.+\$.+|\{PBKDF2.+")),
    ("scrypt", re.compile(r"scrypt:\d+:\d+:\d+\$.+|\$scrypt\$.+|\$7\$.+")),
    ("sha512crypt", re.compile(r"\$[156y]\$.{8,}")),
)
CLUE = Clue("password_hash", "password hashes", alone=0.95)
FLAWED = vocabulary("changed change expires age reset question hint attempts")


DIGESTS = (32, 40, 56, 64, 96, 128)
"""Characters of digests by the usual functions, in hexadecimal."""

LOGIN = vocabulary("username login loginname identifiant usuario benutzername gebruikersnaam utente nomeutente")


def _is_of_login(place: Place) -> bool:
    """A login stands beside, and no password: then the digest is its."""
    return place.has_beside(LOGIN) and not place.has_beside(NAMES - {"secretanswer", "reponsesecrete"})


def looks(text: str) -> bool:
    return any(scheme.fullmatch(text) for _, scheme in SCHEMES) or text.startswith(("{SSHA}", "{SHA}", "{CRYPT}"))


def _scheme(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: bool(pattern.fullmatch(text))


def judge(place: Place) -> Finding | None:
    if not (place.is_text or place.kind.value == "bytea"):
        return None
    by_name = 0.93 if place.named(NAMES) and not set(place.words) & FLAWED else 0.0
    sample = place.sample
    if not by_name and sample.share("hexadecimal") >= 0.9 and sample.longest in DIGESTS and _is_of_login(place):
        by_name = 0.6
    clue = CLUE
    if by_name and place.sample.share("hexadecimal") > place.sample.share("password_hash"):
        clue = Clue("hexadecimal", "hexadecimal digests")
    best = max((name for name, _ in SCHEMES), key=lambda name: place.sample.share(f"{name}_hash"))
    choices = [Choice("password_hash", {"scheme": best})] if place.sample.share(f"{best}_hash") else []
    if place.sample.share("hexadecimal") >= 0.5 and place.sample.longest == 64:
        choices.append(Choice("password_hash", {"scheme": "sha256"}))
    if place.sample.share("hexadecimal") < 0.5:
        choices.append(Choice("password_hash"))
    choices += [Choice("keyed_hash"), Choice("bytea", {"mode": "keyed"})]
    return found("password", weigh(place, by_name, clue), *choices)


DETECTOR = Detector(
    "password",
    "password hashes",
    judge,
    {"password_hash": looks, **{f"{name}_hash": _scheme(pattern) for name, pattern in SCHEMES}},
)
