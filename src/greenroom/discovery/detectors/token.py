"""Secrets that let somebody in: session tokens, keys for programs, links to reset a password."""

from __future__ import annotations

import re

from greenroom.discovery.detectors._check_digits import luhn
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh

NAMES = vocabulary(
    """token accesstoken refreshtoken resettoken authtoken apitoken sessiontoken sessionid sessionkey sessiondata sid
    apikey secret secretkey clientsecret privatekey otp otpsecret totpsecret mfasecret recoverycode recoverycodes
    rememberme rememberdigest activationcode activationtoken activationkey verificationcode verificationtoken
    confirmationtoken invitationtoken invitetoken resetcode resetpasswordtoken passwordresettoken bearer jwt cookie
    nonce csrf pushtoken devicetoken fcmtoken deviceid advertisingid idfa gaid imei imsi fingerprint visitorid
    securitystamp concurrencystamp jeton zugangscode mfaseed totpseed seed twofactorsecret twofasecret authkey
    accesskey accesskeyid secretaccesskey apisecret clienttoken usertoken logintoken magiclink magictoken
    confirmtoken unlocktoken unsubscribetoken optouttoken accesscode entrycode doorcode gatecode unlockcode
    invitationcode invitecode backupcode backupcodes recoverytoken passcode onetimecode smscode verifycode
    webauthnid credentialid publickey fcm apns apnstoken gcmtoken registrationtoken devicehash deviceuuid
    deviceidentifier udid androidid serialphone iccid simnumber esim meid browserid clientcookie cookieid trackingid
    gaclientid gclid fbclid fbp visitoruuid anonymousid distinctid sessionuuid sessionhash sessid phpsessid
    phpsession sessionguid sitzungsschluessel sitzungsid zugangstoken jetonacces codeacces cleapi jetonsession
    tokenacceso claveapi codigoacceso codiceaccesso toegangscode sessiecode sessieid tokenacesso codigoacesso
    identificadordispositivo kluczapi kodaktywacyjny"""
)
EXTERNAL = vocabulary(
    """stripecustomerid stripecustomer customerstripeid stripeid paypalid paypalpayerid googleid facebookid appleid
    githubid twitterid linkedinid oauthid oauthuid ssoid externaluserid providerid provideruid openid salesforceid
    hubspotid crmid auth0id keycloakid uid oauthsub sub subjectid providersubject oidcsub samlnameid externalid
    externaluser externalcustomerid externalref remoteuserid remoteid stripeaccount stripecustid braintreecustomerid
    adyenshopperreference shopperreference mollieid paddleid googlesub microsoftid azureoid azureobjectid entraid
    ldapdn ldapuid adguid objectsid orcid zoomid slackid discordid telegramid telegramchatid chatid twitchid steamid
    instagramid tiktokid lineid wechatid wechatopenid unionid cognitosub firebaseuid firebaseid auth0userid oktaid
    visitor anonid userref customerref clientref userkey userhash customerhash personref memberref"""
)
DIGESTS = vocabulary(
    """checksum digest hash sha sha1 md5 sha256 sha512 etag crc signature sig ref reference msgid messageid message
    key blob object file path storage client app application commit revision build trace span correlation request
    transaction txn payment invoice order event job"""
)
DEVICES = vocabulary("imei imsi iccid serialphone simnumber esim meid deviceid udid androidid deviceuuid")
SESSION = vocabulary("session sessions sitzung sesion sessione sessie sessao sesja")
CHOICES = (
    Choice("keyed_hash", {"length": 64}),
    Choice("national_id"),
    Choice("uuid"),
    Choice("bytea", {"mode": "keyed"}),
)
CLUE = Clue("secret", "long and random", alone=0.6)
_RANDOM = re.compile(r"[A-Za-z0-9_\-+/=.~]{24,}")


def looks(text: str) -> bool:
    if text.startswith("eyJ") and text.count(".") == 2:
        return True
    if not _RANDOM.fullmatch(text) or "://" in text:
        return False
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text) and text.count("/") < 3


def looks_like_device(text: str) -> bool:
    """A number of a telephone (IMEI, 3GPP TS 23.003): fifteen digits with a check digit."""
    return len(text) == 15 and text.isdecimal() and text[:2] not in ("34", "37") and luhn(text)


def judge(place: Place) -> Finding | None:
    if not (place.is_text or place.kind.value in ("uuid", "bytea")):
        return None
    by_name = 0.88 if place.named(NAMES) or _whole(place, NAMES) else 0.85 if _whole(place, EXTERNAL) else 0.0
    if by_name and place.is_catalogue:
        by_name = 0.5
    if by_name and place.named(DEVICES) and not place.is_of_person:
        by_name = 0.4  # a device that leads to nobody: the organisation's own
    if not by_name and place.is_of_person and place.sample.share("imei") >= 0.9:
        return found("token", (0.75, place.counted("imei", "numbers of devices")), *CHOICES)
    if not by_name and place.words == ("device",) and place.is_of_person and place.is_text and _is_serial(place):
        by_name = 0.65
    if not by_name and place.words == ("key",) and place.about.people and place.is_text:
        by_name = 0.6 if place.sample.values >= 5 and place.sample.share("secret") >= 0.9 else 0.0
    is_digest = bool(set(place.words) & DIGESTS)
    clue = Clue("secret", CLUE.title)
    if place.is_text and not place.facts.is_key and not place.is_catalogue and not is_digest:
        # Random by itself it may be anything; of a person's row it leads to that person.
        clue = CLUE if place.is_of_person or place.is_in(SESSION) else Clue("secret", CLUE.title, alone=0.4)
    if not by_name and place.sample.share("uuid") >= 0.5:
        return None
    return found("token", weigh(place, by_name, clue), *CHOICES)


def _is_serial(place: Place) -> bool:
    """Numbers of single devices rather than names of what sort they are."""
    sample = place.sample
    return sample.values >= 20 and sample.distinct >= sample.values / 4 and sample.share("code") >= 0.9


def _whole(place: Place, names: frozenset[str]) -> bool:
    return "".join(place.words) in names


DETECTOR = Detector("token", "tokens", judge, {"secret": looks, "imei": looks_like_device})
