"""Lengths of time and shares as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.config.durations import LONGEST, format_duration, format_share, parse_duration, parse_share


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("5m", 300), ("2h", 7200), ("7d", 604_800), ("0s", 0), ("1.5h", 5400)],
)
def test_units(text: str, seconds: float) -> None:
    """Each unit is what it says."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "value", [30, 1.5, True, None, [], {}, "30", "-5s", "5 m", "5m ", "1h30m", "m", "", "٣s", "5s\n"]
)
def test_what_is_no_length_of_time(value: object) -> None:
    """A number without its unit, and anything else, is refused with what it should be."""
    with pytest.raises(ValueError, match="a length of time"):
        parse_duration(value)


def test_longest() -> None:
    """Past ten years a length of time is a mistake."""
    with pytest.raises(ValueError, match="3650d"):
        parse_duration("999999999d")


@given(st.integers(0, int(LONGEST * 1000)))
def test_formatting_is_read_back(milliseconds: int) -> None:
    """What is written is read back as the same number of milliseconds."""
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds


@pytest.mark.parametrize(("value", "share"), [("5%", 0.05), (0.05, 0.05), ("100%", 1), (0, 0), ("0.5%", 0.005)])
def test_shares(value: object, share: float) -> None:
    """Per cent with their sign, or a number below one."""
    assert parse_share(value) == share


@pytest.mark.parametrize("value", [1, 5, 50.0, "5", "101%", "-1%", -0.1, True, None, "5 %", float("nan"), float("inf")])
def test_ambiguous_shares(value: object) -> None:
    """`1` could be 1% or 100%: it is refused, like all that is no share."""
    with pytest.raises(ValueError, match="a share"):
        parse_share(value)


@given(st.integers(0, 10_000))
def test_shares_are_read_back(basis_points: int) -> None:
    """What is written is read back."""
    assert round(parse_share(format_share(basis_points / 10_000)) * 10_000) == basis_points
