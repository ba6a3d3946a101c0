"""Secrets that let somebody in: session tokens, keys for programs, links to reset a password."""

from __future__ import annotations

import re

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
    instagramid tiktokid lineid wechatid wechatopenid unionid cognitosub firebaseuid firebaseid auth0userid oktaid"""
)
CLUE = Clue("secret", "long and random", alone=0.6)
_RANDOM = re.compile(r"[A-Za-z0-9_\-+/=.~]{24,}")


def looks(text: str) -> bool:
    if text.startswith("eyJ") and text.count(".") == 2:
        return True
    if not _RANDOM.fullmatch(text) or "://" in text:
        return False
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text) and text.count("/") < 3


def judge(place: Place) -> Finding | None:
    if not (place.is_text or place.kind.value in ("uuid", "bytea")):
        return None
    by_name = 0.88 if place.named(NAMES) or _whole(place, NAMES) else 0.85 if _whole(place, EXTERNAL) else 0.0
    if by_name and place.is_catalogue:
        by_name = 0.5
    clue = CLUE if place.is_text and not place.facts.is_key and not place.is_catalogue else Clue("secret", CLUE.title)
    if not by_name and place.sample.share("uuid") >= 0.5:
        return None
    choices = (Choice("keyed_hash", {"length": 64}), Choice("uuid"), Choice("bytea", {"mode": "keyed"}))
    return found("token", weigh(place, by_name, clue), *choices)


def _whole(place: Place, names: frozenset[str]) -> bool:
    return "".join(place.words) in names


DETECTOR = Detector("token", "tokens", judge, {"secret": looks})
