"""A name that passes is safe as host name, directory, database and user; everything else is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.errors import BadInput
from greenroom.domain.names import NAME, RESERVED, VARIABLE, checked_name, short


@pytest.mark.parametrize("name", ["a", "dev", "qa-2", "x" * 32, "a1", "pre-production", "a--b"])
def test_plain_names_pass(name: str) -> None:
    """Lower-case letters, digits and inner hyphens, up to 32."""
    assert checked_name(name, "environment") == name


@pytest.mark.parametrize(
    "name",
    ["", "A", "1a", "-a", "a-", "a_b", "a.b", "a/b", "../a", "a b", "a\n", "\na", "a\0", "ä", "а", "x" * 33,
     "a" * 10**6, "xn--80ak6aa92e", *sorted(RESERVED)],
)  # fmt: skip
def test_everything_else_is_refused(name: str) -> None:
    """Also another alphabet's a, a line end, a path, a punycode label and what Greenroom uses itself."""
    with pytest.raises(BadInput) as caught:
        checked_name(name, "environment")
    assert caught.value.code == "name.invalid"
    assert len(str(caught.value)) < 600


@given(st.text(max_size=40) | st.from_regex(NAME))
def test_what_passes_is_a_dns_label_and_a_file_name(name: str) -> None:
    """Whatever text passes has no character that means something to a shell, a path, SQL or DNS."""
    try:
        checked_name(name, "environment")
    except BadInput:
        return
    assert re.fullmatch(r"[a-z0-9-]{1,32}", name)
    assert name == name.strip("-")
    assert name.encode("idna").decode() == name


@pytest.mark.parametrize(
    ("text", "good"),
    [("A_1", True), ("_x", True), ("1A", False), ("A=B", False), ("A\n", False), ("", False), ("Ä", False)],
)
def test_variables_are_posix_names(text: str, good: bool) -> None:
    """Letters, digits and underscores, not beginning with a digit."""
    assert bool(VARIABLE.fullmatch(text)) == good


def test_a_short_digest_is_what_people_read() -> None:
    """Twelve hexadecimal characters, with or without the algorithm's name."""
    assert short("sha256:" + "0123456789abcdef" * 4) == short("0123456789abcdef" * 4) == "0123456789ab"
