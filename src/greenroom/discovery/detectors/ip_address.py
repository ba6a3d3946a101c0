"""Addresses of devices on a network, and what a browser says of itself."""

from __future__ import annotations

import re
from ipaddress import ip_interface, ip_network

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import FEW, Clue, Place, found, weigh
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
    btaddress ssid wifissid wifiname wlanname networkname bssids"""
)
SOFTWARE = vocabulary("version versions firmware release build os app sdk driver agentversion patch software fw")
CLUE = Clue("ip_address", "IP addresses", exact=True, alone=0.9)
PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1")))
"""Networks within an organisation (RFC 1918, RFC 4193), and the machine itself."""

OWN_NETWORK = "addresses of a private network, in rows that lead to nobody"
AGENT_CLUE = Clue("user_agent", "signatures of browsers", alone=0.85)


def looks(text: str) -> bool:
    if len(text) > 45 or (text.count(".") != 3 and ":" not in text):
        return False
    try:
        ip_interface(text)
    except ValueError:
        return False
    return True


def looks_private(text: str) -> bool:
    if not looks(text):
        return False
    address = ip_interface(text).ip
    return any(address in network for network in PRIVATE)


def looks_like_version(text: str) -> bool:
    """Four numbers as versions of programs have them: the first two are small."""
    parts = text.split(".")
    return len(parts) == 4 and all(p.isdecimal() for p in parts) and all(int(p) < 40 for p in parts[:2])


def looks_like_agent(text: str) -> bool:
    return bool(re.match(r"Mozilla/\d|Opera/\d|Dalvik/|okhttp/|[A-Za-z]+/\d[\d.]* \(", text))


def judge(place: Place) -> Finding | None:
    if place.facts.column.base.startswith("macaddr") or place.named(MAC):
        sure = 0.8 if place.is_of_person else 0.4
        choices = (Choice("keyed_hash"), Choice("null"), Choice("shuffle"))
        return found("ip_address", (sure, "the address of a device"), *choices)
    if place.kind in (Kind.INET, Kind.CIDR):
        return _of_net_type(place)
    if not place.is_text:
        return None
    if place.named(AGENT) or place.sample.share("user_agent") >= 0.5:
        if place.is_short_list and place.sample.share("user_agent") < 0.1:
            return found("ip_address", (0.3, "the name says so, but it is a short list"), Choice("shuffle"))
        weighed = weigh(place, 0.85 if place.named(AGENT) else 0.0, AGENT_CLUE)
        return found("ip_address", weighed, Choice("free_text", {"mode": "lorem"}), Choice("shuffle"))
    by_name = 0.92 if place.named(NAMES) else 0.0
    is_software = set(place.words) & SOFTWARE or place.sample.share("version_number") >= 0.8
    if not by_name and is_software:
        return None
    if _is_own_network(place):
        return found("ip_address", (0.4, OWN_NETWORK), Choice("ip_address"))
    return found("ip_address", weigh(place, by_name, CLUE), Choice("ip_address"))


def _of_net_type(place: Place) -> Finding | None:
    choices = (Choice("ip_address"), Choice("shuffle"))
    if place.kind is Kind.CIDR or place.about.subject in (Subject.CATALOGUE, Subject.ORGANISATION):
        return found("ip_address", (0.4, "its type is that of networks"), *choices)
    if _is_own_network(place):
        return found("ip_address", (0.4, OWN_NETWORK), *choices)
    said = "name and type" if place.named(NAMES) else "type"
    return found("ip_address", (0.95 if said != "type" else 0.8, f"{said}: an address of a device"), *choices)


def _is_own_network(place: Place) -> bool:
    """Machines of the organisation's own, as far as the row leads to nobody."""
    sample = place.sample
    return sample.values >= FEW and sample.share("private_ip") >= 0.9 and not place.about.people


DETECTOR = Detector(
    "ip_address",
    "IP addresses",
    judge,
    {
        "ip_address": looks,
        "private_ip": looks_private,
        "version_number": looks_like_version,
        "user_agent": looks_like_agent,
    },
)
