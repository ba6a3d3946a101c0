"""Names by which people log in or are known on the net."""

from __future__ import annotations

from greenroom.discovery.detectors.full_name import ROLES, is_by_whom
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh

NAMES = vocabulary(
    """username login loginname logon loginid handle userhandle nick nickname screenname benutzername benutzerkennung
    anmeldename nutzername identifiant pseudo pseudonyme nombreusuario nombredeusuario nomeutente gebruikersnaam
    nomeusuario twitter twitterhandle instagram facebook skype telegram linkedin github githubusername discord
    wechat snapchat tiktok gamertag useralias samaccountname upn principalname loginuser loginusername usernm
    useraccountname accountlogin signinname webuser webusername sysuser osuser dbuser adaccount networkid
    networklogin displayhandle pseudonym postedas publishedas gamername playername xuid mastodon bluesky snap
    youtubechannel socialhandle socialmedia twitteruser instagramhandle facebookprofile linkedinprofile
    linkedinhandle benutzerlogin anmeldekennung loginkennung mitarbeiterkuerzel spitzname nomutilisateur
    nomdutilisateur identifiantconnexion loginutilisateur surnom usuariored loginusuario nombrelogin apodo
    nomeutentelogin soprannome inlognaam gebruikersnm gebruikerscode inlog loginnaam bijnaam usuariologin
    nomeusuariologin nazwauzytkownika loginuzytkownika pseudonim anvandarnamn brugernavn brukernavn kayttajatunnus
    uzivatelskejmeno prihlasovacijmeno kullaniciadi takmaad nicename"""
)
WEAK = vocabulary(
    """usuario utilisateur utente gebruiker benutzer user kennung alias uzytkownik uzivatel anvandare bruger bruker
    kayttaja kullanici utilizador usr whodunnit"""
)


def judge(place: Place) -> Finding | None:
    if not place.is_text or (place.is_catalogue and not place.named(NAMES)):
        return None
    by_name = 0.9 if place.named(NAMES) else 0.0
    if not by_name and place.is_person and "".join(place.words).endswith("userid") and place.sample.share("uuid") < 0.5:
        by_name = 0.7
    match = place.named(WEAK)
    if not by_name and match is not None and match.whole and not place.facts.refers_to:
        by_name = 0.75
    if not by_name and not place.is_catalogue and not place.facts.refers_to and _says_who(place):
        by_name = 0.62
    return found("username", weigh(place, by_name, Clue()), Choice("username"), Choice("shuffle"))


def _says_who(place: Place) -> bool:
    """A text of who did it, which is no number and no machine."""
    sample = place.sample
    if not (is_by_whom(place.words) or place.named(ROLES)):
        return False
    return sample.share("number") < 0.5 and sample.share("uuid") < 0.5 and sample.share("sentence") < 0.3


DETECTOR = Detector("username", "user names", judge)
