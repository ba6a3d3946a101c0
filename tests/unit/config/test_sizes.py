"""Sizes in the configuration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.config.sizes import UNITS, format_size, parse_size


@given(st.integers(1, 9999), st.sampled_from(sorted(UNITS)))
def test_what_is_written_is_read_back(number: int, unit: str) -> None:
    """Every size survives being written, read, shown, and read again."""
    size = number * UNITS[unit]
    assert parse_size(f"{number}{unit}") == size
    shown = format_size(size)
    assert len(shown) > 6 or parse_size(shown) == size


@pytest.mark.parametrize(
    "value", ["", "4", 4, 4.0, "GB", "4 GB", "4gb", "-4GB", "4GBx", None, True, "99999GB", "0MB", "007MB", "2TB"]
)
def test_anything_else_is_refused(value: object) -> None:
    """With what was expected in its place."""
    with pytest.raises(ValueError, match="such as 500MB or 4GB"):
        parse_size(value)
