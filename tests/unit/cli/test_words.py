"""Small words for people, and text that cannot repaint a terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.terminal.words import age, ago, duration, one_line, plain, since, size, until

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "now"),
        (0.9, "now"),
        (1, "1 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (90000, "1 d"),
        (1e9, "11574 d"),
    ],
)
def test_ages_have_one_whole_unit(seconds: float, said: str) -> None:
    """The largest that fits."""
    assert age(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.004, "0.00 s"),
        (0.5, "0.50 s"),
        (3.21, "3.2 s"),
        (45, "45 s"),
        (200, "3 min 20 s"),
        (180, "3 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_are_as_exact_as_they_are_short(seconds: float, said: str) -> None:
    """Hundredths below a second, minutes above an hour."""
    assert duration(seconds) == said


def test_moments_are_relative() -> None:
    """From text of the API as from an instant."""
    assert since((NOW - timedelta(minutes=3)).isoformat(), NOW) == "3 min ago"
    assert since(NOW, NOW) == ago(0) == "just now"
    assert until("2026-11-23T12:00:00Z", NOW) == "in 3 h"
    assert until(NOW, NOW) == "now"
    assert size(12_345_678) == "12.3 MB"
    assert size(999) == "999 B"


@given(st.text())
def test_plain_text_has_no_control_characters(text: str) -> None:
    """Whatever comes in, nothing goes out that moves a cursor, sets a colour or turns the direction of writing."""
    said = plain(text)
    assert len(said) == len(text)
    assert not [c for c in said if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160]
    assert not set(said) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    assert "\n" not in one_line(text)


def test_an_escape_sequence_is_shown_and_not_obeyed() -> None:
    """A commit's message may say anything."""
    assert plain("\x1b[2Jgone\x07") == "·[2Jgone·"
