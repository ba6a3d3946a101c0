"""When two texts are the same to a person who reads them: the fold of a text, the forms a value may hide in, and how
particular a value is. Pure.

A fold is made of bytes as `COPY … TO STDOUT` writes them, so that whole blocks of rows are folded at once: tabs and
line feeds, which stand between columns and rows, stay. All else becomes lower case without accents; what people put
into numbers and between names (blanks, dots, hyphens, slashes, brackets, quotes) goes; other punctuation becomes `|`.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from greenroom.domain.leaks import Kind

_GONE = b" .-/()'\"_+\r\x0b\x0c\x00\x7f"
_KEPT = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789\t\n") | frozenset(range(128, 256))
_TABLE = bytes(
    ord(chr(b).lower()) if b < 128 and chr(b).lower().encode()[0] in _KEPT else b if b in _KEPT else ord("|")
    for b in range(256)
)
_MARKS = re.compile("[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]+")
_ESCAPED = re.compile(rb"\\{1,2}u([0-9a-fA-F]{4})(?:\\{1,2}u([dD][c-fC-F][0-9a-fA-F]{2}))?")
_CONTROLS = ((rb"\\n", b" "), (rb"\\t", b" "), (rb"\\r", b" "), (rb"\n", b" "), (rb"\t", b" "), (rb"\r", b" "))
_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "å": "aa", "ø": "oe", "æ": "ae"}
)
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")  # RFC 3986, 2.3
_WORD = re.compile(r"[^\W_]+")
_EMAIL = re.compile(r"\s*([^@\s]+)@([^@\s]+\.[^@\s]+)\s*")
_DIGITS = re.compile("[0-9]+")
_DIGIT_BYTES, _OTHERS = re.compile(b"[0-9]+"), re.compile(b"[\x80-\xff]+")
_PHONE = re.compile(r"[\d\s()./+\-]*")

TWO_DIGIT_CODES = (
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 "
    "91 92 93 94 95 98"
)
"""Country calling codes of two digits (ITU-T E.164); 1 and 7 have one, all others three."""

LONGEST = 48
"""Bytes of a folded value that are looked for: of longer ones, the middle."""

HASH_DIGITS, HASH_CHARACTERS = 16, 12
"""So much of a hash (64 bits in hexadecimal, some 62 in base64 without case) is looked for, as some programs cut it."""

STRONG_BITS = 40.0
"""From here on a value is strong: by chance, one of a million such values stands once in a hundred thousand million
places."""


def fold(raw: bytes) -> bytes:
    """The fold of rows as COPY writes them in text format. JSON's escapes of characters are read."""
    if b"\\" in raw:
        if b"u" in raw:
            raw = _ESCAPED.sub(_unescaped, raw)
        for escape, blank in _CONTROLS:
            raw = raw.replace(escape, blank)
    if not raw.isascii():
        text = unicodedata.normalize("NFKD", raw.decode("utf-8", "replace").casefold())
        raw = _MARKS.sub("", text).encode("utf-8", "replace")
    return raw.translate(_TABLE, _GONE)


def _unescaped(found: re.Match[bytes]) -> bytes:
    high = int(found[1], 16)
    if found[2] is not None and 0xD800 <= high < 0xDC00:
        return chr(0x10000 + ((high - 0xD800) << 10) + int(found[2], 16) - 0xDC00).encode()
    return b" " if high < 32 or 0xD800 <= high < 0xE000 else chr(high).encode()


def as_copied(text: str) -> bytes:
    """A value as COPY writes it (documentation of COPY, text format)."""
    raw = text.encode("utf-8", "replace").replace(b"\\", b"\\\\")
    return raw.replace(b"\n", rb"\n").replace(b"\t", rb"\t").replace(b"\r", rb"\r")


def folded(text: str) -> bytes:
    """The fold of one value, without punctuation at its ends."""
    return fold(as_copied(text)).strip(b"|")


def words(text: str) -> tuple[bytes, ...]:
    """The folded words of a text, in order."""
    found = "\t".join(_WORD.findall(text))  # one fold for all; no word holds a tab
    return tuple(w for w in fold(found.encode("utf-8", "replace")).split(b"\t") if w)


@dataclass(frozen=True)
class Form:
    """What to look for, in folded text. `is_open`: digits may stand before it (a country code)."""

    kind: Kind
    pattern: bytes
    is_open: bool = False


