"""The word lists are frozen: a mask is a place in a list, so a list that changes changes everybody's masks."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import pytest

from greenroom.masking._words import lists, locales

FROZEN = {
    "cs_CZ": "fd32b1c3371dbd4f",
    "da_DK": "030269b485152626",
    "de_DE": "9cd0910385b53170",
    "en_GB": "44042c2320667ce4",
    "en_US": "34c446a37379cc7f",
    "es_ES": "3b47f0555822cb9a",
    "fr_FR": "251a0c4cf287854d",
    "it_IT": "e11b84ec132fb9c1",
    "ja_JP": "6ca6adb71539dd33",
    "nl_NL": "51dba9b8b6ecb700",
    "pl_PL": "43efd2d9dee9ebd3",
    "pt_BR": "65be9cc766bb8f0a",
    "sv_SE": "0ad331a2ec277c70",
    "uk_UA": "1773cb3fb76849f3",
}
"""The first 16 hexadecimal digits of the SHA-256 of each file. A new locale adds a line; no line changes without
telling users in CHANGELOG.md that all masks change."""


@pytest.mark.parametrize("locale", locales())
def test_a_list_is_what_it_was(locale: str) -> None:
    """No file differs from the one that masks were made with."""
    data = files("greenroom.masking").joinpath("words").joinpath(f"{locale}.json").read_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == FROZEN[locale]


@pytest.mark.parametrize("locale", locales())
def test_the_lists_of_a_locale_are_complete(locale: str) -> None:
    """Every list is there, no word twice, none empty; a name and its spelling for e-mail have one place."""
    found = lists(locale)
    assert {"first_name", "last_name", "city", "street_name", "company"} <= set(found)
    for kind, words in found.items():
        assert words
        assert all(words)
        if not kind.endswith("_local"):
            assert len(set(words)) == len(words)
    for kind in ("first_name", "last_name"):
        assert len(found[kind]) == len(found[f"{kind}_local"])
        assert all(re.fullmatch("[a-z]{1,20}", w) for w in found[f"{kind}_local"])


def test_an_unknown_locale_is_an_error() -> None:
    """It is not taken for another one, and no path can be smuggled in as its name."""
    for locale in ("xx_XX", "../words/de_DE", ""):
        with pytest.raises(KeyError):
            lists(locale)
