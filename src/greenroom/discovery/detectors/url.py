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
    profilbildurl kuvaurl fotka resimurl"""
)
CLUE = Clue("url", "web addresses")
_URL = re.compile(r"(?:https?|ftp)://[^\s]{3,}|www\.[^\s]{3,}")


def looks(text: str) -> bool:
    return bool(_URL.fullmatch(text))


def judge(place: Place) -> Finding | None:
    if not place.is_text:
        return None
    named = place.named(PERSONAL)
    if place.is_person and (named or place.sample.share("url") >= 0.5):
        by_name = 0.85 if named else 0.7
        return found("url", weigh(place, by_name, CLUE), Choice("url"), Choice("free_text"))
    if named and place.about.people and not place.is_catalogue:
        return found("url", weigh(place, 0.65, CLUE), Choice("url"), Choice("free_text"))
    if named and place.about.is_of_organisation:
        return found("url", (0.5, "name; an organisation's"), Choice("url"), is_personal=False)
    if named and "".join(place.words) in {"avatar", "avatarurl", "profileurl", "profilepicture", "resume", "cv"}:
        return found("url", weigh(place, 0.75, CLUE), Choice("url"), Choice("free_text"))
    return None


DETECTOR = Detector("url", "web addresses", judge, {"url": looks})