def forms(text: str) -> Iterator[Form]:
    """A value in every form but hashes; the plain fold first. Nothing for a text without letters or digits."""
    plain = folded(text)
    if not plain:
        return
    start = max(0, (len(plain) - LONGEST) // 2)
    yield Form(Kind.NORMALISED, plain[start : start + LONGEST])
    if len(plain) > LONGEST:
        return
    other: set[bytes] = {plain}
    for pattern in (*_orders(text), *_untagged(text), folded(text.translate(_UMLAUTS))):
        if pattern not in other:
            other.add(pattern)
            yield Form(Kind.NORMALISED, pattern)
    yield from _national(text)
    if len(plain) >= 6 and plain[::-1] not in other:
        yield Form(Kind.REVERSED, plain[::-1])
    raw = text.encode("utf-8", "replace")
    coded = [folded("".join(chr(b) if b in _UNRESERVED else f"%{b:02X}" for b in raw)), folded(raw.hex())]
    coded.append(folded(base64.b64encode(raw[: len(raw) // 3 * 3]).decode()))
    if not text.isascii():  # as encode(…, 'escape') shows a bytea
        coded.append(folded("".join(chr(b) if b < 128 else f"\\{b:03o}" for b in raw)))
    yield from (Form(Kind.ENCODED, p) for p in coded if len(p) >= 8 and p not in other)


def hashes(text: str) -> Iterator[Form]:
    """The beginnings of MD5, SHA-1 and SHA-256 of a value as it is, in lower case, and folded."""
    made = dict.fromkeys(
        (text, text.strip(), text.strip().lower(), folded(text).decode("utf-8", "replace"), *_long_number(text))
    )
    seen: set[bytes] = set()
    for one in made:
        raw = one.encode("utf-8", "replace")
        if not raw:
            continue
        for algorithm in ("md5", "sha1", "sha256"):
            digest = hashlib.new(algorithm, raw, usedforsecurity=False).digest()
            for pattern in (digest.hex()[:HASH_DIGITS].encode(), fold(base64.b64encode(digest))[:HASH_CHARACTERS]):
                if pattern not in seen:
                    seen.add(pattern)
                    yield Form(Kind.HASHED, pattern)


def _long_number(text: str) -> Iterator[str]:
    """The digits of a telephone or account number. Hashes of short numbers are hashes of anything's identifier."""
    digits = "".join(_DIGITS.findall(text))
    if len(digits) >= 8:
        yield digits


def _orders(text: str) -> Iterator[bytes]:
    """A name of two or three words with its last one first, with and without a comma."""
    parts = words(text)
    if 2 <= len(parts) <= 3 and all(w.isalpha() or not w.isascii() for w in parts) and "@" not in text:
        first, last = b"".join(parts[:-1]), parts[-1]
        yield from (last + b"|" + first, last + first, first + b"|" + last, first + last)


def _untagged(text: str) -> Iterator[bytes]:
    """An e-mail address without what stands behind `+`."""
    if (found := _EMAIL.fullmatch(text)) and "+" in found[1]:
        yield folded(f"{found[1].partition('+')[0]}@{found[2]}")


def _national(text: str) -> Iterator[Form]:
    """A telephone number without its country code and leading zeros; its last nine digits at most."""
    digits = "".join(_DIGITS.findall(text))
    if not _PHONE.fullmatch(text) or not 8 <= len(digits) <= 17:
        return
    if text.strip().startswith("+") or digits.startswith("00"):
        digits = digits.removeprefix("00")
        one, two = digits[0] in "17", digits[:2] in TWO_DIGIT_CODES.split()
        digits = digits[1 if one else 2 if two else 3 :]
    national = digits.lstrip("0")[-9:].encode()
    if len(national) >= 7:
        yield Form(Kind.NORMALISED, national, is_open=True)


def stands_in(form: Form, place: bytes) -> bool:
    """Whether a form stands in folded text, not as a part of a longer number."""
    at = place.find(form.pattern)
    while at >= 0:
        if is_apart(form, place, at):
            return True
        at = place.find(form.pattern, at + 1)
    return False


def is_apart(form: Form, place: bytes, at: int) -> bool:
    """Whether the digits at either end of a form found at `at` are the first and last of their number."""
    end = at + len(form.pattern)
    before = place[at - 1 : at] if at else b""
    if form.kind is Kind.HASHED:
        return True
    if form.pattern[:1].isdigit() and before.isdigit() and not form.is_open:
        return False
    return not (form.pattern[-1:].isdigit() and place[end : end + 1].isdigit())


def has_words(sought: Iterable[bytes], place: frozenset[bytes]) -> bool:
    """Whether all words are among those of a place, whole or as a search index keeps them: a beginning of four
    letters or more."""
    return all(w in place or any(w[:n] in place for n in range(len(w) - 1, 3, -1)) for w in sought)


def bits(text: str) -> float:
    """How particular a value is, roughly, in bits: 3.3 for a digit, 2.5 for a letter (letters of a language are guessed
    from each other), 2 for each byte outside ASCII."""
    plain = folded(text)
    digits = sum(map(len, _DIGIT_BYTES.findall(plain)))
    others = sum(map(len, _OTHERS.findall(plain)))
    return 3.3 * digits + 2.5 * (len(plain) - digits - others - plain.count(b"|")) + 2.0 * others


def is_strong(text: str) -> bool:
    """Whether one find of this value is one too many: an e-mail address, or STRONG_BITS of anything."""
    plain = folded(text)
    return bits(text) >= STRONG_BITS or (len(plain) >= 10 and _EMAIL.fullmatch(text) is not None)


def is_particular(text: str) -> bool:
    """Whether it is worth looking for a value far from its row: an address, a long number, letters with digits, several
    words. A single word of letters is not: half of all surnames are words of some text."""
    plain = folded(text)
    if _EMAIL.fullmatch(text) is not None:
        return len(plain) >= 9
    digits = sum(map(len, _DIGIT_BYTES.findall(plain)))
    if digits == len(plain):
        return digits >= 9
    return bits(text) >= 28.0 and (digits >= 2 or len(words(text)) >= 2)


def is_listed(text: str, known: frozenset[bytes]) -> bool:
    """Whether every word stands in public lists, beside short numbers at most: a mask may come to it by chance."""
    found = words(text)
    numbers = sum(len(w) for w in found if w.isdigit())
    return numbers <= 6 and all(w in known or w.isdigit() or len(w) <= 2 for w in found)


def decoy(plain: bytes, other: bytes, numbers: Iterator[int]) -> bytes:
    """Something of the shape of a folded value that is nobody's: its first half with the second half of another value
    of the column, all digits behind the first three replaced. `numbers` gives digits."""
    half = len(plain) // 2
    mixed = plain[:half] + other[len(other) // 2 :]
    if plain.isdigit():
        mixed = plain
    made, seen = bytearray(), 0
    for byte in mixed:
        is_digit = 48 <= byte <= 57
        seen += is_digit
        made.append(48 + next(numbers) % 10 if is_digit and seen > 3 else byte)
    return bytes(made).strip(b"|")
