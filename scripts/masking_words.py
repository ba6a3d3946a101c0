"""Write the word lists of the masking rules, from the package Faker (MIT).

    uv run --with Faker==40.63.0 scripts/masking_words.py

The lists are frozen: a mask is a place in a list, so another order, or one name more, changes everybody's masks. Run
this only to add a locale (existing files are left alone) and say in CHANGELOG.md when a file is replaced on purpose.
"""

import json
import re
import sys
import unicodedata
from pathlib import Path

from faker import Faker

WORDS = Path(__file__).resolve().parent.parent / "src/greenroom/masking/words"
LOCALES = [
    "en_US",
    "en_GB",
    "de_DE",
    "fr_FR",
    "es_ES",
    "it_IT",
    "nl_NL",
    "pl_PL",
    "pt_BR",
    "sv_SE",
    "da_DK",
    "cs_CZ",
    "uk_UA",
    "ja_JP",
]
LISTS = {"first_name": 600, "last_name": 800, "city": 400, "street_name": 500, "company": 400}
LONGEST = 40  # characters of an entry
TRIES = 20  # for each entry wanted, before the list is as long as it gets


def listed(faker: Faker, kind: str, wanted: int) -> list[str]:
    """Different words in the order in which the seed brings them."""
    Faker.seed(f"greenroom {kind}")
    found: dict[str, None] = {}
    for _ in range(wanted * TRIES):
        word = getattr(faker, kind)()
        if len(word) <= LONGEST and "\\" not in word:
            found[word] = None
        if len(found) == wanted:
            break
    return list(found)


def local_part(name: str) -> str:
    """The name as e-mail addresses have it: lower-case ASCII letters, or `user` where none are left."""
    spelt = name.replace("ß", "ss").replace("ø", "o").replace("Ø", "O").replace("ł", "l").replace("Ł", "L")
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z]", "", plain)[:20] or "user"


def main() -> int:
    WORDS.mkdir(exist_ok=True)
    for locale in LOCALES:
        path = WORDS / f"{locale}.json"
        if path.exists():
            print(f"{path.name} is there already and stays")
            continue
        faker = Faker(locale)
        lists = {kind: listed(faker, kind, wanted) for kind, wanted in LISTS.items()}
        lists |= {f"{kind}_local": [local_part(n) for n in lists[kind]] for kind in ("first_name", "last_name")}
        path.write_text(json.dumps(lists, ensure_ascii=False, indent=0).replace(",\n", ",") + "\n", encoding="utf-8")
        print(path.name, {kind: len(words) for kind, words in lists.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
