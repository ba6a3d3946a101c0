"""Web addresses that lead to a person: profiles, pictures, homepages."""

from __future__ import annotations

import re

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh

PERSONAL = vocabulary(
    """avatarurl avatar profileurl profilelink photourl photopath pictureurl profilepicture profileimage profilephoto
    imageurl imagepath linkedinurl facebookurl twitterurl homepage personalwebsite website websiteurl blogurl blog
    webseite siteweb paginaweb sitoweb gravatar photolink selfie lebenslauf resume resumeurl cv cvurl fotourl
    urlfoto urlphoto fotopfad bildpfad cheminphoto rutafoto imagelocation recordingurl callrecording voicerecording
    recordinglink audiourl videourl voicemailurl scanurl documenturl idscanurl cvlink cvpath portfoliourl portfolio
    personalurl githuburl xingurl instagramurl youtubeurl tiktokurl socialurl photolocation avatarpath selfieurl
    signatureurl signaturepath facephoto passportphoto passphotopath certificateurl diplomaurl videointerview
    profilurl bewerbungsunterlagen cvfichier lienlinkedin urlperfil perfilurl enlacecv urlavatar fotoperfil
    rutafirma profielfoto fotolink pasfoto linkperfil fotoperfilurl zdjecie zdjecieurl bildurl profilbild
    profilbildurl kuvaurl fotka resimurl """
)
RECORDINGS = vocabulary(
    """gravacao grabacion aufnahme aufzeichnung enregistrement registrazione opname gespreksopname nagranie inspelning
    opptak callrecording voicerecording recordingpath recordingfile voicemail"""
)
"""Of somebody's voice: whoever it was."""
CLUE = Clue("url", "web addresses")
_URL = re.compile(r"(?:https?|ftp)://[^\s]{3,}|www\.[^\s]{3,}")

SEVERAL = 3
"""So many requests that ask for somebody are no chance."""

_QUERY = re.compile(
    r"[/\w-]*\?(?:[^\s#]*&)?(?:q|query|s|search|term|name|first_?name|last_?name|surname|e?mail|phone|tel|user|username|"
    r"login|customer|patient|member|suche|recherche|buscar|nom|nombre|nome|naam)=[^&\s]{2,}",
    re.IGNORECASE,
)


def looks_like_search(text: str) -> bool:
    """A path of a request, or its whole address, with a question for somebody or something in it."""
    return len(text) <= 2000 and " " not in text and "?" in text and bool(_QUERY.search(text))


def looks(text: str) -> bool:
    return bool(_URL.fullmatch(text))


def judge(place: Place) -> Finding | None:
    if not place.is_text:
        return None
    named = place.named(PERSONAL)
    asked = place.sample.traits.get("search_query", 0)
    if asked >= SEVERAL and place.sample.share("search_query") >= 0.02:
        counted = place.counted("search_query", "paths that ask for somebody or something by name")
        return found("url", (0.6 if place.about.people else 0.4, counted), Choice("free_text"), Choice("keyed_hash"))
    if place.is_person and (named or place.sample.share("url") >= 0.5):
        by_name = 0.85 if named else 0.7
        return found("url", weigh(place, by_name, CLUE), Choice("url"), Choice("free_text"))
    if named and place.about.people and not place.is_catalogue:
        return found("url", weigh(place, 0.65, CLUE), Choice("url"), Choice("free_text"))
    if place.named(RECORDINGS) and not place.is_catalogue:
        return found("url", weigh(place, 0.65, CLUE), Choice("keyed_hash"), Choice("url"), Choice("free_text"))
    if named and place.about.is_of_organisation:
        return found("url", (0.5, "name; an organisation's"), Choice("url"), is_personal=False)
    if named and "".join(place.words) in {"avatar", "avatarurl", "profileurl", "profilepicture", "resume", "cv"}:
        return found("url", weigh(place, 0.75, CLUE), Choice("url"), Choice("free_text"))
    return None


DETECTOR = Detector("url", "web addresses", judge, {"url": looks, "search_query": looks_like_search})
