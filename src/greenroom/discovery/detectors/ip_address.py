"""Addresses of devices on a network, and what a browser says of itself."""

from __future__ import annotations

import re
from ipaddress import ip_interface

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.discovery.subjects import Subject
from greenroom.masking._types import Kind

NAMES = vocabulary(
    """ip ipaddress ipaddr ipadresse adresseip direccionip indirizzoip ipadres enderecoip clientip remoteip remoteaddr
    remoteaddress sourceip lastip currentsigninip lastsigninip signupip loginip useripaddress remotehost userip ipv4
    ipv6 ipadr ipnumber lastloginip lastipaddress loginipaddress registrationip registerip registeredip
    signupipaddress createdip updatedip authorip visitorip guestip clientaddr clientaddress peeraddress dirremota
    remoteadr ipcliente ipusuario ipclient iputilisateur ipgebruiker ipklant ipacesso ipcadastro adresip adresaip
    iposoite ipadresi xforwardedfor forwardedfor ipaddr4 iphash"""
)
AGENT = vocabulary(
    """useragent browser ua httpuseragent browserstring clientagent devicename devicemodel agente navegador navigateur
    navigatore browseragent browserinfo browserfingerprint clientinfo devicefingerprint agentstring przegladarka
    webblasare tarayici"""
)
MAC = vocabulary(
    """macaddress mac macaddr wifimac bluetoothmac macaddr1 hwaddr hardwareaddress deviceaddr macadres adressemac bssid
    btaddress"""
)
CLUE = Clue("ip_address", "IP addresses", exact=True, alone=0.9)
AGENT_CLUE = Clue("user_agent", "signatures of browsers", alone=0.85)


def looks(text: str) -> bool:
    if len(text) > 45 or (text.count(".") != 3 and ":" not in text):
        return False
    try:
        ip_interface(text)
    except ValueError:
        return False
    return True


def looks_like_agent(text: str) -> bool:
    return bool(re.match(r"Mozilla/\d|Opera/\d|Dalvik/|okhttp/|[A-Za-z]+/\d[\d.]* \(", text))


def judge(place: Place) -> Finding | None:
    if place.facts.column.base.startswith("macaddr") or place.named(MAC):
        return found(
            "ip_address", (0.8, "the address of a device"), Choice("keyed_hash"), Choice("null"), Choice("shuffle")
        )
    if place.kind in (Kind.INET, Kind.CIDR):
        return _of_net_type(place)
    if not place.is_text:
        return None
    if place.named(AGENT) or place.sample.share("user_agent") >= 0.5:
        weighed = weigh(place, 0.85 if place.named(AGENT) else 0.0, AGENT_CLUE)
        return found("ip_address", weighed, Choice("free_text", {"mode": "lorem"}), Choice("shuffle"))
    return found("ip_address", weigh(place, 0.92 if place.named(NAMES) else 0.0, CLUE), Choice("ip_address"))


def _of_net_type(place: Place) -> Finding | None:
    choices = (Choice("ip_address"), Choice("shuffle"))
    if place.kind is Kind.CIDR or place.about.subject in (Subject.CATALOGUE, Subject.ORGANISATION):
        return found("ip_address", (0.4, "its type is that of networks"), *choices)
    said = "name and type" if place.named(NAMES) else "type"
    return found("ip_address", (0.95 if said != "type" else 0.8, f"{said}: an address of a device"), *choices)


DETECTOR = Detector("ip_address", "IP addresses", judge, {"ip_address": looks, "user_agent": looks_like_agent})
