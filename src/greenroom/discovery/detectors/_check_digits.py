"""Check digits of numbers that people carry. Texts of any form may be asked."""

from __future__ import annotations

import re

_SPAIN = re.compile(r"([XYZ\d])(\d{7})-?([A-Z])")
_FRANCE = re.compile(r"([1-478]\d\d(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d\d|2[AB])\d{6})(\d\d)")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B. `digits` are ASCII digits."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        n = int(digit) * (2 if place % 2 else 1)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def iban(text: str) -> bool:
    """ISO 13616: the country and check digits moved to the end give 1 modulo 97, letters counting from 10."""
    bare = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(bare):
        return False
    return int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


def spain(text: str) -> bool:
    """DNI and NIE: the letter is the number modulo 23."""
    found = _SPAIN.fullmatch(text)
    if found is None:
        return False
    first = str("XYZ".index(found[1])) if found[1] in "XYZ" else found[1]
    return _LETTERS[int(first + found[2]) % 23] == found[3]


def france(text: str) -> bool:
    """NIR: the key is 97 minus the number modulo 97; Corsica's letters count as 19 and 18."""
    found = _FRANCE.fullmatch(text.replace(" ", ""))
    if found is None:
        return False
    number = int(found[1].replace("2A", "19").replace("2B", "18"))
    return 97 - number % 97 == int(found[2])
