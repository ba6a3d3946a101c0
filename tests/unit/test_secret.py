"""A secret's text comes out by `reveal` alone, however it is printed, and is struck out of other text."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import re
from dataclasses import asdict, dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from greenroom.domain.secret import Secret, parts, redact, revealed

TEXT = "hunter2-and-more"
plain = st.text(st.characters(exclude_characters="•"), max_size=12)


@dataclass(frozen=True)
class Holder:
    password: Secret


@pytest.mark.parametrize(
    "shown",
    [
        lambda s: str(s),
        lambda s: repr(s),
        lambda s: f"{s}",
        lambda s: f"{s!r:>40}",
        lambda s: f"{s:>40}",
        lambda s: "%s %r" % (s, s),  # noqa: UP031 - the old way must not show it either
        lambda s: f"{s}",
        lambda s: repr([s, {"a": s}]),
        lambda s: repr(Holder(s)),
        lambda s: logging.LogRecord("n", 10, "p", 1, "%s", (s,), None).getMessage(),
    ],
)
def test_never_shows_itself(shown) -> None:
    """Printing, formatting, containers, dataclasses and logging show that there is a secret, not which."""
    assert TEXT not in shown(Secret(TEXT))
    assert "Secret(…)" in shown(Secret(TEXT))


@pytest.mark.parametrize(
    "leave", [pickle.dumps, json.dumps, copy.copy, copy.deepcopy, lambda s: asdict(Holder(s)), lambda s: vars(s)]
)
def test_does_not_travel(leave) -> None:
    """It is not pickled, copied, or turned into JSON or a dictionary: TypeError, without the text."""
    with pytest.raises(TypeError) as caught:
        leave(Secret(TEXT))
    assert TEXT not in str(caught.value)


@given(plain, plain)
def test_is_equal_by_value_to_secrets_alone(a: str, b: str) -> None:
    """Equal texts are equal secrets with one hash; a secret never equals its text."""
    assert (Secret(a) == Secret(b)) == (a == b)
    assert hash(Secret(a)) == hash(Secret(str(a)))
    assert Secret(a) != a
    assert Secret(a).reveal() == a


def test_an_environment_is_revealed_as_a_whole() -> None:
    """`revealed` gives plain text for every value, secret or not."""
    assert revealed({"A": Secret(TEXT), "B": "b"}) == {"A": TEXT, "B": "b"}


@given(st.lists(plain, max_size=4), plain, plain)
def test_nothing_of_six_characters_survives_redaction(secrets: list[str], before: str, after: str) -> None:
    """No secret of six characters or more is left in the text, even where one contains another."""
    text = before + "".join(secrets) + after
    left = redact(text, map(Secret, secrets))
    assert all(s not in left for s in secrets if len(s) >= 6)


@given(plain, st.lists(plain, max_size=3))
def test_other_text_stays(text: str, secrets: list[str]) -> None:
    """Text without a secret is not touched; short secrets would strike out half of any log."""
    assume(not any(s in text for s in secrets if len(s) >= 6))
    assert redact(text, map(Secret, secrets)) == text


def test_overlapping_secrets_are_struck_out_whole() -> None:
    """Of two secrets that overlap in the text nothing readable of the longer is left."""
    assert redact("x abcdefghij y", [Secret("abcdef"), Secret("abcdefghij")]) == "x •••• y"


def test_secrets_that_overlap_in_part_leave_no_fragment() -> None:
    """The end of one that begins within another is struck out with it, whichever is longer."""
    assert redact("x abcdefghij y", [Secret("abcdefg"), Secret("efghij")]) == "x •••• y"
    assert redact("x abababab y", [Secret("ababab")]) == "x •••• y"


@given(st.text("ab ", max_size=40), st.lists(st.text("ab", min_size=6, max_size=9), max_size=4))
def test_what_is_left_is_what_no_secret_covers(text: str, secrets: list[str]) -> None:
    """Character by character: covered by a secret anywhere, it is gone; not covered, it stays, in its order."""
    covered = [False] * len(text)
    for secret in secrets:
        for at in range(len(text)):
            if text.startswith(secret, at):
                covered[at : at + len(secret)] = [True] * len(secret)
    marked = "".join("\0" if hidden else c for c, hidden in zip(text, covered, strict=True))
    assert redact(text, map(Secret, secrets)) == re.sub("\0+", "••••", marked)


def test_parts_of_secrets_are_secrets() -> None:
    """The password of a URL as written and as meant, and each line of a key."""
    found = {s.reveal() for s in parts([Secret("pg://u:a%40b@h/d"), Secret("l1\nl2\n"), Secret("http://[bad")])}
    assert {"a%40b", "a@b", "l1", "l2"} <= found
    assert {s.reveal() for s in parts([Secret("amqp://:p:w@[::1]:5/x")])} == {"amqp://:p:w@[::1]:5/x", "p:w"}


@given(st.text(max_size=200))
def test_parts_of_anything_can_be_taken(text: str) -> None:
    """The secret itself is always among them."""
    assert Secret(text) in set(parts([Secret(text)]))
